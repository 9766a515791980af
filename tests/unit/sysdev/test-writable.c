/* SPDX-License-Identifier: MIT */
/* A device on which every bit can be written: only the listed bits are. */
#include <stdlib.h>

#include "unit/sysdev/plain.h"

enum {
	VPD = 0x48,
	VENDOR = 0x50,
	VENDOR_SIZE = 0x0e,
	PCIX = 0x60,
	EA = 0x68,
	MSI_AT = 0x7c,
	MSIX_AT = 0x94,
	EXPRESS_AT = 0xa0,
	AF_AT = 0xe0,
	UNKNOWN = 0xe8,
	PM_AGAIN = 0xf0,
	LISTED = 256,
};

static uint8_t initial[CONFIG_SIZE];
static uint8_t listed[LISTED];  /* bits that may change */
static uint8_t lasting[LISTED]; /* of these, the bits that close does not put back */

static void allow(uint32_t at, unsigned width, uint32_t bits, bool lasts)
{
	for (unsigned i = 0; i < width; i++) {
		listed[at + i] |= (uint8_t)(bits >> (8 * i));
		if (lasts)
			lasting[at + i] |= (uint8_t)(bits >> (8 * i));
		/* Writing 1 clears errors that have been seen, and PME. */
		if (lasts)
			initial[at + i] &= (uint8_t) ~(bits >> (8 * i));
	}
}

static void put_cap(uint8_t at, uint8_t id, uint8_t next)
{
	initial[at] = id;
	initial[at + 1] = next;
}

static void fill(void)
{
	srand(4711);
	for (unsigned i = 0; i < CONFIG_SIZE; i++)
		initial[i] = (uint8_t)rand();
	memset(initial + 4, 0, 2);
	initial[6] = RAWPCI_STATUS_CAPABILITIES;
	initial[0x0e] = 0;
	initial[0x34] = PM;
	put_cap(PM, RAWPCI_CAP_PM, VPD);
	put_cap(VPD, RAWPCI_CAP_VPD, VENDOR);
	put_cap(VENDOR, RAWPCI_CAP_VENDOR, PCIX);
	initial[VENDOR + 2] = VENDOR_SIZE;
	put_cap(PCIX, RAWPCI_CAP_PCIX, EA);
	put_cap(EA, 0x14, MSI_AT);
	put_cap(MSI_AT, RAWPCI_CAP_MSI, MSIX_AT);
	put_cap(MSIX_AT, RAWPCI_CAP_MSIX, EXPRESS_AT);
	put_cap(EXPRESS_AT, RAWPCI_CAP_EXPRESS, AF_AT);
	initial[EXPRESS_AT + 2] = 2;
	put_cap(AF_AT, RAWPCI_CAP_AF, UNKNOWN);
	put_cap(UNKNOWN, 0x7e, PM_AGAIN);
	put_cap(PM_AGAIN, RAWPCI_CAP_PM, 0);
	initial[PM + 4] &= 0xfc;
	initial[PM + 5] &= 0x7f;
	initial[EXPRESS_AT + 10] &= 0xbf;
	allow(0x04, 2, 0x05ff, false);
	allow(0x06, 2, 0xf900, true);
	allow(0x0c, 2, 0xffff, false);
	allow(PM + 4, 2, 0x1e03, false);
	for (unsigned i = 3; i < VENDOR_SIZE; i++)
		allow(VENDOR + i, 1, 0xff, false);
	allow(PCIX + 2, 2, 0x007f, false);
	allow(PCIX + 4, 4, 0x200c0000, true);
	allow(EXPRESS_AT + 8, 2, 0x781f, false);
	allow(EXPRESS_AT + 10, 2, 0x000f, true);
	allow(EXPRESS_AT + 0x28, 2, 0x031f, false);
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	fill();
	put_bytes(DEVICE "config", initial, sizeof(initial), 0);
	make_context("sysfs");
	open_device();
}

static void compare(const uint8_t *except, const char *when, unsigned offset)
{
	uint8_t now[CONFIG_SIZE];
	char path[512];
	FILE *stream = fopen(tree_path(&tree, path, DEVICE "config"), "r");

	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fread(now, 1, sizeof(now), stream), sizeof(now));
	ck_assert_int_eq(fclose(stream), 0);
	for (unsigned i = 0; i < CONFIG_SIZE; i++) {
		uint8_t changed = now[i] ^ initial[i];

		if (i < LISTED)
			changed &= (uint8_t)~except[i];
		ck_assert_msg(changed == 0, "%s at %#x: %#x is %#x and was %#x", when, offset, i,
			      now[i], initial[i]);
	}
}

static void write_all(unsigned width, bool random)
{
	for (uint32_t at = 0; at < LISTED + 64; at += width) {
		uint32_t value = UINT32_MAX;

		if (random)
			value = (uint32_t)rand() ^ (uint32_t)rand() << 16;
		cfg_write(at, width, value & (UINT32_MAX >> (32 - 8 * width)));
		compare(listed, "written", at);
	}
}

START_TEST(only_what_is_listed)
{
	write_all(1u << (_i % 3), _i >= 3);
	close_device();
	compare(lasting, "closed", 0);
}
END_TEST

/* The listed bits are written. */
START_TEST(what_is_listed)
{
	cfg_write(0x0c, 4, 0xffffff10);
	ck_assert_uint_eq(config(0x0c, 2), 0xff10);
	cfg_write(PCIX + 2, 2, 0x0055);
	ck_assert_uint_eq(config(PCIX + 2, 1) & 0x7f, 0x55);
	cfg_write(PCIX + 4, 4, 0x200c0000);
	ck_assert_uint_eq(config(PCIX + 4, 4) & 0x200c0000, 0x200c0000);
	cfg_write(EXPRESS_AT + 10, 2, 0x000f);
	ck_assert_uint_eq(config(EXPRESS_AT + 10, 1) & 0x0f, 0x0f);
	cfg_write(VENDOR + 4, 4, 0x12345678);
	ck_assert_uint_eq(config(VENDOR + 4, 4), 0x12345678);
	cfg_write(VENDOR + 0xc, 4, 0xabcdef12);
	ck_assert_uint_eq(config(VENDOR + 0xc, 2), 0xef12);
	cfg_write(VENDOR, 4, 0x99887766);
	ck_assert_uint_eq(config(VENDOR + 3, 1), 0x99);
	cfg_write(PM + 4, 2, 0x0400);
	ck_assert_uint_eq(config(PM + 4, 2) & 0x1e03, 0x0400);
	close_device();
}
END_TEST

/* The guest has put it to sleep, or the device has enabled PME by itself. */
START_TEST(closes_awake_and_without_pme)
{
	uint32_t before = config(PM + 4, 2);

	cfg_write(PM + 4, 2, 0x0103);
	ck_assert_uint_eq(config(PM + 4, 2) & 3, 3);
	put(PM + 4, 2, before ^ 0x0103);
	close_device();
	ck_assert_uint_eq(config(PM + 4, 2), before);
}
END_TEST

START_TEST(vital_product_data_are_only_read)
{
	static const unsigned char data[] = "0123456789ab";

	put_bytes(DEVICE "vpd", data, 12, 0);
	cfg_write(VPD + 2, 2, 4);
	ck_assert_uint_eq(cfg_read(VPD + 2, 2), 0x8004);
	ck_assert_uint_eq(cfg_read(VPD + 4, 4), 0x37363534);
	ck_assert_uint_eq(cfg_read(VPD + 5, 1), 0x35);
	ck_assert_uint_eq(cfg_read(VPD, 4), (uint32_t)0x80040000 | VENDOR << 8 | RAWPCI_CAP_VPD);
	cfg_write(VPD + 4, 4, 0x41414141);
	cfg_write(VPD + 2, 2, 0x8004);
	ck_assert_uint_eq(cfg_read(VPD + 2, 2), 0x8004);
	ck_assert_uint_eq(really(DEVICE "vpd", 4, 4), 0x37363534);
	compare(listed, "vital product data", VPD);
	/* By bytes, the one with the flag last. */
	cfg_write(VPD + 2, 1, 8);
	ck_assert_uint_eq(cfg_read(VPD + 4, 4), 0x37363534);
	cfg_write(VPD + 3, 1, 0);
	ck_assert_uint_eq(cfg_read(VPD + 4, 4), 0x62613938);
	close_device();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-writable");
	TCase *tcase = tcase_create("sysdev-writable");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, only_what_is_listed, 0, 6);
	tcase_add_test(tcase, what_is_listed);
	tcase_add_test(tcase, closes_awake_and_without_pme);
	tcase_add_test(tcase, vital_product_data_are_only_read);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
