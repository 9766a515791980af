/* SPDX-License-Identifier: MIT */
/*
 * Config space: reading, and checking a write before it reaches the device. An MMIO access with
 * memory decoding off would raise SIGBUS, so a write that turns decoding off first waits for the
 * accesses under way.
 */
#include <errno.h>

#include "core/call.h"
#include "core/device.h"
#include "core/handle.h"
#include "device/config.h"
#include "device/device.h"
#include "device/maps.h"
#include "device/reset.h"
#include "irq/irq.h"
#include "pci/pci.h"

/* May a write there change what the device decodes? COMMAND and the power state do. */
static bool matters(const struct rawpci_device *dev, uint32_t offset, unsigned width)
{
	return rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND, 2) ||
	       (dev->reach.pm_cap &&
		rawpci_config_overlaps(offset, width, dev->reach.pm_cap + RAWPCI_PM_CONTROL, 2));
}

/* Requires config->lock. After a reset by a config write, the device's COMMAND counts: the kernel
 * may have restored it or not. If it was restored, the user's wish for bus mastering stays, too. */
static int adopt_command(struct rawpci_device *dev, const struct rawpci_decode *before)
{
	const uint32_t master = RAWPCI_COMMAND_MASTER;
	struct rawpci_decode now;
	uint32_t command;
	int r = rawpci_decode_read(dev, &now);

	if (r < 0)
		return r;
	command = now.command;
	if (!dev->config->may_master && ((now.command ^ before->command) & ~master) == 0)
		command = (command & ~master) | (dev->config->command & master);
	rawpci_command_want(dev, command, dev->config->may_master);
	dev->config->masters = now.command & master;
	return dev->config->masters && !dev->config->may_master ? rawpci_command_put(dev) : 0;
}

/* If the write itself has failed, its sentence stays. */
static void see_to_command(struct rawpci_device *dev, const struct rawpci_decode *before,
			   bool was_reset)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	if ((was_reset ? adopt_command(dev, before) : rawpci_command_put(dev)) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: its command register could not be "
			   "put right after a reset or waking up: %s",
			   dev->name, rawpci_reason());
	rawpci_reason_restore(&reason);
}

/*
 * Requires config->lock. The device is asked afterwards what it decodes. Waking up may change
 * COMMAND: the kernel restores the value from before the device went to sleep.
 */
static int write_that_matters(struct rawpci_device *dev, uint32_t offset, unsigned width,
			      uint32_t value)
{
	bool resets = rawpci_resets_start(&dev->config->resets, offset, width, value), wakes;
	struct rawpci_decode before, after;
	int r;

	/* Once more with the lock: another thread may have suspended the device since. */
	r = rawpci_access_check(dev, RAWPCI_ACCESS_FOR_CONFIG);
	if (r == 0)
		r = rawpci_decode_read(dev, &before);
	if (r < 0)
		return r;
	after.command = rawpci_config_merge(dev->config->command, RAWPCI_CFG_COMMAND, offset, width,
					    value) &
			0xffff;
	after.control = before.control;
	if (dev->reach.pm_cap)
		after.control = rawpci_config_merge(before.control,
						    dev->reach.pm_cap + RAWPCI_PM_CONTROL, offset,
						    width, value) &
				0xffff;
	wakes = (before.control & RAWPCI_PM_STATE) && !(after.control & RAWPCI_PM_STATE);
	if (resets || !(after.command & RAWPCI_COMMAND_MEMORY) ||
	    (after.control & RAWPCI_PM_STATE) != 0)
		rawpci_access_stop(dev, RAWPCI_ACCESS_MEMORY | (resets ? RAWPCI_ACCESS_IO : 0));
	r = rawpci_command_poke(dev, offset, width, value);
	if (resets && r == -ETIMEDOUT) {
		rawpci_reset_unended(dev);
		return r;
	}
	if (r == 0)
		rawpci_command_want(dev, after.command, dev->config->may_master);
	if (resets || wakes)
		see_to_command(dev, &before, resets && r == 0);
	rawpci_decode_follow(dev);
	return r;
}

static int write_locked(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	int r;

	(void)pthread_mutex_lock(&dev->config->lock);
	r = write_that_matters(dev, offset, width, value);
	(void)pthread_mutex_unlock(&dev->config->lock);
	return r;
}

/* A reset clears the vectors in the device, and the kernel does not know. So they are disabled
 * before it, and enabled again after it. */
static int write_that_resets(struct rawpci_device *dev, uint32_t offset, unsigned width,
			     uint32_t value)
{
	struct rawpci_reason reason;
	bool were_running;
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	r = rawpci_access_check(dev, RAWPCI_ACCESS_FOR_CONFIG);
	if (r == 0) {
		were_running = rawpci_irqs_pause(dev);
		r = write_locked(dev, offset, width, value);
		rawpci_reason_keep(&reason);
		(void)rawpci_reset_rearm(dev, were_running);
		rawpci_reason_restore(&reason);
	}
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

static int check_access(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	if (width != 1 && width != 2 && width != 4)
		return rawpci_fail(dev->ctx, -EINVAL,
				   "%s: config access of %u bytes: use 1, 2 "
				   "or 4",
				   dev->name, width);
	if (width < 4 && value >> (8 * width) != 0)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: value %#x does not fit in %u bytes",
				   dev->name, value, width);
	if (offset % width != 0)
		return rawpci_fail(dev->ctx, -EDOM,
				   "%s: config offset %#x is not a multiple of "
				   "the width %u",
				   dev->name, offset, width);
	if (offset > dev->caps.config_size - width)
		return rawpci_fail(dev->ctx, -ERANGE,
				   "%s: config offset %#x is beyond its %u "
				   "bytes",
				   dev->name, offset, dev->caps.config_size);
	rawpci_reset_look(dev);
	return rawpci_access_check(dev, RAWPCI_ACCESS_FOR_CONFIG);
}

/* While the power state forbids bus mastering, the user reads the Bus Master bit that it wrote. */
static uint32_t show_master(struct rawpci_device *dev, uint32_t offset, uint32_t value)
{
	uint32_t shown = atomic_load(&dev->reach.shown_master);

	if (offset != RAWPCI_CFG_COMMAND || shown == RAWPCI_SHOW_REAL)
		return value;
	return (value & ~(uint32_t)RAWPCI_COMMAND_MASTER) | shown;
}

int rawpci_do_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width,
			  uint32_t *value)
{
	uint32_t ones, result;
	int r = check_access(dev, offset, width, 0);

	if (r < 0)
		return r;
	r = rawpci_config_peek(dev, offset, width, &result);
	if (r < 0)
		return rawpci_access_failed(dev, r);
	ones = UINT32_MAX >> (32 - 8 * width);
	if (result == ones && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	*value = show_master(dev, offset, result);
	return 0;
}

/* Inside the memory gate: a suspension waits for that before it saves config space. */
static int write_plain(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	atomic_uint *counter = rawpci_gate_enter(&dev->slot->memory);
	int r = rawpci_access_check(dev, RAWPCI_ACCESS_FOR_CONFIG);

	if (r == 0)
		r = rawpci_config_poke(dev, offset, width, value);
	rawpci_gate_leave(counter);
	return r;
}

int rawpci_do_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width,
			   uint32_t value)
{
	int r = check_access(dev, offset, width, value);

	if (r == 0)
		r = rawpci_access_notice(dev);
	if (r < 0)
		return r;
	if (rawpci_resets_start(&dev->config->resets, offset, width, value))
		r = write_that_resets(dev, offset, width, value);
	else if (!matters(dev, offset, width))
		r = write_plain(dev, offset, width, value);
	else
		r = write_locked(dev, offset, width, value);
	return r < 0 ? rawpci_access_failed(dev, r) : 0;
}

int rawpci_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t *value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!value)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: rawpci_config_read: value is NULL",
				dev->name);
	else
		r = rawpci_do_config_read(dev, offset, width, value);
	return rawpci_leave(&call, r);
}

int rawpci_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, rawpci_do_config_write(dev, offset, width, value));
}
