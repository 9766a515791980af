/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "harness.h"
#include "pci/pci.h"

#define EXPRESS 0x40
#define AF 0x80

static uint8_t space[256];
static uint32_t size;

static int read_space(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	(void)opaque;
	if (offset + width > size)
		return -EPERM;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)space[offset + i] << (8 * i);
	return 0;
}

static void set_up(void)
{
	memset(space, 0, sizeof(space));
	size = sizeof(space);
	space[RAWPCI_CFG_STATUS] = RAWPCI_STATUS_CAPABILITIES;
	space[RAWPCI_CFG_CAPABILITIES] = EXPRESS;
	space[EXPRESS] = RAWPCI_CAP_EXPRESS;
	space[EXPRESS + 1] = AF;
	space[EXPRESS + 7] = 0x10;
	space[AF] = RAWPCI_CAP_AF;
	space[AF + 3] = 3;
}

static int find(struct rawpci_resets *out)
{
	const struct rawpci_config_reader reader = { read_space, NULL };

	return rawpci_resets_find(&reader, out);
}

static bool start(uint32_t offset, unsigned width, uint32_t value)
{
	struct rawpci_resets resets;

	ck_assert_int_eq(find(&resets), 0);
	return rawpci_resets_start(&resets, offset, width, value);
}

START_TEST(by_every_width)
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

/* Each stands for itself. */
START_TEST(none_that_is_not_told_of)
{
	space[EXPRESS + 7] = 0xef;
	ck_assert(!start(EXPRESS + 8, 4, UINT32_MAX) && start(AF + 4, 1, 1));
	space[EXPRESS + 7] = 0x10;
	for (uint8_t i = 0; i < 3; i++) {
		space[AF + 3] = i;
		ck_assert(!start(AF + 4, 4, UINT32_MAX) && start(EXPRESS + 8, 2, 0x8000));
	}
}
END_TEST

/* Not the registers of the header, which a capability at 0 would have. */
START_TEST(none_without_capabilities)
{
	space[RAWPCI_CFG_STATUS] = 0;
	ck_assert(!start(8, 4, UINT32_MAX) && !start(4, 4, UINT32_MAX));
}
END_TEST

START_TEST(errors)
{
	struct rawpci_resets resets = { 1, 1 };

	size = 64;
	ck_assert_int_eq(find(&resets), -EPERM);
	ck_assert_uint_eq(resets.express + resets.af, 0);
	size = EXPRESS + 4;
	ck_assert_int_eq(find(&resets), -EPERM);
	size = AF + 3;
	ck_assert_int_eq(find(&resets), -EPERM);
	ck_assert_uint_eq(resets.af, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resets");
	TCase *tests = tcase_create("resets");

	tcase_add_checked_fixture(tests, set_up, NULL);
	tcase_add_test(tests, by_every_width);
	tcase_add_test(tests, none_that_is_not_told_of);
	tcase_add_test(tests, none_without_capabilities);
	tcase_add_test(tests, errors);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
