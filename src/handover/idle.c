/* SPDX-License-Identifier: MIT */
/*
 * Keeps the kernel from suspending a device that is taken. It would keep config space with bus
 * mastering on, and write that back to a device that is off, or closed.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "handover/handover.h"
#include "os/idle.h"
#include "os/sys.h"

static struct rawpci_binding binding(const struct rawpci_device *dev)
{
	return rawpci_handover_binding(dev->ctx, &dev->claim, &dev->info.address);
}

bool rawpci_handover_is_idle(struct rawpci_device *dev)
{
	const bool now = rawpci_idle_may(dev->ctx->sysfs_dir, &dev->info.address);

	/* What is owed was changed before, and by this library. */
	dev->idle = now || (dev->owed.hold.held && dev->owed.idle);
	return now;
}

int rawpci_handover_wake(struct rawpci_device *dev)
{
	const struct rawpci_binding at = binding(dev);
	char text[128];
	int r = rawpci_idle_let(&at, false);

	if (r == 0)
		return 0;
	dev->idle = false;
	if (r == -ETIMEDOUT) {
		dev->recorded = false;
		return rawpci_fail_timeout(dev->ctx, dev->name, "the kernel has not resumed it");
	}
	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: its file " RAWPCI_IDLE_FILE " cannot be "
		   "written (%s): the kernel may suspend it, and turn its bus mastering on when it "
		   "resumes it, also while it is off: write \"on\" to the file before it is opened, "
		   "or give this process the file", dev->name,
		   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

int rawpci_idle_release(struct rawpci *ctx, const struct rawpci_binding *at, const char *name)
{
	char text[128];
	int r = rawpci_idle_let(at, true);

	if (r == 0 || r == -ENOENT || r == -ETIMEDOUT)
		return r == -ENOENT ? 0 : r;
	rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: \"auto\" cannot be written to its file "
		   RAWPCI_IDLE_FILE " again (%s): the kernel does not suspend it any more", name,
		   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

void rawpci_handover_let_idle(struct rawpci_device *dev)
{
	const struct rawpci_binding at = binding(dev);

	if (dev->idle)
		(void)rawpci_idle_release(dev->ctx, &at, dev->name);
	dev->idle = false;
}

int rawpci_idle_hold(const struct rawpci_binding *at, const struct rawpci_record *record,
		     bool *idle)
{
	char now[RAWPCI_SYSFS_NAME];
	int r;

	*idle = record->idle;
	/* vfio-pci allows it when it is bound, and forbids it again when it goes. */
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
