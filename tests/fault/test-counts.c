/* SPDX-License-Identifier: MIT */
/*
 * "Returns how many handlers ran" and "handled: handler calls" (<rawpci/irq.h>), while INTx is tried
 * to be unmasked again and again; and an eventfd of the embedder's whose counter is at its maximum.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>

#include "harness.h"

static struct {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_device *dev;
} t;

static unsigned runs;

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	runs++;
}

static void build(bool intx)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config), .address = "0000:00:05.0", .vendor_id = 1,
		.bars = { { .size = 4096 } }, .intx = intx, .msi = intx ? 0 : 2,
	};
	const struct rawpci_options options = {
		.size = sizeof(options), .backend = "fake", .irq_mode = RAWPCI_IRQ_MODE_EMBEDDER,
	};

	ck_assert_int_eq(rawpci_create(&options, &t.ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(t.ctx, &config, &t.fake), 0);
	ck_assert_int_eq(rawpci_device_open(t.ctx, NULL, config.address, 0, &t.dev), 0);
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_ON), 0);
}

START_TEST(a_retried_unmask_is_no_handler)
{
	struct rawpci_irq_stats stats;
	unsigned said = 0;

	build(true);
	ck_assert_int_ge(rawpci_irq_attach(t.dev, handler, NULL, 0), 1);
	ck_assert_int_eq(rawpci_irq_dispatch(t.ctx, 0), 0);
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, 100, -EIO), 0);
	ck_assert_int_eq(rawpci_fake_raise(t.fake, 0), 0);
	for (unsigned i = 0; i < 20; i++)
		said += (unsigned)rawpci_irq_dispatch(t.ctx, 100);
	ck_assert_uint_eq(runs, 1);
	ck_assert_int_eq(rawpci_irq_stats(t.ctx, sizeof(stats), &stats), 0);
	ck_assert_uint_eq(said, runs);
	ck_assert_uint_eq(stats.handled, runs);
}
END_TEST

/* A blocking one, which is what eventfd(0, 0) is. */
START_TEST(a_full_eventfd_holds_up_nobody)
{
	uint64_t maximum = UINT64_MAX - 1;
	int fd = eventfd(0, 0);

	build(false);
	ck_assert_int_eq(write(fd, &maximum, sizeof(maximum)), sizeof(maximum));
	ck_assert_int_eq(rawpci_irq_route(t.dev, RAWPCI_IRQ_MSI, 0, 1, &fd), 0);
	ck_assert_int_eq(rawpci_device_reset(t.dev), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("counts");
	TCase *tcase = tcase_create("counts");

	tcase_set_timeout(tcase, 10);
	tcase_add_test(tcase, a_retried_unmask_is_no_handler);
	tcase_add_test(tcase, a_full_eventfd_holds_up_nobody);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
