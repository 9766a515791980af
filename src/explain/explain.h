/* SPDX-License-Identifier: MIT */
/* A diagnosis in the making. Private to src/explain and src/core/finding.c. */
#ifndef RAWPCI_EXPLAIN_EXPLAIN_H
#define RAWPCI_EXPLAIN_EXPLAIN_H

#include <stdio.h>

#include <rawpci/backend.h>
#include <rawpci/explain.h>

#include "core/core.h"
#include "os/inuse.h"
#include "os/sysfs.h"

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

/* Why a backend could not open the device. */
struct rawpci_verdict {
	const struct rawpci_finding *finding; /* NULL: nothing that was found */
	int error;    /* 0: it could */
	bool refused; /* it would not be asked, for the host driver's sake */
};

/* One call of rawpci_explain(). */
struct rawpci_inquiry {
	struct rawpci *ctx;
	struct rawpci_explain_options options;
	struct rawpci_explanation *out;
	struct rawpci_host_device *device;
	char name[RAWPCI_ADDRESS_TEXT];
	struct rawpci_findings found;
	struct rawpci_choice choice;
	const struct rawpci_finding *decisive; /* that makes the choice fail as it does */
	int no_record; /* why no record could be written, a negative errno; 0: it could */
	char driver[RAWPCI_SYSFS_NAME]; /* bound when the choice begins; "": none */
	bool use_known, bridge;
	char use[RAWPCI_INUSE_TEXT]; /* what the host would lose; "": nothing */
};

/* owner.c: who has the device, and what a former owner has left. 0 or -ENOMEM. */
int rawpci_explain_owner(struct rawpci_inquiry *q);

/* choice.c: looks at each backend, as open does. 0 or -ENOMEM. */
int rawpci_explain_ways(struct rawpci_inquiry *q);

/* way.c: what open would meet with one backend, apart from what that says itself; and what
 * a backend says that has nothing more to tell. 0 or -ENOMEM. */
int rawpci_explain_way(struct rawpci_inquiry *q, const struct rawpci_registered *with,
		       const char *driver);
int rawpci_explain_refusal(struct rawpci_inquiry *q, int error, const char *reason);

/* finding.c */
void rawpci_findings_begin(struct rawpci_findings *to, const char *backend, unsigned way);
void rawpci_findings_put_first(struct rawpci_findings *to, const struct rawpci_finding *finding);
void rawpci_findings_free(struct rawpci_finding *first);

/* The first of a backend's that blocks, or of all; NULL: none. */
const struct rawpci_finding *rawpci_findings_blocker(const struct rawpci_finding *first,
						     const char *backend);

/* What opening by that backend would come upon first; NULL: nothing. */
const struct rawpci_finding *rawpci_findings_met(const struct rawpci_finding *first,
						 const char *backend);

/* Is io_uring refused with this error (a negative errno)? sysctl: what kernel.io_uring_disabled
 * holds, "" before Linux 6.6. seccomp: a filter is on this process. only: nothing else is allowed
 * to be used for interrupts. */
void rawpci_finding_uring(struct rawpci_finding *finding, int error, const char *sysctl,
			  bool seccomp, bool only);

/* text.c: sets explanation->text. 0 or -ENOMEM. */
int rawpci_explain_text(struct rawpci_explanation *explanation);

#endif
