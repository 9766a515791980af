/* SPDX-License-Identifier: MIT */
/* Kernel mappings: the memory that devices reach while on, and after calls that failed half-way. */
#include <stdlib.h>

#include "core/call.h"
#include "mock-space.h"
#include "search-seam.h"

#define HOST ((uintptr_t)0x7f0000000000)

static struct rawpci_guest *guest;
static struct mock_space one, two;
static uint64_t base; /* page 0 of the tests */

static void setup(void)
{
	ck_assert_int_eq(rawpci_guest_create(NULL, &guest), 0);
	mock_init(&one);
	mock_init(&two);
	base = 0;
	mock_arm(0, 0);
	seam_arm(0);
}

static void teardown(void)
{
	mock_arm(0, 0);
	while (one.guest.attached)
		rawpci_guest_detach(guest, &one.guest);
	while (two.guest.attached)
		rawpci_guest_detach(guest, &two.guest);
	ck_assert_uint_eq(one.count, 0);
	ck_assert_uint_eq(two.count, 0);
	/* As the owner of a space does at its end. */
	rawpci_guest_forget(guest, &one.guest);
	rawpci_guest_forget(guest, &two.guest);
	rawpci_guest_destroy(guest);
}

static uintptr_t host_of(uint64_t page)
{
	return HOST + (uintptr_t)(page * PAGE);
}

static int map_to(uint64_t first, uint64_t pages, uint64_t host_page)
{
	return rawpci_guest_map(guest, (base + first) * PAGE, (void *)host_of(host_page),
				pages * PAGE);
}

static int map(uint64_t first, uint64_t pages)
{
	return map_to(first, pages, first);
}

static int unmap(uint64_t first, uint64_t pages)
{
	return rawpci_guest_unmap(guest, (base + first) * PAGE, pages * PAGE);
}

static void attach(struct mock_space *mock)
{
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock->guest), 0);
}

static bool reaches(const struct mock_space *mock, uint64_t first, uint64_t pages)
{
	uint64_t page;

	for (page = first; page < first + pages; page++)
		if (mock_reach(mock, page * PAGE) != host_of(page))
			return false;
	return true;
}

static uint64_t kernel_mappings(void)
{
	struct rawpci_memory_stats stats;

	rawpci_guest_stats(guest, &stats);
	return stats.kernel_mappings;
}

START_TEST(nothing_is_mapped_before_a_device_is_on)
{
	ck_assert_int_eq(map(0, 8), 0);
	ck_assert_int_eq(map(16, 8), 0);
	ck_assert_uint_eq(mock_calls, 0);
	attach(&one);
	ck_assert(mock_has(&one, 0, 8 * PAGE));
	ck_assert(mock_has(&one, 16 * PAGE, 8 * PAGE));
	ck_assert_uint_eq(mock_calls, 2);
	attach(&one);
	ck_assert_uint_eq(mock_calls, 2);
	rawpci_guest_detach(guest, &one.guest);
	ck_assert_uint_eq(one.count, 2);
	rawpci_guest_detach(guest, &one.guest);
	ck_assert_uint_eq(one.count, 0);
	ck_assert_uint_eq(kernel_mappings(), 0);
	/* The map is kept for the next device. */
	attach(&two);
	ck_assert(reaches(&two, 0, 8) && reaches(&two, 16, 8));
}
END_TEST

START_TEST(mapping_while_on_leaves_neighbours_alone)
{
	ck_assert_int_eq(map(0, 8), 0);
	attach(&one);
	attach(&two);
	ck_assert_int_eq(map(8, 8), 0);
	ck_assert_int_eq(map(20, 4), 0);
	ck_assert_int_eq(map(0, 32), 0);
	ck_assert(mock_has(&one, 0, 8 * PAGE) && mock_has(&one, 8 * PAGE, 8 * PAGE));
	ck_assert(mock_has(&one, 16 * PAGE, 4 * PAGE) && mock_has(&one, 20 * PAGE, 4 * PAGE));
	ck_assert(mock_has(&one, 24 * PAGE, 8 * PAGE));
	ck_assert(mock_same(&one, &two));
	ck_assert_uint_eq(kernel_mappings(), 10);
	ck_assert_uint_eq(mock_calls, 10);
	ck_assert_int_eq(map(3, 9), 0);
	ck_assert_uint_eq(mock_calls, 10);
	ck_assert_int_eq(map_to(3, 1, 99), -EADDRINUSE);
	ck_assert_uint_eq(mock_calls, 10);
}
END_TEST

START_TEST(a_page_in_the_middle_goes_and_its_neighbours_stay)
{
	ck_assert_int_eq(map(0, 16), 0);
	attach(&one);
	attach(&two);
	ck_assert_int_eq(unmap(5, 1), 0);
	ck_assert_uint_eq(mock_reach(&one, 5 * PAGE), 0);
	ck_assert(mock_has(&one, 0, 5 * PAGE) && mock_has(&one, 6 * PAGE, 10 * PAGE));
	ck_assert(reaches(&one, 0, 5) && reaches(&one, 6, 10));
	ck_assert(mock_same(&one, &two));
	ck_assert_uint_eq(kernel_mappings(), 4);
	ck_assert_int_eq(unmap(0, 1), 0);
	ck_assert_int_eq(unmap(15, 1), 0);
	ck_assert(reaches(&one, 1, 4) && reaches(&one, 6, 9));
	ck_assert_uint_eq(mock_reach(&one, 0), 0);
	ck_assert_uint_eq(mock_reach(&one, 15 * PAGE), 0);
	ck_assert_int_eq(map(5, 1), 0);
	ck_assert(reaches(&two, 1, 14));
}
END_TEST

START_TEST(unmapping_reaches_over_several_pieces_and_gaps)
{
	ck_assert_int_eq(map(0, 8), 0);
	ck_assert_int_eq(map(10, 2), 0);
	attach(&one);
	ck_assert_int_eq(map(12, 4), 0);
	ck_assert_int_eq(map(20, 8), 0);
	ck_assert_int_eq(unmap(6, 16), 0);
	ck_assert(mock_has(&one, 0, 6 * PAGE) && mock_has(&one, 22 * PAGE, 6 * PAGE));
	ck_assert_uint_eq(one.count, 2);
	mock_arm(0, 0);
	ck_assert_int_eq(unmap(6, 16), -ENOENT);
	ck_assert_uint_eq(mock_calls, 0);
	ck_assert_int_eq(unmap(0, 28), 0);
	ck_assert_uint_eq(mock_calls, 2);
	ck_assert_uint_eq(one.count, 0);
}
END_TEST

START_TEST(long_runs_are_several_pieces)
{
	const uint64_t pages = 40 * GIB / PAGE;

	ck_assert_int_eq(map(3, pages), 0);
	attach(&one);
	ck_assert_uint_eq(one.count, 3);
	ck_assert(mock_has(&one, 3 * PAGE, 16 * GIB));
	ck_assert(mock_has(&one, 3 * PAGE + 16 * GIB, 16 * GIB));
	ck_assert(mock_has(&one, 3 * PAGE + 32 * GIB, 8 * GIB));
	mock_arm(0, 0);
	one.pinned = 0;
	ck_assert_int_eq(unmap(3 + 20 * GIB / PAGE, 1), 0);
	ck_assert_uint_eq(mock_calls, 3);
	ck_assert_uint_eq(one.pinned, 16 * GIB - PAGE);
	/* From the middle of the first into the middle of the last. */
	ck_assert_int_eq(unmap(3 + 8 * GIB / PAGE, 26 * GIB / PAGE), 0);
	ck_assert(mock_has(&one, 3 * PAGE, 8 * GIB));
	ck_assert(mock_has(&one, 3 * PAGE + 34 * GIB, 6 * GIB));
	ck_assert_uint_eq(one.count, 2);
	ck_assert_int_eq(map(3, pages), 0);
	ck_assert_uint_eq(one.count, 4);
	ck_assert_uint_eq(mock_reach(&one, 3 * PAGE + 25 * GIB), host_of(3 + 25 * GIB / PAGE));
}
END_TEST

START_TEST(each_hole_in_a_piece_costs_one_piece)
{
	uint64_t i;

	ck_assert_int_eq(map(0, 4096), 0);
	attach(&one);
	for (i = 1; i <= 16; i++) {
		ck_assert_int_eq(unmap(i * 1237 % 4093 + 1, 1), 0);
		ck_assert_uint_eq(one.count, i + 1);
	}
}
END_TEST

/* Memory given back page by page, up or down, must not pin all the rest again each time. */
START_TEST(a_sweep_pins_each_page_a_few_times)
{
	const uint64_t n = 4096;
	uint64_t i;

	ck_assert_int_eq(map(0, n), 0);
	attach(&one);
	one.pinned = 0;
	for (i = 0; i < n; i++) {
		uint64_t page = _i ? n - 1 - i : i;

		ck_assert_int_eq(unmap(page, 1), 0);
		ck_assert_uint_eq(mock_reach(&one, page * PAGE), 0);
		if (i + 1 < n)
			ck_assert_uint_ne(mock_reach(&one, (_i ? 0 : n - 1) * PAGE), 0);
		ck_assert_uint_le(one.count, 16);
	}
	ck_assert_uint_eq(one.count, 0);
	ck_assert_uint_le(one.pinned, 12 * n * PAGE);
}
END_TEST

static int failing_call(unsigned which)
{
	switch (which) {
	case 0:
		return map(0, 64);
	case 1:
		return unmap(4, 1);
	case 2:
		return unmap(2, 40);
	case 3:
		return unmap(0, 64);
	case 4:
		return rawpci_guest_attach(guest, &two.guest);
	default:
		return unmap(0, 1);
	}
}

static void prepare_failing(unsigned which)
{
	ck_assert_int_eq(map(0, 8), 0);
	ck_assert_int_eq(map(16, 4), 0);
	ck_assert_int_eq(map_to(80, 8, 200), 0);
	attach(&one);
	if (which != 4)
		attach(&two);
	ck_assert_int_eq(map(30, 20), 0);
	if (which == 5)
		for (unsigned i = 7; i > 1; i--)
			ck_assert_int_eq(unmap(i, 1), 0);
}

static void check_unchanged(const struct mock_space before[2],
			    const struct rawpci_memory_stats *stats)
{
	struct rawpci_memory_stats now;

	rawpci_guest_stats(guest, &now);
	ck_assert_mem_eq(&now, stats, sizeof(now));
	ck_assert(mock_same(&one, &before[0]));
	ck_assert(mock_same(&two, &before[1]));
}

/* Each kernel call fails once, in turn; then each allocation. */
START_TEST(a_call_that_fails_changes_nothing)
{
	static struct mock_space before[2];
	struct rawpci_memory_stats stats;
	unsigned attached, k;
	int r;

	prepare_failing((unsigned)_i);
	rawpci_guest_stats(guest, &stats);
	before[0] = one;
	before[1] = two;
	attached = two.guest.attached;
	for (k = 1;; k++) {
		mock_arm(k, 0);
		r = failing_call((unsigned)_i);
		if (!r)
			break;
		ck_assert(r == -ENOSPC || r == -EIO);
		ck_assert_ptr_nonnull(strstr(rawpci_reason(), "mock:"));
		ck_assert_uint_eq(two.guest.attached, attached);
		check_unchanged(before, &stats);
	}
	ck_assert_uint_gt(k, 1);
	teardown();
	setup();
	prepare_failing((unsigned)_i);
	for (k = 1;; k++) {
		mock_arm(0, 0);
		seam_arm(k);
		r = failing_call((unsigned)_i);
		if (!r)
			break;
		ck_assert_int_eq(r, -ENOMEM);
		ck_assert_uint_eq(mock_calls, 0);
		check_unchanged(before, &stats);
	}
	seam_arm(0);
}
END_TEST

/* From the k-th call on the kernel refuses all calls. Devices reach exactly the recorded memory,
 * and the sentence says which part is lost. */
START_TEST(a_rollback_that_fails_is_reported_and_can_be_repaired)
{
	struct rawpci_memory_stats stats;
	unsigned k;
	int r = -1;

	for (k = 1; r; k++) {
		prepare_failing((unsigned)_i);
		mock_arm(0, k);
		r = failing_call((unsigned)_i);
		mock_arm(0, 0);
		if (r && k > 1) {
			ck_assert_ptr_nonnull(
				strstr(rawpci_reason(), "undoing the failed call failed"));
			ck_assert_ptr_nonnull(strstr(rawpci_reason(), "mock:"));
		}
		rawpci_guest_stats(guest, &stats);
		if (_i != 4)
			ck_assert_uint_eq(stats.kernel_mappings, one.count + two.count);
		if (r && _i == 1) {
			/* Announcing it again makes it reachable again. */
			ck_assert_int_eq(map(0, 8), 0);
			ck_assert(reaches(&one, 0, 8) && reaches(&two, 0, 8));
		}
		if (_i == 4) /* the mock keeps a mapping that could not be unmapped */
			two.count = two.guest.attached ? two.count : 0;
		teardown();
		setup();
	}
}
END_TEST

/* The upper part cannot be mapped, then the lower one cannot be unmapped to map the whole again. */
START_TEST(the_rest_is_mapped_in_parts_if_the_whole_cannot_be)
{
	ck_assert_int_eq(map(0, 16), 0);
	attach(&one);
	mock_arm(3, 0);
	mock_fail_also = 4;
	ck_assert_int_eq(unmap(5, 1), -ENOSPC);
	ck_assert_ptr_null(strstr(rawpci_reason(), "undoing the failed call failed"));
	ck_assert(reaches(&one, 0, 16));
	ck_assert_uint_eq(one.count, 3);
	ck_assert_uint_eq(kernel_mappings(), 3);
	ck_assert_int_eq(unmap(5, 1), 0);
	ck_assert(reaches(&one, 0, 5) && reaches(&one, 6, 10));
	ck_assert_uint_eq(mock_reach(&one, 5 * PAGE), 0);
}
END_TEST

START_TEST(memory_left_mapped_does_not_stand_for_other_memory)
{
	attach(&one);
	attach(&two);
	mock_arm(0, 2); /* the first space has mapped, the second refuses, the first cannot undo */
	ck_assert_int_eq(map(0, 4), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0x0-0x3fff, are still reached by devices"));
	mock_arm(0, 0);
	ck_assert_int_eq(unmap(0, 4), -ENOENT);
	ck_assert_int_eq(map_to(0, 4, 50), -EADDRNOTAVAIL);
	ck_assert_int_eq(map(0, 4), 0);
	ck_assert(reaches(&one, 0, 4) && reaches(&two, 0, 4));
	ck_assert_int_eq(unmap(0, 4), 0);
	ck_assert_uint_eq(one.count + two.count, 0);
	ck_assert_int_eq(map_to(0, 4, 50), 0);
}
END_TEST

START_TEST(pieces_left_by_power_off_are_unmapped_later)
{
	ck_assert_int_eq(map(0, 4), 0);
	attach(&one);
	mock_arm(0, 1);
	rawpci_guest_detach(guest, &one.guest);
	ck_assert_uint_eq(one.guest.attached, 0);
	ck_assert_uint_eq(one.count, 1);
	/* While the kernel refuses to unmap it, the call fails. */
	ck_assert_int_lt(unmap(0, 4), 0);
	mock_arm(0, 0);
	/* No device is on, so new memory is not mapped. */
	ck_assert_int_eq(map(8, 4), 0);
	ck_assert_uint_eq(one.count, 1);
	attach(&one);
	ck_assert_uint_eq(one.count, 2);
	rawpci_guest_detach(guest, &one.guest);
	ck_assert_int_eq(unmap(0, 4), 0);
	ck_assert_uint_eq(one.count, 0);
}
END_TEST

START_TEST(pieces_left_by_a_failed_power_on_are_unmapped_later)
{
	ck_assert_int_eq(map(0, 4), 0);
	ck_assert_int_eq(map(8, 4), 0);
	mock_arm(0, 2); /* the second mapping fails, and undoing the first */
	ck_assert_int_lt(rawpci_guest_attach(guest, &one.guest), 0);
	ck_assert_uint_eq(one.guest.attached, 0);
	ck_assert_uint_eq(one.count, 1);
	ck_assert_int_lt(unmap(0, 4), 0);
	mock_arm(0, 0);
	ck_assert_int_eq(unmap(0, 4), 0);
	ck_assert_uint_eq(one.count, 0);
}
END_TEST

START_TEST(pieces_that_are_left_end_with_their_space)
{
	ck_assert_int_eq(map(0, 4), 0);
	attach(&one);
	mock_arm(0, 1);
	rawpci_guest_detach(guest, &one.guest);
	mock_arm(0, 0);
	rawpci_guest_forget(guest, &one.guest);
	one.count = 0;
	ck_assert_int_eq(unmap(0, 4), 0);
	ck_assert_uint_eq(mock_calls, 0);
}
END_TEST

#define CELLS 64

/* The expected map: the host page of each guest page; 0: none. */
struct model {
	uint64_t host[CELLS];
};

static void check_model(const struct model *model)
{
	struct rawpci_memory_stats stats;
	uint64_t pages = 0, runs = 0, i;

	for (i = 0; i < CELLS; i++) {
		uintptr_t want = model->host[i] ? host_of(model->host[i]) : 0;

		if (one.guest.attached)
			ck_assert_uint_eq(mock_reach(&one, (base + i) * PAGE), want);
		if (two.guest.attached)
			ck_assert_uint_eq(mock_reach(&two, (base + i) * PAGE), want);
		pages += want != 0;
		runs += want &&
			!(i && model->host[i - 1] && model->host[i] == model->host[i - 1] + 1);
	}
	rawpci_guest_stats(guest, &stats);
	ck_assert_uint_eq(stats.bytes, pages * PAGE);
	ck_assert_uint_eq(stats.runs, runs);
	ck_assert_uint_eq(stats.kernel_mappings, one.count + two.count);
}

static int model_map(struct model *model, uint64_t first, uint64_t pages, uint64_t host)
{
	uint64_t i;

	for (i = 0; i < pages; i++)
		if (model->host[first + i] && model->host[first + i] != host + i)
			return -EADDRINUSE;
	for (i = 0; i < pages; i++)
		model->host[first + i] = host + i;
	return 0;
}

static int model_unmap(struct model *model, uint64_t first, uint64_t pages)
{
	uint64_t i, found = 0;

	for (i = 0; i < pages; i++) {
		found += model->host[first + i] != 0;
		model->host[first + i] = 0;
	}
	return found ? 0 : -ENOENT;
}

static int random_power(struct mock_space *mock)
{
	if (mock->guest.attached && rand() % 4) {
		mock_arm(0, 0);
		rawpci_guest_detach(guest, &mock->guest);
		return 0;
	}
	return rawpci_guest_attach(guest, &mock->guest);
}

static void random_step(struct model *model)
{
	uint64_t first = (uint64_t)rand() % CELLS;
	uint64_t pages = 1 + (uint64_t)rand() % (rand() % 4 ? 6 : CELLS);
	uint64_t host = first + (rand() % 6 ? 100 : 101);
	int what = rand() % 100;
	struct model next = *model;
	int r, want = 0;

	if (pages > CELLS - first)
		pages = CELLS - first;
	mock_arm(rand() % 3 ? 0 : 1 + (unsigned)rand() % 8, 0);
	seam_arm(rand() % 8 ? 0 : 1 + (unsigned)rand() % 4);
	if (what < 8) {
		r = random_power(rand() % 2 ? &one : &two);
	} else if (what < 58) {
		want = model_map(&next, first, pages, host);
		r = map_to(first, pages, host);
	} else {
		want = model_unmap(&next, first, pages);
		r = unmap(first, pages);
	}
	if (r == want) {
		if (!r)
			*model = next;
		return;
	}
	ck_assert_int_eq(want, 0);
	ck_assert(r == -ENOSPC || r == -EIO || r == -ENOMEM);
}

/* The seed is the loop's number; from 20 on it has the last pages of all addresses. */
START_TEST(random_calls_and_failures_against_an_array)
{
	struct model model = { { 0 } };
	unsigned step;

	srand((unsigned)_i + 1);
	base = _i >= 20 ? UINT64_MAX / PAGE + 1 - CELLS : 0;
	for (step = 0; step < 2000; step++) {
		random_step(&model);
		check_model(&model);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pieces");
	TCase *tests = tcase_create("pieces");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_is_mapped_before_a_device_is_on);
	tcase_add_test(tests, mapping_while_on_leaves_neighbours_alone);
	tcase_add_test(tests, a_page_in_the_middle_goes_and_its_neighbours_stay);
	tcase_add_test(tests, unmapping_reaches_over_several_pieces_and_gaps);
	tcase_add_test(tests, long_runs_are_several_pieces);
	tcase_add_test(tests, each_hole_in_a_piece_costs_one_piece);
	tcase_add_loop_test(tests, a_sweep_pins_each_page_a_few_times, 0, 2);
	tcase_add_loop_test(tests, a_call_that_fails_changes_nothing, 0, 6);
	tcase_add_loop_test(tests, a_rollback_that_fails_is_reported_and_can_be_repaired, 0, 6);
	tcase_add_test(tests, the_rest_is_mapped_in_parts_if_the_whole_cannot_be);
	tcase_add_test(tests, memory_left_mapped_does_not_stand_for_other_memory);
	tcase_add_test(tests, pieces_left_by_power_off_are_unmapped_later);
	tcase_add_test(tests, pieces_left_by_a_failed_power_on_are_unmapped_later);
	tcase_add_test(tests, pieces_that_are_left_end_with_their_space);
	tcase_add_loop_test(tests, random_calls_and_failures_against_an_array, 0, 26);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
