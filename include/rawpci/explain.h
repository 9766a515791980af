/* SPDX-License-Identifier: MIT */
/**
 * @file explain.h
 * The diagnosis of a device before a program tries to open it.
 *
 * It tells which backends could open the device, what keeps them from it, and what would help. It
 * does so in words for a person and as data for a program. It binds and changes nothing, and opens
 * nothing that can be open only once.
 *
 * It tells what this process could do, with its user and its limits. It sees another program's open
 * VFIO node only if this process may read that program's /proc/PID/fd.
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

/**
 * What keeps a device from being opened or used.
 *
 * The values are in the order in which to deal with them. A name with a dot is a field of struct
 * rawpci_finding.
 */
enum rawpci_obstacle {
	RAWPCI_OBSTACLE_NO_DEVICE = 1, /**< There is no such device. */
	RAWPCI_OBSTACLE_GONE = 2,      /**< The device does not answer. */
	RAWPCI_OBSTACLE_BRIDGE = 3,    /**< It is a bridge, which vfio cannot open. */
	RAWPCI_OBSTACLE_VFS = 4,       /**< The device has virtual functions enabled: .number. */
	/** No IOMMU keeps the device from the host's memory, as far as the library can tell. For
	 * sysfs and uio that includes a .group that is passed through (iommu=pt). If .blocks is
	 * false, the device opens, and .cause says what it can reach. */
	RAWPCI_OBSTACLE_NO_IOMMU = 5,
	RAWPCI_OBSTACLE_NO_GROUP = 6, /**< No IOMMU of the host covers the device. */
	RAWPCI_OBSTACLE_MODULE = 7,   /**< The kernel module .driver is not loaded. */
	/** Another device of the IOMMU group, .blocker, is bound to .driver. If .blocks is false,
	 * the opened device can reach what that driver has mapped for DMA. */
	RAWPCI_OBSTACLE_GROUP = 8,
	RAWPCI_OBSTACLE_HOST_DRIVER = 9, /**< The device, .blocker, is bound to .driver. */
	RAWPCI_OBSTACLE_PERMISSION = 10, /**< This user may not use .path. */
	RAWPCI_OBSTACLE_LOCKDOWN = 11,   /**< The kernel is locked down. */
	/** .needed bytes are more than .allowed minus .used. */
	RAWPCI_OBSTACLE_LOCKED_MEMORY = 12,
	RAWPCI_OBSTACLE_OTHER = 13,    /**< Anything else: .cause. It may have a .path. */
	RAWPCI_OBSTACLE_IO_URING = 14, /**< io_uring is forbidden to this process. */
	RAWPCI_OBSTACLE_BOOT_VGA = 15, /**< Taking the device ends the host's console. */
	RAWPCI_OBSTACLE_IN_USE = 16,   /**< The host would lose what it uses: .cause. */
	/** Process .number has the device open: the lock or the node .path. .number is 0 if the
	 * process cannot be seen. It may have a .group. */
	RAWPCI_OBSTACLE_OWNED = 17,
	/** A killed process had taken the device from .driver ("": none). The next open first
	 * returns the device to that driver. */
	RAWPCI_OBSTACLE_LEFT = 18,
	/** The device is kept (<rawpci/handover.h>); its host driver is .driver ("": none). If
	 * .blocks is true, .backend does not work with the driver that the device is kept for. */
	RAWPCI_OBSTACLE_KEPT = 19,
};

/** One thing found. Fields that its obstacle does not mention are zero. It grows at its end. */
struct rawpci_finding {
	struct rawpci_finding *next;   /**< The next finding, or NULL. */
	enum rawpci_obstacle obstacle; /**< What was found. */
	/** true: this finding prevents the open by .backend, or by every backend if that is "".
	 * Another backend may still work. false: the device can be opened anyway, and .cause says
	 * at what price. */
	bool blocks;
	/** What rawpci_device_open() would return for it, a negative errno value. 0: nothing. For
	 * LOCKED_MEMORY and IO_URING: what a later call would return. */
	int error;
	char backend[16]; /**< The backend that it is about. "": all. */

	struct rawpci_address blocker; /**< A device that is in the way. */
	char driver[64];               /**< A driver or a kernel module. */
	char path[128];                /**< A file or a directory. */
	uint64_t needed,               /**< Bytes of locked memory that are needed. */
		allowed,               /**< Bytes of locked memory that are allowed. */
		used;                  /**< Bytes of locked memory that are used already. */
	unsigned group;                /**< The IOMMU group that it is about. */
	unsigned number;               /**< Virtual functions, or a process. */

	/** The cause, without capital and full stop: "the host driver nvme holds it". Print it as
	 * CAUSE ": " REMEDY. */
	char cause[384];
	char remedy[320]; /**< What would help, in the same form. "": there is no remedy. */
	/** Commands of a root shell, a line each. "": none. The commands leave alone every device
	 * that, as far as the library sees, the host uses. */
	char commands[512];
};

/** A backend, as a way into the device. It grows at its end. */
struct rawpci_way {
	struct rawpci_way *next; /**< The next way, or NULL. */
	char backend[16];        /**< The backend's name. */
	bool works;              /**< The open would succeed if this backend were chosen by name. */
	bool interrupts;         /**< The backend has interrupts. */
	bool dma;                /**< The backend can give the device guest memory. */
	char reason[768];        /**< If it does not work: why, in one sentence. */
};

/** A diagnosis. It grows at its end. */
struct rawpci_explanation {
	const char *text; /**< Lines for a person. The first has the cause and the remedy. */
	/** true: the open would work now, and no LOCKED_MEMORY or IO_URING finding would make a
	 * later call fail. */
	bool openable;
	struct rawpci_address address; /**< The device's address. */
	/** The device. NULL: sysfs has none, or the context's backend has devices of its own. */
	const struct rawpci_host_device *device;
	/** What was found, in the order in which to deal with it. NULL: nothing. */
	const struct rawpci_finding *findings;
	const struct rawpci_way *ways; /**< The backends, in the order in which they are tried. */
};

/**
 * Options of a diagnosis.
 *
 * Set size to sizeof(struct rawpci_explain_options) and the rest to zero for the defaults.
 */
struct rawpci_explain_options {
	/** sizeof(struct rawpci_explain_options) as the program was compiled with. */
	size_t size;
	unsigned flags;  /**< Flags of #rawpci_open_flags that the device would be opened with. */
	uint64_t memory; /**< Bytes that would be mapped for DMA. 0: not checked. */
};

/**
 * Diagnoses a device.
 *
 * If the context was created for one backend, the call looks at that one alone. Otherwise it looks
 * at those of the automatic choice. A device that is not there is a finding, not a failure. If the
 * device could not be opened, .error of the first finding is what rawpci_device_open() would
 * return. The first line of .text is about that finding.
 *
 * @param ctx     the context
 * @param address as for rawpci_address_parse()
 * @param options NULL for the defaults
 * @param out     receives the explanation, on success only; rawpci_explanation_destroy() frees it
 *                with all that it points to
 * @retval 0        done
 * @retval -EFAULT  ctx, address or out is NULL
 * @retval -EINVAL  not an address, or options.size is too small for its own field
 * @retval -EBADRQC a flag is unknown
 * @retval -ENOSPC  no descriptor to look at one of the device's files
 * @retval -ENOMEM  no memory
 */
int rawpci_explain(struct rawpci *ctx, const char *address,
		   const struct rawpci_explain_options *options, struct rawpci_explanation **out);

/**
 * Frees an explanation.
 *
 * @param explanation may be NULL
 */
void rawpci_explanation_destroy(struct rawpci_explanation *explanation);

/**
 * Returns the name of an obstacle.
 *
 * @param obstacle any value
 * @return the name ("no-iommu"), or "unknown" for other values. A static string
 */
const char *rawpci_obstacle_name(enum rawpci_obstacle obstacle);

#ifdef __cplusplus
}
#endif

#endif
