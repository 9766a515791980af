/* SPDX-License-Identifier: MIT */
/*
 * The ways to a device's descriptor and to its address space, lowest first: container.c and ioas.c,
 * on them group.c and cdev.c, on these transport.c. group.c takes rawpci_vfio.lock (device.h) for
 * the list of groups, so no function here is called with it held.
 */
#ifndef RAWPCI_VFIO_TRANSPORT_H
#define RAWPCI_VFIO_TRANSPORT_H

#include "vfio/device.h"

/* Address spaces (container.c, ioas.c), as a transport's functions: they know no device but the one
 * whose descriptors were given. */
int rawpci_vfio_container_open(struct rawpci_vfio_space *space,
			       const struct rawpci_vfio_device *first);
void rawpci_vfio_container_close(struct rawpci_vfio_space *space);
int rawpci_vfio_container_limits(struct rawpci_vfio_space *space, struct rawpci_dma_limits *out);
int rawpci_vfio_container_map(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			      uint64_t size);
int rawpci_vfio_container_unmap(struct rawpci_vfio_space *space, rawpci_iova_t iova,
				uint64_t *bytes);
/* Chooses the container's IOMMU model, once its first group is in. */
int rawpci_vfio_container_start(const struct rawpci_vfio_space *space);

int rawpci_vfio_ioas_open(struct rawpci_vfio_space *space, const struct rawpci_vfio_device *first);
void rawpci_vfio_ioas_close(struct rawpci_vfio_space *space);
int rawpci_vfio_ioas_limits(struct rawpci_vfio_space *space, struct rawpci_dma_limits *out);
int rawpci_vfio_ioas_map(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			 uint64_t size);
int rawpci_vfio_ioas_unmap(struct rawpci_vfio_space *space, rawpci_iova_t iova, uint64_t *bytes);

/* Devices (group.c, cdev.c). */
extern const struct rawpci_vfio_transport rawpci_vfio_transport_cdev;
extern const struct rawpci_vfio_transport rawpci_vfio_transport_group;
extern const struct rawpci_vfio_transport rawpci_vfio_transport_noiommu;

/* Has this context a device of the group open, by the group? Takes the lock. */
bool rawpci_vfio_group_used(struct rawpci_vfio *vfio, unsigned number);

/* The choice (transport.c). Attaches the device to the space with the best transport, or with the
 * one that the space has. Sets device->space and device->fd. -EXDEV: not to this space, but maybe
 * to another. */
int rawpci_vfio_transport_join(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space);
void rawpci_vfio_transport_leave(struct rawpci_vfio_device *device);

#endif
