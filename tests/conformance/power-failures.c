/* SPDX-License-Identifier: MIT */
/* The state of a device after a power change or a reset, also one that fails half-way. Fake only. */
#include "bench.h"

/* PCI Local Bus 3.0, 6.7; PCI Express 3.0, 7.8.4 */
#define CAPABILITIES 0x34
#define CAPABILITY_EXPRESS 0x10
#define EXPRESS_CONTROL 8
#define EXPRESS_RESET 0x8000

static char host[2 * PAGE] __attribute__((aligned(PAGE)));

static unsigned command(void)
{
	uint64_t value = 0;

	DONE(bench_config_read(4, 2, &value));
	return (unsigned)value;
}

static bool does_dma(uint64_t to)
{
	const char byte = 7;

	return rawpci_fake_dma_write(bench.rig, to, &byte, 1) == 0;
}

static uint64_t resets(void)
{
	return rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_RESET);
}

static void setup(void)
{
	bench_open();
	DONE(bench_memory(host, 0, PAGE, PCIRAW_MEMINFO_MAP));
}

START_TEST(a_failed_suspend_leaves_bus_mastering_off)
{
	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_config_write(4, 2, 2));
	ck_assert(!does_dma(0));
	/* Bus mastering is off already: the first write is the one to D3hot. */
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_CFG_WRITE, 0, 1, -EIO), 0);
	ck_assert_int_eq(bench_power(PCIRAW_POWER_SUSPEND), VERR_DEV_IO_ERROR);
	ck_assert_uint_eq(command(), 2);
	ck_assert(!does_dma(0));
}
END_TEST

START_TEST(a_reset_leaves_bus_mastering_off)
{
	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_config_write(4, 2, 2));
	ck_assert_int_eq(rawpci_device_reset(bench.dev), 0);
	ck_assert_uint_eq(command(), 2);
	ck_assert(!does_dma(0));
}
END_TEST

START_TEST(a_reset_keeps_the_command_register)
{
	static const unsigned commands[] = { 0, 2, 4, 6, 7 };

	if (_i >= 5)
		DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_config_write(4, 2, commands[_i % 5]));
	ck_assert_int_eq(rawpci_device_reset(bench.dev), 0);
	ck_assert_uint_eq(command(), commands[_i % 5]);
}
END_TEST

START_TEST(registers_written_while_off_are_reset_at_power_on)
{
	uint64_t before;

	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_power(PCIRAW_POWER_OFF));
	/* The first access of a mapping may not be its last. */
	for (unsigned i = 0; i < 3; i++)
		DONE(bench_mmio_write(bench.map.r0, 4, 0x12345678));
	before = resets();
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_uint_eq(resets(), before + 1);
}
END_TEST

START_TEST(registers_written_while_on_are_reset_by_close)
{
	uint64_t before;

	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_mmio_write(bench.map.r0, 4, 1));
	before = resets();
	DONE(bench_close());
	ck_assert_uint_eq(resets(), before + 1);
}
END_TEST

/* The device is off, but one page is still mapped for it. The guest no longer owns that memory. */
START_TEST(memory_that_would_not_unmap_is_unmapped_later)
{
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_DMA_UNMAP, 0, 1, -EIO), 0);
	DONE(bench_power(PCIRAW_POWER_OFF));
	ck_assert_uint_eq(atomic_load(&bench.lines[RAWPCI_LOG_WARNING]), 1);
	DONE(bench_memory(host, 0, PAGE, PCIRAW_MEMINFO_UNMAP));
	ck_assert_uint_eq(rawpci_fake_dma_mappings(bench.rig), 0);
	DONE(bench_config_write(4, 2, 4));
	ck_assert(!does_dma(0));
	ck_assert_int_eq(host[0], 0);
	DONE(bench_memory(host + PAGE, 0, PAGE, PCIRAW_MEMINFO_MAP));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert(does_dma(0));
	ck_assert_int_eq(host[0], 0);
	ck_assert_int_eq(host[PAGE], 7);
}
END_TEST

static void count(void *context, int32_t irq)
{
	(void)irq;
	atomic_fetch_add((atomic_uint *)context, 1);
}

static unsigned express_control(void)
{
	uint64_t at = 0, id = 0;

	DONE(bench_config_read(CAPABILITIES, 1, &at));
	while (at != 0) {
		DONE(bench_config_read((uint32_t)at, 1, &id));
		if (id == CAPABILITY_EXPRESS)
			return (unsigned)at + EXPRESS_CONTROL;
		DONE(bench_config_read((uint32_t)at + 1, 1, &at));
	}
	ck_abort_msg("no PCI Express capability");
	return 0;
}

/* The guest resets its device through config space; the handlers stay armed. */
START_TEST(interrupts_arrive_after_a_reset_asked_of_config_space)
{
	static atomic_uint runs;
	unsigned at, before;
	uint64_t control;
	int32_t irq;

	DONE(bench_register(count, &runs, &irq));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&runs, 1);
	at = express_control();
	DONE(bench_config_read(at, 2, &control));
	DONE(bench_config_write(at, 2, control | EXPRESS_RESET));
	DONE(bench_config_write(4, 2, 6));
	before = atomic_load(&runs);
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&runs, before + 1);
}
END_TEST

/* Another device of the VM is on, so that its memory is mapped for this one, too. */
static void open_other(struct rawpci_device **other)
{
	ck_assert_int_eq(rawpci_device_open(bench.ctx, bench.vm.pDriverData, "0000:00:04.0", 0,
					    other),
			 0);
	ck_assert_int_eq(rawpci_device_power(*other, RAWPCI_POWER_ON), 0);
}

static int write_by(bool port, uint32_t offset, unsigned width, uint32_t value)
{
	PCIRAWMEMLOC at = { .cb = (uint8_t)width };

	at.u.u32 = value;
	return port ? bench.port->pfnPciCfgWrite(bench.port, offset, &at)
		    : bench_config_write(offset, width, value);
}

static void never_master(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
	ck_abort_msg("a message-signalled interrupt of a device that is off");
}

START_TEST(off_masters_nothing_whatever_is_written)
{
	static const unsigned widths[] = { 1, 2, 4 };
	struct rawpci_device *other;
	int32_t irq;

	open_other(&other);
	DONE(bench_register(never_master, NULL, &irq));
	for (unsigned i = 0; i < 6; i++) {
		DONE(write_by(i & 1, 4, widths[i / 2], 6));
		ck_assert_uint_eq(command(), 6);
		ck_assert(!does_dma(0));
		(void)rawpci_fake_raise(bench.rig, 0);
		DONE(write_by(i & 1, 4, widths[i / 2], 2));
		ck_assert_uint_eq(command(), 2);
	}
	DONE(write_by(false, 4, 2, 6));
	ck_assert_int_eq(rawpci_device_reset(bench.dev), 0);
	ck_assert_uint_eq(command(), 6);
	ck_assert(!does_dma(0));
	DONE(bench_unregister(irq));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert(does_dma(0));
	DONE(bench_power(PCIRAW_POWER_OFF));
	ck_assert_uint_eq(command() & 4, 0);
	DONE(write_by(true, 4, 2, 6));
	ck_assert_uint_eq(command(), 6);
	ck_assert(!does_dma(0));
	ck_assert_int_eq(rawpci_device_close(other), 0);
}
END_TEST

/* Each failure of a power-on leaves bus mastering, COMMAND and the power state as they were. */
START_TEST(a_refused_power_on_changes_nothing)
{
	static const enum rawpci_fake_point points[] = {
		RAWPCI_FAKE_DMA_MAP,
		RAWPCI_FAKE_RESET,
		RAWPCI_FAKE_CFG_WRITE,
		RAWPCI_FAKE_CFG_READ,
	};
	struct rawpci_device *other = NULL;
	uint64_t value;

	if (points[_i / 8] != RAWPCI_FAKE_DMA_MAP)
		open_other(&other);
	DONE(bench_config_write(4, 2, 6));
	DONE(bench_config_write(0x44, 2, 3)); /* asleep */
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, points[_i / 8], (unsigned)_i % 8, 1, -EIO), 0);
	if (bench_power(PCIRAW_POWER_ON) == 0) {
		DONE(bench_power(PCIRAW_POWER_OFF));
	} else {
		(void)rawpci_fake_fail(bench.ctx, points[_i / 8], 0, 0, 0);
		ck_assert_int_eq(bench_mmio_read(bench.map.r0, 4, &value), VERR_INVALID_STATE);
		ck_assert_uint_eq(command(), 6);
		DONE(bench_config_read(0x44, 2, &value));
		ck_assert_uint_eq(value & 3, 3);
	}
	(void)rawpci_fake_fail(bench.ctx, points[_i / 8], 0, 0, 0);
	DONE(bench_config_write(0x44, 2, 0));
	DONE(bench_config_write(4, 2, 6));
	ck_assert(!does_dma(0));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert(does_dma(0));
	ck_assert_int_eq(rawpci_device_close(other), 0);
}
END_TEST

/* One write or read of a suspension or resumption fails. A device that sleeps or is suspended then
 * gets no access, and a later attempt works. */
START_TEST(a_failed_suspension_or_resumption_is_neither)
{
	const enum rawpci_fake_point point = _i & 1 ? RAWPCI_FAKE_CFG_READ : RAWPCI_FAKE_CFG_WRITE;
	const PCIRAWPOWERSTATE state = _i & 2 ? PCIRAW_POWER_RESUME : PCIRAW_POWER_SUSPEND;
	uint64_t value;
	int r;

	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_config_write(0x3c, 1, 0x5a));
	if (state == PCIRAW_POWER_RESUME)
		DONE(bench_power(PCIRAW_POWER_SUSPEND));
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, point, (unsigned)_i / 4, 1, -EIO), 0);
	r = bench_power(state);
	(void)rawpci_fake_fail(bench.ctx, point, 0, 0, 0);
	if ((r == 0) == (state == PCIRAW_POWER_SUSPEND)) {
		ck_assert_int_eq(bench_mmio_read(bench.map.r0, 4, &value), VERR_INVALID_STATE);
		ck_assert(!does_dma(0));
		DONE(bench_power(PCIRAW_POWER_RESUME));
	}
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_config_read(0x44, 2, &value));
	ck_assert_uint_eq(value & 3, 0);
	DONE(bench_config_read(0x3c, 1, &value));
	ck_assert_uint_eq(value, 0x5a);
	ck_assert_uint_eq(command() & 6, 6);
	ck_assert(does_dma(0));
}
END_TEST

void add_power_failures(Suite *suite)
{
	TCase *tcase = tcase_create("power-failures");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, bench_end);
	tcase_add_test(tcase, a_failed_suspend_leaves_bus_mastering_off);
	tcase_add_test(tcase, a_reset_leaves_bus_mastering_off);
	tcase_add_loop_test(tcase, a_reset_keeps_the_command_register, 0, 10);
	tcase_add_test(tcase, registers_written_while_off_are_reset_at_power_on);
	tcase_add_test(tcase, registers_written_while_on_are_reset_by_close);
	tcase_add_test(tcase, memory_that_would_not_unmap_is_unmapped_later);
	tcase_add_test(tcase, interrupts_arrive_after_a_reset_asked_of_config_space);
	tcase_add_test(tcase, off_masters_nothing_whatever_is_written);
	tcase_add_loop_test(tcase, a_refused_power_on_changes_nothing, 0, 32);
	tcase_add_loop_test(tcase, a_failed_suspension_or_resumption_is_neither, 0, 100);
	suite_add_tcase(suite, tcase);
}
