/* SPDX-License-Identifier: MIT */
/*
 * Config space, and what a write to it does to the rest: COMMAND and the power state decide whether
 * MMIO and ports may be touched. An access with memory decoding off would raise SIGBUS, so writes
 * that turn it off wait for accesses under way first.
 */
#include <errno.h>

#include "core/core.h"
#include "pci/pci.h"

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
	if (atomic_fetch_and(&dev->access, ~RAWPCI_ACCESS_PRESENT) & RAWPCI_ACCESS_PRESENT)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: it does not answer any more",
			   dev->name);
	return true;
}

int rawpci_access_check(struct rawpci_device *dev, unsigned bits)
{
	unsigned lacking = bits & ~atomic_load(&dev->access);

	if (lacking == 0)
		return 0;
	if (lacking & RAWPCI_ACCESS_PRESENT)
		return rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: the device is gone: close it",
				   dev->name);
	if (lacking & RAWPCI_ACCESS_AWAKE)
		return rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: the device is suspended: resume it "
				   "first", dev->name);
	return rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: the device does not decode %s: set bit %d of "
			   "its command register, or power it on", dev->name,
			   lacking & RAWPCI_ACCESS_MEMORY ? "memory" : "I/O",
			   lacking & RAWPCI_ACCESS_MEMORY ? 1 : 0);
}

void rawpci_access_stop(struct rawpci_device *dev, unsigned bits)
{
	if (!(atomic_fetch_and(&dev->access, ~bits) & bits))
		return;
	rawpci_gate_wait(&dev->slot->memory);
	rawpci_mappings_follow(dev);
}

int rawpci_decode_read(struct rawpci_device *dev, struct rawpci_decode *out)
{
	struct rawpci_decode decode = { 0, 0 };
	int r;

	r = rawpci_config_peek(dev, RAWPCI_CFG_COMMAND, 2, &decode.command);
	if (r == 0 && dev->pm_cap)
		r = rawpci_config_peek(dev, dev->pm_cap + RAWPCI_PM_CONTROL, 2, &decode.control);
	if (r < 0)
		return r;
	if (decode.command == 0xffff && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	*out = decode;
	return 0;
}

void rawpci_decode_apply(struct rawpci_device *dev, const struct rawpci_decode *decode)
{
	unsigned bits = 0;

	if ((decode->control & RAWPCI_PM_STATE) == 0) {
		if (dev->caps.memory_always_on || (decode->command & RAWPCI_COMMAND_MEMORY))
			bits |= RAWPCI_ACCESS_MEMORY;
		if (decode->command & RAWPCI_COMMAND_IO)
			bits |= RAWPCI_ACCESS_IO;
	}
	rawpci_access_stop(dev, ~bits & (RAWPCI_ACCESS_MEMORY | RAWPCI_ACCESS_IO));
	rawpci_access_start(dev, bits);
}

/* Requires config_lock. What was read before says what holds after a failure. */
static int write_command(struct rawpci_device *dev, uint32_t clear, uint32_t set)
{
	struct rawpci_decode before, after;
	int r = rawpci_decode_read(dev, &before);

	if (r < 0)
		return r;
	after = before;
	after.command = (before.command & ~clear) | set;
	if (!(after.command & RAWPCI_COMMAND_MEMORY))
		rawpci_access_stop(dev, RAWPCI_ACCESS_MEMORY);
	if (after.command != before.command)
		r = dev->backend->cfg_write(dev->handle, RAWPCI_CFG_COMMAND, 2, after.command);
	rawpci_decode_apply(dev, r == 0 ? &after : &before);
	return r;
}

int rawpci_config_command(struct rawpci_device *dev, uint32_t clear, uint32_t set)
{
	int r;

	(void)pthread_mutex_lock(&dev->config_lock);
	r = write_command(dev, clear, set);
	(void)pthread_mutex_unlock(&dev->config_lock);
	return r;
}

/* Where a write may change what the device decodes: COMMAND, the power state, and the bits that
 * start a function level reset. */
static bool matters(const struct rawpci_device *dev, uint32_t offset, unsigned width)
{
	return rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND, 2) ||
	       (dev->pm_cap && rawpci_config_overlaps(offset, width,
						      dev->pm_cap + RAWPCI_PM_CONTROL, 2)) ||
	       (dev->express_cap &&
		rawpci_config_overlaps(offset, width,
				       dev->express_cap + RAWPCI_EXPRESS_DEVICE_CONTROL, 2)) ||
	       (dev->af_cap && rawpci_config_overlaps(offset, width,
						      dev->af_cap + RAWPCI_AF_CONTROL, 1));
}

/* Does the write set these bits of the 16-bit register at start? */
static bool sets(uint32_t start, uint32_t bits, uint32_t offset, unsigned width, uint32_t value)
{
	return (rawpci_config_merge(0, start, offset, width, value) & 0xffff & bits) != 0;
}

static bool starts_reset(const struct rawpci_device *dev, uint32_t offset, unsigned width,
			 uint32_t value)
{
	return (dev->express_cap && sets(dev->express_cap + RAWPCI_EXPRESS_DEVICE_CONTROL,
					 RAWPCI_EXPRESS_RESET, offset, width, value)) ||
	       (dev->af_cap &&
		sets(dev->af_cap + RAWPCI_AF_CONTROL, RAWPCI_AF_RESET, offset, width, value));
}

/* Requires config_lock. Everything that has to be read is read before the write, so that a failure
 * is one before it. A reset alone changes more than what was written. */
static int write_that_matters(struct rawpci_device *dev, uint32_t offset, unsigned width,
			      uint32_t value)
{
	bool resets = starts_reset(dev, offset, width, value);
	struct rawpci_decode before, after;
	int r;

	/* Looked at again, because a suspension may have come in between. */
	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
	if (r == 0)
		r = rawpci_decode_read(dev, &before);
	if (r < 0)
		return r;
	after.command = rawpci_config_merge(before.command, RAWPCI_CFG_COMMAND, offset, width,
					    value) & 0xffff;
	after.control = before.control;
	if (dev->pm_cap)
		after.control = rawpci_config_merge(before.control,
						    dev->pm_cap + RAWPCI_PM_CONTROL, offset,
						    width, value) & 0xffff;
	if (resets || !(after.command & RAWPCI_COMMAND_MEMORY) ||
	    (after.control & RAWPCI_PM_STATE) != 0)
		rawpci_access_stop(dev, RAWPCI_ACCESS_MEMORY);
	r = rawpci_config_poke(dev, offset, width, value);
	if (r == 0 && resets && rawpci_decode_read(dev, &after) < 0) {
		after.command = 0;
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: it could not be asked what it "
			   "decodes after its reset, and counts as decoding nothing: %s",
			   dev->name, rawpci_reason());
	}
	rawpci_decode_apply(dev, r == 0 ? &after : &before);
	return r;
}

static int write_locked(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	int r;

	(void)pthread_mutex_lock(&dev->config_lock);
	r = write_that_matters(dev, offset, width, value);
	(void)pthread_mutex_unlock(&dev->config_lock);
	return r;
}

/* A reset takes the vectors out of the device without the kernel's knowing: they are disabled before
 * it and enabled after. */
static int write_that_resets(struct rawpci_device *dev, uint32_t offset, unsigned width,
			     uint32_t value)
{
	bool were_running;
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	were_running = rawpci_irqs_pause(dev);
	r = write_locked(dev, offset, width, value);
	if (were_running && rawpci_irqs_resume(dev) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: its interrupts could not be enabled "
			   "after its reset: %s", dev->name, rawpci_reason());
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

static int check(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	if (width != 1 && width != 2 && width != 4)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: config access of %u bytes: use 1, 2 "
				   "or 4", dev->name, width);
	if (width < 4 && value >> (8 * width) != 0)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: value %#x does not fit in %u bytes",
				   dev->name, value, width);
	if (offset % width != 0)
		return rawpci_fail(dev->ctx, -EDOM, "%s: config offset %#x is not a multiple of "
				   "the width %u", dev->name, offset, width);
	if (offset > dev->caps.config_size - width)
		return rawpci_fail(dev->ctx, -ERANGE, "%s: config offset %#x is beyond its %u "
				   "bytes", dev->name, offset, dev->caps.config_size);
	return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
}

int rawpci_core_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width,
			    uint32_t *value)
{
	uint32_t ones, result;
	int r = check(dev, offset, width, 0);

	if (r < 0)
		return r;
	r = rawpci_config_peek(dev, offset, width, &result);
	if (r < 0)
		return r;
	ones = UINT32_MAX >> (32 - 8 * width);
	if (result == ones && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	*value = result;
	return 0;
}

int rawpci_core_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width,
			     uint32_t value)
{
	int r = check(dev, offset, width, value);

	if (r < 0)
		return r;
	if (!matters(dev, offset, width))
		return rawpci_config_poke(dev, offset, width, value);
	if (starts_reset(dev, offset, width, value))
		return write_that_resets(dev, offset, width, value);
	return write_locked(dev, offset, width, value);
}

int rawpci_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t *value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!value)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: value is NULL", dev->name);
	else
		r = rawpci_core_config_read(dev, offset, width, value);
	return rawpci_leave(&call, r);
}

int rawpci_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, rawpci_core_config_write(dev, offset, width, value));
}
