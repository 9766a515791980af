/* SPDX-License-Identifier: MIT */
/* Regions: what the file "resource" says, and mappings of the files "resourceN". */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "sysdev/sysdev.h"

/* Flags in sysfs's resource file (Linux include/linux/ioport.h). */
#define RESOURCE_IO 0x00000100
#define RESOURCE_MEMORY 0x00000200
#define RESOURCE_PREFETCH 0x00002000
#define RESOURCE_MEMORY_64 0x00100000
#define RESOURCE_UNSET 0x20000000 /* it has no address */

static void describe(struct rawpci_region_info *info, unsigned region, uint64_t first,
		     uint64_t last, uint64_t flags)
{
	uint64_t page = rawpci_sys_page_size();

	if (!(flags & (RESOURCE_IO | RESOURCE_MEMORY)) || (flags & RESOURCE_UNSET) ||
	    last < first || last - first == UINT64_MAX)
		return;
	info->present = true;
	info->address = first;
	info->size = last - first + 1;
	/* The kernel marks the ROM's resource as prefetchable; the register says nothing of it. */
	if (region == RAWPCI_REGION_ROM)
		return;
	if (flags & RESOURCE_IO) {
		info->flags = RAWPCI_REGION_IO;
		return;
	}
	info->flags = (flags & RESOURCE_MEMORY_64 ? RAWPCI_REGION_64BIT : 0) |
		      (flags & RESOURCE_PREFETCH ? RAWPCI_REGION_PREFETCH : 0);
	/* A smaller region may share its page with another device. */
	if (first % page == 0 && info->size >= page) {
		info->area_count = 1;
		info->areas[0].size = info->size & ~(page - 1);
	}
}

static int open_file(const struct rawpci_sysdev *device, unsigned region, const char *suffix)
{
	char path[RAWPCI_SYSFS_PATH], file[32] = "rom";
	int r;

	if (region != RAWPCI_REGION_ROM)
		(void)snprintf(file, sizeof(file), "resource%u%s", region, suffix);
	r = rawpci_sysdev_path(device, file, path);
	if (r == 0)
		r = rawpci_sys_open(path, O_RDWR);
	/* Without the file the region is there, and accesses say that the file is missing. */
	if (r == -ENOENT && suffix[0] == '\0')
		return -1;
	return r < 0 ? rawpci_sysdev_fail(device, "opening a region", file, r) : r;
}

int rawpci_sysdev_regions_init(struct rawpci_sysdev *device)
{
	int r = 0;

	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		device->regions[i].fd = -1;
		atomic_init(&device->regions[i].at, NULL);
	}
	for (unsigned i = 0; r >= 0 && i < RAWPCI_REGIONS; i++) {
		struct rawpci_sysdev_region *region = &device->regions[i];
		uint64_t first, last, flags;

		r = rawpci_sysfs_resource(rawpci_sysdev_root(device->ctx), &device->address, i,
					  &first, &last, &flags);
		if (r < 0) {
			r = rawpci_sysdev_fail(device, "reading its regions", "resource", r);
			break;
		}
		describe(&region->info, i, first, last, flags);
		if (!region->info.present)
			continue;
		r = open_file(device, i, "");
		if (r == -1)
			r = 0;
		else
			region->fd = r;
	}
	if (r >= 0)
		return 0;
	rawpci_sysdev_regions_finish(device);
	return r;
}

static uint64_t whole_pages(const struct rawpci_region_info *info)
{
	uint64_t page = rawpci_sys_page_size();

	return (info->address % page + info->size + page - 1) & ~(page - 1);
}

void rawpci_sysdev_regions_finish(struct rawpci_sysdev *device)
{
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		struct rawpci_sysdev_region *region = &device->regions[i];
		unsigned char *at = atomic_load(&region->at);

		if (at)
			rawpci_sys_unmap(at - region->info.address % rawpci_sys_page_size(),
					 whole_pages(&region->info));
		atomic_store(&region->at, NULL);
		rawpci_sys_close(&region->fd);
	}
}

int rawpci_sysdev_region_info(void *opaque, unsigned region, struct rawpci_region_info *info)
{
	const struct rawpci_sysdev *device = opaque;

	*info = device->regions[region].info;
	return 0;
}

static int fail_map(const struct rawpci_sysdev *device, unsigned region, int error)
{
	char text[128];

	if (error == -EPERM)
		return rawpci_sysdev_fail(device, "mapping a region", "resource", error);
	if (error == -EINVAL)
		return rawpci_backend_fail(device->ctx, -EADDRNOTAVAIL,
					   "%s: the kernel does not "
					   "map region %u: a driver holds the range for itself "
					   "(see /proc/iomem)",
					   device->name, region);
	return rawpci_backend_fail(device->ctx, -EADDRNOTAVAIL,
				   "%s: region %u cannot be mapped: "
				   "%s",
				   device->name, region,
				   rawpci_sys_error_text(error, text, sizeof(text)));
}

int rawpci_sysdev_region_map(void *opaque, unsigned region, uint64_t offset, uint64_t size,
			     void *where)
{
	const struct rawpci_sysdev *device = opaque;
	int r = rawpci_sys_map(where, size, device->regions[region].fd, offset, true);

	return r < 0 ? fail_map(device, region, r) : 0;
}

int rawpci_sysdev_region_map_wc(void *opaque, unsigned region, uint64_t offset, uint64_t size,
				void *where)
{
	const struct rawpci_sysdev *device = opaque;
	int fd = open_file(device, region, "_wc");
	int r;

	if (fd < 0)
		return fd;
	r = rawpci_sys_map(where, size, fd, offset, true);
	rawpci_sys_close(&fd);
	return r < 0 ? fail_map(device, region, r) : 0;
}

/* Maps on first use, because the page tables of a large region cost memory. */
int rawpci_sysdev_region_at(struct rawpci_sysdev *device, unsigned region, void **at)
{
	struct rawpci_sysdev_region *r = &device->regions[region];
	uint64_t size = whole_pages(&r->info);
	void *where = atomic_load(&r->at);
	int error = 0;

	if (where) {
		*at = where;
		return 0;
	}
	(void)pthread_mutex_lock(&device->config.lock);
	where = atomic_load(&r->at);
	if (!where) {
		error = rawpci_sys_reserve(size, 0, &where);
		if (error == 0) {
			error = rawpci_sys_map(where, size, r->fd, 0, true);
			if (error < 0)
				rawpci_sys_unmap(where, size);
		}
	}
	if (error == 0 && !atomic_load(&r->at)) {
		where = (unsigned char *)where + r->info.address % rawpci_sys_page_size();
		atomic_store(&r->at, where);
	}
	(void)pthread_mutex_unlock(&device->config.lock);
	if (error < 0)
		return fail_map(device, region, error);
	*at = where;
	return 0;
}
