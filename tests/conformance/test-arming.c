/* SPDX-License-Identifier: MIT */
/* Interrupts and mappings where something fails or takes its time on the way: the fake backend,
 * wrapped where it has to be slow. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>
#include <pthread.h>

#include <rawpci/backend.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "core/device.h"
#include "irq/vector.h"
#include "harness.h"
#include "touch.h"

extern const struct rawpci_backend rawpci_backend_fake;

#define ADDRESS "0000:00:05.0"

static struct rawpci_backend slow;
static struct rawpci *ctx;
static struct rawpci_device *dev;
static struct rawpci_fake *fake;
static struct rawpci_mapping map;
static atomic_uint delay_command_ms; /* each write of COMMAND takes that long */
static atomic_uint runs, refused;

static void nap(unsigned ms)
{
	const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL);
}

static int create(struct rawpci *c, void **instance)
{
	return rawpci_backend_instance(c, "fake", instance);
}

static void destroy(void *instance)
{
	(void)instance;
}

static int slow_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
	int r = rawpci_backend_fake.cfg_write(device, offset, width, value);

	if (offset == 4)
		nap(atomic_load(&delay_command_ms));
	return r;
}

static void on_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	if (getenv("SAY"))
		(void)fprintf(stderr, "# %d %s\n", (int)level, message);
}

static void setup(void)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.log = on_log,
		.log_level = RAWPCI_LOG_DEBUG,
	};
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.vendor_id = 1,
		.device_id = 2,
		.bars = { [0] = { .size = 0x10000 } },
		.msi = 4,
		.pm = true,
	};

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	slow = rawpci_backend_fake;
	slow.name = "slow";
	slow.create = create;
	slow.destroy = destroy;
	slow.cfg_write = slow_write;
	ck_assert_int_eq(rawpci_backend_register(ctx, &slow), 0);
	ck_assert_int_eq(rawpci_backend_choose(ctx, "slow"), 0);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, ADDRESS, 0, &dev), 0);
	ck_assert_int_eq(rawpci_config_write(dev, 4, 2, 2), 0);
	ck_assert_int_eq(rawpci_region_map(dev, 0, 0, 0x1000, &map), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

static void look(void *opaque, int32_t irq)
{
	uint64_t value;

	(void)opaque;
	(void)irq;
	if (rawpci_mmio_read(dev, map.base, 4, &value) < 0)
		atomic_fetch_add(&refused, 1);
	atomic_fetch_add(&runs, 1);
}

/* The handler is called because an interrupt may have been lost: it must be able to look. */
START_TEST(a_handler_can_look_when_it_is_called_after_a_suspension)
{
	ck_assert_int_ge(rawpci_irq_attach(dev, look, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), 0);
	atomic_store(&runs, 0);
	atomic_store(&delay_command_ms, (unsigned)_i);
	for (int i = 0; i < 50; i++) {
		unsigned before = atomic_load(&runs);

		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_RESUME), 0);
		for (int k = 0; k < 5000 && atomic_load(&runs) == before; k++)
			nap(1);
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), 0);
	}
	ck_assert_uint_ge(atomic_load(&runs), 1);
	ck_assert_msg(atomic_load(&refused) == 0, "%u of %u runs were refused",
		      atomic_load(&refused), atomic_load(&runs));
}
END_TEST

/* "Resets the device and brings it back to its present power state: interrupts armed". */
START_TEST(a_reset_arms_interrupts_that_a_reset_before_could_not)
{
	ck_assert_int_ge(rawpci_irq_attach(dev, look, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	nap(50);
	ck_assert_uint_ge(atomic_load(&runs), 1);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_device_reset(dev), -ENOSPC);
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	nap(50);
	atomic_store(&runs, 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	nap(50);
	ck_assert_uint_ge(atomic_load(&runs), 1);
}
END_TEST

START_TEST(a_handler_that_was_attached_is_called_after_a_reset_that_could_not_arm)
{
	int32_t irq = rawpci_irq_attach(dev, look, NULL, 0);

	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_device_reset(dev), -ENOSPC);
	ck_assert_int_eq(rawpci_irq_detach(dev, irq), 0);
	ck_assert_int_ge(rawpci_irq_attach(dev, look, NULL, 0), 1);
	atomic_store(&runs, 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	nap(50);
	ck_assert_uint_ge(atomic_load(&runs), 1);
}
END_TEST

/* A suspension that fails "leaves the device on". Nothing is said of its interrupts. */
START_TEST(a_reset_arms_interrupts_that_a_failed_suspension_could_not)
{
	ck_assert_int_ge(rawpci_irq_attach(dev, look, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_CFG_WRITE, 0, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), -EIO);
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
	nap(50);
	atomic_store(&runs, 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	nap(50);
	ck_assert_uint_ge(atomic_load(&runs), 1);
}
END_TEST

/* Known to be gone: nothing goes out on the bus any more, whichever call found out. */
START_TEST(turned_off_after_it_was_pulled_out)
{
	uint32_t value;

	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(touch(map.cpu, &value), 0);
	ck_assert_int_eq(rawpci_fake_unplug(fake), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	ck_assert_int_eq(touch(map.cpu, &value), SIGBUS);
}
END_TEST

/* "core keeps open until disabled": a backend that still has the descriptor must not signal a file
 * that the program has opened since. */
START_TEST(a_vector_that_could_not_be_silenced_signals_no_other_file)
{
	uint64_t count = 0;
	int32_t first = rawpci_irq_attach(dev, look, NULL, 0);
	int fd;

	ck_assert_int_ge(first, 1);
	ck_assert_int_ge(rawpci_irq_attach(dev, look, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_SWAP, 0, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_irq_detach(dev, first), 0);
	fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	ck_assert_int_lt(read(fd, &count, sizeof(count)), 0);
	(void)close(fd);
}
END_TEST

/* "left out when nothing has touched the device since its last one": by turning it off, or by call. */
START_TEST(turned_on_after_a_reset)
{
	uint64_t resets;

	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_region_unmap(dev, map.base), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	if (_i)
		ck_assert_int_eq(rawpci_device_reset(dev), 0);
	resets = rawpci_fake_calls(ctx, RAWPCI_FAKE_RESET);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_uint_eq(rawpci_fake_calls(ctx, RAWPCI_FAKE_RESET), resets);
}
END_TEST

static void *write_register(void *arg)
{
	*(int *)arg = rawpci_config_write(dev, 0x3c, 1, 1);
	return NULL;
}

/* Config space is written while the device is being reset: that write comes after it. */
static int reset_and_write(void *device)
{
	int r = rawpci_backend_fake.reset(device), written = -1;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, write_register, &written), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(written, 0);
	return r;
}

START_TEST(turned_on_after_a_write_that_met_the_reset)
{
	uint64_t resets;

	ck_assert_int_eq(rawpci_region_unmap(dev, map.base), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	slow.reset = reset_and_write;
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	slow.reset = rawpci_backend_fake.reset;
	resets = rawpci_fake_calls(ctx, RAWPCI_FAKE_RESET);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_uint_eq(rawpci_fake_calls(ctx, RAWPCI_FAKE_RESET), resets + 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("arming");
	TCase *c = tcase_create("arming");

	tcase_set_timeout(c, 10);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, a_handler_can_look_when_it_is_called_after_a_suspension, 0, 3);
	tcase_add_test(c, a_reset_arms_interrupts_that_a_reset_before_could_not);
	tcase_add_test(c, a_handler_that_was_attached_is_called_after_a_reset_that_could_not_arm);
	tcase_add_test(c, a_reset_arms_interrupts_that_a_failed_suspension_could_not);
	tcase_add_test(c, turned_off_after_it_was_pulled_out);
	tcase_add_test(c, a_vector_that_could_not_be_silenced_signals_no_other_file);
	tcase_add_loop_test(c, turned_on_after_a_reset, 0, 2);
	tcase_add_test(c, turned_on_after_a_write_that_met_the_reset);
	suite_add_tcase(suite, c);
	return harness_run(suite);
}
