/* SPDX-License-Identifier: MIT */
/*
 * Power states and resets (power.c, suspend.c, reset.c). Owns rawpci_powering, under dev->lock.
 */
#ifndef RAWPCI_DEVICE_POWER_H
#define RAWPCI_DEVICE_POWER_H

#include "core/device.h"
#include "device/config.h"

enum rawpci_power_now {
	RAWPCI_NOW_OFF,
	RAWPCI_NOW_ON,
	RAWPCI_NOW_SUSPENDED,
};

#define RAWPCI_HEADER_DWORDS 16

struct rawpci_powering {
	enum rawpci_power_now now;
	bool rearm; /* interrupts are paused for a reset that ran out of time */
	uint32_t saved_header[RAWPCI_HEADER_DWORDS];
	uint32_t saved_control; /* of the power management capability */
};

/*
 * reset.c. Those about resets that ran out of time do nothing where no reset did.
 */
/* Resets; COMMAND is then as it is to be. forget: the device counts as untouched after it. Needs
 * dev->lock, and interrupts paused. */
int rawpci_reset_do(struct rawpci_device *dev, bool forget);
/* A reset has run out of time: no access until it has ended. Needs accesses stopped. */
void rawpci_reset_unended(struct rawpci_device *dev);
/* Has the kernel ended everything that was asked of it for the device? */
bool rawpci_reset_is_ready(struct rawpci_device *dev);
/* After a reset: arms interrupts that were running, at once or when the reset has ended. Needs
 * dev->lock. Returns 0 or why they could not be armed, which is logged. */
int rawpci_reset_rearm(struct rawpci_device *dev, bool were_running);
/* Brings the device back if the reset has ended. Inside the life gate; no other, and no lock. */
void rawpci_reset_look(struct rawpci_device *dev);
/* The same with dev->lock; -ESHUTDOWN: it has not ended. */
int rawpci_reset_wait(struct rawpci_device *dev);

/*
 * suspend.c. All need dev->lock.
 */
/* Wakes a device that its user has put to sleep, and says what was before. To be called before bus
 * mastering goes off. */
int rawpci_power_rouse(struct rawpci_device *dev, struct rawpci_decode *before);
/* After a step that failed: COMMAND as it is to be, and asleep if it was. */
void rawpci_power_restore(struct rawpci_device *dev, const struct rawpci_decode *before);
/* From on, and back. */
int rawpci_power_suspend(struct rawpci_device *dev);
int rawpci_power_resume(struct rawpci_device *dev);

/*
 * power.c
 */
/* For close, before anything else: may the device be touched? */
void rawpci_power_look(struct rawpci_device *dev);
static inline bool rawpci_can_ask(const struct rawpci_device *dev)
{
	const unsigned needed = RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_STEADY;

	return (atomic_load(&dev->reach.access) & needed) == needed;
}

/* Whatever the state: bus mastering off, DMA detached. For close. */
void rawpci_power_cut(struct rawpci_device *dev);

#endif
