/* SPDX-License-Identifier: MIT */
/*
 * A descriptor that the library has closed is signalled by nobody: its number may be a file of the
 * program's by then. Here the backend refused to let go of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>

#include "harness.h"

#define FILES 8

static struct {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_device *dev;
	int files[FILES];
} t;

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

static void on_event(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	(void)event;
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
	ck_assert_int_eq(rawpci_device_close(t.dev), 0);
	ck_assert_int_eq(rawpci_destroy(t.ctx), 0);
}

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
	(void)nanosleep(&(struct timespec) { .tv_nsec = 50000000 }, NULL);
	for (unsigned i = 0; i < FILES; i++) {
		struct stat is;

		ck_assert_int_eq(fstat(t.files[i], &is), 0);
		ck_assert_int_eq(is.st_size, 0);
		(void)close(t.files[i]);
	}
}

START_TEST(of_a_detached_vector)
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

START_TEST(of_an_event_handler_that_failed)
{
	ck_assert_int_eq(rawpci_fake_fail(t.ctx, RAWPCI_FAKE_EVENT_SET, 1, 2, -EIO), 0);
	ck_assert_int_eq(rawpci_device_on_event(t.dev, on_event, NULL), -EIO);
	make_files();
	(void)rawpci_fake_event(t.fake, RAWPCI_EVENT_ERROR);
	(void)rawpci_fake_event(t.fake, RAWPCI_EVENT_RELEASE);
	files_are_empty();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stale");
	TCase *tcase = tcase_create("stale");

	tcase_add_checked_fixture(tcase, setup, end);
	tcase_add_test(tcase, of_a_detached_vector);
	tcase_add_test(tcase, of_an_event_handler_that_failed);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
