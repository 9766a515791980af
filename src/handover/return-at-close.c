/* SPDX-License-Identifier: MIT */
/* Returning a device to the host, at its close or when opening it has failed. */
#include <errno.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"

/* Returns 0 or -errno, with a sentence. */
static int settle(struct rawpci_custody *custody)
{
	struct rawpci_record record = {
		.vendor = custody->recorded_ids[0],
		.device = custody->recorded_ids[1],
		.hold = custody->hold,
		.state = custody->state,
		.idle = custody->idle,
		.nodes = custody->nodes,
	};
	int r;

	if (custody->unfinished) {
		custody->hold.held = false;
		custody->recorded = false;
		rawpci_say(custody->ctx, RAWPCI_LOG_WARNING,
			   "%s: not returned yet, because the "
			   "kernel still works on it: call rawpci_recover() later, or open it "
			   "again",
			   custody->name);
		return 0;
	}
	r = rawpci_record_applies(custody->ctx, custody->name, &custody->address, &record);
	if (r == 0)
		(void)rawpci_record_erase(&custody->locks);
	/* If the ids cannot be read for lack of something, the device is very likely the same. */
	else if (r > 0 || rawpci_is_passing(r))
		r = rawpci_record_settle(custody->ctx, &custody->locks, &custody->address, &record,
					 custody->was_gone || custody->purpose.handed);
	custody->owed = record;
	custody->owed.hold.held = r < 0;
	custody->blocked = r == -EBUSY;
	custody->idle = false;
	custody->hold.held = false;
	custody->recorded = false;
	return r < 0 ? r : 0;
}

void rawpci_custody_return(struct rawpci_custody *custody)
{
	if (custody->as_kept) {
		rawpci_kept_close(custody);
		return;
	}
	if (!custody->recorded && !custody->unfinished)
		rawpci_handover_let_idle(custody);
	if (custody->recorded && settle(custody) < 0)
		rawpci_say(custody->ctx, RAWPCI_LOG_ERROR, "%s", rawpci_reason());
}

int rawpci_custody_hand_back(struct rawpci_custody *custody)
{
	const struct rawpci_record record = { .hold = custody->hold };
	struct rawpci_finding finding;

	if (!custody->recorded)
		return 0;
	/* Unbinding would wait for that program. */
	if (rawpci_find_user(custody->ctx, &custody->address, &record, &finding)) {
		custody->recorded = false;
		return rawpci_fail_finding(custody->ctx, custody->name, &finding);
	}
	return settle(custody);
}

void rawpci_custody_undo(struct rawpci_custody *custody)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	rawpci_custody_return(custody);
	rawpci_reason_restore(&reason);
}
