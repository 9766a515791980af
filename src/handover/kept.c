/* SPDX-License-Identifier: MIT */
/* Devices that are kept: taken by a process that has ended, and to stay so until they are returned.
 * Their records have a mark, with which everybody but rawpci_return() leaves them alone. */
#include <errno.h>
#include <string.h>

#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sysfs.h"

bool rawpci_record_is_kept(const struct rawpci *ctx, const struct rawpci_address *address,
			   const struct rawpci_record *record)
{
	char boot[RAWPCI_BOOT_TEXT], now[RAWPCI_SYSFS_NAME];

	if (record->kept[0] == '\0')
		return false;
	rawpci_handover_boot(boot);
	if (boot[0] != '\0' && strcmp(boot, record->kept) != 0)
		return false;
	return rawpci_sysfs_driver(ctx->sysfs_dir, address, now) < 0 || now[0] == '\0' ||
	       strcmp(now, record->hold.taken_by) == 0;
}

void rawpci_find_kept(const struct rawpci_record *record, struct rawpci_finding *finding)
{
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_KEPT, 0,
			   "it is kept for %s, and its host driver is %s", record->hold.taken_by,
			   rawpci_or_none(record->hold.driver));
	SAY(finding->driver, "%s", record->hold.driver);
	SAY(finding->remedy, "rawpci_return() (rawpci return) returns it to the host");
}

bool rawpci_find_kept_otherwise(const struct rawpci_custody *custody,
				struct rawpci_finding *finding)
{
	const struct rawpci_purpose *to = &custody->purpose;
	const char *taken_by = custody->owed.hold.taken_by;

	if (custody->owed.kept[0] == '\0' || (to->driver[0] == '\0' && !to->unbound) ||
	    strcmp(to->driver, taken_by) == 0)
		return false;
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_KEPT, -EBUSY, "it is kept for %s, %s%s",
			   taken_by,
			   to->driver[0] ? "not for " : "so it cannot be without a driver",
			   to->driver);
	finding->blocker = custody->address;
	SAY(finding->driver, "%s", custody->owed.hold.driver);
	SAY(finding->remedy, "return it first, with rawpci_return() (rawpci return %s)",
	    custody->name);
	return true;
}

static int fail_unmarked(struct rawpci_custody *custody, int r)
{
	struct rawpci_finding finding;

	rawpci_find_unrecorded(custody, true, r, &finding);
	return rawpci_fail_finding(custody->ctx, custody->name, &finding);
}

int rawpci_custody_copy(struct rawpci_custody *custody)
{
	struct rawpci_record record;
	int r = rawpci_record_compose(custody, &custody->hold, &record);

	if (r == 0)
		r = rawpci_record_copy(&custody->locks, &record);
	return r < 0 ? fail_unmarked(custody, r) : 0;
}

int rawpci_custody_mark(struct rawpci_custody *custody)
{
	struct rawpci_record record;
	int r = rawpci_record_compose(custody, &custody->hold, &record);

	rawpci_handover_boot(record.kept);
	if (record.kept[0] == '\0')
		return rawpci_fail(custody->ctx, -EACCES,
				   "%s: it cannot be kept, because the kernel does not tell the "
				   "id of this boot: make /proc/sys/kernel/random/boot_id readable",
				   custody->name);
	if (r == 0)
		r = rawpci_record_write(&custody->locks, &record);
	return r < 0 ? fail_unmarked(custody, r) : 0;
}

void rawpci_custody_unmark(struct rawpci_custody *custody)
{
	(void)rawpci_record_put_copy(&custody->locks);
}

void rawpci_custody_drop_copy(struct rawpci_custody *custody)
{
	rawpci_record_drop_copy(&custody->locks);
}

/* Whatever the program did to the registers, the next one finds them as this one has. The record
 * has those of the host's time. */
void rawpci_kept_close(struct rawpci_custody *custody)
{
	const struct rawpci_binding at = rawpci_handover_binding(custody->ctx, &custody->locks,
								 &custody->address);
	struct rawpci_record record = { .state = custody->state };
	int r;

	custody->as_kept = false;
	if (custody->unfinished || !custody->state.known)
		return;
	r = rawpci_record_applies(custody->ctx, custody->name, &custody->address, &custody->owed);
	if (r == 0 || (r < 0 && !rawpci_is_passing(r)))
		return;
	SAY(record.hold.driver, "%s", custody->purpose.driver);
	SAY(record.hold.taken_by, "%s", custody->purpose.driver);
	if (rawpci_state_restore(custody->ctx, &at, custody->name, &record, custody->was_gone) < 0)
		rawpci_say(custody->ctx, RAWPCI_LOG_WARNING,
			   "%s: its registers are not restored, "
			   "because the kernel still works on it: return it with rawpci_return()",
			   custody->name);
}
