/* SPDX-License-Identifier: MIT */
/* May a device be taken from the host: what its driver, and what the host uses it for, say to that. */
#include <errno.h>
#include <string.h>

#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/inuse.h"

bool rawpci_driver_is_kept(const struct rawpci_backend *backend, const char *bound, unsigned flags)
{
	if ((flags & RAWPCI_OPEN_DETACH_HOST_DRIVER) || bound[0] == '\0')
		return false;
	return backend->driver ? strcmp(bound, backend->driver) != 0 : backend->unbound;
}

int rawpci_custody_may_rebind(const struct rawpci_custody *custody,
			      const struct rawpci_backend *backend, const char *bound,
			      unsigned flags)
{
	if (!rawpci_driver_is_kept(backend, bound, flags))
		return 0;
	if (backend->driver)
		return rawpci_fail(custody->ctx, -EBUSY, "%s: the host driver %s holds it: open it with "
				   "the flag to detach the host driver, or bind it to %s first",
				   custody->name, bound, backend->driver);
	return rawpci_fail(custody->ctx, -EBUSY, "%s: the host driver %s holds it: open it with the flag "
			   "to detach the host driver, or unbind it first", custody->name, bound);
}

/* May it be taken from the host, and the driver that holds it ("": none) off it? */
int rawpci_custody_check_allowed(struct rawpci_custody *custody, const char *bound, unsigned flags)
{
	struct rawpci_inuse_host host = rawpci_inuse_where(custody->ctx);
	const struct rawpci_address *address = &custody->address;
	char what[RAWPCI_INUSE_TEXT];
	bool bridge;
	int r = rawpci_custody_may_rebind(custody, custody->backend, bound, flags);

	if (r < 0)
		return r;
	host.dev = "/dev";
	bridge = rawpci_inuse_bridge(host.sys, address, what) != 0;
	r = bound[0] != '\0' ? rawpci_inuse_find(&host, address, what) : bridge;
	if (r == 0)
		return 0;
	if (!(flags & RAWPCI_OPEN_INSIST))
		return rawpci_fail(custody->ctx, -EBUSY, "%s: %s: %s", custody->name, what,
				   rawpci_use_remedy(bridge, r > 0));
	rawpci_say(custody->ctx, RAWPCI_LOG_WARNING, "%s: taken from %s as was insisted, although %s",
		   custody->name, bound[0] ? bound : "the host", what);
	return 0;
}
