/* SPDX-License-Identifier: MIT */
/* A tree that stands in for /sys and /dev/vfio, and a context that looks there. */
#ifndef RAWPCI_TESTS_HOST_TREE_H
#define RAWPCI_TESTS_HOST_TREE_H

#include <rawpci/context.h>

#include "unit/os/tree.h"

#define DEVICES "sys/bus/pci/devices/"

struct host_tree {
	struct tree tree;
	struct rawpci *ctx;
};

static inline void host_create(struct host_tree *host, const char *backend, const char *engine)
{
	char sysfs[128], nodes[128], iommu[128], run[128];
	const char *const settings[] = { sysfs, nodes, iommu, run, engine, NULL };
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = backend,
		.settings = settings,
	};

	tree_create(&host->tree);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s/sys", host->tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/vfio", host->tree.root);
	(void)snprintf(iommu, sizeof(iommu), "vfio.iommu=%s/iommu", host->tree.root);
	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host->tree.root);
	ck_assert_int_eq(rawpci_create(&options, &host->ctx), 0);
}

static inline void host_destroy(struct host_tree *host)
{
	ck_assert_int_eq(rawpci_destroy(host->ctx), 0);
	tree_destroy(&host->tree);
}

static inline void host_write(const struct host_tree *host, const char *device, const char *file,
			      const char *text)
{
	char path[256];

	(void)snprintf(path, sizeof(path), DEVICES "%s/%s", device, file);
	tree_write(&host->tree, path, text);
}

static inline void host_link(const struct host_tree *host, const char *device, const char *file,
			     const char *target)
{
	char path[256];

	(void)snprintf(path, sizeof(path), DEVICES "%s/%s", device, file);
	tree_link(&host->tree, path, target);
}

/* In a group, bound to driver (NULL: none). */
static inline void host_add(const struct host_tree *host, const char *device, unsigned group,
			    const char *driver)
{
	char text[256];

	host_write(host, device, "class", "0x020000\n");
	host_write(host, device, "driver_override", "(null)\n");
	(void)snprintf(text, sizeof(text), "../../../../kernel/iommu_groups/%u", group);
	host_link(host, device, "iommu_group", text);
	(void)snprintf(text, sizeof(text), "sys/kernel/iommu_groups/%u/devices/%s", group, device);
	tree_directory(&host->tree, text);
	if (!driver)
		return;
	(void)snprintf(text, sizeof(text), "../../drivers/%s", driver);
	host_link(host, device, "driver", text);
}

/* Writes config space: bytes may hold zeros. */
static inline void host_config(const struct host_tree *host, const char *device,
			       const unsigned char *bytes, size_t size)
{
	char file[256], path[512];
	FILE *stream;

	(void)snprintf(file, sizeof(file), DEVICES "%s/config", device);
	stream = fopen(tree_path(&host->tree, path, file), "w");
	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(bytes, 1, size, stream), size);
	ck_assert_int_eq(fclose(stream), 0);
}

#endif
