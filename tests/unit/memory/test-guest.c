/* SPDX-License-Identifier: MIT */
/* A VM's guest memory: its runs, and what is refused. Kernel mappings: test-pieces.c. */
#include "core/call.h"
#include "mock-space.h"
#include "search-seam.h"

#define HOST ((uintptr_t)0x7f0000000000)

static struct rawpci_guest *guest;

static void setup(void)
{
	ck_assert_int_eq(rawpci_guest_create(NULL, &guest), 0);
	mock_arm(0, 0);
	seam_arm(0);
}

static void teardown(void)
{
	rawpci_guest_destroy(guest);
}

/* Guest page n lies at host page n + shift. */
static int map_shifted(uint64_t first, uint64_t pages, uint64_t shift)
{
	return rawpci_guest_map(guest, first * PAGE,
				(void *)(HOST + (uintptr_t)((first + shift) * PAGE)), pages * PAGE);
}

static int map(uint64_t first, uint64_t pages)
{
	return map_shifted(first, pages, 0);
}

static int unmap(uint64_t first, uint64_t pages)
{
	return rawpci_guest_unmap(guest, first * PAGE, pages * PAGE);
}

static void check_stats(uint64_t pages, uint64_t runs, uint64_t mappings)
{
	struct rawpci_memory_stats stats;

	rawpci_guest_stats(guest, &stats);
	ck_assert_uint_eq(stats.bytes, pages * PAGE);
	ck_assert_uint_eq(stats.runs, runs);
	ck_assert_uint_eq(stats.kernel_mappings, mappings);
}

START_TEST(pages_that_continue_each_other_are_one_run)
{
	const uint64_t n = 64;
	uint64_t i;

	/* Forwards, backwards, even pages first, and in the order of a factor. */
	for (i = 0; i < n; i++) {
		uint64_t page = _i == 0   ? i
				: _i == 1 ? n - 1 - i
				: _i == 2 ? (2 * i) % n + (2 * i) / n
					  : i * 37 % n;

		ck_assert_int_eq(map(page, 1), 0);
	}
	check_stats(n, 1, 0);
	/* Unmapped page by page, in the same orders. */
	for (i = 0; i < n; i++) {
		uint64_t page = _i == 0   ? i
				: _i == 1 ? n - 1 - i
				: _i == 2 ? (2 * i) % n + (2 * i) / n
					  : i * 37 % n;

		ck_assert_int_eq(unmap(page, 1), 0);
		ck_assert_int_eq(unmap(page, 1), -ENOENT);
	}
	check_stats(0, 0, 0);
}
END_TEST

START_TEST(continuing_on_one_side_only_stays_apart)
{
	ck_assert_int_eq(map(0, 1), 0);
	ck_assert_int_eq(map_shifted(1, 1, 5), 0);
	ck_assert_int_eq(map_shifted(3, 1, 4), 0); /* host continues, guest does not */
	check_stats(3, 3, 0);
}
END_TEST

START_TEST(the_same_mapping_again_succeeds_and_fills_gaps)
{
	ck_assert_int_eq(map(10, 4), 0);
	ck_assert_int_eq(map(10, 4), 0);
	ck_assert_int_eq(map(11, 2), 0);
	check_stats(4, 1, 0);
	ck_assert_int_eq(map(20, 4), 0);
	ck_assert_int_eq(map(30, 4), 0);
	check_stats(12, 3, 0);
	ck_assert_int_eq(map(8, 24), 0);
	check_stats(26, 1, 0);
	ck_assert_int_eq(unmap(8, 26), 0);
	check_stats(0, 0, 0);
}
END_TEST

START_TEST(another_mapping_is_a_conflict_and_changes_nothing)
{
	ck_assert_int_eq(map(10, 4), 0);
	ck_assert_int_eq(map_shifted(10, 4, 1), -EADDRINUSE);
	ck_assert_int_eq(map_shifted(13, 4, 1), -EADDRINUSE);
	ck_assert_int_eq(map_shifted(7, 4, 1), -EADDRINUSE);
	ck_assert_int_eq(map_shifted(0, 40, 1), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0x0-0x27fff"));
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0xa000-0xdfff"));
	check_stats(4, 1, 0);
	/* The same at its start, different further on. */
	ck_assert_int_eq(map_shifted(20, 1, 1), 0);
	ck_assert_int_eq(map(10, 11), -EADDRINUSE);
	check_stats(5, 2, 0);
	ck_assert_int_eq(unmap(10, 4), 0);
	ck_assert_int_eq(map_shifted(10, 4, 1), 0);
}
END_TEST

START_TEST(unmapping_covers_parts_runs_and_gaps)
{
	ck_assert_int_eq(map(0, 100), 0);
	ck_assert_int_eq(unmap(50, 1), 0);
	check_stats(99, 2, 0);
	ck_assert_int_eq(unmap(0, 1), 0);
	ck_assert_int_eq(unmap(99, 1), 0);
	check_stats(97, 2, 0);
	ck_assert_int_eq(map_shifted(200, 10, 7), 0);
	ck_assert_int_eq(map_shifted(220, 10, 9), 0);
	/* From inside one run, over a whole one and three gaps, into another. */
	ck_assert_int_eq(unmap(80, 145), 0);
	check_stats(49 + 29 + 5, 3, 0);
	ck_assert_int_eq(unmap(80, 145), -ENOENT);
	ck_assert_int_eq(unmap(0, 1), -ENOENT);
	ck_assert_int_eq(unmap(1000, 1), -ENOENT);
	ck_assert_int_eq(unmap(0, 1 << 20), 0);
	check_stats(0, 0, 0);
}
END_TEST

START_TEST(arguments_out_of_their_domain)
{
	void *host = (void *)HOST;
	void *top = (void *)(UINTPTR_MAX - (uintptr_t)PAGE + 1);

	ck_assert_int_eq(rawpci_guest_map(guest, 1, host, 0), -EINVAL);
	ck_assert_int_eq(rawpci_guest_map(guest, 1, host, PAGE), -EDOM);
	ck_assert_int_eq(rawpci_guest_map(guest, 0, (char *)host + 8, PAGE), -EDOM);
	ck_assert_int_eq(rawpci_guest_map(guest, 0, host, PAGE + 1), -EDOM);
	ck_assert_int_eq(rawpci_guest_map(guest, 0 - PAGE, host, 2 * PAGE), -ERANGE);
	ck_assert_int_eq(rawpci_guest_map(guest, PAGE, host, 0 - PAGE), -ERANGE);
	ck_assert_int_eq(rawpci_guest_map(guest, 0, top, PAGE), -ERANGE);
	ck_assert_int_eq(rawpci_guest_map(guest, 0, top, 2 * PAGE), -ERANGE);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 1, 0), -EINVAL);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 1, PAGE), -EDOM);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 0, PAGE - 1), -EDOM);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 0 - PAGE, 2 * PAGE), -ERANGE);
	check_stats(0, 0, 0);
	/* The last page but one, and its neighbour. */
	ck_assert_int_eq(rawpci_guest_map(guest, 0 - 2 * PAGE, host, PAGE), 0);
	ck_assert_int_eq(rawpci_guest_map(guest, 0 - 3 * PAGE, (char *)host - PAGE, PAGE), 0);
	check_stats(2, 1, 0);
	ck_assert_int_eq(rawpci_guest_map(guest, 0, host, PAGE), 0);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 0 - 2 * PAGE, PAGE), 0);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 0, 0 - PAGE), 0);
	check_stats(0, 0, 0);
}
END_TEST

#define LAST (0 - PAGE) /* the last page of all addresses: its end is no address */

static int map_top(uint64_t pages, void *host)
{
	return rawpci_guest_map(guest, 0 - pages * PAGE, host, pages * PAGE);
}

START_TEST(the_last_page_is_like_all_others)
{
	char *host = (char *)HOST;
	struct mock_space mock;

	mock_init(&mock);
	ck_assert_int_eq(map_top(1, host), 0);
	check_stats(1, 1, 0);
	ck_assert_int_eq(map_top(1, host), 0);
	ck_assert_int_eq(map_top(1, host + PAGE), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0xfffffffffffff000-0xffffffffffffffff"));
	/* It continues the page below, and not the one at 0. */
	ck_assert_int_eq(map_top(3, host - 2 * PAGE), 0);
	ck_assert_int_eq(rawpci_guest_map(guest, 0, host + PAGE, PAGE), 0);
	check_stats(4, 2, 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), 0);
	ck_assert(mock_has(&mock, 0 - 3 * PAGE, 3 * PAGE) && mock_has(&mock, 0, PAGE));
	ck_assert_int_eq(rawpci_guest_unmap(guest, LAST, PAGE), 0);
	ck_assert_uint_eq(mock_reach(&mock, LAST), 0);
	ck_assert_uint_eq(mock_reach(&mock, LAST - PAGE), HOST - PAGE);
	ck_assert_uint_eq(mock_reach(&mock, 0), HOST + PAGE);
	ck_assert_int_eq(rawpci_guest_unmap(guest, LAST, PAGE), -ENOENT);
	ck_assert_int_eq(map_top(1, host), 0);
	ck_assert_int_eq(rawpci_guest_unmap(guest, 0 - 2 * PAGE, 2 * PAGE), 0);
	check_stats(2, 2, 2);
	ck_assert_int_eq(rawpci_guest_unmap(guest, PAGE, 0 - PAGE), 0);
	check_stats(1, 1, 1);
	rawpci_guest_detach(guest, &mock.guest);
}
END_TEST

START_TEST(the_iommus_page_counts_while_attached)
{
	struct mock_space mock, fine;

	mock_init(&mock);
	mock_init(&fine);
	mock.limits.page_size = 16 * PAGE;
	ck_assert_int_eq(map(0, 8), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), -EDOM);
	ck_assert_uint_eq(mock.guest.attached, 0);
	/* The run is checked, not each call that made it. */
	ck_assert_int_eq(map(8, 8), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &fine.guest), 0);
	ck_assert_int_eq(map(32, 8), -EDOM);
	ck_assert_int_eq(unmap(0, 1), -EDOM);
	ck_assert_int_eq(map(32, 16), 0);
	rawpci_guest_detach(guest, &mock.guest);
	ck_assert_int_eq(unmap(0, 1), 0);
	rawpci_guest_detach(guest, &fine.guest);
}
END_TEST

static void set_range(struct mock_space *mock, unsigned i, rawpci_iova_t first, rawpci_iova_t last)
{
	mock->limits.ranges[i].first = first;
	mock->limits.ranges[i].last = last;
	mock->limits.range_count = i + 1;
}

START_TEST(addresses_that_the_iommu_cannot_translate_are_refused)
{
	struct mock_space mock;

	mock_init(&mock);
	set_range(&mock, 0, 0, 0xfedfffff);
	set_range(&mock, 1, 0xfef00000, 0x7fffffffff);
	ck_assert_int_eq(map(0xfedff, 2), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), -ERANGE);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0xfedff000-0xfee00fff"));
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0x0-0xfedfffff, 0xfef00000-0x7fffffffff"));
	ck_assert_uint_eq(mock.guest.attached + mock.count, 0);
	ck_assert_int_eq(unmap(0xfee00, 1), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), 0);
	ck_assert_int_eq(map(0xfee00, 1), -ERANGE);
	ck_assert_int_eq(map(0xfedff, 0x1000), -ERANGE);
	ck_assert_int_eq(map_shifted(0xfedff, 0x1000, 9), -ERANGE); /* before the conflict */
	ck_assert_int_eq(map(0x7ffffff, 2), -ERANGE);
	ck_assert_int_eq(map(0xfef00, 1), 0);
	ck_assert_int_eq(map(0x7ffffff, 1), 0);
	check_stats(3, 3, 3);
	/* Unmapping may include addresses that cannot be mapped. */
	ck_assert_int_eq(unmap(0xfedff, 0x1000), 0);
	check_stats(1, 1, 1);
	rawpci_guest_detach(guest, &mock.guest);
}
END_TEST

START_TEST(a_second_device_may_shrink_the_limits)
{
	struct mock_space mock;

	mock_init(&mock);
	ck_assert_int_eq(map(0x200000, 1), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), 0);
	set_range(&mock, 0, 0, 0xffffffff);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), -ERANGE);
	ck_assert_uint_eq(mock.guest.attached, 1);
	ck_assert_int_eq(map(0x200001, 1), 0); /* the earlier limits still hold */
	ck_assert_int_eq(unmap(0x200000, 2), 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), 0);
	ck_assert_uint_eq(mock.guest.attached, 2);
	ck_assert_int_eq(map(0x200000, 1), -ERANGE);
	mock.limits_error = -EIO;
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), -EIO);
	ck_assert_uint_eq(mock.guest.attached, 2);
	ck_assert_int_eq(map(1, 1), 0);
	rawpci_guest_detach(guest, &mock.guest);
	ck_assert_uint_eq(mock.count, 1);
	rawpci_guest_detach(guest, &mock.guest);
	ck_assert_uint_eq(mock.count, 0);
	check_stats(1, 1, 0);
}
END_TEST

START_TEST(lack_of_memory_changes_nothing)
{
	ck_assert_int_eq(map(0, 10), 0);
	seam_arm(1);
	ck_assert_int_eq(map(20, 1), -ENOMEM);
	seam_arm(1);
	ck_assert_int_eq(unmap(4, 2), -ENOMEM);
	check_stats(10, 1, 0);
	seam_arm(2);
	ck_assert_int_eq(unmap(4, 2), -ENOMEM);
	check_stats(10, 1, 0);
	/* A run that grows needs no memory. */
	seam_arm(1);
	ck_assert_int_eq(map(5, 20), 0);
	check_stats(25, 1, 0);
	seam_arm(0);
	ck_assert_int_eq(unmap(4, 2), 0);
	check_stats(23, 2, 0);
}
END_TEST

START_TEST(a_gibibyte_in_pages_is_one_kernel_mapping)
{
	struct mock_space mock;
	uint64_t i;
	int bad = 0;

	mock_init(&mock);
	for (i = 0; i < GIB / PAGE; i++)
		bad |= map(i, 1);
	ck_assert_int_eq(bad, 0);
	ck_assert_uint_eq(seam_insertions, 1);
	check_stats(GIB / PAGE, 1, 0);
	ck_assert_int_eq(rawpci_guest_attach(guest, &mock.guest), 0);
	ck_assert_uint_eq(mock_calls, 1);
	check_stats(GIB / PAGE, 1, 1);
	rawpci_guest_detach(guest, &mock.guest);
}
END_TEST

START_TEST(a_million_fragments_cost_log_n_each)
{
	const uint64_t n = 1000000;
	unsigned long before, most = 0;
	int bad = 0;
	uint64_t i;

	for (i = 0; i < n; i++) {
		uint64_t cell = _i ? i * 611953 % n : i;

		before = seam_comparisons;
		bad |= map(2 * cell, 1);
		if (seam_comparisons - before > most)
			most = seam_comparisons - before;
	}
	check_stats(n, n, 0);
	/* A red-black tree of 10^6 is at most 40 high; a call looks up, then inserts. */
	ck_assert_uint_gt(most, 0);
	ck_assert_uint_le(most, 2 * 40 + 2);
	for (i = 0, most = 0; i < n; i++) {
		before = seam_comparisons;
		bad |= map(2 * i, 1);
		bad |= unmap(2 * i + 1, 1) != -ENOENT;
		if (seam_comparisons - before > most)
			most = seam_comparisons - before;
	}
	ck_assert_uint_le(most, 2 * (40 + 1));
	ck_assert_int_eq(bad, 0);
	check_stats(n, n, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("guest");
	TCase *tests = tcase_create("runs");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, pages_that_continue_each_other_are_one_run, 0, 4);
	tcase_add_test(tests, continuing_on_one_side_only_stays_apart);
	tcase_add_test(tests, the_same_mapping_again_succeeds_and_fills_gaps);
	tcase_add_test(tests, another_mapping_is_a_conflict_and_changes_nothing);
	tcase_add_test(tests, unmapping_covers_parts_runs_and_gaps);
	tcase_add_test(tests, arguments_out_of_their_domain);
	tcase_add_test(tests, the_last_page_is_like_all_others);
	tcase_add_test(tests, the_iommus_page_counts_while_attached);
	tcase_add_test(tests, addresses_that_the_iommu_cannot_translate_are_refused);
	tcase_add_test(tests, a_second_device_may_shrink_the_limits);
	tcase_add_test(tests, lack_of_memory_changes_nothing);
	tcase_add_test(tests, a_gibibyte_in_pages_is_one_kernel_mapping);
	tcase_add_loop_test(tests, a_million_fragments_cost_log_n_each, 0, 2);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
