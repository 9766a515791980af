/* SPDX-License-Identifier: MIT */
/* Config space through sysfs: copies, protections, resets, and what open and close write. */
#include "os/sys.h"
#include "unit/sysdev/plain.h"

static unsigned written; /* bits that have been written to COMMAND as set */

int __real_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	const unsigned char *bytes = buffer;

	if (offset == RAWPCI_CFG_COMMAND && size == 2)
		written |= bytes[0] | (unsigned)bytes[1] << 8;
	return __real_rawpci_sys_pwrite(fd, buffer, size, offset);
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	make_context("sysfs");
}

static void check_refused(int error, const char *word)
{
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), error);
	ck_assert_msg(strstr(rawpci_last_error(), word) != NULL, "'%s' says nothing of '%s'",
		      rawpci_last_error(), word);
}

static void cut_config(off_t size)
{
	char path[512];

	ck_assert_int_eq(truncate(tree_path(&tree, path, DEVICE "config"), size), 0);
}

START_TEST(refuses_what_it_cannot_open)
{
	cut_config(64);
	check_refused(-EPERM, "CAP_SYS_ADMIN");
	make_config();
	put(0x0e, 1, 0x81);
	check_refused(-EOPNOTSUPP, "bridge");
	make_config();
	put(0x00, 4, UINT32_MAX);
	check_refused(-ENODEV, "does not answer");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, "0000:09:00.0", 0, &dev), -ENODEV);
	make_config();
	tree_link(&tree, DEVICE "driver", "../../drivers/e1000e");
	check_refused(-EBUSY, "e1000e");
	ck_assert_int_eq(config(0x04, 2), 0);
}
END_TEST

/* All ones must not be written back as COMMAND: if the link came back, the device would master the
 * bus. */
START_TEST(does_not_answer)
{
	unsigned char ones[CONFIG_SIZE];
	char text[512];

	memset(ones, 0xff, sizeof(ones));
	put_bytes(DEVICE "config", ones, sizeof(ones), 0);
	written = 0;
	check_refused(-ENODEV, "does not answer");
	ck_assert_uint_eq(written, 0);
	ck_assert_int_ne(tree_read(&tree, DEVICE "enable", text)[0], '1');
}
END_TEST

START_TEST(enables_and_puts_back)
{
	char text[512];

	put(0x04, 2, 0x0100);
	open_device();
	ck_assert_int_eq(tree_read(&tree, DEVICE "enable", text)[0], '1');
	ck_assert_uint_eq(config(0x04, 2), 0x0500); /* no INTx without a handler */
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0507);
	close_device();
	ck_assert_int_eq(tree_read(&tree, DEVICE "enable", text)[0], '0');
	ck_assert_uint_eq(config(0x04, 2), 0x0100);
}
END_TEST

/* A virtual function has no ids in its config space. */
START_TEST(virtual_function)
{
	struct rawpci_device_info info;
	uint32_t value = 0;

	tree_directory(&tree, DEVICE "physfn");
	tree_write(&tree, DEVICE "vendor", "0x8086\n");
	tree_write(&tree, DEVICE "device", "0x154c\n");
	put(0x00, 4, UINT32_MAX);
	open_device();
	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	ck_assert_uint_eq(info.vendor_id, 0x8086);
	ck_assert_uint_eq(info.device_id, 0x154c);
	ck_assert_int_eq(rawpci_config_read(dev, 2, 1, &value), 0);
	ck_assert_uint_eq(value, 0x4c);
	put(0x08, 4, UINT32_MAX);
	ck_assert_int_eq(rawpci_config_read(dev, 0, 4, &value), -ESHUTDOWN);
	close_device();
}
END_TEST

START_TEST(size_of_config_space)
{
	struct rawpci_device_info info;

	open_device();
	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	ck_assert_uint_eq(info.config_size, 4096);
	ck_assert(info.can_reset && !info.can_dma && info.can_map_wc);
	close_device();
	cut_config(256);
	open_device();
	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	ck_assert_uint_eq(info.config_size, 256);
	close_device();
}
END_TEST

START_TEST(bars_size_and_stay)
{
	open_device();
	ck_assert_uint_eq(cfg_read(0x10, 4), 0x0000000c);
	ck_assert_uint_eq(cfg_read(0x14, 4), 1);
	for (uint32_t at = 0x10; at < 0x28; at += 4)
		cfg_write(at, 4, UINT32_MAX);
	cfg_write(0x30, 4, UINT32_MAX);
	ck_assert_uint_eq(cfg_read(0x10, 4), 0xffffc00c);
	ck_assert_uint_eq(cfg_read(0x14, 4), UINT32_MAX);
	ck_assert_uint_eq(cfg_read(0x18, 4), 0xffffffe1);
	ck_assert_uint_eq(cfg_read(0x1a, 2), 0xffff);
	ck_assert_uint_eq(cfg_read(0x1c, 4), 0xffffff00);
	ck_assert_uint_eq(cfg_read(0x20, 4), 0);
	ck_assert_uint_eq(cfg_read(0x30, 4), 0xffff0001);
	cfg_write(0x11, 1, 0x80);
	ck_assert_uint_eq(cfg_read(0x10, 4), 0xffff800c);
	ck_assert_uint_eq(config(0x10, 4), 0x0000000c);
	ck_assert_uint_eq(config(0x14, 4), 1);
	ck_assert_uint_eq(config(0x18, 4), 0xc001);
	ck_assert_uint_eq(config(0x30, 4), 0xfeb10000);
	close_device();
}
END_TEST

START_TEST(keeps_interrupt_registers)
{
	open_device();
	ck_assert_uint_eq(cfg_read(0x04, 2) & 0x0400, 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(0x04, 2, 0x0506);
	ck_assert_uint_eq(config(0x04, 2), 0x0506);
	cfg_write(0x04, 4, 0x00000106);
	ck_assert_uint_eq(config(0x04, 2), 0x0506);
	ck_assert_uint_eq(cfg_read(0x04, 4) & 0xffff, 0x0106);
	ck_assert_uint_eq(cfg_read(0x05, 1), 0x01);
	cfg_write(0x3c, 1, 0x5a);
	ck_assert_uint_eq(cfg_read(0x3c, 4), 0x0000015a);
	ck_assert_uint_eq(config(0x3c, 4), 0x0000010b);
	close_device();
}
END_TEST

START_TEST(status_is_written_alone)
{
	open_device();
	cfg_write(0x06, 2, 0xf900);
	ck_assert_uint_eq(config(0x06, 2), 0xf900 | RAWPCI_STATUS_CAPABILITIES);
	cfg_write(0x04, 2, 0x0002);
	ck_assert_uint_eq(config(0x06, 2), RAWPCI_STATUS_CAPABILITIES | 0xf900);
	close_device();
}
END_TEST

START_TEST(protects_capabilities)
{
	open_device();
	cfg_write(MSI + 2, 2, 0x0081);
	cfg_write(MSI + 4, 4, 0xfee00000);
	cfg_write(MSI + 12, 2, 0x1234);
	cfg_write(MSIX + 2, 2, 0x8000);
	cfg_write(EXPRESS + 16, 2, 0x0003);
	cfg_write(0x100, 4, 0x12345678);
	ck_assert_uint_eq(config(MSI + 2, 2), 0x0080);
	ck_assert_uint_eq(config(MSI + 4, 4), 0);
	ck_assert_uint_eq(config(MSI + 12, 2), 0);
	ck_assert_uint_eq(config(MSIX + 2, 2), 0);
	ck_assert_uint_eq(config(EXPRESS + 16, 2), 0);
	ck_assert_uint_eq(config(0x100, 4), 0);
	cfg_write(EXPRESS + 8, 2, 0x32cf);
	ck_assert_uint_eq(config(EXPRESS + 8, 2), 0x302f);
	cfg_write(EXPRESS + 0x28, 2, 0x003f);
	ck_assert_uint_eq(config(EXPRESS + 0x28, 2), 0x001f);
	cfg_write(0xe0, 4, 0x12345678);
	ck_assert_uint_eq(config(0xe0, 4), 0);
	close_device();
}
END_TEST

START_TEST(resets_by_the_kernel)
{
	char text[512];

	open_device();
	cfg_write(EXPRESS + 8, 2, 0x8020);
	ck_assert_int_eq(tree_read(&tree, DEVICE "reset", text)[0], '1');
	ck_assert_uint_eq(config(EXPRESS + 8, 2), 0x0020);
	tree_write(&tree, DEVICE "reset", "-\n");
	cfg_write(AF + 4, 1, 1);
	ck_assert_int_eq(tree_read(&tree, DEVICE "reset", text)[0], '1');
	ck_assert_uint_eq(config(AF + 4, 1), 0);
	tree_write(&tree, DEVICE "reset", "-\n");
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	ck_assert_int_eq(tree_read(&tree, DEVICE "reset", text)[0], '1');
	close_device();
}
END_TEST

START_TEST(wakes_with_its_bars)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), 0);
	ck_assert_uint_eq(config(PM + 4, 2) & 3, 3);
	put(0x10, 4, 0x0000000c & 0xf);
	put(0x14, 4, 0);
	put(0x18, 4, 1);
	put(0x04, 2, 0);
	put(EXPRESS + 8, 2, 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_RESUME), 0);
	ck_assert_uint_eq(config(0x14, 4), 1);
	ck_assert_uint_eq(config(0x18, 4), 0xc001);
	ck_assert_uint_eq(config(EXPRESS + 8, 2), 0x0020);
	ck_assert_uint_eq(config(0x04, 2), 0x0407);
	close_device();
}
END_TEST

static void nothing(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

START_TEST(refuses_interrupts)
{
	int fd = 0;

	open_device();
	ck_assert_int_eq(rawpci_irq_count(dev, RAWPCI_IRQ_INTX), 0);
	ck_assert_int_eq(rawpci_irq_attach(dev, nothing, NULL, 1), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "vfio"));
	ck_assert_int_eq(rawpci_irq_route(dev, RAWPCI_IRQ_MSI, 0, 1, &fd), -EOPNOTSUPP);
	close_device();
}
END_TEST

/* The bit does nothing if the device says that it has no such reset. VFIO checks that, too (Linux
 * drivers/vfio/pci/vfio_pci_config.c, vfio_exp_config_write(), vfio_af_config_write()). */
START_TEST(a_reset_that_the_device_does_not_have)
{
	static const uint8_t af[] = { 0, 0, 1, 2 }; /* a reset needs both bits */
	char text[512];

	put(EXPRESS + 4, 4, 0xefffffff);
	put(AF + 3, 1, af[_i]);
	open_device();
	ck_assert_uint_eq(cfg_read(EXPRESS + 4, 4) & 0x10000000, 0);
	tree_write(&tree, DEVICE "reset", "-\n");
	if (_i)
		cfg_write(AF + 4, 1, 1);
	else
		cfg_write(EXPRESS + 8, 2, 0x8020);
	ck_assert_str_eq(tree_read(&tree, DEVICE "reset", text), "-\n");
	close_device();
}
END_TEST

/* The write fails and changes nothing. */
START_TEST(a_reset_that_the_kernel_does_not_have)
{
	char path[512];

	ck_assert_int_eq(unlink(tree_path(&tree, path, DEVICE "reset")), 0);
	open_device();
	ck_assert_int_eq(rawpci_config_write(dev, EXPRESS + 8, 2, 0x8030), -EOPNOTSUPP);
	ck_assert_uint_eq(config(EXPRESS + 8, 2), 0x0020);
	close_device();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-config");
	TCase *tcase = tcase_create("sysdev-config");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, refuses_what_it_cannot_open);
	tcase_add_test(tcase, does_not_answer);
	tcase_add_test(tcase, enables_and_puts_back);
	tcase_add_test(tcase, virtual_function);
	tcase_add_test(tcase, size_of_config_space);
	tcase_add_test(tcase, bars_size_and_stay);
	tcase_add_test(tcase, keeps_interrupt_registers);
	tcase_add_test(tcase, status_is_written_alone);
	tcase_add_test(tcase, protects_capabilities);
	tcase_add_test(tcase, resets_by_the_kernel);
	tcase_add_test(tcase, wakes_with_its_bars);
	tcase_add_test(tcase, refuses_interrupts);
	tcase_add_loop_test(tcase, a_reset_that_the_device_does_not_have, 0, 4);
	tcase_add_test(tcase, a_reset_that_the_kernel_does_not_have);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
