/* SPDX-License-Identifier: MIT */
/*
 * Registers that a device forgets when it wakes from D3hot, and their values. Calls only what
 * files.h offers.
 *
 * Owns: the list of these registers. Lock: the lock of config.h, which the caller holds.
 */
#ifndef RAWPCI_SYSDEV_KEPT_H
#define RAWPCI_SYSDEV_KEPT_H

#include <stdbool.h>
#include <stdint.h>

#include "pci/registers.h"

struct rawpci_sysdev;

#define RAWPCI_SYSDEV_KEPT 96

struct rawpci_sysdev_kept_register {
	struct rawpci_register is;
	uint32_t value;
};

struct rawpci_sysdev_kept {
	struct rawpci_sysdev_kept_register registers[RAWPCI_SYSDEV_KEPT]; /* in restoring order */
	unsigned count;
	bool forgets;   /* the device forgets what cannot be restored */
	uint32_t sriov; /* where that capability is; 0: there is none */
};

/* Notes the registers and their values at open. */
int rawpci_sysdev_kept_init(struct rawpci_sysdev *device);

/* Before the device sleeps: reads the bits that may have changed since open. */
int rawpci_sysdev_kept_save(struct rawpci_sysdev *device);

/* Restores all but COMMAND. */
int rawpci_sysdev_kept_restore(const struct rawpci_sysdev *device);

/* Can everything be restored that the device forgets? */
bool rawpci_sysdev_kept_whole(const struct rawpci_sysdev *device);

#endif
