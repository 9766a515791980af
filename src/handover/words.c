/* SPDX-License-Identifier: MIT */
/* What the errors of locks, records and bindings mean to the caller of the library. */
#include <errno.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/handover.h"
#include "os/sys.h"

const char *rawpci_or_none(const char *driver)
{
	return driver[0] ? driver : "no driver";
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
			       r == -EINVAL || r == -EFBIG || r == -ENAMETOOLONG || r == -EBADMSG
		       ? -EACCES
		       : r;
}

int rawpci_as_passing(int r)
{
	return r == -ENOSPC || r == -EDQUOT ? -ENOSPC : rawpci_sys_result(r, -EIO);
}

int rawpci_fail_timeout(struct rawpci *ctx, const char *name, const char *slow)
{
	return rawpci_fail(ctx, -ETIMEDOUT,
			   "%s: %s in %u ms (setting driver.timeout_ms): call "
			   "rawpci_recover() later, or open it again",
			   name, slow, ctx->driver_timeout_ms);
}
