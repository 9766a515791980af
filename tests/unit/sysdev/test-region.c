/* SPDX-License-Identifier: MIT */
/* Regions through the files of sysfs: what they say, trapped accesses, mappings. */
#include "touch.h"
#include "unit/sysdev/plain.h"

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	make_context("sysfs");
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
}

static void tear_down(void)
{
	close_device();
	finish();
}

static struct rawpci_region_info info_of(unsigned region)
{
	struct rawpci_region_info info;

	ck_assert_int_eq(rawpci_region_info(dev, region, sizeof(info), &info), 0);
	return info;
}

static uint64_t reg_read(unsigned region, uint64_t offset, unsigned width)
{
	uint64_t value = 0;
	int r = rawpci_region_read(dev, region, offset, width, &value);

	ck_assert_msg(r == 0, "region %u at %#llx: %d: %s", region, (unsigned long long)offset, r,
		      rawpci_last_error());
	return value;
}

START_TEST(describes_regions)
{
	struct rawpci_region_info info = info_of(0);

	ck_assert(info.present && info.address == 0x100000000 && info.size == 0x4000);
	ck_assert_uint_eq(info.flags, RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH);
	ck_assert(info.area_count == 1 && info.areas[0].offset == 0 &&
		  info.areas[0].size == 0x4000);
	ck_assert(!info_of(1).present);
	info = info_of(2);
	ck_assert(info.present && info.address == 0xc000 && info.size == 0x20);
	ck_assert(info.flags == RAWPCI_REGION_IO && info.area_count == 0);
	info = info_of(3);
	ck_assert(info.present && info.size == 0x100 && info.flags == 0 && info.area_count == 0);
	info = info_of(6);
	ck_assert(info.present && info.size == 0x10000 && info.flags == 0 && info.area_count == 0);
}
END_TEST

START_TEST(ports_by_width)
{
	ck_assert_uint_eq(reg_read(2, 1, 1), 0x01);
	ck_assert_uint_eq(reg_read(2, 2, 2), 0x0302);
	ck_assert_uint_eq(reg_read(2, 4, 4), 0x07060504);
	ck_assert_int_eq(rawpci_region_write(dev, 2, 8, 2, 0xbeef), 0);
	ck_assert_uint_eq(really(DEVICE "resource2", 8, 4), 0x0b0abeef);
	ck_assert_int_eq(truncate(tree_path(&tree, (char[512]){ 0 }, DEVICE "resource2"), 8), 0);
	ck_assert_int_eq(rawpci_region_read(dev, 2, 8, 1, &(uint64_t){ 0 }), -EIO);
}
END_TEST

/* The BAR begins 0x100 bytes into its page. */
START_TEST(small_bar_is_trapped)
{
	struct rawpci_mapping map;
	uint64_t value;

	ck_assert_uint_eq(reg_read(3, 0, 4), 0x02030001);
	ck_assert_uint_eq(reg_read(3, 0xf8, 8), 0xfefffcfdfafbf8f9);
	ck_assert_int_eq(rawpci_region_write(dev, 3, 2, 1, 0x77), 0);
	ck_assert_uint_eq(really(DEVICE "resource3", 0x100, 4), 0x02770001);
	ck_assert_int_eq(rawpci_region_map(dev, 3, 0, 0x100, &map), 0);
	ck_assert_ptr_null(map.cpu);
	ck_assert_int_eq(rawpci_mmio_read(dev, (char *)map.base + 2, 2, &value), 0);
	ck_assert_uint_eq(value, 0x0277);
}
END_TEST

START_TEST(large_bar_is_mapped)
{
	struct rawpci_mapping map;

	ck_assert_int_eq(rawpci_region_map(dev, 0, 0x1000, 0x2000, &map), 0);
	ck_assert_ptr_eq(map.cpu, map.base);
	ck_assert_uint_eq(*((volatile unsigned char *)map.cpu + 1), 0x11);
	ck_assert_uint_eq(reg_read(0, 0x1001, 1), 0x11);
	ck_assert_int_eq(rawpci_mmio_write(dev, (char *)map.base + 4, 4, 0xcafe), 0);
	ck_assert_uint_eq(really(DEVICE "resource0", 0x1004, 4), 0xcafe);
	ck_assert_int_eq(rawpci_region_unmap(dev, map.base), 0);
}
END_TEST

START_TEST(write_combining)
{
	struct rawpci_mapping map = { 0 };
	unsigned char zeros[0x4000] = { 0 };

	ck_assert_int_eq(rawpci_region_map_wc(dev, 3, 0, 0x100, &map), -EOPNOTSUPP);
	put_bytes(DEVICE "resource0_wc", zeros, sizeof(zeros), 0);
	ck_assert_int_eq(rawpci_region_map_wc(dev, 0, 0, 0x4000, &map), 0);
	ck_assert_ptr_nonnull(map.cpu);
	*((volatile unsigned char *)map.cpu + 3) = 0x42;
	ck_assert_uint_eq(really(DEVICE "resource0_wc", 3, 1), 0x42);
	ck_assert_uint_eq(really(DEVICE "resource0", 3, 1), 3);
}
END_TEST

/* Only the library keeps mappings of these files from a device that does not answer. */
START_TEST(direct_only_while_it_answers)
{
	static const struct {
		uint32_t at, off, on;
	} ways[] = { { 0x04, 0x0000, 0x0002 }, { PM + 4, 0x0003, 0x0000 } };
	unsigned char zeros[0x4000] = { 0 };
	struct rawpci_mapping map, wc;
	uint32_t value = 0;

	put_bytes(DEVICE "resource0_wc", zeros, sizeof(zeros), 0);
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0x1000, 0x2000, &map), 0);
	ck_assert_int_eq(rawpci_region_map_wc(dev, 0, 0, 0x4000, &wc), 0);
	for (int i = 0; i < 2; i++) {
		cfg_write(ways[i].at, 2, ways[i].off);
		ck_assert_int_eq(touch(map.cpu, &value), SIGBUS);
		ck_assert_int_eq(touch((char *)map.cpu + 0x1ffc, &value), SIGBUS);
		ck_assert_int_eq(touch(wc.cpu, &value), SIGBUS);
		cfg_write(ways[i].at, 2, ways[i].on);
		ck_assert_int_eq(touch(map.cpu, &value), 0);
		ck_assert_uint_eq(value, 0x13121110);
		ck_assert_int_eq(touch(wc.cpu, &value), 0);
		ck_assert_uint_eq(value, 0);
	}
	/* Each mapping is made again by the operation that it was mapped with. */
	*((volatile unsigned char *)wc.cpu + 3) = 0x42;
	ck_assert_uint_eq(really(DEVICE "resource0_wc", 3, 1), 0x42);
}
END_TEST

START_TEST(write_combining_missing)
{
	struct rawpci_mapping map = { 0 };

	ck_assert_int_eq(rawpci_region_map_wc(dev, 0, 0, 0x4000, &map), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "resource0_wc"));
	ck_assert_ptr_null(map.base);
}
END_TEST

/* The first byte of the file is the one that was written last. */
START_TEST(rom_is_enabled_while_read)
{
	ck_assert_uint_eq(reg_read(6, 0, 2), '1' | 0x0100);
	ck_assert_uint_eq(really(DEVICE "rom", 0, 1), '0');
	ck_assert_uint_eq(reg_read(6, 4, 4), 0x07060504);
	ck_assert_uint_eq(reg_read(6, 0x800, 4), UINT32_MAX);
	ck_assert_int_eq(rawpci_region_write(dev, 6, 0, 4, 0), -EOPNOTSUPP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-region");
	TCase *tcase = tcase_create("sysdev-region");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, describes_regions);
	tcase_add_test(tcase, ports_by_width);
	tcase_add_test(tcase, small_bar_is_trapped);
	tcase_add_test(tcase, large_bar_is_mapped);
	tcase_add_test(tcase, write_combining);
	tcase_add_test(tcase, direct_only_while_it_answers);
	tcase_add_test(tcase, write_combining_missing);
	tcase_add_test(tcase, rom_is_enabled_while_read);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
