/* SPDX-License-Identifier: MIT */
/* Accesses that succeed do exactly what was asked, counted at the device. Fake only. */
#include "bench.h"

#define VALUE UINT64_C(0x8877665544332211)

static uint64_t low(unsigned width)
{
	return VALUE & UINT64_MAX >> (64 - 8 * width);
}

static const unsigned widths[] = { 1, 2, 4, 8 };

START_TEST(one_read_of_that_width)
{
	unsigned width = widths[_i];
	struct part part;
	uint64_t value;

	seen.answer = VALUE;
	DONE(bench_map(TRAPPED, PAGE, PAGE, &part));
	DONE(bench_mmio_read((char *)part.r0 + 3 * width, width, &value));
	ck_assert_uint_eq(value, low(width));
	ck_assert_uint_eq(atomic_load(&seen.reads), 1);
	ck_assert_uint_eq(atomic_load(&seen.writes), 0);
	ck_assert_uint_eq(seen.width, width);
	ck_assert_uint_eq(seen.region, TRAPPED);
	ck_assert_uint_eq(seen.offset, PAGE + 3 * width);
}
END_TEST

START_TEST(one_write_of_that_width)
{
	unsigned width = widths[_i];
	struct part part;

	DONE(bench_map(TRAPPED, PAGE, PAGE, &part));
	DONE(bench_mmio_write((char *)part.r0 + 5 * width, width, VALUE));
	ck_assert_uint_eq(atomic_load(&seen.writes), 1);
	ck_assert_uint_eq(atomic_load(&seen.reads), 0);
	ck_assert_uint_eq(seen.width, width);
	ck_assert_uint_eq(seen.region, TRAPPED);
	ck_assert_uint_eq(seen.offset, PAGE + 5 * width);
	ck_assert_uint_eq(seen.value, low(width));
}
END_TEST

/* A write of one width touches no byte beside it. */
START_TEST(direct_write_touches_no_more)
{
	unsigned char *bytes = rawpci_fake_bytes(bench.rig, DIRECT);
	unsigned width = widths[_i];

	memset(bytes, 0xee, 64);
	DONE(bench_mmio_write((char *)bench.map.r0 + 16, width, VALUE));
	for (unsigned i = 0; i < 64; i++)
		ck_assert_uint_eq(bytes[i], i >= 16 && i < 16 + width
						    ? (VALUE >> (8 * (i - 16)) & 0xff)
						    : 0xee);
}
END_TEST

START_TEST(direct_read_is_zero_extended)
{
	unsigned width = widths[_i];
	uint64_t image = VALUE, value;

	memcpy((char *)rawpci_fake_bytes(bench.rig, DIRECT) + 8, &image, 8);
	DONE(bench_mmio_read((char *)bench.map.r0 + 8, width, &value));
	ck_assert_uint_eq(value, low(width));
}
END_TEST

/* All ones are a value like others while the device is there. */
START_TEST(all_ones_is_a_value)
{
	unsigned width = widths[_i];
	uint64_t value;

	memset((char *)rawpci_fake_bytes(bench.rig, DIRECT) + 8, 0xff, 8);
	DONE(bench_mmio_read((char *)bench.map.r0 + 8, width, &value));
	ck_assert_uint_eq(value, UINT64_MAX >> (64 - 8 * width));
	ck_assert_uint_eq(bench_errors(), 0);
}
END_TEST

static PCIRAWSENDREQ port_request(PCIRAWR0OPERATION operation, unsigned offset, unsigned width)
{
	PCIRAWSENDREQ r = bench_request(operation);

	r.u.aPioRead.iPort = (uint16_t)(bench.regions[PORTS].RegionStart + offset);
	r.u.aPioRead.cb = (uint16_t)width;
	r.u.aPioRead.iValue = 0xaabbccdd;
	return r;
}

START_TEST(port_read)
{
	unsigned width = widths[_i];
	unsigned offsets[] = { 0, 1, 7, 32 - width };

	seen.answer = VALUE;
	for (unsigned i = 0; i < 4; i++) {
		PCIRAWSENDREQ r = port_request(PCIRAWR0_DO_PIO_READ, offsets[i], width);

		DONE(bench_ask(&r));
		ck_assert_uint_eq(r.u.aPioRead.iValue, low(width));
		ck_assert_uint_eq(atomic_load(&seen.reads), i + 1);
		ck_assert_uint_eq(seen.region, PORTS);
		ck_assert_uint_eq(seen.offset, offsets[i]);
		ck_assert_uint_eq(seen.width, width);
	}
}
END_TEST

START_TEST(port_write)
{
	unsigned width = widths[_i];
	PCIRAWSENDREQ r = port_request(PCIRAWR0_DO_PIO_WRITE, 32 - width, width);

	DONE(bench_ask(&r));
	ck_assert_uint_eq(atomic_load(&seen.writes), 1);
	ck_assert_uint_eq(seen.region, PORTS);
	ck_assert_uint_eq(seen.offset, 32 - width);
	ck_assert_uint_eq(seen.width, width);
	ck_assert_uint_eq(seen.value, 0xaabbccdd & UINT32_MAX >> (32 - 8 * width));
}
END_TEST

/* Little-endian in config space, host-endian in the request, zero-extended. */
START_TEST(config_read_of_each_width)
{
	static const struct {
		uint32_t offset;
		unsigned width;
		uint64_t want;
	} reads[] = {
		{ 0, 4, 0x11101af4 }, { 0, 2, 0x1af4 }, { 2, 2, 0x1110 },   { 0, 1, 0xf4 },
		{ 1, 1, 0x1a },       { 3, 1, 0x11 },   { 0xa, 2, 0x0200 }, { 0xffc, 4, 0 },
		{ 0xfff, 1, 0 },      { 0xffe, 2, 0 },
	};
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PCICFG_READ);

	for (unsigned i = 0; i < sizeof(reads) / sizeof(reads[0]); i++) {
		r.u.aPciCfgRead.iOffset = reads[i].offset;
		r.u.aPciCfgRead.Value.cb = (uint8_t)reads[i].width;
		r.u.aPciCfgRead.Value.u.u64 = UINT64_MAX;
		DONE(bench_ask(&r));
		ck_assert_uint_eq(r.u.aPciCfgRead.Value.u.u64, reads[i].want);
		ck_assert_uint_eq(r.u.aPciCfgRead.Value.cb, reads[i].width);
	}
}
END_TEST

/* Bits beyond the width are ignored, neighbours untouched. */
START_TEST(config_write_of_one_byte)
{
	uint64_t value;

	DONE(bench_config_write(0x3c, 1, 0x1234567890abcd42));
	DONE(bench_config_read(0x3c, 4, &value));
	ck_assert_uint_eq(value, 0x142);
	DONE(bench_config_write(0x0c, 2, 0xffff));
	DONE(bench_config_read(0x0c, 4, &value));
	ck_assert_uint_eq(value, 0xff);
}
END_TEST

START_TEST(config_of_256_bytes_ends_there)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	uint64_t value;

	r.u.aOpenDevice.PciAddress = bench_pci(0, 4, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	DONE(bench_config_read(0xfc, 4, &value));
	DONE(bench_config_read(0xff, 1, &value));
	REFUSED(VERR_OUT_OF_RANGE, bench_config_read(0x100, 1, &value));
	REFUSED(VERR_OUT_OF_RANGE, bench_config_read(0x100, 4, &value));
}
END_TEST

/* A write that turns decoding on or off works at every width that reaches the bit. */
START_TEST(command_by_every_width)
{
	uint64_t value;

	for (unsigned i = 0; i < 3; i++) {
		DONE(bench_config_write(4, widths[i], 0));
		REFUSED(VERR_INVALID_STATE, bench_mmio_read(bench.map.r0, 4, &value));
		DONE(bench_config_write(4, widths[i], 2));
		DONE(bench_mmio_read(bench.map.r0, 4, &value));
	}
	DONE(bench_config_write(5, 1, 0));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
}
END_TEST

/* Function level reset and sleep, asked for in config space, stop memory as the device does. */
START_TEST(sleep_by_config_stops_memory)
{
	uint64_t value;

	DONE(bench_config_write(0x44, 2, 3));
	REFUSED(VERR_INVALID_STATE, bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_config_write(0x44, 1, 0));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_config_read(0x88, 2, &value));
	DONE(bench_config_write(0x88, 2, value | 0x8000));
	REFUSED(VERR_INVALID_STATE, bench_mmio_read(bench.map.r0, 4, &value));
}
END_TEST

void add_exact(Suite *suite)
{
	TCase *tcase = tcase_create("exact");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_loop_test(tcase, one_read_of_that_width, 0, 4);
	tcase_add_loop_test(tcase, one_write_of_that_width, 0, 4);
	tcase_add_loop_test(tcase, direct_write_touches_no_more, 0, 4);
	tcase_add_loop_test(tcase, direct_read_is_zero_extended, 0, 4);
	tcase_add_loop_test(tcase, all_ones_is_a_value, 0, 4);
	tcase_add_loop_test(tcase, port_read, 0, 3);
	tcase_add_loop_test(tcase, port_write, 0, 3);
	tcase_add_test(tcase, config_read_of_each_width);
	tcase_add_test(tcase, config_write_of_one_byte);
	tcase_add_test(tcase, config_of_256_bytes_ends_there);
	tcase_add_test(tcase, command_by_every_width);
	tcase_add_test(tcase, sleep_by_config_stops_memory);
	suite_add_tcase(suite, tcase);
}
