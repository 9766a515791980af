/* SPDX-License-Identifier: MIT */
/* Power states and reset. */
#include <errno.h>

#include "core/core.h"
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

/* Puts COMMAND back after a step that failed. That this may fail too is no news by then. */
static void restore_command(struct rawpci_device *dev, uint32_t command)
{
	(void)pthread_mutex_lock(&dev->config_lock);
	if (dev->backend->cfg_write(dev->handle, RAWPCI_CFG_COMMAND, 2, command) == 0) {
		struct rawpci_decode now = { .command = command };

		rawpci_decode_apply(dev, &now);
	}
	(void)pthread_mutex_unlock(&dev->config_lock);
}

/*
 * Resets; COMMAND is as before then, but for the bits in clear. Interrupts are paused by the caller.
 * The kernel restores config space after the resets it makes, and not after all of them.
 */
static int reset(struct rawpci_device *dev, uint32_t clear)
{
	struct rawpci_decode decode;
	int r;

	(void)pthread_mutex_lock(&dev->config_lock);
	r = rawpci_decode_read(dev, &decode);
	if (r == 0) {
		rawpci_access_stop(dev, RAWPCI_ACCESS_MEMORY | RAWPCI_ACCESS_IO);
		r = dev->backend->reset(dev->handle);
		if (r == 0) {
			decode.control = 0;
			decode.command &= ~clear;
			r = dev->backend->cfg_write(dev->handle, RAWPCI_CFG_COMMAND, 2,
						    decode.command);
		}
		rawpci_decode_apply(dev, &decode);
	}
	(void)pthread_mutex_unlock(&dev->config_lock);
	return r;
}

static int reset_if_possible(struct rawpci_device *dev)
{
	if (dev->info.can_reset)
		return reset(dev, RAWPCI_COMMAND_MASTER);
	rawpci_say(dev->ctx, RAWPCI_LOG_DEBUG, "%s: not reset: it has no reset of its own",
		   dev->name);
	return 0;
}

/* Interrupts are paused, memory is attached. */
static int start(struct rawpci_device *dev)
{
	int r = 0;

	/* Opening it was a reset. */
	if (atomic_load(&dev->touched))
		r = reset_if_possible(dev);
	if (r == 0)
		r = rawpci_irqs_resume(dev);
	if (r == 0)
		r = rawpci_config_command(dev, 0, decoding(dev) | RAWPCI_COMMAND_MASTER);
	return r;
}

/* Bus mastering off first: a device that was left with it on would reach the memory before its
 * reset. */
static int power_on(struct rawpci_device *dev)
{
	struct rawpci_decode before;
	bool were_running;
	int r;

	(void)pthread_mutex_lock(&dev->config_lock);
	r = rawpci_decode_read(dev, &before);
	(void)pthread_mutex_unlock(&dev->config_lock);
	if (r == 0)
		r = rawpci_config_command(dev, RAWPCI_COMMAND_MASTER, 0);
	if (r < 0)
		return r;
	r = attach_memory(dev);
	if (r < 0) {
		restore_command(dev, before.command);
		return r;
	}
	were_running = rawpci_irqs_pause(dev);
	r = start(dev);
	if (r == 0) {
		atomic_store(&dev->touched, true);
		dev->power = RAWPCI_NOW_ON;
		return 0;
	}
	detach_memory(dev);
	restore_command(dev, before.command);
	if (were_running)
		(void)rawpci_irqs_resume(dev);
	else
		(void)rawpci_irqs_pause(dev);
	return r;
}

static int wake(struct rawpci_device *dev)
{
	int r = 0;

	if (dev->pm_cap) {
		r = dev->backend->cfg_write(dev->handle, dev->pm_cap + RAWPCI_PM_CONTROL, 2,
					    dev->saved_pm_control & ~(uint32_t)RAWPCI_PM_STATE);
		rawpci_sys_sleep_ms(RAWPCI_PM_D3HOT_DELAY_MS);
	}
	return r;
}

/* From on or suspended. What fails on the way is logged: off it goes. */
static void power_off(struct rawpci_device *dev)
{
	if (dev->power == RAWPCI_NOW_SUSPENDED) {
		(void)wake(dev);
		rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
	}
	if (rawpci_config_command(dev, RAWPCI_COMMAND_MASTER, 0) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: bus mastering could not be turned "
			   "off: %s", dev->name, rawpci_reason());
	(void)rawpci_irqs_pause(dev);
	detach_memory(dev);
	if (reset_if_possible(dev) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: off without a reset: %s", dev->name,
			   rawpci_reason());
	dev->power = RAWPCI_NOW_OFF;
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
			value &= 0xffff & ~(uint32_t)RAWPCI_COMMAND_MASTER;
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
	return dev->backend->cfg_write(dev->handle, dev->pm_cap + RAWPCI_PM_CONTROL, 2,
				       (dev->saved_pm_control & ~(uint32_t)RAWPCI_PM_STATE) |
					       RAWPCI_PM_D3HOT);
}

static int suspend(struct rawpci_device *dev)
{
	int r = save_header(dev);

	if (r < 0)
		return r;
	/* Before anything else, so that no config write comes in between. */
	(void)pthread_mutex_lock(&dev->config_lock);
	rawpci_access_stop(dev, RAWPCI_ACCESS_AWAKE);
	(void)pthread_mutex_unlock(&dev->config_lock);
	(void)rawpci_irqs_pause(dev);
	r = rawpci_config_command(dev, RAWPCI_COMMAND_MASTER, 0);
	if (r == 0)
		r = sleep(dev);
	if (r == 0) {
		dev->power = RAWPCI_NOW_SUSPENDED;
		return 0;
	}
	rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
	(void)rawpci_irqs_resume(dev);
	restore_command(dev, dev->saved_header[RAWPCI_CFG_COMMAND / 4] & 0xffff);
	return r;
}

/* Bus mastering comes last, because with it the device is at work again. */
static int resume(struct rawpci_device *dev)
{
	uint32_t command = dev->saved_header[RAWPCI_CFG_COMMAND / 4];
	int r = wake(dev);

	if (r == 0 && rawpci_device_gone(dev))
		r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	if (r == 0)
		r = restore_header(dev);
	if (r == 0)
		r = rawpci_irqs_resume(dev);
	if (r == 0)
		r = rawpci_config_command(dev, 0, command & RAWPCI_COMMAND_MASTER);
	if (r == 0) {
		rawpci_access_start(dev, RAWPCI_ACCESS_AWAKE);
		dev->power = RAWPCI_NOW_ON;
		return 0;
	}
	(void)rawpci_irqs_pause(dev);
	(void)sleep(dev);
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

static int reset_and_restore(struct rawpci_device *dev)
{
	bool were_running;
	int r, again;

	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
	if (r < 0)
		return r;
	if (!dev->info.can_reset)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: the device has no reset that leaves "
				   "its neighbours alone", dev->name);
	were_running = rawpci_irqs_pause(dev);
	r = reset(dev, 0);
	again = were_running ? rawpci_irqs_resume(dev) : 0;
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

void rawpci_power_cut(struct rawpci_device *dev)
{
	const bool present = atomic_load(&dev->access) & RAWPCI_ACCESS_PRESENT;

	if (present && dev->power == RAWPCI_NOW_SUSPENDED)
		(void)wake(dev);
	if (present)
		(void)rawpci_config_command(dev, RAWPCI_COMMAND_MASTER, 0);
	if (dev->power != RAWPCI_NOW_OFF)
		detach_memory(dev);
	dev->power = RAWPCI_NOW_OFF;
}
