/* SPDX-License-Identifier: MIT */
/* Whether a device may be accessed now, and the plain way to its config space. */
#ifndef RAWPCI_CORE_REACH_H
#define RAWPCI_CORE_REACH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rawpci_device;

/* What accesses need; rawpci_reach.access has the bits that hold now. */
#define RAWPCI_ACCESS_PRESENT 1u /* not known to be gone */
#define RAWPCI_ACCESS_AWAKE 2u   /* not suspended */
#define RAWPCI_ACCESS_MEMORY 4u  /* decodes memory */
#define RAWPCI_ACCESS_IO 8u      /* decodes I/O */
#define RAWPCI_ACCESS_STEADY 16u /* no reset that ran out of time is still under way */

#define RAWPCI_ACCESS_FOR_CONFIG                                                                   \
	(RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE | RAWPCI_ACCESS_STEADY)

#define RAWPCI_SHOW_REAL UINT32_MAX

struct rawpci_reach {
	atomic_uint access;
	atomic_bool asleep;       /* its user has put it below D0 */
	atomic_uint shown_master; /* the Bus Master bit that reads show, or RAWPCI_SHOW_REAL */
	uint8_t pm_cap;           /* offset of the power management capability; 0: none */

	/* Takes direct accesses away from a device that is gone. Set by the device room. */
	void (*lost)(struct rawpci_device *dev);
};

/* Config space as the backend has it. Needs the life gate, or a device that no thread can find. */
int rawpci_config_peek(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t *value);
int rawpci_config_poke(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value);

/* Asks the device whether it is gone. If so, notes that and logs it. */
bool rawpci_device_gone(struct rawpci_device *dev);

/* The host has taken the device away, whether it still answers or not. Notes and logs that, and takes
 * direct accesses away. Needs no gate. */
void rawpci_device_lose(struct rawpci_device *dev);

/*
 * The host can remove a device from sysfs while it is open. Its mappings then still work, and so may
 * its copied registers. So calls other than a plain MMIO access ask first, if no kernel driver takes
 * the accesses (a backend that is bare). -ESHUTDOWN: the device is gone.
 */
int rawpci_access_notice(struct rawpci_device *dev);

/* After an access that has failed with r: -ESHUTDOWN if the device is gone, else r, whose sentence
 * stays. */
int rawpci_access_failed(struct rawpci_device *dev, int r);

/* May config space be accessed: is the device there, and is no reset under way? */
static inline bool rawpci_can_ask(const struct rawpci_reach *reach)
{
	const unsigned needed = RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_STEADY;

	return (atomic_load(&reach->access) & needed) == needed;
}

/* -ESHUTDOWN, with the reason: a bit is lacking. */
int rawpci_access_check(struct rawpci_device *dev, unsigned bits);

#endif
