/* SPDX-License-Identifier: MIT */
/*
 * A device through the files that sysfs has for it (Linux Documentation/PCI/sysfs-pci.rst): config
 * space, regions, reset. sysfs and uio use it; it is no backend itself. A backend hands out a
 * device that begins with a struct rawpci_sysdev, and puts the operations of these headers into its
 * table.
 *
 * The headers, and so the files, in the order in which they may call each other, the lowest first:
 *   refusal.h    why the kernel refuses a file
 *   files.h      config space past everything, and files that the kernel may keep waiting
 *   obstacles.h  what keeps a backend from the device
 *   regions.h    BARs, ports and the ROM
 *   vpd.h        vital product data
 *   kept.h       what the device forgets when it sleeps
 *   command.h    COMMAND
 *   config.h     config space as the device's user sees it
 *   sysdev.h     the whole device (device.c)
 *
 * No kernel driver stands between these files and the device. VFIO's driver protects these things.
 * Without it this folder protects them:
 *   BARs and ROM base   a copy, which sizes as the real register does; the real one never moves
 *   Interrupt Disable   a copy: a line without a handler must not be asserted. The kernel would
 *                       turn that line off, also for other devices that share it
 *   Interrupt Line      a copy: host software reads it
 *   vital product data  the kernel reads them; nothing writes them (vpd.c)
 *   function resets     the kernel makes them, and restores config space afterwards
 *   everything else     reads as it is; only the bits that writable.c lists can be written
 * Closing wakes the device and restores the listed bits and the bodies of vendor-specific
 * capabilities. No capability is hidden.
 *
 * A device may forget config space when it wakes from D3hot, unless it says No_Soft_Reset. kept.c
 * then restores what the kernel would restore. If that is not possible, the device does not go to
 * sleep: a write of D3hot is dropped, and reads show the real power state. That concerns devices
 * with several virtual channels, virtual functions that are enabled, IDE or CXL.
 *
 * Locks, from the outermost to the innermost: config.lock; then command.lock, vpd.lock or rom_lock.
 * The last three are never held together.
 */
#ifndef RAWPCI_SYSDEV_SYSDEV_H
#define RAWPCI_SYSDEV_SYSDEV_H

#include <pthread.h>
#include <stdbool.h>

#include <rawpci/backend.h>

#include "sysdev/command.h"
#include "sysdev/config.h"
#include "sysdev/files.h"
#include "sysdev/kept.h"
#include "sysdev/regions.h"
#include "sysdev/vpd.h"

struct rawpci_sysdev {
	struct rawpci *ctx;
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	const char *driver; /* the driver that it is bound to while it is open; "": none */
	bool vf;
	bool enabled; /* by us, through the file "enable" */

	/* files.h */
	int fd;                   /* "config" */
	struct rawpci_slow *late; /* what the kernel has not finished; NULL: nothing */

	struct rawpci_sysdev_region regions[RAWPCI_REGIONS];
	pthread_mutex_t rom_lock;
	struct rawpci_sysdev_vpd vpd;
	struct rawpci_sysdev_kept kept;
	struct rawpci_sysdev_command command;
	struct rawpci_sysdev_config config;
};

/* device.c */

/* Opens the files, enables the device and masks its INTx. driver: stays the caller's; "": the
 * device is enabled through the file "enable", which the kernel refuses while a driver is bound. */
int rawpci_sysdev_init(struct rawpci_sysdev *device, struct rawpci *ctx,
		       const struct rawpci_address *address, const char *driver);

/* Leaves the device as it was before init, with bus mastering off. */
void rawpci_sysdev_finish(struct rawpci_sysdev *device);

/* An operation of a backend. */
int rawpci_sysdev_info(void *device, struct rawpci_backend_info *info);

#endif
