/* SPDX-License-Identifier: MIT */
/* Private to src/device: resets, and those that ran out of time. */
#ifndef RAWPCI_DEVICE_RESET_H
#define RAWPCI_DEVICE_RESET_H

#include "core/device.h"

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

#endif
