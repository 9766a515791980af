/* SPDX-License-Identifier: MIT */
/* Power states: their order, and what they do to everything else. */
#include "bench.h"

#define ON PCIRAW_POWER_ON
#define OFF PCIRAW_POWER_OFF
#define SUSPEND PCIRAW_POWER_SUSPEND
#define RESUME PCIRAW_POWER_RESUME

static const uint32_t unknown[] = { 4, 5, 0x7fffffff, 0x80000000, 0xffffffff };

START_TEST(unknown_state)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_POWER_STATE_CHANGE);

	r.u.aPowerStateChange.iState = unknown[_i];
	REFUSED(VERR_INVALID_PARAMETER, bench_ask(&r));
}
END_TEST

/* Each state reached by a path, and what it refuses. */
static const struct {
	PCIRAWPOWERSTATE path[4];
	unsigned steps;
	PCIRAWPOWERSTATE refused[3];
	unsigned refusals;
} orders[] = {
	{ { ON }, 0, { OFF, SUSPEND, RESUME }, 3 },
	{ { ON }, 1, { ON, RESUME }, 2 },
	{ { ON, SUSPEND }, 2, { ON, SUSPEND }, 2 },
	{ { ON, SUSPEND, RESUME }, 3, { ON, RESUME }, 2 },
	{ { ON, OFF }, 2, { OFF, SUSPEND, RESUME }, 3 },
	{ { ON, SUSPEND, OFF }, 3, { OFF, SUSPEND, RESUME }, 3 },
	{ { ON, SUSPEND, OFF, ON }, 4, { ON, RESUME }, 2 },
};

START_TEST(wrong_order)
{
	for (unsigned i = 0; i < orders[_i].steps; i++)
		DONE(bench_power(orders[_i].path[i]));
	for (unsigned i = 0; i < orders[_i].refusals; i++)
		REFUSED(VERR_WRONG_ORDER, bench_power(orders[_i].refused[i]));
}
END_TEST

START_TEST(on_decodes_and_masters)
{
	uint64_t command;

	DONE(bench_config_write(4, 2, 0));
	DONE(bench_power(ON));
	DONE(bench_config_read(4, 2, &command));
	ck_assert_uint_eq(command & 4, 4);
	if (bench.direct >= 0)
		ck_assert_uint_eq(command & 2, 2);
	if (bench.ports >= 0)
		ck_assert_uint_eq(command & 1, 1);
	DONE(bench_power(OFF));
	DONE(bench_config_read(4, 2, &command));
	ck_assert_uint_eq(command & 4, 0);
}
END_TEST

START_TEST(off_remembers_bus_mastering)
{
	uint64_t command;

	for (unsigned i = 0; i < 2; i++) {
		for (unsigned width = 1; width <= 4; width *= 2) {
			DONE(bench_config_write(4, width, 7));
			DONE(bench_config_read(4, width, &command));
			ck_assert_uint_eq(command & 4, 4);
			DONE(bench_config_write(4, width, 3));
			DONE(bench_config_read(4, 2, &command));
			ck_assert_uint_eq(command & 4, 0);
		}
		DONE(bench_config_write(4, 2, 7));
		REFUSED(VERR_WRONG_ORDER, bench_power(RESUME));
		DONE(bench_power(ON));
		DONE(bench_power(SUSPEND));
		DONE(bench_power(RESUME));
		DONE(bench_config_read(4, 2, &command));
		ck_assert_uint_eq(command & 4, 4);
		DONE(bench_power(OFF));
		DONE(bench_config_read(4, 2, &command));
		ck_assert_uint_eq(command & 4, 0);
	}
}
END_TEST

static void never(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
	ck_abort();
}

/* Everything that touches a suspended device. */
START_TEST(suspended)
{
	struct part part;
	uint64_t value;
	int32_t irq;

	DONE(bench_power(ON));
	DONE(bench_power(SUSPEND));
	REFUSED(VERR_INVALID_STATE, bench_config_read(0, 4, &value));
	REFUSED(VERR_INVALID_STATE, bench_config_write(0x3c, 1, 0));
	REFUSED(VERR_INVALID_STATE, bench_register(never, NULL, &irq));
	if (bench.direct >= 0) {
		REFUSED(VERR_INVALID_STATE, bench_mmio_read(bench.map.r0, 4, &value));
		REFUSED(VERR_INVALID_STATE, bench_mmio_write(bench.map.r0, 4, 0));
		REFUSED(VERR_INVALID_STATE, bench_map(bench.direct, 0, PAGE, &part));
	}
	if (bench.ports >= 0) {
		PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PIO_READ);

		r.u.aPioRead.iPort = (uint16_t)bench.regions[bench.ports].RegionStart;
		r.u.aPioRead.cb = 1;
		REFUSED(VERR_INVALID_STATE, bench_ask(&r));
		r.iRequest = PCIRAWR0_DO_PIO_WRITE;
		REFUSED(VERR_INVALID_STATE, bench_ask(&r));
	}
	REFUSED(-ESHUTDOWN, rawpci_device_reset(bench.dev));
	/* Arguments first, state last. */
	REFUSED(VERR_INVALID_PARAMETER, bench_config_read(0, 3, &value));
	REFUSED(VERR_OUT_OF_RANGE, bench_config_read(0x1000, 4, &value));
	DONE(bench_power(RESUME));
	DONE(bench_config_read(0, 4, &value));
}
END_TEST

/* What needs no device goes on. */
START_TEST(suspended_bookkeeping)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

	DONE(bench_power(ON));
	DONE(bench_power(SUSPEND));
	DONE(bench_ask(&r));
	if (bench.direct >= 0) {
		DONE(bench_unmap(&bench.map));
		bench.map.r0 = NULL;
	}
	DONE(bench_close());
}
END_TEST

START_TEST(resume_restores)
{
	uint64_t before[16], after[16];

	DONE(bench_power(ON));
	DONE(bench_config_write(0x3c, 1, 0x5a));
	DONE(bench_config_write(0x0c, 1, 0x10));
	for (unsigned i = 0; i < 16; i++)
		DONE(bench_config_read(4 * i, 4, &before[i]));
	DONE(bench_power(SUSPEND));
	DONE(bench_power(RESUME));
	for (unsigned i = 0; i < 16; i++) {
		DONE(bench_config_read(4 * i, 4, &after[i]));
		ck_assert_msg(before[i] == after[i], "config dword %u: %#lx, then %#lx", i,
			      (unsigned long)before[i], (unsigned long)after[i]);
	}
}
END_TEST

START_TEST(mapping_survives_states)
{
	uint64_t value;

	if (bench.direct < 0)
		return;
	DONE(bench_power(ON));
	DONE(bench_power(SUSPEND));
	DONE(bench_power(RESUME));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_power(OFF));
	DONE(bench_config_write(4, 2, 3));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
}
END_TEST

START_TEST(cycles)
{
	for (unsigned i = 0; i < (bench.fake ? 10u : 2u); i++) {
		DONE(bench_power(ON));
		DONE(bench_power(SUSPEND));
		DONE(bench_power(RESUME));
		DONE(bench_power(OFF));
	}
}
END_TEST

/* Fake only: the device was just reset by being opened, and is not reset again for nothing. */
START_TEST(on_after_open_does_not_reset_again)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	uint64_t resets;

	DONE(bench_close());
	bench.map.r0 = NULL;
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	resets = atomic_load(&seen.resets);
	DONE(bench_power(ON));
	ck_assert_uint_eq(atomic_load(&seen.resets), resets);
	DONE(bench_power(OFF));
	ck_assert_uint_eq(atomic_load(&seen.resets), resets + 1);
}
END_TEST

START_TEST(on_after_use_resets)
{
	uint64_t resets = atomic_load(&seen.resets);

	DONE(bench_mmio_write(bench.map.r0, 4, 1));
	DONE(bench_power(ON));
	ck_assert_uint_eq(atomic_load(&seen.resets), resets + 1);
}
END_TEST

/* Stores through a mapping are not seen by the library: a device with one counts as used, in every
 * state. */
START_TEST(stores_through_a_mapping_are_use)
{
	volatile uint32_t *at = (volatile uint32_t *)bench.map.r3;
	unsigned resets;

	DONE(bench_power(ON));
	DONE(bench_power(OFF));
	*at = 1;
	resets = atomic_load(&seen.resets);
	DONE(bench_power(ON));
	ck_assert_uint_eq(atomic_load(&seen.resets), resets + 1);
}
END_TEST

START_TEST(close_from_every_state)
{
	static const PCIRAWPOWERSTATE path[] = { ON, SUSPEND };
	volatile uint32_t *at = (volatile uint32_t *)bench.map.r3;
	unsigned resets;

	if (_i > 0)
		DONE(bench_power(path[0]));
	*at = 1;
	if (_i > 1)
		DONE(bench_power(path[1]));
	resets = atomic_load(&seen.resets);
	DONE(bench_close());
	ck_assert_uint_eq(atomic_load(&seen.resets), resets + 1);
	bench.map.r0 = NULL;
	DONE(bench_reopen());
	DONE(bench_power(ON));
}
END_TEST

void add_power(Suite *suite)
{
	TCase *tcase = tcase_create("power");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_loop_test(tcase, unknown_state, 0, 5);
	tcase_add_loop_test(tcase, wrong_order, 0, 7);
	tcase_add_test(tcase, on_decodes_and_masters);
	tcase_add_test(tcase, off_remembers_bus_mastering);
	tcase_add_test(tcase, suspended);
	tcase_add_test(tcase, suspended_bookkeeping);
	tcase_add_test(tcase, resume_restores);
	tcase_add_test(tcase, mapping_survives_states);
	tcase_add_test(tcase, cycles);
	if (bench.fake) {
		tcase_add_test(tcase, on_after_open_does_not_reset_again);
		tcase_add_test(tcase, on_after_use_resets);
		tcase_add_test(tcase, stores_through_a_mapping_are_use);
		tcase_add_loop_test(tcase, close_from_every_state, 0, 3);
	}
	suite_add_tcase(suite, tcase);
}
