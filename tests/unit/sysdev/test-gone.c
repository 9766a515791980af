/* SPDX-License-Identifier: MIT */
/* The host removes the device from sysfs while it is open: its mappings still work, and its files do
 * not. Whichever call comes first finds out, by sysfs and by uio. */
#include <stdatomic.h>

#include "touch.h"
#include "unit/uio/node.h"

static atomic_bool removed;
static struct rawpci_mapping map;

int __real_rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
	return atomic_load(&removed) ? -ENODEV : __real_rawpci_sys_pread(fd, buffer, size, offset);
}

int __real_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	return atomic_load(&removed) ? -ENODEV : __real_rawpci_sys_pwrite(fd, buffer, size, offset);
}

int __real_rawpci_sys_read_event(int fd, void *buffer, size_t size);
int __wrap_rawpci_sys_read_event(int fd, void *buffer, size_t size);
int __wrap_rawpci_sys_read_event(int fd, void *buffer, size_t size)
{
	return atomic_load(&removed) ? -EIO : __real_rawpci_sys_read_event(fd, buffer, size);
}

static void set_up_with(const char *backend)
{
	tree_create(&tree);
	make_device();
	if (strcmp(backend, "uio") == 0)
		make_uio();
	make_context(backend);
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0, 0x4000, &map), 0);
	ck_assert_ptr_nonnull(map.cpu);
}

static void take_away(void)
{
	char from[512], to[512];

	tree_path(&tree, from, "bus/pci/devices/" BDF);
	tree_path(&tree, to, "away");
	ck_assert_int_eq(rename(from, to), 0);
	atomic_store(&removed, true);
}

static int first_call(int which)
{
	struct rawpci_mapping more;
	uint64_t value;
	uint32_t word;

	switch (which) {
	case 0:
		return rawpci_config_read(dev, 0, 4, &word);
	case 1:
		return rawpci_config_read(dev, 0x10, 4, &word); /* a copy */
	case 2:
		return rawpci_config_write(dev, 0x10, 4, 0);
	case 3:
		return rawpci_config_write(dev, 0x04, 2, 3);
	case 4:
		return rawpci_region_read(dev, 0, 0, 4, &value);
	case 5:
		return rawpci_region_write(dev, 0, 0, 4, 1);
	case 6:
		return rawpci_region_read(dev, 2, 0, 4, &value); /* ports */
	case 7:
		return rawpci_region_write(dev, 2, 0, 4, 1);
	case 8:
		return rawpci_region_read(dev, 6, 0, 4, &value); /* ROM */
	case 9:
		return rawpci_region_map(dev, 0, 0, 0x1000, &more);
	case 10:
		return rawpci_region_map_wc(dev, 0, 0, 0x1000, &more);
	case 11:
		return rawpci_device_reset(dev);
	case 12:
		return rawpci_device_power(dev, RAWPCI_POWER_SUSPEND);
	default:
		return rawpci_irq_attach(dev, handler, NULL, 0);
	}
}

/* From then on no access gets through: neither a plain one, nor one past the library. */
static void check_gone(void)
{
	uint64_t value;
	uint32_t word;

	ck_assert_int_eq(rawpci_mmio_read(dev, map.base, 4, &value), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_mmio_write(dev, map.base, 4, 0), -ESHUTDOWN);
	ck_assert_int_eq(touch(map.cpu, &word), SIGBUS);
	close_device();
}

static void find_out(const char *backend, int which)
{
	uint64_t value = 0;
	int r;

	set_up_with(backend);
	ck_assert_int_eq(rawpci_mmio_read(dev, map.base, 4, &value), 0);
	ck_assert_uint_eq(value, 0x03020100);
	take_away();
	r = first_call(which);
	ck_assert_msg(r == -ESHUTDOWN, "call %d: %d: %s", which, r, rawpci_last_error());
	ck_assert_msg(strstr(rawpci_last_error(), "the device is gone: close it") != NULL, "%s",
		      rawpci_last_error());
	check_gone();
}

START_TEST(by_sysfs)
{
	find_out("sysfs", _i);
	finish();
}
END_TEST

START_TEST(by_uio)
{
	find_out("uio", _i);
	finish_uio();
}
END_TEST

/* The kernel ends the node, so it is found out without a call. */
START_TEST(by_the_node)
{
	const struct timespec moment = { .tv_nsec = 1000000 };
	const uint32_t count = 1;
	uint64_t value;
	int r = 0;

	set_up_with("uio");
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 0), 1);
	take_away();
	ck_assert_int_eq(write(node, &count, sizeof(count)), sizeof(count));
	for (int i = 0; i < 5000 && r == 0; i++) {
		(void)nanosleep(&moment, NULL);
		r = rawpci_mmio_read(dev, map.base, 4, &value);
	}
	ck_assert_int_eq(r, -ESHUTDOWN);
	check_gone();
	finish_uio();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-gone");
	TCase *tests = tcase_create("gone");

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, by_sysfs, 0, 13);
	tcase_add_loop_test(tests, by_uio, 0, 14);
	tcase_add_test(tests, by_the_node);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
