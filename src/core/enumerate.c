/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "core/host.h"
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

static int check_size(struct rawpci *ctx, size_t size)
{
	if (size > 0 && size <= sizeof(struct rawpci_host_device))
		return 0;
	return rawpci_fail(ctx, -EINVAL, "size %zu is not that of struct rawpci_host_device", size);
}

static int collect_all(struct rawpci *ctx, struct found *found)
{
	int r = rawpci_sysfs_each(ctx->sysfs_dir, collect, found);
	char text[128];

	if (r == -ENOMEM)
		return rawpci_fail(ctx, r, "no memory");
	if (r < 0)
		return rawpci_fail(ctx, -ENODEV, "%s/bus/pci/devices cannot be read: %s: is sysfs "
				   "mounted there?", ctx->sysfs_dir,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	if (found->count > 0)
		qsort(found->addresses, found->count, sizeof(found->addresses[0]), compare);
	return 0;
}

int rawpci_enumerate(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_host_device *device),
		     void *opaque)
{
	struct rawpci_host_device device;
	struct found found = {NULL, 0, 0};
	struct rawpci_ids ids;
	int r;

	rawpci_call_begin();
	if (!ctx || !each)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT, "%s is NULL",
							ctx ? "each" : "the context"));
	r = check_size(ctx, size);
	if (r == 0)
		r = collect_all(ctx, &found);
	if (r < 0) {
		free(found.addresses);
		return rawpci_call_end(ctx, r);
	}
	rawpci_ids_load(ctx, &ids);
	for (size_t i = 0; i < found.count && r == 0; i++)
		if (rawpci_host_describe(ctx, &ids, &found.addresses[i], &device) == 0)
			r = each(opaque, &device);
	rawpci_ids_free(&ids);
	free(found.addresses);
	(void)rawpci_call_end(ctx, 0);
	return r;
}

int rawpci_host_device(struct rawpci *ctx, const char *address, size_t size,
		       struct rawpci_host_device *out)
{
	struct rawpci_host_device device;
	struct rawpci_address parsed;
	struct rawpci_ids ids;
	int r;

	rawpci_call_begin();
	if (!ctx || !address || !out)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT, "%s is NULL",
							!ctx ? "the context" :
							!address ? "address" : "out"));
	r = check_size(ctx, size);
	if (r < 0)
		return rawpci_call_end(ctx, r);
	if (rawpci_address_parse(address, &parsed) < 0)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EINVAL, "\"%s\" is no PCI address: "
							"write 0000:03:00.0 or 03:00.0", address));
	rawpci_ids_load(ctx, &ids);
	r = rawpci_host_describe(ctx, &ids, &parsed, &device);
	rawpci_ids_free(&ids);
	if (r < 0)
		return rawpci_call_end(ctx, rawpci_fail(ctx, r, "%s: there is no such device in "
							"%s/bus/pci/devices", address,
							ctx->sysfs_dir));
	memcpy(out, &device, size);
	return rawpci_call_end(ctx, 0);
}
