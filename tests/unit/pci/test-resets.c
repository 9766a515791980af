/* SPDX-License-Identifier: MIT */
/* Writes that start a function level reset. */
#include "harness.h"
#include "pci/pci.h"
#include "unit/pci/space.h"

#define EXPRESS 0x40
#define AF 0x80

static struct space space;

static void set_up(void)
{
	space_init(&space, EXPRESS);
	space_put(&space, EXPRESS, RAWPCI_CAP_EXPRESS, AF);
	space.bytes[EXPRESS + 7] = 0x10;
	space_put(&space, AF, RAWPCI_CAP_AF, 0);
	space.bytes[AF + 3] = 3;
}

static int find(struct rawpci_resets *out)
{
	const struct rawpci_config_reader reader = { space_read, &space };

	return rawpci_resets_find(&reader, out);
}

static bool start(uint32_t offset, unsigned width, uint32_t value)
{
	struct rawpci_resets resets;

	ck_assert_int_eq(find(&resets), 0);
	return rawpci_resets_start(&resets, offset, width, value);
}

START_TEST(a_write_of_any_width_starts_a_reset)
{
	ck_assert(start(EXPRESS + 8, 4, 0x00008000) && start(EXPRESS + 8, 2, 0x8000));
	ck_assert(start(EXPRESS + 9, 1, 0x80));
	ck_assert(!start(EXPRESS + 8, 4, 0x80007fff) && !start(EXPRESS + 8, 1, 0x80));
	ck_assert(!start(EXPRESS + 10, 2, 0x8000) && !start(EXPRESS + 4, 4, UINT32_MAX));
	ck_assert(start(AF + 4, 4, 1) && start(AF + 4, 2, 1) && start(AF + 4, 1, 1));
	ck_assert(!start(AF + 4, 4, 0xfffffffe) && !start(AF + 5, 1, 1));
	ck_assert(!start(AF, 4, UINT32_MAX));
}
END_TEST

/* Each capability is asked for its own reset. */
START_TEST(a_reset_that_is_not_announced_does_not_start)
{
	space.bytes[EXPRESS + 7] = 0xef;
	ck_assert(!start(EXPRESS + 8, 4, UINT32_MAX) && start(AF + 4, 1, 1));
	space.bytes[EXPRESS + 7] = 0x10;
	for (uint8_t i = 0; i < 3; i++) {
		space.bytes[AF + 3] = i;
		ck_assert(!start(AF + 4, 4, UINT32_MAX) && start(EXPRESS + 8, 2, 0x8000));
	}
}
END_TEST

/* Offsets count from a capability. Without one, the registers of the header start nothing. */
START_TEST(a_device_without_capabilities_has_no_reset)
{
	space.bytes[RAWPCI_CFG_STATUS] = 0;
	ck_assert(!start(8, 4, UINT32_MAX) && !start(4, 4, UINT32_MAX));
}
END_TEST

START_TEST(errors_are_returned)
{
	struct rawpci_resets resets = { 1, 1 };

	space.size = 64;
	ck_assert_int_eq(find(&resets), -EPERM);
	ck_assert_uint_eq(resets.express + resets.af, 0);
	space.size = EXPRESS + 4;
	ck_assert_int_eq(find(&resets), -EPERM);
	space.size = AF + 3;
	ck_assert_int_eq(find(&resets), -EPERM);
	ck_assert_uint_eq(resets.af, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resets");
	TCase *tests = tcase_create("resets");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, a_write_of_any_width_starts_a_reset);
	tcase_add_test(tests, a_reset_that_is_not_announced_does_not_start);
	tcase_add_test(tests, a_device_without_capabilities_has_no_reset);
	tcase_add_test(tests, errors_are_returned);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
