/* SPDX-License-Identifier: MIT */
/* A diagnosis while it is made. Private to src/explain. */
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
	const struct rawpci_finding *finding; /* NULL: there is none */
	int error;                            /* 0: it could */
	bool refused;                         /* the host driver keeps it from being asked */
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
	const struct rawpci_finding *decisive; /* the choice fails with this one */
	struct rawpci_custody custody;         /* only looked at */
};

/* choice.c: looks at each backend in the order of opening. 0 or -ENOMEM. */
int rawpci_explain_ways(struct rawpci_inquiry *q);

/* way.c: the obstacles to one backend, except those that it reports itself. driven: the device's
 * driver matters to it. refusal: its probe() has failed, and it reports no reason. 0 or -ENOMEM. */
int rawpci_explain_way(struct rawpci_inquiry *q, bool driven);
int rawpci_explain_refusal(struct rawpci_inquiry *q, int error, const char *reason);

/* uring.c: the kernel refuses io_uring with error, a negative errno. sysctl: the value of
 * kernel.io_uring_disabled, "" before Linux 6.6. seccomp: this process has a filter. only: the
 * setting irq.engine allows nothing else. */
void rawpci_finding_uring(struct rawpci_finding *finding, int error, const char *sysctl,
			  bool seccomp, bool only);

/* text.c: sets explanation->text. 0 or -ENOMEM. */
int rawpci_explain_text(struct rawpci_explanation *explanation);

#endif
