/* SPDX-License-Identifier: MIT */
/*
 * Mappings of regions: making one, taking one away. Readers find the table of mappings without a
 * lock, so each change makes a new table.
 */
#include <errno.h>
#include <stdlib.h>

#include "core/device.h"
#include "core/log.h"
#include "core/handle.h"
#include "device/maps.h"
#include "os/sys.h"

#define LARGEST_ALIGN (UINT64_C(1) << 30)

/* The kernel can map large BARs with huge pages if the addresses are aligned. */
static uint64_t alignment(const struct rawpci_region_info *info, uint64_t offset)
{
	uint64_t align = info->size;

	if (align > LARGEST_ALIGN)
		align = LARGEST_ALIGN;
	if (offset % align != 0 || (align & (align - 1)) != 0)
		align = 0;
	return align;
}

/* Maps the part of the area that lies in the entry. If the kernel refuses, that part is trapped. */
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
	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
		   "%s: %#llx bytes at %#llx of region %u are "
		   "reached by trapping: %s",
		   dev->name, (unsigned long long)mapped->size, (unsigned long long)first,
		   entry->region, rawpci_reason());
}

int rawpci_map_entry_create(struct rawpci_device *dev, unsigned region, uint64_t offset,
			    uint64_t size, rawpci_region_map_fn *map, struct rawpci_map_entry **out)
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
		return rawpci_fail(dev->ctx, -EADDRNOTAVAIL,
				   "%s: the kernel gave no %#llx bytes "
				   "of address space: %s",
				   dev->name, (unsigned long long)size,
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

void rawpci_map_entry_destroy(struct rawpci_map_entry *entry)
{
	rawpci_sys_unmap(entry->base, entry->size);
	free(entry);
}

/* Requires maps->lock. The new table drops the entry without and gains the entry with. */
static int make_table(struct rawpci_device *dev, struct rawpci_map_entry *without,
		      struct rawpci_map_entry *with)
{
	struct rawpci_map_table *old = atomic_load(&dev->mappings);
	struct rawpci_map_table *table = rawpci_map_table_create(old, with);

	if (!table)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	for (unsigned i = 0; i < old->count; i++)
		if (old->entries[i] != without)
			rawpci_map_table_add(table, old->entries[i]);
	if (with)
		rawpci_map_table_add(table, with);
	atomic_store(&dev->mappings, table);
	rawpci_gate_wait(&dev->slot->memory);
	free(old);
	return 0;
}

int rawpci_map_table_replace(struct rawpci_device *dev, struct rawpci_map_entry *without,
			     struct rawpci_map_entry *with)
{
	int r;

	(void)pthread_mutex_lock(&dev->maps->lock);
	if (with)
		rawpci_mappings_follow_new(dev, with);
	r = make_table(dev, without, with);
	(void)pthread_mutex_unlock(&dev->maps->lock);
	return r;
}

int rawpci_mappings_create(struct rawpci_device *dev)
{
	static const struct rawpci_map_table nothing;
	struct rawpci_map_table *table = rawpci_map_table_create(&nothing, NULL);

	dev->maps->covered = false;
	dev->maps->blank = -1;
	atomic_init(&dev->mappings, table);
	return table ? 0 : -ENOMEM;
}

void rawpci_mappings_destroy(struct rawpci_device *dev)
{
	struct rawpci_map_table *table = atomic_load(&dev->mappings);

	for (unsigned i = 0; table && i < table->count; i++)
		rawpci_map_entry_destroy(table->entries[i]);
	free(table);
	atomic_store(&dev->mappings, NULL);
	rawpci_sys_close(&dev->maps->blank);
}
