/* SPDX-License-Identifier: MIT */
/*
 * Regions and the table of live mappings. The table is replaced as a whole, so that accesses read it
 * without a lock.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "os/sys.h"

#define LARGEST_ALIGN (UINT64_C(1) << 30)

static int check_region(struct rawpci_device *dev, unsigned region)
{
	if (region >= RAWPCI_REGIONS)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: there is no region %d: 0 to 5 are the "
				   "BARs, 6 is the expansion ROM", dev->name, (int)region);
	return 0;
}

int rawpci_core_region_info(struct rawpci_device *dev, unsigned region,
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
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: out is NULL", dev->name);
	else if (size == 0 || size > sizeof(info))
		r = rawpci_fail(dev->ctx, -EINVAL, "size %zu is not that of struct "
				"rawpci_region_info", size);
	else
		r = rawpci_core_region_info(dev, region, &info);
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
		return rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: region %u is I/O ports, which "
				   "cannot be mapped: use port accesses", dev->name, region);
	if (offset % rawpci_sys_page_size() != 0)
		return rawpci_fail(dev->ctx, -EDOM, "%s: offset %#llx into region %u is not a "
				   "multiple of the page size %llu", dev->name,
				   (unsigned long long)offset, region,
				   (unsigned long long)rawpci_sys_page_size());
	if (!info->present)
		return rawpci_fail(dev->ctx, -ERANGE, "%s: it has no region %u", dev->name, region);
	if (offset > info->size || size > info->size - offset)
		return rawpci_fail(dev->ctx, -ERANGE, "%s: %#llx bytes at %#llx are not inside "
				   "region %u, which is the %#llx bytes from %#llx on the host's "
				   "bus", dev->name, (unsigned long long)size,
				   (unsigned long long)(info->address + offset), region,
				   (unsigned long long)info->size,
				   (unsigned long long)info->address);
	return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
}

/* Large BARs get huge page tables where the address allows it. */
static uint64_t alignment(const struct rawpci_region_info *info, uint64_t offset)
{
	uint64_t align = info->size;

	if (align > LARGEST_ALIGN)
		align = LARGEST_ALIGN;
	if (offset % align != 0 || (align & (align - 1)) != 0)
		align = 0;
	return align;
}

typedef int region_map_fn(void *device, unsigned region, uint64_t offset, uint64_t size,
			  void *where);

/* Maps what of the area lies in the entry. The kernel may refuse; then it is trapped. */
static void map_area(struct rawpci_device *dev, struct rawpci_map_entry *entry,
		     const struct rawpci_region_area *area)
{
	uint64_t page = rawpci_sys_page_size();
	uint64_t end = (entry->offset + entry->size + page - 1) & ~(page - 1);
	uint64_t first = area->offset > entry->offset ? area->offset : entry->offset;
	uint64_t last = area->offset + area->size < end ? area->offset + area->size : end;
	struct rawpci_region_area *mapped = &entry->areas[entry->area_count];

	if (first >= last)
		return;
	mapped->offset = first - entry->offset;
	mapped->size = last - first;
	if (entry->map(dev->handle, entry->region, first, mapped->size,
		       entry->base + mapped->offset) == 0) {
		entry->area_count++;
		return;
	}
	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: %#llx bytes at %#llx of region %u are "
		   "reached by trapping: %s", dev->name, (unsigned long long)mapped->size,
		   (unsigned long long)first, entry->region, rawpci_reason());
}

static int entry_create(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			region_map_fn *map, struct rawpci_map_entry **out)
{
	const struct rawpci_region_info *info = &dev->regions[region];
	struct rawpci_map_entry *entry = calloc(1, sizeof(*entry));
	void *where = NULL;
	char text[128];
	int r;

	if (!entry)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	r = rawpci_sys_reserve(size, alignment(info, offset), &where);
	if (r < 0)
		r = rawpci_sys_reserve(size, 0, &where);
	if (r < 0) {
		free(entry);
		return rawpci_fail(dev->ctx, -EADDRNOTAVAIL, "%s: the kernel gave no %#llx bytes "
				   "of address space: %s", dev->name, (unsigned long long)size,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	}
	entry->base = where;
	entry->size = size;
	entry->offset = offset;
	entry->region = region;
	entry->map = map;
	for (unsigned i = 0; map && i < info->area_count; i++)
		map_area(dev, entry, &info->areas[i]);
	entry->cpu = entry->area_count > 0 ? entry->base : NULL;
	*out = entry;
	return 0;
}

static void entry_destroy(struct rawpci_map_entry *entry)
{
	rawpci_sys_unmap(entry->base, entry->size);
	free(entry);
}

/* With room for all of old's entries and one more. */
static struct rawpci_map_table *table_create(const struct rawpci_map_table *old,
					     const struct rawpci_map_entry *with)
{
	size_t spans = old->span_count + (with ? with->area_count : 0);
	size_t count = old->count + 1;
	struct rawpci_map_table *table;

	/* The short way looks at the first span without asking whether there is one. */
	spans = spans > 0 ? spans : 1;
	table = malloc(sizeof(*table) + spans * sizeof(table->spans[0]) +
		       count * sizeof(table->entries[0]));
	if (!table)
		return NULL;
	memset(table->spans, 0, sizeof(table->spans[0]));
	table->span_count = 0;
	table->count = 0;
	table->entries = (struct rawpci_map_entry **)(table->spans + spans);
	return table;
}

static void add_spans(struct rawpci_map_table *table, const struct rawpci_map_entry *entry)
{
	for (unsigned i = 0; i < entry->area_count; i++) {
		const struct rawpci_region_area *area = &entry->areas[i];
		struct rawpci_map_span *span = &table->spans[table->span_count++];
		uint64_t size = area->size;

		/* The area is whole pages, the mapping need not be. */
		if (size > entry->size - area->offset)
			size = entry->size - area->offset;
		span->first = (uintptr_t)(entry->base + area->offset);
		span->size = size & ~UINT64_C(7);
	}
}

static void table_add(struct rawpci_map_table *table, struct rawpci_map_entry *entry)
{
	table->entries[table->count++] = entry;
	add_spans(table, entry);
}

void rawpci_map_table_refill(struct rawpci_map_table *table)
{
	memset(table->spans, 0, sizeof(table->spans[0]));
	table->span_count = 0;
	for (unsigned i = 0; i < table->count; i++)
		add_spans(table, table->entries[i]);
}

/* Requires map_lock. The new table has all of the old one's entries but without, and with. */
static int make_table(struct rawpci_device *dev, struct rawpci_map_entry *without,
			 struct rawpci_map_entry *with)
{
	struct rawpci_map_table *old = atomic_load(&dev->mappings);
	struct rawpci_map_table *table = table_create(old, with);

	if (!table)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	for (unsigned i = 0; i < old->count; i++)
		if (old->entries[i] != without)
			table_add(table, old->entries[i]);
	if (with)
		table_add(table, with);
	atomic_store(&dev->mappings, table);
	rawpci_gate_wait(&dev->slot->memory);
	free(old);
	return 0;
}

/* Requires dev->lock. */
static int replace_table(struct rawpci_device *dev, struct rawpci_map_entry *without,
			 struct rawpci_map_entry *with)
{
	int r;

	(void)pthread_mutex_lock(&dev->map_lock);
	if (with)
		rawpci_mappings_follow_new(dev, with);
	r = make_table(dev, without, with);
	(void)pthread_mutex_unlock(&dev->map_lock);
	return r;
}

static int map_with(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		    region_map_fn *map, struct rawpci_mapping *out)
{
	struct rawpci_map_entry *entry = NULL;
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	r = entry_create(dev, region, offset, size, map, &entry);
	if (r == 0) {
		r = replace_table(dev, NULL, entry);
		if (r < 0)
			entry_destroy(entry);
	}
	(void)pthread_mutex_unlock(&dev->lock);
	if (r < 0)
		return r;
	/* The caller may write through it unseen. */
	atomic_store(&dev->touched, true);
	out->base = entry->base;
	out->cpu = entry->cpu;
	out->size = size;
	return 0;
}

int rawpci_core_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset,
			   uint64_t size, struct rawpci_mapping *out)
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
		return rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: region %u is not prefetchable: "
				   "combined writes would change what they do", dev->name, region);
	if (!dev->backend->region_map_wc)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: %s has no write-combining mappings: "
				   "sysfs and uio do", dev->name, dev->backend->name);
	r = map_with(dev, region, offset, size, dev->backend->region_map_wc, &mapping);
	if (r == 0 && !mapping.cpu) {
		(void)rawpci_core_region_unmap(dev, region, offset, &mapping);
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
	return entry->region == region && entry->offset == offset &&
	       entry->size == mapping->size && entry->cpu == mapping->cpu;
}

static int unmap(struct rawpci_device *dev, const void *base, unsigned region, uint64_t offset,
		 const struct rawpci_mapping *mapping)
{
	struct rawpci_map_entry *entry;
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	entry = find_base(dev, base);
	if (!entry || (mapping && !is_that(entry, region, offset, mapping)))
		r = rawpci_fail(dev->ctx, -ENOENT, "%s: there is no such mapping", dev->name);
	else
		r = replace_table(dev, entry, NULL);
	if (r == 0)
		entry_destroy(entry);
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

int rawpci_core_region_unmap(struct rawpci_device *dev, unsigned region, uint64_t offset,
			     const struct rawpci_mapping *mapping)
{
	return unmap(dev, mapping->base, region, offset, mapping);
}

int rawpci_core_mapping_cpu(struct rawpci_device *dev, const void *base, void **cpu)
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
	return r < 0 ? rawpci_fail(dev->ctx, r, "%s: there is no such mapping", dev->name) : 0;
}

int rawpci_mappings_create(struct rawpci_device *dev)
{
	static const struct rawpci_map_table nothing;
	struct rawpci_map_table *table = table_create(&nothing, NULL);

	dev->covered = false;
	dev->blank = -1;
	atomic_init(&dev->mappings, table);
	return table ? 0 : -ENOMEM;
}

void rawpci_mappings_destroy(struct rawpci_device *dev)
{
	struct rawpci_map_table *table = atomic_load(&dev->mappings);

	for (unsigned i = 0; table && i < table->count; i++)
		entry_destroy(table->entries[i]);
	free(table);
	atomic_store(&dev->mappings, NULL);
	rawpci_sys_close(&dev->blank);
}

static int map_door(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		    int (*map)(struct rawpci_device *dev, unsigned region, uint64_t offset,
			       uint64_t size, struct rawpci_mapping *out),
		    struct rawpci_mapping *out)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!out)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: out is NULL", dev->name);
	else
		r = map(dev, region, offset, size, out);
	return rawpci_leave(&call, r);
}

int rawpci_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		      struct rawpci_mapping *out)
{
	return map_door(dev, region, offset, size, rawpci_core_region_map, out);
}

int rawpci_region_map_wc(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			 struct rawpci_mapping *out)
{
	return map_door(dev, region, offset, size, map_wc, out);
}

int rawpci_region_unmap(struct rawpci_device *dev, void *base)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, unmap(dev, base, 0, 0, NULL));
}
