/* SPDX-License-Identifier: MIT */
/*
 * Regions: memory files that can be mapped, and accesses that go to a device's model. Mapped and
 * trapped accesses of a region that can be mapped act on the same bytes.
 */
#include "fake/internal.h"

#include <errno.h>
#include <string.h>

#include "os/sys.h"
#include "pci/pci.h"

static uint64_t whole_pages(uint64_t size)
{
	uint64_t page = rawpci_sys_page_size();

	return (size + page - 1) & ~(page - 1);
}

/* Requires the device's lock. */
static int create_memory(struct rawpci_fake *fake, unsigned index)
{
	struct rawpci_fake_region *region = &fake->regions[index];
	uint64_t size = whole_pages(region->size);
	char text[80];
	void *bytes;
	int fd, r;

	fd = r = rawpci_sys_memfd("rawpci-fake", size);
	if (fd < 0)
		goto fail;
	r = rawpci_sys_reserve(size, rawpci_sys_page_size(), &bytes);
	if (r < 0)
		goto undo_fd;
	r = rawpci_sys_map(bytes, size, fd, 0, true);
	if (r < 0)
		goto undo_reserve;
	region->fd = fd;
	atomic_store(&region->bytes, bytes);
	return 0;

undo_reserve:
	rawpci_sys_unmap(bytes, size);
undo_fd:
	rawpci_sys_close(&fd);
fail:
	return rawpci_backend_fail(fake->instance->ctx, r, "%s: region %u cannot be made: %s",
				   fake->name, index, rawpci_sys_error_text(r, text, sizeof(text)));
}

int rawpci_fake_region_bytes(struct rawpci_fake *fake, unsigned region, unsigned char **bytes)
{
	unsigned char *there = atomic_load(&fake->regions[region].bytes);
	int r = 0;

	if (!there) {
		(void)rawpci_fake_lock(fake);
		if (!atomic_load(&fake->regions[region].bytes))
			r = create_memory(fake, region);
		there = atomic_load(&fake->regions[region].bytes);
		rawpci_fake_unlock(fake);
	}
	if (r < 0)
		return r;
	*bytes = there;
	return 0;
}

void rawpci_fake_regions_free(struct rawpci_fake *fake)
{
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		struct rawpci_fake_region *region = &fake->regions[i];

		rawpci_sys_unmap(atomic_load(&region->bytes), region->size);
		rawpci_sys_close(&region->fd);
	}
}

void rawpci_fake_regions_vanish(struct rawpci_fake *fake)
{
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		struct rawpci_fake_region *region = &fake->regions[i];
		unsigned char *bytes = atomic_load(&region->bytes);

		/* Dword by dword, because other threads may read. Sizes are multiples of 4. */
		for (uint64_t at = 0; bytes && at < region->size; at += 4)
			__atomic_store_n((uint32_t *)(void *)(bytes + at), 0xffffffffu,
					 __ATOMIC_RELAXED);
	}
}

/* All whole pages can be mapped, except the ROM, as with VFIO, and the pages of the MSI-X table,
 * which is at the start. */
static void find_area(const struct rawpci_fake *fake, unsigned index,
		      struct rawpci_region_info *info)
{
	uint64_t page = rawpci_sys_page_size();
	uint64_t first = 0;

	if (index == RAWPCI_REGION_ROM || fake->regions[index].trapped ||
	    (info->flags & RAWPCI_REGION_IO) || info->size < page)
		return;
	if (fake->is.msix > 0 && fake->is.msix_bar == index)
		first = whole_pages((uint64_t)fake->is.msix * RAWPCI_MSIX_ENTRY);
	if (first >= info->size)
		return;
	info->area_count = 1;
	info->areas[0].offset = first;
	info->areas[0].size = info->size - first;
}

int rawpci_fake_region_info(void *device, unsigned region, struct rawpci_region_info *info)
{
	struct rawpci_fake *fake = device;
	const struct rawpci_fake_region *from = &fake->regions[region];
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_REGION_INFO);

	if (r < 0)
		return r;
	memset(info, 0, sizeof(*info));
	if (from->size == 0)
		return 0;
	info->present = true;
	info->flags = from->flags;
	info->address = from->address;
	info->size = from->size;
	find_area(fake, region, info);
	return 0;
}

int rawpci_fake_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			   void *where)
{
	struct rawpci_fake *fake = device;
	unsigned char *bytes;
	char text[80];
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_REGION_MAP);

	if (r < 0)
		return r;
	r = rawpci_fake_region_bytes(fake, region, &bytes);
	if (r < 0)
		return r;
	if (rawpci_fake_lock(fake))
		r = rawpci_sys_map(where, size, fake->regions[region].fd, offset, true);
	else
		r = -EIO;
	rawpci_fake_unlock(fake);
	if (r < 0)
		return rawpci_backend_fail(fake->instance->ctx, r,
					   "%s: region %u cannot be mapped: %s", fake->name, region,
					   r == -EIO
						   ? "it is unplugged"
						   : rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

/* An aligned access is one access. Accesses to ports need not be aligned. */
static uint64_t load(const unsigned char *at, unsigned width)
{
	const void *any = at;
	uint64_t value = 0;

	if ((uintptr_t)at % width == 0) {
		switch (width) {
		case 2:
			return __atomic_load_n((const uint16_t *)any, __ATOMIC_RELAXED);
		case 4:
			return __atomic_load_n((const uint32_t *)any, __ATOMIC_RELAXED);
		case 8:
			return __atomic_load_n((const uint64_t *)any, __ATOMIC_RELAXED);
		}
	}
	for (unsigned i = 0; i < width; i++)
		value |= (uint64_t)__atomic_load_n(at + i, __ATOMIC_RELAXED) << (8 * i);
	return value;
}

static void store(unsigned char *at, unsigned width, uint64_t value)
{
	void *any = at;

	if ((uintptr_t)at % width == 0) {
		switch (width) {
		case 2:
			__atomic_store_n((uint16_t *)any, (uint16_t)value, __ATOMIC_RELAXED);
			return;
		case 4:
			__atomic_store_n((uint32_t *)any, (uint32_t)value, __ATOMIC_RELAXED);
			return;
		case 8:
			__atomic_store_n((uint64_t *)any, value, __ATOMIC_RELAXED);
			return;
		}
	}
	for (unsigned i = 0; i < width; i++)
		__atomic_store_n(at + i, (unsigned char)(value >> (8 * i)), __ATOMIC_RELAXED);
}

int rawpci_fake_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t *value)
{
	struct rawpci_fake *fake = device;
	uint64_t mask = UINT64_MAX >> (64 - 8 * width);
	unsigned char *bytes;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_REGION_READ);

	if (r < 0)
		return r;
	if (atomic_load(&fake->gone)) {
		*value = mask;
		return 0;
	}
	if (fake->regions[region].trapped && fake->model.read) {
		*value = mask & fake->model.read(fake->is.opaque, fake, region, offset, width);
		return 0;
	}
	r = rawpci_fake_region_bytes(fake, region, &bytes);
	if (r == 0)
		*value = load(bytes + offset, width);
	return r;
}

int rawpci_fake_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value)
{
	struct rawpci_fake *fake = device;
	uint64_t mask = UINT64_MAX >> (64 - 8 * width);
	unsigned char *bytes;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_REGION_WRITE);

	if (r < 0)
		return r;
	if (atomic_load(&fake->gone) || region == RAWPCI_REGION_ROM)
		return 0;
	if (fake->regions[region].trapped && fake->model.write) {
		fake->model.write(fake->is.opaque, fake, region, offset, width, value & mask);
		return 0;
	}
	r = rawpci_fake_region_bytes(fake, region, &bytes);
	if (r == 0)
		store(bytes + offset, width, value);
	return r;
}
