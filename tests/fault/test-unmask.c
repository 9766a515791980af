/* SPDX-License-Identifier: MIT */
/* The library retries until it can unmask INTx after its handler. */
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>

#include "harness.h"

#define TRIES 9u /* the first and those after it */

static struct rawpci *ctx;
static struct rawpci_fake *fake;
static struct rawpci_device *dev;
static atomic_uint runs, warnings, errors, recoveries;
static atomic_bool detaches;

static void heard(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	atomic_fetch_add(&warnings, strstr(message, "could not be unmasked") != NULL);
	ck_assert_int_ne(level, RAWPCI_LOG_ERROR);
	atomic_fetch_add(&errors, strstr(message, "INTx stays masked") != NULL);
	atomic_fetch_add(&recoveries, strstr(message, "INTx is unmasked") != NULL);
}

/* Never lowers the line: as long as it is not masked, it is delivered again. */
static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	atomic_fetch_add(&runs, 1);
	if (atomic_load(&detaches))
		(void)rawpci_irq_detach(dev, irq);
}

static void pause_a_moment(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void wait_until(atomic_uint *counter, unsigned value)
{
	while (atomic_load(counter) < value)
		pause_a_moment();
}

static uint64_t unmasks(void)
{
	return rawpci_fake_calls(ctx, RAWPCI_FAKE_IRQ_UNMASK);
}

static bool stuck(void)
{
	struct rawpci_device_info info;

	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	return info.intx_stuck;
}

static void order(unsigned count)
{
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, count, -EIO), 0);
}

static void take(void)
{
	atomic_store(&warnings, 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, "00:05.0", 0, &dev), 0);
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
}

static void setup_with(const char *const *settings)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.intx = true,
	};
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.log = heard,
		.log_level = RAWPCI_LOG_INFO,
		.settings = settings,
	};

	atomic_store(&runs, 0);
	atomic_store(&errors, 0);
	atomic_store(&recoveries, 0);
	atomic_store(&detaches, false);
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	take();
}

static void setup(void)
{
	setup_with(NULL);
}

static void setup_epoll(void)
{
	static const char *const settings[] = { "irq.engine=epoll", NULL };

	setup_with(settings);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

/* The library alone retries. */
START_TEST(for_a_moment)
{
	uint64_t before;

	order(3);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&recoveries, 1);
	wait_until(&runs, 2);
	ck_assert_uint_eq(atomic_load(&warnings), 1);
	ck_assert_uint_eq(atomic_load(&errors), 0);
	ck_assert(!stuck());
	before = unmasks();
	order(1); /* it counts from the beginning each time */
	while (unmasks() < before + 3)
		pause_a_moment();
	ck_assert(!stuck());
	ck_assert_uint_eq(atomic_load(&warnings), 1); /* the second one is only counted */
	(void)rawpci_fake_lower(fake);
}
END_TEST

static void give_up(void)
{
	uint64_t before = unmasks();

	order(UINT_MAX);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&errors, 1);
	ck_assert_uint_eq(unmasks() - before, TRIES);
	ck_assert_uint_eq(atomic_load(&runs), 1);
	ck_assert_uint_eq(atomic_load(&warnings), 1);
	ck_assert(stuck());
}

START_TEST(by_hand)
{
	give_up();
	ck_assert_int_eq(rawpci_irq_unmask(dev), -EIO);
	ck_assert(stuck());
	order(0);
	ck_assert_int_eq(rawpci_irq_unmask(dev), 0);
	ck_assert(!stuck());
	wait_until(&runs, 2);
	(void)rawpci_fake_lower(fake);
}
END_TEST

START_TEST(by_reset)
{
	give_up();
	order(0);
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	ck_assert(!stuck());
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&runs, 2);
	(void)rawpci_fake_lower(fake);
}
END_TEST

/* While the next try is due. */
static void begin(void)
{
	order(UINT_MAX);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&warnings, 1);
}

START_TEST(off_meanwhile)
{
	uint64_t before;

	begin();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	ck_assert(!stuck());
	before = unmasks();
	for (unsigned i = 0; i < 700; i++) /* longer than the longest delay */
		pause_a_moment();
	ck_assert_uint_eq(unmasks(), before);
	ck_assert_uint_eq(atomic_load(&errors), 0);
}
END_TEST

START_TEST(closed_meanwhile)
{
	unsigned before = harness_descriptors();

	for (unsigned i = 0; i < 20; i++) {
		begin();
		for (unsigned j = 0; j < i; j++)
			pause_a_moment();
		ck_assert_int_eq(rawpci_device_close(dev), 0);
		take();
	}
	ck_assert_uint_eq(harness_descriptors(), before);
}
END_TEST

/* The timer is taken away by the very handler that it has brought back. */
START_TEST(detached_by_the_handler)
{
	order(2);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	wait_until(&runs, 1);
	atomic_store(&detaches, true);
	wait_until(&runs, 2);
	while (rawpci_irq_unmask(dev) != -EPROTO)
		pause_a_moment();
	ck_assert(!stuck());
}
END_TEST

static unsigned counted;

static void count(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	counted++;
}

static void setup_dispatched(void)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.bars = { { .size = 4096 } },
		.intx = true,
	};
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.irq_mode = RAWPCI_IRQ_MODE_EMBEDDER,
	};

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, config.address, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
}

/* The counts of rawpci_irq_dispatch() and rawpci_irq_stats() are of handler calls alone. */
START_TEST(a_retried_unmask_is_no_handler)
{
	struct rawpci_irq_stats stats;
	unsigned said = 0;

	ck_assert_int_ge(rawpci_irq_attach(dev, count, NULL, 0), 1);
	ck_assert_int_eq(rawpci_irq_dispatch(ctx, 0), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, 100, -EIO), 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	for (unsigned i = 0; i < 20; i++)
		said += (unsigned)rawpci_irq_dispatch(ctx, 100);
	ck_assert_uint_eq(counted, 1);
	ck_assert_int_eq(rawpci_irq_stats(ctx, sizeof(stats), &stats), 0);
	ck_assert_uint_eq(said, counted);
	ck_assert_uint_eq(stats.handled, counted);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unmask");
	TCase *tests = tcase_create("unmask");
	TCase *epoll = tcase_create("epoll");
	TCase *dispatched = tcase_create("dispatched");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_set_timeout(tests, 60);
	tcase_add_test(tests, for_a_moment);
	tcase_add_test(tests, by_hand);
	tcase_add_test(tests, by_reset);
	tcase_add_test(tests, off_meanwhile);
	tcase_add_test(tests, closed_meanwhile);
	tcase_add_test(tests, detached_by_the_handler);
	suite_add_tcase(suite, tests);
	tcase_add_checked_fixture(epoll, setup_epoll, teardown);
	tcase_set_timeout(epoll, 60);
	tcase_add_test(epoll, for_a_moment);
	tcase_add_test(epoll, closed_meanwhile);
	suite_add_tcase(suite, epoll);
	tcase_add_checked_fixture(dispatched, setup_dispatched, NULL);
	tcase_set_timeout(dispatched, 10);
	tcase_add_test(dispatched, a_retried_unmask_is_no_handler);
	suite_add_tcase(suite, dispatched);
	return harness_run(suite);
}
