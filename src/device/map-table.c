/* SPDX-License-Identifier: MIT */
/* The table of a device's mappings: their entries, and the addresses that can be accessed
 * directly. */
#include "device/maps.h"

#include <stdlib.h>
#include <string.h>

struct rawpci_map_table *rawpci_map_table_create(const struct rawpci_map_table *old,
						 const struct rawpci_map_entry *with)
{
	size_t spans = old->span_count + (with ? with->area_count : 0);
	size_t count = old->count + 1;
	struct rawpci_map_table *table;

	/* The fast path (mmio.h) reads the first span without a look at the count. */
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

		/* An area is whole pages, and the mapping may end inside the last one. */
		if (size > entry->size - area->offset)
			size = entry->size - area->offset;
		span->first = (uintptr_t)(entry->base + area->offset);
		span->size = size & ~UINT64_C(7);
	}
}

void rawpci_map_table_add(struct rawpci_map_table *table, struct rawpci_map_entry *entry)
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
