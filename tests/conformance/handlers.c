/* SPDX-License-Identifier: MIT */
/* Handlers that close devices: who is waited for is decided by device and thread, and by neither
 * slot nor address. Fake only. */
#include "bench.h"
#include "unit/device/blank-backend.h"

#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>

#define A "0000:00:08.0"
#define B "0000:00:09.0"

static struct {
	struct rawpci *other; /* a second context */
	_Atomic(struct rawpci_device *) a, b;
	struct rawpci_fake *fake_a, *fake_b;
	atomic_uint calls, inside, left, closed;
	sem_t go;
	void *kept[64];
} m;

static struct rawpci_fake *add(struct rawpci *ctx, const char *address)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = address,
		.vendor_id = 1,
		.msi = 4,
	};
	struct rawpci_fake *fake;

	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	return fake;
}

static struct rawpci_device *open_one(struct rawpci *ctx, const char *address)
{
	struct rawpci_device *dev;

	ck_assert_int_eq(rawpci_device_open(ctx, NULL, address, 0, &dev), 0);
	return dev;
}

static struct rawpci_device *open_with(struct rawpci *ctx, const char *address,
				       void (*handler)(void *opaque, int32_t irq))
{
	struct rawpci_device *dev = open_one(ctx, address);

	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	return dev;
}

static void make_other(enum rawpci_irq_mode mode)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.irq_mode = mode,
	};

	ck_assert_int_eq(rawpci_create(&options, &m.other), 0);
}

static void setup(void)
{
	bench_start();
	ck_assert_int_eq(sem_init(&m.go, 0, 0), 0);
	m.fake_a = add(bench.ctx, A);
}

static void setup_embedder(void)
{
	bench.options.irq_mode = RAWPCI_IRQ_MODE_EMBEDDER;
	setup();
}

/* So that the next device has the memory of the last one only where a test wants it. */
static void take_memory(void)
{
	for (unsigned i = 0; i < 64; i++)
		m.kept[i] = malloc(256 * (i + 1));
}

static void give_memory_back(void)
{
	for (unsigned i = 0; i < 64; i++)
		free(m.kept[i]);
}

/* As one that recovers its device may: it fails, and is tried once more. */
static void recover(void)
{
	if (atomic_fetch_add(&m.calls, 1) > 0)
		return;
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_int_eq(rawpci_device_close(m.a), 0);
		if (i == 0)
			take_memory();
		m.a = open_one(bench.ctx, A);
	}
	ck_assert_int_eq(rawpci_device_close(m.a), 0);
	give_memory_back();
	atomic_fetch_add(&m.left, 1);
}

static void recovers(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	recover();
}

static void recovers_on_event(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	(void)event;
	recover();
}

START_TEST(a_handler_closes_its_device_again_and_again)
{
	if (_i == 0) {
		m.a = open_with(bench.ctx, A, recovers);
		ck_assert_int_eq(rawpci_fake_raise(m.fake_a, 0), 0);
	} else {
		m.a = open_one(bench.ctx, A);
		ck_assert_int_eq(rawpci_device_on_event(m.a, recovers_on_event, NULL), 0);
		ck_assert_int_eq(rawpci_fake_event(m.fake_a, RAWPCI_EVENT_ERROR), 0);
	}
	bench_wait(&m.left, 1);
}
END_TEST

static void closes_and_stays(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	if (atomic_fetch_add(&m.calls, 1) > 0)
		return;
	ck_assert_int_eq(rawpci_device_close(m.a), 0);
	atomic_store(&m.inside, 1);
	(void)sem_wait(&m.go);
	atomic_store(&m.left, 1);
}

static void *open_and_close_b(void *unused)
{
	struct rawpci_device *dev = open_one(bench.ctx, B);

	(void)unused;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	atomic_store(&m.closed, 1);
	return NULL;
}

/* The slot is the first free one: that of the device which the handler was of. */
START_TEST(the_next_device_does_not_wait_for_the_last_ones_handler)
{
	pthread_t thread;

	(void)add(bench.ctx, B);
	m.a = open_with(bench.ctx, A, closes_and_stays);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_a, 0), 0);
	bench_wait(&m.inside, 1);
	ck_assert_int_eq(pthread_create(&thread, NULL, open_and_close_b, NULL), 0);
	bench_wait(&m.closed, 1);
	ck_assert_uint_eq(atomic_load(&m.left), 0);
	(void)sem_post(&m.go);
	bench_wait(&m.left, 1);
	(void)pthread_join(thread, NULL);
}
END_TEST

static void closes_both(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	if (atomic_fetch_add(&m.calls, 1) > 0)
		return;
	ck_assert_int_eq(rawpci_device_close(m.a), 0);
	ck_assert_int_eq(rawpci_device_close(m.b), 0);
	atomic_store(&m.left, 1);
}

static void dispatches_the_other(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	while (atomic_load(&m.left) == 0)
		ck_assert_int_ge(rawpci_irq_dispatch(m.other, 1000), 0);
}

/* This thread is in handlers of both. */
START_TEST(a_handler_in_a_handler_closes_both_devices)
{
	make_other(RAWPCI_IRQ_MODE_EMBEDDER);
	m.fake_b = add(m.other, B);
	m.b = open_with(m.other, B, closes_both);
	m.a = open_with(bench.ctx, A, dispatches_the_other);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_b, 0), 0);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_a, 0), 0);
	while (atomic_load(&m.left) == 0)
		ck_assert_int_ge(rawpci_irq_dispatch(bench.ctx, 1000), 0);
	ck_assert_int_eq(rawpci_destroy(m.other), 0);
}
END_TEST

START_TEST(a_handler_closes_both_devices)
{
	m.fake_b = add(bench.ctx, B);
	m.b = open_one(bench.ctx, B);
	m.a = open_with(bench.ctx, A, closes_both);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_a, 0), 0);
	bench_wait(&m.left, 1);
}
END_TEST

/* It is none of the device's any more, but may still use it. */
static void detaches_and_stays(void *opaque, int32_t irq)
{
	(void)opaque;
	ck_assert_int_eq(rawpci_irq_detach(m.b, irq), 0);
	atomic_store(&m.inside, 1);
	(void)sem_wait(&m.go);
	atomic_store(&m.left, 1);
}

static void stays_not(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

static void closes_the_others(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	if (atomic_fetch_add(&m.calls, 1) > 0)
		return;
	ck_assert_int_eq(rawpci_device_close(m.a), 0);
	/* With luck where the first one was. */
	m.b = open_with(m.other, B, detaches_and_stays);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_b, 0), 0);
	bench_wait(&m.inside, 1);
	ck_assert_int_eq(rawpci_device_close(m.b), 0);
	ck_assert_uint_eq(atomic_load(&m.left), 1);
	atomic_store(&m.closed, 1);
}

/* It is in a handler, and not in one of that device, which may have the memory of the first. */
START_TEST(close_waits_for_a_handler_of_another_context)
{
#ifdef __GLIBC__
	(void)mallopt(M_ARENA_MAX, 1);
#endif
	make_other(RAWPCI_IRQ_MODE_THREAD);
	m.fake_b = add(m.other, B);
	/* What a context makes once is there then. */
	ck_assert_int_eq(rawpci_device_close(open_with(m.other, B, stays_not)), 0);
	m.a = open_with(bench.ctx, A, closes_the_others);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_a, 0), 0);
	bench_wait(&m.inside, 1);
	for (unsigned i = 0; i < 30; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&m.closed), 0);
	(void)sem_post(&m.go);
	(void)sem_post(&m.go);
	bench_wait(&m.closed, 1);
	ck_assert_int_eq(rawpci_destroy(m.other), 0);
}
END_TEST

static void attaches_until_refused(void *opaque, int32_t irq)
{
	int r;

	(void)opaque;
	(void)irq;
	if (atomic_fetch_add(&m.calls, 1) > 0)
		return;
	atomic_store(&m.inside, 1);
	do {
		r = rawpci_irq_attach(m.a, recovers, NULL, 0);
		if (r > 0)
			ck_assert_int_eq(rawpci_irq_detach(m.a, r), 0);
	} while (r != -ESHUTDOWN);
	ck_assert_int_eq(rawpci_irq_route(m.a, RAWPCI_IRQ_MSI, 0, 1, NULL), -ESHUTDOWN);
	ck_assert_int_eq(rawpci_device_on_event(m.a, recovers_on_event, NULL), -ESHUTDOWN);
	atomic_store(&m.left, 1);
}

/* While close waits for it, it finds the device there, and takes nothing into use that would be left
 * behind. */
START_TEST(a_handler_attaches_while_its_device_is_closed)
{
	m.a = open_with(bench.ctx, A, attaches_until_refused);
	ck_assert_int_eq(rawpci_fake_raise(m.fake_a, 0), 0);
	bench_wait(&m.inside, 1);
	ck_assert_int_eq(rawpci_device_close(m.a), 0);
	ck_assert_uint_eq(atomic_load(&m.left), 1);
}
END_TEST

/* Signals before it refuses. */
static int signal_and_fail(void *device, enum rawpci_irq_type type, unsigned n, const int *eventfds)
{
	const uint64_t one = 1;

	(void)device;
	(void)type;
	(void)n;
	ck_assert_int_eq(write(eventfds[0], &one, sizeof(one)), sizeof(one));
	for (unsigned i = 0; i < 200 && atomic_load(&m.inside) == 0; i++)
		bench_pause();
	return rawpci_backend_fail(NULL, -EIO, "own: no");
}

static int one_msi(void *device, struct rawpci_backend_info *info)
{
	(void)device;
	info->config_size = 256;
	info->irq_count[RAWPCI_IRQ_MSI] = 1;
	return 0;
}

static int open_own(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)address;
	(void)space;
	*device = instance;
	return 0;
}

static void closes_a(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	atomic_store(&m.inside, 1);
	(void)rawpci_device_close(m.a);
}

/* Else it would wait for the handler, and the handler's close for it. */
START_TEST(no_handler_of_an_attach_that_fails_runs)
{
	static struct rawpci_backend own;

	own = blank_backend("own", 1000);
	own.pretend = true;
	own.probe = blank_probe;
	own.open = open_own;
	blank_add_device(&own);
	blank_add_interrupts(&own);
	own.irq_swap = blank_irq_swap;
	own.info = one_msi;
	own.irq_enable = signal_and_fail;
	ck_assert_int_eq(rawpci_backend_register(bench.ctx, &own), 0);
	ck_assert_int_eq(rawpci_backend_choose(bench.ctx, "own"), 0);
	m.a = open_one(bench.ctx, A);
	ck_assert_int_eq(rawpci_irq_attach(m.a, closes_a, NULL, 0), -EIO);
	ck_assert_uint_eq(atomic_load(&m.inside), 0);
	ck_assert_int_eq(rawpci_device_close(m.a), 0);
}
END_TEST

void add_handlers(Suite *suite)
{
	TCase *tcase = tcase_create("handlers");
	TCase *embedder = tcase_create("handlers-embedder");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, bench_end);
	tcase_add_loop_test(tcase, a_handler_closes_its_device_again_and_again, 0, 2);
	tcase_add_test(tcase, the_next_device_does_not_wait_for_the_last_ones_handler);
	tcase_add_test(tcase, a_handler_closes_both_devices);
	tcase_add_test(tcase, close_waits_for_a_handler_of_another_context);
	tcase_add_test(tcase, a_handler_attaches_while_its_device_is_closed);
	tcase_add_test(tcase, no_handler_of_an_attach_that_fails_runs);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(embedder, 60);
	tcase_add_checked_fixture(embedder, setup_embedder, bench_end);
	tcase_add_test(embedder, a_handler_in_a_handler_closes_both_devices);
	suite_add_tcase(suite, embedder);
}
