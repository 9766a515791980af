/* SPDX-License-Identifier: MIT */
/* The backends of a context, highest rank first. They change only while no device is open. */
#ifndef RAWPCI_CORE_REGISTRY_H
#define RAWPCI_CORE_REGISTRY_H

#include <rawpci/backend.h>

#define RAWPCI_BACKENDS 8

struct rawpci_registered {
	const struct rawpci_backend *backend;
	void *instance;
};

int rawpci_registry_init(struct rawpci *ctx);
void rawpci_registry_finish(struct rawpci *ctx);
const struct rawpci_backend *rawpci_registry_find(struct rawpci *ctx, const char *name);

#endif
