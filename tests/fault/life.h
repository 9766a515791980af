/* SPDX-License-Identifier: MIT */
/* A device's whole life, with everything the library can do in it. */
#ifndef RAWPCI_TESTS_LIFE_H
#define RAWPCI_TESTS_LIFE_H

#include <stdbool.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/fake.h>

struct life {
	const char *const *settings;         /* of the context */
	bool keep_open;                      /* the session is destroyed with the device open */
	void (*created)(struct rawpci *ctx); /* called when the context is there; may be NULL */
	int only;                            /* all failures have to have this status; 0: any */

	unsigned failures; /* calls that failed */
	uint64_t calls[RAWPCI_FAKE_POINTS];
};

/* Lives. What fails is gone without; what was there is given back at the end, which must work. */
void life_run(struct life *life);

#endif
