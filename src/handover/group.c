/* SPDX-License-Identifier: MIT */
/*
 * The devices of one IOMMU group. While a program uses one of them, the kernel binds no host driver
 * to the others, except a few drivers that see to DMA themselves (Linux drivers/iommu/iommu.c,
 * iommu_device_use_default_domain()). A device that is closed earlier than another cannot be
 * returned; the program that closes the last one returns them all.
 */
#include <errno.h>
#include <unistd.h>

#include "core/context.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

struct group {
	struct rawpci *ctx;
	const struct rawpci_address *address;
	char *name; /* receives that of the device that is found */
};

int rawpci_group_each(struct rawpci *ctx, const struct rawpci_address *address,
		      int (*each)(void *opaque, const struct rawpci_address *address), void *opaque)
{
	unsigned number;
	int r = rawpci_sysfs_group(ctx->sysfs_dir, address, &number);

	return r < 0 ? r : rawpci_sysfs_group_each(ctx->sysfs_dir, number, each, opaque);
}

/* A device of a VFIO driver has such a directory, even where the kernel has no cdev. */
static int find_vfio(void *opaque, const struct rawpci_address *address)
{
	const struct group *group = opaque;
	char path[RAWPCI_SYSFS_PATH];

	if (rawpci_address_compare(address, group->address) == 0 ||
	    rawpci_sysfs_path(group->ctx->sysfs_dir, address, "vfio-dev", path, sizeof(path)) < 0 ||
	    rawpci_sys_access(path, F_OK) < 0)
		return 0;
	(void)rawpci_address_format(address, group->name);
	return 1;
}

bool rawpci_group_neighbour(struct rawpci *ctx, const struct rawpci_address *address,
			    char name[RAWPCI_ADDRESS_TEXT])
{
	struct group group = { .ctx = ctx, .address = address, .name = name };

	return rawpci_group_each(ctx, address, find_vfio, &group) == 1;
}

static int find_owned(void *opaque, const struct rawpci_address *address)
{
	const struct group *group = opaque;
	struct rawpci_record record;
	int recorded;

	return rawpci_record_look(group->ctx->run_dir, address, &record, &recorded) ==
		       -EWOULDBLOCK ||
	       rawpci_locks_look_shared(group->ctx->sysfs_dir, address) == -EWOULDBLOCK;
}

int rawpci_group_owned(struct rawpci *ctx, const struct rawpci_address *address)
{
	struct group group = { .ctx = ctx, .address = address };

	return rawpci_group_each(ctx, address, find_owned, &group);
}
