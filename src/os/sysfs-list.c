/* SPDX-License-Identifier: MIT */
/* Lists of PCI devices: the host's, and an IOMMU group's. */
#include "os/sysfs.h"

#include <errno.h>
#include <stdio.h>

#include "os/sys.h"

struct walk {
	int (*each)(void *opaque, const struct rawpci_address *address);
	void *opaque;
};

/* A group may also hold devices that are not PCI: their names are not addresses. */
static int visit(void *opaque, const char *name)
{
	const struct walk *walk = opaque;
	struct rawpci_address address;

	if (rawpci_address_parse(name, &address) < 0)
		return 0;
	return walk->each(walk->opaque, &address);
}

int rawpci_sysfs_each(const char *root,
		      int (*each)(void *opaque, const struct rawpci_address *address), void *opaque)
{
	struct walk walk = { .each = each, .opaque = opaque };
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices", root);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return rawpci_sys_list(path, visit, &walk);
}

int rawpci_sysfs_group_each(const char *root, unsigned group,
			    int (*each)(void *opaque, const struct rawpci_address *address),
			    void *opaque)
{
	struct walk walk = { .each = each, .opaque = opaque };
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/devices", root, group);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return rawpci_sys_list(path, visit, &walk);
}
