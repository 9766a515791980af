/* SPDX-License-Identifier: MIT */
/*
 * Taking a device from the host and giving it back, so that it comes back whatever happens to this
 * process. The order is: own it (a lock that goes with the process), write down what there is,
 * change it; and backwards: put back what there was, remove the record, give up the lock. Whoever
 * owns a device that has a record finishes what its former owner could not.
 */
#include <errno.h>
#include <string.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"

static int write_record(struct rawpci_custody *custody, const struct rawpci_driver_hold *hold)
{
	struct rawpci_record record = {.hold = *hold, .state = custody->state, .idle = custody->idle};
	int r = custody->no_record;

	if (r == 0)
		r = rawpci_handover_ids(custody->ctx, &custody->address, &record);
	if (r == 0)
		r = rawpci_record_write(&custody->locks, &record);
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
		rawpci_handover_binding(custody->ctx, &custody->locks, &custody->address);
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
		rawpci_handover_binding(custody->ctx, &custody->locks, &custody->address);
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
		(void)rawpci_record_erase(&custody->locks);
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
		rawpci_handover_binding(custody->ctx, &custody->locks, &custody->address);
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
