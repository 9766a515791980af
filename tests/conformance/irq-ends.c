/* SPDX-License-Identifier: MIT */
/* What unregistering and closing promise, the level-triggered interrupt, and handlers that call the
 * library. Fake only. */
#include "bench.h"

#include <pthread.h>
#include <semaphore.h>

static struct {
	atomic_uint entered, left, running;
	sem_t go;
	_Atomic int32_t irq;
	atomic_int status;
	atomic_uint lower_at; /* INTx: the line goes down in this run; 0: never */
	atomic_uint job_done, closed;
	atomic_int close_status;
} h;

static void setup(void)
{
	bench_open();
	ck_assert_int_eq(sem_init(&h.go, 0, 0), 0);
}

/* A handler may look for its own number, as soon as it is called. */
static void attach(FNRAWPCIISR *handler, void *context)
{
	int32_t irq;

	DONE(bench_register(handler, context, &irq));
	atomic_store(&h.irq, irq);
}

/* The rig is closed; a device with INTx alone takes its place. */
static struct rawpci_fake *open_intx(void)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.intx = true,
		.pm = true,
	};
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	struct rawpci_fake *fake;

	DONE(bench_close());
	bench.map.r0 = NULL;
	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, &fake), 0);
	r.u.aOpenDevice.PciAddress = bench_pci(0, 6, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	return fake;
}

static void blocking(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
	atomic_store(&h.running, 1);
	atomic_fetch_add(&h.entered, 1);
	(void)sem_wait(&h.go);
	atomic_store(&h.running, 0);
	atomic_fetch_add(&h.left, 1);
}

static void *end_it(void *close)
{
	int status = close ? bench_close() : bench_unregister(h.irq);
	unsigned running = atomic_load(&h.running);

	h.status = status == VINF_SUCCESS && running == 0 ? 0 : -1;
	atomic_store(&h.job_done, 1);
	return NULL;
}

/* Both wait for a handler that runs, and none runs after them. */
START_TEST(end_waits_for_the_handler)
{
	pthread_t thread;
	unsigned entered;

	attach(blocking, NULL);
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&h.entered, 1);
	bench.map.r0 = NULL;
	ck_assert_int_eq(pthread_create(&thread, NULL, end_it, _i ? &h : NULL), 0);
	for (unsigned i = 0; i < 30; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&h.job_done), 0);
	(void)sem_post(&h.go);
	(void)pthread_join(thread, NULL);
	ck_assert_int_eq(h.status, 0);
	entered = atomic_load(&h.entered);
	(void)rawpci_fake_raise(bench.rig, 0);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&h.entered), entered);
}
END_TEST

static void ends_itself(void *context, int32_t irq)
{
	/* Called before the registration has returned: no number yet to end it by. */
	if (atomic_load(&h.irq) != irq)
		return;
	h.status = context ? bench_close() : bench_unregister(atomic_load(&h.irq));
	atomic_fetch_add(&h.left, 1);
}

/* From inside it returns at once, and the handler runs no more. */
START_TEST(handler_ends_itself)
{
	attach(ends_itself, _i ? &h : NULL);
	DONE(bench_power(PCIRAW_POWER_ON));
	bench.map.r0 = NULL;
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&h.left, 1);
	ck_assert_int_eq(h.status, VINF_SUCCESS);
	(void)rawpci_fake_raise(bench.rig, 0);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&h.left), 1);
	if (_i)
		DONE(bench_reopen());
	attach(blocking, NULL);
}
END_TEST

/* One handler ends another one that never ran; and that of another vector of a busy engine. */
static void ends_other(void *context, int32_t irq)
{
	int32_t other = atomic_load((_Atomic int32_t *)context);

	(void)irq;
	/* Called without cause, before there is one or when it is done. */
	if (other == 0 || atomic_load(&h.left) > 0)
		return;
	h.status = bench_unregister(other);
	atomic_fetch_add(&h.left, 1);
}

START_TEST(handler_ends_another)
{
	_Atomic int32_t other = 0;
	int32_t irq;

	attach(ends_other, (void *)&other);
	DONE(bench_register(blocking, NULL, &irq));
	atomic_store(&other, irq);
	DONE(bench_power(PCIRAW_POWER_ON));
	(void)sem_post(&h.go);
	(void)sem_post(&h.go);
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&h.left, 1);
	ck_assert_int_eq(h.status, VINF_SUCCESS);
	ck_assert_int_eq(bench_unregister(irq), VERR_NOT_FOUND);
}
END_TEST

static void quiet(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
}

/* Every door from inside a handler. */
static void calls_everything(void *context, int32_t irq)
{
	PCIRAWMEMLOC loc = { { 0 }, 4 };
	struct part part;
	uint64_t value;
	int32_t more;

	(void)context;
	(void)irq;
	DONE(bench_config_read(0, 4, &value));
	DONE(bench_config_write(0x3c, 1, 1));
	DONE(bench_mmio_read(bench.map.r0, 4, &value));
	DONE(bench_mmio_write(bench.map.r0, 4, 1));
	DONE(bench_map(WIDE, 0, 2 * PAGE, &part));
	DONE(bench_mmio_read(part.r0, 4, &value));
	DONE(bench_unmap(&part));
	DONE(bench_register(quiet, NULL, &more));
	DONE(bench_unregister(more));
	DONE(bench.port->pfnPciCfgRead(bench.port, 0, &loc));
	DONE(bench_power(PCIRAW_POWER_SUSPEND));
	DONE(bench_power(PCIRAW_POWER_RESUME));
	DONE(bench_power(PCIRAW_POWER_OFF));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(bench_config_read(0, 3, &value), VERR_INVALID_PARAMETER);
	ck_assert_str_ne(rawpci_last_error(), "");
	atomic_fetch_add(&h.left, 1);
}

START_TEST(handler_calls_every_door)
{
	attach(calls_everything, NULL);
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&h.left, 1);
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&h.left, 2);
	DONE(bench_unregister(h.irq));
}
END_TEST

static void level(void *context, int32_t irq)
{
	unsigned run = atomic_fetch_add(&h.entered, 1) + 1;

	(void)irq;
	ck_assert_uint_eq(atomic_fetch_add(&h.running, 1), 0);
	if (run == h.lower_at)
		(void)rawpci_fake_lower(context);
	(void)atomic_fetch_sub(&h.running, 1);
}

/* As long as the line is up, the handler is called again; once it is down, no more. */
START_TEST(intx_is_level_triggered)
{
	struct rawpci_fake *fake = open_intx();
	unsigned runs;

	h.lower_at = 5;
	attach(level, fake);
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	bench_wait(&h.entered, 5);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	runs = atomic_load(&h.entered);
	ck_assert_uint_le(runs, 6);
	h.lower_at = runs + 1;
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	bench_wait(&h.entered, runs + 1);
}
END_TEST

/* Masked from delivery until the handler has returned. */
START_TEST(intx_is_masked_while_handled)
{
	struct rawpci_fake *fake = open_intx();
	uint64_t unmasks;

	attach(blocking, NULL);
	DONE(bench_power(PCIRAW_POWER_ON));
	unmasks = rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_IRQ_UNMASK);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	bench_wait(&h.entered, 1);
	ck_assert_int_eq(rawpci_fake_lower(fake), 0);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_IRQ_UNMASK), unmasks);
	(void)sem_post(&h.go);
	bench_wait(&h.entered, 2);
	ck_assert_uint_gt(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_IRQ_UNMASK), unmasks);
	(void)rawpci_fake_lower(fake);
	(void)sem_post(&h.go);
	(void)sem_post(&h.go);
}
END_TEST

START_TEST(intx_unregisters_itself_while_asserted)
{
	struct rawpci_fake *fake = open_intx();

	attach(ends_itself, NULL);
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	bench_wait(&h.left, 1);
	for (unsigned i = 0; i < 10; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&h.left), 1);
	/* The line is still up: who comes next is called at once. */
	h.lower_at = 1;
	attach(level, fake);
	bench_wait(&h.entered, 1);
}
END_TEST

/* What follows the handler of a level-triggered interrupt must not need the device any more. */
START_TEST(intx_closes_itself_while_asserted)
{
	struct rawpci_fake *fake = open_intx();

	attach(ends_itself, &h);
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	bench_wait(&h.left, 1);
	ck_assert_int_eq(h.status, VINF_SUCCESS);
	for (unsigned i = 0; i < 10; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&h.left), 1);
}
END_TEST

START_TEST(intx_through_states)
{
	struct rawpci_fake *fake = open_intx();

	attach(level, fake);
	DONE(bench_power(PCIRAW_POWER_ON));
	for (unsigned i = 0; i < 3; i++) {
		unsigned runs = atomic_load(&h.entered);

		h.lower_at = runs + 1;
		ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
		bench_wait(&h.entered, runs + 1);
		DONE(bench_power(PCIRAW_POWER_SUSPEND));
		DONE(bench_power(PCIRAW_POWER_RESUME));
		runs = atomic_load(&h.entered);
		h.lower_at = runs + 1;
		ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
		bench_wait(&h.entered, runs + 1);
		DONE(bench_power(PCIRAW_POWER_OFF));
		DONE(bench_power(PCIRAW_POWER_ON));
	}
}
END_TEST

static void stay(int status)
{
	atomic_store(&h.status, status);
	atomic_store(&h.entered, 1);
	(void)sem_wait(&h.go);
	atomic_store(&h.left, 1);
}

static void detaches_itself(void *context, int32_t irq)
{
	(void)context;
	stay(bench_unregister(irq));
}

static void unwatches_itself(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	(void)event;
	stay(rawpci_device_on_event(bench.dev, NULL, NULL));
}

static void *close_it(void *unused)
{
	(void)unused;
	atomic_store(&h.close_status, bench_close());
	atomic_store(&h.closed, atomic_load(&h.left) ? 1 : 2);
	return NULL;
}

/* It is no longer one of the device's, but still uses it. */
START_TEST(close_waits_for_a_handler_that_has_detached_itself)
{
	pthread_t thread;
	int32_t irq;

	if (_i == 0) {
		DONE(bench_register(detaches_itself, NULL, &irq));
		DONE(bench_power(PCIRAW_POWER_ON));
		ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	} else {
		ck_assert_int_eq(rawpci_device_on_event(bench.dev, unwatches_itself, NULL), 0);
		ck_assert_int_eq(rawpci_fake_event(bench.rig, RAWPCI_EVENT_ERROR), 0);
	}
	bench_wait(&h.entered, 1);
	ck_assert_int_eq(atomic_load(&h.status), 0);
	bench.map.r0 = NULL;
	ck_assert_int_eq(pthread_create(&thread, NULL, close_it, NULL), 0);
	for (unsigned i = 0; i < 30; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&h.closed), 0);
	(void)sem_post(&h.go);
	(void)pthread_join(thread, NULL);
	ck_assert_uint_eq(atomic_load(&h.closed), 1);
	DONE(atomic_load(&h.close_status));
}
END_TEST

void add_irq_ends(Suite *suite)
{
	TCase *tcase = tcase_create("irq-ends");

	tcase_add_checked_fixture(tcase, setup, bench_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, end_waits_for_the_handler, 0, 2);
	tcase_add_loop_test(tcase, handler_ends_itself, 0, 2);
	tcase_add_loop_test(tcase, close_waits_for_a_handler_that_has_detached_itself, 0, 2);
	tcase_add_test(tcase, handler_ends_another);
	tcase_add_test(tcase, handler_calls_every_door);
	tcase_add_test(tcase, intx_is_level_triggered);
	tcase_add_test(tcase, intx_is_masked_while_handled);
	tcase_add_test(tcase, intx_unregisters_itself_while_asserted);
	tcase_add_test(tcase, intx_closes_itself_while_asserted);
	tcase_add_test(tcase, intx_through_states);
	suite_add_tcase(suite, tcase);
}
