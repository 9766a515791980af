/* SPDX-License-Identifier: MIT */
/*
 * What others may use of the host room: descriptions of the host's devices, without opening them.
 * The room keeps no state, and has no lock. scan.c describes a device; enumerate.c, above it, has
 * the public calls.
 */
#ifndef RAWPCI_HOST_HOST_H
#define RAWPCI_HOST_HOST_H

#include <rawpci/enumerate.h>

struct rawpci;

/* -ENODEV: there is no such device; or what keeps it from being looked for, such as -EACCES. */
int rawpci_host_describe(struct rawpci *ctx, const struct rawpci_address *address,
			 struct rawpci_host_device *out);

#endif
