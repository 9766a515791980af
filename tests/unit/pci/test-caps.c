/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "pci/pci.h"

/* A config space, and how often it was read. */
struct space {
	uint8_t bytes[256];
	unsigned reads, fail_at; /* fail_at: the read that fails, 1 the first; 0: none */
};

static int read_space(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	struct space *space = opaque;

	ck_assert_uint_le(offset + width, sizeof(space->bytes));
	ck_assert_uint_eq(offset % width, 0);
	if (++space->reads == space->fail_at)
		return -EIO;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)space->bytes[offset + i] << (8 * i);
	return 0;
}

static void put(struct space *space, uint8_t at, uint8_t id, uint8_t next)
{
	space->bytes[at] = id;
	space->bytes[at + 1] = next;
}

/* PM at 0x40, MSI at 0x50, MSI-X at 0x70. */
static struct space usual(void)
{
	struct space space;

	memset(&space, 0, sizeof(space));
	space.bytes[RAWPCI_CFG_STATUS] = RAWPCI_STATUS_CAPABILITIES;
	space.bytes[RAWPCI_CFG_CAPABILITIES] = 0x40;
	put(&space, 0x40, RAWPCI_CAP_PM, 0x50);
	put(&space, 0x50, RAWPCI_CAP_MSI, 0x70);
	put(&space, 0x70, RAWPCI_CAP_MSIX, 0);
	return space;
}

static int find(struct space *space, uint8_t id, uint8_t *offset)
{
	struct rawpci_config_reader reader = { read_space, space };

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

	memset(&space, 0xff, sizeof(space));
	space.reads = 0;
	space.fail_at = 0;
	ck_assert_int_eq(find(&space, 0xff, &offset), 0);
	ck_assert_uint_eq(offset, 0);
}
END_TEST

START_TEST(a_failed_read_is_passed_on)
{
	struct space space = usual();
	uint8_t offset;

	space.fail_at = (unsigned)_i;
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
	/* A dword written at 4 on a register at 6: only its upper half falls there. */
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
