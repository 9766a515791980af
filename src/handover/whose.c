/* SPDX-License-Identifier: MIT */
/* Who owns a device now. A record can be stale, so the kernel's view decides. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/inuse.h"
#include "os/opener.h"
#include "os/sys.h"

#define CLOSE_THERE "close it in that process, or end the process"

static const char *passing_remedy(int r)
{
	switch (r) {
	case -EMFILE:
	case -ENFILE:
		return "raise that limit, then try again";
	case -ENOSPC:
	case -EDQUOT:
		return "make room there, then try again";
	default:
		return "try again; if that does not help, the kernel log may say why (dmesg)";
	}
}

/* An error with which opening does not go on, as it does without a directory or a right. what: with
 * the preposition for path; done: what cannot be done. */
static void find_passing(struct rawpci_finding *finding, int r, const char *what, const char *path,
			 const char *done)
{
	char text[128];

	rawpci_finding_set(finding, RAWPCI_OBSTACLE_OTHER, rawpci_as_passing(r),
			   "its %s %s cannot be %s (%s)", what, path, done,
			   rawpci_sys_error_text(r, text, sizeof(text)));
	SAY(finding->path, "%.127s", path);
	SAY(finding->remedy, "%s", passing_remedy(r));
}

static void find_owner(const char *path, bool shared, struct rawpci_finding *finding)
{
	struct rawpci_opener owner;

	rawpci_opener_find("/proc", path, true, &owner);
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_OWNED, -EBUSY, "%s has opened or taken it%s%s",
			   owner.self ? "this process" : owner.text,
			   shared ? ", with a directory of its own for locks (setting run.dir)"
				  : "",
			   owner.self
				   ? ", in this context or another, or the kernel still resets or "
				     "unbinds it"
				   : "");
	finding->number = owner.process;
	SAY(finding->path, "%.127s", path);
	if (owner.process != 0) {
		SAY(finding->remedy, "close or return it in that process, or end the process");
	} else {
		SAY(finding->remedy,
		    "close or return it in that process; as root, outside of containers, "
		    "fuser -v %.200s finds it",
		    path);
		SAY(finding->commands, "fuser -v %.480s\n", path);
	}
}

/* The remedy names no other directory: a lock where no other program looks keeps none out. */
void rawpci_find_lock(const struct rawpci *ctx, const struct rawpci_address *address, bool shared,
		      int r, struct rawpci_finding *finding)
{
	char path[RAWPCI_SYSFS_PATH] = "";

	if (shared)
		(void)rawpci_sysfs_path(ctx->sysfs_dir, address, "config", path, sizeof(path));
	else
		(void)rawpci_locks_path(ctx->run_dir, address, path);
	if (r == -EWOULDBLOCK)
		find_owner(path, shared, finding);
	else if (shared)
		find_passing(finding, r, "lock on", path, "taken");
	else
		find_passing(finding, r, "lock in", ctx->run_dir, "taken");
}

void rawpci_find_unread(const struct rawpci *ctx, int r, struct rawpci_finding *finding)
{
	find_passing(finding, r, "record in", ctx->run_dir, "read");
}

bool rawpci_find_user(const struct rawpci *ctx, const struct rawpci_address *address,
		      const struct rawpci_record *record, struct rawpci_finding *finding)
{
	const struct rawpci_inuse_host host = rawpci_inuse_where(ctx);
	const char *by = record->hold.taken_by;
	char now[RAWPCI_SYSFS_NAME], what[RAWPCI_INUSE_TEXT];
	int r;

	if (by[0] == '\0' || rawpci_sysfs_driver(ctx->sysfs_dir, address, now) < 0 ||
	    strcmp(now, by) != 0)
		return false;
	r = rawpci_inuse_user(&host, address, what);
	if (r < 0 && rawpci_is_passing(r)) {
		rawpci_finding_set(finding, RAWPCI_OBSTACLE_OTHER, rawpci_as_passing(r),
				   "whether a program has its node open cannot be found out (%s)",
				   rawpci_sys_error_text(r, what, sizeof(what)));
		SAY(finding->remedy, "%s", passing_remedy(r));
		return true;
	}
	if (r <= 0)
		return false;
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_OWNED, -EBUSY, "%s", what);
	SAY(finding->remedy, CLOSE_THERE);
	return true;
}

/* Without a mounted sysfs no device can be seen; that does not make this one gone. */
static int check_sysfs(struct rawpci *ctx, const char *name)
{
	char path[RAWPCI_SYSFS_PATH], text[128];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices", ctx->sysfs_dir);
	int r = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : rawpci_sys_access(path, F_OK);

	if (r < 0)
		return rawpci_fail(ctx, rawpci_as_permission(r),
				   "%s: %s/bus/pci/devices cannot be read (%s), so its "
				   "record stays",
				   name, ctx->sysfs_dir,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

void rawpci_say_removed(struct rawpci *ctx, const char *name)
{
	rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: the host has removed it: nothing to return", name);
}

int rawpci_record_applies(struct rawpci *ctx, const char *name,
			  const struct rawpci_address *address, const struct rawpci_record *record)
{
	struct rawpci_record now = { .vendor = 0 };
	char text[128];
	int r = check_sysfs(ctx, name);

	if (r < 0)
		return r;
	r = rawpci_sysfs_present(ctx->sysfs_dir, address);
	if (r != -ENODEV)
		r = rawpci_handover_ids(ctx, address, &now);
	/* -ENOENT: the host removes it meanwhile. Its files go before its directory. */
	if (r == -ENODEV || r == -ENOENT) {
		rawpci_say_removed(ctx, name);
		return 0;
	}
	if (r < 0)
		return rawpci_fail(ctx, r, "%s: its ids cannot be read (%s), so its record stays",
				   name, rawpci_sys_error_text(r, text, sizeof(text)));
	if (now.vendor == record->vendor && now.device == record->device)
		return 1;
	rawpci_say(ctx, RAWPCI_LOG_WARNING,
		   "%s: the device taken from %s was %04x:%04x, but "
		   "%04x:%04x is there now: nothing to return",
		   name, rawpci_or_none(record->hold.driver), record->vendor, record->device,
		   now.vendor, now.device);
	return 0;
}

bool rawpci_custody_lost(struct rawpci_custody *custody)
{
	const char *ours = custody->purpose.driver;
	struct rawpci *ctx = custody->ctx;
	char now[RAWPCI_SYSFS_NAME];
	struct rawpci_record there;

	if (!custody->purpose.bare)
		return false;
	if (rawpci_sysfs_present(ctx->sysfs_dir, &custody->address) == -ENODEV)
		return true;
	/* If the driver cannot be read, the device counts as unchanged. */
	if (rawpci_sysfs_driver(ctx->sysfs_dir, &custody->address, now) < 0)
		return false;
	if (now[0] != '\0' && strcmp(now, ours) != 0) {
		rawpci_say(ctx, RAWPCI_LOG_WARNING,
			   "%s: the host driver %s has taken it while it "
			   "was open: left alone",
			   custody->name, now);
		return true;
	}
	return (custody->recorded || custody->as_kept) &&
	       rawpci_handover_ids(ctx, &custody->address, &there) == 0 &&
	       (there.vendor != custody->recorded_ids[0] ||
		there.device != custody->recorded_ids[1]);
}
