/* SPDX-License-Identifier: MIT */
/*
 * Config space as the device's user sees it: copies, protections, the bits that may be written, and
 * sleep. Calls what files.h, command.h, kept.h and vpd.h offer. The order of its own files, the
 * lowest first: sleep.c, writable.c, config.c, write.c.
 *
 * Owns: the list of capabilities, config space as it was at open, and the copies. Lock:
 * config.lock, the outermost one. It also covers writes that depend on what was read before.
 */
#ifndef RAWPCI_SYSDEV_CONFIG_H
#define RAWPCI_SYSDEV_CONFIG_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "pci/pci.h"

struct rawpci_sysdev;

#define RAWPCI_SYSDEV_DWORDS 64 /* of config space without its extension */

/* A capability of the first 256 bytes. */
struct rawpci_sysdev_cap {
	uint8_t id, at;
	uint8_t length; /* bytes that certainly belong to no other capability */
};

struct rawpci_sysdev_config {
	/* These do not change. */
	uint32_t size;         /* bytes: 256 or 4096 */
	uint32_t ids;          /* of a virtual function: vendor, and device in the upper half */
	uint8_t pm, msi, msix; /* where capabilities are; 0: there is none */
	struct rawpci_resets resets;
	struct rawpci_sysdev_cap caps[RAWPCI_CAPS_MOST];
	unsigned cap_count;
	uint32_t before[RAWPCI_SYSDEV_DWORDS]; /* config space at open */

	pthread_mutex_t lock; /* the following, and everything that config.h requires it for */
	uint32_t bar[6], bar_mask[6]; /* the copies, and which bits can be written */
	uint32_t rom, rom_mask;
	uint8_t line;    /* copy of Interrupt Line */
	bool told;       /* the log says that a write was not let through */
	bool told_awake; /* the log says that the device was kept awake */
};

/* sleep.c: a write to the power management registers. Requires the lock. */
int rawpci_sysdev_write_pm(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t value);

/* writable.c: the bits of config space that may be written. Beside them only copies and resets. */

/* Finds the capabilities, and notes config space as it is now. */
int rawpci_sysdev_writable_init(struct rawpci_sysdev *device);

/* Writes the listed bits. Returns 1 if there were some, 0 if there were none. Requires the lock. */
int rawpci_sysdev_write_listed(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			       uint32_t value);

/* Wakes the device, and restores the listed bits and the bodies of vendor-specific capabilities.
 * Requires the lock. */
int rawpci_sysdev_put_listed(struct rawpci_sysdev *device);

/* config.c */
int rawpci_sysdev_config_init(struct rawpci_sysdev *device);

/* The copy of a dword of the header, and which bits of it can be written. NULL: it has none. */
uint32_t *rawpci_sysdev_copy_at(struct rawpci_sysdev *device, uint32_t dword, uint32_t *mask);

/* Operations of a backend. The second one is in write.c. */
int rawpci_sysdev_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value);
int rawpci_sysdev_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);

#endif
