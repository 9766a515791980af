/* SPDX-License-Identifier: MIT */
/* Whose a device is now: that its record or its user takes it for theirs does not make it so. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/inuse.h"
#include "os/sys.h"

/* A device is gone only where the others can be seen: not where sysfs is not mounted. */
static int check_sysfs(struct rawpci *ctx, const char *name)
{
	char path[RAWPCI_SYSFS_PATH], text[128];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices", ctx->sysfs_dir);
	int r = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : rawpci_sys_access(path, F_OK);

	if (r < 0)
		return rawpci_fail(ctx, rawpci_as_permission(r),
				   "%s: %s/bus/pci/devices cannot be looked at (%s), so that "
				   "its record is left for who can", name, ctx->sysfs_dir,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

int rawpci_record_applies(struct rawpci *ctx, const char *name,
			  const struct rawpci_address *address,
			  const struct rawpci_record *record)
{
	struct rawpci_record now = {.vendor = 0};
	char text[128];
	int r = check_sysfs(ctx, name);

	if (r < 0)
		return r;
	if (rawpci_sysfs_present(ctx->sysfs_dir, address) < 0) {
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: gone, it needs not be given back to %s", name,
			   rawpci_or_none(record->hold.driver));
		return 0;
	}
	r = rawpci_handover_ids(ctx, address, &now);
	if (r < 0)
		return rawpci_fail(ctx, r, "%s: its ids cannot be read (%s), so that its record is "
				   "left for who can", name,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	if (now.vendor == record->vendor && now.device == record->device)
		return 1;
	rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: there is another device (%04x:%04x) than the one "
		   "that was taken from %s (%04x:%04x): left alone", name, now.vendor, now.device,
		   rawpci_or_none(record->hold.driver), record->vendor, record->device);
	return 0;
}

bool rawpci_custody_lost(struct rawpci_custody *custody)
{
	const char *ours = custody->backend->driver ? custody->backend->driver : "";
	struct rawpci *ctx = custody->ctx;
	char now[RAWPCI_SYSFS_NAME];
	struct rawpci_record there;

	if (!custody->backend->bare)
		return false;
	if (rawpci_sysfs_present(ctx->sysfs_dir, &custody->address) < 0)
		return true;
	/* Where it cannot be seen, the device is taken for what it was. */
	if (rawpci_sysfs_driver(ctx->sysfs_dir, &custody->address, now) < 0)
		return false;
	if (now[0] != '\0' && strcmp(now, ours) != 0) {
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: the host driver %s has taken it while it was "
			   "open: left alone", custody->name, now);
		return true;
	}
	return custody->recorded && rawpci_handover_ids(ctx, &custody->address, &there) == 0 &&
	       (there.vendor != custody->recorded_ids[0] || there.device != custody->recorded_ids[1]);
}

bool rawpci_is_used(const struct rawpci *ctx, const struct rawpci_address *address,
		    const struct rawpci_record *record, char *what)
{
	const struct rawpci_inuse_host host = rawpci_inuse_where(ctx);
	const char *by = record->hold.taken_by;
	char now[RAWPCI_SYSFS_NAME];

	return by[0] != '\0' && rawpci_sysfs_driver(ctx->sysfs_dir, address, now) == 0 &&
	       strcmp(now, by) == 0 && rawpci_inuse_user(&host, address, what) > 0;
}
