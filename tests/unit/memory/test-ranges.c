/* SPDX-License-Identifier: MIT */
/* Sets of ranges: each operation, against an array, and its number of comparisons. */
#include <errno.h>
#include <stdlib.h>

#include "memory/ranges.h"
#include "harness.h"
#include "search-seam.h"

#define PAGE UINT64_C(0x1000)
#define HOST ((uintptr_t)0x7f0000000000)

static struct rawpci_range *add(struct rawpci_ranges *set, rawpci_iova_t iova, uint64_t size)
{
	struct rawpci_range *range = rawpci_ranges_add(set, rawpci_ranges_find(set, iova), iova,
						       HOST + (uintptr_t)iova, size);

	ck_assert_ptr_nonnull(range);
	return range;
}

/* Order, links and sums are right. */
static void check_sound(const struct rawpci_ranges *set)
{
	const struct rawpci_range *range, *prev = NULL;
	uint64_t count = 0, bytes = 0;

	for (range = set->first; range; prev = range, range = range->next) {
		ck_assert_ptr_eq(range->prev, prev);
		ck_assert_uint_gt(range->size, 0);
		if (prev)
			ck_assert_uint_lt(rawpci_range_last(prev), range->iova);
		ck_assert_ptr_eq(rawpci_ranges_find(set, range->iova), range);
		count++;
		bytes += range->size;
	}
	ck_assert_ptr_eq(set->last, prev);
	ck_assert_uint_eq(set->count, count);
	ck_assert_uint_eq(set->bytes, bytes);
}

START_TEST(find_gives_the_range_or_the_next)
{
	struct rawpci_ranges set = { 0 };
	struct rawpci_range *low, *high;

	ck_assert_ptr_null(rawpci_ranges_find(&set, 0));
	high = add(&set, 8 * PAGE, 2 * PAGE);
	low = add(&set, 2 * PAGE, PAGE);
	ck_assert_ptr_eq(rawpci_ranges_find(&set, 0), low);
	ck_assert_ptr_eq(rawpci_ranges_find(&set, 3 * PAGE - 1), low);
	ck_assert_ptr_eq(rawpci_ranges_find(&set, 3 * PAGE), high);
	ck_assert_ptr_eq(rawpci_ranges_find(&set, 10 * PAGE - 1), high);
	ck_assert_ptr_null(rawpci_ranges_find(&set, 10 * PAGE));
	check_sound(&set);
	rawpci_ranges_clear(&set);
	ck_assert_ptr_null(set.first);
	ck_assert_uint_eq(set.count + set.bytes, 0);
}
END_TEST

START_TEST(split_and_join)
{
	struct rawpci_ranges set = { 0 };
	struct rawpci_range *range, *upper;
	int r = 1;

	range = add(&set, 4 * PAGE, 8 * PAGE);
	ck_assert_ptr_null(rawpci_ranges_split(&set, 4 * PAGE, &r));
	ck_assert_int_eq(r, 0);
	ck_assert_ptr_null(rawpci_ranges_split(&set, 12 * PAGE, &r));
	ck_assert_ptr_null(rawpci_ranges_split(&set, PAGE, &r));
	ck_assert_uint_eq(set.count, 1);
	upper = rawpci_ranges_split(&set, 5 * PAGE, &r);
	ck_assert_ptr_nonnull(upper);
	ck_assert_uint_eq(range->size, PAGE);
	ck_assert_uint_eq(upper->size, 7 * PAGE);
	ck_assert_uint_eq(upper->host, HOST + 5 * PAGE);
	check_sound(&set);
	rawpci_ranges_join(&set, range);
	ck_assert_uint_eq(set.count, 1);
	ck_assert_uint_eq(range->size, 8 * PAGE);
	check_sound(&set);
	rawpci_ranges_clear(&set);
}
END_TEST

START_TEST(resize_moves_the_host_side_along)
{
	struct rawpci_ranges set = { 0 };
	struct rawpci_range *range = add(&set, 4 * PAGE, PAGE);

	rawpci_ranges_resize(&set, range, 2 * PAGE, 6 * PAGE);
	ck_assert_uint_eq(range->host, HOST + 2 * PAGE);
	ck_assert_uint_eq(set.bytes, 6 * PAGE);
	ck_assert(rawpci_range_alike(range, 7 * PAGE, HOST + 7 * PAGE));
	ck_assert(!rawpci_range_alike(range, 7 * PAGE, HOST + 6 * PAGE));
	rawpci_ranges_clear(&set);
}
END_TEST

START_TEST(lack_of_memory_changes_nothing)
{
	struct rawpci_ranges set = { 0 };
	struct rawpci_range *range = add(&set, 0, 4 * PAGE);
	int r = 0;

	seam_arm(1);
	ck_assert_ptr_null(rawpci_ranges_add(&set, NULL, 8 * PAGE, HOST, PAGE));
	seam_arm(1);
	ck_assert_ptr_null(rawpci_ranges_split(&set, PAGE, &r));
	ck_assert_int_eq(r, -ENOMEM);
	seam_arm(0);
	ck_assert_uint_eq(range->size, 4 * PAGE);
	check_sound(&set);
	rawpci_ranges_clear(&set);
}
END_TEST

#define CELLS 200

/* An array of pages says which are in the set. The seed is the loop's number. */
START_TEST(random_changes_against_an_array)
{
	struct rawpci_ranges set = { 0 };
	bool there[CELLS] = { false };
	unsigned step, i;

	srand((unsigned)_i + 1);
	for (step = 0; step < 3000; step++) {
		unsigned cell = (unsigned)rand() % CELLS;
		struct rawpci_range *range = rawpci_ranges_find(&set, cell * PAGE);

		for (i = cell; i < CELLS && !there[i]; i++)
			;
		ck_assert_uint_eq(range ? range->iova / PAGE : CELLS, i);
		if (there[cell])
			rawpci_ranges_remove(&set, range);
		else
			(void)add(&set, cell * PAGE, PAGE);
		there[cell] = !there[cell];
	}
	check_sound(&set);
	rawpci_ranges_clear(&set);
}
END_TEST

/* A red-black tree of n is at most 2 log2(n + 1) high. */
static unsigned long height_limit(unsigned long n)
{
	unsigned long height = 2;

	for (n += 1; n > 1; n = (n + 1) / 2)
		height += 2;
	return height;
}

/* The most comparisons one call took. */
static void measured(unsigned long before, unsigned long *most)
{
	if (seam_comparisons - before > *most)
		*most = seam_comparisons - before;
}

START_TEST(a_million_fragments_cost_log_n_each)
{
	const unsigned long n = 1000000;
	struct rawpci_ranges set = { 0 };
	unsigned long i, before, inserted = 0, found = 0, removed = 0;
	bool bad = false;

	/* Ascending, descending, and scattered by a factor without common divisor with n. */
	for (i = 0; i < n; i++) {
		unsigned long cell = _i == 0 ? i : _i == 1 ? n - 1 - i : i * 611953 % n;

		before = seam_comparisons;
		bad |= !rawpci_ranges_add(&set, rawpci_ranges_find(&set, 2 * cell * PAGE),
					  2 * cell * PAGE, HOST, PAGE);
		measured(before, &inserted);
	}
	ck_assert_uint_eq(set.count, n);
	for (i = 0; i < n; i++) {
		before = seam_comparisons;
		bad |= !rawpci_ranges_find(&set, (2 * i + 1) * PAGE) != (i == n - 1);
		measured(before, &found);
	}
	for (i = 0; i < n; i++) {
		before = seam_comparisons;
		rawpci_ranges_remove(&set, set.first);
		measured(before, &removed);
	}
	ck_assert(!bad);
	ck_assert_uint_gt(found, 0);
	ck_assert_uint_le(inserted, 2 * height_limit(n));
	ck_assert_uint_le(found, height_limit(n));
	ck_assert_uint_le(removed, height_limit(n));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ranges");
	TCase *tests = tcase_create("ranges");

	tcase_set_timeout(tests, 180);
	tcase_add_test(tests, find_gives_the_range_or_the_next);
	tcase_add_test(tests, split_and_join);
	tcase_add_test(tests, resize_moves_the_host_side_along);
	tcase_add_test(tests, lack_of_memory_changes_nothing);
	tcase_add_loop_test(tests, random_changes_against_an_array, 0, 20);
	tcase_add_loop_test(tests, a_million_fragments_cost_log_n_each, 0, 3);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
