/* SPDX-License-Identifier: MIT */
/*
 * Resets of an open device. The kernel restores config space after some of its resets only, so the
 * library always writes the wanted COMMAND again.
 *
 * A reset that runs out of time is still under way in the kernel, and the kernel may block each
 * access to config space until the reset ends. No access reaches the device until then. The first
 * call after the end brings the device back.
 */
#include <errno.h>

#include "core/call.h"
#include "core/device.h"
#include "core/handle.h"
#include "device/config.h"
#include "device/maps.h"
#include "device/powering.h"
#include "device/reset.h"
#include "irq/irq.h"
#include "pci/pci.h"

/* A backend of version 1 has no such operation: its table ends before it. */
bool rawpci_reset_is_ready(struct rawpci_device *dev)
{
	return dev->backend->version < 2 || !dev->backend->ready ||
	       dev->backend->ready(dev->handle) == 0;
}

void rawpci_reset_unended(struct rawpci_device *dev)
{
	(void)atomic_fetch_and(&dev->reach.access, ~RAWPCI_ACCESS_STEADY);
	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
		   "%s: its reset has not finished in %u ms (setting "
		   "driver.timeout_ms): accesses fail until then",
		   dev->name, dev->ctx->driver_timeout_ms);
}

/* Requires config->lock. Also after a reset that failed, which may have changed COMMAND. */
static int put_command(struct rawpci_device *dev)
{
	int r = rawpci_command_put(dev);

	rawpci_decode_follow(dev);
	return r;
}

int rawpci_reset_do(struct rawpci_device *dev, bool forget)
{
	struct rawpci_decode decode;
	int r, again;

	(void)pthread_mutex_lock(&dev->config->lock);
	r = rawpci_decode_read(dev, &decode);
	if (r < 0)
		goto out;
	rawpci_access_stop(dev, RAWPCI_ACCESS_MEMORY | RAWPCI_ACCESS_IO);
	/* The reset undoes earlier writes, and a later write marks the device as touched again. But
	 * writes through a mapping are not seen. */
	forget = forget && rawpci_mappings_none(dev);
	if (forget)
		atomic_store(&dev->touched, false);
	rawpci_gate_wait(&dev->slot->memory);
	r = dev->backend->reset(dev->handle);
	if (r < 0 && forget)
		atomic_store(&dev->touched, true);
	if (r == -ETIMEDOUT) {
		rawpci_reset_unended(dev);
		goto out;
	}
	if (r == 0) {
		r = put_command(dev);
	} else {
		struct rawpci_reason reason;

		rawpci_reason_keep(&reason);
		again = put_command(dev);
		if (again < 0)
			rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
				   "%s: its command register could "
				   "not be written after a reset that failed: %s",
				   dev->name, rawpci_reason());
		rawpci_reason_restore(&reason);
	}
out:
	(void)pthread_mutex_unlock(&dev->config->lock);
	return r;
}

int rawpci_reset_rearm(struct rawpci_device *dev, bool were_running)
{
	int r;

	if (!were_running)
		return 0;
	if (!(atomic_load(&dev->reach.access) & RAWPCI_ACCESS_STEADY)) {
		dev->powering->rearm = true;
		return 0;
	}
	/* A device that is off has sent no interrupt, and turning it on resets it. */
	r = rawpci_irqs_resume(dev, dev->powering->now != RAWPCI_NOW_OFF);
	if (r < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: its interrupts could not be enabled "
			   "after its reset: %s",
			   dev->name, rawpci_reason());
	return r;
}

int rawpci_reset_wait(struct rawpci_device *dev)
{
	const bool rearm = dev->powering->rearm;

	if (atomic_load(&dev->reach.access) & RAWPCI_ACCESS_STEADY)
		return 0;
	if (!rawpci_reset_is_ready(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_STEADY);
	(void)pthread_mutex_lock(&dev->config->lock);
	if (put_command(dev) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: its command register could not be "
			   "written after its reset: %s",
			   dev->name, rawpci_reason());
	rawpci_access_start(dev, RAWPCI_ACCESS_STEADY);
	(void)pthread_mutex_unlock(&dev->config->lock);
	rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: its reset has finished", dev->name);
	dev->powering->rearm = false;
	(void)rawpci_reset_rearm(dev, rearm);
	return 0;
}

void rawpci_reset_look(struct rawpci_device *dev)
{
	if (atomic_load(&dev->reach.access) & RAWPCI_ACCESS_STEADY)
		return;
	(void)pthread_mutex_lock(&dev->lock);
	(void)rawpci_reset_wait(dev);
	(void)pthread_mutex_unlock(&dev->lock);
}

static int reset_and_restore(struct rawpci_device *dev)
{
	struct rawpci_reason reason;
	bool were_running;
	int r, again;

	r = rawpci_reset_wait(dev);
	if (r == 0)
		r = rawpci_access_check(dev, RAWPCI_ACCESS_FOR_CONFIG);
	if (r == 0)
		r = rawpci_access_notice(dev);
	if (r < 0)
		return r;
	if (!dev->info.can_reset)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP,
				   "%s: the device has no reset that leaves "
				   "its neighbours alone",
				   dev->name);
	were_running = rawpci_irqs_pause(dev);
	r = rawpci_reset_do(dev, dev->powering->now == RAWPCI_NOW_OFF);
	rawpci_reason_keep(&reason);
	again = rawpci_reset_rearm(dev, were_running);
	if (r < 0)
		rawpci_reason_restore(&reason);
	return r < 0 ? r : again;
}

int rawpci_device_reset(struct rawpci_device *dev)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&dev->lock);
	r = reset_and_restore(dev);
	(void)pthread_mutex_unlock(&dev->lock);
	return rawpci_leave(&call, r);
}
