/* SPDX-License-Identifier: MIT */
/* Handlers, the log and the engine: who waits for whom, and who may call what. Fake only. */
#include "bench.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MANY 8

static struct {
	atomic_uint inside, left, closed, lines, calls;
	atomic_int status, close_status;
	sem_t go;
	bool by_null;
	struct rawpci *other;
	pthread_barrier_t barrier;
} m;

static void setup(void)
{
	bench_open();
	ck_assert_int_eq(sem_init(&m.go, 0, 0), 0);
}

static void stay(int status)
{
	atomic_store(&m.status, status);
	atomic_store(&m.inside, 1);
	(void)sem_wait(&m.go);
	atomic_store(&m.left, 1);
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
	atomic_store(&m.close_status, bench_close());
	atomic_store(&m.closed, atomic_load(&m.left) ? 1 : 2);
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
	bench_wait(&m.inside, 1);
	ck_assert_int_eq(atomic_load(&m.status), 0);
	bench.map.r0 = NULL;
	ck_assert_int_eq(pthread_create(&thread, NULL, close_it, NULL), 0);
	for (unsigned i = 0; i < 30; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&m.closed), 0);
	(void)sem_post(&m.go);
	(void)pthread_join(thread, NULL);
	ck_assert_uint_eq(atomic_load(&m.closed), 1);
	DONE(atomic_load(&m.close_status));
}
END_TEST

static void setup_embedder(void)
{
	bench.options.irq_mode = RAWPCI_IRQ_MODE_EMBEDDER;
	bench_start();
}

/* The second to run ends a call of its own that has nothing to do with the first's message. */
static void calls_elsewhere(void *opaque, int32_t irq)
{
	struct rawpci_vm *vm;

	(void)opaque;
	(void)irq;
	if (atomic_fetch_add(&m.calls, 1) == 0)
		return;
	if (m.by_null) {
		atomic_store(&m.status, rawpci_irq_detach(NULL, 1) == -EFAULT ? 0 : -1);
		return;
	}
	atomic_store(&m.status, rawpci_vm_create(m.other, &vm));
	(void)rawpci_vm_destroy(vm);
}

static struct rawpci_device *open_intx(const char *address, struct rawpci_fake **fake)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config), .address = address, .vendor_id = 1, .intx = true,
	};
	struct rawpci_device *dev;

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, fake), 0);
	ck_assert_int_eq(rawpci_device_open(bench.ctx, NULL, address, 0, &dev), 0);
	ck_assert_int_ge(rawpci_irq_attach(dev, calls_elsewhere, NULL, 0), 1);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	return dev;
}

START_TEST(a_message_goes_to_the_context_it_is_about)
{
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };
	struct rawpci_fake *fakes[2];
	struct rawpci_device *devs[2];

	m.by_null = _i;
	ck_assert_int_eq(rawpci_create(&options, &m.other), 0);
	devs[0] = open_intx("0000:00:06.0", &fakes[0]);
	devs[1] = open_intx("0000:00:07.0", &fakes[1]);
	(void)rawpci_irq_dispatch(bench.ctx, 0);
	atomic_store(&m.calls, 0);
	atomic_store(&m.status, -1);
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, 1, -EIO), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(rawpci_fake_raise(fakes[i], 0), 0);
	while (atomic_load(&m.calls) < 2)
		ck_assert_int_ge(rawpci_irq_dispatch(bench.ctx, 1000), 0);
	ck_assert_int_eq(atomic_load(&m.status), 0);
	ck_assert_uint_eq(atomic_load(&bench.lines[RAWPCI_LOG_WARNING]), 1);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(rawpci_device_close(devs[i]), 0);
	ck_assert_int_eq(rawpci_destroy(m.other), 0);
}
END_TEST

/* An engine without io_uring says so once, when it starts. */
static void forbid_io_uring(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { .len = 4, .filter = filter };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

static void never(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

static void closes_on_io_uring(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	if (strstr(message, "io_uring") && atomic_fetch_add(&m.lines, 1) == 0)
		atomic_store(&m.status, bench_close());
}

START_TEST(the_log_may_close_the_device_whose_call_it_is)
{
	struct rawpci_options options = {
		.size = sizeof(options), .backend = "fake", .log_level = RAWPCI_LOG_DEBUG,
		.log = closes_on_io_uring,
	};
	PSUPDRVSESSION session = bench.session;
	struct rawpci *ctx;
	int32_t irq;

	forbid_io_uring();
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	DONE(rawpci_session_create(ctx, NULL, &bench.session));
	bench.pci = bench_pci(0, 4, 0);
	DONE(bench_reopen());
	atomic_store(&m.status, -1);
	DONE(bench_register(never, NULL, &irq));
	ck_assert_uint_eq(atomic_load(&m.lines), 1);
	DONE(atomic_load(&m.status));
	DONE(rawpci_session_destroy(bench.session));
	bench.session = session;
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

static void counts_io_uring(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	if (strstr(message, "io_uring"))
		atomic_fetch_add(&m.lines, 1);
}

static void *attach_first(void *dev)
{
	(void)pthread_barrier_wait(&m.barrier);
	if (rawpci_irq_attach(dev, never, NULL, 0) >= 1)
		atomic_fetch_add(&m.calls, 1);
	return NULL;
}

static void attach_at_once(struct rawpci *ctx)
{
	struct rawpci_device *devs[MANY];
	pthread_t threads[MANY];
	char address[] = "0000:00:10.0";

	for (unsigned i = 0; i < MANY; i++) {
		address[11] = (char)('0' + i);
		ck_assert_int_eq(rawpci_fake_add_edu(ctx, address, NULL), 0);
		ck_assert_int_eq(rawpci_device_open(ctx, NULL, address, 0, &devs[i]), 0);
		ck_assert_int_eq(pthread_create(&threads[i], NULL, attach_first, devs[i]), 0);
	}
	for (unsigned i = 0; i < MANY; i++)
		(void)pthread_join(threads[i], NULL);
	for (unsigned i = 0; i < MANY; i++)
		ck_assert_int_eq(rawpci_device_close(devs[i]), 0);
}

START_TEST(first_handlers_at_once_start_one_engine)
{
	const struct rawpci_options options = {
		.size = sizeof(options), .backend = "fake", .log_level = RAWPCI_LOG_DEBUG,
		.log = counts_io_uring,
	};

	forbid_io_uring();
	ck_assert_int_eq(pthread_barrier_init(&m.barrier, NULL, MANY), 0);
	for (unsigned i = 0; i < 10; i++) {
		struct rawpci *ctx;

		atomic_store(&m.lines, 0);
		atomic_store(&m.calls, 0);
		ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
		attach_at_once(ctx);
		ck_assert_uint_eq(atomic_load(&m.calls), MANY);
		ck_assert_uint_eq(atomic_load(&m.lines), 1);
		ck_assert_int_eq(rawpci_destroy(ctx), 0);
	}
}
END_TEST

void add_mended_ends(Suite *suite)
{
	TCase *tcase = tcase_create("mended-ends");

	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup, bench_end);
	tcase_add_loop_test(tcase, close_waits_for_a_handler_that_has_detached_itself, 0, 2);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("mended-log");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup_embedder, bench_end);
	tcase_add_loop_test(tcase, a_message_goes_to_the_context_it_is_about, 0, 2);
	tcase_add_test(tcase, the_log_may_close_the_device_whose_call_it_is);
	tcase_add_test(tcase, first_handlers_at_once_start_one_engine);
	suite_add_tcase(suite, tcase);
}
