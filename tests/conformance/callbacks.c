/* SPDX-License-Identifier: MIT */
/* The log and its sentences: who may call what from inside, and whose sentence it is. */
#include "bench.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define MANY 8

static atomic_uint nested, ready;

static struct {
	atomic_uint lines, calls;
	atomic_int status;
	bool by_null;
	struct rawpci *other;
	pthread_barrier_t barrier;
} c;

/* Calls into the library that would deadlock if a lock were held. Once for each outer line. */
static void calls_back(void *opaque, enum rawpci_log_level level, const char *message)
{
	static _Thread_local bool inside;
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PCICFG_READ);
	struct part part;
	uint64_t value;

	(void)opaque;
	(void)level;
	(void)message;
	if (inside || !atomic_load(&ready))
		return;
	inside = true;
	r.u.aPciCfgRead.Value.cb = 4;
	DONE(bench_ask(&r));
	r.u.aPciCfgRead.Value.cb = 3;
	ck_assert_int_eq(bench_ask(&r), VERR_INVALID_PARAMETER);
	DONE(bench_map(DIRECT, 0, PAGE, &part));
	DONE(bench_mmio_read(part.r0, 4, &value));
	DONE(bench_unmap(&part));
	atomic_fetch_add(&nested, 1);
	inside = false;
}

static void setup_calling_back(void)
{
	bench.fds = harness_descriptors();
}

START_TEST(log_callback_calls_back)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = bench.backend,
		.log_level = RAWPCI_LOG_DEBUG,
		.log = calls_back,
	};
	PCIRAWSENDREQ info;
	uint64_t value;

	ck_assert_int_eq(rawpci_create(&options, &bench.ctx), 0);
	bench.factory = rawpci_factory(bench.ctx);
	DONE(bench.factory->pfnInitVm(bench.factory, NULL, &bench.vm));
	DONE(rawpci_session_create(bench.ctx, &bench.vm, &bench.session));
	bench.pci = bench_pci(0, 4, 0);
	DONE(bench_reopen());
	info = bench_request(PCIRAWR0_DO_GET_REGION_INFO);
	DONE(bench_ask(&info));
	bench.regions[DIRECT] = info.u.aGetRegionInfo;
	DONE(bench_config_write(4, 2, 3));
	atomic_store(&ready, 1);
	ck_assert_int_eq(bench_config_read(2, 4, &value), VERR_UNSUPPORTED_ALIGNMENT);
	ck_assert_uint_ge(atomic_load(&nested), 1);
	/* The sentence is the outer call's, though the callback failed another one meanwhile. */
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "multiple of"));
	ck_assert_int_eq(bench_unregister(7), VERR_NOT_FOUND);
	ck_assert_uint_ge(atomic_load(&nested), 2);
	atomic_store(&ready, 0);
	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_power(PCIRAW_POWER_SUSPEND));
	DONE(bench_power(PCIRAW_POWER_RESUME));
}
END_TEST

static void *look(void *out)
{
	uint64_t value;

	strcpy(out, rawpci_last_error());
	ck_assert_int_eq(bench_config_read(0x1000, 4, &value), VERR_OUT_OF_RANGE);
	strcpy((char *)out + 512, rawpci_last_error());
	return NULL;
}

START_TEST(last_error_is_the_threads_own)
{
	static char there[1024];
	pthread_t thread;
	uint64_t value;

	ck_assert_str_eq(rawpci_last_error(), "");
	REFUSED(VERR_INVALID_PARAMETER, bench_config_read(0, 3, &value));
	ck_assert_int_eq(pthread_create(&thread, NULL, look, there), 0);
	(void)pthread_join(thread, NULL);
	ck_assert_str_eq(there, "");
	ck_assert_ptr_nonnull(strstr(there + 512, "beyond"));
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "3 bytes"));
}
END_TEST

START_TEST(success_leaves_the_sentence)
{
	char sentence[512];
	uint64_t value;

	REFUSED(VERR_INVALID_PARAMETER, bench_config_read(0, 3, &value));
	(void)strncpy(sentence, rawpci_last_error(), sizeof(sentence) - 1);
	DONE(bench_config_read(0, 4, &value));
	ck_assert_str_eq(rawpci_last_error(), sentence);
}
END_TEST

START_TEST(no_log_is_fine)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = bench.backend };
	struct rawpci *ctx;
	PSUPDRVSESSION session;
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	DONE(rawpci_session_create(ctx, NULL, &session));
	ck_assert_int_eq(rawpci_request(session, &r), VERR_INVALID_HANDLE);
	ck_assert_str_ne(rawpci_last_error(), "");
	DONE(rawpci_session_destroy(session));
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

static void on_event(void *opaque, enum rawpci_event event)
{
	atomic_fetch_add(&((atomic_uint *)opaque)[event], 1);
}

START_TEST(events)
{
	static atomic_uint seen_events[3];

	ck_assert_int_eq(rawpci_device_on_event(bench.dev, on_event, seen_events), 0);
	ck_assert_int_eq(rawpci_fake_event(bench.rig, RAWPCI_EVENT_ERROR), 0);
	bench_wait(&seen_events[RAWPCI_EVENT_ERROR], 1);
	ck_assert_int_eq(rawpci_fake_event(bench.rig, RAWPCI_EVENT_RELEASE), 0);
	bench_wait(&seen_events[RAWPCI_EVENT_RELEASE], 1);
	ck_assert_int_eq(rawpci_device_on_event(bench.dev, NULL, NULL), 0);
	ck_assert_int_eq(rawpci_fake_event(bench.rig, RAWPCI_EVENT_ERROR), 0);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&seen_events[RAWPCI_EVENT_ERROR]), 1);
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
	if (atomic_fetch_add(&c.calls, 1) == 0)
		return;
	if (c.by_null) {
		atomic_store(&c.status, rawpci_irq_detach(NULL, 1) == -EFAULT ? 0 : -1);
		return;
	}
	atomic_store(&c.status, rawpci_vm_create(c.other, &vm));
	(void)rawpci_vm_destroy(vm);
}

static struct rawpci_device *open_intx(const char *address, struct rawpci_fake **fake)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = address,
		.vendor_id = 1,
		.intx = true,
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

	c.by_null = _i;
	ck_assert_int_eq(rawpci_create(&options, &c.other), 0);
	devs[0] = open_intx("0000:00:06.0", &fakes[0]);
	devs[1] = open_intx("0000:00:07.0", &fakes[1]);
	(void)rawpci_irq_dispatch(bench.ctx, 0);
	atomic_store(&c.calls, 0);
	atomic_store(&c.status, -1);
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_IRQ_UNMASK, 0, 1, -EIO), 0);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(rawpci_fake_raise(fakes[i], 0), 0);
	while (atomic_load(&c.calls) < 2)
		ck_assert_int_ge(rawpci_irq_dispatch(bench.ctx, 1000), 0);
	ck_assert_int_eq(atomic_load(&c.status), 0);
	ck_assert_uint_eq(atomic_load(&bench.lines[RAWPCI_LOG_WARNING]), 1);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(rawpci_device_close(devs[i]), 0);
	ck_assert_int_eq(rawpci_destroy(c.other), 0);
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
	if (strstr(message, "io_uring") && atomic_fetch_add(&c.lines, 1) == 0)
		atomic_store(&c.status, bench_close());
}

START_TEST(the_log_may_close_the_device_whose_call_it_is)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.log_level = RAWPCI_LOG_DEBUG,
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
	atomic_store(&c.status, -1);
	DONE(bench_register(never, NULL, &irq));
	ck_assert_uint_eq(atomic_load(&c.lines), 1);
	DONE(atomic_load(&c.status));
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
		atomic_fetch_add(&c.lines, 1);
}

static void *attach_first(void *dev)
{
	(void)pthread_barrier_wait(&c.barrier);
	if (rawpci_irq_attach(dev, never, NULL, 0) >= 1)
		atomic_fetch_add(&c.calls, 1);
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
		.size = sizeof(options),
		.backend = "fake",
		.log_level = RAWPCI_LOG_DEBUG,
		.log = counts_io_uring,
	};

	forbid_io_uring();
	ck_assert_int_eq(pthread_barrier_init(&c.barrier, NULL, MANY), 0);
	for (unsigned i = 0; i < 10; i++) {
		struct rawpci *ctx;

		atomic_store(&c.lines, 0);
		atomic_store(&c.calls, 0);
		ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
		attach_at_once(ctx);
		ck_assert_uint_eq(atomic_load(&c.calls), MANY);
		ck_assert_uint_eq(atomic_load(&c.lines), 1);
		ck_assert_int_eq(rawpci_destroy(ctx), 0);
	}
}
END_TEST

void add_callbacks(Suite *suite)
{
	TCase *tcase = tcase_create("callbacks");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_test(tcase, last_error_is_the_threads_own);
	tcase_add_test(tcase, success_leaves_the_sentence);
	tcase_add_test(tcase, no_log_is_fine);
	if (bench.fake)
		tcase_add_test(tcase, events);
	suite_add_tcase(suite, tcase);
	if (!bench.fake)
		return;
	tcase = tcase_create("log");
	tcase_add_checked_fixture(tcase, setup_calling_back, bench_end);
	tcase_add_test(tcase, log_callback_calls_back);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("log-embedder");
	tcase_set_timeout(tcase, 30);
	tcase_add_checked_fixture(tcase, setup_embedder, bench_end);
	tcase_add_loop_test(tcase, a_message_goes_to_the_context_it_is_about, 0, 2);
	tcase_add_test(tcase, the_log_may_close_the_device_whose_call_it_is);
	tcase_add_test(tcase, first_handlers_at_once_start_one_engine);
	suite_add_tcase(suite, tcase);
}
