/* SPDX-License-Identifier: MIT */
#include "harness.h"
#include "vfio/operations.h"

#define PAGE 0x1000u

static struct rawpci_region_info info;

static void setup(void)
{
	info = (struct rawpci_region_info){ .present = true, .size = 0x100000 };
}

static void add(uint64_t offset, uint64_t size)
{
	rawpci_vfio_area_add(&info, PAGE, offset, size);
}

static void cut(uint64_t offset, uint64_t size)
{
	rawpci_vfio_area_cut(&info, PAGE, offset, size);
}

static void check(unsigned i, uint64_t first, uint64_t end)
{
	ck_assert_uint_lt(i, info.area_count);
	ck_assert_uint_eq(info.areas[i].offset, first);
	ck_assert_uint_eq(info.areas[i].offset + info.areas[i].size, end);
}

START_TEST(whole_pages_only)
{
	add(0x800, 0x1000); /* no whole page */
	add(0x2000, 0xfff);
	ck_assert_uint_eq(info.area_count, 0);
	add(0x3001, 0x2fff);
	ck_assert_uint_eq(info.area_count, 1);
	check(0, 0x4000, 0x6000);
}
END_TEST

START_TEST(inside_region)
{
	add(0xff000, UINT64_MAX);
	add(0x100000, PAGE);
	add(UINT64_MAX, PAGE);
	add(UINT64_MAX - PAGE, UINT64_MAX);
	add(0, 0);
	ck_assert_uint_eq(info.area_count, 1);
	check(0, 0xff000, 0x100000);
}
END_TEST

START_TEST(below_a_page)
{
	info.size = 0x100;
	add(0, 0x100);
	ck_assert_uint_eq(info.area_count, 0);
}
END_TEST

START_TEST(sorted_and_joined)
{
	add(0x8000, 0x1000);
	add(0x2000, 0x1000);
	add(0x5000, 0x1000);
	ck_assert_uint_eq(info.area_count, 3);
	check(0, 0x2000, 0x3000);
	check(1, 0x5000, 0x6000);
	check(2, 0x8000, 0x9000);
	add(0x2800, 0x2000); /* continues the first */
	ck_assert_uint_eq(info.area_count, 3);
	check(0, 0x2000, 0x4000);
	add(0x4000, 0x1000); /* joins the first two */
	ck_assert_uint_eq(info.area_count, 2);
	check(0, 0x2000, 0x6000);
	check(1, 0x8000, 0x9000);
	add(0x4000, 0x1000); /* there already */
	ck_assert_uint_eq(info.area_count, 2);
	add(0, 0x100000);
	ck_assert_uint_eq(info.area_count, 1);
	check(0, 0, 0x100000);
}
END_TEST

START_TEST(too_many)
{
	unsigned i;

	for (i = 0; i < RAWPCI_REGION_AREAS + 2; i++)
		add(0x2000 * (i + 1), 0x1000);
	ck_assert_uint_eq(info.area_count, RAWPCI_REGION_AREAS);
	check(0, 0x2000, 0x3000);
	check(RAWPCI_REGION_AREAS - 1, 0x10000, 0x11000);
	add(0, 0x1000);
	ck_assert_uint_eq(info.area_count, RAWPCI_REGION_AREAS);
	check(0, 0, 0x1000);
	check(RAWPCI_REGION_AREAS - 1, 0xe000, 0xf000);
}
END_TEST

START_TEST(cuts)
{
	add(0, 0x100000);
	cut(0x3010, 0x20);
	ck_assert_uint_eq(info.area_count, 2);
	check(0, 0, 0x3000);
	check(1, 0x4000, 0x100000);
	cut(0x2fff, 0x1002); /* one byte of the page before, one of the page behind */
	ck_assert_uint_eq(info.area_count, 2);
	check(0, 0, 0x2000);
	check(1, 0x5000, 0x100000);
	cut(0, 1);
	check(0, 0x1000, 0x2000);
	cut(0xff800, UINT64_MAX);
	check(1, 0x5000, 0xff000);
	cut(0x100000, 0x1000);
	cut(0x8000, 0);
	ck_assert_uint_eq(info.area_count, 2);
	cut(0, 0x100000);
	ck_assert_uint_eq(info.area_count, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-areas");
	TCase *tests = tcase_create("areas");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, whole_pages_only);
	tcase_add_test(tests, inside_region);
	tcase_add_test(tests, below_a_page);
	tcase_add_test(tests, sorted_and_joined);
	tcase_add_test(tests, too_many);
	tcase_add_test(tests, cuts);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
