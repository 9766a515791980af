/* SPDX-License-Identifier: MIT */
/*
 * What the backend has open in one context. A device is reached in two steps. A transport gives its
 * descriptor and attaches it to an address space; region.c and irq.c work on that descriptor alone.
 * There are three transports; the last is unsafe:
 *
 *   cdev     device cdev (cdev.c) and an IOAS of an iommufd (ioas.c)
 *   group    IOMMU group (group.c) and container (container.c)
 *   noiommu  the same without an IOMMU: no DMA mapping, nothing holds the device back
 *
 * transport.c chooses. The first device of a space sets its transport.
 *
 * Here are structures only. rawpci_vfio.lock guards the lists of groups and devices, and which
 * group is in which space. Nothing else is locked: core calls the operations on one space, and
 * those that change a device, one after the other.
 */
#ifndef RAWPCI_VFIO_DEVICE_H
#define RAWPCI_VFIO_DEVICE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <linux/vfio.h>

#include <rawpci/backend.h>

struct rawpci_vfio_group;
struct rawpci_vfio_device;
struct rawpci_vfio_space;

struct rawpci_vfio_transport {
	const char *name;
	bool unsafe;  /* no IOMMU: limits, map and unmap are NULL */
	bool by_user; /* the kernel counts pinned memory of all of the user's processes together */

	/* Opens the space's container or iommufd, or duplicates the one that was given for its
	 * first device. Sets space->fd. Requires: space->transport is set. */
	int (*space_open)(struct rawpci_vfio_space *space, const struct rawpci_vfio_device *first);
	void (*space_close)(struct rawpci_vfio_space *space);

	/* These set no reason when they fail. */
	int (*limits)(struct rawpci_vfio_space *space, struct rawpci_dma_limits *limits);
	int (*map)(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host, uint64_t size);
	/* bytes: size in, what the kernel unmapped out */
	int (*unmap)(struct rawpci_vfio_space *space, rawpci_iova_t iova, uint64_t *bytes);

	/* Attaches the device to the open space. Sets device->fd. -EXDEV: not to this space. */
	int (*join)(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space);
	/* Detaches the device and closes device->fd. */
	void (*leave)(struct rawpci_vfio_device *device);
};

/* The backend in one context. */
struct rawpci_vfio {
	struct rawpci *ctx;
	pthread_mutex_t lock;
	struct rawpci_vfio_group *groups;   /* open ones */
	struct rawpci_vfio_device *devices; /* open ones, and those being opened */
	const char *interrupts;             /* /proc/interrupts */
};

struct rawpci_vfio_space {
	struct rawpci_vfio *vfio;
	const struct rawpci_vfio_transport *transport; /* NULL: no device yet */
	int fd;           /* the container or iommufd; -1 without a transport */
	uint32_t ioas;    /* in the iommufd */
	unsigned members; /* groups or cdevs in it */
	bool given;       /* another program may have the container, too */
	bool asked;       /* .whole is known */
	bool whole;       /* the kernel can unmap what ends with the last of all addresses */
};

/* An IOMMU group can be open once on the whole host, so its devices share the descriptor. */
struct rawpci_vfio_group {
	struct rawpci_vfio_group *next;
	struct rawpci_vfio_space *space;
	unsigned number;
	unsigned users; /* devices */
	int fd;
	bool given; /* another program may have fd, too */
	bool lent;  /* the group was given in its container, and stays there */
};

struct rawpci_vfio_region {
	uint64_t offset; /* in the device's descriptor */
	uint64_t size;
	uint32_t flags; /* VFIO_REGION_INFO_FLAG_... */
};

struct rawpci_vfio_device {
	struct rawpci_vfio_device *next;
	struct rawpci_vfio *vfio;
	struct rawpci_vfio_space *space;
	struct rawpci_vfio_group *group;     /* NULL: by cdev */
	const struct rawpci_device_fds *fds; /* while it is being opened; NULL: none given */
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	int fd;
	bool lent;      /* another program may have it, too: closing it here may not close it */
	bool used;      /* it may have been in use before it was given: not fresh */
	uint32_t flags; /* VFIO_DEVICE_FLAGS_... */
	struct rawpci_vfio_region regions[VFIO_PCI_CONFIG_REGION_INDEX + 1];
};

#endif
