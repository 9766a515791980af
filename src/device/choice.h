/* SPDX-License-Identifier: MIT */
/*
 * How the choice of a backend fails. The failure to report is the first one, being that of the best
 * way in; a refusal for the host driver's sake only where there is nothing else. The search goes on
 * where there is no such way into the device, but not past something that stands in the way: a
 * device that is open elsewhere, say, is not to be torn out of there.
 */
#ifndef RAWPCI_DEVICE_CHOICE_H
#define RAWPCI_DEVICE_CHOICE_H

#include "core/context.h"

/* All that there are. */
#define RAWPCI_OPEN_FLAGS ((unsigned)(RAWPCI_OPEN_DETACH_HOST_DRIVER | RAWPCI_OPEN_INSIST))

struct rawpci_choice {
	int error;  /* to report; 0: nothing has failed yet */
	bool tried; /* not all were refused for the host driver's sake */
	bool ended; /* no further backend is tried */
};

/* Is the backend one to choose from? chosen: the context's; NULL: automatic. */
static inline bool rawpci_choice_has(const struct rawpci_backend *chosen,
				     const struct rawpci_backend *backend)
{
	return chosen ? backend == chosen : backend->rank >= 0;
}

/* A backend has failed; refused: it was not asked, for the host driver's sake. Is this the failure
 * to report now? */
bool rawpci_choice_note(struct rawpci_choice *choice, int error, bool refused);

/* The device has a backend, but does not answer. */
void rawpci_find_gone(struct rawpci_finding *finding);

/* Is there a backend to choose that opens devices of the host, which have owners? */
bool rawpci_choice_owns(const struct rawpci *ctx);

#endif
