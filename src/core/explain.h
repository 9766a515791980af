/* SPDX-License-Identifier: MIT */
/* A diagnosis in the making. Private to explain*.c and finding.c. */
#ifndef RAWPCI_CORE_EXPLAIN_H
#define RAWPCI_CORE_EXPLAIN_H

#include <stdio.h>

#include <rawpci/backend.h>
#include <rawpci/explain.h>

#include "os/sysfs.h"

/* Formats into an array, cut where it is too long. */
#define SAY(array, ...) ((void)snprintf(array, sizeof(array), __VA_ARGS__))

/* Kept in the order in which they are to be dealt with: what blocks first; what concerns all ways
 * in, then the best of them. */
struct rawpci_findings {
	struct rawpci_finding *first;
	const char *backend; /* that reports now; "": core, about all */
	unsigned way;        /* its place; 0: all */
	bool blocked;        /* something it reported blocks */
	bool owned;          /* core has reported who has the device open */
};

/* One call of rawpci_explain(). */
struct rawpci_inquiry {
	struct rawpci *ctx;
	struct rawpci_explain_options options;
	struct rawpci_explanation *out;
	struct rawpci_host_device *device;
	char name[RAWPCI_ADDRESS_TEXT];
	struct rawpci_findings found;
	bool hopeless; /* something blocks all ways */
	int no_record; /* why no record could be written, a negative errno; 0: it could */
	char driver[RAWPCI_SYSFS_NAME]; /* bound when the choice begins; "": none */
};

/* explain-owner.c: who has the device, and what a former owner has left. 0 or -ENOMEM. */
int rawpci_explain_owner(struct rawpci_inquiry *q);

/* explain-way.c: looks at each backend. 0 or -ENOMEM. */
int rawpci_explain_ways(struct rawpci_inquiry *q);

/* finding.c */
void rawpci_findings_begin(struct rawpci_findings *to, const char *backend, unsigned way);
void rawpci_findings_free(struct rawpci_finding *first);

/* The first of a backend's that blocks, or of all; NULL: none. */
const struct rawpci_finding *rawpci_findings_blocker(const struct rawpci_finding *first,
						     const char *backend);

/* Is io_uring refused with this error (a negative errno)? sysctl: what kernel.io_uring_disabled
 * holds, "" before Linux 6.6. seccomp: a filter is on this process. only: nothing else is allowed
 * to be used for interrupts. */
void rawpci_finding_uring(struct rawpci_finding *finding, int error, const char *sysctl,
			  bool seccomp, bool only);

/* explain-text.c: sets explanation->text. 0 or -ENOMEM. */
int rawpci_explain_text(struct rawpci_explanation *explanation);

#endif
