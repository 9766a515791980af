/* SPDX-License-Identifier: MIT */
/*
 * What may be touched now, and what decides about it: COMMAND, the power state, resets.
 */
#ifndef RAWPCI_DEVICE_REACH_H
#define RAWPCI_DEVICE_REACH_H

#include "core/core.h"

/* What accesses need; rawpci_device.access has those that hold. */
#define RAWPCI_ACCESS_PRESENT 1u /* not known to be gone */
#define RAWPCI_ACCESS_AWAKE 2u   /* not suspended */
#define RAWPCI_ACCESS_MEMORY 4u  /* decodes memory */
#define RAWPCI_ACCESS_IO 8u      /* decodes I/O */
#define RAWPCI_ACCESS_STEADY 16u /* no reset is under way that ran out of time */

#define RAWPCI_ACCESS_FOR_CONFIG                                                                  \
	(RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE | RAWPCI_ACCESS_STEADY)

/*
 * config.c. Callers are inside the life gate or own the device.
 */
int rawpci_config_peek(struct rawpci_device *dev, uint32_t offset, unsigned width,
		       uint32_t *value);
int rawpci_config_poke(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value);
/* What decides about accesses: COMMAND and the power management control register. Read it; and let
 * dev->access follow it. Both need config_lock. */
struct rawpci_decode {
	uint32_t command;
	uint32_t control; /* 0 without the capability: awake */
};
int rawpci_decode_read(struct rawpci_device *dev, struct rawpci_decode *out);
void rawpci_decode_apply(struct rawpci_device *dev, const struct rawpci_decode *decode);
/* No MMIO from now on; returns when none is under way, and none can go past the library. */
void rawpci_access_stop(struct rawpci_device *dev, unsigned bits);
/* Lets accesses through, and direct ones before them. The device answers already. */
void rawpci_access_start(struct rawpci_device *dev, unsigned bits);
/* Is the device still there? Marks and reports it if not. */
bool rawpci_device_gone(struct rawpci_device *dev);
/* -ESHUTDOWN with the reason, when bits are lacking. */
int rawpci_access_check(struct rawpci_device *dev, unsigned bits);

/*
 * command.c
 */
/* For open: COMMAND is to be what it is, without Bus Master. */
int rawpci_command_begin(struct rawpci_device *dev);
/* Sets and clears bits of what COMMAND is to be, writes it, and follows what that means for
 * accesses. may_master: Bus Master reaches the device, from now on. */
int rawpci_config_command(struct rawpci_device *dev, uint32_t clear, uint32_t set, bool may_master);
/* The steps of that; both need config_lock. Want only notes it; put writes it to the device. */
void rawpci_command_want(struct rawpci_device *dev, uint32_t command, bool may_master);
int rawpci_command_put(struct rawpci_device *dev);
/* Bus mastering off. Whether that reaches the device or not, its user's wish goes. */
int rawpci_command_stop(struct rawpci_device *dev);
/* Sees that a device that is off does not master the bus: turning that off may have failed. */
int rawpci_command_check_off(struct rawpci_device *dev);
/* Reads what decides about accesses, and applies it. A device that cannot be asked counts as
 * decoding nothing. Requires config_lock. */
void rawpci_decode_follow(struct rawpci_device *dev);

/*
 * reset.c. Those about resets that ran out of time do nothing where there is none.
 */
/* Resets; COMMAND is then as it is to be. forget: the device counts as untouched after it. Requires
 * dev->lock, and interrupts paused. */
int rawpci_reset_do(struct rawpci_device *dev, bool forget);
/* A reset has run out of time: no access until it has ended. Requires that accesses are stopped. */
void rawpci_reset_unended(struct rawpci_device *dev);
/* Has the kernel ended everything that was asked of it for the device? */
bool rawpci_reset_is_ready(struct rawpci_device *dev);
/* -ESHUTDOWN: that is so. */
int rawpci_fail_unsteady(struct rawpci_device *dev);
/* After a reset: arms interrupts that were running, at once or when the reset has ended. Requires
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

	return (atomic_load(&dev->access) & needed) == needed;
}

/* Whatever the state: bus mastering off, DMA detached. For close. */
void rawpci_power_cut(struct rawpci_device *dev);

#endif
