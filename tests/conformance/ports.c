/* SPDX-License-Identifier: MIT */
/* The second door refuses what the first one refuses. */
#include "bench.h"

#define P bench.port
#define START (bench.map.start)

static void never(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
	ck_abort();
}

static int config_read(uint32_t offset, unsigned width)
{
	PCIRAWMEMLOC value = { { .u64 = 0x1122334455667788 }, (uint8_t)width };
	int status = P->pfnPciCfgRead(P, offset, &value);

	if (status != VINF_SUCCESS)
		ck_assert_uint_eq(value.u.u64, 0x1122334455667788);
	return status;
}

static int config_write(uint32_t offset, unsigned width)
{
	PCIRAWMEMLOC value = { { .u64 = 0x1122334455667788 }, (uint8_t)width };

	return P->pfnPciCfgWrite(P, offset, &value);
}

static int map(int32_t region, uint64_t start, uint64_t size, int32_t flags)
{
	RTR0PTR base = &bench;
	int status = P->pfnMapRegion(P, region, start, size, flags, &base);

	if (status != VINF_SUCCESS)
		ck_assert_ptr_eq(base, &bench);
	return status;
}

static int info(int32_t region)
{
	RTHCPHYS start = 1;
	uint64_t size = 2;
	bool present = true;
	uint32_t flags = 3;
	int status = P->pfnGetRegionInfo(P, region, &start, &size, &present, &flags);

	if (status != VINF_SUCCESS)
		ck_assert(start == 1 && size == 2 && present && flags == 3);
	return status;
}

static int register_irq(PFNRAWPCIISR handler)
{
	int32_t irq = -7;
	int status = P->pfnRegisterIrqHandler(P, handler, NULL, &irq);

	if (status != VINF_SUCCESS)
		ck_assert_int_eq(irq, -7);
	return status;
}

#define CASE(name, want, call)                                                                     \
	START_TEST(port_##name)                                                                    \
	{                                                                                          \
		REFUSED(want, call);                                                               \
	}                                                                                          \
	END_TEST
#define MAPPED(name, want, call)                                                                   \
	START_TEST(port_##name)                                                                    \
	{                                                                                          \
		if (bench.direct < 0)                                                              \
			return;                                                                    \
		REFUSED(want, call);                                                               \
	}                                                                                          \
	END_TEST

#define CASES(X)                                                                                   \
	X(init_twice, VERR_WRONG_ORDER, P->pfnInit(P, 0))                                          \
	X(init_flags, VERR_INVALID_FLAGS, P->pfnInit(P, 2))                                        \
	X(deinit_flags, VERR_INVALID_FLAGS, P->pfnDeinit(P, 1))                                    \
	X(info_minus_one, VERR_INVALID_PARAMETER, info(-1))                                        \
	X(info_seven, VERR_INVALID_PARAMETER, info(7))                                             \
	X(config_read_null, VERR_INVALID_POINTER, P->pfnPciCfgRead(P, 0, NULL))                    \
	X(config_read_width_0, VERR_INVALID_PARAMETER, config_read(0, 0))                          \
	X(config_read_width_3, VERR_INVALID_PARAMETER, config_read(0, 3))                          \
	X(config_read_width_8, VERR_INVALID_PARAMETER, config_read(0, 8))                          \
	X(config_read_misaligned, VERR_UNSUPPORTED_ALIGNMENT, config_read(2, 4))                   \
	X(config_read_beyond, VERR_OUT_OF_RANGE, config_read(0x1000, 4))                           \
	X(config_read_wraps, VERR_OUT_OF_RANGE, config_read(0xfffffffe, 2))                        \
	X(config_write_null, VERR_INVALID_POINTER, P->pfnPciCfgWrite(P, 0, NULL))                  \
	X(config_write_width_3, VERR_INVALID_PARAMETER, config_write(4, 3))                        \
	X(config_write_width_8, VERR_INVALID_PARAMETER, config_write(0, 8))                        \
	X(config_write_misaligned, VERR_UNSUPPORTED_ALIGNMENT, config_write(5, 2))                 \
	X(config_write_wraps, VERR_OUT_OF_RANGE, config_write(0xfffffffc, 4))                      \
	X(register_null, VERR_INVALID_POINTER, register_irq(NULL))                                 \
	X(register_null_output, VERR_INVALID_POINTER,                                              \
	  P->pfnRegisterIrqHandler(P, never, NULL, NULL))                                          \
	X(unregister_zero, VERR_NOT_FOUND, P->pfnUnregisterIrqHandler(P, 0))                       \
	X(unregister_minus_one, VERR_NOT_FOUND, P->pfnUnregisterIrqHandler(P, -1))                 \
	X(unregister_unknown, VERR_NOT_FOUND, P->pfnUnregisterIrqHandler(P, 99))                   \
	X(power_unknown, VERR_INVALID_PARAMETER, P->pfnPowerStateChange(P, (PCIRAWPOWERSTATE)4))   \
	X(power_largest, VERR_INVALID_PARAMETER,                                                   \
	  P->pfnPowerStateChange(P, PCIRAW_POWER_32BIT_HACK))                                      \
	X(power_order, VERR_WRONG_ORDER, P->pfnPowerStateChange(P, PCIRAW_POWER_RESUME))

#define MAP_CASES(X)                                                                               \
	X(map_null_output, VERR_INVALID_POINTER,                                                   \
	  P->pfnMapRegion(P, bench.direct, START, PAGE, 0, NULL))                                  \
	X(map_minus_one, VERR_INVALID_PARAMETER, map(-1, START, PAGE, 0))                          \
	X(map_seven, VERR_INVALID_PARAMETER, map(7, START, PAGE, 0))                               \
	X(map_nothing, VERR_INVALID_PARAMETER, map(bench.direct, START, 0, 0))                     \
	X(map_flags, VERR_INVALID_FLAGS, map(bench.direct, START, PAGE, 1))                        \
	X(map_negative_flags, VERR_INVALID_FLAGS, map(bench.direct, START, PAGE, -1))              \
	X(map_misaligned, VERR_UNSUPPORTED_ALIGNMENT, map(bench.direct, START + 1, PAGE, 0))       \
	X(map_overflows, VERR_OUT_OF_RANGE, map(bench.direct, START, UINT64_MAX, 0))               \
	X(map_before, VERR_OUT_OF_RANGE, map(bench.direct, START - PAGE, PAGE, 0))                 \
	X(unmap_null, VERR_NOT_FOUND, P->pfnUnmapRegion(P, bench.direct, START, PAGE, NULL))       \
	X(unmap_other_base, VERR_NOT_FOUND,                                                        \
	  P->pfnUnmapRegion(P, bench.direct, START, PAGE, (char *)bench.map.r0 + 1))               \
	X(unmap_other_start, VERR_NOT_FOUND,                                                       \
	  P->pfnUnmapRegion(P, bench.direct, START + 1, PAGE, bench.map.r0))                       \
	X(unmap_other_size, VERR_NOT_FOUND,                                                        \
	  P->pfnUnmapRegion(P, bench.direct, START, PAGE + 1, bench.map.r0))                       \
	X(unmap_other_region, VERR_NOT_FOUND,                                                      \
	  P->pfnUnmapRegion(P, (bench.direct + 1) % 7, START, PAGE, bench.map.r0))

CASES(CASE)
MAP_CASES(MAPPED)

/* One output missing at a time. */
START_TEST(port_info_null_outputs)
{
	RTHCPHYS start;
	uint64_t size;
	bool present;
	uint32_t flags;

	REFUSED(VERR_INVALID_POINTER, P->pfnGetRegionInfo(P, 0, NULL, &size, &present, &flags));
	REFUSED(VERR_INVALID_POINTER, P->pfnGetRegionInfo(P, 0, &start, NULL, &present, &flags));
	REFUSED(VERR_INVALID_POINTER, P->pfnGetRegionInfo(P, 0, &start, &size, NULL, &flags));
	REFUSED(VERR_INVALID_POINTER, P->pfnGetRegionInfo(P, 0, &start, &size, &present, NULL));
}
END_TEST

/* What one door did the other one sees. */
START_TEST(port_and_requests_are_one_device)
{
	RTR0PTR base = NULL;
	PCIRAWMEMLOC loc = { { 0 }, 4 };
	RTHCPHYS start;
	uint64_t size, value;
	bool present;
	uint32_t flags;

	DONE(P->pfnPciCfgRead(P, 0, &loc));
	DONE(bench_config_read(0, 4, &value));
	ck_assert_uint_eq(loc.u.u64, value);
	for (int32_t i = 0; i < RAWPCI_REGIONS; i++) {
		DONE(P->pfnGetRegionInfo(P, i, &start, &size, &present, &flags));
		ck_assert_uint_eq(start, bench.regions[i].RegionStart);
		ck_assert_uint_eq(size, bench.regions[i].u64RegionSize);
		ck_assert_int_eq(present, bench.regions[i].fPresent);
		ck_assert_uint_eq(flags, bench.regions[i].fFlags);
	}
	if (bench.direct < 0)
		return;
	DONE(P->pfnMapRegion(P, bench.direct, START, PAGE, 0, &base));
	DONE(bench_mmio_read(base, 4, &value));
	DONE(P->pfnUnmapRegion(P, bench.direct, START, PAGE, base));
	REFUSED(VERR_INVALID_POINTER, bench_mmio_read(base, 4, &value));
	DONE(P->pfnUnmapRegion(P, bench.direct, START, PAGE, bench.map.r0));
	bench.map.r0 = NULL;
	DONE(P->pfnPowerStateChange(P, PCIRAW_POWER_ON));
	REFUSED(VERR_WRONG_ORDER, bench_power(PCIRAW_POWER_ON));
}
END_TEST

#define ADD_PORT(name, ...) tcase_add_test(tcase, port_##name);

void add_ports(Suite *suite)
{
	TCase *tcase = tcase_create("ports");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	CASES(ADD_PORT)
	MAP_CASES(ADD_PORT)
	tcase_add_test(tcase, port_info_null_outputs);
	tcase_add_test(tcase, port_and_requests_are_one_device);
	suite_add_tcase(suite, tcase);
}
