/* SPDX-License-Identifier: MIT */
/*
 * A device through the files that sysfs has for it (Linux Documentation/PCI/sysfs-pci.rst): config
 * space, regions, reset. Made to be put into a backend's table: the device that a backend hands out
 * begins with a struct rawpci_sysdev. Used by sysfs itself and by uio, which adds an interrupt.
 *
 * Nothing stands between these files and the device, so what VFIO keeps from a device's user is
 * kept here:
 *   BARs and ROM base   a copy, which sizes as the real one does; the real one never moves
 *   Interrupt Disable   a copy: a line without a handler must not be asserted, because the kernel
 *                       would turn it off, for others that share it too
 *   Interrupt Line      a copy: host software reads it
 *   vital product data  is read by the kernel and never written (vpd.c)
 *   function resets     are made by the kernel, which restores config space after them
 *   everything else     reads as it is, and cannot be written but for the bits that writable.c lists
 * At the end the listed bits are put back as they were, and so are the bodies of vendor-specific
 * capabilities, the device awake. No capability is hidden.
 *
 * A device may forget config space when it wakes from D3hot, unless it says No_Soft_Reset. What the
 * kernel would restore then is restored here (kept.c). Where that cannot be done, the device does
 * not go to sleep: its power state cannot be written to D3hot, and reads as it is. That is so with
 * several virtual channels, virtual functions that are enabled, IDE and CXL.
 *
 * Locks, where one is taken inside another in this order: lock, command_lock. Those of vital product
 * data and the ROM are taken alone or inside lock. No call to the kernel that may take long is made
 * with command_lock: unmasking INTx takes it alone, in a thread that serves other devices, too.
 */
#ifndef RAWPCI_SYSDEV_SYSDEV_H
#define RAWPCI_SYSDEV_SYSDEV_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/backend.h>

#include "pci/pci.h"

#define RAWPCI_SYSDEV_DWORDS 64 /* of config space without its extension */

struct rawpci_slow;

struct rawpci_sysdev_region {
	struct rawpci_region_info info;
	int fd;              /* "resourceN", "rom"; -1: there is none */
	_Atomic(void *) at;  /* where the region is mapped for trapped accesses; NULL: not yet */
};

/* A capability of the first 256 bytes. */
struct rawpci_sysdev_cap {
	uint8_t id, at;
	uint8_t length; /* bytes that are its own for certain: none of another one's */
};

/* A register that is restored after a sleep. */
struct rawpci_sysdev_kept {
	uint16_t at;
	uint8_t width;
	bool resizes; /* a BAR, where the device does not decode */
	uint32_t mask, live, value;
};

#define RAWPCI_SYSDEV_KEPT 96

struct rawpci_sysdev {
	struct rawpci *ctx;
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	const char *driver; /* that it is bound to while it is open; "": none */
	int config;
	uint32_t config_size;
	bool vf;
	uint32_t ids; /* of a VF: vendor, and device in the upper half */
	bool enabled; /* by us, through the file "enable" */
	struct rawpci_sysdev_region regions[RAWPCI_REGIONS];

	/* Where capabilities are; 0: there is none. The length of Express is in bytes. */
	uint8_t pm, msi, msix, express;
	struct rawpci_resets resets;
	uint8_t express_length;
	uint8_t vpd;
	struct rawpci_sysdev_cap caps[RAWPCI_CAPS_MOST];
	unsigned cap_count;
	uint32_t before[RAWPCI_SYSDEV_DWORDS]; /* config space at open */
	bool forgets;   /* what is not in kept, when it wakes */
	uint32_t sriov; /* where that capability is; 0: there is none */

	pthread_mutex_t lock; /* the following, and writes that depend on what was read before */
	uint32_t bar[6], bar_mask[6]; /* the copies, and which bits can be written */
	uint32_t rom, rom_mask;
	uint8_t line;          /* copy of Interrupt Line */
	bool told;             /* that a write was not let through */
	bool told_idle;        /* that the kernel may suspend the device */
	bool told_awake;       /* that the device was not let to sleep */
	struct rawpci_sysdev_kept kept[RAWPCI_SYSDEV_KEPT]; /* in the order of restoring */
	unsigned kept_count;

	pthread_mutex_t command_lock; /* the following, and writes to COMMAND */
	bool intx_masked;      /* copy of Interrupt Disable */
	bool intx_open;        /* the backend lets INTx through */
	bool master;           /* bus mastering as it was last written */
	bool waking;           /* the device is not to be touched before it is awake */
	bool intx_waits;       /* what INTx is to be is put into COMMAND then */

	pthread_mutex_t vpd_lock; /* the following */
	uint16_t vpd_address;  /* copies of the registers of vital product data */
	uint32_t vpd_data;
	bool vpd_asked;        /* for what is at vpd_address */
	bool vpd_reading;      /* a thread is at it */

	pthread_mutex_t rom_lock; /* one at a time lets the ROM be read */

	uint32_t command;      /* as it was before open */

	/* The kernel is still at it: a reset, or anything that holds up config space. */
	struct rawpci_slow *late;
};

/*
 * late.c: the files that wait for the device's lock, which a driver that does not let go of it has
 * (Linux drivers/pci/pci-sysfs.c, enable_store(); drivers/pci/pci.c, pci_dev_lock()).
 */

/* Writes one. -ETIMEDOUT: that is still under way, and the device's lock is kept until it ends. */
int rawpci_sysdev_write_file(struct rawpci_sysdev *device, const char *file, const char *text);
int rawpci_sysdev_reset(void *device);
int rawpci_sysdev_ready(void *device);
/* For close: leaves what is under way to itself. True: there is such, and the device is not to be
 * touched. */
bool rawpci_sysdev_leave(struct rawpci_sysdev *device);

/*
 * device.c
 */

/* Is the device there, of a kind that can be given away, and may this process write to it? An error
 * has its reason in words. */
int rawpci_sysdev_probe(struct rawpci *ctx, const struct rawpci_address *address);

/* Opens the files, enables the device (driver "": through the file "enable", which the kernel
 * refuses while a driver is bound) and masks its INTx. driver is kept. */
int rawpci_sysdev_init(struct rawpci_sysdev *device, struct rawpci *ctx,
		       const struct rawpci_address *address, const char *driver);

/* The locks, before everything else. */
int rawpci_sysdev_locks_init(struct rawpci_sysdev *device);
void rawpci_sysdev_locks_finish(struct rawpci_sysdev *device);

/* Leaves the device as it was before init, with bus mastering off. */
void rawpci_sysdev_finish(struct rawpci_sysdev *device);

/* Is it removed, or has another driver taken it, whose it is now? */
bool rawpci_sysdev_is_lost(const struct rawpci_sysdev *device);

int rawpci_sysdev_info(void *device, struct rawpci_backend_info *info);

/* Says why something with one of the device's files failed. Returns what the operation is to. */
int rawpci_sysdev_fail(const struct rawpci_sysdev *device, const char *doing, const char *file,
		       int error);

/*
 * protection.c
 */
/* Can the device reach memory of the host once it masters the bus? Says why, and what would help. */
bool rawpci_sysdev_unprotected(struct rawpci *ctx, const struct rawpci_address *address,
			       struct rawpci_finding *finding);
/* For a backend whose instance is its context. */
int rawpci_sysdev_explain(void *instance, const struct rawpci_address *address, uint64_t memory,
			  struct rawpci_findings *to);

/*
 * config.c
 */
int rawpci_sysdev_config_init(struct rawpci_sysdev *device);
/* Past the copies and protections. */
int rawpci_sysdev_raw_read(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t *value);
int rawpci_sysdev_raw_write(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			    uint32_t value);
int rawpci_sysdev_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value);

/* The copy of a dword of the header and which bits of it can be written; NULL: it has none. */
uint32_t *rawpci_sysdev_copy_at(struct rawpci_sysdev *device, uint32_t dword, uint32_t *mask);

/* Writes COMMAND, with Interrupt Disable set where nothing may come through. Requires
 * command_lock. */
int rawpci_sysdev_put_command(struct rawpci_sysdev *device, uint32_t command);

/* idle.c: writes COMMAND to a device that no driver keeps awake, so that the kernel does not write an
 * older one back. Requires the lock. */
int rawpci_sysdev_put_awake(struct rawpci_sysdev *device, uint32_t command);

/* Lets INTx through (as far as the device's user does) or not, and turns bus mastering on again
 * where it was last written so and another program turned it off. */
int rawpci_sysdev_intx(struct rawpci_sysdev *device, bool open);
/* The same for what it was last. Requires command_lock. */
int rawpci_sysdev_put_intx(struct rawpci_sysdev *device);

/* write.c */
int rawpci_sysdev_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);

/*
 * writable.c: what of config space may be written. Beside that only copies and resets.
 */
#define RAWPCI_SYSDEV_COMMAND 0x01ff /* bits of COMMAND, beside Interrupt Disable's copy */

/* Finds the capabilities, and keeps config space as it is now. */
int rawpci_sysdev_writable_init(struct rawpci_sysdev *device);
/* Writes the listed bits. 1: there were some, 0: there were none. Requires the lock. */
int rawpci_sysdev_write_listed(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			       uint32_t value);
/* Wakes the device and puts back the listed bits, and vendor-specific bodies. Requires the lock. */
int rawpci_sysdev_put_listed(struct rawpci_sysdev *device);

/* vpd.c: vital product data. Reading may take as long as the kernel waits for the device. It is the
 * reader that waits, with no lock; others see meanwhile that the data are not there. */
void rawpci_sysdev_vpd_write(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			     uint32_t value);
/* What was read at offset, with the copies put in. */
uint32_t rawpci_sysdev_vpd_read(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
				uint32_t value);

/* kept.c */
int rawpci_sysdev_kept_init(struct rawpci_sysdev *device);
/* Before it sleeps: the bits that may have changed since open. */
int rawpci_sysdev_kept_save(struct rawpci_sysdev *device);
/* All but COMMAND. */
int rawpci_sysdev_kept_restore(const struct rawpci_sysdev *device);
/* Can all be restored that the device forgets? */
bool rawpci_sysdev_kept_whole(const struct rawpci_sysdev *device);

/* sleep.c: a write to the power management registers. Requires the lock. */
int rawpci_sysdev_write_pm(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t value);

/*
 * region.c
 */
int rawpci_sysdev_regions_init(struct rawpci_sysdev *device);
void rawpci_sysdev_regions_finish(struct rawpci_sysdev *device);
int rawpci_sysdev_region_info(void *device, unsigned region, struct rawpci_region_info *info);
int rawpci_sysdev_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			     void *where);
int rawpci_sysdev_region_map_wc(void *device, unsigned region, uint64_t offset, uint64_t size,
				void *where);
/* The whole region where trapped accesses find it. */
int rawpci_sysdev_region_at(struct rawpci_sysdev *device, unsigned region, void **at);

/*
 * access.c
 */
int rawpci_sysdev_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			      uint64_t *value);
int rawpci_sysdev_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			       uint64_t value);

#endif
