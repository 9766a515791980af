/* SPDX-License-Identifier: MIT */
/* Owning a device across processes: its locks, and what its former owner has left. */
#include <errno.h>
#include <string.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"

int rawpci_handover_lock(struct rawpci *ctx, struct rawpci_locks *locks,
			 const struct rawpci_address *address, bool *shared)
{
	int of_run = rawpci_locks_take(locks, ctx->run_dir, address);
	int of_config = rawpci_is_passing(of_run)
				? 0
				: rawpci_locks_share(locks, ctx->sysfs_dir, address);

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
	custody->purpose.driver = "";
}

struct rawpci_purpose rawpci_purpose_of(const struct rawpci_backend *backend)
{
	return (struct rawpci_purpose){
		.driver = backend->driver ? backend->driver : "",
		.unbound = backend->unbound,
		.bare = backend->bare,
	};
}

void rawpci_custody_finish(struct rawpci_custody *custody)
{
	rawpci_locks_release(&custody->locks);
}

int rawpci_custody_own(struct rawpci_custody *custody)
{
	struct rawpci *ctx = custody->ctx;
	struct rawpci_finding finding;
	char text[128];
	bool foreign, shared;
	int r;

	if (custody->locks.lock >= 0 || rawpci_sysfs_present(ctx->sysfs_dir, &custody->address) < 0)
		return 0;
	r = rawpci_handover_lock(ctx, &custody->locks, &custody->address, &shared);
	if (rawpci_is_passing(r)) {
		rawpci_find_lock(ctx, &custody->address, shared, r, &finding);
		return rawpci_fail_finding(ctx, custody->name, &finding);
	}
	if (r < 0) {
		custody->no_record = r;
		rawpci_say(ctx, RAWPCI_LOG_INFO,
			   "%s: no lock in %s (%s), so its driver cannot be "
			   "changed: make the directory usable, or set run.dir",
			   custody->name, ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = rawpci_record_finish(ctx, &custody->locks, &custody->address, &custody->owed, &foreign);
	if (r == -EWOULDBLOCK)
		return -EBUSY;
	if (r == -ETIMEDOUT)
		return r;
	/* The device may still master the bus as its former owner has left it. */
	if (rawpci_is_passing(r) && !foreign && !custody->owed.hold.held)
		return r;
	/* A new record would replace the one that stays. */
	if (foreign)
		custody->no_record = -EEXIST;
	else if (r < 0 && !custody->owed.hold.held)
		custody->no_record = r;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	return 0;
}

/* The record of a former owner. Opening acts upon it if it is of the device that is there now. */
static bool find_left(struct rawpci_custody *custody, const struct rawpci_host_device *device,
		      const struct rawpci_record *record, struct rawpci_finding *finding)
{
	const char *before = record->hold.driver;

	if (record->vendor != device->vendor_id || record->device != device->device_id)
		return false;
	if (rawpci_find_user(custody->ctx, &custody->address, record, finding))
		return true;
	if (rawpci_record_is_kept(custody->ctx, &custody->address, record)) {
		custody->owed = *record;
		rawpci_find_kept(record, finding);
		return true;
	}
	if (custody->bound[0] == '\0' || strcmp(custody->bound, record->hold.taken_by) == 0)
		SAY(custody->bound, "%s", before);
	custody->left = strcmp(custody->bound, device->driver) != 0;
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_LEFT, 0,
			   "it was taken from %s and has not been returned",
			   rawpci_or_none(before));
	SAY(finding->driver, "%s", before);
	SAY(finding->remedy, "run rawpci recover, call rawpci_recover(), or open it");
	return true;
}

bool rawpci_custody_find_kept(const struct rawpci_custody *custody, struct rawpci_finding *finding)
{
	struct rawpci_record record;

	if (rawpci_record_peek(custody->ctx->run_dir, &custody->address, &record) < 0 ||
	    !rawpci_record_is_kept(custody->ctx, &custody->address, &record))
		return false;
	rawpci_find_kept(&record, finding);
	return true;
}

bool rawpci_custody_look(struct rawpci_custody *custody, const struct rawpci_host_device *device,
			 struct rawpci_finding *finding)
{
	const struct rawpci_address *address = &custody->address;
	struct rawpci *ctx = custody->ctx;
	struct rawpci_record record;
	int recorded, r = rawpci_record_look(ctx->run_dir, address, &record, &recorded);
	int of_config = rawpci_is_passing(r) ? 0
					     : rawpci_locks_look_shared(ctx->sysfs_dir, address);
	const bool shared = rawpci_is_passing(of_config);

	SAY(custody->bound, "%s", device->driver);
	if (shared || rawpci_is_passing(r)) {
		rawpci_find_lock(ctx, address, shared, shared ? of_config : r, finding);
		return true;
	}
	if (r < 0) {
		custody->no_record = r;
		return false;
	}
	if (recorded == 0)
		return find_left(custody, device, &record, finding);
	if (rawpci_is_passing(recorded)) {
		rawpci_find_unread(ctx, recorded, finding);
		return true;
	}
	if (recorded != -ENOENT)
		custody->no_record = -EEXIST;
	return false;
}
