/* SPDX-License-Identifier: MIT */
/*
 * Findings: what stands in the way of opening a device. Backends and rooms report them with
 * rawpci_backend_finding(); src/explain makes a diagnosis of them.
 */
#ifndef RAWPCI_CORE_FINDING_H
#define RAWPCI_CORE_FINDING_H

#include <stdio.h>

#include <rawpci/backend.h>
#include <rawpci/explain.h>

/* Formats into an array, cut where it is too long. */
#define SAY(array, ...) ((void)snprintf(array, sizeof(array), __VA_ARGS__))

/* When an attempt to open the device would come upon it. */
enum rawpci_explain_step {
	RAWPCI_STEP_OWN,    /* owning the device, before a backend is looked at */
	RAWPCI_STEP_HELD,   /* what the flags do not allow */
	RAWPCI_STEP_PROBE,  /* what the backend's probe() says */
	RAWPCI_STEP_TAKE,   /* whether it may be taken from the host */
	RAWPCI_STEP_MOVE,   /* its other driver */
	RAWPCI_STEP_OPEN,   /* the backend's open() */
	RAWPCI_STEP_SETTLE, /* what it is found to be then */
	RAWPCI_STEP_USE,    /* not before it is used */
};

/* Kept in the order in which they are to be dealt with: what blocks first; what concerns all ways
 * in, then the best of them. */
struct rawpci_findings {
	struct rawpci_finding *first;
	const char *backend; /* that reports now; "": core, about all */
	unsigned way;        /* its place; 0: all */
	enum rawpci_explain_step step;
	int refusal;         /* of its probe(), a negative errno; 0: none */
	bool refusal_found;  /* something it reported is the reason of that */
	bool owned;          /* core has reported who has the device open */
};

/* Fails with what a finding says: "NAME: cause: remedy". Returns its error. */
int rawpci_fail_finding(struct rawpci *ctx, const char *name,
			const struct rawpci_finding *finding);

void rawpci_findings_begin(struct rawpci_findings *to, const char *backend, unsigned way);
void rawpci_findings_put_first(struct rawpci_findings *to, const struct rawpci_finding *finding);
void rawpci_findings_free(struct rawpci_finding *first);

/* The first of a backend's that blocks, or of all; NULL: none. */
const struct rawpci_finding *rawpci_findings_blocker(const struct rawpci_finding *first,
						     const char *backend);

/* What opening by that backend would come upon first; NULL: nothing. */
const struct rawpci_finding *rawpci_findings_met(const struct rawpci_finding *first,
						 const char *backend);

#endif
