/* SPDX-License-Identifier: MIT */
/*
 * The interrupt engine: waits for many descriptors, calls a function for each that was signalled.
 * It knows nothing of devices.
 */
#ifndef RAWPCI_EVENT_EVENT_H
#define RAWPCI_EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rawpci_engine;
struct rawpci_source;

enum rawpci_engine_kind {
	RAWPCI_ENGINE_AUTO = 0, /* io_uring, or epoll where io_uring is refused */
	RAWPCI_ENGINE_URING,
	RAWPCI_ENGINE_EPOLL,
};

struct rawpci_engine_options {
	enum rawpci_engine_kind kind;
	bool embedder; /* no thread: rawpci_engine_dispatch() is called by the embedder */

	/* The size of the io_uring's completion queue. 0: as large as the sources need. */
	unsigned cq_entries;

	/* Called in rawpci_engine_create() or in the waiting thread, without a lock: one line about
	 * a fallback or a failure. level is an enum rawpci_log_level. May be NULL. */
	void (*note)(void *opaque, int level, const char *message);
	/* Called in the waiting thread after each batch, without a lock; may be NULL. */
	void (*batch_end)(void *opaque);
	void *opaque;
};

struct rawpci_engine_stats {
	const char *name;  /* "io_uring", "epoll" */
	uint64_t handled;  /* calls of sources' functions but uncounted ones */
	uint64_t waits;    /* system calls made to wait and reap */
	uint64_t rearmed;  /* polls that the kernel ended and that were armed again */
};

/**
 * Creates an engine, with its thread unless embedder.
 * Returns 0, -ENOMEM, -ENOSPC (descriptors), or with RAWPCI_ENGINE_URING what refused io_uring.
 */
int rawpci_engine_create(const struct rawpci_engine_options *options, struct rawpci_engine **out);

/* Requires: no source is left, and not called from a source's function. NULL is fine. */
void rawpci_engine_destroy(struct rawpci_engine *engine);

struct rawpci_source_options {
	int fd; /* the caller's; must stay open until rawpci_engine_silence() has returned */

	/* 0: an eventfd, which is never read. Else: so many bytes are read before each call of fn,
	 * and there is no call where they cannot be (a UIO descriptor: 4). */
	unsigned read_size;

	/* The work. Runs in the waiting thread without a lock. May add and remove sources, also
	 * its own. */
	void (*fn)(void *arg);

	/* Called once, without a lock, when fn is not running and will not run again: before
	 * rawpci_engine_remove() returns, or, where that was called from fn, after fn has. NULL:
	 * nothing. */
	void (*done)(void *arg);
	void *arg;

	bool uncounted; /* fn calls no handler of the program's */
};

/**
 * Adds a source. A descriptor that is signalled already, or becomes so from now on, leads to a call
 * of fn.
 *
 * Any thread, also from fn. Does not wait for the waiting thread.
 * Returns 0, -ENOMEM, -ENOSPC, or -EINVAL (read_size above 64).
 */
int rawpci_engine_add(struct rawpci_engine *engine, const struct rawpci_source_options *options,
		      struct rawpci_source **out);

/**
 * The first half of rawpci_engine_remove(), which has to follow. When it returns, fd is not looked
 * at any more and may be closed. fn may be running, and may still be called once.
 *
 * Any thread, also from fn. Waits for no fn.
 */
void rawpci_engine_silence(struct rawpci_engine *engine, struct rawpci_source *source);

/**
 * Removes a source. When it returns, fn is not running and will not run, and fd may be closed;
 * called from the source's own fn, it returns at once.
 *
 * Any thread. Waits for no other source's fn. The pointer is dead afterwards.
 */
void rawpci_engine_remove(struct rawpci_engine *engine, struct rawpci_source *source);

/* Is the calling thread the one that runs sources' functions? */
bool rawpci_engine_is_owner(struct rawpci_engine *engine);

/* Was it not removed? For fn, about its own source. */
bool rawpci_source_alive(const struct rawpci_source *source);

/* A pollable descriptor, readable when dispatch has something to do; embedder engines only, else
 * -EOPNOTSUPP. Any thread, any time; stays the same. Makes the engine one of epoll: an io_uring
 * cannot be nested in another loop. */
int rawpci_engine_fd(struct rawpci_engine *engine);

/**
 * Runs what is due; embedder engines only. As rawpci_irq_dispatch() (<rawpci/irq.h>).
 * Returns the number of calls of fn; -EPERM: another thread is the dispatching one; -EDEADLK:
 * called from fn; -EOPNOTSUPP: the engine has a thread; other errors: nothing is left to wait with.
 */
int rawpci_engine_dispatch(struct rawpci_engine *engine, int timeout_ms);

void rawpci_engine_stats(struct rawpci_engine *engine, struct rawpci_engine_stats *out);

#endif
