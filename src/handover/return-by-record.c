/* SPDX-License-Identifier: MIT */
/* Doing what a record says: the device gets its registers and its host driver back. */
#include <errno.h>
#include <string.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"

#define VANISHING_MS 100

/* Errors of a device, a driver or a file that is not there. */
static bool is_of_absence(int error)
{
	return error == -ENODEV || error == -ENOENT || error == -ENXIO || error == -EINVAL;
}

/* A driver that another program has bound in the meantime keeps the device. */
static void say_returned(struct rawpci *ctx, const char *name, const struct rawpci_address *address,
			 const char *driver)
{
	char now[RAWPCI_SYSFS_NAME];

	if (rawpci_sysfs_driver(ctx->sysfs_dir, address, now) == 0 && now[0] != '\0' &&
	    strcmp(now, driver) != 0)
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: another program has bound it to %s%s%s", name,
			   now, driver[0] ? ": not returned to " : ", where it stays", driver);
	else
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: returned%s%s", name,
			   driver[0] ? " to " : ", bound to no driver as before", driver);
}

static int fail_return(struct rawpci *ctx, const char *name, const struct rawpci_address *address,
		       const char *driver, int r)
{
	char text[128], neighbour[RAWPCI_ADDRESS_TEXT];

	if (r == -ETIMEDOUT)
		return rawpci_fail_timeout(ctx, name,
					   "the kernel has not returned it to its "
					   "driver");
	/* drivers_probe returns EINVAL, and only the kernel log has the reason (Linux
	 * drivers/base/bus.c, drivers_probe_store()). */
	if ((r == -ENODEV || r == -EINVAL) &&
	    rawpci_sysfs_has_driver(ctx->sysfs_dir, driver) == 0 &&
	    rawpci_group_neighbour(ctx, address, neighbour))
		return rawpci_fail(ctx, -EBUSY,
				   "%s: the host driver %s cannot get it back while "
				   "another device of its IOMMU group is in use, such as %s: close "
				   "that device, then call rawpci_recover(); the kernel log may "
				   "say more (dmesg)",
				   name, driver, neighbour);
	(void)rawpci_sys_error_text(r, text, sizeof(text));
	if (driver[0] == '\0')
		return rawpci_fail(ctx, r,
				   "%s: it could not be unbound, or its driver_override restored "
				   "(%s): call rawpci_recover() later",
				   name, text);
	return rawpci_fail(ctx, r,
			   "%s: it could not be returned to %s (%s): load that driver, then call "
			   "rawpci_recover()",
			   name, driver, text);
}

/* The record has no device any more. */
static void erase(struct rawpci *ctx, const struct rawpci_locks *locks)
{
	char text[128];
	int r = rawpci_record_erase(locks);

	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: its record in %s cannot be removed (%s)",
			   locks->name, ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
}

/* A user that may open the nodes could do so after a look for users. So that right ends first. */
static int withdraw(struct rawpci *ctx, const char *name, const struct rawpci_address *address,
		    const struct rawpci_record *record)
{
	struct rawpci_finding finding;
	int r = rawpci_nodes_restore(ctx, address, name, &record->nodes);

	if (r == 0 && record->nodes.n > 0 && rawpci_find_user(ctx, address, record, &finding))
		r = rawpci_fail_finding(ctx, name, &finding);
	return r;
}

static int settle(struct rawpci *ctx, const struct rawpci_locks *locks,
		  const struct rawpci_address *address, const struct rawpci_record *record,
		  bool killed)
{
	const struct rawpci_binding at = rawpci_handover_binding(ctx, locks, address);
	const struct rawpci_driver_hold *hold = &record->hold;
	const char *name = locks->name;
	bool idle;
	int r = withdraw(ctx, name, address, record);

	if (r < 0)
		return r;
	r = rawpci_idle_hold(&at, record, &idle);
	if (r == 0)
		r = rawpci_state_restore(ctx, &at, name, record, killed);
	/* Before a driver is bound, which may set the file itself. */
	if (r == 0 && idle)
		r = rawpci_idle_release(ctx, &at, name);
	if (r < 0)
		return r == -ETIMEDOUT ? rawpci_fail_timeout(ctx, name,
							     "the kernel has not "
							     "unbound and reset it")
				       : r;
	if (hold->held)
		r = rawpci_driver_return(&at, hold);
	if (r < 0)
		return fail_return(ctx, name, address, hold->driver, r);
	erase(ctx, locks);
	if (hold->held)
		say_returned(ctx, name, address, hold->driver);
	return 1;
}

/* The kernel may remove a device while it is being returned: it waited for this process to close
 * it. A step then fails, and a moment later the device is not in sysfs any more. */
static bool vanishes(const struct rawpci *ctx, const struct rawpci_address *address, int error)
{
	const uint64_t end = rawpci_sys_now_ms() + (is_of_absence(error) ? VANISHING_MS : 0);
	int r = rawpci_sysfs_present(ctx->sysfs_dir, address);

	while (r == 0 && rawpci_sys_now_ms() < end) {
		rawpci_sys_sleep_ms(10);
		r = rawpci_sysfs_present(ctx->sysfs_dir, address);
	}
	return r == -ENODEV;
}

int rawpci_record_settle(struct rawpci *ctx, const struct rawpci_locks *locks,
			 const struct rawpci_address *address, const struct rawpci_record *record,
			 bool killed)
{
	int r = settle(ctx, locks, address, record, killed);

	if (r >= 0 || r == -ETIMEDOUT || !vanishes(ctx, address, r))
		return r;
	rawpci_say_removed(ctx, locks->name);
	erase(ctx, locks);
	return 0;
}

int rawpci_record_finish(struct rawpci *ctx, const struct rawpci_locks *locks,
			 const struct rawpci_address *address, struct rawpci_record *owed,
			 bool *foreign)
{
	struct rawpci_finding finding;
	struct rawpci_record record;
	char text[128];
	int r = rawpci_record_read(locks, &record);

	*foreign = false;
	owed->kept[0] = '\0';
	if (r == -ENOENT)
		return 0;
	if (rawpci_is_passing(r)) {
		rawpci_find_unread(ctx, r, &finding);
		return rawpci_fail_finding(ctx, locks->name, &finding);
	}
	if (r < 0) {
		*foreign = true;
		rawpci_say(ctx, RAWPCI_LOG_WARNING,
			   "%s: %s/%s is not a valid record (%s): bind "
			   "the device to its host driver, then remove the file",
			   locks->name, ctx->run_dir, locks->name,
			   rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = rawpci_record_applies(ctx, locks->name, address, &record);
	if (r < 0)
		return r;
	if (r == 0) {
		(void)rawpci_record_erase(locks);
		return 0;
	}
	if (rawpci_find_user(ctx, address, &record, &finding)) {
		r = rawpci_fail_finding(ctx, locks->name, &finding);
		return r == -EBUSY ? -EWOULDBLOCK : r;
	}
	if (rawpci_record_is_kept(ctx, address, &record)) {
		*owed = record;
		return 0;
	}
	record.kept[0] = '\0';
	rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: it was taken from %s and has not been returned yet",
		   locks->name, rawpci_or_none(record.hold.driver));
	r = rawpci_record_settle(ctx, locks, address, &record, true);
	if (r < 0)
		*owed = record;
	return r;
}
