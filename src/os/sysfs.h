/* SPDX-License-Identifier: MIT */
/* What sysfs says about PCI devices (Linux Documentation/PCI/sysfs-pci.rst). root: "/sys". */
#ifndef RAWPCI_OS_SYSFS_H
#define RAWPCI_OS_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>

#define RAWPCI_SYSFS_PATH 512
#define RAWPCI_SYSFS_NAME 64

/* Writes "<root>/bus/pci/devices/<address>[/<file>]". Returns 0 or -ENAMETOOLONG. */
int rawpci_sysfs_path(const char *root, const struct rawpci_address *address, const char *file,
		      char *path, size_t size);

/* Writes "<root>/class/<class>/<name><file>"; file: "" or with its slash. Returns 0 or
 * -ENAMETOOLONG. */
int rawpci_sysfs_class(const char *root, const char *class, const char *name, const char *file,
		       char path[RAWPCI_SYSFS_PATH]);

/* Is directory one of the directories in what a link points to? */
bool rawpci_sysfs_goes_through(const char *link, const char *directory);

/* 0 if the device is there, else -ENODEV. */
int rawpci_sysfs_present(const char *root, const struct rawpci_address *address);

/* The driver bound to the device; "" if none. */
int rawpci_sysfs_driver(const char *root, const struct rawpci_address *address,
			char name[RAWPCI_SYSFS_NAME]);

/* 0 if the kernel has a PCI driver of that name, else -ENODEV; -ENAMETOOLONG. */
int rawpci_sysfs_has_driver(const char *root, const char *driver);

/* The number of the device's IOMMU group; -ENOENT: it has none. */
int rawpci_sysfs_group(const char *root, const struct rawpci_address *address, unsigned *group);

/* How the kernel translates for a group: "DMA", "DMA-FQ", "identity", "blocked", ...; "": it does not
 * tell. */
void rawpci_sysfs_group_type(const char *root, unsigned group, char type[RAWPCI_SYSFS_NAME]);

/* Calls each() with the PCI devices of a group until it returns other than 0; returns that, or
 * 0. */
int rawpci_sysfs_group_each(const char *root, unsigned group,
			    int (*each)(void *opaque, const struct rawpci_address *address),
			    void *opaque);

/* A line of the device's resource file: first and last bus address and kernel flags, all 0 when
 * absent. -ERANGE: the file has no such line; -EIO: it is not one. */
int rawpci_sysfs_resource(const char *root, const struct rawpci_address *address, unsigned index,
			  uint64_t *first, uint64_t *last, uint64_t *flags);

/* Calls each() with the host's PCI devices, in no order, until it returns other than 0; returns
 * that, or 0. */
int rawpci_sysfs_each(const char *root,
		      int (*each)(void *opaque, const struct rawpci_address *address),
		      void *opaque);

/* A file of the device's as text, "" if it cannot be read. */
void rawpci_sysfs_text(const char *root, const struct rawpci_address *address, const char *file,
		       char *text, size_t size);

/* A file of the device's that holds a number, decimal or with 0x; 0 if it cannot be read. */
uint64_t rawpci_sysfs_number(const char *root, const struct rawpci_address *address,
			     const char *file);

/* Is it a virtual function of another device? */
bool rawpci_sysfs_is_vf(const char *root, const struct rawpci_address *address);

#endif
