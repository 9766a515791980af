/* SPDX-License-Identifier: MIT */
/* Memory announced page by page to a space that runs out of entries. */
#include "core/call.h"
#include "mock-space.h"

#define HOST ((uintptr_t)0x7f0000000000)
#define LIMIT 64

static struct rawpci_guest *guest;
static struct mock_space space;

static void setup(void)
{
	ck_assert_int_eq(rawpci_guest_create(NULL, &guest), 0);
	mock_init(&space);
	space.limit = LIMIT;
	mock_arm(0, 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &space.guest), 0);
}

static void teardown(void)
{
	mock_arm(0, 0);
	rawpci_guest_detach(guest, &space.guest);
	ck_assert_uint_eq(space.count, 0);
	rawpci_guest_destroy(guest);
}

static int map(uint64_t page)
{
	return rawpci_guest_map(guest, page * PAGE, (void *)(HOST + (uintptr_t)(page * PAGE)),
				PAGE);
}

static void check_reach(uint64_t first, uint64_t pages)
{
	for (uint64_t i = first; i < first + pages; i++)
		ck_assert_uint_eq(mock_reach(&space, i * PAGE), HOST + (uintptr_t)(i * PAGE));
}

START_TEST(many_more_pages_than_entries_are_all_reached)
{
	for (uint64_t i = 0; i < 20 * LIMIT; i++) {
		ck_assert_int_eq(map(i), 0);
		ck_assert_uint_eq(mock_reach(&space, i * PAGE), HOST + (uintptr_t)(i * PAGE));
	}
	check_reach(0, 20 * LIMIT);
	ck_assert_uint_le(space.count, LIMIT);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 3 * PAGE, PAGE), 0);
	ck_assert_uint_eq(mock_reach(&space, 3 * PAGE), 0);
	check_reach(4, 20 * LIMIT - 4);
}
END_TEST

START_TEST(merging_reaches_the_last_page)
{
	const uint64_t first = UINT64_MAX / PAGE + 1 - 20 * LIMIT;

	for (uint64_t i = 0; i < 20 * LIMIT; i++)
		ck_assert_int_eq(map(first + i), 0);
	check_reach(first, 20 * LIMIT);
	ck_assert_uint_le(space.count, LIMIT);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 0 - PAGE, PAGE), 0);
	ck_assert_uint_eq(mock_reach(&space, 0 - PAGE), 0);
	check_reach(first, 20 * LIMIT - 1);
}
END_TEST

START_TEST(pages_that_do_not_continue_stay_and_the_call_fails)
{
	struct mock_space before;

	for (uint64_t i = 0; i < LIMIT; i++)
		ck_assert_int_eq(map(2 * i), 0);
	before = space;
	ck_assert_int_eq(map(2 * LIMIT), -ENOSPC);
	ck_assert(mock_same(&space, &before));
}
END_TEST

/* Each kernel call during merging fails once, in turn. No page may get lost, whether or not the new
 * one is mapped. */
START_TEST(a_failure_while_merging_loses_nothing)
{
	unsigned k = (unsigned)_i;

	for (uint64_t i = 0; i < LIMIT; i++)
		ck_assert_int_eq(map(i), 0);
	mock_arm(1 + k, 0);
	(void)map(LIMIT);
	ck_assert_uint_gt(mock_calls, k);
	mock_arm(0, 0);
	check_reach(0, LIMIT);
	ck_assert_int_eq(map(LIMIT), 0);
	check_reach(0, LIMIT + 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("merge");
	TCase *tcase = tcase_create("merge");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, many_more_pages_than_entries_are_all_reached);
	tcase_add_test(tcase, merging_reaches_the_last_page);
	tcase_add_test(tcase, pages_that_do_not_continue_stay_and_the_call_fails);
	tcase_add_loop_test(tcase, a_failure_while_merging_loses_nothing, 0, LIMIT + 2);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
