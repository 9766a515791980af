/* SPDX-License-Identifier: MIT */
/* Devices that are taken from the host for another program: all or none, and returned. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/handover.h>

#include "core/call.h"
#include "core/context.h"
#include "core/finding.h"
#include "core/handle.h"
#include "core/log.h"
#include "handover/custody.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

#define VFIO "vfio-pci"
#define UIO "uio_pci_generic"

struct one {
	struct rawpci_slot *slot; /* NULL: none yet */
	struct rawpci_custody custody;
};

struct rawpci_taken {
	struct rawpci *ctx;
	char driver[RAWPCI_SYSFS_NAME];
	unsigned n;
	struct one each[];
};

/* The best backend that opens devices of this driver; its obstacles are those of the driver. */
static const struct rawpci_registered *backend_of(const struct rawpci *ctx, const char *driver)
{
	for (unsigned i = 0; i < ctx->backend_count; i++) {
		const struct rawpci_backend *b = ctx->backends[i].backend;

		if (b->driver && strcmp(b->driver, driver) == 0)
			return &ctx->backends[i];
	}
	return NULL;
}

static bool is_for_user(const struct rawpci *ctx, const char *driver)
{
	return rawpci_sysfs_is_for_user(driver) || backend_of(ctx, driver);
}

static bool any_has_group(const struct rawpci_taken *taken)
{
	unsigned group;

	for (unsigned i = 0; i < taken->n; i++)
		if (rawpci_sysfs_group(taken->ctx->sysfs_dir, &taken->each[i].custody.address,
				       &group) == 0)
			return true;
	return false;
}

/* Only the caller gives up the protection of an IOMMU, so vfio-pci may be missing. */
static const char *choose_driver(const struct rawpci_taken *taken)
{
	const struct rawpci_backend *chosen = atomic_load(&taken->ctx->chosen);

	if (chosen && chosen->driver)
		return chosen->driver;
	return any_has_group(taken) ? VFIO : UIO;
}

static int set_driver(struct rawpci_taken *taken, const char *driver, unsigned flags)
{
	const char *name = driver ? driver : choose_driver(taken);

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') ||
	    strlen(name) >= sizeof(taken->driver))
		return rawpci_fail(taken->ctx, -EINVAL, "\"%s\" is no name of a driver", name);
	if (!(flags & RAWPCI_OPEN_INSIST) && !is_for_user(taken->ctx, name))
		return rawpci_fail(taken->ctx, -EINVAL,
				   "%s is no driver for user space: name one, such as " VFIO
				   " or " UIO ", or insist (the native API's RAWPCI_OPEN_INSIST)",
				   name);
	memcpy(taken->driver, name, strlen(name) + 1);
	for (unsigned i = 0; i < taken->n; i++)
		taken->each[i].custody.purpose = (struct rawpci_purpose){
			.driver = taken->driver,
			.bare = !rawpci_sysfs_is_vfio(taken->driver),
			.handed = true,
		};
	return 0;
}

/* Are the devices and the driver there? The driver of a device that is not there is no matter. */
static int find_all(const struct rawpci_taken *taken)
{
	struct rawpci_finding finding;

	for (unsigned i = 0; i < taken->n; i++) {
		const struct rawpci_custody *custody = &taken->each[i].custody;

		if (rawpci_sysfs_find_absent(taken->ctx->sysfs_dir, &custody->address, &finding))
			return rawpci_fail_finding(taken->ctx, custody->name, &finding);
	}
	if (rawpci_find_module(taken->ctx, taken->driver, &finding))
		return rawpci_fail_finding(taken->ctx, taken->each[0].custody.name, &finding);
	return 0;
}

static void destroy(struct rawpci_taken *taken)
{
	for (unsigned i = 0; i < taken->n; i++) {
		rawpci_custody_finish(&taken->each[i].custody);
		if (taken->each[i].slot)
			rawpci_slot_release(taken->ctx, taken->each[i].slot);
	}
	free(taken);
}

/* Reads the addresses. */
static int create(struct rawpci *ctx, const char *const *addresses, unsigned n,
		  struct rawpci_taken **out)
{
	struct rawpci_taken *taken = calloc(1, sizeof(*taken) + n * sizeof(taken->each[0]));
	struct rawpci_address address;

	if (!taken)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	taken->ctx = ctx;
	for (; taken->n < n; taken->n++) {
		const char *text = addresses[taken->n];
		int r = 0;

		if (!text)
			r = rawpci_fail(ctx, -EFAULT, "address %u is NULL", taken->n);
		else if (rawpci_address_parse(text, &address) < 0)
			r = rawpci_fail(ctx, -EINVAL,
					"\"%s\" is no PCI address: write 0000:03:00.0 or 03:00.0",
					text);
		for (unsigned i = 0; r == 0 && i < taken->n; i++)
			if (rawpci_address_compare(&taken->each[i].custody.address, &address) == 0)
				r = rawpci_fail(ctx, -EINVAL, "%s is named twice", text);
		if (r < 0) {
			destroy(taken);
			return r;
		}
		rawpci_custody_init(&taken->each[taken->n].custody, ctx, &address);
	}
	*out = taken;
	return 0;
}

/* So that a backend counts the devices of this call as taken, and that no other call opens them. */
static int reserve(struct rawpci_taken *taken)
{
	int r = 0;

	for (unsigned i = 0; i < taken->n && r == 0; i++) {
		struct one *one = &taken->each[i];

		r = rawpci_slot_reserve(taken->ctx, &one->custody.address, taken->driver,
					&one->slot);
	}
	return r;
}

static int own(struct rawpci_taken *taken)
{
	for (unsigned i = 0; i < taken->n; i++) {
		struct rawpci_custody *custody = &taken->each[i].custody;
		int r = rawpci_custody_own(custody);

		if (r < 0)
			return r;
		if (custody->owed.kept[0] != '\0')
			return rawpci_fail(taken->ctx, -EBUSY,
					   "%s: it is kept for %s already: return it first, with "
					   "rawpci_return() (rawpci return %s)",
					   custody->name, custody->owed.hold.taken_by,
					   custody->name);
		/* Owning may have returned it to its host driver. */
		(void)rawpci_sysfs_driver(taken->ctx->sysfs_dir, &custody->address, custody->bound);
	}
	return 0;
}

static int fail_if(void *opaque, const struct rawpci_finding *finding)
{
	const struct rawpci_custody *custody = opaque;

	return finding->blocks ? rawpci_fail_finding(custody->ctx, custody->name, finding) : 0;
}

/* Everything that is in the way, of any device, before a device is touched. */
static int check(struct rawpci_taken *taken, unsigned flags)
{
	const struct rawpci_registered *with = backend_of(taken->ctx, taken->driver);
	struct rawpci_finding finding;
	int r = 0;

	for (unsigned i = 0; i < taken->n && r == 0; i++) {
		struct rawpci_custody *custody = &taken->each[i].custody;

		if (rawpci_sysfs_find_absent(taken->ctx->sysfs_dir, &custody->address, &finding))
			return rawpci_fail_finding(taken->ctx, custody->name, &finding);
		/* That driver would go on working with the device. */
		if (strcmp(custody->bound, taken->driver) == 0 &&
		    !is_for_user(taken->ctx, taken->driver))
			return rawpci_fail(taken->ctx, -EBUSY,
					   "%s: %s is its host driver already: name a driver for "
					   "user space, such as " VFIO,
					   custody->name, taken->driver);
		if (with)
			r = with->backend->probe(with->instance, &custody->address);
		if (r == 0)
			r = rawpci_custody_check(custody, flags, "/dev", fail_if, custody);
		/* A file that could not be opened may have counted as missing. */
		if (rawpci_sys_lack() < 0)
			r = rawpci_fail_lack(taken->ctx, custody->name, rawpci_sys_lack());
	}
	return r;
}

/* Devices of the call that are taken are returned after a failure. */
static int move(struct rawpci_taken *taken, const struct rawpci_take_options *options,
		unsigned flags)
{
	unsigned i;
	int r = 0;

	for (i = 0; i < taken->n; i++) {
		r = rawpci_custody_take(&taken->each[i].custody, flags);
		if (r < 0)
			break;
	}
	for (unsigned k = 0; r == 0 && k < taken->n; k++)
		r = rawpci_custody_admit(&taken->each[k].custody, options->uid, options->gid);
	while (r < 0 && i-- > 0)
		rawpci_custody_undo(&taken->each[i].custody);
	return r;
}

static int take(struct rawpci *ctx, const char *const *addresses, unsigned n,
		const struct rawpci_take_options *options, struct rawpci_taken **out)
{
	const unsigned flags = options->flags | RAWPCI_OPEN_DETACH_HOST_DRIVER;
	struct rawpci_taken *taken = NULL;
	int r = create(ctx, addresses, n, &taken);

	if (r < 0)
		return r;
	rawpci_sys_forget_lack();
	r = set_driver(taken, options->driver, flags);
	if (r == 0)
		r = find_all(taken);
	if (r == 0)
		r = reserve(taken);
	if (r == 0)
		r = own(taken);
	if (r == 0)
		r = check(taken, flags);
	if (r == 0)
		r = move(taken, options, flags);
	if (r < 0) {
		destroy(taken);
		return r;
	}
	*out = taken;
	return 0;
}

/* Fields that an older program's structure lacks have their defaults. */
static int read_options(struct rawpci *ctx, const struct rawpci_take_options *given,
			struct rawpci_take_options *options)
{
	*options = (struct rawpci_take_options)RAWPCI_TAKE_OPTIONS_DEFAULT;
	if (!given)
		return 0;
	if (given->size < sizeof(given->size))
		return rawpci_fail(ctx, -EINVAL,
				   "options.size is %zu: set it to sizeof(struct "
				   "rawpci_take_options)",
				   given->size);
	memcpy(options, given, given->size < sizeof(*options) ? given->size : sizeof(*options));
	if (options->flags & ~(unsigned)RAWPCI_OPEN_INSIST)
		return rawpci_fail(ctx, -EBADRQC, "options.flags are %#x: only %#x is defined",
				   options->flags, (unsigned)RAWPCI_OPEN_INSIST);
	return 0;
}

int rawpci_take(struct rawpci *ctx, const char *const *addresses, unsigned n,
		const struct rawpci_take_options *given, struct rawpci_taken **out)
{
	struct rawpci_take_options options;
	int r;

	rawpci_call_begin();
	if (!ctx || !addresses || !out)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT, "%s is NULL",
							!ctx         ? "the context"
							: !addresses ? "addresses"
								     : "out"));
	r = read_options(ctx, given, &options);
	if (r == 0 && n == 0)
		r = rawpci_fail(ctx, -EINVAL, "n is 0: name at least one device");
	if (r == 0 && n > RAWPCI_SLOTS)
		r = rawpci_fail(ctx, -EUSERS, "n is %u: a context has %d devices at most", n,
				RAWPCI_SLOTS);
	if (r == 0)
		r = rawpci_registry_check_owns(ctx);
	if (r == 0)
		r = take(ctx, addresses, n, &options, out);
	return rawpci_call_end(ctx, r);
}

const char *rawpci_taken_driver(const struct rawpci_taken *taken)
{
	return taken ? taken->driver : NULL;
}

/* The locks go before other devices of the groups are looked for, as at a close. */
static int hand_back(struct rawpci_taken *taken)
{
	struct rawpci_reason reason;
	int first = 0;

	for (unsigned i = taken->n; i-- > 0;) {
		struct rawpci_custody *custody = &taken->each[i].custody;
		int r = rawpci_custody_hand_back(custody);

		if (r < 0 && first < 0)
			rawpci_say(taken->ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
		if (r == 0 || first < 0)
			continue;
		first = r;
		rawpci_reason_keep(&reason);
	}
	for (unsigned i = 0; i < taken->n; i++)
		rawpci_custody_finish(&taken->each[i].custody);
	for (unsigned i = 0; i < taken->n; i++)
		rawpci_group_finish(taken->ctx, &taken->each[i].custody.address,
				    taken->each[i].custody.blocked);
	if (first < 0)
		rawpci_reason_restore(&reason);
	return first;
}

int rawpci_taken_return(struct rawpci_taken *taken)
{
	struct rawpci *ctx;
	int r;

	rawpci_call_begin();
	if (!taken)
		return rawpci_call_end(NULL, 0);
	ctx = taken->ctx;
	r = hand_back(taken);
	r = rawpci_call_end(ctx, r);
	destroy(taken);
	return r;
}

/* All records are marked, or none. */
static int mark(struct rawpci_taken *taken)
{
	struct rawpci_reason reason;
	unsigned copied = 0;
	int r = 0;

	for (; copied < taken->n; copied++) {
		r = rawpci_custody_copy(&taken->each[copied].custody);
		if (r < 0)
			break;
	}
	for (unsigned i = 0; r == 0 && i < taken->n; i++)
		r = rawpci_custody_mark(&taken->each[i].custody);
	rawpci_reason_keep(&reason);
	while (copied-- > 0)
		if (r < 0)
			rawpci_custody_unmark(&taken->each[copied].custody);
		else
			rawpci_custody_drop_copy(&taken->each[copied].custody);
	rawpci_reason_restore(&reason);
	return r;
}

int rawpci_taken_keep(struct rawpci_taken *taken)
{
	struct rawpci *ctx;
	int r;

	rawpci_call_begin();
	if (!taken)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -EFAULT, "taken is NULL"));
	ctx = taken->ctx;
	r = rawpci_call_end(ctx, mark(taken));
	if (r == 0)
		destroy(taken);
	return r;
}
