/* SPDX-License-Identifier: MIT */
/* Private to src/device: power states at close. */
#ifndef RAWPCI_DEVICE_POWER_H
#define RAWPCI_DEVICE_POWER_H

#include "core/device.h"

/* First of all: finds out whether the device may be touched. */
void rawpci_power_look(struct rawpci_device *dev);

/* In every power state: bus mastering off, DMA detached. */
void rawpci_power_cut(struct rawpci_device *dev);

#endif
