/* SPDX-License-Identifier: MIT */
/* An engine: delivery of signals, its thread, its end, and the calls of an embedder. */
#include <signal.h>
#include <sys/time.h>

#include "rig.h"

START_TEST(every_signal_is_delivered_and_the_eventfd_is_not_read)
{
	struct rig rig;
	struct counter c;
	uint64_t value;

	rig_open(&rig, _i);
	counter_add(&c, &rig);
	for (unsigned i = 1; i <= 5; i++) {
		raise_fd(c.fd);
		ck_assert(rig_until(&rig, &c.calls, i));
	}
	ck_assert_int_eq((int)read(c.fd, &value, sizeof(value)), (int)sizeof(value));
	ck_assert_uint_eq(value, 5);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

START_TEST(sixty_four_sources_get_every_signal)
{
	struct rig rig;
	struct counter c[64];
	struct rawpci_engine_stats stats;

	rig_open(&rig, _i);
	for (unsigned i = 0; i < 64; i++)
		counter_add(&c[i], &rig);
	for (unsigned round = 1; round <= 10; round++) {
		for (unsigned i = 0; i < 64; i++)
			raise_fd(c[i].fd);
		for (unsigned i = 0; i < 64; i++)
			ck_assert(rig_until(&rig, &c[i].calls, round));
	}
	for (unsigned i = 0; i < 64; i++)
		counter_remove(&c[i]);
	rawpci_engine_stats(rig.engine, &stats);
	ck_assert_str_eq(stats.name, rig_kind(_i) == RAWPCI_ENGINE_EPOLL ? "epoll" : "io_uring");
	ck_assert_uint_ge(stats.handled, 640);
	ck_assert_uint_gt(stats.waits, 0);
	ck_assert_uint_ge(atomic_load(&rig.batches), 1);
	ck_assert_uint_le(atomic_load(&rig.batches), stats.handled);
	rig_close(&rig);
}
END_TEST

START_TEST(a_descriptor_signalled_before_it_is_added_is_delivered)
{
	struct rig rig;
	struct counter c;
	int fd = new_fd();

	rig_open(&rig, _i);
	raise_fd(fd);
	counter_add_fd(&c, &rig, fd, 0, counter_call);
	ck_assert(rig_until(&rig, &c.calls, 1));
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

static void raise_again(void *arg)
{
	struct counter *c = arg;

	if (atomic_fetch_add(&c->calls, 1) < 3)
		raise_fd(c->fd);
}

START_TEST(a_signal_during_the_call_is_not_lost)
{
	struct rig rig;
	struct counter c;

	rig_open(&rig, _i);
	counter_add_fd(&c, &rig, new_fd(), 0, raise_again);
	raise_fd(c.fd);
	ck_assert(rig_until(&rig, &c.calls, 4));
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

START_TEST(many_signals_lead_to_at_least_one_call)
{
	struct rig rig;
	struct counter c;
	unsigned before;

	rig_open(&rig, _i);
	counter_add(&c, &rig);
	for (unsigned i = 0; i < 1000; i++)
		raise_fd(c.fd);
	ck_assert(rig_until(&rig, &c.calls, 1));
	rig_settle(&rig);
	before = atomic_load(&c.calls);
	ck_assert_uint_le(before, 1001);
	rig_settle(&rig);
	ck_assert_uint_eq(atomic_load(&c.calls), before);
	raise_fd(c.fd);
	ck_assert(rig_until(&rig, &c.calls, before + 1));
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

struct witness {
	struct counter c;
	char name[16];
	sigset_t blocked;
};

static void look_around(void *arg)
{
	struct witness *w = arg;

	pthread_getname_np(pthread_self(), w->name, sizeof(w->name));
	pthread_sigmask(SIG_SETMASK, NULL, &w->blocked);
	atomic_fetch_add(&w->c.calls, 1);
}

START_TEST(the_thread_has_a_name_and_blocks_signals)
{
	struct rig rig;
	struct witness w;

	rig_open(&rig, _i);
	counter_add_fd(&w.c, &rig, new_fd(), 0, look_around);
	raise_fd(w.c.fd);
	ck_assert(rig_until(&rig, &w.c.calls, 1));
	ck_assert_str_eq(w.name, "rawpci-irq");
	ck_assert(sigismember(&w.blocked, SIGINT));
	ck_assert(sigismember(&w.blocked, SIGSEGV));
	pthread_sigmask(SIG_SETMASK, NULL, &w.blocked);
	ck_assert(!sigismember(&w.blocked, SIGINT));
	ck_assert_int_eq(rawpci_engine_fd(rig.engine), -EOPNOTSUPP);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), -EOPNOTSUPP);
	counter_remove(&w.c);
	rig_close(&rig);
}
END_TEST

START_TEST(destroy_leaves_no_descriptor)
{
	unsigned before = harness_descriptors();
	struct rig rig;
	struct counter c;

	rig_open(&rig, _i);
	ck_assert_uint_gt(harness_descriptors(), before);
	rig_close(&rig);
	ck_assert_uint_eq(harness_descriptors(), before);

	rig_open(&rig, _i);
	if (rig.embedder)
		ck_assert_int_ge(rawpci_engine_fd(rig.engine), 0);
	counter_add(&c, &rig);
	raise_fd(c.fd);
	ck_assert(rig_until(&rig, &c.calls, 1));
	counter_remove(&c);
	rig_close(&rig);
	ck_assert_uint_eq(harness_descriptors(), before);
	rawpci_engine_destroy(NULL);
}
END_TEST

/* The engine may be destroyed before its thread has begun to wait. */
START_TEST(an_engine_can_be_destroyed_at_any_moment)
{
	struct rig rig;

	for (unsigned i = 0; i < 200; i++) {
		rig_open(&rig, _i);
		for (unsigned spin = 0; spin < i * 100; spin++)
			atomic_store(&rig.notes, 0);
		rig_close(&rig);
	}
}
END_TEST

static bool readable(int fd, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, timeout_ms) == 1;
}

/* Dispatches as an embedder's loop does: while the descriptor is readable. */
static unsigned serve(struct rig *rig, int fd)
{
	unsigned turns = 0;

	while (readable(fd, 0) && turns < 1000) {
		ck_assert_int_ge(rawpci_engine_dispatch(rig->engine, 0), 0);
		turns++;
	}
	return turns;
}

START_TEST(the_descriptor_is_readable_before_the_first_dispatch)
{
	struct rig rig;
	struct counter c;
	int fd;

	rig_open(&rig, _i | 2);
	fd = rawpci_engine_fd(rig.engine);
	ck_assert_int_ge(fd, 0);
	counter_add(&c, &rig);
	raise_fd(c.fd);
	ck_assert(readable(fd, RIG_LIMIT_MS));
	ck_assert_uint_lt(serve(&rig, fd), 1000);
	ck_assert_uint_ge(atomic_load(&c.calls), 1);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

static void *raise_later(void *arg)
{
	pause_ms(30);
	raise_fd(*(int *)arg);
	return NULL;
}

START_TEST(the_descriptor_wakes_a_sleeping_embedder)
{
	struct rig rig;
	struct counter c[40];
	int fd;

	rig_open(&rig, _i | 2);
	for (unsigned i = 0; i < 40; i++)
		counter_add(&c[i], &rig);
	/* The embedder asks for the descriptor only after the engine has begun. */
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	fd = rawpci_engine_fd(rig.engine);
	ck_assert_int_eq(rawpci_engine_fd(rig.engine), fd);
	for (unsigned i = 1; i <= 5; i++) {
		pthread_t thread;

		ck_assert_uint_lt(serve(&rig, fd), 1000);
		ck_assert(!readable(fd, 0));
		pthread_create(&thread, NULL, raise_later, &c[0].fd);
		ck_assert(readable(fd, RIG_LIMIT_MS));
		pthread_join(thread, NULL);
		for (unsigned k = 1; k < 40; k++)
			raise_fd(c[k].fd);
		ck_assert_uint_lt(serve(&rig, fd), 1000);
		for (unsigned k = 0; k < 40; k++)
			ck_assert_uint_ge(atomic_load(&c[k].calls), i);
	}
	for (unsigned i = 0; i < 40; i++)
		counter_remove(&c[i]);
	rig_close(&rig);
}
END_TEST

struct errand {
	struct rig *rig;
	struct counter *c;
	int result;
};

static void *dispatch_elsewhere(void *arg)
{
	struct errand *e = arg;

	e->result = rawpci_engine_dispatch(e->rig->engine, 0);
	return NULL;
}

START_TEST(only_one_thread_may_dispatch)
{
	struct rig rig;
	struct errand e = { .rig = &rig };
	pthread_t thread;

	rig_open(&rig, _i | 2);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	pthread_create(&thread, NULL, dispatch_elsewhere, &e);
	pthread_join(thread, NULL);
	ck_assert_int_eq(e.result, -EPERM);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	rig_close(&rig);
}
END_TEST

static int nested;

static void dispatch_inside(void *arg)
{
	struct counter *c = arg;

	nested = rawpci_engine_dispatch(c->rig->engine, 0);
	atomic_fetch_add(&c->calls, 1);
}

START_TEST(dispatch_inside_a_handler_is_refused)
{
	struct rig rig;
	struct counter c;

	rig_open(&rig, _i | 2);
	counter_add_fd(&c, &rig, new_fd(), 0, dispatch_inside);
	raise_fd(c.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, -1), 1);
	ck_assert_int_eq(nested, -EDEADLK);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

START_TEST(timeouts_are_kept)
{
	struct rig rig;
	struct counter c;
	int64_t start;

	rig_open(&rig, _i | 2);
	counter_add(&c, &rig);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	start = now_ms();
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 30), 0);
	ck_assert_int_ge((int)(now_ms() - start), 29);
	raise_fd(c.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, RIG_LIMIT_MS), 1);
	raise_fd(c.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, -1), 1);
	raise_fd(c.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 1);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

START_TEST(busy_polling_an_idle_engine_makes_no_system_call)
{
	struct rig rig;
	struct counter c;
	struct rawpci_engine_stats before;
	struct rawpci_engine_stats after;

	if (rig_kind(0) != RAWPCI_ENGINE_URING)
		return;
	rig_open(&rig, 2);
	counter_add(&c, &rig);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	rawpci_engine_stats(rig.engine, &before);
	for (unsigned i = 0; i < 100; i++)
		ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	rawpci_engine_stats(rig.engine, &after);
	ck_assert_uint_eq(after.waits, before.waits);
	raise_fd(c.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 1);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

static void *add_later(void *arg)
{
	struct errand *e = arg;

	pause_ms(30);
	counter_add(e->c, e->rig);
	return NULL;
}

START_TEST(an_endless_dispatch_returns_when_a_source_is_added)
{
	struct rig rig;
	struct counter own;
	struct counter c;
	struct errand e = { .rig = &rig, .c = &c };
	pthread_t thread;

	rig_open(&rig, _i | 2);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	/* A change before the call does not make it return. */
	counter_add(&own, &rig);
	pthread_create(&thread, NULL, raise_later, &own.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, -1), 1);
	pthread_join(thread, NULL);
	pthread_create(&thread, NULL, add_later, &e);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, -1), 0);
	pthread_join(thread, NULL);
	counter_remove(&c);
	counter_remove(&own);
	rig_close(&rig);
}
END_TEST

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
	(void)number;
	alarms++;
}

START_TEST(signals_to_the_process_do_no_harm)
{
	struct itimerval timer = { .it_interval.tv_usec = 2000, .it_value.tv_usec = 2000 };
	struct sigaction action = { .sa_handler = on_alarm };
	struct rig rig;
	struct counter c;
	pthread_t thread;
	sigset_t set;
	int64_t start;

	rig_open(&rig, _i | 2);
	counter_add(&c, &rig);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	pthread_create(&thread, NULL, raise_later, &c.fd);
	sigaction(SIGALRM, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, -1), 1);
	start = now_ms();
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 30), 0);
	ck_assert_int_ge((int)(now_ms() - start), 29);
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	ck_assert_int_gt(alarms, 0);
	ck_assert_uint_eq(atomic_load(&rig.notes), 0);
	pthread_join(thread, NULL);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

int main(void)
{
	TCase *t;
	Suite *suite = rig_suite("engine", &t);

	tcase_add_loop_test(t, every_signal_is_delivered_and_the_eventfd_is_not_read, RIG_FIRST,
			    RIG_END);
	tcase_add_loop_test(t, sixty_four_sources_get_every_signal, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, a_descriptor_signalled_before_it_is_added_is_delivered, RIG_FIRST,
			    RIG_END);
	tcase_add_loop_test(t, a_signal_during_the_call_is_not_lost, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, many_signals_lead_to_at_least_one_call, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, the_thread_has_a_name_and_blocks_signals, 0, 2);
	tcase_add_loop_test(t, destroy_leaves_no_descriptor, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, an_engine_can_be_destroyed_at_any_moment, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, the_descriptor_is_readable_before_the_first_dispatch, 0, 2);
	tcase_add_loop_test(t, the_descriptor_wakes_a_sleeping_embedder, 0, 2);
	tcase_add_loop_test(t, only_one_thread_may_dispatch, 0, 2);
	tcase_add_loop_test(t, dispatch_inside_a_handler_is_refused, 0, 2);
	tcase_add_loop_test(t, timeouts_are_kept, 0, 2);
	tcase_add_test(t, busy_polling_an_idle_engine_makes_no_system_call);
	tcase_add_loop_test(t, an_endless_dispatch_returns_when_a_source_is_added, 0, 2);
	tcase_add_loop_test(t, signals_to_the_process_do_no_harm, 0, 2);
	return harness_run(suite);
}
