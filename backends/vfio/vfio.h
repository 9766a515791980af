/* SPDX-License-Identifier: MIT */
/*
 * The VFIO backend's own. A device is reached in two steps: a transport gives its descriptor and
 * attaches it to an address space, and everything else works on that descriptor alone (region.c,
 * irq.c). There are two transports and an unsafe one:
 *
 *   cdev     device cdev (cdev.c) and an IOAS of an iommufd (ioas.c)
 *   group    IOMMU group (group.c) and container (container.c)
 *   noiommu  the same without an IOMMU: no DMA mapping, nothing holds the device back
 *
 * transport.c chooses. A space is of the transport of its first device.
 */
#ifndef RAWPCI_VFIO_VFIO_H
#define RAWPCI_VFIO_VFIO_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/vfio.h>

#include <rawpci/backend.h>

#include "os/opener.h"
#include "os/sysfs.h"

#define RAWPCI_VFIO_PATH 512

struct rawpci_vfio;
struct rawpci_vfio_space;
struct rawpci_vfio_group;
struct rawpci_vfio_device;

struct rawpci_vfio_transport {
	const char *name;
	bool unsafe;  /* no IOMMU: limits, map and unmap are NULL */
	bool by_user; /* the kernel counts pinned memory of all of the user's processes together */

	/* Can it be used for devices, as far as is known before they are bound to vfio-pci? */
	int (*probe)(struct rawpci_vfio *vfio, const char *name);

	/* The space's container or iommufd: a copy of what was given for its first device, else
	 * opened here. Sets space->fd. */
	int (*space_open)(struct rawpci_vfio_space *space, const struct rawpci_vfio_device *first);
	void (*space_close)(struct rawpci_vfio_space *space);

	/* These say nothing when they fail. */
	int (*limits)(struct rawpci_vfio_space *space, struct rawpci_dma_limits *limits);
	int (*map)(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host, uint64_t size);
	/* bytes: size in, what the kernel unmapped out */
	int (*unmap)(struct rawpci_vfio_space *space, rawpci_iova_t iova, uint64_t *bytes);

	/* Attaches the device to the open space. Sets device->fd. -EXDEV: not to this one. */
	int (*join)(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space);
	/* Detaches it and closes device->fd. */
	void (*leave)(struct rawpci_vfio_device *device);
};


/* One context's. */
struct rawpci_vfio {
	struct rawpci *ctx;
	pthread_mutex_t lock;               /* the lists, and membership of groups in spaces */
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
	bool given;       /* the container may be another program's, too */
	bool asked;       /* the next one is known */
	bool whole;       /* the kernel takes back what ends with the last of all addresses */
};

/* An IOMMU group can be open once on the whole host, so its devices share the descriptor. */
struct rawpci_vfio_group {
	struct rawpci_vfio_group *next;
	struct rawpci_vfio_space *space;
	unsigned number;
	unsigned users; /* devices */
	int fd;
	bool given;     /* fd is somebody else's, too */
	bool lent;      /* it was in the container when it was handed to us, and stays there */
};

struct rawpci_vfio_region {
	uint64_t offset; /* in the device's descriptor */
	uint64_t size;
	uint32_t flags;  /* VFIO_REGION_INFO_FLAG_... */
};

struct rawpci_vfio_device {
	struct rawpci_vfio_device *next;
	struct rawpci_vfio *vfio;
	struct rawpci_vfio_space *space;
	struct rawpci_vfio_group *group; /* NULL: by cdev */
	const struct rawpci_device_fds *fds; /* while it is being opened; NULL: none given */
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	int fd;
	bool lent; /* somebody else may have it, too: closing it may close nothing in the kernel */
	bool used; /* it may have been in use before it was handed to us: not fresh */
	uint32_t flags; /* VFIO_DEVICE_FLAGS_... */
	struct rawpci_vfio_region regions[VFIO_PCI_CONFIG_REGION_INDEX + 1];
};

/* Settings. */
const char *rawpci_vfio_sysfs(const struct rawpci_vfio *vfio);
const char *rawpci_vfio_dir(const struct rawpci_vfio *vfio);

/* "<vfio.dir>/<name>"; a name that does not fit gives a path that does not exist. */
void rawpci_vfio_node(const struct rawpci_vfio *vfio, const char *name,
		      char path[RAWPCI_VFIO_PATH]);

const char *rawpci_vfio_iommu(const struct rawpci_vfio *vfio);
bool rawpci_vfio_noiommu_wanted(const struct rawpci_vfio *vfio);

/* A parameter of a kernel module; "" if it cannot be read. */
void rawpci_vfio_parameter(const struct rawpci_vfio *vfio, const char *module, const char *name,
			   char *text, size_t size);

/*
 * Replies of the kernel's (reply.c)
 */

/**
 * Makes a request whose reply may be longer than its fixed part, into memory of the right size.
 * @fixed: the argument's fixed part, argsz first
 * @reply: receives size bytes that the caller frees
 */
int rawpci_vfio_query(int fd, unsigned long request, const void *fixed, uint32_t fixed_size,
		      void **reply, uint32_t *size);

/**
 * Finds a capability (struct vfio_info_cap_header) in the chain behind a reply.
 * @first: offset of the chain's first one; 0: none
 * @minimum: bytes the capability must have
 * @offset: receives where it starts
 *
 * Returns 0, -ENOENT, or -EIO for a chain that leaves the reply, overlaps its fixed part or does
 * not end.
 */
int rawpci_vfio_cap_find(const void *reply, uint32_t size, uint32_t fixed_size, uint32_t first,
			 uint16_t id, uint32_t minimum, uint32_t *offset);

/* Copies count pairs of 64-bit addresses, first and last, into limits. Ranges that are not what the
 * kernel promises (ascending, apart) are as good as none. */
void rawpci_vfio_copy_ranges(const unsigned char *from, uint32_t count,
			     struct rawpci_dma_limits *limits);

/*
 * Transports
 */
extern const struct rawpci_vfio_transport rawpci_vfio_transport_cdev;
extern const struct rawpci_vfio_transport rawpci_vfio_transport_group;
extern const struct rawpci_vfio_transport rawpci_vfio_transport_noiommu;

/* 0 when one of those that may be used can be, else the reason of the last of them. */
int rawpci_vfio_transport_probe(struct rawpci_vfio *vfio, const char *name);

/* Attaches the device to the space with the best transport there is, or with the space's. Sets
 * device->space and device->fd. -EXDEV: not to this space, but maybe to another. */
int rawpci_vfio_transport_join(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space);
void rawpci_vfio_transport_leave(struct rawpci_vfio_device *device);

/* Has this context a device of it open? */
bool rawpci_vfio_group_used(struct rawpci_vfio *vfio, unsigned number);

/* A container (container.c), and an IOAS of an iommufd (ioas.c), as a transport's functions. */
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

/*
 * Address spaces, of any transport (space.c)
 */
int rawpci_vfio_space_create(void *instance, void **space);
void rawpci_vfio_space_destroy(void *space);
int rawpci_vfio_space_limits(void *space, struct rawpci_dma_limits *limits);
int rawpci_vfio_dma_map(void *space, rawpci_iova_t iova, void *host, uint64_t size);
int rawpci_vfio_dma_unmap(void *space, rawpci_iova_t iova, uint64_t size);

/*
 * Regions and config space (region.c)
 */
int rawpci_vfio_regions_load(struct rawpci_vfio_device *device);
int rawpci_vfio_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value);
int rawpci_vfio_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);
int rawpci_vfio_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			   void *where);
int rawpci_vfio_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t *value);
int rawpci_vfio_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value);

/*
 * What can be mapped of a region (areas.c)
 */
int rawpci_vfio_region_info(void *device, unsigned region, struct rawpci_region_info *info);

/* Adds the whole pages of [offset, offset + size) to a present region's areas, which stay ascending
 * and apart. What is beyond the region, or one area too many, is left out. */
void rawpci_vfio_area_add(struct rawpci_region_info *info, uint64_t page, uint64_t offset,
			  uint64_t size);

/* Takes the pages that [offset, offset + size) touches out of the areas. */
void rawpci_vfio_area_cut(struct rawpci_region_info *info, uint64_t page, uint64_t offset,
			  uint64_t size);

/*
 * Interrupts and events (irq.c)
 */
int rawpci_vfio_irq_counts(struct rawpci_vfio_device *device, struct rawpci_backend_info *info);
int rawpci_vfio_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
			   const int *eventfds);
int rawpci_vfio_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int eventfd);
void rawpci_vfio_irq_disable(void *device, enum rawpci_irq_type type);
int rawpci_vfio_irq_unmask(void *device);
int rawpci_vfio_event_set(void *device, enum rawpci_event event, int eventfd);

/*
 * Reasons in words (explain.c, refusals.c, explain-cdev.c, explain-dma.c). Each says why with
 * rawpci_backend_fail() and returns what the operation is to return. name: the device, as people
 * write it.
 */
int rawpci_vfio_explain_absent(struct rawpci_vfio *vfio, const char *name);
int rawpci_vfio_explain_no_group(struct rawpci_vfio *vfio, const char *name, int error);
int rawpci_vfio_explain_bridge(struct rawpci_vfio *vfio, const struct rawpci_address *address,
			       const char *name);
int rawpci_vfio_explain_functions(struct rawpci_vfio *vfio, const struct rawpci_address *address,
				  const char *name);
int rawpci_vfio_explain_no_driver(struct rawpci_vfio *vfio, const char *name);
int rawpci_vfio_explain_container(struct rawpci_vfio *vfio, const char *who, const char *path,
				  int error);
int rawpci_vfio_explain_node(const struct rawpci_vfio_device *device, unsigned group,
			     const char *path, int error);
/* Why a node cannot be opened, whatever it is of; subsystem: as udev calls it. */
int rawpci_vfio_explain_node_error(const struct rawpci_vfio_device *device, const char *path,
				   const char *subsystem, int error);
/* module: the one that gives groups away, with the parameter allow_unsafe_interrupts. */
int rawpci_vfio_explain_attach(const struct rawpci_vfio_device *device, unsigned group,
			       const char *module, int error);
/* A descriptor that was given turned out not to be what (a noun with its article). */
int rawpci_vfio_explain_given(const struct rawpci_vfio_device *device, const char *what, int error);
/* Names the process that has path open, as far as this one may look into others. */
int rawpci_vfio_explain_busy(const struct rawpci_vfio_device *device, const char *path);
int rawpci_vfio_explain_iommufd(struct rawpci_vfio *vfio, const char *who, const char *path,
				int error);
int rawpci_vfio_explain_cdev(const struct rawpci_vfio_device *device, const char *path, int error);
int rawpci_vfio_explain_bind(const struct rawpci_vfio_device *device, const char *path, int error);
int rawpci_vfio_explain_device(const struct rawpci_vfio_device *device, int error);

/* 0 when no device of the group is bound to a driver that keeps it from being viable, else -EBUSY
 * with the names of both. */
int rawpci_vfio_explain_blockers(struct rawpci_vfio *vfio, const struct rawpci_address *address,
				 unsigned group);

/* host.c: does an IOMMU run on this host? And what to do where none does; *intel_on: that
 * takes the parameter intel_iommu=on. The last is what that is made of: /proc/cpuinfo, and which
 * tables the firmware has. */
bool rawpci_vfio_has_iommu(const struct rawpci_vfio *vfio);
const char *rawpci_vfio_no_iommu_remedy(const struct rawpci_vfio *vfio, bool *intel_on);
const char *rawpci_vfio_iommu_remedy(const char *cpuinfo, bool dmar, bool ivrs, bool *intel_on);

/* Is it a bridge to another bus? How many virtual functions keep vfio-pci from taking it? */
bool rawpci_vfio_is_bridge(const char *sysfs, const struct rawpci_address *address);
unsigned rawpci_vfio_functions(const char *sysfs, const struct rawpci_address *address);

/* Does a device of the same group keep it from being viable? With its driver if so. */
bool rawpci_vfio_blocks(const char *sysfs, const struct rawpci_address *self,
			const struct rawpci_address *address, char driver[RAWPCI_SYSFS_NAME]);

/* nodes.c: does the host remap interrupts? path: /proc/interrupts. 1, 0, or where that
 * cannot be told a negative errno value. */
int rawpci_vfio_remaps(const char *path);

/* Who has another device of a group open by its cdev, or the group itself. */
struct rawpci_vfio_holder {
	char path[RAWPCI_VFIO_PATH]; /* the node */
	struct rawpci_opener opener;
};

/* False: nobody who can be seen. */
bool rawpci_vfio_group_holder(const struct rawpci_vfio *vfio, const struct rawpci_address *self,
			      unsigned group, struct rawpci_vfio_holder *out);

int rawpci_vfio_explain_forbidden(const struct rawpci_vfio_device *device, unsigned group,
				  const char *module, bool by_cdev);

/* How many bytes this process may lock and has locked; false: as many as it wants. */
bool rawpci_vfio_lock_limit(uint64_t *allowed, uint64_t *used);

/* Everything that stands in the way (obstacles.c), as the contract's explain(). */
int rawpci_vfio_diagnose(void *instance, const struct rawpci_address *address, uint64_t memory,
			 struct rawpci_findings *to);

int rawpci_vfio_explain_map(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			    uint64_t size, const struct rawpci_dma_limits *limits, int error);

/* The number behind a field's name in the text of /proc/self/status. */
int rawpci_vfio_status_field(const char *status, const char *field, int base, uint64_t *value);

#endif
