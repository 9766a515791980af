/* SPDX-License-Identifier: MIT */
/* What sysfs says about PCI devices (Linux Documentation/PCI/sysfs-pci.rst). root: "/sys". */
#ifndef RAWPCI_OS_SYSFS_H
#define RAWPCI_OS_SYSFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/explain.h>

#define RAWPCI_SYSFS_PATH 512
#define RAWPCI_SYSFS_NAME 64

/* Writes "<root>/bus/pci/devices/<address>[/<file>]". Returns 0 or -ENAMETOOLONG. */
int rawpci_sysfs_path(const char *root, const struct rawpci_address *address, const char *file,
		      char *path, size_t size);

/* Writes "<root>/class/<class>/<name><file>"; file: "" or with its slash. Returns 0 or
 * -ENAMETOOLONG. */
int rawpci_sysfs_class(const char *root, const char *class, const char *name, const char *file,
		       char path[RAWPCI_SYSFS_PATH]);

/* Is directory one of the directories in a link's target? 1; 0: it is not, or path is no link; or
 * what keeps the link from being read. */
int rawpci_sysfs_goes_through(const char *link, const char *directory);

/* Returns 0 if the host has the device and this process may look into its directory; -ENODEV: the
 * host has no such device; another error, such as -EACCES: that cannot be seen. */
int rawpci_sysfs_present(const char *root, const struct rawpci_address *address);

/* The obstacle that rawpci_sysfs_present() meets, as a finding (absent.c). False: the device is
 * there. */
bool rawpci_sysfs_find_absent(const char *root, const struct rawpci_address *address,
			      struct rawpci_finding *finding);

/* The name of the driver that is bound to the device; "" if none. */
int rawpci_sysfs_driver(const char *root, const struct rawpci_address *address,
			char name[RAWPCI_SYSFS_NAME]);

/* Returns 0 if the kernel has a PCI driver of that name; -ENODEV: it has none; -ENAMETOOLONG; or
 * what kept it from being looked for. */
int rawpci_sysfs_has_driver(const char *root, const char *driver);

/* Is it vfio-pci or one of its variants ("mlx5-vfio-pci")? */
bool rawpci_sysfs_is_vfio(const char *driver);

/* Does the driver give its devices to programs, and work with none itself? Its name decides. */
bool rawpci_sysfs_is_for_user(const char *driver);

/* The number of the device's IOMMU group; -ENOENT: the device has no group. */
int rawpci_sysfs_group(const char *root, const struct rawpci_address *address, unsigned *group);

/* How the kernel translates for a group: "DMA", "DMA-FQ", "identity", "blocked", ...; "" if the
 * kernel does not tell. */
void rawpci_sysfs_group_type(const char *root, unsigned group, char type[RAWPCI_SYSFS_NAME]);

/* Calls each() with the PCI devices of a group until it returns other than 0. Returns that value,
 * or 0. */
int rawpci_sysfs_group_each(const char *root, unsigned group,
			    int (*each)(void *opaque, const struct rawpci_address *address),
			    void *opaque);

/* A line of the device's resource file: first and last bus address and kernel flags, all 0 if the
 * device has no such resource. -ERANGE: the file has no such line; -EIO: the line is malformed. */
int rawpci_sysfs_resource(const char *root, const struct rawpci_address *address, unsigned index,
			  uint64_t *first, uint64_t *last, uint64_t *flags);

/* Calls each() with the host's PCI devices, in no order, until it returns other than 0. Returns
 * that value, or 0. */
int rawpci_sysfs_each(const char *root,
		      int (*each)(void *opaque, const struct rawpci_address *address),
		      void *opaque);

/* A file of the device as text; "" if it cannot be read. */
void rawpci_sysfs_text(const char *root, const struct rawpci_address *address, const char *file,
		       char *text, size_t size);

/* The number in a file of the device, decimal or with 0x; 0 if it cannot be read. */
uint64_t rawpci_sysfs_number(const char *root, const struct rawpci_address *address,
			     const char *file);

/* Is the device a virtual function of another one? */
bool rawpci_sysfs_is_vf(const char *root, const struct rawpci_address *address);

#endif
