/* SPDX-License-Identifier: MIT */
/*
 * Accesses to regions: every kind, with every check. Plain MMIO takes the fast path instead
 * (mmio.h), and comes here only if that did not end the access.
 */
#include <errno.h>

#include "core/call.h"
#include "core/device.h"
#include "core/handle.h"
#include "device/device.h"
#include "device/maps.h"
#include "device/mmio.h"
#include "device/reset.h"

#define ACCESS_FOR_IO (RAWPCI_ACCESS_FOR_CONFIG | RAWPCI_ACCESS_IO)
#define OUT_OF_LINE __attribute__((noinline, cold))

struct access {
	uintptr_t address;
	unsigned width;
	bool write;
	uint64_t value;
};

static inline uint64_t all_ones(unsigned width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

static void direct(struct access *a)
{
	if (a->write)
		(void)rawpci_plain_store(a->address, a->width, a->value);
	else
		(void)rawpci_plain_load(a->address, a->width, &a->value);
}

/* All ones may be a register's value, but a device that is gone reads as all ones everywhere. */
static int doubt(struct rawpci_device *dev, struct access *a)
{
	if (a->value == all_ones(a->width) && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	return 0;
}

/* Ports and the ROM need no question before the access: it fails if the device is gone. */
static bool needs_notice(const struct rawpci_device *dev, unsigned region)
{
	return region != RAWPCI_REGION_ROM && !(dev->regions[region].flags & RAWPCI_REGION_IO);
}

/* An access that goes through the backend. */
static int trapped(struct rawpci_device *dev, unsigned region, uint64_t offset, struct access *a)
{
	int r = needs_notice(dev, region) ? rawpci_access_notice(dev) : 0;

	if (r < 0)
		return r;

	if (a->width == 8 && !dev->caps.wide_access)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP,
				   "%s: %s cannot access 8 bytes at once at "
				   "%#llx of region %u: use 4",
				   dev->name, dev->backend->name, (unsigned long long)offset,
				   region);
	if (a->write)
		r = dev->backend->region_write(dev->handle, region, offset, a->width, a->value);
	else
		r = dev->backend->region_read(dev->handle, region, offset, a->width, &a->value);
	if (r < 0)
		return rawpci_access_failed(dev, r);
	return a->write ? 0 : doubt(dev, a);
}

/* In the order of the contract. */
static int check_mmio(struct rawpci_device *dev, const struct rawpci_map_entry *entry,
		      const struct access *a)
{
	unsigned long long address = a->address;

	if (a->address == 0)
		return rawpci_fail(dev->ctx, -EFAULT, "%s: the MMIO address is NULL", dev->name);
	if (!rawpci_width_is_valid(a->width))
		return rawpci_fail(dev->ctx, -EINVAL,
				   "%s: an access of %u bytes: use 1, 2, 4 or "
				   "8",
				   dev->name, a->width);
	if (a->address % a->width != 0)
		return rawpci_fail(dev->ctx, -EDOM,
				   "%s: MMIO address %#llx is not a multiple of "
				   "the width %u",
				   dev->name, address, a->width);
	if (!entry)
		return rawpci_fail(dev->ctx, -EFAULT,
				   "%s: MMIO address %#llx is in no live "
				   "mapping of this device: map the region first",
				   dev->name, address);
	if (a->address - (uintptr_t)entry->base > entry->size - a->width || entry->size < a->width)
		return rawpci_fail(dev->ctx, -ERANGE,
				   "%s: %u bytes at MMIO address %#llx reach "
				   "beyond the mapping",
				   dev->name, a->width, address);
	return rawpci_access_check(dev, RAWPCI_ACCESS_FOR_MEMORY);
}

/* Any MMIO access, with every check. Requires the memory gate. */
static int mmio(struct rawpci_device *dev, struct access *a)
{
	const struct rawpci_map_table *table = atomic_load(&dev->mappings);
	const struct rawpci_map_entry *entry = NULL;
	uint64_t at = 0;
	int r;

	for (unsigned i = 0; i < table->count && !entry; i++) {
		at = a->address - (uintptr_t)table->entries[i]->base;
		if (at < table->entries[i]->size)
			entry = table->entries[i];
	}
	r = check_mmio(dev, entry, a);
	if (r < 0)
		return r;
	if (a->write)
		atomic_store_explicit(&dev->touched, true, memory_order_relaxed);
	for (unsigned i = 0; i < entry->area_count; i++) {
		if (at - entry->areas[i].offset >= entry->areas[i].size)
			continue;
		if (a->width == 8 && RAWPCI_SPLITS_WIDE)
			return rawpci_fail(dev->ctx, -EOPNOTSUPP,
					   "%s: this processor cannot "
					   "access 8 bytes at once: use 4",
					   dev->name);
		direct(a);
		return a->write ? 0 : doubt(dev, a);
	}
	return trapped(dev, entry->region, entry->offset + at, a);
}

/* Does the work inside the gate. *again before: the caller can try once more. *again after: a reset
 * that ran out of time has refused the access, so the caller should. */
static int attempt(struct rawpci *ctx, struct rawpci_target t, struct access *a,
		   int (*work)(struct rawpci_device *dev, struct access *a), bool *again)
{
	atomic_uint *counter = rawpci_gate_enter(&t.slot->memory);
	struct rawpci_told *told = &ctx->told;
	int r;

	if (rawpci_target_is_open(&t)) {
		struct rawpci_device *dev = t.slot->dev;

		told = &dev->told;
		rawpci_call_about(told);
		*again = *again && !(atomic_load(&dev->reach.access) & RAWPCI_ACCESS_STEADY);
		r = work(dev, a);
		*again = *again && r == -ESHUTDOWN;
	} else {
		*again = false;
		r = rawpci_fail_handle(ctx, t.handle);
	}
	if (r < 0 && !*again)
		rawpci_call_failed(told, r);
	rawpci_call_about(NULL);
	rawpci_gate_leave(counter);
	return r;
}

/* Two things wait for the memory gate, so they cannot be done inside it: to bring the device back
 * after a reset that ran out of time, and to take the pages of a lost device away. */
static OUT_OF_LINE void follow(struct rawpci_target t)
{
	atomic_uint *counter = rawpci_gate_enter(&t.slot->life);

	if (rawpci_target_is_open(&t)) {
		rawpci_reset_look(t.slot->dev);
		rawpci_mappings_follow(t.slot->dev);
	}
	rawpci_gate_leave(counter);
}

static int inside(struct rawpci *ctx, struct rawpci_target t, struct access *a,
		  int (*work)(struct rawpci_device *dev, struct access *a))
{
	bool again = true;
	int r;

	rawpci_call_begin();
	if (!t.slot)
		return rawpci_call_refused(ctx, rawpci_fail_handle(ctx, t.handle));
	r = attempt(ctx, t, a, work, &again);
	if (r == -ESHUTDOWN)
		follow(t);
	if (again) {
		again = false;
		r = attempt(ctx, t, a, work, &again);
	}
	return rawpci_call_end(ctx, r);
}

int rawpci_do_mmio_read(struct rawpci *ctx, const void *owner, uint32_t handle, const void *address,
			unsigned width, uint64_t *value)
{
	struct rawpci_target t = rawpci_target_of_handle(ctx, owner, handle);
	struct access a = { .address = (uintptr_t)address, .width = width };
	int r = inside(ctx, t, &a, mmio);

	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_do_mmio_doubt(struct rawpci *ctx, const void *owner, uint32_t handle, unsigned width,
			 uint64_t *value)
{
	struct rawpci_target t = rawpci_target_of_handle(ctx, owner, handle);
	struct access a = { .width = width, .value = all_ones(width) };
	int r = inside(ctx, t, &a, doubt);

	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_do_mmio_write(struct rawpci *ctx, const void *owner, uint32_t handle, void *address,
			 unsigned width, uint64_t value)
{
	struct rawpci_target t = rawpci_target_of_handle(ctx, owner, handle);
	struct access a = { (uintptr_t)address, width, true, value };

	return inside(ctx, t, &a, mmio);
}

static OUT_OF_LINE int null_pointer(struct rawpci_device *dev, const char *what)
{
	rawpci_call_begin();
	return rawpci_call_refused(dev ? dev->ctx : NULL,
				   rawpci_fail(NULL, -EFAULT, "%s is NULL", what));
}

static OUT_OF_LINE int read_by_pointer(struct rawpci_device *dev, const void *address,
				       unsigned width, uint64_t *value,
				       enum rawpci_progress progress)
{
	struct rawpci_target t = rawpci_target_of_pointer(dev);
	struct access a = { (uintptr_t)address, width, false, UINT64_MAX };
	int r;

	if (progress == RAWPCI_IN_DOUBT)
		a.value = all_ones(width);
	r = inside(dev->ctx, t, &a, progress == RAWPCI_IN_DOUBT ? doubt : mmio);
	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_mmio_read(struct rawpci_device *dev, const void *address, unsigned width,
		     uint64_t *value)
{
	enum rawpci_progress progress;
	uint64_t result = 0;

	if (!dev || !value)
		return null_pointer(dev, dev ? "rawpci_mmio_read: value"
					     : "rawpci_mmio_read: the device");
	progress = rawpci_short_read(rawpci_target_of_pointer(dev), (uintptr_t)address, width,
				     &result);
	if (progress != RAWPCI_DONE)
		return read_by_pointer(dev, address, width, value, progress);
	*value = result;
	return 0;
}

static OUT_OF_LINE int write_by_pointer(struct rawpci_device *dev, void *address, unsigned width,
					uint64_t value)
{
	struct rawpci_target t = rawpci_target_of_pointer(dev);
	struct access a = { (uintptr_t)address, width, true, value };

	return inside(dev->ctx, t, &a, mmio);
}

int rawpci_mmio_write(struct rawpci_device *dev, void *address, unsigned width, uint64_t value)
{
	if (!dev)
		return null_pointer(dev, "rawpci_mmio_write: the device");
	if (rawpci_short_write(rawpci_target_of_pointer(dev), (uintptr_t)address, width, value) ==
	    RAWPCI_DONE)
		return 0;
	return write_by_pointer(dev, address, width, value);
}

/* Inside the memory gate: a reset waits for that. */
static int region_access(struct rawpci_device *dev, unsigned region, uint64_t offset,
			 struct access *a)
{
	bool io = dev->regions[region].flags & RAWPCI_REGION_IO;
	atomic_uint *counter;
	int r;

	rawpci_reset_look(dev);
	counter = rawpci_gate_enter(&dev->slot->memory);
	r = rawpci_access_check(dev, io ? ACCESS_FOR_IO : RAWPCI_ACCESS_FOR_MEMORY);
	if (r == 0 && a->write)
		atomic_store_explicit(&dev->touched, true, memory_order_relaxed);
	if (r == 0)
		r = trapped(dev, region, offset, a);
	rawpci_gate_leave(counter);
	return r;
}

static int check_region_access(struct rawpci_device *dev, unsigned region, uint64_t offset,
			       unsigned width)
{
	const struct rawpci_region_info *info;
	bool io;

	if (region >= RAWPCI_REGIONS)
		return rawpci_fail(dev->ctx, -EINVAL,
				   "%s: %d is no region number: use 0 to 5 for "
				   "the BARs, 6 for the expansion ROM",
				   dev->name, (int)region);
	info = &dev->regions[region];
	io = info->flags & RAWPCI_REGION_IO;
	if (!rawpci_width_is_valid(width) || (io && width == 8))
		return rawpci_fail(dev->ctx, -EINVAL, "%s: an access of %u bytes: use 1, 2%s",
				   dev->name, width, io ? " or 4" : ", 4 or 8");
	if (!info->present)
		return rawpci_fail_absent(dev, region);
	if (!io && offset % width != 0)
		return rawpci_fail(dev->ctx, -EDOM,
				   "%s: offset %#llx is not a multiple of the "
				   "width %u",
				   dev->name, (unsigned long long)offset, width);
	if (offset > info->size || width > info->size - offset)
		return rawpci_fail(dev->ctx, -ERANGE,
				   "%s: %u bytes at offset %#llx are not inside region %u, which "
				   "has %#llx bytes",
				   dev->name, width, (unsigned long long)offset, region,
				   (unsigned long long)info->size);
	return 0;
}

int rawpci_do_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset,
			  unsigned width, uint64_t *value)
{
	struct access a = { .width = width };
	int r = check_region_access(dev, region, offset, width);

	if (r == 0)
		r = region_access(dev, region, offset, &a);
	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_do_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset,
			   unsigned width, uint64_t value)
{
	struct access a = { .width = width, .write = true, .value = value };
	int r = check_region_access(dev, region, offset, width);

	if (r < 0)
		return r;
	a.value &= all_ones(width);
	return region_access(dev, region, offset, &a);
}

int rawpci_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset, unsigned width,
		       uint64_t *value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!value)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: rawpci_region_read: value is NULL",
				dev->name);
	else
		r = rawpci_do_region_read(dev, region, offset, width, value);
	return rawpci_leave(&call, r);
}

int rawpci_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset, unsigned width,
			uint64_t value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, rawpci_do_region_write(dev, region, offset, width, value));
}
