/* SPDX-License-Identifier: MIT */
/*
 * Returning devices of former owners by the records that they have left: by rawpci_recover(), or
 * when the last device of an IOMMU group is closed.
 */
#include <errno.h>

#include <rawpci/recover.h>

#include "core/call.h"
#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "pci/pci.h"

struct recovery {
	struct rawpci *ctx;
	int returned;
	int error; /* the first */
	struct rawpci_reason reason;
};

/* Returns as rawpci_record_finish(). If the locks cannot be taken, that has a sentence, too. */
static int settle_one(struct rawpci *ctx, const struct rawpci_address *address)
{
	struct rawpci_locks locks = RAWPCI_LOCKS_NONE;
	struct rawpci_record owed;
	struct rawpci_finding finding;
	char name[RAWPCI_ADDRESS_TEXT], text[128];
	bool foreign, shared;
	int failed, r = rawpci_handover_lock(ctx, &locks, address, &shared);

	rawpci_address_format(address, name);
	if (rawpci_is_passing(r)) {
		rawpci_find_lock(ctx, address, shared, r, &finding);
		failed = rawpci_fail_finding(ctx, name, &finding);
		r = r == -EWOULDBLOCK ? r : failed;
	} else if (r < 0) {
		r = rawpci_fail(ctx, rawpci_as_permission(r),
				"%s: its lock in %s cannot be taken: "
				"%s",
				name, ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
	} else {
		r = rawpci_record_finish(ctx, &locks, address, &owed, &foreign);
	}
	rawpci_locks_release(&locks);
	return r;
}

/* A device that fails does not keep the others from being returned. */
static int recover_one(void *opaque, const struct rawpci_address *address)
{
	struct recovery *recovery = opaque;
	struct rawpci *ctx = recovery->ctx;
	int r = settle_one(ctx, address);

	if (r == -EWOULDBLOCK) {
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: left alone", rawpci_reason());
		return 0;
	}
	if (r > 0)
		recovery->returned++;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	if (r < 0 && recovery->error == 0) {
		recovery->error = r;
		rawpci_reason_keep(&recovery->reason);
	}
	return 0;
}

int rawpci_recover(struct rawpci *ctx)
{
	struct recovery recovery = { .ctx = ctx };
	char text[128];
	int r;

	rawpci_call_begin();
	if (!ctx)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -EFAULT,
							 "rawpci_recover: the context is NULL"));
	r = rawpci_record_each(ctx->run_dir, recover_one, &recovery);
	if (r == -ENOENT)
		return rawpci_call_end(ctx, 0);
	if (r < 0)
		return rawpci_call_end(ctx,
				       rawpci_fail(ctx, rawpci_as_permission(r),
						   "%s cannot be used: %s", ctx->run_dir,
						   rawpci_sys_error_text(r, text, sizeof(text))));
	if (recovery.error < 0) {
		rawpci_reason_restore(&recovery.reason);
		return rawpci_call_end(ctx, recovery.error);
	}
	return rawpci_call_end(ctx, recovery.returned);
}

/* Says nothing if there is no record, or if it is another user's or another owner's to read. */
static void warn_left(struct rawpci *ctx, const struct rawpci_address *address, int r)
{
	char name[RAWPCI_ADDRESS_TEXT], text[128];

	if (r == -EWOULDBLOCK || !rawpci_is_passing(r))
		return;
	rawpci_say(ctx, RAWPCI_LOG_WARNING,
		   "%s: its lock or its record cannot be read now (%s): "
		   "call rawpci_recover() later",
		   rawpci_address_format(address, name),
		   rawpci_sys_error_text(r, text, sizeof(text)));
}

/* The device that the caller has closed. */
struct closed {
	struct rawpci *ctx;
	const struct rawpci_address *address;
	bool blocked; /* it has to be returned, too */
};

/* Looks first, so that nothing is made or locked for a device without a record. */
static int finish_one(void *opaque, const struct rawpci_address *address)
{
	const struct closed *closed = opaque;
	struct rawpci *ctx = closed->ctx;
	struct rawpci_locks locks = RAWPCI_LOCKS_NONE;
	struct rawpci_record record;
	bool foreign, shared;
	int recorded = 0, r;

	if (rawpci_address_compare(address, closed->address) == 0 && !closed->blocked)
		return 0;
	r = rawpci_record_look(ctx->run_dir, address, &record, &recorded);
	if (r == 0 && recorded < 0)
		r = recorded;
	if (r == 0)
		r = rawpci_handover_lock(ctx, &locks, address, &shared);
	if (r < 0) {
		rawpci_locks_release(&locks);
		warn_left(ctx, address, r);
		return 0;
	}
	r = rawpci_record_finish(ctx, &locks, address, &record, &foreign);
	rawpci_locks_release(&locks);
	/* The close has said -EBUSY. */
	if (r < 0)
		rawpci_say(ctx, r == -EBUSY ? RAWPCI_LOG_DEBUG : RAWPCI_LOG_WARNING, "%s",
			   rawpci_reason());
	return 0;
}

/* An owner unlocks its device first, then looks for others. Of two that do so at the same time, the
 * later one sees none and returns them all. */
void rawpci_group_finish(struct rawpci *ctx, const struct rawpci_address *address, bool blocked)
{
	struct closed closed = { .ctx = ctx, .address = address, .blocked = blocked };

	if (rawpci_group_owned(ctx, address) == 0)
		(void)rawpci_group_each(ctx, address, finish_one, &closed);
}
