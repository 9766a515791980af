/* SPDX-License-Identifier: MIT */
/* Power states. Bus Master reaches the device only while it is on. */
#include <errno.h>

#include "core/call.h"
#include "core/device.h"
#include "device/config.h"
#include "device/device.h"
#include "device/maps.h"
#include "device/power.h"
#include "device/powering.h"
#include "device/reset.h"
#include "device/suspend.h"
#include "handover/custody.h"
#include "irq/irq.h"
#include "memory/vm.h"
#include "pci/pci.h"

/* The decoding that the device has regions for. */
static uint32_t decoding(const struct rawpci_device *dev)
{
	uint32_t bits = 0;

	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		if (!dev->regions[i].present)
			continue;
		bits |= dev->regions[i].flags & RAWPCI_REGION_IO ? RAWPCI_COMMAND_IO
								 : RAWPCI_COMMAND_MEMORY;
	}
	return bits;
}

static int reset_if_possible(struct rawpci_device *dev, bool forget)
{
	if (dev->info.can_reset)
		return rawpci_reset_do(dev, forget);
	rawpci_say(dev->ctx, RAWPCI_LOG_DEBUG, "%s: not reset: it has no reset of its own",
		   dev->name);
	return 0;
}

/* Interrupts are paused, memory is attached. */
static int start(struct rawpci_device *dev)
{
	int r = 0;

	/* An untouched device is as its reset at open left it. */
	if (atomic_load(&dev->touched))
		r = reset_if_possible(dev, false);
	/* Handlers may be called from here on, so registers answer first. Bus Master comes last. */
	if (r == 0)
		r = rawpci_command_change(dev, 0, decoding(dev), false);
	if (r == 0)
		r = rawpci_irqs_resume(dev, dev->powering->now != RAWPCI_NOW_OFF);
	if (r == 0)
		r = rawpci_command_change(dev, 0, RAWPCI_COMMAND_MASTER, true);
	return r;
}

/* Memory comes first, because it is often refused, and then the device is unchanged. */
static int power_on(struct rawpci_device *dev)
{
	struct rawpci_decode before = { 0, 0 };
	struct rawpci_reason reason;
	bool were_running;
	uint32_t decoded;
	int r = rawpci_command_check_off(dev);

	if (r == 0)
		r = rawpci_vm_attach(dev);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&dev->config->lock);
	decoded = dev->config->command & decoding(dev);
	(void)pthread_mutex_unlock(&dev->config->lock);
	were_running = rawpci_irqs_pause(dev);
	r = rawpci_power_rouse(dev, &before);
	if (r == 0)
		r = start(dev);
	if (r == 0) {
		atomic_store(&dev->touched, true);
		dev->powering->now = RAWPCI_NOW_ON;
		return 0;
	}
	rawpci_reason_keep(&reason);
	(void)pthread_mutex_lock(&dev->config->lock);
	rawpci_command_want(dev, (dev->config->command & ~decoding(dev)) | decoded, false);
	(void)pthread_mutex_unlock(&dev->config->lock);
	rawpci_power_restore(dev, &before);
	rawpci_vm_detach(dev);
	if (were_running)
		(void)rawpci_reset_rearm(dev, true);
	else
		(void)rawpci_irqs_pause(dev);
	rawpci_reason_restore(&reason);
	return r;
}

/* From on or suspended. A step that fails is logged, and the device is off in any case. */
static void power_off(struct rawpci_device *dev)
{
	struct rawpci_decode before;

	if (rawpci_power_rouse(dev, &before) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: it could not be woken up to be "
			   "turned off: %s",
			   dev->name, rawpci_reason());
	if (rawpci_command_stop(dev) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: bus mastering could not be turned "
			   "off: %s",
			   dev->name, rawpci_reason());
	(void)rawpci_irqs_pause(dev);
	rawpci_vm_detach(dev);
	if (reset_if_possible(dev, true) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: powered off, but its reset failed: "
			   "%s",
			   dev->name, rawpci_reason());
	dev->powering->now = RAWPCI_NOW_OFF;
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
}

static int wrong_order(struct rawpci_device *dev, const char *asked)
{
	static const char *const names[] = {
		[RAWPCI_NOW_OFF] = "off",
		[RAWPCI_NOW_ON] = "on",
		[RAWPCI_NOW_SUSPENDED] = "suspended",
	};
	const enum rawpci_power_now now = dev->powering->now;

	return rawpci_fail(dev->ctx, -EPROTO, "%s: it cannot be %s while it is %s%s", dev->name,
			   asked, names[now],
			   now == RAWPCI_NOW_SUSPENDED ? ": resume it first, or turn it off" : "");
}

/* Requires dev->lock. */
static int change(struct rawpci_device *dev, enum rawpci_power state)
{
	int r;

	if (state == RAWPCI_POWER_ON && dev->powering->now != RAWPCI_NOW_OFF)
		return wrong_order(dev, "turned on");
	if (state == RAWPCI_POWER_OFF && dev->powering->now == RAWPCI_NOW_OFF)
		return wrong_order(dev, "turned off");
	if (state == RAWPCI_POWER_SUSPEND && dev->powering->now != RAWPCI_NOW_ON)
		return wrong_order(dev, "suspended");
	if (state == RAWPCI_POWER_RESUME && dev->powering->now != RAWPCI_NOW_SUSPENDED)
		return wrong_order(dev, "resumed");
	r = rawpci_reset_wait(dev);
	if (r < 0)
		return r;
	if (state == RAWPCI_POWER_OFF) {
		power_off(dev);
		return 0;
	}
	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r == 0)
		r = rawpci_access_notice(dev);
	if (r < 0)
		return r;
	if (state == RAWPCI_POWER_ON)
		return power_on(dev);
	return state == RAWPCI_POWER_SUSPEND ? rawpci_power_suspend(dev) : rawpci_power_resume(dev);
}

int rawpci_do_power(struct rawpci_device *dev, enum rawpci_power state)
{
	int r;

	if ((unsigned)state > RAWPCI_POWER_RESUME)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: %u is no power state", dev->name,
				   (unsigned)state);
	(void)pthread_mutex_lock(&dev->lock);
	r = change(dev, state);
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

int rawpci_device_power(struct rawpci_device *dev, enum rawpci_power state)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, rawpci_do_power(dev, state));
}

/* A device that was gone may answer again, for example when its link is back, and may master the
 * bus. So it is stopped and reset. Its user still sees it as gone. */
static void ask_again(struct rawpci_device *dev)
{
	uint32_t vendor;

	if ((atomic_load(&dev->reach.access) & (RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_STEADY)) !=
		    RAWPCI_ACCESS_STEADY ||
	    rawpci_config_peek(dev, RAWPCI_CFG_VENDOR, 2, &vendor) < 0 || vendor == 0xffff)
		return;
	(void)atomic_fetch_or(&dev->reach.access, RAWPCI_ACCESS_PRESENT);
	dev->custody->was_gone = true;
	rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: it answers again, and is stopped and reset",
		   dev->name);
}

void rawpci_power_look(struct rawpci_device *dev)
{
	if (rawpci_reset_is_ready(dev))
		rawpci_access_start(dev, RAWPCI_ACCESS_STEADY);
	else
		rawpci_access_stop(dev, RAWPCI_ACCESS_STEADY);
	ask_again(dev);
}

void rawpci_power_cut(struct rawpci_device *dev)
{
	struct rawpci_decode before;

	if (rawpci_can_ask(&dev->reach)) {
		(void)rawpci_power_rouse(dev, &before);
		(void)rawpci_command_stop(dev);
	}
	if (dev->powering->now != RAWPCI_NOW_OFF)
		rawpci_vm_detach(dev);
	dev->powering->now = RAWPCI_NOW_OFF;
}
