/* SPDX-License-Identifier: MIT */
/*
 * Devices through sysfs alone: config space, regions, ports, ROM. There are no interrupts, because
 * sysfs tells of none, and no DMA mappings, because sysfs offers no IOMMU. Both are refused.
 */
#include <errno.h>
#include <stdlib.h>

#include "sysdev/obstacles.h"
#include "sysdev/refusal.h"
#include "sysdev/sysdev.h"

static int sysfs_create(struct rawpci *ctx, void **instance)
{
	*instance = ctx;
	return 0;
}

static void sysfs_destroy(void *instance)
{
	(void)instance;
}

static const struct rawpci_sysdev_obstacle obstacles[] = {
	{ rawpci_sysdev_find_absent },   { rawpci_sysdev_find_unwritable },
	{ rawpci_sysdev_find_bridge },   { rawpci_sysdev_find_short },
	{ rawpci_sysdev_find_lockdown }, { NULL },
};

static int sysfs_probe(void *instance, const struct rawpci_address *address)
{
	return rawpci_sysdev_probe(instance, address, obstacles);
}

static int sysfs_explain(void *instance, const struct rawpci_address *address, uint64_t memory,
			 struct rawpci_findings *to)
{
	(void)memory;
	return rawpci_sysdev_explain(instance, address, obstacles, to);
}

static int sysfs_open(void *instance, const struct rawpci_address *address, void *space, void **out)
{
	struct rawpci_sysdev *device = malloc(sizeof(*device));
	int r;

	(void)space;
	if (!device)
		return rawpci_backend_fail(instance, -ENOMEM, "sysfs: no memory");
	r = rawpci_sysdev_init(device, instance, address, "");
	if (r < 0) {
		free(device);
		return r;
	}
	*out = device;
	return 0;
}

static void sysfs_close(void *device)
{
	rawpci_sysdev_finish(device);
	free(device);
}

const struct rawpci_backend rawpci_backend_sysfs = {
	.version = RAWPCI_BACKEND_VERSION,
	.name = "sysfs",
	.help = "sysfs: registers, ports and ROM; no interrupts, no DMA",
	.rank = 10,
	.unbound = true,
	.bare = true,
	.create = sysfs_create,
	.destroy = sysfs_destroy,
	.probe = sysfs_probe,
	.open = sysfs_open,
	.close = sysfs_close,
	.info = rawpci_sysdev_info,
	.cfg_read = rawpci_sysdev_cfg_read,
	.cfg_write = rawpci_sysdev_cfg_write,
	.region_info = rawpci_sysdev_region_info,
	.region_map = rawpci_sysdev_region_map,
	.region_map_wc = rawpci_sysdev_region_map_wc,
	.region_read = rawpci_sysdev_region_read,
	.region_write = rawpci_sysdev_region_write,
	.reset = rawpci_sysdev_reset,
	.ready = rawpci_sysdev_ready,
	.explain = sysfs_explain,
};
