/* SPDX-License-Identifier: MIT */
/* Names from a text in the format of pci.ids. */
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "pci/pci.h"

static const char file[] = "# a comment\n"
			   "\n"
			   "1b36  Red Hat, Inc.\n"
			   "\t0010  QEMU NVM Express Controller\n"
			   "\t\t1af4 1100  a subsystem\n"
			   "\t000d  QEMU XHCI Host Controller\n"
			   "8086  Intel Corporation\n"
			   "\t10d3  82574L Gigabit Network Connection\n"
			   "\t0010  not this one\n"
			   "C 01  Mass storage controller\n"
			   "\t08  Non-Volatile memory controller\n"
			   "\t\t02  NVM Express\n"
			   "C 02  Network controller\n"
			   "\t00  Ethernet controller\n";

static struct rawpci_ids_names find(uint16_t vendor, uint16_t device, uint32_t class_code)
{
	struct rawpci_ids_names names;

	memset(&names, 0xee, sizeof(names));
	rawpci_ids_find(file, sizeof(file) - 1, vendor, device, class_code, &names);
	return names;
}

START_TEST(all_names_are_found)
{
	struct rawpci_ids_names names = find(0x1b36, 0x0010, 0x010802);

	ck_assert_str_eq(names.vendor, "Red Hat, Inc.");
	ck_assert_str_eq(names.device, "QEMU NVM Express Controller");
	ck_assert_str_eq(names.class_name, "Non-Volatile memory controller");
	names = find(0x8086, 0x10d3, 0x020000);
	ck_assert_str_eq(names.vendor, "Intel Corporation");
	ck_assert_str_eq(names.device, "82574L Gigabit Network Connection");
	ck_assert_str_eq(names.class_name, "Ethernet controller");
}
END_TEST

START_TEST(an_unknown_name_is_empty)
{
	struct rawpci_ids_names names = find(0x8086, 0x000d, 0x028000);

	ck_assert_str_eq(names.vendor, "Intel Corporation");
	ck_assert_str_eq(names.device, "");
	ck_assert_str_eq(names.class_name, "Network controller");
	names = find(0x1af4, 0x1100, 0xff0000);
	ck_assert_str_eq(names.vendor, "");
	ck_assert_str_eq(names.device, "");
	ck_assert_str_eq(names.class_name, "");
}
END_TEST

START_TEST(the_text_may_end_anywhere)
{
	struct rawpci_ids_names names;

	for (size_t length = 0; length < sizeof(file); length++) {
		/* The copy has just that size, so that a sanitizer sees a read past the end. */
		char *copy = malloc(length + 1);

		ck_assert_ptr_nonnull(copy);
		memcpy(copy, file, length);
		rawpci_ids_find(copy, length, 0x8086, 0x10d3, 0x020000, &names);
		free(copy);
	}
	ck_assert_str_eq(names.class_name, "Ethernet controller");
}
END_TEST

START_TEST(a_long_name_is_cut)
{
	struct rawpci_ids_names names;
	char text[512] = "8086  ";
	size_t length = sizeof(text);

	memset(text + 6, 'x', length - 6);
	rawpci_ids_find(text, length, 0x8086, 0, 0, &names);
	ck_assert_uint_eq(strlen(names.vendor), sizeof(names.vendor) - 1);
	memcpy(text, "8086\n\t1000  ", 12);
	rawpci_ids_find(text, length, 0x8086, 0x1000, 0, &names);
	ck_assert_str_eq(names.device, "");
	memcpy(text, "8086  I\n\t1000  ", 15);
	rawpci_ids_find(text, length, 0x8086, 0x1000, 0, &names);
	ck_assert_uint_eq(strlen(names.device), sizeof(names.device) - 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ids");
	TCase *tests = tcase_create("ids");

	tcase_add_test(tests, all_names_are_found);
	tcase_add_test(tests, an_unknown_name_is_empty);
	tcase_add_test(tests, the_text_may_end_anywhere);
	tcase_add_test(tests, a_long_name_is_cut);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
