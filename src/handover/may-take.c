/* SPDX-License-Identifier: MIT */
/*
 * May a device be taken from the host? The flags, its host driver, the host's use of it, the record
 * and the user's rights decide. These functions look and change nothing.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/finding.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/inuse.h"
#include "os/sys.h"

/* For "%s%s". */
#define BIND_IT(driver) (driver)[0] ? "bind it to " : "unbind it", driver
#define BOUND(driver) (driver)[0] ? "bound to " : "unbound", driver

/* For "%s%s%s": the command behind "stop that". */
#define BY(stop) (stop)[0] ? " (" : "", stop, (stop)[0] ? ")" : ""

#define INSIST "or insist (the native API's RAWPCI_OPEN_INSIST)"

bool rawpci_driver_is_kept(const struct rawpci_custody *custody, unsigned flags)
{
	const struct rawpci_purpose *to = &custody->purpose;
	struct rawpci_finding finding;

	if (rawpci_find_kept_otherwise(custody, &finding))
		return true;
	if ((flags & RAWPCI_OPEN_DETACH_HOST_DRIVER) || custody->bound[0] == '\0')
		return false;
	return to->driver[0] != '\0' ? strcmp(custody->bound, to->driver) != 0 : to->unbound;
}

/* dev: "/dev", to open the disks for a moment; NULL: to look only. */
static void look_at_use(struct rawpci_custody *custody, const char *dev)
{
	struct rawpci_inuse_host host = rawpci_inuse_where(custody->ctx);
	struct rawpci_use *use = &custody->use;

	if (use->known && !dev)
		return;
	host.dev = dev;
	host.stop = use->stop;
	use->bridge = rawpci_inuse_bridge(host.sys, &custody->address, use->what) != 0;
	use->found = custody->bound[0] == '\0'
			     ? use->bridge
			     : rawpci_inuse_find(&host, &custody->address, use->what);
	use->known = true;
}

/* No command takes from the host a device that the host uses. */
static void add_commands(struct rawpci_custody *custody, struct rawpci_finding *finding)
{
	const char *root = custody->ctx->sysfs_dir, *driver = custody->purpose.driver;
	char load[128] = "", unbind[256] = "", probe[256] = "", now[RAWPCI_SYSFS_NAME];

	look_at_use(custody, NULL);
	if (custody->use.found != 0 || rawpci_sysfs_driver(root, &custody->address, now) < 0)
		return;
	if (driver[0] != '\0' && rawpci_sysfs_has_driver(root, driver) == -ENODEV)
		SAY(load, "modprobe %s\n", driver);
	if (driver[0] != '\0')
		SAY(probe, "echo %s > %.64s/bus/pci/drivers_probe\n", custody->name, root);
	if (now[0] != '\0')
		SAY(unbind, "echo %s > %.64s/bus/pci/drivers/%s/unbind\n", custody->name, root,
		    now);
	SAY(finding->commands,
	    "%.50secho %s > %.64s/bus/pci/devices/%s/driver_override\n"
	    "%.150s%.110s",
	    load, driver[0] ? driver : "none", root, custody->name, unbind, probe);
}

/* The host driver, which the flags do not let go. asked: with what the host uses the device for. */
static bool find_kept(struct rawpci_custody *custody, unsigned flags, bool asked,
		      struct rawpci_finding *finding)
{
	const char *wanted = custody->purpose.driver, *bound = custody->bound;
	const struct rawpci_use *use = &custody->use;

	if (rawpci_find_kept_otherwise(custody, finding))
		return true;
	if (!rawpci_driver_is_kept(custody, flags))
		return false;
	if (asked)
		look_at_use(custody, NULL);
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_HOST_DRIVER, -EBUSY, "the host driver %s%s%s%s",
			   bound,
			   custody->left
				   ? " has to get it back first, because a killed process took it"
				   : " holds it",
			   use->found ? ", and " : "", use->found ? use->what : "");
	finding->blocker = custody->address;
	SAY(finding->driver, "%s", bound);
	if (use->bridge)
		SAY(finding->remedy, "leave it to the host");
	else if (use->found)
		SAY(finding->remedy,
		    "stop that%s%s%s; then open it with RAWPCI_OPEN_DETACH_HOST_DRIVER",
		    BY(use->stop));
	else
		SAY(finding->remedy,
		    "open it with RAWPCI_OPEN_DETACH_HOST_DRIVER, or %s%s yourself",
		    BIND_IT(wanted));
	if (asked && !custody->left)
		add_commands(custody, finding);
	return true;
}

bool rawpci_find_module(const struct rawpci *ctx, const char *driver,
			struct rawpci_finding *finding)
{
	if (driver[0] == '\0' || rawpci_sysfs_has_driver(ctx->sysfs_dir, driver) != -ENODEV)
		return false;
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_MODULE, -ENODEV,
			   "the kernel module %s is not loaded", driver);
	SAY(finding->driver, "%s", driver);
	SAY(finding->remedy, "modprobe %s", driver);
	SAY(finding->commands, "modprobe %s\n", driver);
	return true;
}

/* A use by the host keeps the device where it is, unless the caller insists. */
static bool find_use(struct rawpci_custody *custody, unsigned flags, const char *dev,
		     struct rawpci_finding *finding)
{
	const struct rawpci_use *use = &custody->use;
	const bool insists = flags & RAWPCI_OPEN_INSIST;

	look_at_use(custody, dev);
	if (use->found == 0)
		return false;
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_IN_USE,
			   insists                    ? 0
			   : use->found == -ETIMEDOUT ? -ETIMEDOUT
						      : -EBUSY,
			   "%s", use->what);
	if (insists)
		return true;
	if (use->found == -ETIMEDOUT)
		SAY(finding->remedy, "see the kernel log (dmesg) for the disk, " INSIST);
	else if (use->found < 0)
		SAY(finding->remedy, "run as root");
	else if (use->bridge)
		SAY(finding->remedy, "leave it to the host, " INSIST);
	else
		SAY(finding->remedy, "stop that first%s%s%s, " INSIST, BY(use->stop));
	return true;
}

void rawpci_find_unwritable(struct rawpci_custody *custody, const char *path, int r,
			    struct rawpci_finding *finding)
{
	const char *wanted = custody->purpose.driver;
	char why[48] = "a read-only file system holds";

	if (r != -EROFS)
		SAY(why, "user %u may not write to", rawpci_sys_user());
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_PERMISSION, rawpci_as_permission(r),
			   "%s %s, so the device cannot be %s%s", why, path, BOUND(wanted));
	SAY(finding->path, "%.127s", path);
	if (r == -EROFS)
		SAY(finding->remedy,
		    "mount sysfs writable in this container, or %s%s outside of "
		    "this container",
		    BIND_IT(wanted));
	else
		SAY(finding->remedy, "run as root, or let root %s%s", BIND_IT(wanted));
	add_commands(custody, finding);
}

static const char *record_remedy(int r)
{
	switch (r) {
	case -EEXIST:
		return "bind the device to its host driver, then remove its record there, which is "
		       "not valid";
	case -EPERM:
		return "make this user or root the owner of the directory and its files, and "
		       "forbid others to write";
	case -ENOENT:
	case -ENOTDIR:
		return "make that directory, or name another (setting run.dir)";
	case -EMFILE:
	case -ENFILE:
		return "raise that limit, then open the device again";
	case -ENOSPC:
	case -EDQUOT:
		return "make room there, or name another directory (setting run.dir)";
	case -EFBIG:
		return "let this process write files (RLIMIT_FSIZE)";
	case -EINVAL:
		return "clear its driver_override, which has characters that a record cannot store";
	default:
		return "run as root, or name another directory (setting run.dir)";
	}
}

void rawpci_find_unrecorded(const struct rawpci_custody *custody, bool of_driver, int r,
			    struct rawpci_finding *finding)
{
	const bool passing = rawpci_is_passing(r);
	const char *wanted = custody->purpose.driver;
	char text[128], needed[96] = "";

	if (of_driver)
		SAY(needed, "it has to be %s%s, and ", BOUND(wanted));
	rawpci_finding_set(finding, passing ? RAWPCI_OBSTACLE_OTHER : RAWPCI_OBSTACLE_PERMISSION,
			   passing ? rawpci_as_passing(r) : rawpci_as_permission(r),
			   "%sno record of its %s can be written to %s (%s)", needed,
			   of_driver ? "driver" : "registers", custody->ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)));
	SAY(finding->path, "%.127s", custody->ctx->run_dir);
	if (of_driver)
		SAY(finding->remedy, "%s; or %s%s first", record_remedy(r), BIND_IT(wanted));
	else
		SAY(finding->remedy, "%s", record_remedy(r));
}

/* May this process write a record, and have another driver bound? */
static bool find_unbindable(struct rawpci_custody *custody, struct rawpci_finding *finding)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(custody->ctx->sysfs_dir, &custody->address, "driver_override",
				  path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_access(path, W_OK);
	if (r == 0 && custody->no_record == 0)
		return false;
	if (r == 0)
		rawpci_find_unrecorded(custody, true, custody->no_record, finding);
	else
		rawpci_find_unwritable(custody, path, r, finding);
	/* The record is written first. */
	if (custody->no_record < 0)
		finding->error = rawpci_as_permission(custody->no_record);
	return true;
}

int rawpci_custody_keep(struct rawpci_custody *custody, unsigned flags, bool asked)
{
	struct rawpci_finding finding;

	if (!find_kept(custody, flags, asked, &finding))
		return 0;
	return rawpci_fail_finding(custody->ctx, custody->name, &finding);
}

/* A program that uses the device through the driver that it is to have. */
static bool find_other(const struct rawpci_custody *custody, struct rawpci_finding *finding)
{
	struct rawpci_record record = { .vendor = 0 };

	SAY(record.hold.taken_by, "%s", custody->bound);
	return rawpci_find_user(custody->ctx, &custody->address, &record, finding);
}

int rawpci_custody_check(struct rawpci_custody *custody, unsigned flags, const char *dev,
			 int (*each)(void *opaque, const struct rawpci_finding *finding),
			 void *opaque)
{
	const char *wanted = custody->purpose.driver;
	const bool there = strcmp(custody->bound, wanted) == 0;
	struct rawpci_finding finding;
	int r = 0;

	if (find_kept(custody, flags, true, &finding))
		return each(opaque, &finding);
	if (there && custody->purpose.handed && find_other(custody, &finding))
		return each(opaque, &finding);
	/* Without its module nothing is taken. Taking has looked for that already. */
	if (wanted[0] != '\0' && (there || (!dev && rawpci_sysfs_has_driver(custody->ctx->sysfs_dir,
									    wanted) == -ENODEV)))
		return 0;
	/* The host may also use a device that no driver holds: a bridge. */
	if (find_use(custody, flags, dev, &finding))
		r = each(opaque, &finding);
	if (r == 0 && !there && find_unbindable(custody, &finding))
		r = each(opaque, &finding);
	return r;
}
