/* SPDX-License-Identifier: MIT */
/* Which devices the host has: the public calls. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "core/finding.h"
#include "core/registry.h"
#include "host/host.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

struct found {
	struct rawpci_address *addresses;
	size_t count, room;
};

static int collect(void *opaque, const struct rawpci_address *address)
{
	struct found *found = opaque;

	if (found->count == found->room) {
		size_t room = found->room ? found->room * 2 : 64;
		struct rawpci_address *more = realloc(found->addresses, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		found->addresses = more;
		found->room = room;
	}
	found->addresses[found->count++] = *address;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return rawpci_address_compare(a, b);
}

static int check_size(struct rawpci *ctx, const char *function, size_t size)
{
	return rawpci_check_size(ctx, function, "rawpci_host_device", size,
				 sizeof(struct rawpci_host_device));
}

static bool is_forbidden(int r)
{
	return r == -EACCES || r == -EPERM;
}

static int collect_all(struct rawpci *ctx, struct found *found)
{
	int r = rawpci_sysfs_each(ctx->sysfs_dir, collect, found);
	char text[128];

	if (r == -ENOMEM)
		return rawpci_fail(ctx, r, "no memory");
	if (r < 0)
		return rawpci_fail(ctx, is_forbidden(r) ? r : rawpci_sys_result(r, -ENODEV),
				   "%s/bus/pci/devices cannot be read: %s%s", ctx->sysfs_dir,
				   rawpci_sys_error_text(r, text, sizeof(text)),
				   is_forbidden(r) ? ": run as root, or allow this process to read "
						     "that directory and to search those above it"
				   : rawpci_sys_result(r, 0) == 0 ? ": is sysfs mounted there?"
								  : "");
	if (found->count > 0)
		qsort(found->addresses, found->count, sizeof(found->addresses[0]), compare);
	return 0;
}

/* If files cannot be opened for lack of descriptors, the device is not described at all. Fails with a
 * sentence; -ENODEV: the device is not there. */
static int describe(struct rawpci *ctx, const struct rawpci_address *address,
		    struct rawpci_host_device *device)
{
	struct rawpci_finding finding;
	char name[RAWPCI_ADDRESS_TEXT];
	int r;

	(void)rawpci_address_format(address, name);
	rawpci_sys_forget_lack();
	r = rawpci_host_describe(ctx, address, device);
	if (rawpci_sys_lack() < 0)
		return rawpci_fail_lack(ctx, name, rawpci_sys_lack());
	if (r == 0)
		return 0;
	if (rawpci_sysfs_find_absent(ctx->sysfs_dir, address, &finding))
		return rawpci_fail_finding(ctx, name, &finding);
	return rawpci_fail(ctx, -ENODEV, "%s: it came just now: try again", name);
}

/* The devices of a context that was created for a backend that pretends. */
struct pretended {
	struct rawpci_host_device *devices;
	size_t count, room;
};

static int keep(void *opaque, const struct rawpci_host_device *device)
{
	struct pretended *to = opaque;

	if (to->count == to->room) {
		size_t room = to->room ? to->room * 2 : 16;
		struct rawpci_host_device *more = realloc(to->devices, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		to->devices = more;
		to->room = room;
	}
	to->devices[to->count++] = *device;
	return 0;
}

static int compare_devices(const void *a, const void *b)
{
	const struct rawpci_host_device *one = a, *other = b;

	return rawpci_address_compare(&one->address, &other->address);
}

/* NULL: the context is about the host's devices. A table before version 3 has no devices(). */
static const struct rawpci_registered *pretender(const struct rawpci *ctx)
{
	const struct rawpci_backend *chosen = atomic_load(&ctx->chosen);

	for (unsigned i = 0; chosen && i < ctx->backend_count; i++)
		if (ctx->backends[i].backend == chosen && chosen->pretend && chosen->version >= 3 &&
		    chosen->devices)
			return &ctx->backends[i];
	return NULL;
}

static int collect_pretended(struct rawpci *ctx, const struct rawpci_registered *with,
			     struct pretended *to)
{
	int r = with->backend->devices(with->instance, keep, to);

	if (r < 0)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	if (to->count > 0)
		qsort(to->devices, to->count, sizeof(to->devices[0]), compare_devices);
	return 0;
}

static int enumerate_pretended(struct rawpci *ctx, const struct rawpci_registered *with,
			       int (*each)(void *opaque, const struct rawpci_host_device *device),
			       void *opaque)
{
	struct pretended all = { NULL, 0, 0 };
	int r = collect_pretended(ctx, with, &all);

	(void)rawpci_call_end(ctx, r);
	for (size_t i = 0; i < all.count && r == 0; i++)
		r = each(opaque, &all.devices[i]);
	free(all.devices);
	return r;
}

static int find_pretended(struct rawpci *ctx, const struct rawpci_registered *with,
			  const struct rawpci_address *address, struct rawpci_host_device *out)
{
	struct pretended all = { NULL, 0, 0 };
	char name[RAWPCI_ADDRESS_TEXT];
	int r = collect_pretended(ctx, with, &all);
	size_t i = 0;

	while (i < all.count && rawpci_address_compare(&all.devices[i].address, address) != 0)
		i++;
	if (r == 0 && i < all.count)
		*out = all.devices[i];
	else if (r == 0)
		r = rawpci_fail(ctx, -ENODEV, "%s: the backend %s has no such device",
				rawpci_address_format(address, name), with->backend->name);
	free(all.devices);
	return r;
}

/* As describe(), of the host or of the backend that pretends. */
static int find(struct rawpci *ctx, const struct rawpci_address *address,
		struct rawpci_host_device *device)
{
	const struct rawpci_registered *with = pretender(ctx);

	if (with)
		return find_pretended(ctx, with, address, device);
	return describe(ctx, address, device);
}

int rawpci_enumerate(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_host_device *device),
		     void *opaque)
{
	struct rawpci_host_device device;
	struct found found = { NULL, 0, 0 };
	int failed = 0, r;

	rawpci_call_begin();
	if (!ctx || !each)
		return rawpci_call_end(ctx,
				       rawpci_fail(ctx, -EFAULT, "rawpci_enumerate: %s is NULL",
						   ctx ? "each" : "the context"));
	r = check_size(ctx, "rawpci_enumerate", size);
	if (r == 0 && pretender(ctx))
		return enumerate_pretended(ctx, pretender(ctx), each, opaque);
	if (r == 0)
		r = collect_all(ctx, &found);
	if (r < 0) {
		free(found.addresses);
		return rawpci_call_end(ctx, r);
	}
	for (size_t i = 0; i < found.count && r == 0; i++) {
		int described = describe(ctx, &found.addresses[i], &device);

		if (described == 0)
			r = each(opaque, &device);
		else if (described != -ENODEV)
			failed = r = described;
	}
	free(found.addresses);
	if (failed < 0)
		return rawpci_call_end(ctx, failed);
	(void)rawpci_call_end(ctx, 0);
	return r;
}

int rawpci_host_device(struct rawpci *ctx, const char *address, size_t size,
		       struct rawpci_host_device *out)
{
	struct rawpci_host_device device;
	struct rawpci_address parsed;
	int r;

	rawpci_call_begin();
	if (!ctx || !address || !out)
		return rawpci_call_end(ctx,
				       rawpci_fail(ctx, -EFAULT, "rawpci_host_device: %s is NULL",
						   !ctx       ? "the context"
						   : !address ? "address"
							      : "out"));
	r = check_size(ctx, "rawpci_host_device", size);
	if (r < 0)
		return rawpci_call_end(ctx, r);
	if (rawpci_address_parse(address, &parsed) < 0)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EINVAL,
							"\"%s\" is no PCI address: "
							"write 0000:03:00.0 or 03:00.0",
							address));
	r = find(ctx, &parsed, &device);
	if (r < 0)
		return rawpci_call_end(ctx, r);
	memcpy(out, &device, size);
	return rawpci_call_end(ctx, 0);
}
