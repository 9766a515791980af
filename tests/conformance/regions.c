/* SPDX-License-Identifier: MIT */
/* Region information, mapping and unmapping. */
#include "bench.h"

#define INFO r.u.aGetRegionInfo
#define MAP r.u.aMapRegion
#define UNMAP r.u.aUnmapRegion

/* A good request to map the direct region's first page. */
#define GOOD_MAP                                                                                   \
	if (bench.direct < 0)                                                                      \
		return;                                                                            \
	MAP.iRegion = bench.direct;                                                                \
	MAP.StartAddress = bench.map.start;                                                        \
	MAP.iRegionSize = PAGE;                                                                    \
	MAP.pvAddressR3 = MAP.pvAddressR0 = &bench

#define GOOD_UNMAP                                                                                 \
	if (bench.direct < 0)                                                                      \
		return;                                                                            \
	UNMAP.iRegion = bench.map.region;                                                          \
	UNMAP.StartAddress = bench.map.start;                                                      \
	UNMAP.iRegionSize = bench.map.size;                                                        \
	UNMAP.pvAddressR3 = bench.map.r3;                                                          \
	UNMAP.pvAddressR0 = bench.map.r0

#define ROWS(X)                                                                                    \
	X(info_region_minus_one, VERR_INVALID_PARAMETER, GET_REGION_INFO, INFO.iRegion = -1)       \
	X(info_region_seven, VERR_INVALID_PARAMETER, GET_REGION_INFO, INFO.iRegion = 7)            \
	X(info_region_largest, VERR_INVALID_PARAMETER, GET_REGION_INFO, INFO.iRegion = INT32_MAX)  \
	X(info_region_smallest, VERR_INVALID_PARAMETER, GET_REGION_INFO, INFO.iRegion = INT32_MIN) \
	X(info_region_wraps, VERR_INVALID_PARAMETER, GET_REGION_INFO, INFO.iRegion = 0x100)        \
	X(map_region_minus_one, VERR_INVALID_PARAMETER, MAP_REGION, GOOD_MAP; MAP.iRegion = -1)    \
	X(map_region_seven, VERR_INVALID_PARAMETER, MAP_REGION, GOOD_MAP; MAP.iRegion = 7)         \
	X(map_nothing, VERR_INVALID_PARAMETER, MAP_REGION, GOOD_MAP; MAP.iRegionSize = 0)          \
	X(map_unknown_flag, VERR_INVALID_FLAGS, MAP_REGION, GOOD_MAP; MAP.fFlags = 1)              \
	X(map_high_flag, VERR_INVALID_FLAGS, MAP_REGION, GOOD_MAP; MAP.fFlags = 0x80000000)        \
	X(map_flags_before_alignment, VERR_INVALID_FLAGS, MAP_REGION, GOOD_MAP; MAP.fFlags = 2;    \
	  MAP.StartAddress++)                                                                      \
	X(map_misaligned, VERR_UNSUPPORTED_ALIGNMENT, MAP_REGION, GOOD_MAP; MAP.StartAddress++)    \
	X(map_misaligned_by_half, VERR_UNSUPPORTED_ALIGNMENT, MAP_REGION, GOOD_MAP;                \
	  MAP.StartAddress += PAGE / 2)                                                            \
	X(map_alignment_before_range, VERR_UNSUPPORTED_ALIGNMENT, MAP_REGION, GOOD_MAP;            \
	  MAP.StartAddress += 1; MAP.iRegionSize = UINT64_MAX)                                     \
	X(map_one_byte_too_many, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP;                          \
	  MAP.iRegionSize = bench.regions[bench.direct].u64RegionSize + 1)                         \
	X(map_overflows, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP; MAP.iRegionSize = UINT64_MAX)    \
	X(map_wraps_to_start, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP;                             \
	  MAP.iRegionSize = 0 - MAP.StartAddress)                                                  \
	X(map_sum_wraps_to_zero, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP;                          \
	  MAP.StartAddress += PAGE; MAP.iRegionSize = 0 - (uint64_t)PAGE)                          \
	X(map_sum_wraps, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP; MAP.StartAddress += PAGE;        \
	  MAP.iRegionSize = UINT64_MAX)                                                            \
	X(map_starts_before, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP; MAP.StartAddress -= PAGE)    \
	X(map_starts_at_end, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP;                              \
	  MAP.StartAddress += bench.regions[bench.direct].u64RegionSize)                           \
	X(map_starts_at_zero, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP; MAP.StartAddress = 0)       \
	X(map_starts_at_top, VERR_OUT_OF_RANGE, MAP_REGION, GOOD_MAP;                              \
	  MAP.StartAddress = UINT64_MAX - PAGE + 1)                                                \
	X(map_ports, VERR_NOT_SUPPORTED, MAP_REGION, if (bench.ports < 0) return;                  \
	  MAP.iRegion = bench.ports; MAP.StartAddress = bench.regions[bench.ports].RegionStart;    \
	  MAP.iRegionSize = 4)                                                                     \
	X(unmap_never_mapped, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP;                            \
	  UNMAP.pvAddressR0 = &bench; UNMAP.pvAddressR3 = &bench)                                  \
	X(unmap_other_r0, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP;                                \
	  UNMAP.pvAddressR0 = (char *)bench.map.r0 + PAGE)                                         \
	X(unmap_inside, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP;                                  \
	  UNMAP.pvAddressR0 = (char *)bench.map.r0 + 1)                                            \
	X(unmap_other_r3, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP;                                \
	  UNMAP.pvAddressR3 = (char *)bench.map.r3 + PAGE)                                         \
	X(unmap_null_r3, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP; if (!bench.map.r3) return;      \
	  UNMAP.pvAddressR3 = NULL)                                                                \
	X(unmap_other_start, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP; UNMAP.StartAddress += PAGE) \
	X(unmap_start_off_by_one, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP; UNMAP.StartAddress++)  \
	X(unmap_less, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP; UNMAP.iRegionSize--)               \
	X(unmap_more, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP; UNMAP.iRegionSize += PAGE)         \
	X(unmap_zero_bytes, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP; UNMAP.iRegionSize = 0)       \
	X(unmap_other_region, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP;                            \
	  UNMAP.iRegion = (bench.map.region + 1) % 7)                                              \
	X(unmap_start_of_other_region, VERR_NOT_FOUND, UNMAP_REGION, GOOD_UNMAP;                   \
	  UNMAP.iRegion = (bench.map.region + 1) % 7;                                              \
	  UNMAP.StartAddress = bench.regions[(bench.map.region + 1) % 7].RegionStart)

ROWS(REFUSAL)

/* The remaining domain error of unmap: a number that is no region at all. */
REFUSAL(unmap_no_region, VERR_INVALID_PARAMETER, UNMAP_REGION, GOOD_UNMAP; UNMAP.iRegion = -1)

START_TEST(unmap_twice)
{
	struct part part;

	if (bench.direct < 0)
		return;
	DONE(bench_map(bench.direct, 0, PAGE, &part));
	DONE(bench_unmap(&part));
	REFUSED(VERR_NOT_FOUND, bench_unmap(&part));
}
END_TEST

START_TEST(unmapped_address_is_dead)
{
	struct part part = bench.map;
	uint64_t value;

	if (bench.direct < 0)
		return;
	DONE(bench_mmio_read(part.r0, 4, &value));
	bench.map.r0 = NULL;
	DONE(bench_unmap(&part));
	REFUSED(VERR_INVALID_POINTER, bench_mmio_read(part.r0, 4, &value));
	REFUSED(VERR_INVALID_POINTER, bench_mmio_write(part.r0, 4, 0));
}
END_TEST

START_TEST(mapping_has_one_base)
{
	if (bench.direct < 0)
		return;
	ck_assert_ptr_nonnull(bench.map.r0);
	if (bench.map.r3)
		ck_assert_ptr_eq(bench.map.r3, bench.map.r0);
	ck_assert_uint_eq((uintptr_t)bench.map.r0 % PAGE, 0);
}
END_TEST

START_TEST(mappings_are_independent)
{
	struct part first, second;
	uint64_t value;

	if (bench.direct < 0)
		return;
	DONE(bench_map(bench.direct, 0, PAGE, &first));
	DONE(bench_map(bench.direct, 0, PAGE, &second));
	ck_assert_ptr_ne(first.r0, second.r0);
	DONE(bench_unmap(&first));
	DONE(bench_mmio_read(second.r0, 4, &value));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_unmap(&second));
}
END_TEST

START_TEST(many_mappings)
{
	struct part parts[64];
	uint64_t value;

	if (bench.direct < 0)
		return;
	for (unsigned i = 0; i < 64; i++)
		DONE(bench_map(bench.direct, 0, PAGE, &parts[i]));
	for (unsigned i = 0; i < 64; i += 2)
		DONE(bench_unmap(&parts[i]));
	for (unsigned i = 1; i < 64; i += 2)
		DONE(bench_mmio_read(parts[i].r0, 4, &value));
}
END_TEST

/* Fake only: what the regions of the rig are. */
START_TEST(info_of_each)
{
	static const struct {
		uint64_t size;
		uint32_t flags;
	} want[RAWPCI_REGIONS] = {
		[DIRECT] = { 0x10000, 0 },
		[TRAPPED] = { 2 * PAGE, 0 },
		[WIDE] = { 0x100000,
			   PCIRAW_ADDRESS_SPACE_BAR64 | PCIRAW_ADDRESS_SPACE_MEM_PREFETCH },
		[PORTS] = { 32, PCIRAW_ADDRESS_SPACE_IO },
		[ROM] = { 2 * PAGE, 0 },
	};

	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		PCIRAWREQGETREGIONINFO *info = &bench.regions[i];

		ck_assert_int_eq(info->fPresent, want[i].size > 0);
		ck_assert_uint_eq(info->u64RegionSize, want[i].size);
		ck_assert_uint_eq(info->fFlags, want[i].flags);
		ck_assert_int_eq(info->RegionStart != 0, want[i].size > 0);
		ck_assert_int_eq(info->iRegion, (int)i);
	}
	ck_assert_uint_gt(bench.regions[WIDE].RegionStart, UINT32_MAX);
}
END_TEST

/* The output area is written as a whole, whatever was in it. */
START_TEST(info_of_absent_is_zero)
{
	static const int32_t none[] = { UPPER, ABSENT };

	for (unsigned i = 0; i < 2; i++) {
		PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

		memset(&r.u, 0xff, sizeof(r.u));
		INFO.iRegion = none[i];
		DONE(bench_ask(&r));
		ck_assert(!INFO.fPresent);
		ck_assert_uint_eq(INFO.RegionStart, 0);
		ck_assert_uint_eq(INFO.u64RegionSize, 0);
		ck_assert_uint_eq(INFO.fFlags, 0);
	}
}
END_TEST

START_TEST(map_absent)
{
	struct part part;

	REFUSED(VERR_OUT_OF_RANGE, bench_map(ABSENT, 0, PAGE, &part));
	REFUSED(VERR_OUT_OF_RANGE, bench_map(UPPER, 0, PAGE, &part));
}
END_TEST

START_TEST(map_whole_of_each)
{
	static const int regions[] = { DIRECT, TRAPPED, WIDE, ROM };
	struct part part;

	for (unsigned i = 0; i < 4; i++) {
		uint64_t size = bench.regions[regions[i]].u64RegionSize;

		DONE(bench_map(regions[i], 0, size, &part));
		ck_assert_ptr_nonnull(part.r0);
		ck_assert_int_eq(part.r3 != NULL, regions[i] == DIRECT || regions[i] == WIDE);
		DONE(bench_unmap(&part));
		DONE(bench_map(regions[i], size - PAGE, PAGE, &part));
		DONE(bench_unmap(&part));
		DONE(bench_map(regions[i], size - PAGE, 1, &part));
		DONE(bench_unmap(&part));
	}
}
END_TEST

START_TEST(loads_and_stores_meet_requests)
{
	volatile uint32_t *at = (volatile uint32_t *)bench.map.r3;
	uint64_t value;

	at[4] = 0x12345678;
	DONE(bench_mmio_read((char *)bench.map.r0 + 16, 4, &value));
	ck_assert_uint_eq(value, 0x12345678);
	DONE(bench_mmio_write((char *)bench.map.r0 + 16, 2, 0xffffaaaa));
	ck_assert_uint_eq(at[4], 0x1234aaaa);
	ck_assert_ptr_nonnull(rawpci_fake_bytes(bench.rig, DIRECT));
	ck_assert_uint_eq(((uint32_t *)rawpci_fake_bytes(bench.rig, DIRECT))[4], 0x1234aaaa);
}
END_TEST

/* The page with the MSI-X table is reached by requests only; the rest both ways. */
START_TEST(msix_table_page_is_trapped)
{
	uint64_t reads = rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_REGION_READ), value;
	struct part part;

	DONE(bench_map(WIDE, 0, 0x100000, &part));
	DONE(bench_mmio_read((char *)part.r0 + 0x10, 4, &value));
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_REGION_READ), reads + 1);
	DONE(bench_mmio_write((char *)part.r0 + PAGE, 4, 77));
	DONE(bench_mmio_read((char *)part.r0 + PAGE, 4, &value));
	ck_assert_uint_eq(value, 77);
	ck_assert_uint_eq(*(volatile uint32_t *)((char *)part.r3 + PAGE), 77);
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_REGION_READ), reads + 1);
	DONE(bench_unmap(&part));
	DONE(bench_map(WIDE, 0, PAGE, &part));
	ck_assert_ptr_null(part.r3);
}
END_TEST

/* The kernel may refuse a piece; the mapping is still whole. */
START_TEST(refused_piece_is_trapped)
{
	struct part part;
	uint64_t value;

	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_REGION_MAP, 0, 1, -EPERM), 0);
	DONE(bench_map(DIRECT, 0, 2 * PAGE, &part));
	ck_assert_ptr_null(part.r3);
	DONE(bench_mmio_write((char *)part.r0 + PAGE, 4, 5));
	DONE(bench_mmio_read((char *)part.r0 + PAGE, 4, &value));
	ck_assert_uint_eq(value, 5);
	ck_assert_uint_ge(atomic_load(&bench.lines[RAWPCI_LOG_WARNING]), 1);
}
END_TEST

void add_regions(Suite *suite)
{
	TCase *tcase = tcase_create("regions");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	ROWS(ADD_ROW)
	tcase_add_test(tcase, unmap_no_region);
	tcase_add_test(tcase, unmap_twice);
	tcase_add_test(tcase, unmapped_address_is_dead);
	tcase_add_test(tcase, mapping_has_one_base);
	tcase_add_test(tcase, mappings_are_independent);
	tcase_add_test(tcase, many_mappings);
	if (bench.fake) {
		tcase_add_test(tcase, info_of_each);
		tcase_add_test(tcase, info_of_absent_is_zero);
		tcase_add_test(tcase, map_absent);
		tcase_add_test(tcase, map_whole_of_each);
		tcase_add_test(tcase, loads_and_stores_meet_requests);
		tcase_add_test(tcase, msix_table_page_is_trapped);
		tcase_add_test(tcase, refused_piece_is_trapped);
	}
	suite_add_tcase(suite, tcase);
}
