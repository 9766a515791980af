/* SPDX-License-Identifier: MIT */
/* A device that was pulled out. Fake only. */
#include "bench.h"

static void never(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
	ck_abort();
}

static PCIRAWSENDREQ port_request(PCIRAWR0OPERATION operation)
{
	PCIRAWSENDREQ r = bench_request(operation);

	r.u.aPioRead.iPort = (uint16_t)bench.regions[PORTS].RegionStart;
	r.u.aPioRead.cb = 4;
	return r;
}

/* Found out by whichever access comes first; no all-ones pass for data. */
static int first_access(int which)
{
	struct part part;
	PCIRAWSENDREQ r;
	uint64_t value;

	switch (which) {
	case 0:
		return bench_config_read(0, 4, &value);
	case 1:
		return bench_config_read(0x3c, 1, &value);
	case 2:
		return bench_mmio_read(bench.map.r0, 4, &value);
	case 3:
		DONE(bench_map(TRAPPED, 0, PAGE, &part));
		return bench_mmio_read(part.r0, 8, &value);
	case 4:
		r = port_request(PCIRAWR0_DO_PIO_READ);
		return bench_ask(&r);
	case 5:
		return rawpci_mmio_read(bench.dev, bench.map.r0, 4, &value);
	default:
		return rawpci_region_read(bench.dev, DIRECT, 0, 4, &value);
	}
}

START_TEST(first_read_finds_out)
{
	ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	ck_assert_int_eq(first_access(_i), _i < 5 ? VERR_INVALID_STATE : -ESHUTDOWN);
	ck_assert_uint_eq(bench_failures(), 2); /* that it is gone, and the refusal */
}
END_TEST

START_TEST(everything_after_that)
{
	PCIRAWSENDREQ r = port_request(PCIRAWR0_DO_PIO_READ);
	struct part part;
	uint64_t value;
	int32_t irq;

	ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	ck_assert_int_eq(bench_config_read(0, 4, &value), VERR_INVALID_STATE);
	REFUSED(VERR_INVALID_STATE, bench_config_read(0, 2, &value));
	REFUSED(VERR_INVALID_STATE, bench_config_write(4, 2, 3));
	REFUSED(VERR_INVALID_STATE, bench_mmio_read(bench.map.r0, 4, &value));
	REFUSED(VERR_INVALID_STATE, bench_mmio_write(bench.map.r0, 4, 0));
	REFUSED(VERR_INVALID_STATE, bench_map(DIRECT, 0, PAGE, &part));
	REFUSED(VERR_INVALID_STATE, bench_ask(&r));
	REFUSED(VERR_INVALID_STATE, bench_register(never, NULL, &irq));
	REFUSED(VERR_INVALID_STATE, bench_power(PCIRAW_POWER_ON));
	REFUSED(-ESHUTDOWN, rawpci_device_reset(bench.dev));
	/* What is wrong with the request comes before the state. */
	REFUSED(VERR_INVALID_PARAMETER, bench_config_read(0, 3, &value));
	REFUSED(VERR_UNSUPPORTED_ALIGNMENT, bench_mmio_read((char *)bench.map.r0 + 1, 4, &value));
}
END_TEST

START_TEST(bookkeeping_goes_on)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

	ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	DONE(bench_ask(&r));
	ck_assert_uint_eq(r.u.aGetRegionInfo.u64RegionSize, 0x10000);
	DONE(bench_unmap(&bench.map));
	bench.map.r0 = NULL;
	DONE(bench_close());
	REFUSED(VERR_NOT_FOUND, bench_reopen());
}
END_TEST

START_TEST(pulled_out_in_every_state)
{
	static const PCIRAWPOWERSTATE path[] = { PCIRAW_POWER_ON, PCIRAW_POWER_SUSPEND };
	int32_t irq;

	DONE(bench_register(never, NULL, &irq));
	for (int i = 0; i < _i; i++)
		DONE(bench_power(path[i]));
	ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	DONE(bench_close());
	bench.map.r0 = NULL;
}
END_TEST

START_TEST(off_still_works)
{
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	DONE(bench_power(PCIRAW_POWER_OFF));
}
END_TEST

void add_gone(Suite *suite)
{
	TCase *tcase = tcase_create("gone");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_loop_test(tcase, first_read_finds_out, 0, 7);
	tcase_add_test(tcase, everything_after_that);
	tcase_add_test(tcase, bookkeeping_goes_on);
	tcase_add_loop_test(tcase, pulled_out_in_every_state, 0, 3);
	tcase_add_test(tcase, off_still_works);
	suite_add_tcase(suite, tcase);
}
