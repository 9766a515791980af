/* SPDX-License-Identifier: MIT */
/*
 * Private to src/device: mappings of regions, and the direct loads and stores that go through them.
 * rawpci_maps is owned here; maps->lock guards the table's changes and whether pages are covered.
 */
#ifndef RAWPCI_DEVICE_MAPS_H
#define RAWPCI_DEVICE_MAPS_H

#include "core/device.h"

/* dev->mappings is the table itself. */
struct rawpci_maps {
	pthread_mutex_t lock;
	bool covered; /* the pages of all mappings raise SIGBUS */
	int blank;    /* the empty file that covers them; -1: none */
};

typedef int rawpci_region_map_fn(void *device, unsigned region, uint64_t offset, uint64_t size,
				 void *where);

/* A mapping. Once it is published only the areas change: under maps->lock, while no access is let
 * through. */
struct rawpci_map_entry {
	unsigned char *base;
	void *cpu; /* the address that the caller got */
	uint64_t size;
	uint64_t offset; /* of base in the region */
	unsigned region;
	rawpci_region_map_fn *map; /* the backend's operation that made it */
	unsigned area_count;       /* mapped pieces, relative to base */
	struct rawpci_region_area areas[RAWPCI_REGION_AREAS];
};

/* Addresses that can be loaded from and stored to: all areas of all mappings, in whole 8 bytes. */
struct rawpci_map_span {
	uintptr_t first;
	uint64_t size;
};

struct rawpci_map_table {
	unsigned span_count;
	unsigned count;
	struct rawpci_map_entry **entries; /* behind the spans */
	struct rawpci_map_span spans[];
};

/*
 * map-table.c
 */
/* An empty table with room for all entries of old and for the entry with, which may be NULL. NULL:
 * no memory. */
struct rawpci_map_table *rawpci_map_table_create(const struct rawpci_map_table *old,
						 const struct rawpci_map_entry *with);
void rawpci_map_table_add(struct rawpci_map_table *table, struct rawpci_map_entry *entry);
/* Makes the spans anew from the entries' areas. Requires maps->lock, and no access let through. */
void rawpci_map_table_refill(struct rawpci_map_table *table);

/*
 * sigbus.c: whether direct loads and stores get through. The outer locks may be held, the memory
 * gate may not.
 */
/* For a device that was just opened. */
void rawpci_cover_prepare(struct rawpci_device *dev);
/* Takes direct accesses away if reach.access lacks what they need. */
void rawpci_mappings_follow(struct rawpci_device *dev);
/* The same for an entry that is about to be published. Requires maps->lock. */
void rawpci_mappings_follow_new(struct rawpci_device *dev, struct rawpci_map_entry *entry);
/* Takes bits from reach.access. Returns when no MMIO is under way, and direct accesses are gone. */
void rawpci_access_stop(struct rawpci_device *dev, unsigned bits);
/* Adds bits to reach.access, direct accesses first. Requires that the device answers already. */
void rawpci_access_start(struct rawpci_device *dev, unsigned bits);

/*
 * maps.c
 */
int rawpci_mappings_create(struct rawpci_device *dev);
void rawpci_mappings_destroy(struct rawpci_device *dev);
/* map: NULL if the backend maps nothing. Areas that the kernel refuses to map are trapped. */
int rawpci_map_entry_create(struct rawpci_device *dev, unsigned region, uint64_t offset,
			    uint64_t size, rawpci_region_map_fn *map,
			    struct rawpci_map_entry **out);
void rawpci_map_entry_destroy(struct rawpci_map_entry *entry);
/* Publishes a new table that drops the entry without and gains the entry with; either may be NULL.
 * Returns when no access uses the old table. Requires dev->lock. */
int rawpci_map_table_replace(struct rawpci_device *dev, struct rawpci_map_entry *without,
			     struct rawpci_map_entry *with);
/* Requires dev->lock. */
static inline bool rawpci_mappings_none(const struct rawpci_device *dev)
{
	return atomic_load(&dev->mappings)->count == 0;
}

/* -ERANGE: the device has no such region. */
int rawpci_fail_absent(const struct rawpci_device *dev, unsigned region);

#endif
