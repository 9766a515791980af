/* SPDX-License-Identifier: MIT */
/*
 * The fast path of MMIO, for a mapped BAR: into the gate, a look at the mappings, the access, and
 * out. It calls no function. An access that is not plain is left to the slow path (access.c), which
 * makes all checks again.
 */
#ifndef RAWPCI_DEVICE_MMIO_H
#define RAWPCI_DEVICE_MMIO_H

#include <endian.h>

#include "core/device.h"
#include "core/handle.h"
#include "device/maps.h"

#define RAWPCI_ACCESS_FOR_MEMORY                                                                   \
	(RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE | RAWPCI_ACCESS_STEADY | RAWPCI_ACCESS_MEMORY)

/* A processor with 32-bit registers makes two accesses of 8 bytes. */
#define RAWPCI_SPLITS_WIDE (UINTPTR_MAX < UINT64_MAX)

#define RAWPCI_LIKELY(condition) __builtin_expect(!!(condition), 1)

/* How far the fast path got. */
enum rawpci_progress {
	RAWPCI_NOT_PLAIN, /* nothing was done */
	RAWPCI_DONE,
	RAWPCI_IN_DOUBT, /* done; the word read is all ones, so the device may be gone */
};

static inline bool rawpci_width_is_valid(unsigned width)
{
	return width == 1 || width == 2 || width == 4 || width == 8;
}

/* The device of an access: by pointer, which is then the slot's, or by handle and owner. */
struct rawpci_target {
	bool by_pointer;
	struct rawpci_slot *slot; /* NULL: the handle never had one */
	const void *owner;
	uint32_t handle;
};

/* Inside a gate. */
static inline bool rawpci_target_is_open(const struct rawpci_target *t)
{
	return t->by_pointer || RAWPCI_LIKELY(rawpci_slot_has(t->slot, t->owner, t->handle));
}

static inline struct rawpci_target rawpci_target_of_handle(struct rawpci *ctx, const void *owner,
							   uint32_t handle)
{
	return (struct rawpci_target){ false, rawpci_slot_of(ctx, handle), owner, handle };
}

static inline struct rawpci_target rawpci_target_of_pointer(struct rawpci_device *dev)
{
	return (struct rawpci_target){ true, dev->slot, NULL, 0 };
}

/* One access of exactly the width, in PCI's byte order. The compiler may neither split nor repeat
 * it: that is what volatile guarantees. */
#define RAWPCI_PLAIN_LOAD(type, convert)                                                           \
	do {                                                                                       \
		type word;                                                                         \
		if (address % sizeof(type) != 0)                                                   \
			return RAWPCI_NOT_PLAIN;                                                   \
		word = convert(*(volatile type *)address);                                         \
		*value = word;                                                                     \
		return word == (type)-1 ? RAWPCI_IN_DOUBT : RAWPCI_DONE;                           \
	} while (0)

static inline enum rawpci_progress rawpci_plain_load(uintptr_t address, unsigned width,
						     uint64_t *value)
{
	if (RAWPCI_LIKELY(width == 4))
		RAWPCI_PLAIN_LOAD(uint32_t, le32toh);
	switch (width) {
	case 1:
		RAWPCI_PLAIN_LOAD(uint8_t, (uint8_t));
	case 2:
		RAWPCI_PLAIN_LOAD(uint16_t, le16toh);
	case 8:
		if (RAWPCI_SPLITS_WIDE)
			return RAWPCI_NOT_PLAIN;
		RAWPCI_PLAIN_LOAD(uint64_t, le64toh);
	default:
		return RAWPCI_NOT_PLAIN;
	}
}

#define RAWPCI_PLAIN_STORE(type, convert)                                                          \
	do {                                                                                       \
		if (address % sizeof(type) != 0)                                                   \
			return RAWPCI_NOT_PLAIN;                                                   \
		*(volatile type *)address = convert((type)value);                                  \
		return RAWPCI_DONE;                                                                \
	} while (0)

static inline enum rawpci_progress rawpci_plain_store(uintptr_t address, unsigned width,
						      uint64_t value)
{
	if (RAWPCI_LIKELY(width == 4))
		RAWPCI_PLAIN_STORE(uint32_t, htole32);
	switch (width) {
	case 1:
		RAWPCI_PLAIN_STORE(uint8_t, (uint8_t));
	case 2:
		RAWPCI_PLAIN_STORE(uint16_t, htole16);
	case 8:
		if (RAWPCI_SPLITS_WIDE)
			return RAWPCI_NOT_PLAIN;
		RAWPCI_PLAIN_STORE(uint64_t, htole64);
	default:
		return RAWPCI_NOT_PLAIN;
	}
}

/* Inside the memory gate: may the address be loaded from and stored to now? */
static inline bool rawpci_is_mapped(const struct rawpci_device *dev, uintptr_t address)
{
	const struct rawpci_map_table *table = atomic_load(&dev->mappings);
	const unsigned needed = RAWPCI_ACCESS_FOR_MEMORY;

	if ((atomic_load(&dev->reach.access) & needed) != needed)
		return false;
	/* There is always a first span. Without a mapping it has no bytes. */
	if (RAWPCI_LIKELY(address - table->spans[0].first < table->spans[0].size))
		return true;
	for (unsigned i = 1; i < table->span_count; i++)
		if (address - table->spans[i].first < table->spans[i].size)
			return true;
	return false;
}

static inline __attribute__((always_inline)) enum rawpci_progress
rawpci_short_read(struct rawpci_target t, uintptr_t address, unsigned width, uint64_t *value)
{
	enum rawpci_progress progress = RAWPCI_NOT_PLAIN;
	atomic_uint *counter;

	if (!t.slot)
		return RAWPCI_NOT_PLAIN;
	counter = rawpci_gate_enter(&t.slot->memory);
	if (RAWPCI_LIKELY(rawpci_target_is_open(&t) && rawpci_is_mapped(t.slot->dev, address)))
		progress = rawpci_plain_load(address, width, value);
	rawpci_gate_leave(counter);
	return progress;
}

static inline __attribute__((always_inline)) enum rawpci_progress
rawpci_short_write(struct rawpci_target t, uintptr_t address, unsigned width, uint64_t value)
{
	enum rawpci_progress progress = RAWPCI_NOT_PLAIN;
	atomic_uint *counter;

	if (!t.slot)
		return RAWPCI_NOT_PLAIN;
	counter = rawpci_gate_enter(&t.slot->memory);
	/* Mapping a region has marked the device as touched. */
	if (RAWPCI_LIKELY(rawpci_target_is_open(&t) && rawpci_is_mapped(t.slot->dev, address)))
		progress = rawpci_plain_store(address, width, value);
	rawpci_gate_leave(counter);
	return progress;
}

#endif
