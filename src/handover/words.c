/* SPDX-License-Identifier: MIT */
/* What is said of a device that cannot be taken from the host, or not be given back. */
#include "handover/handover.h"

#include <errno.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "os/sys.h"

const char *rawpci_or_none(const char *driver)
{
	return driver[0] ? driver : "no driver";
}

struct rawpci_inuse_host rawpci_inuse_where(const struct rawpci *ctx)
{
	return (struct rawpci_inuse_host) {
		.sys = ctx->sysfs_dir, .proc = "/proc", .vfio = ctx->vfio_dir, .uio = ctx->uio_dir,
	};
}

#define INSIST "or insist (the native API's RAWPCI_OPEN_INSIST)"

const char *rawpci_use_remedy(bool bridge, bool known)
{
	if (!known)
		return "run as a user who may look";
	return bridge ? "leave it to the host, " INSIST : "stop that first, " INSIST;
}

const char *rawpci_record_remedy(int r)
{
	switch (r) {
	case -EEXIST:
		return "see that the device has its driver, then remove the record there, which "
		       "cannot be trusted";
	case -EPERM:
		return "see that the directory, and what is in it, is this user's or root's, and "
		       "that no one else may write there";
	case -ENOENT:
	case -ENOTDIR:
		return "make the directory that it is to be in, or name another (setting run.dir)";
	case -EMFILE:
	case -ENFILE:
		return "open the device again then";
	case -ENOSPC:
	case -EDQUOT:
		return "make room there, or name another directory (setting run.dir)";
	case -EFBIG:
		return "let this process write files (RLIMIT_FSIZE)";
	case -EINVAL:
		return "clear its driver_override first, which no record can hold";
	default:
		return "run as root, or name another directory (setting run.dir)";
	}
}

bool rawpci_is_passing(int r)
{
	switch (r) {
	case -EACCES:
	case -EPERM:
	case -EROFS:
	case -ENOENT:
	case -ENOTDIR:
	case -EISDIR:
	case -ELOOP:
	case -ENAMETOOLONG:
	case -ENODEV:
	case -ENXIO:
	case -EINVAL: /* also of a file system that has no locks */
	case -EOPNOTSUPP:
	case -ENOSYS:
	case -EFBIG: /* the process may write no file */
	case -EEXIST:
	case -EBADMSG:
		return false;
	default:
		return r < 0;
	}
}

int rawpci_as_permission(int r)
{
	return r == -EROFS || r == -ELOOP || r == -ENOTDIR || r == -ENOENT || r == -EEXIST ||
	       r == -EINVAL || r == -EFBIG || r == -ENAMETOOLONG || r == -EBADMSG ? -EACCES : r;
}

int rawpci_as_passing(int r)
{
	return r == -ENOSPC || r == -EDQUOT ? -ENOSPC : rawpci_sys_result(r, -EIO);
}

const char *rawpci_passing_remedy(int r)
{
	switch (r) {
	case -EMFILE:
	case -ENFILE:
		return "try again then";
	case -ENOSPC:
	case -EDQUOT:
		return "make room there, then try again";
	default:
		return "try again; where that does not help, the kernel log may say why (dmesg)";
	}
}

void rawpci_find_owner(const struct rawpci *ctx, const struct rawpci_address *address,
		       struct rawpci_opener *owner)
{
	char path[RAWPCI_SYSFS_PATH] = "";

	(void)rawpci_locks_path(ctx->run_dir, address, path);
	rawpci_opener_find("/proc", path, true, owner);
}

static int fail_owned(struct rawpci *ctx, const char *name, const struct rawpci_address *address)
{
	struct rawpci_opener owner;

	rawpci_find_owner(ctx, address, &owner);
	if (owner.self)
		return rawpci_fail(ctx, -EBUSY, "%s: this process has it already (in this "
				   "context or another), or the kernel has not ended what was "
				   "asked of it (a reset, or unbinding its driver)", name);
	return rawpci_fail(ctx, -EBUSY, "%s: %s has it open", name, owner.text);
}

int rawpci_fail_shared(struct rawpci *ctx, const char *name,
		       const struct rawpci_address *address)
{
	struct rawpci_opener owner;
	char path[RAWPCI_SYSFS_PATH] = "";

	(void)rawpci_sysfs_path(ctx->sysfs_dir, address, "config", path, sizeof(path));
	rawpci_opener_find("/proc", path, true, &owner);
	if (owner.self)
		return rawpci_fail(ctx, -EBUSY, "%s: this process, in another context, has it "
				   "open, with a directory of its own for locks (setting run.dir), "
				   "or the kernel has not ended what was asked of it there (a reset, "
				   "or unbinding its driver)", name);
	return rawpci_fail(ctx, -EBUSY, "%s: %s has it open, with a directory of its own for locks "
			   "(setting run.dir)", name, owner.text);
}

/* No other directory is advised: a lock where no other program looks keeps none out. */
int rawpci_fail_lock(struct rawpci *ctx, const char *name, const struct rawpci_address *address,
		     bool shared, int r)
{
	char path[RAWPCI_SYSFS_PATH] = "", text[128];

	if (r == -EWOULDBLOCK)
		return shared ? rawpci_fail_shared(ctx, name, address) :
				fail_owned(ctx, name, address);
	(void)rawpci_sysfs_path(ctx->sysfs_dir, address, "config", path, sizeof(path));
	return rawpci_fail(ctx, rawpci_as_passing(r), "%s: its lock %s %s cannot be had now, and "
			   "without it two programs could have the device: %s: %s", name,
			   shared ? "on" : "in", shared ? path : ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)), rawpci_passing_remedy(r));
}

int rawpci_fail_timeout(struct rawpci *ctx, const char *name, const char *slow)
{
	return rawpci_fail(ctx, -ETIMEDOUT, "%s: %s in %u ms (setting driver.timeout_ms), and may "
			   "never. The record in %s stays: once that is over, rawpci_recover() or "
			   "the next open gives the device back", name, slow,
			   ctx->driver_timeout_ms, ctx->run_dir);
}

int rawpci_fail_slow_move(struct rawpci_custody *custody, enum rawpci_driver_step step)
{
	static const char *const slow[] = {
		[RAWPCI_DRIVER_OVERRIDE] = "somebody else is binding or unbinding it, and was not "
					   "done",
		[RAWPCI_DRIVER_UNBIND] = "something still uses it, so that its driver has not let "
					 "go of it",
		[RAWPCI_DRIVER_PROBE] = "the driver that it is to be bound to has not taken it",
	};

	return rawpci_fail_timeout(custody->ctx, custody->name, slow[step]);
}

int rawpci_fail_move(struct rawpci_custody *custody, const char *wanted, enum rawpci_driver_step step,
		     int error)
{
	const char *root = custody->ctx->sysfs_dir;
	char text[128];

	if (step == RAWPCI_DRIVER_SEEN && error == -EBUSY)
		return rawpci_fail(custody->ctx, error, "%s: a host driver took it in the meantime, and "
				   "has it now: open it again", custody->name);
	(void)rawpci_sys_error_text(error, text, sizeof(text));
	if (rawpci_sys_result(error, 0) < 0)
		return rawpci_fail(custody->ctx, error, "%s: it could not be bound to %s: %s",
				   custody->name, rawpci_or_none(wanted), text);
	if (error == -EROFS)
		return rawpci_fail(custody->ctx, -EACCES, "%s: it could not be bound to %s (%s): mount "
				   "%s writable, or bind the device outside of this container",
				   custody->name, rawpci_or_none(wanted), text, root);
	if (error == -EACCES || error == -EPERM)
		return rawpci_fail(custody->ctx, error, "%s: it could not be bound to %s (%s): user %u "
				   "may not write to %s/bus/pci: run as root, or let root bind it",
				   custody->name, rawpci_or_none(wanted), text, rawpci_sys_user(), root);
	if (error == -ENODEV && rawpci_sysfs_present(root, &custody->address) < 0)
		return rawpci_fail(custody->ctx, error, "%s: it was removed while it was being bound "
				   "to %s", custody->name, rawpci_or_none(wanted));
	if (error == -ENODEV)
		return rawpci_fail(custody->ctx, error, "%s: the driver %s has refused it: the kernel "
				   "log says why (dmesg)", custody->name, wanted);
	return rawpci_fail(custody->ctx, error, "%s: it could not be bound to %s (%s): the kernel log "
			   "may say why (dmesg)", custody->name, rawpci_or_none(wanted), text);
}
