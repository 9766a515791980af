/* SPDX-License-Identifier: MIT */
/* The log and its sentences: who may call what from inside, and whose sentence it is. */
#include "bench.h"

#include <pthread.h>

static atomic_uint nested, ready;

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
		.size = sizeof(options), .backend = bench.backend,
		.log_level = RAWPCI_LOG_DEBUG, .log = calls_back,
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
}
