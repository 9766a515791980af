/* SPDX-License-Identifier: MIT */
/*
 * A reset whose last step failed, the enabling of interrupts, and then one that works: "interrupts
 * armed" (<rawpci/device.h>). So with what is attached in between.
 */
#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>

#include "harness.h"

static atomic_uint runs;

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	atomic_fetch_add(&runs, 1);
}

static struct {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_device *dev;
} t;

static bool arrives(unsigned vector)
{
	unsigned before = atomic_load(&runs);

	(void)rawpci_fake_raise(t.fake, vector);
	for (unsigned i = 0; i < 300 && atomic_load(&runs) == before; i++)
		(void)nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
	return atomic_load(&runs) != before;
}

static void setup(void)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config), .address = "0000:00:05.0", .vendor_id = 1,
		.bars = { { .size = 4096 } , { .size = 4096 } },
		.msix = 8, .msix_bar = 1, .pm = true,
	};
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	ck_assert_int_eq(rawpci_create(&options, &t.ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(t.ctx, &config, &t.fake), 0);
	ck_assert_int_eq(rawpci_device_open(t.ctx, NULL, config.address, 0, &t.dev), 0);
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_ge(rawpci_irq_attach(t.dev, handler, NULL, 0), 1);
	ck_assert(arrives(0));
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_device_reset(t.dev), -ENOSPC);
}

static void end(void)
{
	ck_assert_int_eq(rawpci_device_close(t.dev), 0);
	ck_assert_int_eq(rawpci_destroy(t.ctx), 0);
}

START_TEST(a_later_reset_arms_interrupts)
{
	ck_assert_int_eq(rawpci_device_reset(t.dev), 0);
	ck_assert(arrives(0));
}
END_TEST

START_TEST(a_vector_attached_later_is_armed_or_refused)
{
	int irq = rawpci_irq_attach(t.dev, handler, NULL, 0);

	ck_assert(irq < 0 || arrives(1));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("again");
	TCase *tcase = tcase_create("again");

	tcase_add_checked_fixture(tcase, setup, end);
	tcase_add_test(tcase, a_later_reset_arms_interrupts);
	tcase_add_test(tcase, a_vector_attached_later_is_armed_or_refused);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
