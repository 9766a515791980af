/* SPDX-License-Identifier: MIT */
/*
 * The kernel has refused a step (refusals.c). Each function fails with the reason and returns what
 * the operation is to return. It asks obstacles first, and adds what only the errno tells. Keeps no
 * state, needs no lock.
 */
#ifndef RAWPCI_VFIO_REFUSALS_H
#define RAWPCI_VFIO_REFUSALS_H

#include "vfio/device.h"
#include "vfio/obstacles.h"

/* Fails with words as of rawpci_vfio_say(), for what only the errno tells. reason: a negative errno
 * value whose meaning ends the cause; 0: none. Returns error. */
int rawpci_vfio_refuse(const struct rawpci_vfio_device *device, int error, int reason,
		       const char *format, ...) RAWPCI_PRINTF(4, 5);

/* The IOMMU group could not be found out. */
int rawpci_vfio_refused_number(const struct rawpci_vfio_device *device, int error);

/* A node could not be opened, or what was opened is none of that kind. */
int rawpci_vfio_refused_node(const struct rawpci_vfio_device *device,
			     enum rawpci_vfio_node_kind kind, const char *path, int error);

/* The device has no cdev, or its name could not be found out. */
int rawpci_vfio_refused_name(const struct rawpci_vfio_device *device, int error);

/* A descriptor that was given is not what (a noun with its article). */
int rawpci_vfio_refused_given(const struct rawpci_vfio_device *device, const char *what, int error);

/* The kernel finds the group not viable. */
int rawpci_vfio_refused_viability(const struct rawpci_vfio_device *device, unsigned group);

/* The group or device could not be attached to an address space. module: the one that gives groups
 * away, with the parameter allow_unsafe_interrupts. */
int rawpci_vfio_refused_attach(const struct rawpci_vfio_device *device, unsigned group,
			       const char *module, int error);

/* The cdev could not be bound to an iommufd. */
int rawpci_vfio_refused_bind(const struct rawpci_vfio_device *device, const char *path, int error);

/* The kernel gave no descriptor of the device, or the device does not answer. */
int rawpci_vfio_refused_device(const struct rawpci_vfio_device *device, int error);

int rawpci_vfio_refused_reset(const struct rawpci_vfio_device *device, int error);

/* limits: of the space, with EINVAL. */
int rawpci_vfio_refused_map(const struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			    uint64_t size, const struct rawpci_dma_limits *limits, int error);

#endif
