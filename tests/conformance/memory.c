/* SPDX-License-Identifier: MIT */
/* Guest memory: what the callback refuses, and how the map behaves without a device. */
#include "bench.h"

#include <sys/mman.h>

#define PAGES 16u
#define MAP PCIRAW_MEMINFO_MAP
#define UNMAP PCIRAW_MEMINFO_UNMAP
#define GUEST UINT64_C(0x10000)

static char *host;

/* Four pages at GUEST are mapped, then a gap. */
static void setup(void)
{
	bench_start();
	host = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(host, MAP_FAILED);
	DONE(bench_memory(host, GUEST, 4 * PAGE, MAP));
}

static struct rawpci_memory_stats stats(void)
{
	struct rawpci_memory_stats out;

	ck_assert_int_eq(rawpci_memory_stats(bench.vm.pDriverData, sizeof(out), &out), 0);
	return out;
}

static void nothing_changed(void)
{
	ck_assert_uint_eq(stats().bytes, 4 * PAGE);
	ck_assert_uint_eq(stats().runs, 1);
}

#define CASE(name, want, call)                                                                     \
	START_TEST(name)                                                                           \
	{                                                                                          \
		REFUSED(want, call);                                                               \
		nothing_changed();                                                                 \
	}                                                                                          \
	END_TEST

#define CASES(X)                                                                                   \
	X(map_null_host, VERR_INVALID_POINTER, bench_memory(NULL, 0, PAGE, MAP))                   \
	X(map_nothing, VERR_INVALID_PARAMETER, bench_memory(host, 0, 0, MAP))                      \
	X(map_odd_guest, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host, 1, PAGE, MAP))             \
	X(map_half_page_guest, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host, 0x800, PAGE, MAP))   \
	X(map_odd_host, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host + 8, 0, PAGE, MAP))          \
	X(map_odd_size, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host, 0, PAGE + 1, MAP))          \
	X(map_less_than_a_page, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host, 0, 1, MAP))         \
	X(map_guest_wraps, VERR_OUT_OF_RANGE,                                                      \
	  bench_memory(host, 0 - (uint64_t)PAGE, 2 * PAGE, MAP))                                   \
	X(map_host_wraps, VERR_OUT_OF_RANGE,                                                       \
	  bench_memory((void *)(0 - (uintptr_t)PAGE), 0, 2 * PAGE, MAP))                           \
	X(map_everything, VERR_OUT_OF_RANGE, bench_memory(host, GUEST, 0 - (uint64_t)PAGE, MAP))   \
	X(map_other_host, VERR_ADDRESS_CONFLICT, bench_memory(host + 8 * PAGE, GUEST, PAGE, MAP))  \
	X(map_shifted, VERR_ADDRESS_CONFLICT, bench_memory(host + PAGE, GUEST, 4 * PAGE, MAP))     \
	X(map_over_last_page, VERR_ADDRESS_CONFLICT,                                               \
	  bench_memory(host + 8 * PAGE, GUEST + 3 * PAGE, 2 * PAGE, MAP))                          \
	X(map_over_first_page, VERR_ADDRESS_CONFLICT,                                              \
	  bench_memory(host + 8 * PAGE, GUEST - PAGE, 2 * PAGE, MAP))                              \
	X(map_around, VERR_ADDRESS_CONFLICT,                                                       \
	  bench_memory(host + 8 * PAGE, GUEST - PAGE, 6 * PAGE, MAP))                              \
	X(unmap_nothing, VERR_INVALID_PARAMETER, bench_memory(NULL, GUEST, 0, UNMAP))              \
	X(unmap_odd, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(NULL, GUEST + 1, PAGE, UNMAP))       \
	X(unmap_odd_size, VERR_UNSUPPORTED_ALIGNMENT, bench_memory(NULL, GUEST, PAGE - 1, UNMAP))  \
	X(unmap_wraps, VERR_OUT_OF_RANGE, bench_memory(NULL, 0 - (uint64_t)PAGE, 2 * PAGE, UNMAP)) \
	X(unmap_before, VERR_NOT_FOUND, bench_memory(NULL, GUEST - PAGE, PAGE, UNMAP))             \
	X(unmap_after, VERR_NOT_FOUND, bench_memory(NULL, GUEST + 4 * PAGE, 100 * PAGE, UNMAP))    \
	X(action_two, VERR_INVALID_PARAMETER, bench_memory(host, 0, PAGE, (PCIRAWMEMINFOACTION)2)) \
	X(action_largest, VERR_INVALID_PARAMETER,                                                  \
	  bench_memory(host, 0, PAGE, PCIRAW_MEMINFO_32BIT_HACK))

CASES(CASE)

START_TEST(no_vm)
{
	RAWPCIVM blank = { NULL, NULL };

	ck_assert_int_eq(bench.vm.pfnContigMemInfo(NULL, (uintptr_t)host, 0, PAGE, MAP),
			 VERR_INVALID_POINTER);
	ck_assert_int_eq(bench.vm.pfnContigMemInfo(&blank, (uintptr_t)host, 0, PAGE, MAP),
			 VERR_INVALID_POINTER);
	nothing_changed();
}
END_TEST

START_TEST(alike_again)
{
	DONE(bench_memory(host, GUEST, 4 * PAGE, MAP));
	DONE(bench_memory(host + PAGE, GUEST + PAGE, PAGE, MAP));
	nothing_changed();
	DONE(bench_memory(host + 3 * PAGE, GUEST + 3 * PAGE, 2 * PAGE, MAP));
	ck_assert_uint_eq(stats().bytes, 5 * PAGE);
	ck_assert_uint_eq(stats().runs, 1);
}
END_TEST

START_TEST(unmap_parts)
{
	DONE(bench_memory(NULL, GUEST + PAGE, PAGE, UNMAP));
	ck_assert_uint_eq(stats().bytes, 3 * PAGE);
	ck_assert_uint_eq(stats().runs, 2);
	REFUSED(VERR_NOT_FOUND, bench_memory(NULL, GUEST + PAGE, PAGE, UNMAP));
	/* Over parts of both and the gap. */
	DONE(bench_memory(NULL, 0, GUEST + 3 * PAGE, UNMAP));
	ck_assert_uint_eq(stats().bytes, PAGE);
	DONE(bench_memory(NULL, 0, UINT64_C(1) << 40, UNMAP));
	ck_assert_uint_eq(stats().bytes, 0);
	ck_assert_uint_eq(stats().runs, 0);
}
END_TEST

START_TEST(neighbours_on_one_side_only_stay_apart)
{
	DONE(bench_memory(host + 8 * PAGE, GUEST + 4 * PAGE, PAGE, MAP));
	ck_assert_uint_eq(stats().runs, 2);
	DONE(bench_memory(host + 4 * PAGE, GUEST + 8 * PAGE, PAGE, MAP));
	ck_assert_uint_eq(stats().runs, 3);
}
END_TEST

/* The last page ends with the last address, which does not wrap; a page more would. */
START_TEST(at_the_very_top)
{
	REFUSED(VERR_OUT_OF_RANGE,
		bench_memory(host + 8 * PAGE, 0 - (uint64_t)PAGE, 2 * PAGE, MAP));
	DONE(bench_memory(host + 8 * PAGE, 0 - (uint64_t)PAGE, PAGE, MAP));
	DONE(bench_memory(NULL, 0 - (uint64_t)PAGE, PAGE, UNMAP));
	DONE(bench_memory(host + 8 * PAGE, 0 - 2 * (uint64_t)PAGE, PAGE, MAP));
	DONE(bench_memory(NULL, 0 - 2 * (uint64_t)PAGE, PAGE, UNMAP));
	nothing_changed();
}
END_TEST

static void *translate(void *opaque, uint64_t start, uint64_t size)
{
	char *base = *(char **)opaque;

	ck_assert_uint_eq(size, PAGE);
	return start >= 0x1000000 ? base + (start - 0x1000000) : NULL;
}

static void setup_translated(void)
{
	bench.options.translate = translate;
	bench.options.translate_opaque = &host;
	bench_start();
	host = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(host, MAP_FAILED);
}

START_TEST(host_addresses_are_translated)
{
	DONE(bench_memory((void *)0x1000000, 0, PAGE, MAP));
	REFUSED(VERR_INVALID_POINTER, bench_memory((void *)0x10000, PAGE, PAGE, MAP));
	ck_assert_uint_eq(stats().bytes, PAGE);
	/* What counts is the address in this process. */
	ck_assert_int_eq(rawpci_memory_map(bench.vm.pDriverData, 0, host, PAGE), 0);
	DONE(bench_memory((void *)0x1000000, 0, PAGE, UNMAP));
}
END_TEST

START_TEST(translated_memory_is_what_the_device_reaches)
{
	uint32_t word = 0;

	DONE(bench_memory((void *)(0x1000000 + 3 * PAGE), PAGE, PAGE, MAP));
	DONE(bench_reopen());
	DONE(bench_power(PCIRAW_POWER_ON));
	memset(host + 3 * PAGE, 0x5a, 4);
	ck_assert_int_eq(rawpci_fake_dma_read(bench.rig, PAGE, &word, 4), 0);
	ck_assert_uint_eq(word, 0x5a5a5a5a);
}
END_TEST

void add_memory(Suite *suite)
{
	TCase *tcase = tcase_create("memory");

	tcase_add_checked_fixture(tcase, setup, bench_end);
	CASES(ADD_ROW)
	tcase_add_test(tcase, no_vm);
	tcase_add_test(tcase, alike_again);
	tcase_add_test(tcase, unmap_parts);
	tcase_add_test(tcase, neighbours_on_one_side_only_stay_apart);
	tcase_add_test(tcase, at_the_very_top);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("translation");
	tcase_add_checked_fixture(tcase, setup_translated, bench_end);
	tcase_add_test(tcase, host_addresses_are_translated);
	if (bench.fake)
		tcase_add_test(tcase, translated_memory_is_what_the_device_reaches);
	suite_add_tcase(suite, tcase);
}
