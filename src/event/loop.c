/* SPDX-License-Identifier: MIT */
/* The waiting thread: it waits, handles events, settles, and changes the poller when it has to. */
#include "event/engine.h"

#include <errno.h>

#include <rawpci/log.h>

#include "os/epoll.h"
#include "os/sys.h"

enum {
	ENTRIES_MAX = 65536, /* the kernel's own limit */

	UNWATCHABLE = 1, /* the embedder wants a pollable descriptor, and the poller has none */
	CROWDED = 2,     /* there are more polls than the poller has room for */
};

/* Locked. Adds the poller to the embedder's descriptor. */
static int watch(struct rawpci_engine *engine)
{
	int r = rawpci_sys_epoll_add(engine->outer, engine->poller->fd, 0, true);

	engine->watching = r == 0;
	return r;
}

/* Does what other threads and handlers have asked for. Returns 0, UNWATCHABLE or CROWDED if another
 * poller is better, or a negative errno value: close this poller. */
static int settle(struct rawpci_engine *engine)
{
	struct rawpci_poller *poller = engine->poller;
	int unwatchable;
	int r = 0;

	pthread_mutex_lock(&engine->lock);
	if (engine->signalled) {
		rawpci_count(&engine->waits, 1);
		(void)rawpci_sys_drain(engine->command);
		engine->signalled = false;
		engine->asked = true;
	}
	if (engine->watch_wanted && !engine->watching)
		r = poller->fd < 0 ? UNWATCHABLE : watch(engine);
	if (r == 0 && !engine->command_armed) {
		r = poller->ops->arm(poller, engine->command, RAWPCI_ENGINE_COMMAND, false);
		engine->command_armed = r == 0;
	}
	if (r == 0)
		r = rawpci_source_settle(engine);
	if (r == 0)
		r = poller->ops->flush(poller);
	atomic_store(&engine->pending, r != 0);
	if (r == 0 && engine->armed > poller->capacity && engine->entries < ENTRIES_MAX &&
	    engine->options.cq_entries == 0)
		r = CROWDED;
	unwatchable = engine->unwatchable;
	engine->unwatchable = 0;
	pthread_mutex_unlock(&engine->lock);

	if (unwatchable < 0)
		rawpci_engine_note(engine, RAWPCI_LOG_ERROR,
				   "an interrupt's descriptor cannot be waited for", unwatchable);
	return r;
}

static int open_started(struct rawpci_engine *engine, bool uring, unsigned entries,
			struct rawpci_poller **out)
{
	struct rawpci_poller *poller;
	int r = uring ? rawpci_uring_open(!engine->options.embedder, entries, &engine->waits,
					  &poller)
		      : rawpci_epoll_open(&engine->waits, &poller);

	if (r < 0)
		return r;
	r = poller->ops->start(poller);
	if (r < 0)
		poller->ops->close(poller);
	else
		*out = poller;
	return r;
}

/* Arms everything again on another poller. A descriptor that was signalled meanwhile has its event
 * at once. */
static int move_to(struct rawpci_engine *engine, struct rawpci_poller *fresh)
{
	struct rawpci_poller *old = engine->poller;
	int r;

	pthread_mutex_lock(&engine->lock);
	engine->poller = fresh;
	engine->command_armed = false;
	engine->watching = false;
	rawpci_source_orphan(engine);
	pthread_mutex_unlock(&engine->lock);
	old->ops->close(old);
	r = settle(engine);
	return r < 0 ? r : 0;
}

/* Replaces a poller that has failed. */
static int recover(struct rawpci_engine *engine, int error)
{
	struct rawpci_poller *fresh;
	int r = -1;

	/* The ring lost completions for want of memory. A new ring will do. */
	if (error == -EBADR)
		r = open_started(engine, true, engine->entries, &fresh);
	if (r < 0) {
		rawpci_engine_note(engine, RAWPCI_LOG_WARNING,
				   "waiting for interrupts failed, so the library uses epoll",
				   error);
		r = open_started(engine, false, 0, &fresh);
	}
	return r < 0 ? r : move_to(engine, fresh);
}

/* Replaces the poller by one with a larger completion queue. In a full queue polls end, and the
 * engine arms them again: that is slower, but loses nothing. So an error here is not passed on. */
static int enlarge(struct rawpci_engine *engine)
{
	struct rawpci_poller *fresh;
	unsigned entries = engine->entries;
	int r;

	while (entries < ENTRIES_MAX && entries / 2 < engine->armed + engine->armed / 2)
		entries *= 2;
	r = open_started(engine, true, entries, &fresh);
	if (r < 0) {
		engine->entries = ENTRIES_MAX;
		rawpci_engine_note(engine, RAWPCI_LOG_WARNING,
				   "the completion queue for interrupts cannot be "
				   "enlarged, so each costs more",
				   r);
		return 0;
	}
	engine->entries = entries;
	return move_to(engine, fresh);
}

static int become_watchable(struct rawpci_engine *engine)
{
	struct rawpci_poller *fresh;
	int r = open_started(engine, false, 0, &fresh);

	return r < 0 ? r : move_to(engine, fresh);
}

int rawpci_engine_settle(struct rawpci_engine *engine)
{
	int r;

	if (!atomic_load_explicit(&engine->pending, memory_order_acquire))
		return 0;
	r = settle(engine);
	if (r == UNWATCHABLE)
		return become_watchable(engine);
	if (r == CROWDED)
		return enlarge(engine);
	return r < 0 ? recover(engine, r) : 0;
}

static void command_event(struct rawpci_engine *engine, const struct rawpci_poll_event *event)
{
	if (event->more)
		return;
	pthread_mutex_lock(&engine->lock);
	engine->command_armed = false;
	atomic_store(&engine->pending, true);
	pthread_mutex_unlock(&engine->lock);
}

int rawpci_engine_turn(struct rawpci_engine *engine, int timeout_ms)
{
	struct rawpci_poller *poller = engine->poller;
	unsigned counted = 0;
	bool ran = false;
	int n;
	int r;

	n = poller->ops->wait(poller, timeout_ms, engine->events, RAWPCI_ENGINE_BATCH);
	if (n < 0)
		return recover(engine, n);
	for (int i = 0; i < n; i++) {
		if (engine->events[i].user_data == RAWPCI_ENGINE_COMMAND)
			command_event(engine, &engine->events[i]);
		else
			ran |= rawpci_source_event(engine, &engine->events[i], &counted);
	}
	if (ran) {
		rawpci_count(&engine->handled, counted);
		if (engine->options.batch_end)
			engine->options.batch_end(engine->options.opaque);
	}
	/* This also does what the handlers asked for: rawpci_engine_wake() sends no signal for
	 * it. */
	r = rawpci_engine_settle(engine);
	return counted > 0 ? (int)counted : r;
}

int rawpci_engine_start(struct rawpci_engine *engine)
{
	int r;

	if (!engine->started) {
		r = engine->poller->ops->start(engine->poller);
		if (r < 0)
			r = recover(engine, r);
		if (r < 0)
			return r;
		engine->started = true;
	}
	return rawpci_engine_settle(engine);
}
