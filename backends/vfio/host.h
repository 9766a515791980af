/* SPDX-License-Identifier: MIT */
/*
 * What is read of the host (host.c): settings, nodes' names, module parameters, limits, the IOMMU.
 * Changes nothing, keeps no state, needs no lock. Knows no open device.
 */
#ifndef RAWPCI_VFIO_HOST_H
#define RAWPCI_VFIO_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/backend.h>

#define RAWPCI_VFIO_PATH 512
#define RAWPCI_VFIO_CDEV 32
#define RAWPCI_VFIO_TYPE1 "vfio_iommu_type1" /* the module that maps memory for containers */

/* Settings. */
const char *rawpci_vfio_sysfs(struct rawpci *ctx);
const char *rawpci_vfio_iommu(struct rawpci *ctx);
bool rawpci_vfio_noiommu_wanted(struct rawpci *ctx);

/* The ways into a device that the settings allow. */
enum rawpci_vfio_way {
	RAWPCI_VFIO_BY_CDEV = 1,
	RAWPCI_VFIO_BY_GROUP = 2,
	RAWPCI_VFIO_BY_NOIOMMU = 4,
};
unsigned rawpci_vfio_ways(struct rawpci *ctx);

/* "<vfio.dir>/<name>"; a name that does not fit gives a path that does not exist. */
void rawpci_vfio_node(struct rawpci *ctx, const char *name, char path[RAWPCI_VFIO_PATH]);

/* The node of an IOMMU group; unsafe: without an IOMMU. */
void rawpci_vfio_group_node(struct rawpci *ctx, unsigned group, bool unsafe,
			    char path[RAWPCI_VFIO_PATH]);

/* The name of a device's cdev, "vfioN": N is not the group's number. The name is there also where
 * the kernel has no cdevs. Returns 0, or -ENOENT or what kept it from being looked for. */
int rawpci_vfio_cdev_name(struct rawpci *ctx, const struct rawpci_address *address,
			  char name[RAWPCI_VFIO_CDEV]);
/* The node of that name. */
void rawpci_vfio_cdev_node(struct rawpci *ctx, const char *name, char path[RAWPCI_VFIO_PATH]);

/* A parameter of a kernel module; "" if it cannot be read. */
void rawpci_vfio_parameter(struct rawpci *ctx, const char *module, const char *name, char *text,
			   size_t size);

/* Does an IOMMU run on this host? */
bool rawpci_vfio_has_iommu(struct rawpci *ctx);

/* What to do where none runs. *intel_on: that takes the parameter intel_iommu=on. */
const char *rawpci_vfio_no_iommu_remedy(struct rawpci *ctx, bool *intel_on);

/* The same from /proc/cpuinfo and from the tables that the firmware has. */
const char *rawpci_vfio_iommu_remedy(const char *cpuinfo, bool dmar, bool ivrs, bool *intel_on);

/* Does the firmware want memory of a group to stay identity-mapped (a region of type direct)? */
bool rawpci_vfio_has_direct_region(struct rawpci *ctx, unsigned group);

/* Does the host remap interrupts? path: /proc/interrupts. 1, 0, or a negative errno value where the
 * file does not tell. */
int rawpci_vfio_remaps(const char *path);

/* How many bytes this process may lock, and how many it has locked; false: there is no limit. */
bool rawpci_vfio_lock_limit(uint64_t *allowed, uint64_t *used);

/* The number behind a field's name in the text of /proc/self/status. */
int rawpci_vfio_status_field(const char *status, const char *field, int base, uint64_t *value);

/*
 * Waiting for the kernel and udev (wait.c)
 */

#define RAWPCI_VFIO_NODE_WAIT_MS 2000

/* The kernel makes a node after the driver was bound, and udev sets its permissions after that.
 * Waits until one of the two nodes can be used, at most limit_ms. second may be NULL. */
void rawpci_vfio_wait_for_node(const char *path, const char *second, unsigned limit_ms);

/* The kernel resets a device when it is opened. For that it tries to lock the device and all
 * devices that the reset would disturb. EAGAIN: one of them is locked at the moment. */
int rawpci_vfio_ioctl_patiently(int fd, unsigned long request, void *argument);

#endif
