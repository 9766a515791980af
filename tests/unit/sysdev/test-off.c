/* SPDX-License-Identifier: MIT */
/* COMMAND of a device that is off, asleep or reset. The tests play what the kernel does to it. */
#include <pthread.h>
#include <semaphore.h>

#include <rawpci/memory.h>

#include "os/sys.h"
#include "unit/sysdev/plain.h"

#define ASLEEP 3

static unsigned written;  /* bits that have been written to COMMAND as set */
static bool forgets;      /* waking up loses COMMAND */
static unsigned lies;     /* so many writes to PMCSR succeed and report a failure */
static bool stuck;        /* it does not wake up */
static int reset_result;  /* of the file "reset"; a reset sets COMMAND to 0 */
static sem_t arrived, go; /* a write to HELD posts the first and waits for the second */
enum { HELD = 0x0c };
static bool holds;

int __real_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	const unsigned char *bytes = buffer;
	int r;

	if (offset == RAWPCI_CFG_COMMAND)
		written |= bytes[0];
	if (offset == PM + RAWPCI_PM_CONTROL && forgets && (bytes[0] & 3) == 0)
		put(RAWPCI_CFG_COMMAND, 2, 0);
	if (offset == PM + RAWPCI_PM_CONTROL && stuck && (bytes[0] & 3) == 0)
		return -EIO;
	r = __real_rawpci_sys_pwrite(fd, buffer, size, offset);
	if (offset == PM + RAWPCI_PM_CONTROL && lies > 0) {
		lies--;
		return -EIO;
	}
	return r;
}

int __real_rawpci_sysdev_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);
int __wrap_rawpci_sysdev_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);
int __wrap_rawpci_sysdev_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
	if (offset == HELD && holds) {
		holds = false;
		(void)sem_post(&arrived);
		(void)sem_wait(&go);
	}
	return __real_rawpci_sysdev_cfg_write(device, offset, width, value);
}

int __real_rawpci_sys_write_file(const char *path, const char *text);
int __wrap_rawpci_sys_write_file(const char *path, const char *text);
int __wrap_rawpci_sys_write_file(const char *path, const char *text)
{
	size_t length = strlen(path);

	if (length < 6 || strcmp(path + length - 6, "/reset") != 0)
		return __real_rawpci_sys_write_file(path, text);
	put(RAWPCI_CFG_COMMAND, 2, 0);
	return reset_result;
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	make_context("sysfs");
	forgets = holds = stuck = false;
	lies = 0;
	reset_result = 0;
}

static int power(enum rawpci_power state)
{
	return rawpci_device_power(dev, state);
}

static bool masters(void)
{
	return config(0x04, 2) & RAWPCI_COMMAND_MASTER;
}

START_TEST(remembers_bus_mastering)
{
	open_device();
	for (unsigned width = 1; width <= 4; width *= 2) {
		cfg_write(0x04, width, 6);
		ck_assert(!masters());
		ck_assert_uint_eq(cfg_read(0x04, width) & 7, 6);
		ck_assert_uint_eq(cfg_read(0x05, 1), 0);
		cfg_write(0x04, width, 2);
		ck_assert_uint_eq(cfg_read(0x04, 2) & 7, 2);
	}
	cfg_write(0x04, 2, 6);
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	ck_assert(!masters());
	ck_assert_uint_eq(cfg_read(0x04, 2) & 7, 6);
	ck_assert_int_eq(power(RAWPCI_POWER_ON), 0);
	ck_assert(masters());
	ck_assert_int_eq(power(RAWPCI_POWER_OFF), 0);
	ck_assert(!masters());
	ck_assert_uint_eq(cfg_read(0x04, 2) & 4, 0);
	cfg_write(0x04, 2, 6);
	cfg_write(EXPRESS + 8, 2, 0x8020);
	cfg_write(AF + 4, 1, 1);
	ck_assert(!masters());
	close_device();
	ck_assert(!masters());
}
END_TEST

/* Waking up does not turn bus mastering on, not even for a moment. */
START_TEST(wakes_without_bus_mastering)
{
	uint32_t state = (uint32_t)_i / 2 + 1;

	forgets = _i % 2;
	open_device();
	ck_assert_int_eq(power(RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, state);
	ck_assert_int_eq(power(RAWPCI_POWER_OFF), 0);
	written = 0;
	cfg_write(PM + 4, 2, 0);
	cfg_write(PM + 4, 2, state);
	cfg_write(0x04, 2, 6);
	cfg_write(PM + 4, 2, 0);
	ck_assert(!masters());
	cfg_write(PM + 4, 2, 1);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(PM + 4, 2, 0);
	ck_assert(!masters());
	ck_assert_uint_eq(written & RAWPCI_COMMAND_MASTER, 0);
	close_device();
}
END_TEST

START_TEST(command_written_asleep)
{
	uint64_t value;

	forgets = _i;
	open_device();
	ck_assert_int_eq(power(RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(0x04, 2, 0);
	written = 0;
	cfg_write(PM + 4, 2, 0);
	ck_assert_uint_eq(config(0x04, 2) & 7, 0);
	ck_assert_uint_eq(written, 0);
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), -ESHUTDOWN);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(0x04, 2, 6);
	cfg_write(PM + 4, 2, 0);
	ck_assert_uint_eq(config(0x04, 2) & 7, 6);
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), 0);
	close_device();
}
END_TEST

START_TEST(refused_while_asleep)
{
	static unsigned char ram[0x1000] __attribute__((aligned(0x1000)));
	struct rawpci_mapping map;
	struct rawpci_vm *vm;
	uint64_t value;

	ck_assert_int_eq(rawpci_vm_create(ctx, &vm), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, vm, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_memory_map(vm, 0, ram, sizeof(ram)), 0);
	cfg_write(0x04, 2, 6);
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0, 0x1000, &map), 0);
	cfg_write(PM + 4, 2, ASLEEP);
	ck_assert_int_eq(power(RAWPCI_POWER_ON), -EOPNOTSUPP);
	ck_assert_uint_eq(config(PM + 4, 2) & 3, ASLEEP);
	ck_assert_int_eq(rawpci_mmio_read(dev, map.base, 4, &value), -ESHUTDOWN);
	ck_assert_uint_eq(cfg_read(0x04, 2) & 7, 6);
	cfg_write(PM + 4, 2, 0);
	ck_assert(!masters());
	ck_assert_int_eq(rawpci_mmio_read(dev, map.base, 4, &value), 0);
	close_device();
	ck_assert_int_eq(rawpci_vm_destroy(vm), 0);
}
END_TEST

/* A reset that fails changes COMMAND. A later reset does not put that value back. */
START_TEST(reset_after_a_failed_one)
{
	uint64_t value;

	open_device();
	ck_assert_int_eq(power(RAWPCI_POWER_ON), 0);
	reset_result = -EIO;
	ck_assert_int_eq(rawpci_device_reset(dev), -EIO);
	ck_assert_uint_eq(config(0x04, 2) & 7, 7);
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), 0);
	ck_assert_int_eq(rawpci_config_write(dev, EXPRESS + 8, 2, 0x8020), -EIO);
	ck_assert_uint_eq(config(0x04, 2) & 7, 7);
	put(0x04, 2, 0);
	reset_result = 0;
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	ck_assert_uint_eq(config(0x04, 2) & 7, 7);
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), 0);
	close_device();
}
END_TEST

/* Putting the device to sleep fails, and yet it sleeps. It is woken; if it does not wake up,
 * nothing reaches it. */
START_TEST(asleep_by_a_failed_suspension)
{
	uint64_t value;

	open_device();
	ck_assert_int_eq(power(RAWPCI_POWER_ON), 0);
	lies = 1;
	stuck = _i;
	forgets = !_i;
	ck_assert_int_eq(power(RAWPCI_POWER_SUSPEND), -EIO);
	ck_assert_uint_eq(config(PM + 4, 2) & 3, _i ? ASLEEP : 0);
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), _i ? -ESHUTDOWN : 0);
	stuck = forgets = false;
	cfg_write(PM + 4, 2, 0);
	ck_assert_int_eq(rawpci_region_read(dev, 0, 0, 4, &value), 0);
	ck_assert_uint_eq(config(0x04, 2) & 7, 7);
	close_device();
}
END_TEST

static void *write_held(void *unused)
{
	(void)unused;
	cfg_write(HELD, 1, 0x10);
	return NULL;
}

static void *release(void *unused)
{
	(void)unused;
	rawpci_sys_sleep_ms(100);
	(void)sem_post(&go);
	return NULL;
}

/* A write that is under way when the device is suspended is not lost. */
START_TEST(suspension_waits_for_config_writes)
{
	pthread_t writer, releaser;

	ck_assert_int_eq(sem_init(&arrived, 0, 0), 0);
	ck_assert_int_eq(sem_init(&go, 0, 0), 0);
	open_device();
	ck_assert_int_eq(power(RAWPCI_POWER_ON), 0);
	holds = true;
	ck_assert_int_eq(pthread_create(&writer, NULL, write_held, NULL), 0);
	ck_assert_int_eq(sem_wait(&arrived), 0);
	ck_assert_int_eq(pthread_create(&releaser, NULL, release, NULL), 0);
	ck_assert_int_eq(power(RAWPCI_POWER_SUSPEND), 0);
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert_int_eq(pthread_join(releaser, NULL), 0);
	ck_assert_int_eq(power(RAWPCI_POWER_RESUME), 0);
	ck_assert_uint_eq(config(HELD, 1), 0x10);
	close_device();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-off");
	TCase *tcase = tcase_create("sysdev-off");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, remembers_bus_mastering);
	tcase_add_loop_test(tcase, wakes_without_bus_mastering, 0, 6); /* D1 to D3hot */
	tcase_add_loop_test(tcase, command_written_asleep, 0, 2);
	tcase_add_test(tcase, refused_while_asleep);
	tcase_add_test(tcase, reset_after_a_failed_one);
	tcase_add_loop_test(tcase, asleep_by_a_failed_suspension, 0, 2);
	tcase_add_test(tcase, suspension_waits_for_config_writes);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
