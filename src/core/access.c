/* SPDX-License-Identifier: MIT */
/*
 * Accesses to regions. MMIO on a mapped BAR is the path that has to be short: a gate, a look at the
 * table of mappings, and the access itself. Everything that can go wrong is out of line.
 */
#include <endian.h>
#include <errno.h>

#include "core/core.h"

#define FOR_MEMORY (RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE | RAWPCI_ACCESS_MEMORY)
#define FOR_IO (RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE | RAWPCI_ACCESS_IO)
#define OUT_OF_LINE __attribute__((noinline, cold))

struct access {
	uintptr_t address;
	unsigned width;
	bool write;
	uint64_t value;
};

static inline bool width_is_valid(unsigned width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

static inline uint64_t all_ones(unsigned width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

/* One load or store of the width, and PCI's byte order. The compiler may neither split nor repeat
 * it: that is what volatile guarantees. */
static inline void direct(struct access *a)
{
	volatile void *at = (volatile void *)a->address;

	if (a->write) {
		switch (a->width) {
		case 1: *(volatile uint8_t *)at = (uint8_t)a->value; break;
		case 2: *(volatile uint16_t *)at = htole16((uint16_t)a->value); break;
		case 4: *(volatile uint32_t *)at = htole32((uint32_t)a->value); break;
		default: *(volatile uint64_t *)at = htole64(a->value); break;
		}
		return;
	}
	switch (a->width) {
	case 1: a->value = *(volatile uint8_t *)at; break;
	case 2: a->value = le16toh(*(volatile uint16_t *)at); break;
	case 4: a->value = le32toh(*(volatile uint32_t *)at); break;
	default: a->value = le64toh(*(volatile uint64_t *)at); break;
	}
}

/* An access that goes through the backend. */
static int trapped(struct rawpci_device *dev, unsigned region, uint64_t offset, struct access *a)
{
	bool io = dev->regions[region].flags & RAWPCI_REGION_IO;
	int r;

	if (a->width == 8 && !dev->caps.wide_access)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: 8 bytes at %#llx of region %u are "
				   "not mapped, and %s would make two accesses of it", dev->name,
				   (unsigned long long)offset, region, dev->backend->name);
	if (a->write)
		return dev->backend->region_write(dev->handle, region, offset, a->width, a->value);
	r = dev->backend->region_read(dev->handle, region, offset, a->width, &a->value);
	if (r < 0)
		return r;
	if (!io && a->value == all_ones(a->width) && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	return 0;
}

static OUT_OF_LINE int trapped_mmio(struct rawpci_device *dev, const struct rawpci_map_entry *entry,
				    uint64_t at, struct access *a)
{
	rawpci_call_begin();
	return trapped(dev, entry->region, entry->offset + at, a);
}

/* Says what is wrong with an access that did not go through, in the order of the contract. */
static OUT_OF_LINE int refuse(struct rawpci_device *dev, const struct rawpci_map_entry *entry,
			      const struct access *a)
{
	unsigned long long address = a->address;

	rawpci_call_begin();
	if (a->address == 0)
		return rawpci_fail(dev->ctx, -EFAULT, "%s: the MMIO address is NULL", dev->name);
	if (!width_is_valid(a->width))
		return rawpci_fail(dev->ctx, -EINVAL, "%s: an access of %u bytes: use 1, 2, 4 or "
				   "8", dev->name, a->width);
	if (a->address % a->width != 0)
		return rawpci_fail(dev->ctx, -EDOM, "%s: MMIO address %#llx is not a multiple of "
				   "the width %u", dev->name, address, a->width);
	if (!entry)
		return rawpci_fail(dev->ctx, -EFAULT, "%s: MMIO address %#llx is in no live "
				   "mapping of this device: map the region first", dev->name,
				   address);
	if (a->address - (uintptr_t)entry->base > entry->size - a->width ||
	    entry->size < a->width)
		return rawpci_fail(dev->ctx, -ERANGE, "%s: %u bytes at MMIO address %#llx leave "
				   "the mapping", dev->name, a->width, address);
	return rawpci_access_check(dev, FOR_MEMORY);
}

static OUT_OF_LINE int doubt(struct rawpci_device *dev)
{
	rawpci_call_begin();
	if (rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	return 0;
}

/* Requires the memory gate. */
static inline int mmio(struct rawpci_device *dev, struct access *a)
{
	const struct rawpci_map_table *table = atomic_load(&dev->mappings);
	const struct rawpci_map_entry *entry = NULL;
	uint64_t at = 0;

	for (unsigned i = 0; table && i < table->count; i++) {
		at = a->address - (uintptr_t)table->entries[i]->base;
		if (at < table->entries[i]->size) {
			entry = table->entries[i];
			break;
		}
	}
	if (!entry || !width_is_valid(a->width) || a->address % a->width != 0 ||
	    entry->size - at < a->width ||
	    (atomic_load(&dev->access) & FOR_MEMORY) != FOR_MEMORY)
		return refuse(dev, entry, a);
	if (a->write && !atomic_load_explicit(&dev->touched, memory_order_relaxed))
		atomic_store_explicit(&dev->touched, true, memory_order_relaxed);
	for (unsigned i = 0; i < entry->area_count; i++) {
		if (at - entry->areas[i].offset < entry->areas[i].size) {
			direct(a);
			if (!a->write && __builtin_expect(a->value == all_ones(a->width), 0))
				return doubt(dev);
			return 0;
		}
	}
	return trapped_mmio(dev, entry, at, a);
}

static OUT_OF_LINE int stale(struct rawpci *ctx, uint32_t handle)
{
	rawpci_call_begin();
	return rawpci_call_end(ctx, rawpci_fail(ctx, -EBADF, "device handle %#x is not open here: "
						"stale, unknown, or another owner's", handle));
}

static OUT_OF_LINE int failed(struct rawpci *ctx, int r)
{
	return rawpci_call_end(ctx, r);
}

/* As rawpci_enter_handle(), for the memory gate and without preparing to speak. */
static inline int mmio_by_handle(struct rawpci *ctx, const void *owner, uint32_t handle,
				 struct access *a)
{
	unsigned index = (handle & 0xff) - 1;
	struct rawpci_slot *slot = index < RAWPCI_SLOTS ? atomic_load(&ctx->slots[index]) : NULL;
	atomic_uint *counter;
	int r;

	if (!slot)
		return stale(ctx, handle);
	counter = rawpci_gate_enter(&slot->memory);
	if (atomic_load(&slot->handle) != handle || atomic_load(&slot->owner) != owner) {
		rawpci_gate_leave(counter);
		return stale(ctx, handle);
	}
	r = mmio(slot->dev, a);
	rawpci_gate_leave(counter);
	return __builtin_expect(r < 0, 0) ? failed(ctx, r) : 0;
}

int rawpci_core_mmio_read(struct rawpci *ctx, const void *owner, uint32_t handle,
			  const void *address, unsigned width, uint64_t *value)
{
	struct access a = { .address = (uintptr_t)address, .width = width };
	int r = mmio_by_handle(ctx, owner, handle, &a);

	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_core_mmio_write(struct rawpci *ctx, const void *owner, uint32_t handle, void *address,
			   unsigned width, uint64_t value)
{
	struct access a = {
		.address = (uintptr_t)address, .width = width, .write = true, .value = value,
	};

	return mmio_by_handle(ctx, owner, handle, &a);
}

static int mmio_by_pointer(struct rawpci_device *dev, struct access *a)
{
	struct rawpci *ctx = dev->ctx;
	atomic_uint *counter = rawpci_gate_enter(&dev->slot->memory);
	int r = mmio(dev, a);

	rawpci_gate_leave(counter);
	return r < 0 ? failed(ctx, r) : 0;
}

static OUT_OF_LINE int null_pointer(struct rawpci_device *dev, const char *what)
{
	rawpci_call_begin();
	return rawpci_call_end(dev ? dev->ctx : NULL,
			       rawpci_fail(NULL, -EFAULT, "%s is NULL", what));
}

int rawpci_mmio_read(struct rawpci_device *dev, const void *address, unsigned width,
		     uint64_t *value)
{
	struct access a = { .address = (uintptr_t)address, .width = width };
	int r;

	if (!dev || !value)
		return null_pointer(dev, dev ? "value" : "the device");
	r = mmio_by_pointer(dev, &a);
	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_mmio_write(struct rawpci_device *dev, void *address, unsigned width, uint64_t value)
{
	struct access a = {
		.address = (uintptr_t)address, .width = width, .write = true, .value = value,
	};

	if (!dev)
		return null_pointer(dev, "the device");
	return mmio_by_pointer(dev, &a);
}

static int check_region_access(struct rawpci_device *dev, unsigned region, uint64_t offset,
			       unsigned width)
{
	const struct rawpci_region_info *info;
	bool io;

	if (region >= RAWPCI_REGIONS)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: there is no region %d", dev->name,
				   (int)region);
	info = &dev->regions[region];
	io = info->flags & RAWPCI_REGION_IO;
	if (!width_is_valid(width) || (io && width == 8))
		return rawpci_fail(dev->ctx, -EINVAL, "%s: an access of %u bytes: use 1, 2%s",
				   dev->name, width, io ? " or 4" : ", 4 or 8");
	if (!io && offset % width != 0)
		return rawpci_fail(dev->ctx, -EDOM, "%s: offset %#llx is not a multiple of the "
				   "width %u", dev->name, (unsigned long long)offset, width);
	if (offset > info->size || width > info->size - offset)
		return rawpci_fail(dev->ctx, -ERANGE, "%s: %u bytes at %#llx are not inside region "
				   "%u, which has %#llx bytes", dev->name, width,
				   (unsigned long long)offset, region,
				   (unsigned long long)info->size);
	return rawpci_access_check(dev, io ? FOR_IO : FOR_MEMORY);
}

int rawpci_core_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset,
			    unsigned width, uint64_t *value)
{
	struct access a = { .width = width };
	int r = check_region_access(dev, region, offset, width);

	if (r == 0)
		r = trapped(dev, region, offset, &a);
	if (r == 0)
		*value = a.value;
	return r;
}

int rawpci_core_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset,
			     unsigned width, uint64_t value)
{
	struct access a = { .width = width, .write = true, .value = value };
	int r = check_region_access(dev, region, offset, width);

	if (r < 0)
		return r;
	a.value &= all_ones(width);
	atomic_store_explicit(&dev->touched, true, memory_order_relaxed);
	return trapped(dev, region, offset, &a);
}

int rawpci_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset, unsigned width,
		       uint64_t *value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!value)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: value is NULL", dev->name);
	else
		r = rawpci_core_region_read(dev, region, offset, width, value);
	return rawpci_leave(&call, r);
}

int rawpci_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset,
			unsigned width, uint64_t value)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	return rawpci_leave(&call, rawpci_core_region_write(dev, region, offset, width, value));
}
