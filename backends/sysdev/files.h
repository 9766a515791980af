/* SPDX-License-Identifier: MIT */
/*
 * The device's files in sysfs: where they are, config space as the kernel's file shows it, and
 * files on which the kernel may wait for a long time. Calls only what refusal.h offers.
 *
 * Owns: the descriptor of "config", and an access that the kernel has not finished (late). Lock:
 * none. The library serialises the calls that change late, or the caller holds the lock of
 * config.h.
 */
#ifndef RAWPCI_SYSDEV_FILES_H
#define RAWPCI_SYSDEV_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/backend.h>

#include "os/sysfs.h"

struct rawpci_slow;
struct rawpci_sysdev;

/* files.c */

/* The directory of sysfs (setting sysfs.dir). */
const char *rawpci_sysdev_root(struct rawpci *ctx);

/* Writes the path of a file of the device. Returns 0 or -ENAMETOOLONG. */
int rawpci_sysdev_path(const struct rawpci_sysdev *device, const char *file,
		       char path[RAWPCI_SYSFS_PATH]);

/* Fails an operation with what an attempt with one of the device's files met. Returns the error of
 * the operation. doing: "writing its config space". */
int rawpci_sysdev_fail(const struct rawpci_sysdev *device, const char *doing, const char *file,
		       int error);

/* Opens "config" for reading and writing. */
int rawpci_sysdev_config_open(struct rawpci_sysdev *device);

/* Access config space past all copies and protections. A device that has been removed reads as all
 * ones. */
int rawpci_sysdev_raw_read(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t *value);
int rawpci_sysdev_raw_write(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			    uint32_t value);

/* Has the device been removed, or has another driver taken it? */
bool rawpci_sysdev_is_lost(const struct rawpci_sysdev *device);

/*
 * late.c: files that wait for the device's lock in the kernel. A driver may hold that lock for ever
 * (Linux drivers/pci/pci-sysfs.c, enable_store(); drivers/pci/pci.c, pci_dev_lock()).
 */

/* Writes one file. -ETIMEDOUT: the write is still under way, and the locks of the device are kept
 * until it ends. */
int rawpci_sysdev_write_file(struct rawpci_sysdev *device, const char *file, const char *text);

/* Operations of a backend. */
int rawpci_sysdev_reset(void *device);
int rawpci_sysdev_ready(void *device);

/* For close: stops waiting for what is under way. Returns true if something is: the device must not
 * be touched then. */
bool rawpci_sysdev_leave(struct rawpci_sysdev *device);

#endif
