/* SPDX-License-Identifier: MIT */
/* What can be mapped of an open device's regions: all but the MSI-X table. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/host.h"
#include "vfio/operations.h"
#include "vfio/refusals.h"
#include "vfio/reply.h"

/* Flags in sysfs's resource file (Linux include/linux/ioport.h). */
#define RESOURCE_IO 0x00000100
#define RESOURCE_PREFETCH 0x00002000
#define RESOURCE_MEM_64 0x00100000

static void insert(struct rawpci_region_info *info, unsigned at, uint64_t first, uint64_t end)
{
	unsigned last = info->area_count;

	if (last == RAWPCI_REGION_AREAS) {
		if (at == last)
			return;
		last--;
	} else {
		info->area_count++;
	}
	memmove(&info->areas[at + 1], &info->areas[at], (last - at) * sizeof(info->areas[0]));
	info->areas[at].offset = first;
	info->areas[at].size = end - first;
}

void rawpci_vfio_area_add(struct rawpci_region_info *info, uint64_t page, uint64_t offset,
			  uint64_t size)
{
	uint64_t first, end;
	unsigned i, gone = 0;

	if (offset >= info->size || offset > UINT64_MAX - (page - 1))
		return;
	if (size > info->size - offset)
		size = info->size - offset;
	first = (offset + page - 1) & ~(page - 1);
	end = (offset + size) & ~(page - 1);
	if (end <= first)
		return;
	for (i = 0; i < info->area_count; i++)
		if (info->areas[i].offset + info->areas[i].size >= first)
			break;
	/* The new area takes in those that it touches. */
	while (i + gone < info->area_count && info->areas[i + gone].offset <= end) {
		struct rawpci_region_area *area = &info->areas[i + gone++];

		if (area->offset < first)
			first = area->offset;
		if (area->offset + area->size > end)
			end = area->offset + area->size;
	}
	info->area_count -= gone;
	memmove(&info->areas[i], &info->areas[i + gone],
		(info->area_count - i) * sizeof(info->areas[0]));
	insert(info, i, first, end);
}

void rawpci_vfio_area_cut(struct rawpci_region_info *info, uint64_t page, uint64_t offset,
			  uint64_t size)
{
	struct rawpci_region_info old = *info;
	uint64_t end = offset + size;
	unsigned i;

	if (offset >= info->size || size == 0)
		return;
	if (size > info->size - offset)
		end = info->size;
	info->area_count = 0; /* added again below: whole pages of what stays */
	for (i = 0; i < old.area_count; i++) {
		uint64_t from = old.areas[i].offset;
		uint64_t to = from + old.areas[i].size;

		if (from < offset)
			rawpci_vfio_area_add(info, page, from, (to < offset ? to : offset) - from);
		if (to > end)
			rawpci_vfio_area_add(info, page, from > end ? from : end,
					     to - (from > end ? from : end));
	}
}

static int read_config(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return rawpci_vfio_cfg_read(opaque, offset, width, value);
}

/* Only the kernel programs vectors, so it ignores accesses to the MSI-X table that go through it. A
 * mapping would reach the table, and the guest could forge interrupt messages. */
static int cut_msix_table(struct rawpci_vfio_device *device, unsigned region,
			  struct rawpci_region_info *info)
{
	const struct rawpci_config_reader reader = { .read = read_config, .opaque = device };
	uint64_t page = rawpci_sys_page_size();
	uint32_t control, table;
	uint8_t cap;
	int r = rawpci_caps_find(&reader, RAWPCI_CAP_MSIX, &cap);

	if (r < 0 || cap == 0)
		return r;
	r = rawpci_vfio_cfg_read(device, cap + (uint32_t)RAWPCI_MSIX_FLAGS, 2, &control);
	if (r == 0)
		r = rawpci_vfio_cfg_read(device, cap + (uint32_t)RAWPCI_MSIX_TABLE, 4, &table);
	if (r < 0)
		return r;
	/* PCI Local Bus Specification 3.0, 6.8.2: table size less one; BAR and offset. */
	if ((table & 7) == region)
		rawpci_vfio_area_cut(info, page, table & ~7U,
				     ((control & 0x7ff) + 1) * RAWPCI_MSIX_ENTRY);
	return 0;
}

/* The sparse areas of a region, or all of it. */
static int add_areas(const struct rawpci_vfio_device *device, unsigned region,
		     struct rawpci_region_info *info)
{
	struct vfio_region_info ask = { .argsz = sizeof(ask), .index = region };
	struct vfio_region_info_cap_sparse_mmap sparse;
	struct vfio_region_sparse_mmap_area area;
	uint64_t page = rawpci_sys_page_size();
	uint32_t size, at, i;
	void *reply;
	int r = rawpci_vfio_query(device->fd, VFIO_DEVICE_GET_REGION_INFO, &ask, sizeof(ask),
				  &reply, &size);

	if (r < 0)
		return r;
	memcpy(&ask, reply, sizeof(ask));
	r = rawpci_vfio_cap_find(reply, size, sizeof(ask),
				 ask.flags & VFIO_REGION_INFO_FLAG_CAPS ? ask.cap_offset : 0,
				 VFIO_REGION_INFO_CAP_SPARSE_MMAP, sizeof(sparse), &at);
	if (r == -ENOENT) {
		rawpci_vfio_area_add(info, page, 0, info->size);
		r = 0;
	} else if (r == 0) {
		memcpy(&sparse, (unsigned char *)reply + at, sizeof(sparse));
		at += (uint32_t)sizeof(sparse);
		if (sparse.nr_areas > (size - at) / sizeof(area))
			r = -EIO;
		for (i = 0; r == 0 && i < sparse.nr_areas; i++) {
			memcpy(&area, (unsigned char *)reply + at + i * sizeof(area), sizeof(area));
			rawpci_vfio_area_add(info, page, area.offset, area.size);
		}
	}
	free(reply);
	return r;
}

/* VFIO does not tell a BAR's bus address and kind, so sysfs is read. */
static int add_resource(const struct rawpci_vfio_device *device, unsigned region,
			struct rawpci_region_info *info)
{
	uint64_t first, last, flags;
	int r = rawpci_sysfs_resource(rawpci_vfio_sysfs(device->vfio->ctx), &device->address,
				      region, &first, &last, &flags);

	if (r < 0)
		return r;
	info->address = first;
	if (flags & RESOURCE_IO) {
		info->flags = RAWPCI_REGION_IO;
		return 0;
	}
	if (flags & RESOURCE_MEM_64)
		info->flags |= RAWPCI_REGION_64BIT;
	if (flags & RESOURCE_PREFETCH)
		info->flags |= RAWPCI_REGION_PREFETCH;
	return 0;
}

int rawpci_vfio_region_info(void *opaque, unsigned region, struct rawpci_region_info *out)
{
	struct rawpci_vfio_device *device = opaque;
	struct rawpci_region_info info = { .size = device->regions[region].size };
	int r = 0;

	if (info.size > 0) {
		info.present = true;
		r = add_resource(device, region, &info);
		if (r == 0 && (device->regions[region].flags & VFIO_REGION_INFO_FLAG_MMAP))
			r = add_areas(device, region, &info);
		if (r == 0 && info.area_count > 0)
			r = cut_msix_table(device, region, &info);
	}
	if (r < 0)
		return rawpci_vfio_refuse(device, rawpci_sys_result(r, -EIO), r,
					  "region %u cannot be described", region);
	*out = info;
	return 0;
}
