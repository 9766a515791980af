/* SPDX-License-Identifier: MIT */
/* Opening a device, and closing it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/device.h"
#include "core/handle.h"
#include "device/choice.h"
#include "device/config.h"
#include "device/device.h"
#include "device/life.h"
#include "device/maps.h"
#include "device/power.h"
#include "handover/custody.h"
#include "irq/irq.h"
#include "memory/vm.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

static struct rawpci_device *device_create(struct rawpci *ctx, struct rawpci_slot *slot,
					   const struct rawpci_address *address)
{
	struct rawpci_whole *whole = calloc(1, sizeof(*whole));
	struct rawpci_device *dev = whole ? &whole->dev : NULL;

	if (!dev)
		return NULL;
	dev->irqs = &whole->irqs;
	dev->custody = &whole->custody;
	dev->config = &whole->config;
	dev->maps = &whole->maps;
	dev->powering = &whole->powering;
	dev->reach.lost = rawpci_mappings_follow;
	if (rawpci_irqs_init(dev->irqs) < 0)
		goto undo_whole;
	if (rawpci_mappings_create(dev) < 0)
		goto undo_irqs;
	dev->ctx = ctx;
	dev->slot = slot;
	/* Field by field: what lies between them stays zero. */
	dev->info.address.segment = address->segment;
	dev->info.address.bus = address->bus;
	dev->info.address.device = address->device;
	dev->info.address.function = address->function;
	rawpci_address_format(address, dev->name);
	rawpci_told_init(&dev->told, ctx, dev->name);
	rawpci_custody_init(dev->custody, ctx, address);
	(void)pthread_mutex_init(&dev->lock, NULL);
	(void)pthread_mutex_init(&dev->config->lock, NULL);
	(void)pthread_mutex_init(&dev->maps->lock, NULL);
	return dev;

undo_irqs:
	rawpci_irqs_finish(dev->irqs);
undo_whole:
	free(whole);
	return NULL;
}

static void device_destroy(struct rawpci_device *dev)
{
	rawpci_custody_finish(dev->custody);
	rawpci_mappings_destroy(dev);
	(void)pthread_mutex_destroy(&dev->lock);
	(void)pthread_mutex_destroy(&dev->config->lock);
	(void)pthread_mutex_destroy(&dev->maps->lock);
	rawpci_irqs_finish(dev->irqs);
	rawpci_told_finish(&dev->told);
	free(dev); /* the first part of struct rawpci_whole */
}

static int open_with(struct rawpci *ctx, const void *owner, struct rawpci_vm *vm,
		     const struct rawpci_address *address, unsigned flags,
		     const struct rawpci_device_fds *fds, uint32_t *handle,
		     struct rawpci_device **out)
{
	struct rawpci_device *dev;
	struct rawpci_slot *slot;
	int r;

	r = rawpci_slot_reserve(ctx, address, NULL, &slot);
	if (r < 0)
		return r;
	dev = device_create(ctx, slot, address);
	if (!dev) {
		r = rawpci_fail(ctx, -ENOMEM, "no memory");
		goto undo_slot;
	}
	slot->dev = dev; /* for rawpci_backend_lock(): no handle leads to it yet */
	dev->fds = fds;
	r = rawpci_choice_open(dev, vm, flags);
	dev->fds = NULL;
	if (r < 0)
		goto undo_device;
	if (out)
		*out = dev;
	*handle = rawpci_slot_publish(slot, dev, owner);
	return 0;

undo_device:
	device_destroy(dev);
undo_slot:
	rawpci_slot_release(ctx, slot);
	return r;
}

int rawpci_do_open(struct rawpci *ctx, const void *owner, struct rawpci_vm *vm,
		   const struct rawpci_address *address, unsigned flags, uint32_t *handle,
		   struct rawpci_device **out)
{
	return open_with(ctx, owner, vm, address, flags, NULL, handle, out);
}

/*
 * The handle is invalid already, so no further call comes in. First wait for the calls that are
 * inside; then undo everything in the reverse order of opening.
 */
static void close_claimed(struct rawpci_device *dev)
{
	const struct rawpci_address address = dev->info.address;
	const bool pretend = dev->backend->pretend;
	bool blocked;
	struct rawpci_slot *slot = dev->slot;
	struct rawpci *ctx = dev->ctx;

	rawpci_gate_wait(&slot->life);
	rawpci_gate_wait(&slot->memory);
	rawpci_power_look(dev);
	if (rawpci_custody_lost(dev->custody))
		rawpci_access_stop(dev, RAWPCI_ACCESS_PRESENT);
	rawpci_irqs_close(dev);
	rawpci_power_cut(dev);
	rawpci_mappings_destroy(dev);
	rawpci_device_detach(dev);
	blocked = dev->custody->blocked;
	device_destroy(dev);
	if (!pretend)
		rawpci_group_finish(ctx, &address, blocked);
	rawpci_slot_release(ctx, slot);
}

int rawpci_do_close(struct rawpci *ctx, const void *owner, uint32_t handle)
{
	struct rawpci_slot *slot = rawpci_slot_of(ctx, handle);
	struct rawpci_device *dev;
	atomic_uint *counter;
	bool claimed;

	if (!slot)
		return rawpci_fail(ctx, -EBADF, "device handle %#x was never given out", handle);
	/* Inside the gate, because another thread may close the device between the looks. */
	counter = rawpci_gate_enter(&slot->life);
	claimed = atomic_load(&slot->owner) == owner && rawpci_slot_revoke(slot, handle);
	dev = slot->dev;
	rawpci_gate_leave(counter);
	if (!claimed)
		return rawpci_fail_handle(ctx, handle);
	close_claimed(dev);
	return 0;
}

void rawpci_do_close_all(struct rawpci *ctx, const void *owner)
{
	for (unsigned i = 1; i <= RAWPCI_SLOTS; i++) {
		struct rawpci_slot *slot = atomic_load(&ctx->slots[i]);
		uint32_t handle = slot ? atomic_load(&slot->handle) : 0;

		if (handle != 0 && atomic_load(&slot->owner) == owner)
			(void)rawpci_do_close(ctx, owner, handle);
	}
}

/* For the native API: the caller gets the device, and no one the handle. */
static int open_native(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
		       unsigned flags, const struct rawpci_device_fds *fds,
		       struct rawpci_device **out)
{
	struct rawpci_address parsed;
	uint32_t handle;

	if (!ctx || !address || !out)
		return rawpci_fail(ctx, -EFAULT, "%s is NULL",
				   !ctx       ? "the context"
				   : !address ? "address"
					      : "out");
	if (flags & ~(fds ? 0 : RAWPCI_OPEN_FLAGS))
		return rawpci_fail(ctx, -EBADRQC, "flags %#x: only %#x are defined%s", flags,
				   fds ? 0 : RAWPCI_OPEN_FLAGS, fds ? " with descriptors" : "");
	if (rawpci_address_parse(address, &parsed) < 0)
		return rawpci_fail(ctx, -EINVAL,
				   "\"%s\" is no PCI address: write 0000:03:00.0 or "
				   "03:00.0",
				   address);
	return open_with(ctx, NULL, vm, &parsed, flags, fds, &handle, out);
}

int rawpci_device_open(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
		       unsigned flags, struct rawpci_device **out)
{
	rawpci_call_begin();
	return rawpci_call_end(ctx, open_native(ctx, vm, address, flags, NULL, out));
}

/* Fields that an older program's structure lacks are -1. */
static int take_fds(struct rawpci *ctx, const struct rawpci_device_fds *given,
		    struct rawpci_device_fds *fds)
{
	bool by_group, by_cdev;

	*fds = (struct rawpci_device_fds)RAWPCI_DEVICE_FDS_NONE;
	if (!given)
		return rawpci_fail(ctx, -EFAULT, "fds is NULL");
	if (given->size < sizeof(given->size))
		return rawpci_fail(ctx, -EINVAL,
				   "fds.size is %zu: set it to sizeof(struct "
				   "rawpci_device_fds)",
				   given->size);
	memcpy(fds, given, given->size < sizeof(*fds) ? given->size : sizeof(*fds));
	fds->size = sizeof(*fds);
	by_group = fds->group >= 0 || fds->container >= 0;
	by_cdev = fds->cdev >= 0 || fds->iommufd >= 0;
	if (by_group == by_cdev)
		return rawpci_fail(ctx, -EINVAL,
				   "%s: give a group and its container, or a cdev "
				   "and its iommufd",
				   by_group ? "descriptors of both kinds" : "no descriptor");
	return 0;
}

int rawpci_device_open_fds(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
			   unsigned flags, const struct rawpci_device_fds *given,
			   struct rawpci_device **out)
{
	struct rawpci_device_fds fds;
	int r;

	rawpci_call_begin();
	r = take_fds(ctx, given, &fds);
	if (r == 0)
		r = open_native(ctx, vm, address, flags, &fds, out);
	return rawpci_call_end(ctx, r);
}

int rawpci_device_close(struct rawpci_device *dev)
{
	struct rawpci *ctx;
	struct rawpci_slot *slot;

	if (!dev)
		return 0;
	ctx = dev->ctx;
	slot = dev->slot;
	rawpci_call_begin();
	if (atomic_load(&slot->owner) != NULL)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EBUSY,
							"%s belongs to a session or a "
							"port: close it there",
							dev->name));
	return rawpci_call_end(ctx, rawpci_do_close(ctx, NULL, atomic_load(&slot->handle)));
}
