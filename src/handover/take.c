/* SPDX-License-Identifier: MIT */
/*
 * Taking a device from the host so that it is returned whatever happens to this process. The record
 * is written first, then the binding changes. return-at-close.c goes the other way: the binding first, then
 * the record. The locks end with the process. The next owner returns a device that has a record.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"

/* udev changes the owner of a new node, too: at most a few times. */
#define GIVE_TRIES 5

int rawpci_record_compose(const struct rawpci_custody *custody,
			  const struct rawpci_driver_hold *hold, struct rawpci_record *record)
{
	*record = (struct rawpci_record){
		.vendor = custody->recorded_ids[0],
		.device = custody->recorded_ids[1],
		.hold = *hold,
		.state = custody->state,
		.idle = custody->idle,
		.nodes = custody->nodes,
	};
	return custody->recorded ? 0 : rawpci_handover_ids(custody->ctx, &custody->address, record);
}

static int write_record(struct rawpci_custody *custody, const struct rawpci_driver_hold *hold)
{
	struct rawpci_record record;
	int r = custody->no_record;

	if (r == 0)
		r = rawpci_record_compose(custody, hold, &record);
	if (r == 0)
		r = rawpci_record_write(&custody->locks, &record);
	if (r < 0)
		return r;
	custody->recorded_ids[0] = record.vendor;
	custody->recorded_ids[1] = record.device;
	custody->recorded = true;
	return 0;
}

static int fail_unrecorded(struct rawpci_custody *custody, bool of_driver, int r)
{
	struct rawpci_finding finding;

	rawpci_find_unrecorded(custody, of_driver, r, &finding);
	return rawpci_fail_finding(custody->ctx, custody->name, &finding);
}

static void warn_unrecorded(struct rawpci_custody *custody, int r)
{
	struct rawpci_finding finding;

	rawpci_find_unrecorded(custody, false, r, &finding);
	rawpci_say(custody->ctx, RAWPCI_LOG_WARNING,
		   "%s: %s, so a killed process leaves the "
		   "device in use: %s",
		   custody->name, finding.cause, finding.remedy);
}

/* A record that a former owner has left has the registers of the host's time. */
static void look_at_state(struct rawpci_custody *custody)
{
	const struct rawpci_binding at = rawpci_handover_binding(custody->ctx, &custody->locks,
								 &custody->address);
	char text[128];
	int r;

	if (custody->owed.hold.held && custody->owed.state.known) {
		custody->state = custody->owed.state;
		custody->state.bare = custody->state.bare || custody->purpose.bare;
		return;
	}
	r = rawpci_state_look(&at, custody->purpose.bare, &custody->state);
	if (r < 0)
		rawpci_say(custody->ctx, RAWPCI_LOG_DEBUG, "%s: its registers cannot be read: %s",
			   custody->name, rawpci_sys_error_text(r, text, sizeof(text)));
}

/* Without the right to set the override, the caller still gets the device until a driver is
 * loaded. */
static int cannot_keep(struct rawpci_custody *custody, int r)
{
	char text[128];

	rawpci_say(custody->ctx, RAWPCI_LOG_WARNING,
		   "%s: its driver_override cannot be written "
		   "(%s): do not load a driver for it while it is open",
		   custody->name, rawpci_sys_error_text(r, text, sizeof(text)));
	custody->hold.held = false;
	return 0;
}

/* Does only the override change, which keeps drivers away? */
static bool changes_no_driver(const struct rawpci_driver_hold *hold)
{
	return strcmp(hold->driver, hold->taken_by) == 0;
}

/* Returning the device would wait for the step that hangs, so the record is left to the next
 * owner. */
static int fail_slow_move(struct rawpci_custody *custody, enum rawpci_driver_step step)
{
	static const char *const slow[] = {
		[RAWPCI_DRIVER_OVERRIDE] =
			"another program is binding or unbinding it, and has not "
			"finished",
		[RAWPCI_DRIVER_UNBIND] = "something still uses it, and its driver has not let go "
					 "of it",
		[RAWPCI_DRIVER_PROBE] = "the new driver has not accepted it",
	};

	custody->hold.held = false;
	custody->recorded = false;
	return rawpci_fail_timeout(custody->ctx, custody->name, slow[step]);
}

/* The check has found the right to write, but a security module can forbid it even so. */
static int fail_forbidden(struct rawpci_custody *custody, enum rawpci_driver_step step, int r)
{
	char path[RAWPCI_SYSFS_PATH];
	struct rawpci_finding finding;

	if (step == RAWPCI_DRIVER_OVERRIDE)
		(void)rawpci_sysfs_path(custody->ctx->sysfs_dir, &custody->address,
					"driver_override", path, sizeof(path));
	else
		(void)snprintf(path, sizeof(path), "%s/bus/pci", custody->ctx->sysfs_dir);
	rawpci_find_unwritable(custody, path, r, &finding);
	return rawpci_fail_finding(custody->ctx, custody->name, &finding);
}

static int fail_move(struct rawpci_custody *custody, enum rawpci_driver_step step, int r)
{
	const char *wanted = custody->purpose.driver, *to = rawpci_or_none(wanted);
	struct rawpci *ctx = custody->ctx;
	char text[128];

	if (r == -EACCES || r == -EPERM || r == -EROFS)
		return fail_forbidden(custody, step, r);
	if (step == RAWPCI_DRIVER_SEEN && r == -EBUSY)
		return rawpci_fail(ctx, r,
				   "%s: a host driver took it during the open: open it "
				   "again",
				   custody->name);
	(void)rawpci_sys_error_text(r, text, sizeof(text));
	if (rawpci_sys_result(r, 0) < 0)
		return rawpci_fail(ctx, r, "%s: it could not be bound to %s: %s", custody->name, to,
				   text);
	if (r == -ENODEV && rawpci_sysfs_present(ctx->sysfs_dir, &custody->address) == -ENODEV)
		return rawpci_fail(ctx, r, "%s: it was removed while it was being bound to %s",
				   custody->name, to);
	if (r == -ENODEV)
		return rawpci_fail(ctx, r,
				   "%s: the driver %s has refused it: the kernel log says "
				   "why (dmesg)",
				   custody->name, wanted);
	return rawpci_fail(ctx, r,
			   "%s: it could not be bound to %s (%s): the kernel log may say "
			   "why (dmesg)",
			   custody->name, to, text);
}

/* seen: the driver that was found. */
static int move(struct rawpci_custody *custody, const char *seen)
{
	const struct rawpci_binding at = rawpci_handover_binding(custody->ctx, &custody->locks,
								 &custody->address);
	enum rawpci_driver_step step;
	int r = rawpci_driver_move(&at, &custody->hold, seen, &step);

	if (r == 0 && changes_no_driver(&custody->hold))
		return 0;
	if (r == 0) {
		rawpci_say(custody->ctx, RAWPCI_LOG_INFO, "%s: bound to %s%s%s", custody->name,
			   rawpci_or_none(custody->purpose.driver),
			   custody->hold.driver[0] ? " instead of " : "", custody->hold.driver);
		return 0;
	}
	if (r == -ETIMEDOUT)
		return fail_slow_move(custody, step);
	if (step == RAWPCI_DRIVER_OVERRIDE && changes_no_driver(&custody->hold) &&
	    (r == -EACCES || r == -EPERM || r == -EROFS))
		return cannot_keep(custody, r);
	r = fail_move(custody, step, r);
	rawpci_custody_undo(custody);
	return r;
}

/* The host driver has undone its own enabling. What is left now is what has to be there again. */
static int record_again(struct rawpci_custody *custody)
{
	const struct rawpci_state before = custody->state;
	int r;

	look_at_state(custody);
	if (before.known)
		memcpy(custody->state.header, before.header, sizeof(before.header));
	r = write_record(custody, &custody->hold);
	if (r == 0)
		return 0;
	r = fail_unrecorded(custody, true, r);
	rawpci_custody_undo(custody);
	return r;
}

/* Finds the binding; fails with a sentence if that cannot be found out. */
static int look(struct rawpci_custody *custody, const struct rawpci_binding *at, const char *wanted,
		struct rawpci_driver_hold *found)
{
	struct rawpci_finding finding;
	char text[128];
	int r = rawpci_driver_look(at, wanted, found);

	/* Return sees by it whether another program has set the override. */
	if (r == 0 && !found->held && (custody->purpose.bare || custody->purpose.handed))
		r = rawpci_driver_override(at, found->override);
	if (r == -ENODEV && rawpci_sysfs_find_absent(at->root, &at->address, &finding))
		return rawpci_fail_finding(custody->ctx, custody->name, &finding);
	if (r == -ENODEV && rawpci_find_module(custody->ctx, wanted, &finding))
		return rawpci_fail_finding(custody->ctx, custody->name, &finding);
	if (r == -ETIMEDOUT)
		return rawpci_fail(
			custody->ctx, r,
			"%s: the kernel is binding or unbinding its "
			"driver, and has not finished in %u ms (setting driver.timeout_ms)",
			custody->name, at->limit_ms);
	if (r < 0)
		return rawpci_fail(custody->ctx, r, "%s: its driver cannot be read from %s: %s",
				   custody->name, at->root,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

/* A first record says that the kernel may suspend the device. The whole record is written once the
 * device is awake; an error of the first one is left to that. */
static int wake(struct rawpci_custody *custody, const struct rawpci_driver_hold *found)
{
	if (!rawpci_handover_is_idle(custody))
		return 0;
	if (custody->owed.hold.held)
		custody->state = custody->owed.state;
	(void)write_record(custody, found);
	return rawpci_handover_wake(custody);
}

/* Nothing has changed, so the first record may go. A former owner's record stays. */
static void drop_record(struct rawpci_custody *custody)
{
	if (custody->recorded && !custody->owed.hold.held)
		(void)rawpci_record_erase(&custody->locks);
	custody->recorded = false;
}

/* Writes the record, then moves the device. If the kernel restores registers and the host driver
 * sets them as it likes, the record leaves them out, so that older libraries understand it. */
static int record_and_move(struct rawpci_custody *custody, const struct rawpci_driver_hold *found,
			   const char *seen)
{
	int r = custody->purpose.bare ? wake(custody, found) : 0;

	if (r < 0)
		return r;
	if (custody->purpose.bare || found->driver[0] == '\0' || custody->owed.state.known)
		look_at_state(custody);
	r = write_record(custody, found);
	if (r < 0)
		drop_record(custody);
	if (r < 0 && (!found->held || changes_no_driver(found)) && !rawpci_is_passing(r) &&
	    !custody->purpose.handed) {
		warn_unrecorded(custody, r);
		return 0;
	}
	if (r < 0) {
		rawpci_handover_let_idle(custody);
		return fail_unrecorded(custody, found->held && !changes_no_driver(found), r);
	}
	custody->hold = *found;
	if (found->held)
		r = move(custody, seen);
	if (r < 0 || !found->held || found->driver[0] == '\0' || !custody->purpose.bare)
		return r;
	return record_again(custody);
}

/* Its record stays: the device is returned to the driver that it is kept for. */
static int take_kept(struct rawpci_custody *custody, const struct rawpci_driver_hold *found)
{
	const struct rawpci_binding at = rawpci_handover_binding(custody->ctx, &custody->locks,
								 &custody->address);
	char text[128];
	int r = 0;

	custody->hold = *found;
	if (found->held)
		r = move(custody, found->driver);
	custody->hold.held = false;
	if (r < 0)
		return r;
	custody->as_kept = true;
	custody->recorded_ids[0] = custody->owed.vendor;
	custody->recorded_ids[1] = custody->owed.device;
	if (!custody->purpose.bare)
		return 0;
	r = rawpci_state_look(&at, true, &custody->state);
	if (r < 0)
		rawpci_say(custody->ctx, RAWPCI_LOG_DEBUG, "%s: its registers cannot be read: %s",
			   custody->name, rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

int rawpci_custody_admit(struct rawpci_custody *custody, uint32_t uid, uint32_t gid)
{
	int r = uid == UINT32_MAX && gid == UINT32_MAX ? 0 : -ESTALE;

	for (int tries = 0; r == -ESTALE && tries < GIVE_TRIES; tries++) {
		r = rawpci_nodes_look(custody, uid, gid);
		if (r < 0)
			return r;
		r = write_record(custody, &custody->hold);
		if (r < 0)
			return fail_unrecorded(custody, true, r);
		r = rawpci_nodes_give(custody);
	}
	return r == -ESTALE ? -EACCES : r;
}

/* Fails with what blocks. The log tells of a use that the caller overrides. */
static int heed(void *opaque, const struct rawpci_finding *finding)
{
	const struct rawpci_custody *custody = opaque;

	if (finding->blocks)
		return rawpci_fail_finding(custody->ctx, custody->name, finding);
	rawpci_say(custody->ctx, RAWPCI_LOG_WARNING,
		   "%s: taken from %s because the caller "
		   "insists, although %s",
		   custody->name, custody->bound[0] ? custody->bound : "the host", finding->cause);
	return 0;
}

int rawpci_custody_take(struct rawpci_custody *custody, unsigned flags)
{
	const struct rawpci_binding at = rawpci_handover_binding(custody->ctx, &custody->locks,
								 &custody->address);
	struct rawpci_driver_hold found;
	int r = look(custody, &at, custody->purpose.driver, &found);

	if (r < 0)
		return r;
	memcpy(custody->bound, found.driver, sizeof(custody->bound));
	r = rawpci_custody_check(custody, flags, "/dev", heed, custody);
	if (r < 0)
		return r;
	memset(&custody->state, 0, sizeof(custody->state));
	custody->idle = false;
	if (custody->owed.kept[0] != '\0' && !custody->purpose.handed)
		return take_kept(custody, &found);
	if (custody->owed.hold.held) {
		memcpy(found.driver, custody->owed.hold.driver, sizeof(found.driver));
		memcpy(found.override, custody->owed.hold.override, sizeof(found.override));
		found.held = true;
	}
	if (!found.held && !custody->purpose.bare && !custody->purpose.handed)
		return 0;
	return record_and_move(custody, &found, custody->bound);
}
