/* SPDX-License-Identifier: MIT */
/*
 * Mappings of regions, and the direct loads and stores that go through them.
 */
#ifndef RAWPCI_DEVICE_MAPS_H
#define RAWPCI_DEVICE_MAPS_H

#include "core/device.h"

/* dev->mappings is the table itself. */
struct rawpci_maps {
	pthread_mutex_t lock;
	bool covered; /* the pages of all mappings raise SIGBUS */
	int blank;    /* the empty file that they are covered with; -1: none */
};

typedef int rawpci_region_map_fn(void *device, unsigned region, uint64_t offset, uint64_t size,
				 void *where);

/* A mapping: immutable once published, but for areas, which change under maps->lock while no access is
 * let through. */
struct rawpci_map_entry {
	unsigned char *base;
	void *cpu; /* as the caller was given it */
	uint64_t size;
	uint64_t offset; /* of base in the region */
	unsigned region;
	rawpci_region_map_fn *map; /* the backend's operation that made it */
	unsigned area_count; /* mapped pieces, relative to base */
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
 * maps.c
 */
int rawpci_mappings_create(struct rawpci_device *dev);
void rawpci_mappings_destroy(struct rawpci_device *dev);
/* map: NULL where the backend maps nothing. What the kernel refuses to map is trapped. */
int rawpci_map_entry_create(struct rawpci_device *dev, unsigned region, uint64_t offset,
			    uint64_t size, rawpci_region_map_fn *map,
			    struct rawpci_map_entry **out);
void rawpci_map_entry_destroy(struct rawpci_map_entry *entry);
/* The new table has all entries of the old one but without, and with. Either may be NULL. Returns
 * when no access uses the old one. Requires dev->lock. */
int rawpci_map_table_replace(struct rawpci_device *dev, struct rawpci_map_entry *without,
			     struct rawpci_map_entry *with);
/* Requires dev->lock. */
static inline bool rawpci_mappings_none(const struct rawpci_device *dev)
{
	return atomic_load(&dev->mappings)->count == 0;
}

/* The spans, from the entries' areas. Requires maps->lock, and that no access is let through. */
void rawpci_map_table_refill(struct rawpci_map_table *table);

/*
 * cover.c: direct loads and stores, which no gate holds up. The outer locks may be held, the memory
 * gate may not.
 */
/* For a device that was just opened. */
void rawpci_cover_prepare(struct rawpci_device *dev);
/* Takes direct accesses away where access has lost what they need. */
void rawpci_mappings_follow(struct rawpci_device *dev);
/* Lets accesses through, and direct ones before them. The device answers already. */
void rawpci_access_start(struct rawpci_device *dev, unsigned bits);
/* For an entry that is to be published. Requires maps->lock. */
void rawpci_mappings_follow_new(struct rawpci_device *dev, struct rawpci_map_entry *entry);

#endif
