/* SPDX-License-Identifier: MIT */
/* The rig: an engine of each kind, with and without a thread, and sources that count their
 * calls. */
#ifndef RAWPCI_TESTS_EVENT_RIG_H
#define RAWPCI_TESTS_EVENT_RIG_H

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/log.h>

#include "event/event.h"
#include "event/poller.h"
#include "harness.h"

/* So long that only a hang reaches it. */
#define RIG_LIMIT_MS 20000

struct rig {
	struct rawpci_engine *engine;
	bool embedder;
	atomic_uint batches;
	atomic_uint notes;
	atomic_int note_level;
	char note[256]; /* the last one */
};

struct counter {
	struct rig *rig;
	struct rawpci_source *source;
	int fd;
	atomic_uint calls;
	atomic_uint dones;
};

/* Loop index of a test: bit 0 epoll, bit 1 embedder. Tests of one mode use rig_kind() alone. */
enum { RIG_FIRST = 0, RIG_END = 4 };

static inline enum rawpci_engine_kind rig_kind(int i)
{
	/* Without io_uring the tests run twice with epoll. */
	if (i & 1)
		return RAWPCI_ENGINE_EPOLL;
	return rawpci_uring_probe() == 0 ? RAWPCI_ENGINE_URING : RAWPCI_ENGINE_EPOLL;
}

static inline void rig_note(void *opaque, int level, const char *message)
{
	struct rig *rig = opaque;

	ck_assert_ptr_nonnull(message);
	(void)snprintf(rig->note, sizeof(rig->note), "%s", message);
	atomic_store(&rig->note_level, level);
	atomic_fetch_add(&rig->notes, 1);
}

static inline void rig_batch(void *opaque)
{
	struct rig *rig = opaque;

	atomic_fetch_add(&rig->batches, 1);
}

static inline int rig_try(struct rig *rig, enum rawpci_engine_kind kind, bool embedder,
			  unsigned cq_entries)
{
	struct rawpci_engine_options options = {
		.kind = kind,
		.embedder = embedder,
		.cq_entries = cq_entries,
		.note = rig_note,
		.batch_end = rig_batch,
		.opaque = rig,
	};

	memset(rig, 0, sizeof(*rig));
	rig->embedder = embedder;
	return rawpci_engine_create(&options, &rig->engine);
}

static inline void rig_open(struct rig *rig, int i)
{
	ck_assert_int_eq(rig_try(rig, rig_kind(i), (i & 2) != 0, 0), 0);
}

static inline void rig_close(struct rig *rig)
{
	rawpci_engine_destroy(rig->engine);
}

static inline int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static inline void pause_ms(unsigned ms)
{
	struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

/* Waits until a count is reached. If the engine has no thread, dispatches meanwhile. */
static inline bool rig_until(struct rig *rig, atomic_uint *count, unsigned least)
{
	int64_t end = now_ms() + RIG_LIMIT_MS;

	while (atomic_load(count) < least && now_ms() < end) {
		if (!rig->embedder)
			pause_ms(1);
		else if (rawpci_engine_dispatch(rig->engine, 10) < 0)
			return false;
	}
	return atomic_load(count) >= least;
}

static inline bool until(atomic_uint *count, unsigned least)
{
	int64_t end = now_ms() + RIG_LIMIT_MS;

	while (atomic_load(count) < least && now_ms() < end)
		pause_ms(1);
	return atomic_load(count) >= least;
}

static inline void raise_fd(int fd)
{
	uint64_t one = 1;

	ck_assert_int_eq((int)write(fd, &one, sizeof(one)), (int)sizeof(one));
}

static inline int new_fd(void)
{
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline void counter_done(void *arg)
{
	struct counter *c = arg;

	atomic_fetch_add(&c->dones, 1);
}

static inline void counter_call(void *arg)
{
	struct counter *c = arg;

	atomic_fetch_add(&c->calls, 1);
}

static inline void counter_add_fd(struct counter *c, struct rig *rig, int fd, unsigned read_size,
				  void (*fn)(void *arg))
{
	struct rawpci_source_options options = {
		.fd = fd,
		.read_size = read_size,
		.fn = fn,
		.done = counter_done,
		.arg = c,
	};

	memset(c, 0, sizeof(*c));
	c->rig = rig;
	c->fd = fd;
	ck_assert_int_eq(rawpci_engine_add(rig->engine, &options, &c->source), 0);
}

static inline void counter_add(struct counter *c, struct rig *rig)
{
	counter_add_fd(c, rig, new_fd(), 0, counter_call);
}

static inline void counter_remove(struct counter *c)
{
	rawpci_engine_remove(c->rig->engine, c->source);
	ck_assert_uint_eq(atomic_load(&c->dones), 1);
	close(c->fd);
}

/* Returns when the engine has handled every earlier signal: it handles events in the order of the
 * signals. */
static inline void rig_settle(struct rig *rig)
{
	struct counter mark;

	counter_add(&mark, rig);
	for (unsigned i = 1; i <= 3; i++) {
		raise_fd(mark.fd);
		ck_assert(rig_until(rig, &mark.calls, i));
	}
	counter_remove(&mark);
}

static inline Suite *rig_suite(const char *name, TCase **tcase)
{
	Suite *suite = suite_create(name);

	*tcase = tcase_create(name);
	tcase_set_timeout(*tcase, 60);
	suite_add_tcase(suite, *tcase);
	return suite;
}

#endif
