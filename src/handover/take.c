/* SPDX-License-Identifier: MIT */
/*
 * Taking a device from the host and giving it back, so that it comes back whatever happens to this
 * process. The order is: own it (a lock that goes with the process), write down what there is,
 * change it; and backwards: put back what there was, remove the record, give up the lock. Whoever
 * owns a device that has a record finishes what its former owner could not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/inuse.h"
#include "os/sys.h"

struct rawpci_binding rawpci_handover_binding(const struct rawpci *ctx,
					      const struct rawpci_claim *claim,
					      const struct rawpci_address *address)
{
	return (struct rawpci_binding) {
		.root = ctx->sysfs_dir,
		.address = *address,
		.limit_ms = ctx->driver_timeout_ms,
		.keep = { .lock = claim->lock, .shared = claim->shared },
	};
}

int rawpci_handover_lock(struct rawpci *ctx, struct rawpci_claim *claim,
			 const struct rawpci_address *address, bool *shared)
{
	int of_run = rawpci_claim_take(claim, ctx->run_dir, address);
	int of_config = rawpci_is_passing(of_run) ? 0 :
			rawpci_claim_share(claim, ctx->sysfs_dir, address);

	*shared = rawpci_is_passing(of_config);
	return *shared ? of_config : of_run;
}

int rawpci_handover_ids(const struct rawpci *ctx, const struct rawpci_address *address,
			struct rawpci_record *record)
{
	static const char *const files[] = {"vendor", "device"};
	uint16_t *const ids[] = {&record->vendor, &record->device};
	char path[RAWPCI_SYSFS_PATH], text[16];

	for (int i = 0; i < 2; i++) {
		int r = rawpci_sysfs_path(ctx->sysfs_dir, address, files[i], path, sizeof(path));

		if (r == 0)
			r = rawpci_sys_read_file(path, text, sizeof(text));
		if (r < 0)
			return r;
		*ids[i] = (uint16_t)strtoul(text, NULL, 16);
	}
	return 0;
}

void rawpci_custody_init(struct rawpci_custody *custody, struct rawpci *ctx,
			 const struct rawpci_address *address)
{
	custody->ctx = ctx;
	custody->address = *address;
	rawpci_address_format(address, custody->name);
	custody->claim = RAWPCI_CLAIM_NONE;
}

void rawpci_custody_finish(struct rawpci_custody *custody)
{
	rawpci_claim_release(&custody->claim);
}

int rawpci_custody_own(struct rawpci_custody *custody)
{
	struct rawpci *ctx = custody->ctx;
	char text[128];
	bool foreign, shared;
	int r;

	if (custody->claim.lock >= 0 || rawpci_sysfs_present(ctx->sysfs_dir, &custody->address) < 0)
		return 0;
	r = rawpci_handover_lock(ctx, &custody->claim, &custody->address, &shared);
	if (rawpci_is_passing(r))
		return rawpci_fail_lock(ctx, custody->name, &custody->address, shared, r);
	if (r < 0) {
		custody->no_claim = r;
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: %s cannot be used (%s): only the kernel keeps "
			   "other processes from the device, and its driver stays", custody->name,
			   ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = rawpci_record_finish(ctx, &custody->claim, &custody->address, &custody->owed, &foreign);
	if (r == -EWOULDBLOCK)
		return -EBUSY;
	if (r == -ETIMEDOUT)
		return r;
	/* What a former owner has left may still master the bus. */
	if (rawpci_is_passing(r) && !foreign && !custody->owed.hold.held)
		return r;
	/* What the record says would be lost with another one over it. */
	if (foreign)
		custody->no_claim = -EEXIST;
	else if (r < 0 && !custody->owed.hold.held)
		custody->no_claim = r;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	return 0;
}

static int write_record(struct rawpci_custody *custody, const struct rawpci_driver_hold *hold)
{
	struct rawpci_record record = {.hold = *hold, .state = custody->state, .idle = custody->idle};
	int r = custody->no_claim;

	if (r == 0)
		r = rawpci_handover_ids(custody->ctx, &custody->address, &record);
	if (r == 0)
		r = rawpci_record_write(&custody->claim, &record);
	if (r < 0)
		return r;
	custody->recorded_ids[0] = record.vendor;
	custody->recorded_ids[1] = record.device;
	custody->recorded = true;
	return 0;
}

/* The driver cannot be changed without a record. */
static int fail_record(struct rawpci_custody *custody, const char *wanted, int r)
{
	char text[128];

	return rawpci_fail(custody->ctx, rawpci_is_passing(r) ? rawpci_as_passing(r) :
			   rawpci_as_permission(r), "%s: its driver stays: no "
			   "record of it can be written to %s (%s), without which the host would "
			   "lose the device if this process were killed: %s; or bind the "
			   "device to %s first", custody->name, custody->ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)), rawpci_record_remedy(r),
			   rawpci_or_none(wanted));
}

static int fail_unrecorded(struct rawpci_custody *custody, int r)
{
	char text[128];

	return rawpci_fail(custody->ctx, rawpci_as_passing(r), "%s: no record of its registers can be "
			   "written to %s now (%s), without which a killed process would leave the "
			   "device as it is then: %s", custody->name, custody->ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)), rawpci_record_remedy(r));
}

static void warn_unrecorded(struct rawpci_custody *custody, int r)
{
	char text[128];

	rawpci_say(custody->ctx, RAWPCI_LOG_WARNING, "%s: no record of its registers can be written to "
		   "%s (%s): if this process is killed, the device stays as it is then, maybe "
		   "with bus mastering on", custody->name, custody->ctx->run_dir,
		   rawpci_sys_error_text(r, text, sizeof(text)));
}

/* What is owed since before is what there really was. */
static void look_at_state(struct rawpci_custody *custody)
{
	const struct rawpci_binding at =
		rawpci_handover_binding(custody->ctx, &custody->claim, &custody->address);
	char text[128];
	int r;

	if (custody->owed.hold.held && custody->owed.state.known) {
		custody->state = custody->owed.state;
		custody->state.bare = custody->state.bare || custody->backend->bare;
		return;
	}
	r = rawpci_state_look(&at, custody->backend->bare, &custody->state);
	if (r < 0)
		rawpci_say(custody->ctx, RAWPCI_LOG_DEBUG, "%s: its registers cannot be read: %s",
			   custody->name, rawpci_sys_error_text(r, text, sizeof(text)));
}

void rawpci_custody_undo(struct rawpci_custody *custody)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	rawpci_custody_give_back(custody);
	rawpci_reason_restore(&reason);
}

/* A user who may not keep drivers away has the device all the same, as long as none comes. */
static int cannot_keep(struct rawpci_custody *custody, int r)
{
	char text[128];

	rawpci_say(custody->ctx, RAWPCI_LOG_WARNING, "%s: its driver_override cannot be written (%s): a "
		   "host driver that is loaded while it is open takes it", custody->name,
		   rawpci_sys_error_text(r, text, sizeof(text)));
	custody->hold.held = false;
	return 0;
}

/* Nothing but the override that keeps drivers away. */
static bool changes_no_driver(const struct rawpci_driver_hold *hold)
{
	return strcmp(hold->driver, hold->taken_by) == 0;
}

/* seen: the driver that was found. */
static int move(struct rawpci_custody *custody, const char *wanted, const char *seen)
{
	const struct rawpci_binding at =
		rawpci_handover_binding(custody->ctx, &custody->claim, &custody->address);
	enum rawpci_driver_step step;
	int r = rawpci_driver_move(&at, &custody->hold, seen, &step);

	if (r == 0 && changes_no_driver(&custody->hold))
		return 0;
	if (r == 0) {
		rawpci_say(custody->ctx, RAWPCI_LOG_INFO, "%s: bound to %s%s%s", custody->name,
			   rawpci_or_none(wanted), custody->hold.driver[0] ? " instead of " : "",
			   custody->hold.driver);
		return 0;
	}
	if (r == -ETIMEDOUT) {
		/* Each further step would wait for the one that hangs. */
		custody->hold.held = false;
		custody->recorded = false;
		return rawpci_fail_slow_move(custody, step);
	}
	if (step == RAWPCI_DRIVER_OVERRIDE && changes_no_driver(&custody->hold) &&
	    (r == -EACCES || r == -EPERM || r == -EROFS))
		return cannot_keep(custody, r);
	r = rawpci_fail_move(custody, wanted, step, r);
	rawpci_custody_undo(custody);
	return r;
}

/* The host driver's own enabling has gone with it: what is left is what is to be again. */
static int record_again(struct rawpci_custody *custody, const char *wanted)
{
	const struct rawpci_state before = custody->state;
	int r;

	look_at_state(custody);
	if (before.known)
		memcpy(custody->state.header, before.header, sizeof(before.header));
	r = write_record(custody, &custody->hold);
	if (r == 0)
		return 0;
	r = fail_record(custody, wanted, r);
	rawpci_custody_undo(custody);
	return r;
}

/* What there is, in words where it cannot be found out. */
static int look(struct rawpci_custody *custody, const struct rawpci_binding *at, const char *wanted,
		struct rawpci_driver_hold *found)
{
	char text[128];
	int r = rawpci_driver_look(at, wanted, found);

	/* Kept in any case: giving back is told by it whether somebody else has set another. */
	if (r == 0 && !found->held && custody->backend->bare)
		r = rawpci_driver_override(at, found->override);
	if (r == -ENODEV && rawpci_sysfs_present(at->root, &at->address) < 0)
		return rawpci_fail(custody->ctx, r, "%s: there is no such device", custody->name);
	if (r == -ENODEV)
		return rawpci_fail(custody->ctx, r, "%s: there is no driver %s: load it (modprobe %s)",
				   custody->name, wanted, wanted);
	if (r == -ETIMEDOUT)
		return rawpci_fail(custody->ctx, r, "%s: the kernel is binding or unbinding its driver, "
				   "and was not done in %u ms (setting driver.timeout_ms)",
				   custody->name, at->limit_ms);
	if (r < 0)
		return rawpci_fail(custody->ctx, r, "%s: its driver cannot be read from %s: %s",
				   custody->name, at->root,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

/* The record says so before that is changed, and what else there is afterwards, of a device that is
 * awake. A record that cannot be written is seen to then. */
static int wake(struct rawpci_custody *custody, const struct rawpci_driver_hold *found)
{
	if (!rawpci_handover_is_idle(custody))
		return 0;
	if (custody->owed.hold.held)
		custody->state = custody->owed.state;
	(void)write_record(custody, found);
	return rawpci_handover_wake(custody);
}

/* The first record says that nothing else was changed, and nothing is; but what is owed stays. */
static void drop_record(struct rawpci_custody *custody)
{
	if (custody->recorded && !custody->owed.hold.held)
		(void)rawpci_record_erase(&custody->claim);
	custody->recorded = false;
}

/* Writes down what there is, then moves the device. Where the kernel puts registers back, and a host
 * driver makes them what it wants in any case, they are left out, and the record is one that older
 * libraries understand. */
static int record_and_move(struct rawpci_custody *custody, const struct rawpci_driver_hold *found,
			   const char *wanted, const char *seen)
{
	int r = custody->backend->bare ? wake(custody, found) : 0;

	if (r < 0)
		return r;
	if (custody->backend->bare || found->driver[0] == '\0' || custody->owed.state.known)
		look_at_state(custody);
	r = write_record(custody, found);
	if (r < 0)
		drop_record(custody);
	if (r < 0 && (!found->held || changes_no_driver(found)) && !rawpci_is_passing(r)) {
		warn_unrecorded(custody, r);
		return 0;
	}
	if (r < 0) {
		rawpci_handover_let_idle(custody);
		return !found->held || changes_no_driver(found) ? fail_unrecorded(custody, r) :
								  fail_record(custody, wanted, r);
	}
	custody->hold = *found;
	if (found->held)
		r = move(custody, wanted, seen);
	if (r < 0 || !found->held || found->driver[0] == '\0' || !custody->backend->bare)
		return r;
	return record_again(custody, wanted);
}

int rawpci_custody_take(struct rawpci_custody *custody, unsigned flags)
{
	const struct rawpci_binding at =
		rawpci_handover_binding(custody->ctx, &custody->claim, &custody->address);
	const char *wanted = custody->backend->driver ? custody->backend->driver : "";
	struct rawpci_driver_hold found;
	char seen[RAWPCI_SYSFS_NAME];
	int r = look(custody, &at, wanted, &found);
	/* With no driver wanted there may be none to take away, and still a use of the host's. */
	if (r == 0 && (found.held || wanted[0] == '\0'))
		r = rawpci_custody_check_allowed(custody, found.driver, flags);
	if (r < 0)
		return r;
	memcpy(seen, found.driver, sizeof(seen));
	if (custody->owed.hold.held) {
		memcpy(found.driver, custody->owed.hold.driver, sizeof(found.driver));
		memcpy(found.override, custody->owed.hold.override, sizeof(found.override));
		found.held = true;
	}
	memset(&custody->state, 0, sizeof(custody->state));
	custody->idle = false;
	if (!found.held && !custody->backend->bare)
		return 0;
	return record_and_move(custody, &found, wanted, seen);
}

void rawpci_custody_give_back(struct rawpci_custody *custody)
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
		rawpci_say(custody->ctx, RAWPCI_LOG_WARNING, "%s: it is not given back yet, because the "
			   "kernel is still at something with it. Its record in %s stays: once "
			   "that is over, rawpci_recover() or the next open gives it back",
			   custody->name, custody->ctx->run_dir);
		return;
	}
	r = rawpci_record_applies(custody->ctx, custody->name, &custody->address, &record);
	if (r == 0)
		(void)rawpci_record_erase(&custody->claim);
	/* That what was open is another one now is not likely enough to keep it for that. */
	else if (r > 0 || rawpci_is_passing(r))
		r = rawpci_record_settle(custody->ctx, &custody->claim, &custody->address, &record,
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
