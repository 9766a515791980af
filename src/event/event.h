/* SPDX-License-Identifier: MIT */
/*
 * The interrupt engine waits for many descriptors and calls a function for each one that is
 * signalled. It knows nothing of devices.
 *
 * This header is all that other rooms may use of src/event. An engine owns one thread (unless the
 * embedder dispatches), its sources, its poller and a command eventfd. One lock guards them: struct
 * rawpci_engine's, in engine.h. The engine holds no lock while it calls out. The room uses os/sys.h
 * and os/epoll.h, and nothing else of the tree.
 */
#ifndef RAWPCI_EVENT_EVENT_H
#define RAWPCI_EVENT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rawpci_engine;
struct rawpci_source;

enum rawpci_engine_kind {
	RAWPCI_ENGINE_AUTO = 0, /* io_uring, or epoll if the kernel refuses io_uring */
	RAWPCI_ENGINE_URING,
	RAWPCI_ENGINE_EPOLL,
};

struct rawpci_engine_options {
	enum rawpci_engine_kind kind;
	bool embedder; /* no thread: the embedder calls rawpci_engine_dispatch() */

	/* The size of the io_uring's completion queue. 0: as large as the sources need. */
	unsigned cq_entries;

	/* Receives one line about a fallback or a failure. rawpci_engine_create() or the waiting
	 * thread calls it, without a lock. level is an enum rawpci_log_level. May be NULL. */
	void (*note)(void *opaque, int level, const char *message);
	/* The waiting thread calls it after each batch, without a lock. May be NULL. */
	void (*batch_end)(void *opaque);
	void *opaque;
};

struct rawpci_engine_stats {
	const char *name; /* "io_uring", "epoll" */
	uint64_t handled; /* calls of fn, without those of uncounted sources */
	uint64_t waits;   /* system calls made to wait and reap */
	uint64_t rearmed; /* polls that the kernel ended and the engine armed again */
};

/**
 * Creates an engine, and its thread unless options->embedder is set.
 * Returns 0, -ENOMEM, or another negative errno value: of the eventfd, of epoll, or with
 * RAWPCI_ENGINE_URING of the refused io_uring.
 */
int rawpci_engine_create(const struct rawpci_engine_options *options, struct rawpci_engine **out);

/* Requires: no source is left, and the caller is not a source's fn. NULL is fine. */
void rawpci_engine_destroy(struct rawpci_engine *engine);

struct rawpci_source_options {
	int fd; /* the caller's; must stay open until rawpci_engine_silence() has returned */

	/* 0: fd is an eventfd, which the engine never reads. Else the engine reads this many bytes
	 * before each call of fn (4 for a UIO descriptor). If it cannot, it does not call fn. */
	unsigned read_size;

	/* The work. The waiting thread calls it, without a lock. fn may add and remove sources,
	 * its own too. */
	void (*fn)(void *arg);

	/* The engine cannot wait for the descriptor or read it any more, because the device is gone,
	 * and calls this as it calls fn, for the last time. NULL: the engine notes the error. */
	void (*lost)(void *arg);

	/* The engine calls it once, without a lock, when fn is not running and will not run
	 * again: before rawpci_engine_remove() returns. If fn itself removes the source: after fn
	 * has returned. May be NULL. */
	void (*done)(void *arg);
	void *arg;

	bool uncounted; /* fn calls none of the program's handlers */
};

/**
 * Adds a source. If the descriptor is signalled already, or is signalled later, the engine calls
 * fn.
 *
 * Any thread may call it, and so may fn. Does not wait for the waiting thread.
 * Returns 0, -ENOMEM, -ENOSPC, or -EINVAL (read_size above 64).
 */
int rawpci_engine_add(struct rawpci_engine *engine, const struct rawpci_source_options *options,
		      struct rawpci_source **out);

/**
 * Makes the first half of rawpci_engine_remove(), which the caller has to call next. When it
 * returns, the engine no longer uses fd, and the caller may close fd. fn may be running, and the
 * engine may call it once more.
 *
 * Any thread may call it, and so may fn. Waits for no fn.
 */
void rawpci_engine_silence(struct rawpci_engine *engine, struct rawpci_source *source);

/**
 * Removes a source. When it returns, fn is not running and will not run, and the caller may close
 * fd. If the source's own fn calls it, it returns at once.
 *
 * Any thread may call it. Waits for no other source's fn. The pointer is dead afterwards.
 */
void rawpci_engine_remove(struct rawpci_engine *engine, struct rawpci_source *source);

/* Is the calling thread the one that calls every fn? */
bool rawpci_engine_is_owner(struct rawpci_engine *engine);

/* Is the source still there? fn may ask this about its own source: false once it is removed. */
bool rawpci_source_alive(const struct rawpci_source *source);

/* Returns a pollable descriptor, readable when dispatch has something to do. It stays the same.
 * Any thread may call it at any time. The engine changes to epoll, because an io_uring cannot be
 * nested in another loop. Returns -EOPNOTSUPP if the engine has a thread. */
int rawpci_engine_fd(struct rawpci_engine *engine);

/**
 * Calls every fn that is due, as rawpci_irq_dispatch() does (<rawpci/irq.h>).
 * Returns the number of calls of fn; -EPERM: another thread is the dispatching one; -EDEADLK: a
 * source's fn made this call; -EOPNOTSUPP: the engine has a thread; other errors: neither io_uring
 * nor epoll works any more.
 */
int rawpci_engine_dispatch(struct rawpci_engine *engine, int timeout_ms);

void rawpci_engine_stats(struct rawpci_engine *engine, struct rawpci_engine_stats *out);

#endif
