/* SPDX-License-Identifier: MIT */
/* The sources: adding, reading, failing, and removing them while they are in use. */
#include <fcntl.h>

#include "rig.h"

/* A thread that dispatches for an embedder's engine while the test does something else. */
struct driver {
	struct rig *rig;
	pthread_t thread;
	atomic_bool stop;
};

static void *drive(void *arg)
{
	struct driver *d = arg;

	while (!atomic_load(&d->stop))
		rawpci_engine_dispatch(d->rig->engine, 5);
	return NULL;
}

static void driver_start(struct driver *d, struct rig *rig)
{
	memset(d, 0, sizeof(*d));
	d->rig = rig;
	if (rig->embedder)
		pthread_create(&d->thread, NULL, drive, d);
}

static void driver_stop(struct driver *d)
{
	atomic_store(&d->stop, true);
	if (d->rig->embedder)
		pthread_join(d->thread, NULL);
}

struct gate {
	struct counter c;
	atomic_uint entered;
	atomic_uint open;
	atomic_uint left;
	atomic_uint removed;
};

static void through_the_gate(void *arg)
{
	struct gate *g = arg;

	atomic_fetch_add(&g->entered, 1);
	until(&g->open, 1);
	atomic_fetch_add(&g->left, 1);
}

static void *remove_gate(void *arg)
{
	struct gate *g = arg;

	rawpci_engine_remove(g->c.rig->engine, g->c.source);
	atomic_store(&g->removed, 1 + atomic_load(&g->left));
	return NULL;
}

START_TEST(removal_waits_for_the_own_handler_only)
{
	struct rig rig;
	struct driver driver;
	struct gate g;
	struct counter other;
	pthread_t thread;

	rig_open(&rig, _i);
	memset(&g, 0, sizeof(g));
	counter_add_fd(&g.c, &rig, new_fd(), 0, through_the_gate);
	counter_add(&other, &rig);
	driver_start(&driver, &rig);
	raise_fd(g.c.fd);
	ck_assert(until(&g.entered, 1));
	counter_remove(&other);
	pthread_create(&thread, NULL, remove_gate, &g);
	pause_ms(30);
	ck_assert_uint_eq(atomic_load(&g.removed), 0);
	atomic_store(&g.open, 1);
	pthread_join(thread, NULL);
	ck_assert_uint_eq(atomic_load(&g.removed), 2);
	ck_assert_uint_eq(atomic_load(&g.c.dones), 1);
	close(g.c.fd);
	driver_stop(&driver);
	rig_close(&rig);
}
END_TEST

/* The engine may handle a signal before the write() that made it has returned. */
static atomic_uint signalled;

static void remove_self(void *arg)
{
	struct counter *c = arg;
	bool alive = rawpci_source_alive(c->source);

	rawpci_engine_remove(c->rig->engine, c->source);
	until(&signalled, 1);
	close(c->fd);
	/* done() has not run, and the source knows. */
	if (alive && !rawpci_source_alive(c->source) && atomic_load(&c->dones) == 0)
		atomic_fetch_add(&c->calls, 1);
}

START_TEST(a_handler_can_remove_its_own_source)
{
	struct rig rig;
	struct counter c;

	rig_open(&rig, _i);
	for (unsigned i = 0; i < 100; i++) {
		atomic_store(&signalled, 0);
		counter_add_fd(&c, &rig, new_fd(), 0, remove_self);
		raise_fd(c.fd);
		atomic_store(&signalled, 1);
		ck_assert(rig_until(&rig, &c.dones, 1));
		ck_assert_uint_eq(atomic_load(&c.calls), 1);
	}
	rig_settle(&rig);
	ck_assert_uint_eq(atomic_load(&c.dones), 1);
	ck_assert_uint_eq(atomic_load(&c.calls), 1);
	rig_close(&rig);
}
END_TEST

/* Two sources are due in one batch. The first to run removes the other one. It also adds a silent
 * source that may get the slot and the descriptor's number of the removed one. */
struct duel {
	struct counter side[2];
	struct counter heir;
	atomic_uint fights;
};

static void fight(struct duel *duel, unsigned me)
{
	atomic_fetch_add(&duel->side[me].calls, 1);
	if (atomic_fetch_add(&duel->fights, 1) == 0) {
		counter_remove(&duel->side[!me]);
		counter_add(&duel->heir, duel->side[me].rig);
	}
}

static void fight_0(void *arg)
{
	fight((struct duel *)(void *)((char *)arg - offsetof(struct duel, side[0])), 0);
}

static void fight_1(void *arg)
{
	fight((struct duel *)(void *)((char *)arg - offsetof(struct duel, side[1])), 1);
}

START_TEST(a_handler_can_remove_another_source_of_the_batch)
{
	struct rig rig;
	struct duel duel;
	unsigned winner;

	rig_open(&rig, _i | 2);
	for (unsigned i = 0; i < 50; i++) {
		memset(&duel, 0, sizeof(duel));
		counter_add_fd(&duel.side[0], &rig, new_fd(), 0, fight_0);
		counter_add_fd(&duel.side[1], &rig, new_fd(), 0, fight_1);
		raise_fd(duel.side[0].fd);
		raise_fd(duel.side[1].fd);
		ck_assert(rig_until(&rig, &duel.fights, 1));
		rig_settle(&rig);
		ck_assert_uint_eq(atomic_load(&duel.fights), 1);
		ck_assert_uint_eq(atomic_load(&duel.heir.calls), 0);
		raise_fd(duel.heir.fd);
		ck_assert(rig_until(&rig, &duel.heir.calls, 1));
		winner = atomic_load(&duel.side[1].calls);
		counter_remove(&duel.side[winner]);
		counter_remove(&duel.heir);
	}
	rig_close(&rig);
}
END_TEST

struct breeder {
	struct counter c;
	struct counter child;
	int fd;
};

static void breed(void *arg)
{
	struct breeder *b = arg;

	if (atomic_fetch_add(&b->c.calls, 1) == 0)
		counter_add_fd(&b->child, b->c.rig, b->fd, 0, counter_call);
}

START_TEST(a_handler_can_add_a_source)
{
	struct rig rig;
	struct breeder b = { .fd = new_fd() };

	rig_open(&rig, _i);
	counter_add_fd(&b.c, &rig, new_fd(), 0, breed);
	raise_fd(b.fd);
	raise_fd(b.c.fd);
	ck_assert(rig_until(&rig, &b.c.calls, 1));
	ck_assert(rig_until(&rig, &b.child.calls, 1));
	raise_fd(b.fd);
	ck_assert(rig_until(&rig, &b.child.calls, 2));
	counter_remove(&b.child);
	counter_remove(&b.c);
	rig_close(&rig);
}
END_TEST

START_TEST(a_reused_descriptor_number_is_not_mistaken)
{
	struct rig rig;
	struct counter old;
	struct counter young;

	rig_open(&rig, _i);
	for (unsigned i = 0; i < 200; i++) {
		int fd;

		counter_add(&old, &rig);
		if (i % 2)
			rig_settle(&rig);
		/* A late signal must not reach the new source. */
		if (i % 4 > 1)
			raise_fd(old.fd);
		fd = old.fd;
		counter_remove(&old);
		atomic_store(&old.calls, 0);
		counter_add(&young, &rig);
		ck_assert_int_eq(young.fd, fd);
		rig_settle(&rig);
		ck_assert_uint_eq(atomic_load(&young.calls), 0);
		raise_fd(young.fd);
		ck_assert(rig_until(&rig, &young.calls, 1));
		ck_assert_uint_eq(atomic_load(&old.calls), 0);
		counter_remove(&young);
	}
	rig_close(&rig);
}
END_TEST

START_TEST(a_descriptor_closed_before_it_was_armed_is_never_armed)
{
	struct rig rig;
	struct counter old;
	int fd;

	rig_open(&rig, _i | 2);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	counter_add(&old, &rig);
	fd = old.fd;
	counter_remove(&old);
	ck_assert_int_eq(new_fd(), fd);
	raise_fd(fd);
	for (unsigned i = 0; i < 5; i++)
		ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	ck_assert_uint_eq(atomic_load(&old.calls), 0);
	close(fd);
	rig_close(&rig);
}
END_TEST

START_TEST(removal_releases_the_file)
{
	struct rig rig;
	struct counter c;
	struct pollfd p;
	int64_t end;
	int fds[2];

	rig_open(&rig, _i);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	counter_add_fd(&c, &rig, fds[0], 1, counter_call);
	rig_settle(&rig);
	counter_remove(&c);
	/* The writing end sees the last reader go. */
	p = (struct pollfd){ .fd = fds[1], .events = 0 };
	end = now_ms() + RIG_LIMIT_MS;
	while (poll(&p, 1, 1) == 0 && now_ms() < end) {
		if (rig.embedder)
			rawpci_engine_dispatch(rig.engine, 0);
	}
	ck_assert(p.revents & POLLERR);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

START_TEST(the_bytes_are_read_before_each_call)
{
	struct rig rig;
	struct counter c;
	struct counter semaphore;
	uint64_t five = 5;
	int fds[2];
	int fd;

	rig_open(&rig, _i);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	counter_add_fd(&c, &rig, fds[0], 4, counter_call);
	ck_assert_int_eq((int)write(fds[1], "abcdefghijkl", 12), 12);
	ck_assert(rig_until(&rig, &c.calls, 3));
	ck_assert_int_eq((int)write(fds[1], "mnop", 4), 4);
	ck_assert(rig_until(&rig, &c.calls, 4));

	fd = eventfd(0, EFD_NONBLOCK | EFD_SEMAPHORE);
	counter_add_fd(&semaphore, &rig, fd, 8, counter_call);
	ck_assert_int_eq((int)write(fd, &five, sizeof(five)), (int)sizeof(five));
	ck_assert(rig_until(&rig, &semaphore.calls, 5));
	rig_settle(&rig);
	ck_assert_uint_eq(atomic_load(&semaphore.calls), 5);
	ck_assert_uint_eq(atomic_load(&c.calls), 4);
	ck_assert_int_lt((int)read(fd, &five, sizeof(five)), 0);
	counter_remove(&semaphore);
	counter_remove(&c);
	close(fds[1]);
	rig_close(&rig);
}
END_TEST

static void steal(void *arg)
{
	struct counter *c = arg;
	uint64_t value;

	ck_assert_int_gt((int)read(c->fd, &value, sizeof(value)), 0);
	atomic_fetch_add(&c->calls, 1);
}

/* The first handler reads the bytes that the second source was signalled for, so the second handler
 * is not called. The kernel wakes the source first that was added last. */
START_TEST(there_is_no_call_without_bytes)
{
	struct rig rig;
	struct counter thief;
	struct counter c;

	rig_open(&rig, _i | 2);
	counter_add_fd(&c, &rig, new_fd(), 8, counter_call);
	counter_add_fd(&thief, &rig, dup(c.fd), 0, steal);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	raise_fd(thief.fd);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, RIG_LIMIT_MS), 1);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 20), 0);
	ck_assert_uint_eq(atomic_load(&thief.calls), 1);
	ck_assert_uint_eq(atomic_load(&c.calls), 0);
	counter_remove(&c);
	counter_remove(&thief);
	rig_close(&rig);
}
END_TEST

START_TEST(a_descriptor_that_fails_is_reported_once)
{
	struct rig rig;
	struct counter c;
	struct rawpci_engine_stats before;
	struct rawpci_engine_stats after;
	int fds[2];

	rig_open(&rig, _i);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	counter_add_fd(&c, &rig, fds[0], 4, counter_call);
	close(fds[1]); /* end of file: readable for ever */
	ck_assert(rig_until(&rig, &rig.notes, 1));
	ck_assert_int_eq(atomic_load(&rig.note_level), RAWPCI_LOG_ERROR);
	rig_settle(&rig);
	rawpci_engine_stats(rig.engine, &before);
	if (rig.embedder)
		ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 30), 0);
	else
		pause_ms(30);
	rawpci_engine_stats(rig.engine, &after);
	ck_assert_uint_le(after.waits, before.waits + 50);
	ck_assert_uint_eq(atomic_load(&rig.notes), 1);
	ck_assert_uint_eq(atomic_load(&c.calls), 0);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_waited_for_is_reported)
{
	struct rawpci_source_options wide = { .fd = 0, .read_size = 65, .fn = counter_call };
	struct rawpci_source *none = NULL;
	struct rig rig;
	struct counter c;

	rig_open(&rig, _i);
	ck_assert_int_eq(rawpci_engine_add(rig.engine, &wide, &none), -EINVAL);
	ck_assert_ptr_null(none);
	counter_add_fd(&c, &rig, 987654, 0, counter_call);
	ck_assert(rig_until(&rig, &rig.notes, 1));
	ck_assert_int_eq(atomic_load(&rig.note_level), RAWPCI_LOG_ERROR);
	rig_settle(&rig);
	ck_assert_uint_eq(atomic_load(&rig.notes), 1);
	ck_assert_uint_eq(atomic_load(&c.calls), 0);
	counter_remove(&c);
	rig_close(&rig);
}
END_TEST

enum { CROWD = 600 };

START_TEST(many_sources_make_the_queue_grow)
{
	static struct counter c[CROWD];
	struct rig rig;
	struct rawpci_engine_stats stats;

	rig_open(&rig, _i);
	for (unsigned i = 0; i < CROWD; i++)
		counter_add(&c[i], &rig);
	rig_settle(&rig);
	for (unsigned i = 0; i < CROWD; i++)
		atomic_store(&c[i].calls, 0);
	for (unsigned round = 1; round <= 3; round++) {
		for (unsigned i = 0; i < CROWD; i++)
			raise_fd(c[i].fd);
		for (unsigned i = 0; i < CROWD; i++)
			ck_assert(rig_until(&rig, &c[i].calls, round));
	}
	rawpci_engine_stats(rig.engine, &stats);
	ck_assert_uint_eq(stats.rearmed, 0);
	for (unsigned i = 0; i < CROWD; i++)
		counter_remove(&c[i]);
	ck_assert_uint_eq(atomic_load(&rig.notes), 0);
	rig_close(&rig);
}
END_TEST

START_TEST(too_many_sources_are_refused)
{
	enum { MOST = 131040 };
	struct rawpci_source **all = calloc(MOST, sizeof(struct rawpci_source *));
	struct rawpci_source *extra = NULL;
	struct rawpci_source_options options = { .fn = counter_call };
	struct rig rig;

	ck_assert_ptr_nonnull(all);
	/* Without a dispatch nothing is armed. */
	rig_open(&rig, _i | 2);
	options.fd = new_fd();
	for (unsigned i = 0; i < MOST; i++)
		ck_assert_int_eq(rawpci_engine_add(rig.engine, &options, &all[i]), 0);
	ck_assert_int_eq(rawpci_engine_add(rig.engine, &options, &extra), -ENOSPC);
	ck_assert_ptr_null(extra);
	for (unsigned i = 0; i < MOST; i++)
		rawpci_engine_remove(rig.engine, all[i]);
	ck_assert_int_eq(rawpci_engine_dispatch(rig.engine, 0), 0);
	ck_assert_int_eq(rawpci_engine_add(rig.engine, &options, &extra), 0);
	rawpci_engine_remove(rig.engine, extra);
	close(options.fd);
	free(all);
	rig_close(&rig);
}
END_TEST

struct mortal {
	atomic_uint calls;
	atomic_bool dead;
	atomic_uint *ghosts;
};

static void live(void *arg)
{
	struct mortal *m = arg;

	if (atomic_load(&m->dead))
		atomic_fetch_add(m->ghosts, 1);
	atomic_fetch_add(&m->calls, 1);
}

struct worker {
	struct rig *rig;
	atomic_uint *ghosts;
	atomic_uint missed;
	unsigned rounds;
	pthread_t thread;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < w->rounds; i++) {
		struct mortal *m = calloc(1, sizeof(*m));
		struct rawpci_source_options options = { .fd = new_fd(), .fn = live, .arg = m };
		struct rawpci_source *source;

		m->ghosts = w->ghosts;
		ck_assert_int_eq(rawpci_engine_add(w->rig->engine, &options, &source), 0);
		raise_fd(options.fd);
		if (i % 3 == 0 && !until(&m->calls, 1))
			atomic_fetch_add(&w->missed, 1);
		raise_fd(options.fd);
		rawpci_engine_remove(w->rig->engine, source);
		atomic_store(&m->dead, true);
		close(options.fd);
		free(m);
	}
	return NULL;
}

START_TEST(threads_can_add_signal_and_remove_at_the_same_time)
{
	struct rig rig;
	struct driver driver;
	struct worker w[4];
	atomic_uint ghosts = 0;

	rig_open(&rig, _i);
	driver_start(&driver, &rig);
	memset(w, 0, sizeof(w));
	for (unsigned i = 0; i < 4; i++) {
		w[i].rig = &rig;
		w[i].ghosts = &ghosts;
		w[i].rounds = 400;
		pthread_create(&w[i].thread, NULL, work, &w[i]);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(w[i].thread, NULL);
		ck_assert_uint_eq(atomic_load(&w[i].missed), 0);
	}
	ck_assert_uint_eq(atomic_load(&ghosts), 0);
	driver_stop(&driver);
	rig_close(&rig);
}
END_TEST

int main(void)
{
	TCase *t;
	Suite *suite = rig_suite("source", &t);

	tcase_add_loop_test(t, removal_waits_for_the_own_handler_only, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, a_handler_can_remove_its_own_source, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, a_handler_can_remove_another_source_of_the_batch, 0, 2);
	tcase_add_loop_test(t, a_handler_can_add_a_source, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, a_reused_descriptor_number_is_not_mistaken, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, a_descriptor_closed_before_it_was_armed_is_never_armed, 0, 2);
	tcase_add_loop_test(t, removal_releases_the_file, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, the_bytes_are_read_before_each_call, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, there_is_no_call_without_bytes, 0, 2);
	tcase_add_loop_test(t, a_descriptor_that_fails_is_reported_once, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, a_descriptor_that_cannot_be_waited_for_is_reported, RIG_FIRST,
			    RIG_END);
	tcase_add_loop_test(t, many_sources_make_the_queue_grow, RIG_FIRST, RIG_END);
	tcase_add_loop_test(t, too_many_sources_are_refused, 0, 2);
	tcase_add_loop_test(t, threads_can_add_signal_and_remove_at_the_same_time, RIG_FIRST,
			    RIG_END);
	return harness_run(suite);
}
