/* SPDX-License-Identifier: MIT */
/*
 * What others may use of the host room: descriptions of the host's devices, without opening them.
 * The room keeps no state, and has no lock. scan.c describes a device; enumerate.c, above it, has
 * the public calls.
 */
#ifndef RAWPCI_HOST_HOST_H
#define RAWPCI_HOST_HOST_H

#include <stddef.h>

#include <rawpci/enumerate.h>

struct rawpci;

/* The text of pci.ids, read once a call. NULL: it is not installed. */
struct rawpci_ids {
	char *text;
	size_t length;
};
void rawpci_ids_load(struct rawpci *ctx, struct rawpci_ids *ids);
void rawpci_ids_free(struct rawpci_ids *ids);

/* -ENODEV: there is no such device; or what keeps it from being looked for, such as -EACCES. */
int rawpci_host_describe(struct rawpci *ctx, const struct rawpci_ids *ids,
			 const struct rawpci_address *address, struct rawpci_host_device *out);

#endif
