/* SPDX-License-Identifier: MIT */
/*
 * What a device of the host is, from sysfs. Names are left to programs: a reader of pci.ids, such as
 * libpciaccess, keeps what it reads in variables of the process, without a lock.
 */
#include "host/host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "core/context.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

#define CLASS_BRIDGE 0x0604

/* Linux include/linux/ioport.h; the resource file shows these flags. */
#define RESOURCE_IO 0x100
#define RESOURCE_MEMORY 0x200
#define RESOURCE_PREFETCH 0x2000
#define RESOURCE_64BIT 0x100000
#define RESOURCE_UNSET 0x20000000

static void describe_ids(const char *root, struct rawpci_host_device *out)
{
	const struct rawpci_address *address = &out->address;

	out->vendor_id = (uint16_t)rawpci_sysfs_number(root, address, "vendor");
	out->device_id = (uint16_t)rawpci_sysfs_number(root, address, "device");
	out->subsystem_vendor_id = (uint16_t)rawpci_sysfs_number(root, address, "subsystem_vendor");
	out->subsystem_id = (uint16_t)rawpci_sysfs_number(root, address, "subsystem_device");
	out->class_code = (uint32_t)rawpci_sysfs_number(root, address, "class") & 0xffffff;
	out->revision = (uint8_t)rawpci_sysfs_number(root, address, "revision");
	out->bridge = out->class_code >> 8 == CLASS_BRIDGE;
}

static void describe_regions(const char *root, struct rawpci_host_device *out)
{
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		struct rawpci_host_region *region = &out->regions[i];
		uint64_t first, last, flags;

		if (rawpci_sysfs_resource(root, &out->address, i, &first, &last, &flags) < 0 ||
		    !(flags & (RESOURCE_IO | RESOURCE_MEMORY)) || last < first)
			continue;
		region->address = flags & RESOURCE_UNSET ? 0 : first;
		region->size = last - first + 1;
		region->flags = (flags & RESOURCE_IO ? RAWPCI_REGION_IO : 0u) |
				(flags & RESOURCE_64BIT ? RAWPCI_REGION_64BIT : 0u) |
				(flags & RESOURCE_PREFETCH ? RAWPCI_REGION_PREFETCH : 0u);
	}
}

static void describe_place(const char *root, struct rawpci_host_device *out)
{
	char type[RAWPCI_SYSFS_NAME];
	unsigned group;

	_Static_assert(sizeof(out->driver) == RAWPCI_SYSFS_NAME, "room for a driver's name");
	(void)rawpci_sysfs_driver(root, &out->address, out->driver);
	out->iommu_group = -1;
	if (rawpci_sysfs_group(root, &out->address, &group) == 0) {
		out->iommu_group = group;
		rawpci_sysfs_group_type(root, group, type);
		(void)snprintf(out->iommu_type, sizeof(out->iommu_type), "%.15s", type);
	}
	out->boot_vga = rawpci_sysfs_number(root, &out->address, "boot_vga") == 1;
	out->virtual_function = rawpci_sysfs_is_vf(root, &out->address);
	out->vfs = (unsigned)rawpci_sysfs_number(root, &out->address, "sriov_numvfs");
	out->total_vfs = (unsigned)rawpci_sysfs_number(root, &out->address, "sriov_totalvfs");
	rawpci_sysfs_text(root, &out->address, "power_state", out->power, sizeof(out->power));
	if (strcmp(out->power, "unknown") == 0)
		out->power[0] = '\0';
}

/* The kernel's list includes quirks. False: there is no list, as before Linux 5.15. */
static bool describe_resets(const char *root, struct rawpci_host_device *out)
{
	static const struct {
		const char *name;
		unsigned method;
	} methods[] = {
		{ "device_specific", RAWPCI_RESET_DEVICE_SPECIFIC },
		{ "acpi", RAWPCI_RESET_ACPI },
		{ "flr", RAWPCI_RESET_FLR },
		{ "af_flr", RAWPCI_RESET_AF_FLR },
		{ "pm", RAWPCI_RESET_PM },
		{ "bus", RAWPCI_RESET_BUS },
		{ "cxl_bus", RAWPCI_RESET_CXL_BUS },
	};
	char text[128], *rest = NULL, *word;

	rawpci_sysfs_text(root, &out->address, "reset_method", text, sizeof(text));
	if (text[0] == '\0')
		return false;
	for (word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
		for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
			if (strcmp(word, methods[i].name) == 0)
				out->reset_methods |= methods[i].method;
	return true;
}

static int read_config(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	const int *fd = opaque;
	uint8_t bytes[4] = { 0 };
	int n = rawpci_sys_pread(*fd, bytes, width, offset);

	if (n < 0)
		return n;
	/* Without the privilege to read the rest, the kernel ends the file at 64 bytes. */
	if ((unsigned)n < width)
		return -EPERM;
	*value = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		 (uint32_t)bytes[3] << 24;
	return 0;
}

/* A virtual function's ids read as all ones, so the class is read, too (SR-IOV 1.1, 3.4.1.1). */
static bool all_ones(int *fd)
{
	uint32_t ids, class_revision;

	return read_config(fd, RAWPCI_CFG_VENDOR, 4, &ids) == 0 && ids == UINT32_MAX &&
	       read_config(fd, RAWPCI_CFG_CLASS_REVISION, 4, &class_revision) == 0 &&
	       class_revision == UINT32_MAX;
}

static void describe_abilities(const char *root, bool resets_known, struct rawpci_host_device *out)
{
	struct rawpci_abilities abilities;
	char path[RAWPCI_SYSFS_PATH];
	uint64_t size;
	int fd;
	const struct rawpci_config_reader reader = { read_config, &fd };

	if (rawpci_sysfs_path(root, &out->address, "config", path, sizeof(path)) < 0)
		return;
	out->config_size = rawpci_sys_size(path, &size) == 0 && size >= 4096 ? 4096 : 256;
	/* A read of config space would wake a device that is in D3cold. */
	if (strcmp(out->power, "D3cold") == 0)
		return;
	fd = rawpci_sys_open(path, O_RDONLY);
	if (fd < 0)
		return;
	if (all_ones(&fd))
		out->gone = true;
	else if (rawpci_abilities_read(&reader, &abilities) == 0) {
		out->capabilities_known = abilities.known;
		memcpy(out->irq_count, abilities.irq_count, sizeof(out->irq_count));
		out->power_states = abilities.power_states;
		out->express = abilities.express;
		if (!resets_known)
			out->reset_methods = abilities.reset_methods;
	}
	rawpci_sys_close(&fd);
}

int rawpci_host_describe(struct rawpci *ctx, const struct rawpci_address *address,
			 struct rawpci_host_device *out)
{
	const char *root = ctx->sysfs_dir;
	int r = rawpci_sysfs_present(root, address);

	if (r < 0)
		return r;
	memset(out, 0, sizeof(*out));
	out->address = *address;
	describe_ids(root, out);
	describe_regions(root, out);
	describe_place(root, out);
	describe_abilities(root, describe_resets(root, out), out);
	return 0;
}
