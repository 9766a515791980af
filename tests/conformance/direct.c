/* SPDX-License-Identifier: MIT */
/* Direct loads and stores while the device does not answer: they raise SIGBUS, whatever the
 * backend. */
#include "bench.h"

#include <pthread.h>

#include "touch.h"

#define COMMAND 4
#define CAPABILITIES 0x34
#define CAPABILITY_PM 1
#define PM_CONTROL 4

/* Of the mapping that the bench has; -1: it has none. */
static int load(uint32_t *value)
{
	return bench.map.r3 ? touch(bench.map.r3, value) : -1;
}

static void check_open(uint32_t is)
{
	uint32_t value = 0;

	ck_assert_int_eq(load(&value), 0);
	ck_assert_uint_eq(value, is);
}

static void check_closed(void)
{
	uint32_t value;
	uint64_t by_call;

	ck_assert_int_eq(load(&value), SIGBUS);
	ck_assert_int_eq(rawpci_mmio_read(bench.dev, bench.map.r0, 4, &by_call), -ESHUTDOWN);
}

static uint32_t find_pm(void)
{
	uint64_t at = 0, id = 0;

	DONE(bench_config_read(CAPABILITIES, 1, &at));
	while (at >= 0x40) {
		DONE(bench_config_read((uint32_t)at, 2, &id));
		if ((id & 0xff) == CAPABILITY_PM)
			return (uint32_t)at;
		at = id >> 8 & 0xfc;
	}
	return 0;
}

START_TEST(decoding_off)
{
	uint32_t is;

	if (load(&is) < 0)
		return;
	for (int i = 0; i < 3; i++) {
		DONE(bench_config_write(COMMAND, 2, 0));
		check_closed();
		DONE(bench_config_write(COMMAND, 2, 2));
		check_open(is);
	}
}
END_TEST

START_TEST(asleep)
{
	uint32_t is, pm = find_pm();
	uint64_t control = 0;

	if (load(&is) < 0 || pm == 0)
		return;
	DONE(bench_config_read(pm + PM_CONTROL, 2, &control));
	DONE(bench_config_write(pm + PM_CONTROL, 2, control | 3));
	check_closed();
	DONE(bench_config_write(pm + PM_CONTROL, 2, control & ~UINT64_C(3)));
	for (int i = 0; i < 10; i++)
		bench_pause();
	DONE(bench_config_write(COMMAND, 2, 2));
	check_open(is);
}
END_TEST

/* Without D3hot a suspended device goes on answering, and VFIO's kernel lets it be read. */
START_TEST(suspended)
{
	uint32_t is;

	if (load(&is) < 0 || find_pm() == 0)
		return;
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(load(&is), 0);
	DONE(bench_power(PCIRAW_POWER_SUSPEND));
	check_closed();
	DONE(bench_power(PCIRAW_POWER_RESUME));
	check_open(is);
	DONE(bench_power(PCIRAW_POWER_SUSPEND));
	DONE(bench_power(PCIRAW_POWER_OFF));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(load(&is), 0);
}
END_TEST

START_TEST(mapped_while_decoding_is_off)
{
	struct part part;
	uint32_t is, value;

	if (load(&is) < 0)
		return;
	DONE(bench_config_write(COMMAND, 2, 0));
	DONE(bench_map(bench.direct, 0, PAGE, &part));
	ck_assert_ptr_nonnull(part.r3);
	ck_assert_int_eq(touch(part.r3, &value), SIGBUS);
	DONE(bench_config_write(COMMAND, 2, 2));
	ck_assert_int_eq(touch(part.r3, &value), 0);
	ck_assert_uint_eq(value, is);
	DONE(bench_config_write(COMMAND, 2, 0));
	DONE(bench_unmap(&part));
}
END_TEST

/* Fake only from here. */

/* What the library is asked for is refused, and never raises a signal. */
static void *reader(void *arg)
{
	atomic_uint *ends = arg;
	uint64_t value;

	while (!atomic_load(ends)) {
		int r = rawpci_mmio_read(bench.dev, bench.map.r0, 4, &value);

		if (r != 0 && r != -ESHUTDOWN)
			return arg;
	}
	return NULL;
}

START_TEST(calls_meet_the_change)
{
	pthread_t threads[2];
	atomic_uint ends = 0;
	void *bad;

	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, reader, &ends), 0);
	for (int i = 0; i < 300; i++)
		DONE(bench_config_write(COMMAND, 2, i & 1 ? 2 : 0));
	atomic_store(&ends, 1);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &bad), 0);
		ck_assert_ptr_null(bad);
	}
}
END_TEST

START_TEST(gone)
{
	uint64_t value;
	uint32_t is;

	ck_assert_int_eq(load(&is), 0);
	ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	switch (_i) {
	case 0:
		ck_assert_int_eq(bench_config_read(0, 4, &value), VERR_INVALID_STATE);
		break;
	case 1:
		ck_assert_int_eq(bench_mmio_read(bench.map.r0, 4, &value), VERR_INVALID_STATE);
		break;
	case 2:
		ck_assert_int_eq(rawpci_mmio_read(bench.dev, bench.map.r0, 4, &value), -ESHUTDOWN);
		break;
	default:
		ck_assert_int_eq(rawpci_region_read(bench.dev, DIRECT, 0, 4, &value), -ESHUTDOWN);
	}
	check_closed();
}
END_TEST

/* The kernel does not map one of two again: it is trapped, and the other one is not. */
START_TEST(cannot_be_mapped_again)
{
	unsigned warnings = atomic_load(&bench.lines[RAWPCI_LOG_WARNING]);
	struct part part;
	uint64_t reads, value;
	uint32_t direct;

	DONE(bench_map(DIRECT, 0, PAGE, &part));
	DONE(bench_mmio_write(bench.map.r0, 4, 0x12345678));
	DONE(bench_config_write(COMMAND, 2, 0));
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_REGION_MAP, 0, 1, -EIO), 0);
	DONE(bench_config_write(COMMAND, 2, 2));
	ck_assert_uint_eq(atomic_load(&bench.lines[RAWPCI_LOG_WARNING]), warnings + 1);
	ck_assert_int_eq(load(&direct), SIGBUS);
	ck_assert_int_eq(touch(part.r3, &direct), 0);
	ck_assert_uint_eq(direct, 0x12345678);
	reads = rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_REGION_READ);
	DONE(bench_mmio_read(part.r0, 4, &value));
	ck_assert_uint_eq(value, 0x12345678);
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_REGION_READ), reads);
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	ck_assert_uint_eq(value, 0x12345678);
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_REGION_READ), reads + 1);
	DONE(bench_unmap(&bench.map));
	bench.map.r0 = bench.map.r3 = NULL;
	DONE(bench_unmap(&part));
}
END_TEST

static struct {
	struct rawpci_mapping map;
	int raised; /* in the model's reset */
} held;

static void touch_in_reset(void *opaque, struct rawpci_fake *fake)
{
	uint32_t value;

	(void)opaque;
	(void)fake;
	if (held.map.cpu)
		held.raised = touch(held.map.cpu, &value);
}

START_TEST(in_reset)
{
	static const struct rawpci_fake_model model = { .reset = touch_in_reset };
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.bars = { [0] = { .size = PAGE } },
		.extended = true,
		.model = &model,
	};
	struct rawpci_device *dev;
	uint32_t at = 0x80 + 8, control = 0; /* Device Control */

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
	ck_assert_int_eq(rawpci_device_open(bench.ctx, NULL, "00:06.0", 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0, PAGE, &held.map), 0);
	held.raised = 0;
	if (_i == 0) {
		ck_assert_int_eq(rawpci_device_reset(dev), 0);
		ck_assert_int_eq(touch(held.map.cpu, &control), 0);
	} else {
		ck_assert_int_eq(rawpci_config_read(dev, at, 2, &control), 0);
		ck_assert_int_eq(rawpci_config_write(dev, at, 2, control | 0x8000), 0);
	}
	ck_assert_int_eq(held.raised, SIGBUS);
	held.map.cpu = NULL;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
}
END_TEST

void add_direct(Suite *suite)
{
	TCase *tcase = tcase_create("direct");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, decoding_off);
	tcase_add_test(tcase, asleep);
	tcase_add_test(tcase, suspended);
	tcase_add_test(tcase, mapped_while_decoding_is_off);
	if (bench.fake) {
		tcase_add_test(tcase, calls_meet_the_change);
		tcase_add_loop_test(tcase, gone, 0, 4);
		tcase_add_test(tcase, cannot_be_mapped_again);
		tcase_add_loop_test(tcase, in_reset, 0, 2);
	}
	suite_add_tcase(suite, tcase);
}
