/* SPDX-License-Identifier: MIT */
/* Life of an engine: creating and destroying it, and the calls of an embedder that dispatches. */
#include "event/engine.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include <rawpci/log.h>

#include "os/epoll.h"
#include "os/sys.h"

enum {
	ENTRIES_FIRST = 1024,
	RETRY_MS = 100,
};

static void *thread_main(void *arg)
{
	struct rawpci_engine *engine = arg;
	int r;

	(void)pthread_setname_np(pthread_self(), "rawpci-irq");
	atomic_store(&engine->owner, (uintptr_t)pthread_self());
	engine->dispatching = true;
	for (;;) {
		r = rawpci_engine_start(engine);
		/* Check stop only now: starting may have taken the signal that came with stop. */
		if (atomic_load(&engine->stop))
			break;
		if (r == 0)
			r = rawpci_engine_turn(engine, -1);
		/* Neither io_uring nor epoll works, for instance for want of descriptors. */
		if (r < 0)
			rawpci_sys_sleep_ms(RETRY_MS);
	}
	/* Cancel the polls of sources removed just now, so that the kernel releases their files. */
	(void)rawpci_engine_settle(engine);
	/* Close the poller here, because the ring is registered with this thread. */
	engine->poller->ops->close(engine->poller);
	engine->poller = NULL;
	return NULL;
}

static int start_thread(struct rawpci_engine *engine)
{
	sigset_t all;
	sigset_t old;
	int r;

	sigfillset(&all);
	/* The thread inherits the mask, so it never takes one of the program's signals. */
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&engine->thread, NULL, thread_main, engine);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return r != 0 ? -ENOMEM : 0;
}

static int open_outer(struct rawpci_engine *engine)
{
	int fd = rawpci_sys_epoll();

	if (fd < 0)
		return fd;
	engine->outer = fd;
	return rawpci_sys_epoll_add(engine->outer, engine->command, 0, true);
}

static int open_poller(struct rawpci_engine *engine)
{
	enum rawpci_engine_kind kind = engine->options.kind;
	int r;

	if (kind != RAWPCI_ENGINE_EPOLL) {
		r = rawpci_uring_probe();
		if (r == 0)
			r = rawpci_uring_open(!engine->options.embedder, engine->entries,
					      &engine->waits, &engine->poller);
		if (r == 0 || kind == RAWPCI_ENGINE_URING)
			return r;
		rawpci_engine_note(
			engine, RAWPCI_LOG_INFO,
			r == -EPERM
				? "io_uring is forbidden here (kernel.io_uring_disabled or a seccomp "
				  "filter), so the library uses epoll"
				: "io_uring is refused, so the library uses epoll",
			r);
	}
	return rawpci_epoll_open(&engine->waits, &engine->poller);
}

static void free_engine(struct rawpci_engine *engine)
{
	if (engine->poller)
		engine->poller->ops->close(engine->poller);
	for (unsigned i = 0; i < RAWPCI_ENGINE_TABLES; i++)
		free(engine->tables[i]);
	rawpci_sys_close(&engine->outer);
	rawpci_sys_close(&engine->command);
	(void)pthread_cond_destroy(&engine->idle);
	(void)pthread_mutex_destroy(&engine->lock);
	free(engine);
}

int rawpci_engine_create(const struct rawpci_engine_options *options, struct rawpci_engine **out)
{
	struct rawpci_engine *engine = calloc(1, sizeof(*engine));
	int r;

	if (!engine)
		return -ENOMEM;
	engine->options = *options;
	engine->entries = options->cq_entries > 0 ? options->cq_entries : ENTRIES_FIRST;
	engine->outer = -1;
	engine->asymmetric = rawpci_sys_barrier_prepare() == 0;
	(void)pthread_mutex_init(&engine->lock, NULL);
	(void)pthread_cond_init(&engine->idle, NULL);
	atomic_init(&engine->pending, true); /* the command descriptor is not armed yet */
	engine->command = rawpci_sys_eventfd();
	r = engine->command < 0 ? engine->command : 0;
	if (r == 0 && options->embedder)
		r = open_outer(engine);
	if (r == 0)
		r = open_poller(engine);
	if (r == 0 && !options->embedder)
		r = start_thread(engine);
	if (r == 0) {
		*out = engine;
		return 0;
	}
	free_engine(engine);
	return r;
}

void rawpci_engine_destroy(struct rawpci_engine *engine)
{
	if (!engine)
		return;
	if (!engine->options.embedder) {
		pthread_mutex_lock(&engine->lock);
		atomic_store(&engine->stop, true);
		rawpci_engine_wake(engine);
		pthread_mutex_unlock(&engine->lock);
		(void)pthread_join(engine->thread, NULL);
	}
	free_engine(engine);
}

int rawpci_engine_fd(struct rawpci_engine *engine)
{
	if (!engine->options.embedder)
		return -EOPNOTSUPP;
	/* An embedder's loop cannot watch an io_uring. So the engine keeps io_uring until the
	 * embedder asks for a descriptor. */
	pthread_mutex_lock(&engine->lock);
	if (!engine->watch_wanted) {
		engine->watch_wanted = true;
		rawpci_engine_wake(engine);
	}
	pthread_mutex_unlock(&engine->lock);
	return engine->outer;
}

static int dispatch(struct rawpci_engine *engine, int timeout_ms)
{
	uint64_t end = timeout_ms > 0 ? rawpci_sys_now_ms() + (unsigned)timeout_ms : 0;
	int r = rawpci_engine_start(engine);

	engine->asked = false;
	while (r == 0) {
		r = rawpci_engine_turn(engine, timeout_ms);
		if (r != 0 || engine->asked || timeout_ms == 0)
			break;
		if (timeout_ms > 0) {
			uint64_t now = rawpci_sys_now_ms();

			if (now >= end)
				break;
			timeout_ms = (int)(end - now);
		}
	}
	return r;
}

int rawpci_engine_dispatch(struct rawpci_engine *engine, int timeout_ms)
{
	uintptr_t no_owner = 0;
	int r;

	if (!engine->options.embedder)
		return -EOPNOTSUPP;
	if (!rawpci_engine_is_owner(engine) &&
	    !atomic_compare_exchange_strong(&engine->owner, &no_owner, (uintptr_t)pthread_self()))
		return -EPERM;
	if (engine->dispatching)
		return -EDEADLK;
	engine->dispatching = true;
	r = dispatch(engine, timeout_ms);
	engine->dispatching = false;
	return r;
}

void rawpci_engine_stats(struct rawpci_engine *engine, struct rawpci_engine_stats *out)
{
	pthread_mutex_lock(&engine->lock);
	out->name = engine->poller->name;
	pthread_mutex_unlock(&engine->lock);
	out->handled = atomic_load_explicit(&engine->handled, memory_order_relaxed);
	out->waits = atomic_load_explicit(&engine->waits, memory_order_relaxed);
	out->rearmed = atomic_load_explicit(&engine->rearmed, memory_order_relaxed);
}
