/* SPDX-License-Identifier: MIT */
/*
 * Keeps the kernel from suspending a device that is taken. A suspending kernel saves config space
 * with bus mastering on, and writes that to the device when the device is off, or closed.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/idle.h"
#include "os/sys.h"

static struct rawpci_binding binding(const struct rawpci_custody *custody)
{
	return rawpci_handover_binding(custody->ctx, &custody->locks, &custody->address);
}

bool rawpci_handover_is_idle(struct rawpci_custody *custody)
{
	const bool now = rawpci_idle_may(custody->ctx->sysfs_dir, &custody->address);

	/* A former owner has changed the file, and the record says how it was. */
	custody->idle = now || (custody->owed.hold.held && custody->owed.idle);
	return now;
}

int rawpci_handover_wake(struct rawpci_custody *custody)
{
	const struct rawpci_binding at = binding(custody);
	char text[128];
	int r = rawpci_idle_let(&at, false);

	if (r == 0)
		return 0;
	custody->idle = false;
	if (r == -ETIMEDOUT) {
		custody->recorded = false;
		return rawpci_fail_timeout(custody->ctx, custody->name,
					   "the kernel has not resumed it");
	}
	rawpci_say(
		custody->ctx, RAWPCI_LOG_WARNING,
		"%s: its file " RAWPCI_IDLE_FILE " cannot be "
		"written (%s), so the kernel may turn bus mastering on: write \"on\" to the file "
		"before the open",
		custody->name, rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

int rawpci_idle_release(struct rawpci *ctx, const struct rawpci_binding *at, const char *name)
{
	char text[128];
	int r = rawpci_idle_let(at, true);

	if (r == -ENOENT || r == -ENODEV)
		return 0;
	if (r == 0 || r == -ETIMEDOUT)
		return r;
	rawpci_say(ctx, RAWPCI_LOG_WARNING,
		   "%s: \"auto\" cannot be written to its file " RAWPCI_IDLE_FILE
		   " again (%s), so it never runtime-suspends: write it there",
		   name, rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

void rawpci_handover_let_idle(struct rawpci_custody *custody)
{
	const struct rawpci_binding at = binding(custody);

	if (custody->idle)
		(void)rawpci_idle_release(custody->ctx, &at, custody->name);
	custody->idle = false;
}

int rawpci_idle_hold(const struct rawpci_binding *at, const struct rawpci_record *record,
		     bool *idle)
{
	char now[RAWPCI_SYSFS_NAME];
	int r;

	*idle = record->idle;
	/* vfio-pci lets the kernel suspend it while vfio-pci is bound. */
	if (!record->idle && !record->state.bare)
		return 0;
	if (!rawpci_idle_may(at->root, &at->address) ||
	    rawpci_sysfs_driver(at->root, &at->address, now) < 0 ||
	    (now[0] != '\0' && strcmp(now, record->hold.taken_by) != 0))
		return 0;
	*idle = true;
	r = rawpci_idle_let(at, false);
	return r == -ETIMEDOUT ? r : 0;
}
