/* SPDX-License-Identifier: MIT */
/* uio: interrupts through the node, and what the device's COMMAND is meanwhile. */
#include "unit/uio/node.h"

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	make_uio();
	make_context("uio");
}

START_TEST(delivers_and_unmasks)
{
	int irq;

	open_device();
	ck_assert_int_eq(rawpci_irq_count(dev, RAWPCI_IRQ_INTX), 1);
	ck_assert_int_eq(rawpci_irq_count(dev, RAWPCI_IRQ_MSI), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
	irq = rawpci_irq_attach(dev, handler, NULL, 1);
	ck_assert_int_ge(irq, 1);
	ck_assert_uint_eq(config(0x04, 2), 0x0003);
	for (int i = 0; i < 10; i++) {
		deliver();
		ck_assert(becomes(0x0003));
	}
	ck_assert_int_eq(rawpci_irq_attach(dev, handler, NULL, 1), -ENOSPC);
	ck_assert_int_eq(rawpci_irq_detach(dev, irq), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
	/* A handler can be attached again, because the node is still open. */
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	deliver();
	ck_assert(becomes(0x0003));
	close_device();
	ck_assert_uint_eq(config(0x04, 2), 0x0003);
}
END_TEST

START_TEST(respects_interrupt_disable)
{
	open_device();
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	cfg_write(0x04, 2, 0x0403);
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
	ck_assert_int_eq(rawpci_irq_unmask(dev), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
	cfg_write(0x04, 2, 0x0003);
	ck_assert_uint_eq(config(0x04, 2), 0x0003);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0007);
	/* A delivery has masked INTx. A write to COMMAND does not unmask it. */
	put(0x04, 2, 0x0403);
	cfg_write(0x04, 2, 0x0007);
	ck_assert_uint_eq(config(0x04, 2), 0x0407);
	ck_assert_uint_eq(cfg_read(0x04, 2), 0x0007);
	ck_assert_int_eq(rawpci_irq_unmask(dev), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0007);
	close_device();
}
END_TEST

/* A killed user left INTx masked, or the kernel masked it when the last interrupt came. */
START_TEST(opened_while_masked)
{
	put(0x04, 2, 0x0403);
	open_device();
	ck_assert_uint_eq(cfg_read(0x04, 2), 0x0003);
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	ck_assert_uint_eq(config(0x04, 2), 0x0003);
	deliver();
	ck_assert(becomes(0x0003));
	close_device();
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
}
END_TEST

START_TEST(puts_bus_mastering_back)
{
	open_device();
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0007);
	put(0x04, 2, 0x0003);
	cfg_write(0x05, 1, 0x01);
	ck_assert_uint_eq(config(0x04, 2), 0x0103);
	deliver();
	ck_assert(becomes(0x0107));
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	ck_assert_uint_eq(config(0x04, 2) & 0x0004, 0);
	close_device();
}
END_TEST

/* The kernel turns bus mastering off when any program closes the node. The next unmasking turns it
 * on again, but only while the device is on. */
START_TEST(leaves_bus_mastering_off)
{
	put(0x04, 2, 0x0007);
	open_device();
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 1), 1);
	ck_assert_uint_eq(config(0x04, 2), 0x0003);
	cfg_write(0x04, 2, 0x0007);
	deliver();
	ck_assert(becomes(0x0003));
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	put(0x04, 2, 0x0003);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	ck_assert_uint_eq(config(0x04, 2), 0x0403);
	cfg_write(0x05, 1, 0x01);
	ck_assert_uint_eq(config(0x04, 2) & 0x0004, 0);
	close_device();
	ck_assert_uint_eq(config(0x04, 2) & 0x0004, 0);
}
END_TEST

START_TEST(refuses_routes)
{
	int fd = node;

	open_device();
	ck_assert_int_eq(rawpci_irq_route(dev, RAWPCI_IRQ_INTX, 0, 1, &fd), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "attach a handler"));
	ck_assert_int_eq(rawpci_irq_route(dev, RAWPCI_IRQ_MSI, 0, 1, &fd), -EOPNOTSUPP);
	close_device();
}
END_TEST

START_TEST(without_a_line)
{
	tree_write(&tree, DEVICE "irq", "0\n");
	open_device();
	ck_assert_int_eq(rawpci_irq_count(dev, RAWPCI_IRQ_INTX), 0);
	ck_assert_int_eq(rawpci_irq_attach(dev, handler, NULL, 1), -EOPNOTSUPP);
	close_device();
}
END_TEST

START_TEST(without_node_or_driver)
{
	char path[512];

	ck_assert_int_eq(unlink(tree_path(&tree, path, "dev/uio3")), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "dev/uio3"));
	ck_assert_ptr_nonnull(
		strstr(rawpci_last_error(), "is not there: add the node to the /dev"));
	ck_assert_uint_eq(config(0x04, 2), 0x0003);
	ck_assert_int_eq(rmdir(tree_path(&tree, path, "bus/pci/drivers/uio_pci_generic")), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "modprobe"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uio");
	TCase *tcase = tcase_create("uio");

	tcase_add_checked_fixture(tcase, set_up, finish_uio);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, delivers_and_unmasks);
	tcase_add_test(tcase, respects_interrupt_disable);
	tcase_add_test(tcase, opened_while_masked);
	tcase_add_test(tcase, puts_bus_mastering_back);
	tcase_add_test(tcase, leaves_bus_mastering_off);
	tcase_add_test(tcase, refuses_routes);
	tcase_add_test(tcase, without_a_line);
	tcase_add_test(tcase, without_node_or_driver);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
