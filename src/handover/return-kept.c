/* SPDX-License-Identifier: MIT */
/* Returning devices that were kept, and listing them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/handover.h>

#include "core/call.h"
#include "core/context.h"
#include "core/finding.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

struct one {
	struct rawpci_address address;
	struct rawpci_locks locks;
	struct rawpci_record record;
	bool applies; /* false: the device is gone, so its record can go */
	bool done;    /* another process has returned it meanwhile */
};

struct all {
	struct rawpci *ctx;
	struct one *each;
	unsigned n;
	int error; /* that ended the walk of the records */
};

static int add(struct all *all, const struct rawpci_address *address)
{
	struct one *more = realloc(all->each, (all->n + 1) * sizeof(*more));

	if (!more)
		return rawpci_fail(all->ctx, -ENOMEM, "no memory");
	all->each = more;
	memset(&more[all->n], 0, sizeof(*more));
	more[all->n].address = *address;
	more[all->n].locks = RAWPCI_LOCKS_NONE;
	all->n++;
	return 0;
}

static int fail_unread(struct rawpci *ctx, const char *name, int r)
{
	struct rawpci_finding finding;

	rawpci_find_unread(ctx, r, &finding);
	return rawpci_fail_finding(ctx, name, &finding);
}

static int add_if_kept(void *opaque, const struct rawpci_address *address)
{
	struct all *all = opaque;
	struct rawpci_record record;
	const unsigned before = all->n;
	char name[RAWPCI_ADDRESS_TEXT];
	int r = rawpci_record_peek(all->ctx->run_dir, address, &record);

	if (rawpci_is_passing(r))
		all->error = fail_unread(all->ctx, rawpci_address_format(address, name), r);
	else if (r == 0 && rawpci_record_is_kept(all->ctx, address, &record))
		all->error = add(all, address);
	if (r == 0 && all->n > before)
		all->each[before].record = record;
	return all->error;
}

static int fail_directory(struct rawpci *ctx, int r)
{
	char text[128];

	return rawpci_fail(ctx, rawpci_as_permission(r), "%s cannot be used: %s", ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)));
}

static int collect_kept(struct all *all)
{
	int r = rawpci_record_each(all->ctx->run_dir, add_if_kept, all);

	if (all->error < 0)
		return all->error;
	return r < 0 && r != -ENOENT ? fail_directory(all->ctx, r) : 0;
}

static int collect(struct all *all, const char *const *addresses, unsigned n)
{
	struct rawpci_address address;
	int r = 0;

	for (unsigned i = 0; i < n && r == 0; i++) {
		if (!addresses[i])
			return rawpci_fail(all->ctx, -EFAULT, "address %u is NULL", i);
		if (rawpci_address_parse(addresses[i], &address) < 0)
			return rawpci_fail(all->ctx, -EINVAL,
					   "\"%s\" is no PCI address: write 0000:03:00.0 or "
					   "03:00.0",
					   addresses[i]);
		for (unsigned k = 0; k < all->n; k++)
			if (rawpci_address_compare(&all->each[k].address, &address) == 0)
				return rawpci_fail(all->ctx, -EINVAL, "%s is named twice",
						   addresses[i]);
		r = add(all, &address);
	}
	return r;
}

static int fail_record(struct rawpci *ctx, const char *name, int r)
{
	char text[128];

	if (r == -ENOENT)
		return rawpci_fail(ctx, r, "%s: it is not taken: there is no record of it in %s",
				   name, ctx->run_dir);
	if (rawpci_is_passing(r))
		return fail_unread(ctx, name, r);
	return rawpci_fail(ctx, rawpci_as_permission(r),
			   "%s: %s/%s is not a valid record (%s): bind the device to its host "
			   "driver, then remove the file",
			   name, ctx->run_dir, name, rawpci_sys_error_text(r, text, sizeof(text)));
}

/* The lock before the record: its owner may be about to remove that. No lock is made for a device
 * that has no record. */
static int own(struct rawpci *ctx, struct one *one)
{
	struct rawpci_finding finding;
	char name[RAWPCI_ADDRESS_TEXT], text[128];
	bool shared;
	int r = rawpci_record_peek(ctx->run_dir, &one->address, &one->record);

	rawpci_address_format(&one->address, name);
	if (r < 0)
		return fail_record(ctx, name, r);
	r = rawpci_handover_lock(ctx, &one->locks, &one->address, &shared);
	if (rawpci_is_passing(r)) {
		rawpci_find_lock(ctx, &one->address, shared, r, &finding);
		return rawpci_fail_finding(ctx, name, &finding);
	}
	if (r < 0)
		return rawpci_fail(ctx, rawpci_as_permission(r),
				   "%s: its lock in %s cannot be taken: %s", name, ctx->run_dir,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	r = rawpci_record_read(&one->locks, &one->record);
	if (r < 0)
		return fail_record(ctx, name, r);
	r = rawpci_record_applies(ctx, name, &one->address, &one->record);
	if (r < 0)
		return r;
	one->applies = r > 0;
	if (one->applies && rawpci_find_user(ctx, &one->address, &one->record, &finding))
		return rawpci_fail_finding(ctx, name, &finding);
	return 0;
}

static void mark(struct one *one, const char *kept)
{
	memcpy(one->record.kept, kept, sizeof(one->record.kept));
	(void)rawpci_record_write(&one->locks, &one->record);
}

/* From the first change on the device is not kept, so that rawpci_recover() finishes what this
 * process has begun. If the disk is full, the mark stays. */
static int settle(struct rawpci *ctx, struct one *one)
{
	char now[RAWPCI_SYSFS_NAME], kept[RAWPCI_BOOT_TEXT];
	int r;

	memcpy(kept, one->record.kept, sizeof(kept));
	if (kept[0] != '\0')
		mark(one, (const char[RAWPCI_BOOT_TEXT]){ "" });
	r = rawpci_record_settle(ctx, &one->locks, &one->address, &one->record, true);
	if (kept[0] != '\0' && r < 0 && r != -ETIMEDOUT &&
	    rawpci_sysfs_driver(ctx->sysfs_dir, &one->address, now) == 0 &&
	    strcmp(now, one->record.hold.taken_by) == 0)
		mark(one, kept);
	return r;
}

/* A device that fails does not keep the others from being returned. Returns the first error. */
static int settle_all(struct all *all)
{
	struct rawpci_reason reason;
	int first = 0;

	for (unsigned i = 0; i < all->n; i++) {
		struct one *one = &all->each[i];
		int r = 0;

		if (one->done)
			continue;
		if (one->applies)
			r = settle(all->ctx, one);
		else
			(void)rawpci_record_erase(&one->locks);
		if (r < 0 && first == 0) {
			first = r;
			rawpci_reason_keep(&reason);
		} else if (r < 0) {
			rawpci_say(all->ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
		}
	}
	if (first < 0)
		rawpci_reason_restore(&reason);
	return first;
}

static int return_all(struct rawpci *ctx, const char *const *addresses, unsigned n)
{
	struct all all = { .ctx = ctx };
	struct rawpci_reason reason;
	int r = n > 0 ? collect(&all, addresses, n) : collect_kept(&all);

	for (unsigned i = 0; i < all.n && r == 0; i++) {
		r = own(ctx, &all.each[i]);
		all.each[i].done = n == 0 && r == -ENOENT;
		if (all.each[i].done)
			r = 0;
	}
	if (r == 0)
		r = settle_all(&all);
	rawpci_reason_keep(&reason);
	for (unsigned i = 0; i < all.n; i++)
		rawpci_locks_release(&all.each[i].locks);
	for (unsigned i = 0; i < all.n && r == 0; i++)
		rawpci_group_finish(ctx, &all.each[i].address, false);
	rawpci_reason_restore(&reason);
	free(all.each);
	return r;
}

int rawpci_return(struct rawpci *ctx, const char *const *addresses, unsigned n)
{
	int r;

	rawpci_call_begin();
	if (!ctx || (n > 0 && !addresses))
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT, "%s is NULL",
							!ctx ? "the context" : "addresses"));
	r = rawpci_registry_check_owns(ctx);
	if (r == 0)
		r = return_all(ctx, addresses, n);
	return rawpci_call_end(ctx, r);
}

int rawpci_kept_each(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_kept *kept), void *opaque)
{
	struct all all = { .ctx = ctx };
	struct rawpci_kept kept;
	int r;

	rawpci_call_begin();
	if (!ctx || !each)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT, "%s is NULL",
							!ctx ? "the context" : "each"));
	r = rawpci_check_size(ctx, __func__, "rawpci_kept", size, sizeof(kept));
	if (r == 0)
		r = rawpci_registry_check_owns(ctx);
	if (r == 0)
		r = collect_kept(&all);
	(void)rawpci_call_end(ctx, r);
	for (unsigned i = 0; i < all.n && r == 0; i++) {
		const struct rawpci_driver_hold *hold = &all.each[i].record.hold;

		memset(&kept, 0, sizeof(kept));
		kept.address = all.each[i].address;
		SAY(kept.host_driver, "%s", hold->driver);
		SAY(kept.driver, "%s", hold->taken_by);
		r = each(opaque, &kept);
	}
	free(all.each);
	return r;
}
