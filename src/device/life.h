/* SPDX-License-Identifier: MIT */
/* Private to src/device: an open device with all rooms' parts, and how it gets its backend. */
#ifndef RAWPCI_DEVICE_LIFE_H
#define RAWPCI_DEVICE_LIFE_H

#include "core/device.h"
#include "device/config.h"
#include "device/maps.h"
#include "device/powering.h"
#include "handover/custody.h"
#include "irq/irq.h"

struct rawpci_whole {
	struct rawpci_device dev; /* its pointers are to the parts below */
	struct rawpci_custody custody;
	struct rawpci_irqs irqs;
	struct rawpci_config config;
	struct rawpci_maps maps;
	struct rawpci_powering powering;
};

/* attach.c: both need a device that no other thread can find. */
int rawpci_device_attach(struct rawpci_device *dev, const struct rawpci_registered *with,
			 struct rawpci_vm *vm, const struct rawpci_address *address,
			 unsigned flags);
void rawpci_device_detach(struct rawpci_device *dev);

#endif
