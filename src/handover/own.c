/* SPDX-License-Identifier: MIT */
/* Owning a device across processes: its locks, and what its former owner has left. */
#include <errno.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"

int rawpci_handover_lock(struct rawpci *ctx, struct rawpci_locks *locks,
			 const struct rawpci_address *address, bool *shared)
{
	int of_run = rawpci_locks_take(locks, ctx->run_dir, address);
	int of_config = rawpci_is_passing(of_run) ? 0 :
			rawpci_locks_share(locks, ctx->sysfs_dir, address);

	*shared = rawpci_is_passing(of_config);
	return *shared ? of_config : of_run;
}

void rawpci_custody_init(struct rawpci_custody *custody, struct rawpci *ctx,
			 const struct rawpci_address *address)
{
	custody->ctx = ctx;
	custody->address = *address;
	rawpci_address_format(address, custody->name);
	custody->locks = RAWPCI_LOCKS_NONE;
}

void rawpci_custody_finish(struct rawpci_custody *custody)
{
	rawpci_locks_release(&custody->locks);
}

int rawpci_custody_own(struct rawpci_custody *custody)
{
	struct rawpci *ctx = custody->ctx;
	char text[128];
	bool foreign, shared;
	int r;

	if (custody->locks.lock >= 0 || rawpci_sysfs_present(ctx->sysfs_dir, &custody->address) < 0)
		return 0;
	r = rawpci_handover_lock(ctx, &custody->locks, &custody->address, &shared);
	if (rawpci_is_passing(r))
		return rawpci_fail_lock(ctx, custody->name, &custody->address, shared, r);
	if (r < 0) {
		custody->no_record = r;
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: %s cannot be used (%s): only the kernel keeps "
			   "other processes from the device, and its driver stays", custody->name,
			   ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = rawpci_record_finish(ctx, &custody->locks, &custody->address, &custody->owed, &foreign);
	if (r == -EWOULDBLOCK)
		return -EBUSY;
	if (r == -ETIMEDOUT)
		return r;
	/* What a former owner has left may still master the bus. */
	if (rawpci_is_passing(r) && !foreign && !custody->owed.hold.held)
		return r;
	/* What the record says would be lost with another one over it. */
	if (foreign)
		custody->no_record = -EEXIST;
	else if (r < 0 && !custody->owed.hold.held)
		custody->no_record = r;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	return 0;
}
