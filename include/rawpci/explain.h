/* SPDX-License-Identifier: MIT */
/*
 * The diagnosis of a device before anyone tries to open it: which backends could, what stands in
 * the way, and what would help; in words for a person and as data for a program. Nothing is bound
 * or changed, and nothing opened that can be open only once. It tells what this process could do,
 * with its user and its limits: that VFIO's node of the device is open elsewhere is seen only of
 * processes that this one may look into.
 */
#ifndef RAWPCI_EXPLAIN_H
#define RAWPCI_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/enumerate.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/* What stands in the way, in the order in which it is dealt with. */
enum rawpci_obstacle {
	RAWPCI_OBSTACLE_NO_DEVICE = 1,     /* there is no such device */
	RAWPCI_OBSTACLE_GONE = 2,          /* it does not answer */
	RAWPCI_OBSTACLE_BRIDGE = 3,        /* a bridge cannot be given away */
	RAWPCI_OBSTACLE_VFS = 4,           /* it has virtual functions enabled: .number */
	RAWPCI_OBSTACLE_NO_IOMMU = 5,      /* the kernel uses no IOMMU. Without .blocks: the device is
					      opened all the same, and none keeps it from the host's
					      memory (sysfs and uio, also where .group is passed
					      through: iommu=pt) */
	RAWPCI_OBSTACLE_NO_GROUP = 6,      /* no IOMMU of the host covers the device */
	RAWPCI_OBSTACLE_MODULE = 7,        /* the kernel module .driver is not loaded */
	RAWPCI_OBSTACLE_GROUP = 8,         /* .driver holds .blocker of the same IOMMU group; without
					      .blocks the device can reach what that has mapped */
	RAWPCI_OBSTACLE_HOST_DRIVER = 9,   /* .driver holds the device */
	RAWPCI_OBSTACLE_PERMISSION = 10,   /* this user may not use .path */
	RAWPCI_OBSTACLE_LOCKDOWN = 11,     /* the kernel is locked down */
	RAWPCI_OBSTACLE_LOCKED_MEMORY = 12, /* .needed bytes more than .allowed less .used */
	RAWPCI_OBSTACLE_OTHER = 13,        /* what the backend says: .cause */
	RAWPCI_OBSTACLE_IO_URING = 14,     /* io_uring is forbidden to this process */
	RAWPCI_OBSTACLE_BOOT_VGA = 15,     /* taking it ends the host's console */
	RAWPCI_OBSTACLE_IN_USE = 16,       /* the host would lose what it uses: .cause */
	RAWPCI_OBSTACLE_OWNED = 17,        /* process .number (0: it cannot be seen) has the device
					      open: the lock or the node .path */
	RAWPCI_OBSTACLE_LEFT = 18,         /* a killed process had taken it from .driver ("": none),
					      to which the next open gives it back first */
};

/* One thing found. Fields that its obstacle does not mention are zero. Grows at its end. */
struct rawpci_finding {
	struct rawpci_finding *next;
	enum rawpci_obstacle obstacle;
	bool blocks;      /* its backend, or with none named all: another one may work. false: it can
			     be opened all the same, the cause says at what price */
	int error;        /* what rawpci_device_open() would return for it, a negative errno; 0:
			     nothing. LOCKED_MEMORY and IO_URING: what a later call would */
	char backend[16]; /* which one it is about; "": all */

	struct rawpci_address blocker;
	char driver[64];
	char path[128];
	uint64_t needed, allowed, used; /* bytes */
	unsigned group;                 /* IOMMU group of .blocker */
	unsigned number;

	char cause[384];    /* half a sentence: "the host driver nvme holds it" */
	char remedy[320];   /* the other half; "": there is none */
	char commands[512]; /* of a root shell, a line each; "": none. None takes from the host what
			       it is seen to use */
};

/* A backend, as a way into the device. Grows at its end. */
struct rawpci_way {
	struct rawpci_way *next;
	char backend[16];
	bool works;      /* as openable, if it were chosen by name */
	bool interrupts; /* the backend has them */
	bool dma;        /* the backend can give the device guest memory */
	char reason[768]; /* where it does not work: why, in one sentence */
};

/* A diagnosis. Grows at its end. */
struct rawpci_explanation {
	const char *text; /* for a person, lines; the first has the cause and the remedy */
	bool openable;    /* rawpci_device_open() of this context would succeed now, and later calls
			     would not fail for LOCKED_MEMORY or IO_URING */
	struct rawpci_address address;
	const struct rawpci_host_device *device; /* NULL: sysfs has none, or the context's backend
						    has devices of its own */
	const struct rawpci_finding *findings;   /* in the order to deal with them; NULL: none */
	const struct rawpci_way *ways;           /* in the order in which they are tried */
};

/* Set size to sizeof(struct rawpci_explain_options) and the rest to zero for the defaults. */
struct rawpci_explain_options {
	size_t size;
	unsigned flags;  /* enum rawpci_open_flags that it would be opened with */
	uint64_t memory; /* bytes that would be mapped for DMA; 0: not checked */
};

/**
 * Diagnoses a device.
 * @address: as for rawpci_address_parse()
 * @options: NULL for the defaults
 * @out: written on success only; rawpci_explanation_destroy() frees it with all it points to
 *
 * Where the context was created for one backend, only that one is looked at, else those of the
 * automatic choice. A device that is not there is a finding, not a failure. Where the device could
 * not be opened, .error of the first finding is what rawpci_device_open() would return, and the
 * first line of .text is about that one.
 *
 * Any thread.
 * Returns 0, or
 *   -EFAULT  ctx, address or out is NULL
 *   -EINVAL  not an address; or options.size is too small for its own field
 *   -EBADRQC unknown flag
 *   -ENOMEM  no memory
 */
int rawpci_explain(struct rawpci *ctx, const char *address,
		   const struct rawpci_explain_options *options, struct rawpci_explanation **out);

/** Frees an explanation. @explanation: may be NULL */
void rawpci_explanation_destroy(struct rawpci_explanation *explanation);

/** An obstacle's name ("no-iommu"); "unknown" for other values. A static string. */
const char *rawpci_obstacle_name(enum rawpci_obstacle obstacle);

#ifdef __cplusplus
}
#endif

#endif
