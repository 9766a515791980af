/* SPDX-License-Identifier: MIT */
/* Attaching a device to its backend and detaching it, and what is then known of the device. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/call.h"
#include "core/device.h"
#include "core/finding.h"
#include "core/handle.h"
#include "device/config.h"
#include "device/device.h"
#include "device/life.h"
#include "device/maps.h"
#include "handover/custody.h"
#include "irq/irq.h"
#include "memory/vm.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

static int read_config(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return rawpci_config_peek(opaque, offset, width, value);
}

/* Read once, because it is asked often. */
static int read_identity(struct rawpci_device *dev)
{
	const struct rawpci_config_reader reader = { read_config, dev };
	struct rawpci_finding finding;
	uint32_t ids = 0, class_revision = 0;
	int r;

	r = rawpci_config_peek(dev, RAWPCI_CFG_VENDOR, 4, &ids);
	if (r == 0)
		r = rawpci_config_peek(dev, RAWPCI_CFG_CLASS_REVISION, 4, &class_revision);
	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_PM, &dev->reach.pm_cap);
	if (r == 0)
		r = rawpci_resets_find(&reader, &dev->config->resets);
	if (r < 0)
		return r;
	if ((ids & 0xffff) == 0xffff) {
		rawpci_find_gone(&finding);
		return rawpci_fail_finding(dev->ctx, dev->name, &finding);
	}
	dev->info.vendor_id = (uint16_t)ids;
	dev->info.device_id = (uint16_t)(ids >> 16);
	dev->info.class_code = class_revision >> 8;
	return 0;
}

static int read_regions(struct rawpci_device *dev)
{
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		struct rawpci_region_info *region = &dev->regions[i];
		int r;

		memset(region, 0, sizeof(*region));
		r = dev->backend->region_info(dev->handle, i, region);
		if (r < 0)
			return r;
		if (!region->present || region->size == 0)
			memset(region, 0, sizeof(*region));
	}
	return 0;
}

static void fill_info(struct rawpci_device *dev)
{
	dev->info.config_size = dev->caps.config_size;
	dev->info.can_reset = dev->caps.can_reset && dev->backend->reset;
	dev->info.can_dma = dev->space && !dev->caps.no_dma;
	dev->info.can_map_wc = dev->backend->region_map_wc != NULL;
	(void)snprintf(dev->info.backend, sizeof(dev->info.backend), "%s", dev->backend->name);
	(void)snprintf(dev->info.host_driver, sizeof(dev->info.host_driver), "%s",
		       dev->custody->hold.held ? dev->custody->hold.driver : "");
}

/* The device does no DMA before it is powered on, whatever COMMAND holds. */
static int settle(struct rawpci_device *dev)
{
	int r = dev->backend->info(dev->handle, &dev->caps);

	if (r == 0)
		r = read_regions(dev);
	if (r == 0)
		r = read_identity(dev);
	if (r == 0)
		r = rawpci_command_begin(dev);
	return r;
}

int rawpci_device_attach(struct rawpci_device *dev, const struct rawpci_registered *with,
			 struct rawpci_vm *vm, const struct rawpci_address *address, unsigned flags)
{
	int r;

	dev->backend = with->backend;
	dev->instance = with->instance;
	dev->vm = vm;
	memset(&dev->custody->hold, 0, sizeof(dev->custody->hold));
	memset(&dev->caps, 0, sizeof(dev->caps));
	if (vm) {
		r = rawpci_vm_hold(dev->ctx, vm);
		if (r < 0)
			return r;
	}
	if ((with->backend->driver || with->backend->unbound) && !dev->fds) {
		r = rawpci_custody_take(dev->custody, flags);
		if (r < 0)
			goto undo_vm;
	}
	r = rawpci_vm_space_open(dev, with, address);
	if (r < 0)
		goto undo_driver;
	atomic_store(&dev->reach.access, RAWPCI_ACCESS_FOR_CONFIG);
	r = settle(dev);
	if (r == 0 && rawpci_sys_lack() < 0)
		r = rawpci_fail_lack(dev->ctx, dev->name, rawpci_sys_lack());
	if (r < 0)
		goto undo_open;
	atomic_store(&dev->touched, !dev->caps.fresh);
	fill_info(dev);
	rawpci_cover_prepare(dev);
	return 0;

undo_open:
	rawpci_vm_space_close(dev);
undo_driver:
	rawpci_custody_undo(dev->custody);
undo_vm:
	if (vm)
		rawpci_vm_release(vm);
	return r;
}

void rawpci_device_detach(struct rawpci_device *dev)
{
	if (rawpci_can_ask(&dev->reach) && dev->info.can_reset && !dev->caps.close_resets &&
	    atomic_load(&dev->touched) && dev->backend->reset(dev->handle) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: closed, but its reset failed: %s",
			   dev->name, rawpci_reason());
	rawpci_vm_space_close(dev);
	rawpci_custody_return(dev->custody);
	if (dev->vm)
		rawpci_vm_release(dev->vm);
}

/* A device that is being opened or closed has no handle, but its slot has its address. */
static struct rawpci_device *find(struct rawpci *ctx, const struct rawpci_address *address)
{
	struct rawpci_device *dev = NULL;

	(void)pthread_mutex_lock(&ctx->lock);
	for (unsigned i = 1; i <= RAWPCI_SLOTS && !dev; i++) {
		struct rawpci_slot *slot = atomic_load(&ctx->slots[i]);

		if (!slot)
			break;
		if (slot->used && rawpci_address_compare(&slot->address, address) == 0)
			dev = slot->dev;
	}
	(void)pthread_mutex_unlock(&ctx->lock);
	return dev;
}

int rawpci_backend_lock(struct rawpci *ctx, const struct rawpci_address *address)
{
	const struct rawpci_device *dev = ctx && address ? find(ctx, address) : NULL;

	return dev ? dev->custody->locks.lock : -1;
}

int rawpci_backend_shared_lock(struct rawpci *ctx, const struct rawpci_address *address)
{
	const struct rawpci_device *dev = ctx && address ? find(ctx, address) : NULL;

	return dev ? dev->custody->locks.shared : -1;
}

void rawpci_backend_unfinished(struct rawpci *ctx, const struct rawpci_address *address)
{
	struct rawpci_device *dev = ctx && address ? find(ctx, address) : NULL;

	if (dev)
		dev->custody->unfinished = true;
}

void rawpci_do_info(const struct rawpci_device *dev, struct rawpci_device_info *out)
{
	*out = dev->info;
}

int rawpci_device_info(struct rawpci_device *dev, size_t size, struct rawpci_device_info *out)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!out)
		return rawpci_leave(&call, rawpci_fail(dev->ctx, -EFAULT,
						       "rawpci_device_info: out is NULL"));
	r = rawpci_check_size(dev->ctx, __func__, "rawpci_device_info", size, sizeof(dev->info));
	if (r < 0)
		return rawpci_leave(&call, r);
	memcpy(out, &dev->info, size);
	if (size > offsetof(struct rawpci_device_info, intx_stuck)) {
		(void)pthread_mutex_lock(&dev->irqs->lock);
		out->intx_stuck = dev->irqs->stuck;
		(void)pthread_mutex_unlock(&dev->irqs->lock);
	}
	return rawpci_leave(&call, 0);
}
