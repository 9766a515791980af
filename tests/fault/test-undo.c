/* SPDX-License-Identifier: MIT */
/*
 * Calls that fail, and whose undoing fails, too. The next reset still arms interrupts. The message
 * is about the failure that the call returns. Nothing signals a descriptor that the library has
 * closed, although the backend refused to let go of it.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>

#include "harness.h"

#define FILES 8

static struct {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_device *dev;
	int files[FILES];
} t;

static atomic_uint runs;

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	atomic_fetch_add(&runs, 1);
}

static void on_event(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	(void)event;
	atomic_fetch_add(&runs, 1);
}

static void setup(void)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.bars = { { .size = 4096 }, { .size = 4096 } },
		.msix = 8,
		.msix_bar = 1,
		.pm = true,
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

static bool arrives(unsigned vector)
{
	unsigned before = atomic_load(&runs);

	(void)rawpci_fake_raise(t.fake, vector);
	for (unsigned i = 0; i < 300 && atomic_load(&runs) == before; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	return atomic_load(&runs) != before;
}

static void setup_unarmed(void)
{
	setup();
	ck_assert(arrives(0));
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_device_reset(t.dev), -ENOSPC);
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

static void order(enum rawpci_fake_point point, unsigned count, int error)
{
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, point, 0, count, error), 0);
}

static void says(const char *words)
{
	ck_assert_msg(strstr(rawpci_last_error(), words), "not of %s: %s", words,
		      rawpci_last_error());
}

START_TEST(the_sentence_of_a_failed_reset)
{
	order(RAWPCI_FAKE_RESET, 1, -EIO);
	order(RAWPCI_FAKE_IRQ_ENABLE, 1, -ENOSPC);
	ck_assert_int_eq(rawpci_device_reset(t.dev), -EIO);
	says("fake: reset fails");
}
END_TEST

START_TEST(the_sentence_of_a_failed_suspend)
{
	order(RAWPCI_FAKE_CFG_WRITE, 1, -EIO);
	order(RAWPCI_FAKE_IRQ_ENABLE, 1, -ENOSPC);
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_SUSPEND), -EIO);
	says("cfg_write fails");
}
END_TEST

START_TEST(the_sentence_of_a_failed_power_on)
{
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_OFF), 0);
	ck_assert_int_eq(rawpci_config_write(t.dev, 0x3c, 1, 1), 0);
	order(RAWPCI_FAKE_RESET, 1, -EIO);
	order(RAWPCI_FAKE_CFG_WRITE, 100, -ENOSPC);
	ck_assert_int_eq(rawpci_device_power(t.dev, RAWPCI_POWER_ON), -EIO);
	says("fake: reset fails");
}
END_TEST

static void make_files(void)
{
	for (unsigned i = 0; i < FILES; i++) {
		char name[] = "/tmp/rawpci-stale.XXXXXX";

		t.files[i] = mkstemp(name);
		ck_assert_int_ge(t.files[i], 0);
		(void)unlink(name);
	}
}

static void files_are_empty(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = 50000000 }, NULL);
	for (unsigned i = 0; i < FILES; i++) {
		struct stat is;

		ck_assert_int_eq(fstat(t.files[i], &is), 0);
		ck_assert_int_eq(is.st_size, 0);
		(void)close(t.files[i]);
	}
}

START_TEST(no_signal_of_a_detached_vector)
{
	int irq = rawpci_irq_attach(t.dev, handler, NULL, 0);

	ck_assert_int_ge(irq, 1);
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_IRQ_SWAP, 0, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_irq_detach(t.dev, irq), 0);
	make_files();
	(void)rawpci_fake_raise(t.fake, 1);
	files_are_empty();
}
END_TEST

START_TEST(no_signal_of_an_event_handler_that_failed)
{
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_EVENT_SET, 1, 2, -EIO), 0);
	ck_assert_int_eq(rawpci_device_on_event(t.dev, on_event, NULL), -EIO);
	make_files();
	(void)rawpci_fake_event(t.fake, RAWPCI_EVENT_ERROR);
	(void)rawpci_fake_event(t.fake, RAWPCI_EVENT_RELEASE);
	files_are_empty();
}
END_TEST

/* The second of the two events is not let go: the first is still told of. */
START_TEST(an_event_handler_that_could_not_be_taken_off)
{
	ck_assert_int_eq(rawpci_device_on_event(t.dev, on_event, NULL), 0);
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_EVENT_SET, 1, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_device_on_event(t.dev, NULL, NULL), -EIO);
	atomic_store(&runs, 0);
	ck_assert_int_eq(rawpci_fake_event(t.fake, RAWPCI_EVENT_ERROR), 0);
	for (unsigned i = 0; i < 3000 && atomic_load(&runs) == 0; i++)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	ck_assert_uint_eq(atomic_load(&runs), 1);
}
END_TEST

/* Nothing signals them, and nothing is to be enabled for them. */
START_TEST(vectors_are_taken_back_although_none_can_be_armed)
{
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_irq_route(t.dev, RAWPCI_IRQ_MSIX, 1, 2, NULL), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("undo");
	TCase *tcase = tcase_create("undo");
	TCase *unarmed = tcase_create("unarmed");

	tcase_add_checked_fixture(tcase, setup, end);
	tcase_add_test(tcase, the_sentence_of_a_failed_reset);
	tcase_add_test(tcase, the_sentence_of_a_failed_suspend);
	tcase_add_test(tcase, the_sentence_of_a_failed_power_on);
	tcase_add_test(tcase, no_signal_of_a_detached_vector);
	tcase_add_test(tcase, no_signal_of_an_event_handler_that_failed);
	tcase_add_test(tcase, an_event_handler_that_could_not_be_taken_off);
	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(unarmed, setup_unarmed, end);
	tcase_add_test(unarmed, a_later_reset_arms_interrupts);
	tcase_add_test(unarmed, a_vector_attached_later_is_armed_or_refused);
	tcase_add_test(unarmed, vectors_are_taken_back_although_none_can_be_armed);
	suite_add_tcase(suite, unarmed);
	return harness_run(suite);
}
