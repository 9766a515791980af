/* SPDX-License-Identifier: MIT */
/**
 * @file handover.h
 * Taking devices from the host without opening them, to hand them to another program.
 *
 * The devices are bound to a driver for user space, such as vfio-pci, so that another program can
 * open their nodes. The library checks what it checks at an open, and writes the same record under
 * the same lock (<rawpci/device.h>). So a device that was taken is returned to its host driver
 * whatever happens to this process: by rawpci_taken_return(), or else by the next open, or by
 * rawpci_recover(). Only a device that the caller keeps taken stays so until rawpci_return().
 */
#ifndef RAWPCI_HANDOVER_H
#define RAWPCI_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/** Devices that this process has taken. */
struct rawpci_taken;

/** No user and no group: the nodes of the devices keep theirs. */
#define RAWPCI_TAKE_NO_ID UINT32_MAX

/** Options of rawpci_take(). It grows at its end. Start with #RAWPCI_TAKE_OPTIONS_DEFAULT. */
struct rawpci_take_options {
	/** sizeof(struct rawpci_take_options) as the program was compiled with. */
	size_t size;
	/** The driver to bind the devices to. NULL: vfio-pci if every device has an IOMMU group
	 * and the driver is there, else uio_pci_generic. */
	const char *driver;
	unsigned flags; /**< 0 or #RAWPCI_OPEN_INSIST. */
	uint32_t uid;   /**< The user that may open the nodes. #RAWPCI_TAKE_NO_ID: no change. */
	uint32_t gid;   /**< As uid: the group. */
};

/** The defaults. */
#define RAWPCI_TAKE_OPTIONS_DEFAULT                                                                \
	{                                                                                          \
		sizeof(struct rawpci_take_options), NULL, 0, RAWPCI_TAKE_NO_ID, RAWPCI_TAKE_NO_ID  \
	}

/** Takes n devices from the host, all or none. */
int rawpci_take(struct rawpci *ctx, const char *const *addresses, unsigned n,
		const struct rawpci_take_options *options, struct rawpci_taken **out);

/** The driver that the devices are bound to. */
const char *rawpci_taken_driver(const struct rawpci_taken *taken);

/** Returns the devices to the host, and frees taken. */
int rawpci_taken_return(struct rawpci_taken *taken);

/** Leaves the devices taken when this process ends, until rawpci_return(); frees taken. */
int rawpci_taken_keep(struct rawpci_taken *taken);

/** Returns devices that were kept. n 0: all of them. */
int rawpci_return(struct rawpci *ctx, const char *const *addresses, unsigned n);

/** A device that was kept. It grows at its end. */
struct rawpci_kept {
	struct rawpci_address address;
	char host_driver[64]; /**< The driver that it is returned to. "": none. */
	char driver[64];      /**< The driver that it was taken for. */
};

/** Calls each() for every device that was kept. */
int rawpci_kept_each(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_kept *kept), void *opaque);

#ifdef __cplusplus
}
#endif

#endif
