/* SPDX-License-Identifier: MIT */
/* Returning a device to the host, at its close or when opening it has failed. */
#include <errno.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"

void rawpci_custody_return(struct rawpci_custody *custody)
{
	struct rawpci_record record = {
		.vendor = custody->recorded_ids[0],
		.device = custody->recorded_ids[1],
		.hold = custody->hold,
		.state = custody->state,
		.idle = custody->idle,
	};
	int r;

	if (!custody->recorded && !custody->unfinished)
		rawpci_handover_let_idle(custody);
	if (!custody->recorded)
		return;
	if (custody->unfinished) {
		custody->hold.held = false;
		custody->recorded = false;
		rawpci_say(custody->ctx, RAWPCI_LOG_WARNING,
			   "%s: not returned yet, because the "
			   "kernel still works on it: call rawpci_recover() later, or open it "
			   "again",
			   custody->name);
		return;
	}
	r = rawpci_record_applies(custody->ctx, custody->name, &custody->address, &record);
	if (r == 0)
		(void)rawpci_record_erase(&custody->locks);
	/* If the ids cannot be read for lack of something, the device is very likely the same. */
	else if (r > 0 || rawpci_is_passing(r))
		r = rawpci_record_settle(custody->ctx, &custody->locks, &custody->address, &record,
					 custody->was_gone);
	custody->owed = record;
	custody->owed.hold.held = r < 0;
	custody->blocked = r == -EBUSY;
	custody->idle = false;
	custody->hold.held = false;
	custody->recorded = false;
	if (r < 0)
		rawpci_say(custody->ctx, RAWPCI_LOG_ERROR, "%s", rawpci_reason());
}

void rawpci_custody_undo(struct rawpci_custody *custody)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	rawpci_custody_return(custody);
	rawpci_reason_restore(&reason);
}
