/* SPDX-License-Identifier: MIT */
/* Power states. Bus Master reaches the device while it is on, and never else. */
#include <errno.h>

#include "core/core.h"
#include "core/irq.h"
#include "core/maps.h"
#include "core/reach.h"
#include "os/sys.h"
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

static int attach_memory(struct rawpci_device *dev)
{
	struct rawpci_vm *vm = dev->vm;
	struct rawpci_memory_stats stats;
	int r = 0;

	if (!vm)
		return 0;
	(void)pthread_mutex_lock(&vm->lock);
	if (dev->info.can_dma) {
		r = rawpci_guest_attach(vm->guest, &dev->space->guest);
	} else {
		rawpci_guest_stats(vm->guest, &stats);
		if (stats.bytes > 0)
			r = rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: the VM has guest memory, and "
					"%s cannot map it for this device's DMA: that takes "
					"VFIO and an IOMMU", dev->name, dev->backend->name);
		else
			vm->powered_without_dma++;
	}
	(void)pthread_mutex_unlock(&vm->lock);
	return r;
}

static void detach_memory(struct rawpci_device *dev)
{
	struct rawpci_vm *vm = dev->vm;

	if (!vm)
		return;
	(void)pthread_mutex_lock(&vm->lock);
	if (dev->info.can_dma)
		rawpci_guest_detach(vm->guest, &dev->space->guest);
	else
		vm->powered_without_dma--;
	(void)pthread_mutex_unlock(&vm->lock);
}

static int reset_if_possible(struct rawpci_device *dev)
{
	if (dev->info.can_reset)
		return rawpci_reset_do(dev);
	rawpci_say(dev->ctx, RAWPCI_LOG_DEBUG, "%s: not reset: it has no reset of its own",
		   dev->name);
	return 0;
}

static int write_pm(struct rawpci_device *dev, uint32_t control)
{
	int r = dev->backend->cfg_write(dev->handle, dev->pm_cap + RAWPCI_PM_CONTROL, 2, control);

	if (!(control & RAWPCI_PM_STATE))
		rawpci_sys_sleep_ms(RAWPCI_PM_D3HOT_DELAY_MS);
	return r;
}

static bool sleeps(uint32_t control)
{
	return (control & RAWPCI_PM_STATE) != 0;
}

/*
 * Wakes a device that its user has put to sleep. Before bus mastering goes off: what the kernel and
 * backends restore when a device wakes up is COMMAND as it was when it went to sleep.
 */
static int rouse(struct rawpci_device *dev, struct rawpci_decode *before)
{
	int r;

	(void)pthread_mutex_lock(&dev->config_lock);
	r = rawpci_decode_read(dev, before);
	if (r == 0 && sleeps(before->control)) {
		r = write_pm(dev, before->control & ~(uint32_t)RAWPCI_PM_STATE);
		if (r == 0)
			r = rawpci_command_put(dev);
		rawpci_decode_follow(dev);
	}
	(void)pthread_mutex_unlock(&dev->config_lock);
	return r;
}

/* After a step that failed: COMMAND as it is to be, and asleep if it was. That this may fail too is
 * no news by then; accesses follow what the device really does. */
static void restore(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	if (!rawpci_can_ask(dev))
		return;
	(void)pthread_mutex_lock(&dev->config_lock);
	(void)rawpci_command_put(dev);
	if (sleeps(before->control))
		(void)write_pm(dev, before->control);
	rawpci_decode_follow(dev);
	(void)pthread_mutex_unlock(&dev->config_lock);
}

/* Interrupts are paused, memory is attached. */
static int start(struct rawpci_device *dev)
{
	int r = 0;

	/* Opening it was a reset. */
	if (atomic_load(&dev->touched))
		r = reset_if_possible(dev);
	/* Registers answer before a handler can be called, and the device is at work only then. */
	if (r == 0)
		r = rawpci_config_command(dev, 0, decoding(dev), false);
	if (r == 0)
		r = rawpci_irqs_resume(dev);
	if (r == 0)
		r = rawpci_config_command(dev, 0, RAWPCI_COMMAND_MASTER, true);
	return r;
}

/* Memory first, which may well be refused: by then nothing of the device has been changed. */
static int power_on(struct rawpci_device *dev)
{
	struct rawpci_decode before = { 0, 0 };
	struct rawpci_reason reason;
	bool were_running;
	uint32_t decoded;
	int r = rawpci_command_check_off(dev);

	if (r == 0)
		r = attach_memory(dev);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&dev->config_lock);
	decoded = dev->command & decoding(dev);
	(void)pthread_mutex_unlock(&dev->config_lock);
	were_running = rawpci_irqs_pause(dev);
	r = rouse(dev, &before);
	if (r == 0)
		r = start(dev);
	if (r == 0) {
		atomic_store(&dev->touched, true);
		dev->power = RAWPCI_NOW_ON;
		return 0;
	}
	rawpci_reason_keep(&reason);
	(void)pthread_mutex_lock(&dev->config_lock);
	rawpci_command_want(dev, (dev->command & ~decoding(dev)) | decoded, false);
	(void)pthread_mutex_unlock(&dev->config_lock);
	restore(dev, &before);
	detach_memory(dev);
	if (were_running)
		(void)rawpci_reset_rearm(dev, true);
	else
		(void)rawpci_irqs_pause(dev);
	rawpci_reason_restore(&reason);
	return r;
}

static int wake(struct rawpci_device *dev)
{
	return dev->pm_cap ?
	       write_pm(dev, dev->saved_pm_control & ~(uint32_t)RAWPCI_PM_STATE) : 0;
}

/* From on or suspended. What fails on the way is logged: off it goes. */
static void power_off(struct rawpci_device *dev)
{
	struct rawpci_decode before;

	if (rouse(dev, &before) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: it could not be woken up to be "
			   "turned off: %s", dev->name, rawpci_reason());
	if (rawpci_command_stop(dev) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: bus mastering could not be turned "
			   "off: %s", dev->name, rawpci_reason());
	(void)rawpci_irqs_pause(dev);
	detach_memory(dev);
	if (reset_if_possible(dev) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: off without a reset: %s", dev->name,
			   rawpci_reason());
	/* Who has it mapped may write to it unseen. */
	else if (dev->info.can_reset && rawpci_mappings_none(dev))
		atomic_store(&dev->touched, false);
	dev->power = RAWPCI_NOW_OFF;
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
}

static int save_header(struct rawpci_device *dev)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < RAWPCI_HEADER_DWORDS; i++)
		r = rawpci_config_peek(dev, 4 * i, 4, &dev->saved_header[i]);
	if (r == 0 && dev->saved_header[0] == UINT32_MAX && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r == 0 && dev->pm_cap)
		r = rawpci_config_peek(dev, dev->pm_cap + RAWPCI_PM_CONTROL, 2,
				       &dev->saved_pm_control);
	return r;
}

/* From the end, so that COMMAND comes after the BARs it lets loose, and still without bus mastering;
 * its upper half is STATUS, whose bits are cleared by writing them. */
static int restore_header(struct rawpci_device *dev)
{
	int r = 0;

	for (unsigned i = RAWPCI_HEADER_DWORDS; r == 0 && i-- > 0;) {
		uint32_t value = dev->saved_header[i], now = 0;

		if (4 * i == RAWPCI_CFG_COMMAND)
			value = dev->command & ~(uint32_t)RAWPCI_COMMAND_MASTER;
		r = rawpci_config_peek(dev, 4 * i, 4, &now);
		if (r == 0 && now != value)
			r = dev->backend->cfg_write(dev->handle, 4 * i, 4, value);
	}
	return r;
}

static int sleep(struct rawpci_device *dev)
{
	if (!dev->pm_cap)
		return 0;
	return write_pm(dev, (dev->saved_pm_control & ~(uint32_t)RAWPCI_PM_STATE) |
				     RAWPCI_PM_D3HOT);
}

/* It may be asleep although putting it to sleep has failed. */
static void undo_suspend(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	struct rawpci_reason reason;
	uint32_t control = 0;

	rawpci_reason_keep(&reason);
	(void)pthread_mutex_lock(&dev->config_lock);
	if (dev->pm_cap &&
	    rawpci_config_peek(dev, dev->pm_cap + RAWPCI_PM_CONTROL, 2, &control) == 0 &&
	    sleeps(control) && wake(dev) == 0)
		(void)restore_header(dev);
	rawpci_command_want(dev, dev->command, true);
	(void)pthread_mutex_unlock(&dev->config_lock);
	restore(dev, before);
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
	(void)rawpci_reset_rearm(dev, true);
	rawpci_reason_restore(&reason);
}

/* Nothing of it has been changed but that it may have been woken up. */
static void undo_save(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	restore(dev, before);
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
	(void)rawpci_reset_rearm(dev, true);
	rawpci_reason_restore(&reason);
}

/* Accesses end before anything is saved or changed: no config write comes in between. */
static int suspend(struct rawpci_device *dev)
{
	struct rawpci_decode before = { 0, 0 };
	int r;

	(void)pthread_mutex_lock(&dev->config_lock);
	rawpci_access_stop(dev, RAWPCI_ACCESS_AWAKE);
	(void)pthread_mutex_unlock(&dev->config_lock);
	(void)rawpci_irqs_pause(dev);
	r = rouse(dev, &before);
	if (r == 0)
		r = save_header(dev);
	if (r < 0) {
		undo_save(dev, &before);
		return r;
	}
	r = rawpci_config_command(dev, 0, 0, false);
	if (r == 0)
		r = sleep(dev);
	if (r < 0) {
		undo_suspend(dev, &before);
		return r;
	}
	dev->power = RAWPCI_NOW_SUSPENDED;
	return 0;
}

/* Bus mastering comes last, because with it the device is at work again. Where this fails, the
 * device stays suspended, and what was saved stays for the next time. */
static int resume(struct rawpci_device *dev)
{
	struct rawpci_reason reason;
	int r = wake(dev);

	if (r == 0 && rawpci_device_gone(dev))
		r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r == 0)
		r = restore_header(dev);
	if (r == 0)
		r = rawpci_config_command(dev, 0, 0, false);
	/* A handler that is called at once finds the device answering. */
	if (r == 0) {
		rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
		r = rawpci_irqs_resume(dev);
	}
	if (r == 0)
		r = rawpci_config_command(dev, 0, 0, true);
	if (r == 0) {
		dev->power = RAWPCI_NOW_ON;
		return 0;
	}
	rawpci_reason_keep(&reason);
	(void)pthread_mutex_lock(&dev->config_lock);
	rawpci_access_stop(dev, RAWPCI_ACCESS_AWAKE);
	(void)pthread_mutex_unlock(&dev->config_lock);
	(void)rawpci_config_command(dev, 0, 0, false);
	(void)rawpci_irqs_pause(dev);
	(void)sleep(dev);
	rawpci_reason_restore(&reason);
	return r;
}

static int wrong_order(struct rawpci_device *dev, const char *asked)
{
	static const char *const names[] = {
		[RAWPCI_NOW_OFF] = "off",
		[RAWPCI_NOW_ON] = "on",
		[RAWPCI_NOW_SUSPENDED] = "suspended",
	};

	return rawpci_fail(dev->ctx, -EPROTO, "%s: it cannot be %s while it is %s%s", dev->name,
			   asked, names[dev->power],
			   dev->power == RAWPCI_NOW_SUSPENDED ? ": resume it first, or turn it off" :
								 "");
}

/* Requires dev->lock. */
static int change(struct rawpci_device *dev, enum rawpci_power state)
{
	int r;

	if (state == RAWPCI_POWER_ON && dev->power != RAWPCI_NOW_OFF)
		return wrong_order(dev, "turned on");
	if (state == RAWPCI_POWER_OFF && dev->power == RAWPCI_NOW_OFF)
		return wrong_order(dev, "turned off");
	if (state == RAWPCI_POWER_SUSPEND && dev->power != RAWPCI_NOW_ON)
		return wrong_order(dev, "suspended");
	if (state == RAWPCI_POWER_RESUME && dev->power != RAWPCI_NOW_SUSPENDED)
		return wrong_order(dev, "resumed");
	r = rawpci_reset_wait(dev);
	if (r < 0)
		return r;
	if (state == RAWPCI_POWER_OFF) {
		power_off(dev);
		return 0;
	}
	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r < 0)
		return r;
	if (state == RAWPCI_POWER_ON)
		return power_on(dev);
	return state == RAWPCI_POWER_SUSPEND ? suspend(dev) : resume(dev);
}

int rawpci_core_power(struct rawpci_device *dev, enum rawpci_power state)
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
	return rawpci_leave(&call, rawpci_core_power(dev, state));
}

/* It has been silent, as while its link was down, and may be at work. Not for its user any more, to
 * whom it stays gone: what it lost comes back at the end alone. */
static void ask_again(struct rawpci_device *dev)
{
	uint32_t vendor;

	if ((atomic_load(&dev->access) & (RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_STEADY)) !=
		    RAWPCI_ACCESS_STEADY ||
	    rawpci_config_peek(dev, RAWPCI_CFG_VENDOR, 2, &vendor) < 0 || vendor == 0xffff)
		return;
	(void)atomic_fetch_or(&dev->access, RAWPCI_ACCESS_PRESENT);
	dev->was_gone = true;
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

	if (rawpci_can_ask(dev)) {
		(void)rouse(dev, &before);
		(void)rawpci_command_stop(dev);
	}
	if (dev->power != RAWPCI_NOW_OFF)
		detach_memory(dev);
	dev->power = RAWPCI_NOW_OFF;
}
