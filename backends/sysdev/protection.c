/* SPDX-License-Identifier: MIT */
/*
 * What keeps a device from the host's memory. sysfs and uio map nothing for it, so an IOMMU domain
 * in which the kernel translates protects the host. A group that is passed through is not
 * translated (Linux Documentation/ABI/testing/sysfs-kernel-iommu_groups).
 */
#include <string.h>

#include "os/sysfs.h"
#include "pci/pci.h"
#include "sysdev/obstacles.h"
#include "sysdev/refusal.h"

#define SAY RAWPCI_SYSDEV_SAY

static const char *const use_vfio = "use VFIO, or trust the programs that drive it";

struct look {
	const char *root;
	const struct rawpci_address *self;
	struct rawpci_finding *finding;
};

/* The kernel maps a driver's memory for the whole group. pcieport and pci-stub map none. */
static int look_at_member(void *opaque, const struct rawpci_address *address)
{
	static const char *const harmless[] = { "", "pcieport", "pci-stub" };
	const struct look *look = opaque;
	struct rawpci_finding *finding = look->finding;
	char name[RAWPCI_ADDRESS_TEXT], driver[RAWPCI_SYSFS_NAME];

	if (rawpci_address_compare(address, look->self) == 0 ||
	    rawpci_sysfs_driver(look->root, address, driver) < 0)
		return 0;
	for (unsigned i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (strcmp(driver, harmless[i]) == 0)
			return 0;
	finding->obstacle = RAWPCI_OBSTACLE_GROUP;
	finding->blocker = *address;
	SAY(finding->driver, "%s", driver);
	SAY(finding->cause,
	    "%s of its IOMMU group is bound to %s, so this device can reach the "
	    "memory of that driver",
	    rawpci_address_format(address, name), driver);
	SAY(finding->remedy, "unbind %s, or trust the programs that drive this device", name);
	return 1;
}

/* Older kernels have no file "type", and VFIO without an IOMMU makes groups of type "unknown". */
static void judge_type(struct rawpci_finding *finding, const char *type)
{
	if (strcmp(type, "identity") == 0) {
		SAY(finding->cause,
		    "its IOMMU group %u is passed through (type identity, as with "
		    "iommu=pt), so it can reach all host memory once it is powered on",
		    finding->group);
		SAY(finding->remedy,
		    "boot without iommu=pt, or write DMA to the type of the group "
		    "in /sys/kernel/iommu_groups/%u; or %s",
		    finding->group, use_vfio);
	} else if (strcmp(type, "unmanaged") == 0) {
		SAY(finding->cause,
		    "another program uses its IOMMU group %u (type unmanaged, as "
		    "with VFIO), so it can reach the memory of that program once it is powered on",
		    finding->group);
		SAY(finding->remedy, "close the other devices of the group first");
	} else {
		SAY(finding->cause,
		    "the kernel does not say whether an IOMMU protects the host's "
		    "memory from it (type of group %u: %s): if not, it can reach all host memory "
		    "once it is powered on",
		    finding->group, type[0] ? type : "not there");
		SAY(finding->remedy, "%s", use_vfio);
	}
}

bool rawpci_sysdev_find_unprotected(struct rawpci *ctx, const struct rawpci_address *address,
				    struct rawpci_finding *finding)
{
	const char *root = rawpci_backend_setting(ctx, "sysfs.dir");
	struct look look = { root, address, finding };
	char type[RAWPCI_SYSFS_NAME];

	memset(finding, 0, sizeof(*finding));
	finding->obstacle = RAWPCI_OBSTACLE_NO_IOMMU;
	if (rawpci_sysfs_group(root, address, &finding->group) < 0) {
		SAY(finding->cause, "no IOMMU protects the host's memory from it, so it can reach "
				    "all host memory once it is powered on");
		SAY(finding->remedy, "enable the IOMMU and use VFIO, or trust the programs that "
				     "drive it");
		return true;
	}
	rawpci_sysfs_group_type(root, finding->group, type);
	if (strcmp(type, "blocked") == 0)
		return false;
	if (strcmp(type, "DMA") == 0 || strcmp(type, "DMA-FQ") == 0)
		return rawpci_sysfs_group_each(root, finding->group, look_at_member, &look) == 1;
	judge_type(finding, type);
	return true;
}
