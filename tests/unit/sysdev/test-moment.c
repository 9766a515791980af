/* SPDX-License-Identifier: MIT */
/* A device that does not answer for a moment, as while its link is down. */
#include "os/sys.h"
#include "unit/sysdev/plain.h"

static int resets;

int __real_rawpci_sys_write_file(const char *path, const char *text);
int __wrap_rawpci_sys_write_file(const char *path, const char *text);
int __wrap_rawpci_sys_write_file(const char *path, const char *text)
{
	size_t length = strlen(path);

	if (length < 6 || strcmp(path + length - 6, "/reset") != 0)
		return __real_rawpci_sys_write_file(path, text);
	resets++;
	return 0;
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	tree_write(&tree, DEVICE "vendor", "0x1af4\n");
	tree_write(&tree, DEVICE "device", "0x1234\n");
	make_context("sysfs");
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	resets = 0;
}

static void be_silent(void)
{
	uint32_t value;

	put(0x00, 4, UINT32_MAX);
	ck_assert_int_eq(rawpci_config_read(dev, 0, 4, &value), -ESHUTDOWN);
}

/* The device is stopped and reset, as if it had answered all the time. */
START_TEST(is_there_again)
{
	be_silent();
	put(0x00, 4, 0x12341af4);
	if (_i == 1)
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	close_device();
	ck_assert_msg(!(config(0x04, 2) & RAWPCI_COMMAND_MASTER), "bus mastering is on");
	ck_assert_int_ge(resets, 1);
}
END_TEST

/* For its user the device stays gone, because it may have lost its BARs. They come back with it. */
START_TEST(has_lost_its_registers)
{
	uint32_t value;

	be_silent();
	put(0x00, 4, 0x12341af4);
	put(0x04, 2, 0);
	put(0x14, 4, 0);
	put(EXPRESS + 8, 2, 0);
	ck_assert_int_eq(rawpci_config_read(dev, 0, 4, &value), -ESHUTDOWN);
	close_device();
	ck_assert_uint_eq(config(0x14, 4), 1);
	ck_assert_uint_eq(config(EXPRESS + 8, 2), 0x0020);
	ck_assert(!(config(0x04, 2) & RAWPCI_COMMAND_MASTER));
}
END_TEST

/* A device that still does not answer cannot be reset. */
START_TEST(stays_gone)
{
	be_silent();
	close_device();
	ck_assert_int_eq(resets, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-moment");
	TCase *tcase = tcase_create("sysdev-moment");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, is_there_again, 0, 2);
	tcase_add_test(tcase, has_lost_its_registers);
	tcase_add_test(tcase, stays_gone);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
