/* SPDX-License-Identifier: MIT */
/* Files that the kernel keeps waiting. The tests hold "reset", "enable" and "config". */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include <rawpci/recover.h>

#include "os/sys.h"
#include "unit/sysdev/plain.h"

#define LIMIT_MS 500 /* enough for a busy machine */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static const char *held; /* the end of a path; NULL: no file is held */
static atomic_uint inside, landed;
static atomic_int command_after = -1; /* what the kernel restores after a reset; -1: nothing */

static bool ends_in(const char *path, const char *end)
{
	size_t n = strlen(path), m = strlen(end);

	return n >= m && strcmp(path + n - m, end) == 0;
}

static void wait_if_held(const char *path)
{
	(void)pthread_mutex_lock(&lock);
	if (held && ends_in(path, held)) {
		inside++;
		while (held && ends_in(path, held))
			(void)pthread_cond_wait(&changed, &lock);
		if (command_after >= 0)
			put(RAWPCI_CFG_COMMAND, 2, (uint32_t)command_after);
		landed++;
	}
	(void)pthread_mutex_unlock(&lock);
}

static void hold(const char *file)
{
	(void)pthread_mutex_lock(&lock);
	held = file;
	(void)pthread_cond_broadcast(&changed);
	(void)pthread_mutex_unlock(&lock);
}

int __real_rawpci_sys_write_file(const char *path, const char *text);
int __wrap_rawpci_sys_write_file(const char *path, const char *text);
int __wrap_rawpci_sys_write_file(const char *path, const char *text)
{
	wait_if_held(path);
	return __real_rawpci_sys_write_file(path, text);
}

int __real_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size)
{
	if (ends_in(path, "/config"))
		wait_if_held(path);
	return __real_rawpci_sys_read_file(path, text, size);
}

static struct rawpci *create_limited(const char *run)
{
	const struct rawpci_options options = { .backend = "sysfs" };
	char limit[64];

	(void)snprintf(limit, sizeof(limit), "driver.timeout_ms=%d", LIMIT_MS);
	return create_context(options, run, limit);
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	ctx = create_limited("run");
}

static bool becomes_openable(void)
{
	for (int i = 0; i < 2000; i++) {
		int r = rawpci_device_open(ctx, NULL, BDF, 0, &dev);

		if (r == 0)
			return true;
		ck_assert_int_eq(r, -EBUSY);
		rawpci_sys_sleep_ms(5);
	}
	return false;
}

/* No other user gets the device before the kernel is done. Afterwards every user does. */
static void check_kept(void)
{
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EBUSY);
	ck_assert_msg(strstr(rawpci_last_error(), "still resets") != NULL, "%s",
		      rawpci_last_error());
	ck_assert_uint_eq(landed, 0);
	hold(NULL);
	ck_assert(becomes_openable());
	ck_assert_uint_gt(landed, 0);
	ck_assert_uint_eq(config(0x04, 2) & RAWPCI_COMMAND_MASTER, 0);
	close_device();
	ck_assert_int_eq(rawpci_recover(ctx), 0);
}

static void check_shut(const struct rawpci_mapping *map)
{
	uint64_t value;
	uint32_t word;

	ck_assert_int_eq(rawpci_mmio_read(dev, map->base, 4, &value), -ESHUTDOWN);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "its reset has not finished"));
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_region_read(dev, 2, 0, 4, &value), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_config_read(dev, 0x04, 2, &word), -ESHUTDOWN);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "its reset has not finished"));
	ck_assert_int_eq(rawpci_config_write(dev, 0x0c, 1, 0x10), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_config_write(dev, 0x04, 2, 2), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_config_write(dev, EXPRESS + 8, 2, 0x8020), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_device_reset(dev), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), -ESHUTDOWN);
	ck_assert_uint_eq(inside, 1);
}

/* A reset by config space or by call lets no access through until it has ended. */
START_TEST(no_access_until_it_ends)
{
	struct rawpci_mapping map;
	uint64_t value;
	int r = -1;

	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0, 0x1000, &map), 0);
	command_after = 0;
	hold("/reset");
	r = _i % 2 ? rawpci_device_reset(dev) : rawpci_config_write(dev, EXPRESS + 8, 2, 0x8020);
	ck_assert_int_eq(r, -ETIMEDOUT);
	check_shut(&map);
	hold(NULL);
	for (int i = 0; i < 2000 && r < 0; i++) {
		rawpci_sys_sleep_ms(5);
		r = _i / 2 ? rawpci_mmio_read(dev, map.base, 4, &value)
			   : rawpci_region_read(dev, 0, 0, 4, &value);
		ck_assert(r == 0 || r == -ESHUTDOWN);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(config(0x04, 2) & 7, 7);
	command_after = -1;
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	close_device();
}
END_TEST

START_TEST(a_late_reset_keeps_the_lock)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	command_after = 7;
	hold("/reset");
	if (_i > 0)
		ck_assert_int_eq(rawpci_device_reset(dev), -ETIMEDOUT);
	close_device();
	ck_assert_uint_eq(inside, 1);
	check_kept();
}
END_TEST

/* A container has a run directory of its own. Only the lock of the device's file "config" keeps its
 * programs out, and that lock must outlast the close, too. */
START_TEST(a_late_reset_keeps_the_lock_that_containers_share)
{
	struct rawpci_device *theirs = NULL;
	struct rawpci *other = create_limited("run2");
	int r;

	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_device_open(other, NULL, BDF, 0, &theirs), -EBUSY);
	command_after = 7;
	hold("/reset");
	ck_assert_int_eq(rawpci_device_reset(dev), -ETIMEDOUT);
	close_device();
	ck_assert_uint_eq(landed, 0);
	r = rawpci_device_open(other, NULL, BDF, 0, &theirs);
	if (r == 0) {
		/* The late thread then turns off bus mastering of the other user's device. */
		(void)rawpci_device_power(theirs, RAWPCI_POWER_ON);
		hold(NULL);
		for (int i = 0; i < 200 && (config(0x04, 2) & 4); i++)
			rawpci_sys_sleep_ms(5);
		(void)fprintf(stderr, "# while another has it on, COMMAND is %x\n",
			      config(0x04, 2));
	}
	hold(NULL);
	ck_assert_int_eq(r, -EBUSY);
	ck_assert(becomes_openable());
	ck_assert_uint_eq(landed, 1);
	close_device();
	rawpci_destroy(other);
}
END_TEST

/* The same holds for each write that takes the device from its driver: the kernel would unbind or
 * bind it while another program uses it. */
START_TEST(a_late_driver_change_keeps_the_lock_that_containers_share)
{
	static const char *const files[] = { "/driver_override", "/unbind" };
	struct rawpci_device *theirs = NULL;
	struct rawpci *other = create_limited("run2");
	char path[512];
	int r;

	tree_link(&tree, DEVICE "driver", "../../drivers/quiet");
	tree_directory(&tree, "bus/pci/drivers/quiet");
	tree_write(&tree, "bus/pci/drivers/quiet/unbind", "");
	tree_write(&tree, DEVICE "vendor", "0x1af4\n");
	tree_write(&tree, DEVICE "device", "0x1234\n");
	hold(files[_i]);
	r = rawpci_device_open(ctx, NULL, BDF, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);
	ck_assert_msg(r == -ETIMEDOUT, "%d: %s", r, rawpci_last_error());
	ck_assert_int_eq(unlink(tree_path(&tree, path, DEVICE "driver")), 0);
	r = rawpci_device_open(other, NULL, BDF, 0, &theirs);
	ck_assert_msg(r == -EBUSY, "%d: %s", r, rawpci_last_error());
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "the kernel still resets or unbinds it"));
	ck_assert_uint_eq(landed, 0);
	hold(NULL);
	for (int i = 0; i < 2000 && r == -EBUSY; i++) {
		rawpci_sys_sleep_ms(5);
		r = rawpci_device_open(other, NULL, BDF, 0, &theirs);
	}
	ck_assert_msg(r == 0, "%d: %s", r, rawpci_last_error());
	ck_assert_int_eq(rawpci_device_close(theirs), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
}
END_TEST

/* The reset ends with bus mastering off, also if no program opens the device afterwards. */
START_TEST(a_late_reset_ends_quiet)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	command_after = 7;
	hold("/reset");
	ck_assert_int_eq(rawpci_device_reset(dev), -ETIMEDOUT);
	close_device();
	put(0x04, 2, 0);
	hold(NULL);
	for (int i = 0; i < 2000 && (config(0x04, 2) & 7) != 3; i++)
		rawpci_sys_sleep_ms(5);
	ck_assert_uint_eq(config(0x04, 2) & 7, 3);
	ck_assert(becomes_openable());
	close_device();
}
END_TEST

START_TEST(a_power_on_whose_reset_is_late)
{
	int r = -1;

	open_device();
	command_after = 0;
	hold("/reset");
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), -ETIMEDOUT);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), -ESHUTDOWN);
	hold(NULL);
	for (int i = 0; i < 2000 && r < 0; i++) {
		rawpci_sys_sleep_ms(5);
		r = rawpci_device_power(dev, RAWPCI_POWER_ON);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(config(0x04, 2) & 7, 7);
	close_device();
}
END_TEST

START_TEST(a_late_disabling_keeps_the_lock)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	hold("/enable");
	close_device();
	check_kept();
}
END_TEST

START_TEST(a_late_enabling_keeps_the_lock)
{
	hold("/enable");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -ETIMEDOUT);
	check_kept();
}
END_TEST

/* A reset by another program keeps config space waiting. */
START_TEST(closes_while_config_space_hangs)
{
	struct timespec before, after;

	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	hold("/config");
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	close_device();
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 10);
	ck_assert_uint_eq(inside, 1);
	check_kept();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-late");
	TCase *tcase = tcase_create("sysdev-late");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, no_access_until_it_ends, 0, 4);
	tcase_add_loop_test(tcase, a_late_reset_keeps_the_lock, 0, 2);
	tcase_add_test(tcase, a_late_reset_keeps_the_lock_that_containers_share);
	tcase_add_loop_test(tcase, a_late_driver_change_keeps_the_lock_that_containers_share, 0, 2);
	tcase_add_test(tcase, a_late_reset_ends_quiet);
	tcase_add_test(tcase, a_power_on_whose_reset_is_late);
	tcase_add_test(tcase, a_late_disabling_keeps_the_lock);
	tcase_add_test(tcase, a_late_enabling_keeps_the_lock);
	tcase_add_test(tcase, closes_while_config_space_hangs);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
