/* SPDX-License-Identifier: MIT */
/* The list of capabilities, and writes that cover a register in part. */
#include "harness.h"
#include "pci/pci.h"
#include "unit/pci/space.h"

/* PM at 0x40, MSI at 0x50, MSI-X at 0x70. */
static struct space usual(void)
{
	struct space space;

	space_init(&space, 0x40);
	space_put(&space, 0x40, RAWPCI_CAP_PM, 0x50);
	space_put(&space, 0x50, RAWPCI_CAP_MSI, 0x70);
	space_put(&space, 0x70, RAWPCI_CAP_MSIX, 0);
	return space;
}

static int find(struct space *space, uint8_t id, uint8_t *offset)
{
	struct rawpci_config_reader reader = { space_read, space };

	*offset = 0xee;
	return rawpci_caps_find(&reader, id, offset);
}

START_TEST(capabilities_are_found)
{
	struct space space = usual();
	uint8_t offset;

	ck_assert_int_eq(find(&space, RAWPCI_CAP_PM, &offset), 0);
	ck_assert_uint_eq(offset, 0x40);
	ck_assert_int_eq(find(&space, RAWPCI_CAP_MSIX, &offset), 0);
	ck_assert_uint_eq(offset, 0x70);
	ck_assert_int_eq(find(&space, RAWPCI_CAP_EXPRESS, &offset), 0);
	ck_assert_uint_eq(offset, 0);
}
END_TEST

START_TEST(reserved_pointer_bits_are_masked)
{
	struct space space = usual();
	uint8_t offset;

	space.bytes[RAWPCI_CFG_CAPABILITIES] = 0x43;
	space.bytes[0x41] = 0x51;
	ck_assert_int_eq(find(&space, RAWPCI_CAP_MSI, &offset), 0);
	ck_assert_uint_eq(offset, 0x50);
}
END_TEST

START_TEST(without_the_status_bit_there_is_no_list)
{
	struct space space = usual();
	uint8_t offset;

	space.bytes[RAWPCI_CFG_STATUS] = 0;
	ck_assert_int_eq(find(&space, RAWPCI_CAP_PM, &offset), 0);
	ck_assert_uint_eq(offset, 0);
	ck_assert_uint_eq(space.reads, 1);
}
END_TEST

START_TEST(a_loop_ends)
{
	struct space space = usual();
	uint8_t offset;

	space.bytes[0x71] = 0x40;
	ck_assert_int_eq(find(&space, RAWPCI_CAP_EXPRESS, &offset), 0);
	ck_assert_uint_eq(offset, 0);
	ck_assert_uint_le(space.reads, 64);
}
END_TEST

START_TEST(a_pointer_into_the_header_ends_the_list)
{
	struct space space = usual();
	uint8_t offset;

	space.bytes[0x41] = 0x3c;
	space.bytes[0x3c] = RAWPCI_CAP_EXPRESS;
	ck_assert_int_eq(find(&space, RAWPCI_CAP_EXPRESS, &offset), 0);
	ck_assert_uint_eq(offset, 0);
}
END_TEST

START_TEST(a_device_that_is_gone_has_no_capabilities)
{
	struct space space;
	uint8_t offset;

	space_init(&space, 0);
	memset(space.bytes, 0xff, sizeof(space.bytes));
	ck_assert_int_eq(find(&space, 0xff, &offset), 0);
	ck_assert_uint_eq(offset, 0);
}
END_TEST

START_TEST(a_failed_read_is_passed_on)
{
	struct space space = usual();
	uint8_t offset;

	space.fails = (unsigned)_i;
	ck_assert_int_eq(find(&space, RAWPCI_CAP_MSIX, &offset), -EIO);
	ck_assert_uint_eq(offset, 0);
}
END_TEST

START_TEST(overlaps_are_found_at_the_byte)
{
	ck_assert(rawpci_config_overlaps(4, 2, 4, 2));
	ck_assert(rawpci_config_overlaps(4, 1, 4, 2));
	ck_assert(rawpci_config_overlaps(5, 1, 4, 2));
	ck_assert(rawpci_config_overlaps(4, 4, 6, 1));
	ck_assert(!rawpci_config_overlaps(6, 2, 4, 2));
	ck_assert(!rawpci_config_overlaps(0, 4, 4, 2));
}
END_TEST

START_TEST(written_bytes_are_merged)
{
	ck_assert_uint_eq(rawpci_config_merge(0x11223344, 4, 4, 4, 0xaabbccdd), 0xaabbccdd);
	ck_assert_uint_eq(rawpci_config_merge(0x11223344, 4, 5, 1, 0xee), 0x1122ee44);
	ck_assert_uint_eq(rawpci_config_merge(0x11223344, 4, 6, 2, 0xaabb), 0xaabb3344);
	/* The upper half of a dword written at 4 covers a register at 6. */
	ck_assert_uint_eq(rawpci_config_merge(0, 6, 4, 4, 0xaabbccdd), 0xaabb);
	ck_assert_uint_eq(rawpci_config_merge(0x5, 8, 4, 4, 0xffffffff), 0x5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("caps");
	TCase *tcase = tcase_create("caps");

	tcase_add_test(tcase, capabilities_are_found);
	tcase_add_test(tcase, reserved_pointer_bits_are_masked);
	tcase_add_test(tcase, without_the_status_bit_there_is_no_list);
	tcase_add_test(tcase, a_loop_ends);
	tcase_add_test(tcase, a_pointer_into_the_header_ends_the_list);
	tcase_add_test(tcase, a_device_that_is_gone_has_no_capabilities);
	tcase_add_loop_test(tcase, a_failed_read_is_passed_on, 1, 6);
	tcase_add_test(tcase, overlaps_are_found_at_the_byte);
	tcase_add_test(tcase, written_bytes_are_merged);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
