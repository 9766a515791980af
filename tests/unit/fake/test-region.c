/* SPDX-License-Identifier: MIT */
/* Regions of a fake device: mappings, trapped accesses, models. */
#include "fixture.h"

#include <string.h>

START_TEST(regions_are_described)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	uint64_t page = rawpci_sys_page_size();
	struct rawpci_region_info info;

	/* The table of 64 vectors is in the first page. */
	ck_assert_int_eq(ops->region_info(device, 0, &info), 0);
	ck_assert(info.present);
	ck_assert_uint_eq(info.size, 0x4000);
	ck_assert_uint_eq(info.area_count, 1);
	ck_assert_uint_eq(info.areas[0].offset, page);
	ck_assert_uint_eq(info.areas[0].size, 0x4000 - page);
	ck_assert_int_eq(ops->region_info(device, 1, &info), 0);
	ck_assert_uint_eq(info.flags, RAWPCI_REGION_IO);
	ck_assert_uint_eq(info.area_count, 0);
	ck_assert_int_eq(ops->region_info(device, 2, &info), 0);
	ck_assert_uint_eq(info.flags, RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH);
	ck_assert_uint_eq(info.area_count, 1);
	ck_assert_uint_eq(info.areas[0].size, 0x10000);
	ck_assert_int_eq(ops->region_info(device, 3, &info), 0);
	ck_assert(!info.present);
	ck_assert_uint_eq(info.size, 0);
	/* A region below a page in size cannot be mapped. */
	ck_assert_int_eq(ops->region_info(device, 4, &info), 0);
	ck_assert(info.present);
	ck_assert_uint_eq(info.area_count, 0);
	ck_assert_int_eq(ops->region_info(device, RAWPCI_REGION_ROM, &info), 0);
	ck_assert_uint_eq(info.size, 0x800);
	ck_assert_uint_eq(info.area_count, 0);
}
END_TEST

START_TEST(mapping_and_trapping_share_bytes)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	uint64_t page = rawpci_sys_page_size();
	unsigned char *bytes = rawpci_fake_bytes(device, 2);
	void *where;
	uint64_t value;

	ck_assert_ptr_nonnull(bytes);
	ck_assert_int_eq(rawpci_sys_reserve(page, page, &where), 0);
	ck_assert_int_eq(ops->region_map(device, 2, page, page, where), 0);
	reg_write(device, 2, page + 8, 8, 0x1122334455667788);
	memcpy(&value, (unsigned char *)where + 8, 8);
	ck_assert_uint_eq(value, 0x1122334455667788);
	memcpy(&value, bytes + page + 8, 8);
	ck_assert_uint_eq(value, 0x1122334455667788);
	memset(where, 0x5a, 16);
	ck_assert_uint_eq(reg_read(device, 2, page, 4), 0x5a5a5a5a);
	ck_assert_uint_eq(reg_read(device, 2, 0, 4), 0);
	rawpci_sys_unmap(where, page);
}
END_TEST

START_TEST(widths_are_exact)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	unsigned char *bytes = rawpci_fake_bytes(device, 4);

	memset(bytes, 0xee, 16);
	reg_write(device, 4, 1, 1, 0xffffff11);
	reg_write(device, 4, 4, 2, 0xffff2233);
	reg_write(device, 4, 8, 4, 0xffffffff44556677);
	ck_assert_mem_eq(bytes, "\xee\x11\xee\xee\x33\x22\xee\xee\x77\x66\x55\x44\xee\xee\xee\xee",
			 16);
	ck_assert_uint_eq(reg_read(device, 4, 0, 1), 0xee);
	ck_assert_uint_eq(reg_read(device, 4, 0, 2), 0x11ee);
	ck_assert_uint_eq(reg_read(device, 4, 4, 4), 0xeeee2233);
	ck_assert_uint_eq(reg_read(device, 4, 8, 8), 0xeeeeeeee44556677);
}
END_TEST

START_TEST(ports_need_not_align)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);

	reg_write(device, 1, 3, 4, 0xa1b2c3d4);
	ck_assert_uint_eq(reg_read(device, 1, 3, 4), 0xa1b2c3d4);
	ck_assert_uint_eq(reg_read(device, 1, 5, 2), 0xa1b2);
}
END_TEST

START_TEST(rom_is_read_only)
{
	struct rawpci_fake_config config = full_config();
	struct rawpci_region_info info;
	unsigned char *bytes;
	void *device;

	config.rom_size = 0x10000;
	device = open_config(&config, NULL);
	ck_assert_int_eq(ops->region_info(device, RAWPCI_REGION_ROM, &info), 0);
	ck_assert_uint_eq(info.size, 0x10000);
	ck_assert_uint_eq(info.area_count, 0);
	bytes = rawpci_fake_bytes(device, RAWPCI_REGION_ROM);
	ck_assert_ptr_nonnull(bytes);
	bytes[0] = 0x55;
	bytes[1] = 0xaa;
	reg_write(device, RAWPCI_REGION_ROM, 0, 4, 0);
	ck_assert_uint_eq(reg_read(device, RAWPCI_REGION_ROM, 0, 2), 0xaa55);
}
END_TEST

/* The arguments of the last call of a model. */
struct seen {
	unsigned reads, writes, region, width;
	uint64_t offset, value;
	struct rawpci_fake *fake;
};

static uint64_t model_read(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			   unsigned width)
{
	struct seen *seen = opaque;

	seen->reads++;
	seen->fake = fake;
	seen->region = region;
	seen->offset = offset;
	seen->width = width;
	return 0xfedcba9876543210;
}

static void model_write(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			unsigned width, uint64_t value)
{
	struct seen *seen = opaque;

	seen->writes++;
	seen->fake = fake;
	seen->region = region;
	seen->offset = offset;
	seen->width = width;
	seen->value = value;
}

START_TEST(one_access_is_one_call)
{
	const struct rawpci_fake_model model = { .read = model_read, .write = model_write };
	struct seen seen = { 0 };
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.model = &model,
		.opaque = &seen,
		.bars = { [3] = { .size = 0x2000, .trapped = true } },
	};
	void *device = open_config(&config, NULL);
	struct rawpci_region_info info;
	struct rawpci_backend_info about;

	ck_assert_int_eq(ops->info(device, &about), 0);
	ck_assert(about.wide_access);
	ck_assert_int_eq(ops->region_info(device, 3, &info), 0);
	ck_assert_uint_eq(info.area_count, 0);
	ck_assert_ptr_null(rawpci_fake_bytes(device, 3));
	for (unsigned width = 1, n = 1; width <= 8; width *= 2, n++) {
		uint64_t mask = UINT64_MAX >> (64 - 8 * width);

		ck_assert_uint_eq(reg_read(device, 3, 0x18, width), 0xfedcba9876543210 & mask);
		ck_assert_uint_eq(seen.reads, n);
		ck_assert_uint_eq(seen.width, width);
		reg_write(device, 3, 0x1ff8, width, UINT64_MAX);
		ck_assert_uint_eq(seen.writes, n);
		ck_assert_uint_eq(seen.width, width);
		ck_assert_uint_eq(seen.value, mask);
	}
	ck_assert_uint_eq(seen.region, 3);
	ck_assert_uint_eq(seen.offset, 0x1ff8);
	ck_assert_ptr_eq(seen.fake, device);
}
END_TEST

START_TEST(without_hooks_trapped_is_memory)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.bars = { { .size = 0x2000, .trapped = true } },
	};
	void *device = open_config(&config, NULL);

	reg_write(device, 0, 0x1000, 8, 0x0102030405060708);
	ck_assert_uint_eq(reg_read(device, 0, 0x1004, 2), 0x0304);
	ck_assert_ptr_null(rawpci_fake_bytes(device, 0));
}
END_TEST

START_TEST(whole_table_bar_is_trapped)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.msix = 16,
		.msix_bar = 1,
		.bars = { [1] = { .size = rawpci_sys_page_size() } },
	};
	void *device = open_config(&config, NULL);
	struct rawpci_region_info info;

	ck_assert_int_eq(ops->region_info(device, 1, &info), 0);
	ck_assert_uint_eq(info.area_count, 0);
	reg_write(device, 1, 8, 4, 77);
	ck_assert_uint_eq(reg_read(device, 1, 8, 4), 77);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		regions_are_described,
		mapping_and_trapping_share_bytes,
		widths_are_exact,
		ports_need_not_align,
		rom_is_read_only,
		one_access_is_one_call,
		without_hooks_trapped_is_memory,
		whole_table_bar_is_trapped,
	};

	return harness_run(SUITE_OF("fake-region", tests));
}
