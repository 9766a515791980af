/* SPDX-License-Identifier: MIT */
/* Devices of the host, as they are before anyone opens them. Inside a call. */
#ifndef RAWPCI_HOST_HOST_H
#define RAWPCI_HOST_HOST_H

#include <stddef.h>

#include <rawpci/enumerate.h>

struct rawpci;

/* The text of pci.ids, read once for a call. NULL where it is not installed. */
struct rawpci_ids {
	char *text;
	size_t length;
};
void rawpci_ids_load(struct rawpci *ctx, struct rawpci_ids *ids);
void rawpci_ids_free(struct rawpci_ids *ids);

/* Returns 0 or -ENODEV. */
int rawpci_host_describe(struct rawpci *ctx, const struct rawpci_ids *ids,
			 const struct rawpci_address *address, struct rawpci_host_device *out);

#endif
