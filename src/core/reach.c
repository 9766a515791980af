/* SPDX-License-Identifier: MIT */
/* Whether a device may be accessed now, and the sentence that says why not. */
#include "core/reach.h"

#include <errno.h>

#include "core/device.h"
#include "core/log.h"

int rawpci_config_peek(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t *value)
{
	return dev->backend->cfg_read(dev->handle, offset, width, value);
}

int rawpci_config_poke(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	atomic_store_explicit(&dev->touched, true, memory_order_relaxed);
	return dev->backend->cfg_write(dev->handle, offset, width, value);
}

bool rawpci_device_gone(struct rawpci_device *dev)
{
	uint32_t vendor;

	if (rawpci_config_peek(dev, RAWPCI_CFG_VENDOR, 2, &vendor) < 0 || vendor != 0xffff)
		return false;
	if (atomic_fetch_and(&dev->reach.access, ~RAWPCI_ACCESS_PRESENT) & RAWPCI_ACCESS_PRESENT)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: it does not answer any more",
			   dev->name);
	return true;
}

void rawpci_device_lose(struct rawpci_device *dev)
{
	if (atomic_fetch_and(&dev->reach.access, ~RAWPCI_ACCESS_PRESENT) & RAWPCI_ACCESS_PRESENT)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: the host has removed it or its driver: close it", dev->name);
	dev->reach.lost(dev);
}

int rawpci_access_notice(struct rawpci_device *dev)
{
	if (!dev->backend->bare || !rawpci_can_ask(&dev->reach) || !rawpci_device_gone(dev))
		return 0;
	return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
}

int rawpci_access_failed(struct rawpci_device *dev, int r)
{
	struct rawpci_reason reason;

	if (r == -ESHUTDOWN || !rawpci_can_ask(&dev->reach))
		return r;
	rawpci_reason_keep(&reason);
	if (rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	rawpci_reason_restore(&reason);
	return r;
}

static int fail_unsteady(struct rawpci_device *dev)
{
	return rawpci_fail(dev->ctx, -ESHUTDOWN,
			   "%s: its reset has not finished in %u ms (setting "
			   "driver.timeout_ms): try again later",
			   dev->name, dev->ctx->driver_timeout_ms);
}

int rawpci_access_check(struct rawpci_device *dev, unsigned bits)
{
	unsigned lacking = bits & ~atomic_load(&dev->reach.access);

	if (lacking == 0)
		return 0;
	if (lacking & RAWPCI_ACCESS_PRESENT)
		return rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: the device is gone: close it",
				   dev->name);
	if (lacking & RAWPCI_ACCESS_STEADY)
		return fail_unsteady(dev);
	if (lacking & RAWPCI_ACCESS_AWAKE)
		return rawpci_fail(dev->ctx, -ESHUTDOWN,
				   "%s: the device is suspended: resume it "
				   "first",
				   dev->name);
	if (atomic_load(&dev->reach.asleep))
		return rawpci_fail(dev->ctx, -ESHUTDOWN,
				   "%s: the device sleeps: write D0 (0) to "
				   "the power state in its power management register, at %#x of "
				   "config space",
				   dev->name, dev->reach.pm_cap + RAWPCI_PM_CONTROL);
	return rawpci_fail(dev->ctx, -ESHUTDOWN,
			   "%s: the device does not decode %s: set bit %d of "
			   "its command register%s",
			   dev->name, lacking & RAWPCI_ACCESS_MEMORY ? "memory" : "I/O",
			   lacking & RAWPCI_ACCESS_MEMORY ? 1 : 0,
			   atomic_load(&dev->reach.shown_master) == RAWPCI_SHOW_REAL
				   ? ""
				   : ", or power it on");
}
