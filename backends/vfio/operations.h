/* SPDX-License-Identifier: MIT */
/*
 * The contract's operations on what is open. Core calls those that change something one after the
 * other; config space, regions and irq_unmask() are one system call each. So there is no lock.
 */
#ifndef RAWPCI_VFIO_OPERATIONS_H
#define RAWPCI_VFIO_OPERATIONS_H

#include "vfio/device.h"

/* Address spaces, of any transport (space.c). */
int rawpci_vfio_space_create(void *instance, void **space);
void rawpci_vfio_space_destroy(void *space);
int rawpci_vfio_space_limits(void *space, struct rawpci_dma_limits *limits);
int rawpci_vfio_dma_map(void *space, rawpci_iova_t iova, void *host, uint64_t size);
int rawpci_vfio_dma_unmap(void *space, rawpci_iova_t iova, uint64_t size);

/* Regions and config space (region.c). */
int rawpci_vfio_regions_load(struct rawpci_vfio_device *device);
int rawpci_vfio_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value);
int rawpci_vfio_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);
int rawpci_vfio_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			   void *where);
int rawpci_vfio_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t *value);
int rawpci_vfio_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value);

/* What can be mapped of a region (mappable.c). */
int rawpci_vfio_region_info(void *device, unsigned region, struct rawpci_region_info *info);

/* Adds the whole pages of [offset, offset + size) to a present region's areas, which stay ascending
 * and apart. What is beyond the region, or one area too many, is left out. */
void rawpci_vfio_area_add(struct rawpci_region_info *info, uint64_t page, uint64_t offset,
			  uint64_t size);

/* Takes the pages that [offset, offset + size) touches out of the areas. */
void rawpci_vfio_area_cut(struct rawpci_region_info *info, uint64_t page, uint64_t offset,
			  uint64_t size);

/* Interrupts and events (irq.c). */
int rawpci_vfio_irq_counts(struct rawpci_vfio_device *device, struct rawpci_backend_info *info);
int rawpci_vfio_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
			   const int *eventfds);
int rawpci_vfio_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int eventfd);
void rawpci_vfio_irq_disable(void *device, enum rawpci_irq_type type);
int rawpci_vfio_irq_unmask(void *device);
int rawpci_vfio_event_set(void *device, enum rawpci_event event, int eventfd);

#endif
