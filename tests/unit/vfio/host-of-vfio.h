/* SPDX-License-Identifier: MIT */
/* A context on a tree that stands in for /sys and /dev/vfio, with a device and its IOMMU group. */
#ifndef RAWPCI_TEST_HOST_OF_VFIO_H
#define RAWPCI_TEST_HOST_OF_VFIO_H

#include <errno.h>

#include <rawpci/context.h>

#include "core/call.h"
#include "harness.h"
#include "unit/os/tree.h"
#include "vfio/refusals.h"
#include "vfio/transport.h"

#define DEVICES "sys/bus/pci/devices/"
#define GROUP "sys/kernel/iommu_groups/14/"

static const struct rawpci_address address = { 0, 3, 0, 0 };
static struct tree tree;
static struct rawpci *ctx;
static void *instance;
static struct rawpci_vfio_space space;
static struct rawpci_vfio_device device;

static void add_device(const char *name, const char *class, const char *driver)
{
	char file[256], target[128];

	(void)snprintf(file, sizeof(file), DEVICES "%s/class", name);
	tree_write(&tree, file, class);
	(void)snprintf(file, sizeof(file), DEVICES "%s/iommu_group", name);
	tree_link(&tree, file, "../../../../kernel/iommu_groups/14");
	(void)snprintf(file, sizeof(file), GROUP "devices/%s", name);
	tree_directory(&tree, file);
	if (!driver)
		return;
	(void)snprintf(file, sizeof(file), DEVICES "%s/driver", name);
	(void)snprintf(target, sizeof(target), "../../drivers/%s", driver);
	tree_link(&tree, file, target);
}

static void setup(void)
{
	char sysfs[128] = "sysfs.dir=", nodes[128] = "vfio.dir=", iommu[128] = "vfio.iommu=";
	const char *const settings[] = { sysfs, nodes, iommu, NULL };
	struct rawpci_options options = { .size = sizeof(options), .settings = settings };

	tree_create(&tree);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s/sys", tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/vfio", tree.root);
	(void)snprintf(iommu, sizeof(iommu), "vfio.iommu=%s/iommu", tree.root);
	add_device("0000:03:00.0", "0x020000\n", "e1000e");
	tree_directory(&tree, "sys/bus/pci/drivers/vfio-pci");
	tree_directory(&tree, "sys/class/iommu/dmar0");
	tree_write(&tree, "vfio/vfio", "");
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_backend_instance(ctx, "vfio", &instance), 0);
	space = (struct rawpci_vfio_space){ .vfio = instance,
					    .transport = &rawpci_vfio_transport_group,
					    .fd = -1 };
	device = (struct rawpci_vfio_device){ .vfio = instance, .address = address, .fd = -1 };
	rawpci_address_format(&address, device.name);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}

/* The sentence begins with the device and has these words. */
static void check_words(const char *words)
{
	const char *said = rawpci_reason();

	ck_assert_msg(strncmp(said, "0000:03:00.0: ", 14) == 0 && strstr(said, words) != NULL,
		      "\"%s\" has no \"%s\"", said, words);
}

#endif
