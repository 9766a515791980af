/* SPDX-License-Identifier: MIT */
/*
 * Bus addresses, as firmware gives them to devices. They only identify regions. They are aligned,
 * and different for all devices of an instance.
 */
#include "fake/internal.h"

#include <errno.h>

struct window {
	uint64_t first, last;
};

static const struct window windows[RAWPCI_FAKE_WINDOWS] = {
	/* Ends below the I/O APIC. The search starts at 0xe0000000; the part below is a reserve. */
	[RAWPCI_FAKE_WINDOW_32] = { 0x80000000, 0xfebfffff },
	[RAWPCI_FAKE_WINDOW_64] = { 0x380000000000, 0x3fffffffffff },
	[RAWPCI_FAKE_WINDOW_IO] = { 0xc000, 0xffff },
};

static enum rawpci_fake_window window_of(uint32_t flags)
{
	if (flags & RAWPCI_REGION_IO)
		return RAWPCI_FAKE_WINDOW_IO;
	return flags & RAWPCI_REGION_64BIT ? RAWPCI_FAKE_WINDOW_64 : RAWPCI_FAKE_WINDOW_32;
}

/* The end of a region in that window that overlaps [address, address + size), or 0. */
static uint64_t in_the_way_of(const struct rawpci_fake *fake, enum rawpci_fake_window window,
			      uint64_t address, uint64_t size)
{
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		const struct rawpci_fake_region *region = &fake->regions[i];

		if (region->address != 0 && window_of(region->flags) == window &&
		    address < region->address + region->size && region->address < address + size)
			return region->address + region->size;
	}
	return 0;
}

static uint64_t conflict(const struct rawpci_fake *fake, enum rawpci_fake_window window,
			 uint64_t address, uint64_t size)
{
	uint64_t end = in_the_way_of(fake, window, address, size);

	for (const struct rawpci_fake *other = fake->instance->devices; other && end == 0;
	     other = other->next)
		if (other->open || !atomic_load(&other->gone))
			end = in_the_way_of(other, window, address, size);
	return end;
}

/* Searches from the end of the last search to the end of the window, then from its start. */
static int place(struct rawpci_fake *fake, struct rawpci_fake_region *region)
{
	enum rawpci_fake_window kind = window_of(region->flags);
	const struct window *window = &windows[kind];
	uint64_t *next = &fake->instance->next_address[kind];
	uint64_t at = *next, size = region->size, end;
	bool again = false;

	for (;;) {
		at = (at + size - 1) & ~(size - 1);
		if (at < window->first || at > window->last || window->last - at < size - 1) {
			if (again || size > window->last)
				return rawpci_backend_fail(
					fake->instance->ctx, -ENOSPC,
					"fake: %s: no bus addresses are left for %llu bytes",
					fake->name, (unsigned long long)size);
			again = true;
			at = window->first;
			continue;
		}
		end = conflict(fake, kind, at, size);
		if (end == 0)
			break;
		at = end;
	}
	region->address = at;
	*next = at + size;
	return 0;
}

int rawpci_fake_bus_place(struct rawpci_fake *fake)
{
	int r = 0;

	for (unsigned i = 0; i < RAWPCI_REGIONS && r == 0; i++)
		if (fake->regions[i].size > 0)
			r = place(fake, &fake->regions[i]);
	return r;
}
