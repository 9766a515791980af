/* SPDX-License-Identifier: MIT */
/* Who has a device, and what its former owner has left: looked at, and not touched. */
#include <errno.h>
#include <string.h>

#include "core/context.h"
#include "core/log.h"
#include "device/choice.h"
#include "explain/explain.h"
#include "handover/handover.h"
#include "os/inuse.h"
#include "os/sys.h"

static int find_owner(struct rawpci_inquiry *q)
{
	struct rawpci_opener owner;
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_OWNED,
		.blocks = true,
		.error = -EBUSY,
	};
	char path[RAWPCI_SYSFS_PATH] = "";
	int r;

	rawpci_find_owner(q->ctx, &q->out->address, &owner);
	(void)rawpci_locks_path(q->ctx->run_dir, &q->out->address, path);
	finding.number = owner.process;
	SAY(finding.path, "%.127s", path);
	SAY(finding.cause, "%s has it open", owner.self ? "this process" : owner.text);
	if (owner.process != 0) {
		SAY(finding.remedy, "close it there, or end that process");
	} else {
		SAY(finding.remedy, "close it there; outside of containers root sees who has %s "
		    "open", finding.path);
		SAY(finding.commands, "fuser -v %s\n", finding.path);
	}
	q->found.step = RAWPCI_STEP_OWN;
	r = rawpci_backend_finding(&q->found, &finding);
	q->found.owned = true;
	return r;
}

/* Another program than the one that took it, or its library. */
static int add_user(struct rawpci_inquiry *q, const char *what)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_OWNED,
		.blocks = true,
		.error = -EBUSY,
	};
	int r;

	SAY(finding.cause, "%s", what);
	SAY(finding.remedy, "close it there, or end that process");
	q->found.step = RAWPCI_STEP_OWN;
	r = rawpci_backend_finding(&q->found, &finding);
	q->found.owned = true;
	return r;
}

/* What is acted upon, as open does it; where there is another device now, nothing is. */
static int find_left(struct rawpci_inquiry *q, const struct rawpci_record *record)
{
	struct rawpci_finding finding = {.obstacle = RAWPCI_OBSTACLE_LEFT};
	const char *before = record->hold.driver;
	char what[RAWPCI_INUSE_TEXT];

	if (record->vendor != q->device->vendor_id || record->device != q->device->device_id)
		return 0;
	if (rawpci_is_used(q->ctx, &q->out->address, record, what))
		return add_user(q, what);
	if (q->driver[0] == '\0' || strcmp(q->driver, record->hold.taken_by) == 0)
		SAY(q->driver, "%s", before);
	SAY(finding.driver, "%s", before);
	SAY(finding.cause, "it was taken from %s and has not been given back",
	    rawpci_or_none(before));
	SAY(finding.remedy, "rawpci_recover() (examples/recover) does that, and so does the next "
	    "open before anything else");
	return rawpci_backend_finding(&q->found, &finding);
}

/* What open does not go on without, as it would where a directory or a right is lacking. what: with
 * the preposition for path. */
static int find_passing(struct rawpci_inquiry *q, int r, const char *what, const char *path,
			const char *why)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_OTHER,
		.blocks = true,
		.error = rawpci_as_passing(r),
	};
	char text[128];

	SAY(finding.path, "%.127s", path);
	SAY(finding.cause, "its %s %s cannot be had now%s: %s", what, finding.path, why,
	    rawpci_sys_error_text(r, text, sizeof(text)));
	SAY(finding.remedy, "%s", rawpci_passing_remedy(r));
	q->found.step = RAWPCI_STEP_OWN;
	return rawpci_backend_finding(&q->found, &finding);
}

/* r: of the lock in run.dir; shared: of the other one. */
static int find_lock_passing(struct rawpci_inquiry *q, int r, int shared)
{
	static const char why[] = ", and without it two programs could have the device";
	char path[RAWPCI_SYSFS_PATH] = "";

	if (rawpci_is_passing(r))
		return find_passing(q, r, "lock in", q->ctx->run_dir, why);
	(void)rawpci_sysfs_path(q->ctx->sysfs_dir, &q->out->address, "config", path, sizeof(path));
	return find_passing(q, shared, "lock on", path, why);
}

int rawpci_explain_owner(struct rawpci_inquiry *q)
{
	struct rawpci_record record;
	int recorded, r, shared;

	SAY(q->driver, "%s", q->device->driver);
	if (!rawpci_choice_owns(q->ctx))
		return 0;
	r = rawpci_record_look(q->ctx->run_dir, &q->out->address, &record, &recorded);
	if (r == -EWOULDBLOCK)
		return find_owner(q);
	shared = rawpci_is_passing(r) ? 0 :
		 rawpci_locks_look_shared(q->ctx->sysfs_dir, &q->out->address);
	if (shared == -EWOULDBLOCK) {
		(void)rawpci_fail_shared(q->ctx, q->name, &q->out->address);
		return add_user(q, rawpci_reason() + strlen(q->name) + 2);
	}
	if (rawpci_is_passing(r) || rawpci_is_passing(shared))
		return find_lock_passing(q, r, shared);
	if (r < 0) {
		q->no_record = r;
		return 0;
	}
	if (recorded == 0)
		return find_left(q, &record);
	if (rawpci_is_passing(recorded))
		return find_passing(q, recorded, "record in", q->ctx->run_dir, "");
	if (recorded != -ENOENT)
		q->no_record = -EEXIST;
	return 0;
}
