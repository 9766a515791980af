/* SPDX-License-Identifier: MIT */
/* What a guest can do to other devices that the same engine serves. Reading VPD takes as long as
 * the kernel waits for a device that never ends it (Linux drivers/pci/vpd.c, pci_vpd_wait()). So do
 * the ROM and waking up here. */
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "os/sys.h"
#include "unit/uio/node.h"

/* The wait is longer than the kernel's, for busy hosts. */
enum { VPD = 0xc0, VPD_WAIT_MS = 500, WAKE_MS = 10 };

static atomic_bool done, slow;
static atomic_uint reading, most, reads;
static atomic_uint wake_ms, rom_ms;
static const char vpd_data[] = "0123456789ab";

static int read_slowly(void)
{
	unsigned now = atomic_fetch_add(&reading, 1) + 1, before = atomic_load(&most);

	while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
		;
	atomic_fetch_add(&reads, 1);
	rawpci_sys_sleep_ms(VPD_WAIT_MS);
	atomic_fetch_sub(&reading, 1);
	return -ETIMEDOUT;
}

int __real_rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
	char link[64], path[512];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n > 4 && strncmp(path + n - 4, "/vpd", 4) == 0) {
		int r = read_slowly();

		if (!atomic_load(&slow))
			return r;
	}
	if (n > 4 && strncmp(path + n - 4, "/rom", 4) == 0)
		rawpci_sys_sleep_ms(atomic_load(&rom_ms));
	return __real_rawpci_sys_pread(fd, buffer, size, offset);
}

void __real_rawpci_sys_sleep_ms(unsigned ms);
void __wrap_rawpci_sys_sleep_ms(unsigned ms);
void __wrap_rawpci_sys_sleep_ms(unsigned ms)
{
	__real_rawpci_sys_sleep_ms(ms == WAKE_MS ? atomic_load(&wake_ms) : ms);
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	put(AF, 4, RAWPCI_CAP_AF | VPD << 8);
	put(VPD, 4, 0x03);
	tree_write(&tree, DEVICE "vpd", vpd_data);
	atomic_store(&done, false);
	atomic_store(&slow, false);
	atomic_store(&most, 0);
	atomic_store(&reads, 0);
	atomic_store(&wake_ms, WAKE_MS);
	atomic_store(&rom_ms, VPD_WAIT_MS);
	make_uio();
	make_context("uio");
}

static uint64_t now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void *read_vpd(void *unused)
{
	(void)unused;
	while (!atomic_load(&done))
		cfg_write(VPD + 2, 2, 0);
	return NULL;
}

/* A driver polls like this. While the device is off or asleep, nothing is read. */
static void *poll_vpd(void *unused)
{
	uint32_t value;

	(void)unused;
	while (!atomic_load(&done)) {
		cfg_write(VPD + 2, 2, 0);
		ck_assert_int_eq(rawpci_config_read(dev, VPD + 2, 2, &value), 0);
		ck_assert_uint_eq(value, 0);
	}
	return NULL;
}

static void *read_rom(void *unused)
{
	uint64_t value;

	(void)unused;
	while (!atomic_load(&done))
		(void)rawpci_region_read(dev, RAWPCI_REGION_ROM, 0, 4, &value);
	return NULL;
}

static void *sleep_and_wake(void *unused)
{
	(void)unused;
	while (!atomic_load(&done)) {
		cfg_write(PM + 4, 2, 3);
		cfg_write(PM + 4, 2, 0);
	}
	return NULL;
}

static void *(*const guests_do[])(void *) = { read_vpd, poll_vpd, read_rom, sleep_and_wake };

#define GUESTS_DO ((int)(sizeof(guests_do) / sizeof(guests_do[0])))

/* The engine unmasks, and it serves all devices of the context. */
START_TEST(reads_vpd)
{
	uint64_t longest = 0;
	pthread_t guest;

	open_device();
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	ck_assert_int_eq(pthread_create(&guest, NULL, guests_do[_i], NULL), 0);
	rawpci_sys_sleep_ms(20);
	for (int i = 0; i < 5; i++) {
		uint64_t before = now_ms(), took;

		deliver();
		ck_assert(becomes(0x0003));
		took = now_ms() - before;
		longest = took > longest ? took : longest;
	}
	atomic_store(&done, true);
	ck_assert_int_eq(pthread_join(guest, NULL), 0);
	ck_assert_msg(longest < 200, "the engine was held up for %u ms", (unsigned)longest);
	close_device();
}
END_TEST

/* All guests wait for one lock, which is given in no order. */
START_TEST(keeps_its_host_waiting)
{
	enum { GUESTS = 4 };
	pthread_t guests[GUESTS];
	uint64_t before, took;

	atomic_store(&rom_ms, 100); /* turning the device off waits for accesses to a region */
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	for (int i = 0; i < GUESTS; i++)
		ck_assert_int_eq(pthread_create(&guests[i], NULL, guests_do[_i], NULL), 0);
	rawpci_sys_sleep_ms(20);
	before = now_ms();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	took = now_ms() - before;
	atomic_store(&done, true);
	for (int i = 0; i < GUESTS; i++)
		ck_assert_int_eq(pthread_join(guests[i], NULL), 0);
	ck_assert_msg(took < 1000, "turning it off took %u ms", (unsigned)took);
	close_device();
}
END_TEST

/* An interrupt comes through the engine while the device is on its way from D3hot. The device is
 * not touched meanwhile. */
START_TEST(serves_while_it_wakes)
{
	uint64_t longest = 0;
	pthread_t guest;

	open_device();
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	atomic_store(&wake_ms, VPD_WAIT_MS);
	ck_assert_int_eq(pthread_create(&guest, NULL, sleep_and_wake, NULL), 0);
	rawpci_sys_sleep_ms(20);
	for (int i = 0; i < 20; i++) {
		uint64_t before = now_ms(), took;

		deliver();
		took = now_ms() - before;
		longest = took > longest ? took : longest;
	}
	atomic_store(&done, true);
	ck_assert_int_eq(pthread_join(guest, NULL), 0);
	ck_assert_msg(longest < 250, "the engine was held up for %u ms", (unsigned)longest);
	ck_assert(becomes(0x0003));
	close_device();
}
END_TEST

static void *ask(void *value)
{
	*(uint32_t *)value = cfg_read(VPD + 2, 2);
	return NULL;
}

/* No second reader waits. The reader gets the data that were asked for last. */
START_TEST(reads_vpd_once)
{
	uint32_t value = 0;
	pthread_t guest;

	atomic_store(&slow, true);
	open_device();
	cfg_write(VPD + 2, 2, 4);
	ck_assert_int_eq(pthread_create(&guest, NULL, ask, &value), 0);
	for (int i = 0; i < 2000 && atomic_load(&reading) == 0; i++)
		rawpci_sys_sleep_ms(1);
	ck_assert_uint_eq(cfg_read(VPD + 2, 2), 4);
	if (_i == 1)
		cfg_write(VPD + 2, 2, 8);
	if (_i == 2)
		cfg_write(VPD + 2, 2, 0x8008);
	ck_assert_int_eq(pthread_join(guest, NULL), 0);
	ck_assert_uint_eq(value, _i == 0 ? 0x8004 : _i == 1 ? 8 : 0x8008);
	ck_assert_uint_eq(cfg_read(VPD + 2, 2), _i == 0 ? 0x8004 : 0x8008);
	if (_i < 2)
		ck_assert_uint_eq(cfg_read(VPD + 4, 4), _i == 0 ? 0x37363534 : 0x62613938);
	else
		ck_assert_uint_eq(cfg_read(VPD + 4, 4), 0);
	ck_assert_uint_eq(atomic_load(&most), 1);
	ck_assert_uint_eq(atomic_load(&reads), _i == 1 ? 2 : 1);
	close_device();
}
END_TEST

/* If the kernel cannot read the data, the waiting readers do not try again. */
START_TEST(gives_vpd_up)
{
	open_device();
	cfg_write(VPD + 2, 2, 4);
	for (int i = 0; i < 100; i++)
		ck_assert_uint_eq(cfg_read(VPD + 2, 2), 4);
	ck_assert_uint_eq(atomic_load(&reads), 1);
	close_device();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uio-waits");
	TCase *tcase = tcase_create("uio-waits");

	tcase_add_checked_fixture(tcase, set_up, finish_uio);
	tcase_set_timeout(tcase, 90);
	tcase_add_loop_test(tcase, reads_vpd, 0, GUESTS_DO);
	tcase_add_loop_test(tcase, keeps_its_host_waiting, 0, GUESTS_DO - 1);
	tcase_add_test(tcase, serves_while_it_wakes);
	tcase_add_loop_test(tcase, reads_vpd_once, 0, 3);
	tcase_add_test(tcase, gives_vpd_up);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
