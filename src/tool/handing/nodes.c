/* SPDX-License-Identifier: MIT */
/* The nodes in /dev by which a program opens a device that was taken for it. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rawpci/enumerate.h>

#include "kept.h"

static void add(struct nodes *nodes, const char *directory, const char *prefix, const char *name)
{
	char *path;
	int n;

	if (nodes->count == NODES)
		return;
	path = nodes->paths[nodes->count];
	n = snprintf(path, NODE_PATH, "%s/%s%s", directory, prefix, name);
	if (n > 0 && n < NODE_PATH && access(path, F_OK) == 0)
		nodes->count++;
}

/* A directory of the device in sysfs has a directory for each node, with its name. */
static void add_named(const struct tool *tool, struct nodes *nodes, const char *address,
		      const char *names, const char *directory, const char *prefix)
{
	const char *sysfs = tool_setting(tool, "sysfs.dir", "/sys");
	char path[NODE_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", sysfs, address, names);
	DIR *dir = n > 0 && n < NODE_PATH ? opendir(path) : NULL;
	const struct dirent *entry;

	while (dir && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			add(nodes, directory, prefix, entry->d_name);
	if (dir)
		(void)closedir(dir);
}

void nodes_find(const struct tool *tool, struct rawpci *ctx, const struct rawpci_address *address,
		struct nodes *nodes)
{
	const char *vfio = tool_setting(tool, "vfio.dir", "/dev/vfio");
	char text[RAWPCI_ADDRESS_TEXT], group[32];
	struct rawpci_host_device device;

	nodes->count = 0;
	(void)rawpci_address_format(address, text);
	if (rawpci_host_device(ctx, text, sizeof(device), &device) < 0)
		return;
	if (strcmp(device.driver, "vfio-pci") == 0 && device.iommu_group >= 0) {
		(void)snprintf(group, sizeof(group), "%lld", (long long)device.iommu_group);
		add(nodes, vfio, "", group);
		add(nodes, vfio, "noiommu-", group);
	}
	add_named(tool, nodes, text, "vfio-dev", vfio, "devices/");
	add_named(tool, nodes, text, "uio", tool_setting(tool, "uio.dir", "/dev"), "");
}
