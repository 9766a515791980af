/* SPDX-License-Identifier: MIT */
/* The sources: adding them, arming them, calling their fn, and removing them while it may run. */
#include "event/engine.h"

#include <errno.h>
#include <stdlib.h>

#include <rawpci/log.h>

#include "os/sys.h"

enum { READ_MAX = 64 };

static struct rawpci_source *slot(struct rawpci_engine *engine, uint32_t index)
{
	uint32_t first = RAWPCI_ENGINE_FIRST;
	unsigned table = 31U - (unsigned)__builtin_clz(index / first + 1);

	return &engine->tables[table][index + first - (first << table)];
}

static uint64_t generation(const struct rawpci_source *source)
{
	return atomic_load(&source->state) / RAWPCI_SOURCE_GENERATION;
}

static uint64_t user_data(const struct rawpci_source *source)
{
	return generation(source) << 32 | source->index;
}

bool rawpci_source_alive(const struct rawpci_source *source)
{
	return !(atomic_load(&source->state) & RAWPCI_SOURCE_DEAD);
}

static int grow(struct rawpci_engine *engine)
{
	unsigned table = 0;
	unsigned count;
	struct rawpci_source *sources;

	while (table < RAWPCI_ENGINE_TABLES && engine->tables[table])
		table++;
	if (table == RAWPCI_ENGINE_TABLES)
		return -ENOSPC;
	count = (unsigned)RAWPCI_ENGINE_FIRST << table;
	sources = calloc(count, sizeof(*sources));
	if (!sources)
		return -ENOMEM;
	engine->tables[table] = sources;
	for (unsigned i = count; i-- > 0;) {
		sources[i].index = engine->slots + i;
		atomic_init(&sources[i].state, RAWPCI_SOURCE_DEAD);
		sources[i].next = engine->free;
		engine->free = &sources[i];
	}
	engine->slots += count;
	return 0;
}

/* The generation changes here. So rawpci_source_event() recognises a late event of the slot's last
 * source. */
static void free_unused(struct rawpci_engine *engine, struct rawpci_source *source)
{
	if (source->armed || source->queued || source->held)
		return;
	atomic_store(&source->state,
		     ((generation(source) + 1) & UINT32_MAX) * RAWPCI_SOURCE_GENERATION |
			     RAWPCI_SOURCE_DEAD);
	source->next = engine->free;
	engine->free = source;
}

void rawpci_source_enqueue(struct rawpci_engine *engine, struct rawpci_source *source)
{
	if (!source->queued) {
		source->queued = true;
		source->next = NULL;
		if (engine->queue_tail)
			engine->queue_tail->next = source;
		else
			engine->queue_head = source;
		engine->queue_tail = source;
	}
	rawpci_engine_wake(engine);
}

static struct rawpci_source *dequeue(struct rawpci_engine *engine)
{
	struct rawpci_source *source = engine->queue_head;

	if (!source)
		return NULL;
	engine->queue_head = source->next;
	if (!engine->queue_head)
		engine->queue_tail = NULL;
	source->queued = false;
	return source;
}

static void disarmed(struct rawpci_engine *engine, struct rawpci_source *source)
{
	source->armed = false;
	engine->armed--;
}

int rawpci_engine_add(struct rawpci_engine *engine, const struct rawpci_source_options *options,
		      struct rawpci_source **out)
{
	struct rawpci_source *source;
	int r = 0;

	if (options->read_size > READ_MAX)
		return -EINVAL;
	pthread_mutex_lock(&engine->lock);
	if (!engine->free)
		r = grow(engine);
	if (r == 0) {
		source = engine->free;
		engine->free = source->next;
		source->options = *options;
		source->own = false;
		source->failed = false;
		atomic_store(&source->state, generation(source) * RAWPCI_SOURCE_GENERATION);
		*out = source;
		rawpci_source_enqueue(engine, source);
	}
	pthread_mutex_unlock(&engine->lock);
	return r;
}

/* Locked. Ends the poll before the caller closes the descriptor. */
static void disarm(struct rawpci_engine *engine, struct rawpci_source *source)
{
	if (!source->armed)
		return;
	if (engine->poller->ops->drop(engine->poller, source->options.fd))
		disarmed(engine, source);
	else
		rawpci_source_enqueue(engine, source);
}

/* Called after the source was made dead. True: fn is running, or about to run without having seen
 * that the source is dead. */
static bool running(struct rawpci_engine *engine, const struct rawpci_source *source)
{
	return atomic_load(&engine->running) == source;
}

static void barrier(struct rawpci_engine *engine)
{
	/* A sandbox may forbid the barrier after the engine prepared it. Every store of the waiting
	 * thread is visible after a millisecond. */
	if (engine->asymmetric && rawpci_sys_barrier() < 0)
		rawpci_sys_sleep_ms(1);
}

/* Locked. */
static void silence(struct rawpci_engine *engine, struct rawpci_source *source)
{
	if (!rawpci_source_alive(source))
		return;
	source->held = true;
	atomic_fetch_or(&source->state, RAWPCI_SOURCE_DEAD);
	disarm(engine, source);
}

void rawpci_engine_silence(struct rawpci_engine *engine, struct rawpci_source *source)
{
	pthread_mutex_lock(&engine->lock);
	silence(engine, source);
	pthread_mutex_unlock(&engine->lock);
}

void rawpci_engine_remove(struct rawpci_engine *engine, struct rawpci_source *source)
{
	struct rawpci_source_options options;

	pthread_mutex_lock(&engine->lock);
	options = source->options;
	silence(engine, source);
	if (!rawpci_engine_is_owner(engine)) {
		barrier(engine);
		while (running(engine, source))
			pthread_cond_wait(&engine->idle, &engine->lock);
	} else if (running(engine, source)) {
		source->own = true;
		pthread_mutex_unlock(&engine->lock);
		return;
	}
	source->held = false;
	free_unused(engine, source);
	pthread_mutex_unlock(&engine->lock);
	if (options.done)
		options.done(options.arg);
}

/* An alive source is armed under the lock. The remover closes the descriptor only after it has held
 * the lock, so the descriptor is still open here. */
int rawpci_source_settle(struct rawpci_engine *engine)
{
	struct rawpci_poller *poller = engine->poller;
	struct rawpci_source *source;
	int r = 0;

	while (r == 0 && (source = dequeue(engine))) {
		const struct rawpci_source_options *options = &source->options;
		bool alive = rawpci_source_alive(source);

		if (alive && !source->failed && !source->armed) {
			r = poller->ops->arm(poller, options->fd, user_data(source),
					     options->read_size > 0);
			source->armed = r == 0;
			engine->armed += r == 0;
			if (r < 0 && poller->ops->flush(poller) == 0) {
				source->failed = true;
				engine->unwatchable = r;
				r = 0;
			}
		} else if (source->armed && !(alive && !source->failed)) {
			r = poller->ops->cancel(poller, user_data(source));
		} else if (!alive) {
			free_unused(engine, source);
		}
	}
	return r;
}

void rawpci_source_orphan(struct rawpci_engine *engine)
{
	for (uint32_t i = 0; i < engine->slots; i++) {
		struct rawpci_source *source = slot(engine, i);

		bool armed = source->armed;

		if (armed)
			disarmed(engine, source);
		if (rawpci_source_alive(source))
			rawpci_source_enqueue(engine, source);
		else if (armed)
			free_unused(engine, source);
	}
}

/* The kernel may end a poll itself, for instance when the completion queue is full. Arming it again
 * is enough: a descriptor that was signalled meanwhile has its event at once. True: the source is
 * alive and cannot be waited for any more. */
static bool poll_ended(struct rawpci_engine *engine, struct rawpci_source *source, int result)
{
	bool again = result >= 0 || result == -ECANCELED || result == -ENOMEM || result == -EAGAIN;
	bool alive;

	pthread_mutex_lock(&engine->lock);
	disarmed(engine, source);
	alive = rawpci_source_alive(source);
	if (!alive) {
		free_unused(engine, source);
	} else if (!again) {
		source->failed = true;
	} else if (!source->failed) {
		rawpci_source_enqueue(engine, source);
		if (source->options.read_size == 0)
			rawpci_count(&engine->rearmed, 1);
	}
	pthread_mutex_unlock(&engine->lock);
	return alive && !again;
}

/* Announced as running. */
static void lose(struct rawpci_engine *engine, struct rawpci_source *source, const char *text,
		 int error)
{
	if (source->options.lost)
		source->options.lost(source->options.arg);
	else
		rawpci_engine_note(engine, RAWPCI_LOG_ERROR, text, error);
}

/* Reads read_size bytes before the call of fn. False: the descriptor has none. An alive source is
 * read under the lock: once the remover has held the lock, the descriptor's number may be another
 * file's. */
static bool take(struct rawpci_engine *engine, struct rawpci_source *source, uint64_t alive)
{
	unsigned char bytes[READ_MAX];
	int r = -EAGAIN;

	pthread_mutex_lock(&engine->lock);
	if (atomic_load(&source->state) == alive)
		r = rawpci_sys_read_event(source->options.fd, bytes, source->options.read_size);
	if (r < 0 && r != -EAGAIN) {
		/* The device is gone. Its descriptor would stay readable for ever. */
		source->failed = true;
		disarm(engine, source);
	}
	pthread_mutex_unlock(&engine->lock);
	if (r == 0 || r == -EAGAIN)
		return r == 0;
	lose(engine, source, "an interrupt's descriptor cannot be read any more", r);
	return false;
}

static void released_dead(struct rawpci_engine *engine, struct rawpci_source *source)
{
	struct rawpci_source_options options = { .done = NULL };

	pthread_mutex_lock(&engine->lock);
	/* If another thread removed the source, own is false, also if the slot has a new source. */
	if (source->own) {
		options = source->options;
		source->own = false;
		source->held = false;
		free_unused(engine, source);
	}
	pthread_cond_broadcast(&engine->idle);
	pthread_mutex_unlock(&engine->lock);
	if (options.done)
		options.done(options.arg);
}

static void announce(struct rawpci_engine *engine, struct rawpci_source *source)
{
	if (engine->asymmetric) {
		atomic_store_explicit(&engine->running, source, memory_order_release);
		atomic_signal_fence(memory_order_seq_cst);
	} else {
		atomic_exchange(&engine->running, source);
	}
}

bool rawpci_source_event(struct rawpci_engine *engine, const struct rawpci_poll_event *event,
			 unsigned *counted)
{
	struct rawpci_source *source = slot(engine, (uint32_t)event->user_data);
	uint64_t alive = (event->user_data >> 32) * RAWPCI_SOURCE_GENERATION;
	const bool failed = !event->more && poll_ended(engine, source, event->result);
	bool current, ran = false;

	if (event->result < 0 && !failed)
		return false;
	announce(engine, source);
	/* Another state: the source was removed, or the event is an earlier source's of the
	 * slot. */
	current = atomic_load(&source->state) == alive;
	if (current && failed) {
		lose(engine, source, "an interrupt's descriptor cannot be waited for",
		     event->result);
	} else if (current && (source->options.read_size == 0 || take(engine, source, alive))) {
		source->options.fn(source->options.arg);
		ran = true;
		*counted += source->options.uncounted ? 0 : 1;
	}
	announce(engine, NULL);
	if (atomic_load(&source->state) & RAWPCI_SOURCE_DEAD)
		released_dead(engine, source);
	return ran;
}
