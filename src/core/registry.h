/* SPDX-License-Identifier: MIT */
/* The backends of a context, highest rank first. They change only while no device is open. */
#ifndef RAWPCI_CORE_REGISTRY_H
#define RAWPCI_CORE_REGISTRY_H

#include <stdbool.h>

#include <rawpci/backend.h>

#define RAWPCI_BACKENDS 8

struct rawpci_registered {
	const struct rawpci_backend *backend;
	void *instance;
};

int rawpci_registry_init(struct rawpci *ctx);
void rawpci_registry_finish(struct rawpci *ctx);
const struct rawpci_backend *rawpci_registry_find(struct rawpci *ctx, const char *name);

/* Is the backend one to choose from? chosen: the context's; NULL: automatic. */
static inline bool rawpci_registry_offers(const struct rawpci_backend *chosen,
					  const struct rawpci_backend *backend)
{
	return chosen ? backend == chosen : backend->rank >= 0;
}

/* Can a backend be chosen that opens devices of the host? Those have owners. */
bool rawpci_registry_owns(const struct rawpci *ctx);
/* Fails with -EOPNOTSUPP if none can. */
int rawpci_registry_check_owns(struct rawpci *ctx);

#endif
