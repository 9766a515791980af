/* SPDX-License-Identifier: MIT */
/* Sleep: suspending and resuming a device, and waking one that its user has put to sleep. */
#include <errno.h>

#include "core/device.h"
#include "core/log.h"
#include "device/config.h"
#include "device/maps.h"
#include "device/powering.h"
#include "device/reset.h"
#include "device/suspend.h"
#include "irq/irq.h"
#include "os/sys.h"
#include "pci/pci.h"

static int write_pm(struct rawpci_device *dev, uint32_t control)
{
	int r = dev->backend->cfg_write(dev->handle, dev->reach.pm_cap + RAWPCI_PM_CONTROL, 2,
					control);

	if (!(control & RAWPCI_PM_STATE))
		rawpci_sys_sleep_ms(RAWPCI_PM_D3HOT_DELAY_MS);
	return r;
}

static bool sleeps(uint32_t control)
{
	return (control & RAWPCI_PM_STATE) != 0;
}

/* Called before bus mastering goes off: when a device wakes up, the kernel and backends restore the
 * COMMAND that it had when it went to sleep. */
int rawpci_power_rouse(struct rawpci_device *dev, struct rawpci_decode *before)
{
	int r;

	(void)pthread_mutex_lock(&dev->config->lock);
	r = rawpci_decode_read(dev, before);
	if (r == 0 && sleeps(before->control)) {
		r = write_pm(dev, before->control & ~(uint32_t)RAWPCI_PM_STATE);
		if (r == 0)
			r = rawpci_command_put(dev);
		rawpci_decode_follow(dev);
	}
	(void)pthread_mutex_unlock(&dev->config->lock);
	return r;
}

/* A failure here is not reported, because an earlier one is. reach.access follows the device. */
void rawpci_power_restore(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	if (!rawpci_can_ask(&dev->reach))
		return;
	(void)pthread_mutex_lock(&dev->config->lock);
	(void)rawpci_command_put(dev);
	if (sleeps(before->control))
		(void)write_pm(dev, before->control);
	rawpci_decode_follow(dev);
	(void)pthread_mutex_unlock(&dev->config->lock);
}

static int wake(struct rawpci_device *dev)
{
	return dev->reach.pm_cap
		       ? write_pm(dev, dev->powering->saved_control & ~(uint32_t)RAWPCI_PM_STATE)
		       : 0;
}

static int save_header(struct rawpci_device *dev)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < RAWPCI_HEADER_DWORDS; i++)
		r = rawpci_config_peek(dev, 4 * i, 4, &dev->powering->saved_header[i]);
	if (r == 0 && dev->powering->saved_header[0] == UINT32_MAX && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r == 0 && dev->reach.pm_cap)
		r = rawpci_config_peek(dev, dev->reach.pm_cap + RAWPCI_PM_CONTROL, 2,
				       &dev->powering->saved_control);
	return r;
}

/* From the end, so that the BARs are right before COMMAND makes the device decode them. Bus Master
 * stays off. COMMAND's upper half is STATUS, where writing 1 clears a bit: so 0 is written. */
static int restore_header(struct rawpci_device *dev)
{
	int r = 0;

	for (unsigned i = RAWPCI_HEADER_DWORDS; r == 0 && i-- > 0;) {
		uint32_t value = dev->powering->saved_header[i], now = 0;

		if (4 * i == RAWPCI_CFG_COMMAND)
			value = dev->config->command & ~(uint32_t)RAWPCI_COMMAND_MASTER;
		r = rawpci_config_peek(dev, 4 * i, 4, &now);
		if (r == 0 && now != value)
			r = dev->backend->cfg_write(dev->handle, 4 * i, 4, value);
	}
	return r;
}

static int sleep(struct rawpci_device *dev)
{
	if (!dev->reach.pm_cap)
		return 0;
	return write_pm(dev, (dev->powering->saved_control & ~(uint32_t)RAWPCI_PM_STATE) |
				     RAWPCI_PM_D3HOT);
}

/* The device may be asleep although the write that sent it to sleep has failed. */
static void undo_suspend(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	struct rawpci_reason reason;
	uint32_t control = 0;

	rawpci_reason_keep(&reason);
	(void)pthread_mutex_lock(&dev->config->lock);
	if (dev->reach.pm_cap &&
	    rawpci_config_peek(dev, dev->reach.pm_cap + RAWPCI_PM_CONTROL, 2, &control) == 0 &&
	    sleeps(control) && wake(dev) == 0)
		(void)restore_header(dev);
	rawpci_command_want(dev, dev->config->command, true);
	(void)pthread_mutex_unlock(&dev->config->lock);
	rawpci_power_restore(dev, before);
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
	(void)rawpci_reset_rearm(dev, true);
	rawpci_reason_restore(&reason);
}

/* The device may have been woken up. Nothing else of it has been changed. */
static void undo_save(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	rawpci_power_restore(dev, before);
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
	(void)rawpci_reset_rearm(dev, true);
	rawpci_reason_restore(&reason);
}

/* Accesses end first, so that no config write comes between saving and sleep. */
int rawpci_power_suspend(struct rawpci_device *dev)
{
	struct rawpci_decode before = { 0, 0 };
	int r;

	(void)pthread_mutex_lock(&dev->config->lock);
	rawpci_access_stop(dev, RAWPCI_ACCESS_AWAKE);
	(void)pthread_mutex_unlock(&dev->config->lock);
	(void)rawpci_irqs_pause(dev);
	r = rawpci_power_rouse(dev, &before);
	if (r == 0)
		r = save_header(dev);
	if (r < 0) {
		undo_save(dev, &before);
		return r;
	}
	r = rawpci_command_change(dev, 0, 0, false);
	if (r == 0)
		r = sleep(dev);
	if (r < 0) {
		undo_suspend(dev, &before);
		return r;
	}
	dev->powering->now = RAWPCI_NOW_SUSPENDED;
	return 0;
}

/* Bus mastering comes last, because it starts the device's work. After a failure the device stays
 * suspended, and the saved registers are kept for the next resume. */
int rawpci_power_resume(struct rawpci_device *dev)
{
	struct rawpci_reason reason;
	int r = wake(dev);

	if (r == 0 && rawpci_device_gone(dev))
		r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r == 0)
		r = restore_header(dev);
	if (r == 0)
		r = rawpci_command_change(dev, 0, 0, false);
	/* A handler may be called at once, so the device answers first. */
	if (r == 0) {
		rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
		r = rawpci_irqs_resume(dev, dev->powering->now != RAWPCI_NOW_OFF);
	}
	if (r == 0)
		r = rawpci_command_change(dev, 0, 0, true);
	if (r == 0) {
		dev->powering->now = RAWPCI_NOW_ON;
		return 0;
	}
	rawpci_reason_keep(&reason);
	(void)pthread_mutex_lock(&dev->config->lock);
	rawpci_access_stop(dev, RAWPCI_ACCESS_AWAKE);
	(void)pthread_mutex_unlock(&dev->config->lock);
	(void)rawpci_command_change(dev, 0, 0, false);
	(void)rawpci_irqs_pause(dev);
	(void)sleep(dev);
	rawpci_reason_restore(&reason);
	return r;
}
