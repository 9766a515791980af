/* SPDX-License-Identifier: MIT */
/* The rules by which a backend is chosen, and the obstacle that no backend knows. */
#include "device/choice.h"

#include <errno.h>

#include "core/finding.h"

bool rawpci_choice_note(struct rawpci_choice *choice, int error, bool refused)
{
	bool report;

	choice->ended = !refused && error != -EOPNOTSUPP && error != -ENODEV;
	report = choice->error == 0 || choice->ended || (!refused && !choice->tried);
	if (report)
		choice->error = error;
	choice->tried = choice->tried || !refused;
	return report;
}

bool rawpci_choice_owns(const struct rawpci *ctx)
{
	const struct rawpci_backend *chosen = atomic_load(&ctx->chosen);

	for (unsigned i = 0; i < ctx->backend_count; i++) {
		if (rawpci_choice_has(chosen, ctx->backends[i].backend) &&
		    !ctx->backends[i].backend->pretend)
			return true;
	}
	return false;
}

void rawpci_find_gone(struct rawpci_finding *finding)
{
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_GONE, -ENODEV,
			   "it does not answer: it has no power, or its link is down");
	SAY(finding->remedy, "remove it (echo 1 > remove in its directory) and rescan the bus, or "
	    "power the machine off and on");
}
