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

#include "core/core.h"
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

int rawpci_handover_own(struct rawpci_device *dev)
{
	struct rawpci *ctx = dev->ctx;
	char text[128];
	bool foreign, shared;
	int r;

	if (dev->claim.lock >= 0 || rawpci_sysfs_present(ctx->sysfs_dir, &dev->info.address) < 0)
		return 0;
	r = rawpci_handover_lock(ctx, &dev->claim, &dev->info.address, &shared);
	if (rawpci_is_passing(r))
		return rawpci_fail_lock(ctx, dev->name, &dev->info.address, shared, r);
	if (r < 0) {
		dev->no_claim = r;
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: %s cannot be used (%s): only the kernel keeps "
			   "other processes from the device, and its driver stays", dev->name,
			   ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = rawpci_record_finish(ctx, &dev->claim, &dev->info.address, &dev->owed, &foreign);
	if (r == -EWOULDBLOCK)
		return -EBUSY;
	if (r == -ETIMEDOUT)
		return r;
	/* What a former owner has left may still master the bus. */
	if (rawpci_is_passing(r) && !foreign && !dev->owed.hold.held)
		return r;
	/* What the record says would be lost with another one over it. */
	if (foreign)
		dev->no_claim = -EEXIST;
	else if (r < 0 && !dev->owed.hold.held)
		dev->no_claim = r;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	return 0;
}

void rawpci_handover_disown(struct rawpci_device *dev)
{
	rawpci_claim_release(&dev->claim);
}

/* May it be taken from the host, and the driver that holds it ("": none) off it? */
static int check_allowed(struct rawpci_device *dev, const char *bound, unsigned flags)
{
	struct rawpci_inuse_host host = rawpci_inuse_where(dev->ctx);
	const struct rawpci_address *address = &dev->info.address;
	char what[RAWPCI_INUSE_TEXT];
	bool bridge;
	int r = rawpci_device_may_rebind(dev, dev->backend, bound, flags);

	if (r < 0)
		return r;
	host.dev = "/dev";
	bridge = rawpci_inuse_bridge(host.sys, address, what) != 0;
	r = bound[0] != '\0' ? rawpci_inuse_find(&host, address, what) : bridge;
	if (r == 0)
		return 0;
	if (!(flags & RAWPCI_OPEN_INSIST))
		return rawpci_fail(dev->ctx, -EBUSY, "%s: %s: %s", dev->name, what,
				   rawpci_use_remedy(bridge, r > 0));
	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: taken from %s as was insisted, although %s",
		   dev->name, bound[0] ? bound : "the host", what);
	return 0;
}

static int write_record(struct rawpci_device *dev, const struct rawpci_driver_hold *hold)
{
	struct rawpci_record record = {.hold = *hold, .state = dev->state, .idle = dev->idle};
	int r = dev->no_claim;

	if (r == 0)
		r = rawpci_handover_ids(dev->ctx, &dev->info.address, &record);
	if (r == 0)
		r = rawpci_record_write(&dev->claim, &record);
	if (r < 0)
		return r;
	dev->recorded_ids[0] = record.vendor;
	dev->recorded_ids[1] = record.device;
	dev->recorded = true;
	return 0;
}

/* The driver cannot be changed without a record. */
static int fail_record(struct rawpci_device *dev, const char *wanted, int r)
{
	char text[128];

	return rawpci_fail(dev->ctx, rawpci_is_passing(r) ? rawpci_as_passing(r) :
			   rawpci_as_permission(r), "%s: its driver stays: no "
			   "record of it can be written to %s (%s), without which the host would "
			   "lose the device if this process were killed: %s; or bind the "
			   "device to %s first", dev->name, dev->ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)), rawpci_record_remedy(r),
			   rawpci_or_none(wanted));
}

static int fail_unrecorded(struct rawpci_device *dev, int r)
{
	char text[128];

	return rawpci_fail(dev->ctx, rawpci_as_passing(r), "%s: no record of its registers can be "
			   "written to %s now (%s), without which a killed process would leave the "
			   "device as it is then: %s", dev->name, dev->ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)), rawpci_record_remedy(r));
}

static void warn_unrecorded(struct rawpci_device *dev, int r)
{
	char text[128];

	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: no record of its registers can be written to "
		   "%s (%s): if this process is killed, the device stays as it is then, maybe "
		   "with bus mastering on", dev->name, dev->ctx->run_dir,
		   rawpci_sys_error_text(r, text, sizeof(text)));
}

/* What is owed since before is what there really was. */
static void look_at_state(struct rawpci_device *dev)
{
	const struct rawpci_binding at =
		rawpci_handover_binding(dev->ctx, &dev->claim, &dev->info.address);
	char text[128];
	int r;

	if (dev->owed.hold.held && dev->owed.state.known) {
		dev->state = dev->owed.state;
		dev->state.bare = dev->state.bare || dev->backend->bare;
		return;
	}
	r = rawpci_state_look(&at, dev->backend->bare, &dev->state);
	if (r < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_DEBUG, "%s: its registers cannot be read: %s",
			   dev->name, rawpci_sys_error_text(r, text, sizeof(text)));
}

void rawpci_handover_undo(struct rawpci_device *dev)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	rawpci_handover_give_back(dev);
	rawpci_reason_restore(&reason);
}

/* A user who may not keep drivers away has the device all the same, as long as none comes. */
static int cannot_keep(struct rawpci_device *dev, int r)
{
	char text[128];

	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: its driver_override cannot be written (%s): a "
		   "host driver that is loaded while it is open takes it", dev->name,
		   rawpci_sys_error_text(r, text, sizeof(text)));
	dev->hold.held = false;
	return 0;
}

/* Nothing but the override that keeps drivers away. */
static bool changes_no_driver(const struct rawpci_driver_hold *hold)
{
	return strcmp(hold->driver, hold->taken_by) == 0;
}

/* seen: the driver that was found. */
static int move(struct rawpci_device *dev, const char *wanted, const char *seen)
{
	const struct rawpci_binding at =
		rawpci_handover_binding(dev->ctx, &dev->claim, &dev->info.address);
	enum rawpci_driver_step step;
	int r = rawpci_driver_move(&at, &dev->hold, seen, &step);

	if (r == 0 && changes_no_driver(&dev->hold))
		return 0;
	if (r == 0) {
		rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: bound to %s%s%s", dev->name,
			   rawpci_or_none(wanted), dev->hold.driver[0] ? " instead of " : "",
			   dev->hold.driver);
		return 0;
	}
	if (r == -ETIMEDOUT) {
		/* Each further step would wait for the one that hangs. */
		dev->hold.held = false;
		dev->recorded = false;
		return rawpci_fail_slow_move(dev, step);
	}
	if (step == RAWPCI_DRIVER_OVERRIDE && changes_no_driver(&dev->hold) &&
	    (r == -EACCES || r == -EPERM || r == -EROFS))
		return cannot_keep(dev, r);
	r = rawpci_fail_move(dev, wanted, step, r);
	rawpci_handover_undo(dev);
	return r;
}

/* The host driver's own enabling has gone with it: what is left is what is to be again. */
static int record_again(struct rawpci_device *dev, const char *wanted)
{
	const struct rawpci_state before = dev->state;
	int r;

	look_at_state(dev);
	if (before.known)
		memcpy(dev->state.header, before.header, sizeof(before.header));
	r = write_record(dev, &dev->hold);
	if (r == 0)
		return 0;
	r = fail_record(dev, wanted, r);
	rawpci_handover_undo(dev);
	return r;
}

/* What there is, in words where it cannot be found out. */
static int look(struct rawpci_device *dev, const struct rawpci_binding *at, const char *wanted,
		struct rawpci_driver_hold *found)
{
	char text[128];
	int r = rawpci_driver_look(at, wanted, found);

	/* Kept in any case: giving back is told by it whether somebody else has set another. */
	if (r == 0 && !found->held && dev->backend->bare)
		r = rawpci_driver_override(at, found->override);
	if (r == -ENODEV && rawpci_sysfs_present(at->root, &at->address) < 0)
		return rawpci_fail(dev->ctx, r, "%s: there is no such device", dev->name);
	if (r == -ENODEV)
		return rawpci_fail(dev->ctx, r, "%s: there is no driver %s: load it (modprobe %s)",
				   dev->name, wanted, wanted);
	if (r == -ETIMEDOUT)
		return rawpci_fail(dev->ctx, r, "%s: the kernel is binding or unbinding its driver, "
				   "and was not done in %u ms (setting driver.timeout_ms)",
				   dev->name, at->limit_ms);
	if (r < 0)
		return rawpci_fail(dev->ctx, r, "%s: its driver cannot be read from %s: %s",
				   dev->name, at->root,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

/* The record says so before that is changed, and what else there is afterwards, of a device that is
 * awake. A record that cannot be written is seen to then. */
static int wake(struct rawpci_device *dev, const struct rawpci_driver_hold *found)
{
	if (!rawpci_handover_is_idle(dev))
		return 0;
	if (dev->owed.hold.held)
		dev->state = dev->owed.state;
	(void)write_record(dev, found);
	return rawpci_handover_wake(dev);
}

/* The first record says that nothing else was changed, and nothing is; but what is owed stays. */
static void drop_record(struct rawpci_device *dev)
{
	if (dev->recorded && !dev->owed.hold.held)
		(void)rawpci_record_erase(&dev->claim);
	dev->recorded = false;
}

/* Writes down what there is, then moves the device. Where the kernel puts registers back, and a host
 * driver makes them what it wants in any case, they are left out, and the record is one that older
 * libraries understand. */
static int record_and_move(struct rawpci_device *dev, const struct rawpci_driver_hold *found,
			   const char *wanted, const char *seen)
{
	int r = dev->backend->bare ? wake(dev, found) : 0;

	if (r < 0)
		return r;
	if (dev->backend->bare || found->driver[0] == '\0' || dev->owed.state.known)
		look_at_state(dev);
	r = write_record(dev, found);
	if (r < 0)
		drop_record(dev);
	if (r < 0 && (!found->held || changes_no_driver(found)) && !rawpci_is_passing(r)) {
		warn_unrecorded(dev, r);
		return 0;
	}
	if (r < 0) {
		rawpci_handover_let_idle(dev);
		return !found->held || changes_no_driver(found) ? fail_unrecorded(dev, r) :
								  fail_record(dev, wanted, r);
	}
	dev->hold = *found;
	if (found->held)
		r = move(dev, wanted, seen);
	if (r < 0 || !found->held || found->driver[0] == '\0' || !dev->backend->bare)
		return r;
	return record_again(dev, wanted);
}

int rawpci_handover_take(struct rawpci_device *dev, const char *wanted, unsigned flags)
{
	const struct rawpci_binding at =
		rawpci_handover_binding(dev->ctx, &dev->claim, &dev->info.address);
	struct rawpci_driver_hold found;
	char seen[RAWPCI_SYSFS_NAME];
	int r = look(dev, &at, wanted, &found);

	/* With no driver wanted there may be none to take away, and still a use of the host's. */
	if (r == 0 && (found.held || wanted[0] == '\0'))
		r = check_allowed(dev, found.driver, flags);
	if (r < 0)
		return r;
	memcpy(seen, found.driver, sizeof(seen));
	if (dev->owed.hold.held) {
		memcpy(found.driver, dev->owed.hold.driver, sizeof(found.driver));
		memcpy(found.override, dev->owed.hold.override, sizeof(found.override));
		found.held = true;
	}
	memset(&dev->state, 0, sizeof(dev->state));
	dev->idle = false;
	if (!found.held && !dev->backend->bare)
		return 0;
	return record_and_move(dev, &found, wanted, seen);
}

void rawpci_handover_give_back(struct rawpci_device *dev)
{
	struct rawpci_record record = {
		.vendor = dev->recorded_ids[0],
		.device = dev->recorded_ids[1],
		.hold = dev->hold,
		.state = dev->state,
		.idle = dev->idle,
	};
	int r;

	if (!dev->recorded && !dev->unfinished)
		rawpci_handover_let_idle(dev);
	if (!dev->recorded)
		return;
	if (dev->unfinished) {
		dev->hold.held = false;
		dev->recorded = false;
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: it is not given back yet, because the "
			   "kernel is still at something with it. Its record in %s stays: once "
			   "that is over, rawpci_recover() or the next open gives it back",
			   dev->name, dev->ctx->run_dir);
		return;
	}
	r = rawpci_record_applies(dev->ctx, dev->name, &dev->info.address, &record);
	if (r == 0)
		(void)rawpci_record_erase(&dev->claim);
	/* That what was open is another one now is not likely enough to keep it for that. */
	else if (r > 0 || rawpci_is_passing(r))
		r = rawpci_record_settle(dev->ctx, &dev->claim, &dev->info.address, &record,
					 dev->was_gone);
	dev->owed = record;
	dev->owed.hold.held = r < 0;
	dev->blocked = r == -EBUSY;
	dev->idle = false;
	dev->hold.held = false;
	dev->recorded = false;
	if (r < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_ERROR, "%s", rawpci_reason());
}
