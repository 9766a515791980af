/* SPDX-License-Identifier: MIT */
/*
 * Where what undoes a failed call fails too, the sentence is still the one of the failure that is
 * returned ("one sentence with the cause", <rawpci/log.h>).
 */
#include <errno.h>
#include <string.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>

#include "harness.h"

static struct {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_device *dev;
} t;

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
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
}

static void end(void)
{
	for (int point = 0; point < RAWPCI_FAKE_POINTS; point++)
		(void)rawpci_fake_fail(t.ctx, (enum rawpci_fake_point)point, 0, 0, 0);
	ck_assert_int_eq(rawpci_device_close(t.dev), 0);
	ck_assert_int_eq(rawpci_destroy(t.ctx), 0);
}

static void order(enum rawpci_fake_point point, unsigned count, int error)
{
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, point, 0, count, error), 0);
}

static void says(const char *words)
{
	ck_assert_msg(strstr(rawpci_last_error(), words), "not of %s: %s", words,
		      rawpci_last_error());
}

START_TEST(a_failed_reset)
{
	order(RAWPCI_FAKE_RESET, 1, -EIO);
	order(RAWPCI_FAKE_IRQ_ENABLE, 1, -ENOSPC);
	ck_assert_int_eq(rawpci_device_reset(t.dev), -EIO);
	says("fake: reset fails");
}
END_TEST

START_TEST(a_failed_suspend)
{
	order(RAWPCI_FAKE_CFG_WRITE, 1, -EIO);
	order(RAWPCI_FAKE_IRQ_ENABLE, 1, -ENOSPC);
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_SUSPEND), -EIO);
	says("cfg_write fails");
}
END_TEST

START_TEST(a_failed_power_on)
{
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_OFF), 0);
	ck_assert_int_eq(rawpci_config_write(t.dev, 0x3c, 1, 1), 0);
	order(RAWPCI_FAKE_RESET, 1, -EIO);
	order(RAWPCI_FAKE_CFG_WRITE, 100, -ENOSPC);
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_ON), -EIO);
	says("fake: reset fails");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sentence");
	TCase *tcase = tcase_create("sentence");

	tcase_add_checked_fixture(tcase, setup, end);
	tcase_add_test(tcase, a_failed_reset);
	tcase_add_test(tcase, a_failed_suspend);
	tcase_add_test(tcase, a_failed_power_on);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
