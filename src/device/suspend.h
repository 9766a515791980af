/* SPDX-License-Identifier: MIT */
/* Private to src/device: sleep. All need dev->lock. */
#ifndef RAWPCI_DEVICE_SUSPEND_H
#define RAWPCI_DEVICE_SUSPEND_H

#include "core/device.h"
#include "device/config.h"

/* Wakes a device that its user has put to sleep, and tells the state before. To be called before
 * bus mastering goes off. */
int rawpci_power_rouse(struct rawpci_device *dev, struct rawpci_decode *before);
/* After a step that failed: writes the wanted COMMAND, and puts the device back to sleep if it
 * slept before. */
void rawpci_power_restore(struct rawpci_device *dev, const struct rawpci_decode *before);
/* From on to suspended, and back. */
int rawpci_power_suspend(struct rawpci_device *dev);
int rawpci_power_resume(struct rawpci_device *dev);

#endif
