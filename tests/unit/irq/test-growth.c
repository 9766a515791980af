/* SPDX-License-Identifier: MIT */
/* An interrupt that comes while vectors are enabled again. */
#include <check.h>
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/region.h>

#include "harness.h"

static struct rawpci *ctx;
static struct rawpci_fake *fake;
static struct rawpci_device *dev;
static atomic_uint calls;
static bool armed;

int __real_rawpci_fake_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
				  const int *eventfds);
int __wrap_rawpci_fake_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
				  const int *eventfds);

/* Another thread: Bus Master on, the device sends, Bus Master off. */
static void *guest(void *opaque)
{
	(void)opaque;
	ck_assert_int_eq(rawpci_config_write(dev, 4, 2, 0x6), 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	ck_assert_int_eq(rawpci_config_write(dev, 4, 2, 0x2), 0);
	return NULL;
}

int __wrap_rawpci_fake_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
				  const int *eventfds)
{
	pthread_t thread;

	if (armed) {
		armed = false;
		ck_assert_int_eq(pthread_create(&thread, NULL, guest, NULL), 0);
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	}
	return __real_rawpci_fake_irq_enable(device, type, n, eventfds);
}

static void count(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	atomic_fetch_add(&calls, 1);
}

/* Bus Master is off before and after, so a look at either time sees no lost interrupt. */
START_TEST(bus_master_meanwhile)
{
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.bars = { { .size = 0x10000 } },
		.msix = 8,
	};
	int32_t irq;

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, "0000:00:06.0", 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_config_write(dev, 4, 2, 0x2), 0);
	ck_assert_int_ge(rawpci_irq_attach(dev, count, NULL, 0), 1);
	armed = true;
	irq = rawpci_irq_attach(dev, count, NULL, 1);
	ck_assert_int_ge(irq, 1);
	ck_assert(!armed);
	for (int i = 0; i < 50 && atomic_load(&calls) == 0; i++)
		(void)usleep(10000);
	ck_assert_uint_ge(atomic_load(&calls), 1);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("growth");
	TCase *tests = tcase_create("growth");

	tcase_add_test(tests, bus_master_meanwhile);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
