/* SPDX-License-Identifier: MIT */
/*
 * Findings: obstacles to opening a device. An obstacle is found by one function, which looks and
 * changes nothing. Opening fails with a finding (rawpci_fail_finding()); src/explain collects all
 * of them (rawpci_backend_finding()) for its diagnosis.
 */
#ifndef RAWPCI_CORE_FINDING_H
#define RAWPCI_CORE_FINDING_H

#include <stdio.h>

#include <rawpci/backend.h>
#include <rawpci/explain.h>

/* Formats into an array; a longer text is cut. */
#define SAY(array, ...) ((void)snprintf(array, sizeof(array), __VA_ARGS__))

/* The step of opening that meets the obstacle, in order. */
enum rawpci_explain_step {
	RAWPCI_STEP_OWN,    /* locking the device, before any backend is asked */
	RAWPCI_STEP_HELD,   /* the flags, if a host driver holds the device */
	RAWPCI_STEP_PROBE,  /* the backend's probe() */
	RAWPCI_STEP_TAKE,   /* the host's use of the device */
	RAWPCI_STEP_MOVE,   /* binding another driver */
	RAWPCI_STEP_OPEN,   /* the backend's open() */
	RAWPCI_STEP_SETTLE, /* reading what the device is */
	RAWPCI_STEP_USE,    /* a later call */
};

/* A list in the order to deal with them: findings that block come first; of those, the ones about
 * every backend, then those about the best one. */
struct rawpci_findings {
	struct rawpci_finding *first;
	const char *backend; /* the one that reports now; "": the library, about every backend */
	unsigned way;        /* the backend's place in the order of trying; 0: every backend */
	enum rawpci_explain_step step;
	int refusal;        /* its probe() has returned this, a negative errno; 0: none */
	bool refusal_found; /* it has reported the reason of that */
	bool owned;         /* the library has reported who owns the device */
};

/* Sets a finding and its cause; the rest is zero. It blocks if error, what opening returns for it, is
 * not 0. */
void rawpci_finding_set(struct rawpci_finding *finding, enum rawpci_obstacle obstacle, int error,
			const char *cause, ...) RAWPCI_PRINTF(4, 5);

/* Fails with what a finding says: "NAME: cause: remedy". Returns its error. */
int rawpci_fail_finding(struct rawpci *ctx, const char *name, const struct rawpci_finding *finding);

void rawpci_findings_begin(struct rawpci_findings *to, const char *backend, unsigned way);
void rawpci_findings_put_first(struct rawpci_findings *to, const struct rawpci_finding *finding);
void rawpci_findings_free(struct rawpci_finding *first);

/* The first finding that blocks this backend; NULL: there is none. */
const struct rawpci_finding *rawpci_findings_blocker(const struct rawpci_finding *first,
						     const char *backend);

/* The finding that opening with this backend meets first; NULL: there is none. */
const struct rawpci_finding *rawpci_findings_met(const struct rawpci_finding *first,
						 const char *backend);

/* The finding for a device that does not answer. */
void rawpci_find_gone(struct rawpci_finding *finding);

#endif
