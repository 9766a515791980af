/* SPDX-License-Identifier: MIT */
/* The calls about regions: their description, mapping them, unmapping them. */
#include <errno.h>
#include <string.h>

#include "core/call.h"
#include "core/device.h"
#include "device/device.h"
#include "device/maps.h"
#include "os/sys.h"

static int check_region(struct rawpci_device *dev, unsigned region)
{
	if (region >= RAWPCI_REGIONS)
		return rawpci_fail(dev->ctx, -EINVAL,
				   "%s: %d is no region number: use 0 to 5 for "
				   "the BARs, 6 for the expansion ROM",
				   dev->name, (int)region);
	return 0;
}

int rawpci_fail_absent(const struct rawpci_device *dev, unsigned region)
{
	if (region == RAWPCI_REGION_ROM)
		return rawpci_fail(dev->ctx, -ERANGE,
				   "%s: the device has no expansion ROM (region 6)", dev->name);
	return rawpci_fail(dev->ctx, -ERANGE,
			   "%s: the device has no BAR %u: rawpci_region_info() tells which it has",
			   dev->name, region);
}

int rawpci_do_region_info(struct rawpci_device *dev, unsigned region,
			  struct rawpci_region_info *out)
{
	int r = check_region(dev, region);

	if (r == 0)
		*out = dev->regions[region];
	return r;
}

int rawpci_region_info(struct rawpci_device *dev, unsigned region, size_t size,
		       struct rawpci_region_info *out)
{
	struct rawpci_region_info info;
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!out)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: rawpci_region_info: out is NULL",
				dev->name);
	else
		r = rawpci_check_size(dev->ctx, __func__, "rawpci_region_info", size, sizeof(info));
	if (r == 0)
		r = rawpci_do_region_info(dev, region, &info);
	if (r == 0)
		memcpy(out, &info, size);
	return rawpci_leave(&call, r);
}

static int check_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size)
{
	const struct rawpci_region_info *info;
	int r = check_region(dev, region);

	if (r < 0)
		return r;
	info = &dev->regions[region];
	if (size == 0)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: a mapping of 0 bytes", dev->name);
	if (info->flags & RAWPCI_REGION_IO)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP,
				   "%s: region %u is I/O ports, which "
				   "cannot be mapped: use port accesses",
				   dev->name, region);
	if (offset % rawpci_sys_page_size() != 0)
		return rawpci_fail(dev->ctx, -EDOM,
				   "%s: offset %#llx into region %u is not a "
				   "multiple of the page size %llu",
				   dev->name, (unsigned long long)offset, region,
				   (unsigned long long)rawpci_sys_page_size());
	if (!info->present)
		return rawpci_fail_absent(dev, region);
	if (offset > info->size || size > info->size - offset)
		return rawpci_fail(dev->ctx, -ERANGE,
				   "%s: %#llx bytes at offset %#llx are not inside region %u, "
				   "which has %#llx bytes (on the host's bus: %#llx bytes at "
				   "%#llx, and the region is at %#llx)",
				   dev->name, (unsigned long long)size, (unsigned long long)offset,
				   region, (unsigned long long)info->size, (unsigned long long)size,
				   (unsigned long long)(info->address + offset),
				   (unsigned long long)info->address);
	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
	return r < 0 ? r : rawpci_access_notice(dev);
}

static int map_with(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		    rawpci_region_map_fn *map, struct rawpci_mapping *out)
{
	struct rawpci_map_entry *entry = NULL;
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	r = rawpci_map_entry_create(dev, region, offset, size, map, &entry);
	if (r == 0) {
		r = rawpci_map_table_replace(dev, NULL, entry);
		if (r < 0)
			rawpci_map_entry_destroy(entry);
	}
	if (r == 0) {
		/* The library does not see what the caller writes through the mapping. */
		atomic_store(&dev->touched, true);
		out->base = entry->base;
		out->cpu = entry->cpu;
		out->size = size;
	}
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

int rawpci_do_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			 struct rawpci_mapping *out)
{
	int r = check_map(dev, region, offset, size);

	return r < 0 ? r : map_with(dev, region, offset, size, dev->backend->region_map, out);
}

static int map_wc(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		  struct rawpci_mapping *out)
{
	struct rawpci_mapping mapping;
	int r = check_map(dev, region, offset, size);

	if (r < 0)
		return r;
	if (!(dev->regions[region].flags & RAWPCI_REGION_PREFETCH))
		return rawpci_fail(dev->ctx, -EOPNOTSUPP,
				   "%s: region %u is not prefetchable: map "
				   "it without write combining",
				   dev->name, region);
	if (!dev->backend->region_map_wc)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP,
				   "%s: %s cannot map with write combining: "
				   "use sysfs or uio",
				   dev->name, dev->backend->name);
	r = map_with(dev, region, offset, size, dev->backend->region_map_wc, &mapping);
	if (r == 0 && !mapping.cpu) {
		(void)rawpci_do_region_unmap(dev, region, offset, &mapping);
		r = -EOPNOTSUPP;
	}
	if (r == 0)
		*out = mapping;
	return r;
}

/* Requires dev->lock. */
static struct rawpci_map_entry *find_base(struct rawpci_device *dev, const void *base)
{
	struct rawpci_map_table *table = atomic_load(&dev->mappings);

	for (unsigned i = 0; i < table->count; i++)
		if (table->entries[i]->base == base)
			return table->entries[i];
	return NULL;
}

static bool is_that(const struct rawpci_map_entry *entry, unsigned region, uint64_t offset,
		    const struct rawpci_mapping *mapping)
{
	return entry->region == region && entry->offset == offset && entry->size == mapping->size &&
	       entry->cpu == mapping->cpu;
}

static int fail_no_mapping(struct rawpci_device *dev, const void *base)
{
	return rawpci_fail(
		dev->ctx, -ENOENT,
		"%s: no mapping of it begins at %p, or that one has been unmapped: use the "
		"address, region and size of a mapping that was made and not unmapped",
		dev->name, base);
}

static int unmap(struct rawpci_device *dev, const void *base, unsigned region, uint64_t offset,
		 const struct rawpci_mapping *mapping)
{
	struct rawpci_map_entry *entry;
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	entry = find_base(dev, base);
	if (!entry || (mapping && !is_that(entry, region, offset, mapping)))
		r = fail_no_mapping(dev, base);
	else
		r = rawpci_map_table_replace(dev, entry, NULL);
	if (r == 0)
		rawpci_map_entry_destroy(entry);
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

int rawpci_do_region_unmap(struct rawpci_device *dev, unsigned region, uint64_t offset,
			   const struct rawpci_mapping *mapping)
{
	return unmap(dev, mapping->base, region, offset, mapping);
}

int rawpci_do_mapping_cpu(struct rawpci_device *dev, const void *base, void **cpu)
{
	const struct rawpci_map_entry *entry;
	int r = -ENOENT;

	(void)pthread_mutex_lock(&dev->lock);
	entry = find_base(dev, base);
	if (entry) {
		*cpu = entry->cpu;
		r = 0;
	}
	(void)pthread_mutex_unlock(&dev->lock);
	return r < 0 ? fail_no_mapping(dev, base) : 0;
}

static int map_door(const char *function, struct rawpci_device *dev, unsigned region,
		    uint64_t offset, uint64_t size,
		    int (*map)(struct rawpci_device *dev, unsigned region, uint64_t offset,
			       uint64_t size, struct rawpci_mapping *out),
		    struct rawpci_mapping *out)
{
	struct rawpci_call call;
	int r = rawpci_enter_for(function, &call, dev);

	if (r < 0)
		return r;
	if (!out)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: %s: out is NULL", dev->name, function);
	else
		r = map(dev, region, offset, size, out);
	return rawpci_leave(&call, r);
}

int rawpci_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		      struct rawpci_mapping *out)
{
	return map_door(__func__, dev, region, offset, size, rawpci_do_region_map, out);
}

int rawpci_region_map_wc(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			 struct rawpci_mapping *out)
{
	return map_door(__func__, dev, region, offset, size, map_wc, out);
}

int rawpci_region_unmap(struct rawpci_device *dev, void *base)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, unmap(dev, base, 0, 0, NULL));
}
