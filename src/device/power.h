/* SPDX-License-Identifier: MIT */
/*
 * Private to src/device: resets, sleep and power states. rawpci_powering is owned here, under
 * dev->lock.
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
 * reset.c
 */
/* Resets the device and writes the wanted COMMAND. forget: the device counts as untouched after it.
 * Needs dev->lock, and interrupts paused. */
int rawpci_reset_do(struct rawpci_device *dev, bool forget);
/* A reset has run out of time: no access until it has finished. Needs accesses stopped. */
void rawpci_reset_unended(struct rawpci_device *dev);
/* Has the kernel finished the resets and writes of this device? */
bool rawpci_reset_is_ready(struct rawpci_device *dev);
/* After a reset: enables interrupts again if they were running. If the reset has not finished,
 * rawpci_reset_wait() does that later. Needs dev->lock. Returns 0, or the error, which is
 * logged. */
int rawpci_reset_rearm(struct rawpci_device *dev, bool were_running);
/* Brings the device back if a reset that ran out of time has finished since. Needs the life gate,
 * no other gate, and no lock. */
void rawpci_reset_look(struct rawpci_device *dev);
/* The same with dev->lock; -ESHUTDOWN: the reset has not finished. */
int rawpci_reset_wait(struct rawpci_device *dev);

/*
 * suspend.c: all need dev->lock.
 */
/* Wakes a device that its user has put to sleep, and tells the state before. To be called before
 * bus mastering goes off. */
int rawpci_power_rouse(struct rawpci_device *dev, struct rawpci_decode *before);
/* After a step that failed: writes the wanted COMMAND, and puts the device back to sleep if it
 * slept before. */
void rawpci_power_restore(struct rawpci_device *dev, const struct rawpci_decode *before);
/* From on to suspended, and back. */
int rawpci_power_suspend(struct rawpci_device *dev);
int rawpci_power_resume(struct rawpci_device *dev);

/*
 * power.c: for close.
 */
/* First of all: finds out whether the device may be touched. */
void rawpci_power_look(struct rawpci_device *dev);
static inline bool rawpci_can_ask(const struct rawpci_device *dev)
{
	const unsigned needed = RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_STEADY;

	return (atomic_load(&dev->reach.access) & needed) == needed;
}

/* In every power state: bus mastering off, DMA detached. */
void rawpci_power_cut(struct rawpci_device *dev);

#endif
