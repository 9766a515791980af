/* SPDX-License-Identifier: MIT */
/* A diagnosis in the making. Private to src/explain. */
#ifndef RAWPCI_EXPLAIN_EXPLAIN_H
#define RAWPCI_EXPLAIN_EXPLAIN_H

#include <stdio.h>

#include <rawpci/backend.h>
#include <rawpci/explain.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/registry.h"
#include "device/choice.h"
#include "handover/custody.h"

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
	struct rawpci_custody custody;         /* only looked at */
};

/* choice.c: looks at each backend, as open does. 0 or -ENOMEM. */
int rawpci_explain_ways(struct rawpci_inquiry *q);

/* way.c: what open would meet with one backend, apart from what that says itself. driven: the host's
 * driver matters. The second: what a backend refuses with that says nothing more. 0 or -ENOMEM. */
int rawpci_explain_way(struct rawpci_inquiry *q, const struct rawpci_registered *with,
		       bool driven);
int rawpci_explain_refusal(struct rawpci_inquiry *q, int error, const char *reason);

/* uring.c: is io_uring refused with this error (a negative errno)? sysctl: what kernel.io_uring_disabled
 * holds, "" before Linux 6.6. seccomp: a filter is on this process. only: nothing else is allowed
 * to be used for interrupts. */
void rawpci_finding_uring(struct rawpci_finding *finding, int error, const char *sysctl,
			  bool seccomp, bool only);

/* text.c: sets explanation->text. 0 or -ENOMEM. */
int rawpci_explain_text(struct rawpci_explanation *explanation);

#endif
