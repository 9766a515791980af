/* SPDX-License-Identifier: MIT */
/*
 * Regions: what the file "resource" says of them, and mappings of the files "resourceN" and "rom".
 * Calls only what files.h offers.
 *
 * Owns: the descriptors of these files and the mappings through which trapped accesses go.
 * Locks: rom_lock, because only one reader at a time may switch the ROM on. A trapped mapping is
 * made with the lock of config.h held, and found without one.
 */
#ifndef RAWPCI_SYSDEV_REGIONS_H
#define RAWPCI_SYSDEV_REGIONS_H

#include <stdatomic.h>
#include <stdint.h>

#include <rawpci/backend.h>

struct rawpci_sysdev;

struct rawpci_sysdev_region {
	struct rawpci_region_info info;
	int fd;             /* "resourceN" or "rom"; -1: there is none */
	_Atomic(void *) at; /* where trapped accesses find the region; NULL: not mapped yet */
};

/* region.c */
int rawpci_sysdev_regions_init(struct rawpci_sysdev *device);
void rawpci_sysdev_regions_finish(struct rawpci_sysdev *device);

/* Maps the whole region for trapped accesses, once. */
int rawpci_sysdev_region_at(struct rawpci_sysdev *device, unsigned region, void **at);

/* Operations of a backend. */
int rawpci_sysdev_region_info(void *device, unsigned region, struct rawpci_region_info *info);
int rawpci_sysdev_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			     void *where);
int rawpci_sysdev_region_map_wc(void *device, unsigned region, uint64_t offset, uint64_t size,
				void *where);

/* access.c */
int rawpci_sysdev_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			      uint64_t *value);
int rawpci_sysdev_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			       uint64_t value);

#endif
