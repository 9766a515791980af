/* SPDX-License-Identifier: MIT */
/* Addresses of devices: reading, writing, comparing and unpacking them. */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "pci/pci.h"

static const struct {
	const char *text;
	struct rawpci_address address;
	const char *written;
} good[] = {
	{ "0000:03:00.0", { 0, 3, 0, 0 }, "0000:03:00.0" },
	{ "03:1f.7", { 0, 3, 31, 7 }, "0000:03:1f.7" },
	{ "0:0:0.0", { 0, 0, 0, 0 }, "0000:00:00.0" },
	{ "ABCD:eF:1f.0", { 0xabcd, 0xef, 31, 0 }, "abcd:ef:1f.0" },
	{ "10000:01:00.0", { 0x10000, 1, 0, 0 }, "10000:01:00.0" },
	{ "ffffffff:ff:1f.7", { 0xffffffff, 0xff, 31, 7 }, "ffffffff:ff:1f.7" },
};

START_TEST(addresses_are_read_and_written)
{
	char text[RAWPCI_ADDRESS_TEXT];
	struct rawpci_address address;

	memset(&address, 0x55, sizeof(address));
	ck_assert_int_eq(rawpci_address_parse(good[_i].text, &address), 0);
	ck_assert_int_eq(rawpci_address_compare(&address, &good[_i].address), 0);
	ck_assert_str_eq(rawpci_address_format(&address, text), good[_i].written);
}
END_TEST

static const char *const bad[] = {
	"",
	":",
	"03",
	"03:00",
	"03:00.",
	"03:00.8",
	"03:20.0",
	"100:00.0",
	"0000:100:00.0",
	"0000:03:00.0 ",
	" 0000:03:00.0",
	"0000:03:00.0x",
	"0000:03:00:0",
	"0000:03:00.00",
	"123456789:03:00.0",
	"0x3:00.0",
	"-3:00.0",
	"g3:00.0",
	"0000::00.0",
	"0000:03:.0",
	"0000:03:000.0",
	"1:2:3:4.0",
};

START_TEST(what_is_no_address_is_refused_and_writes_nothing)
{
	struct rawpci_address address, before;

	memset(&address, 0x55, sizeof(address));
	before = address;
	ck_assert_int_eq(rawpci_address_parse(bad[_i], &address), -EINVAL);
	ck_assert_mem_eq(&address, &before, sizeof(address));
}
END_TEST

START_TEST(null_is_refused)
{
	struct rawpci_address address;

	ck_assert_int_eq(rawpci_address_parse(NULL, &address), -EFAULT);
	ck_assert_int_eq(rawpci_address_parse("03:00.0", NULL), -EFAULT);
}
END_TEST

START_TEST(addresses_are_ordered_by_segment_bus_device_function)
{
	static const struct rawpci_address ordered[] = {
		{ 0, 0, 0, 0 }, { 0, 0, 0, 1 }, { 0, 0, 1, 0 },
		{ 0, 1, 0, 0 }, { 1, 0, 0, 0 }, { 0x80000000, 0, 0, 0 },
	};

	for (unsigned i = 0; i < 6; i++) {
		for (unsigned j = 0; j < 6; j++) {
			int order = rawpci_address_compare(&ordered[i], &ordered[j]);

			ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
		}
	}
}
END_TEST

START_TEST(the_abi_packs_segment_bus_device_function)
{
	struct rawpci_address address = rawpci_address_from_abi(0x1234abcd);

	ck_assert_uint_eq(address.segment, 0x1234);
	ck_assert_uint_eq(address.bus, 0xab);
	ck_assert_uint_eq(address.device, 0xcd >> 3);
	ck_assert_uint_eq(address.function, 0xcd & 7);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("address");
	TCase *tcase = tcase_create("address");

	tcase_add_loop_test(tcase, addresses_are_read_and_written, 0,
			    (int)(sizeof(good) / sizeof(good[0])));
	tcase_add_loop_test(tcase, what_is_no_address_is_refused_and_writes_nothing, 0,
			    (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tcase, null_is_refused);
	tcase_add_test(tcase, addresses_are_ordered_by_segment_bus_device_function);
	tcase_add_test(tcase, the_abi_packs_segment_bus_device_function);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
