/* SPDX-License-Identifier: MIT */
/*
 * What the engine's files share. Each file calls only the files below it:
 *
 *   engine.c            life of an engine, and the embedder's calls
 *   loop.c              the waiting thread: wait, handle, settle, change the poller
 *   source.c            the sources
 *   notify.c            waking the waiting thread, notes to the program
 *   uring.c, epoll.c    the pollers (poller.h)
 */
#ifndef RAWPCI_EVENT_ENGINE_H
#define RAWPCI_EVENT_ENGINE_H

#include <pthread.h>
#include <stdatomic.h>

#include "event/event.h"
#include "event/poller.h"

/* Tables of 32, 64, 128, ... sources, which never move: 131,040 in all. */
enum {
	RAWPCI_ENGINE_FIRST = 32,
	RAWPCI_ENGINE_TABLES = 12,
	RAWPCI_ENGINE_BATCH = 256,
};

/* User data of the command descriptor's poll. */
#define RAWPCI_ENGINE_COMMAND UINT64_MAX

/*
 * A source. Its memory is a slot of a table, and stays until the engine is destroyed. A slot that
 * is dead, not armed, not queued and not held is free: the next source gets it, with another
 * generation.
 */
struct rawpci_source {
	/* Generation * 2, + 1 once the source is dead. */
	atomic_uint_least64_t state;

	struct rawpci_source_options options; /* constant from add to the end of the generation */
	uint32_t index;

	/* Under the lock */
	struct rawpci_source *next; /* in the queue, or in the list of free ones */
	bool queued;                /* the waiting thread has to settle the source */
	bool armed;                 /* the poller has a poll of the source */
	bool held;                  /* rawpci_engine_remove() has not finished with the source */
	bool own;                   /* the source's own fn removed it, and has not returned */
	bool failed; /* the poller cannot wait for the descriptor: do not try again */
};

#define RAWPCI_SOURCE_DEAD UINT64_C(1)
#define RAWPCI_SOURCE_GENERATION UINT64_C(2)

struct rawpci_engine {
	struct rawpci_engine_options options;

	pthread_t thread;
	atomic_uintptr_t owner; /* the waiting thread's pthread_self(); 0: not known yet */
	atomic_bool pending;    /* the waiting thread has to settle; changed under the lock */
	atomic_bool stop;
	atomic_uint_least64_t handled;
	atomic_uint_least64_t waits;
	atomic_uint_least64_t rearmed;

	/* The source whose fn runs. The waiting thread announces the source here, then checks that
	 * the source is alive. The remover makes the source dead, then reads this. So one of the
	 * two sees the other. Both need a full memory barrier between their two steps. With
	 * asymmetric, the kernel makes both barriers for the remover, because interrupts are
	 * frequent and removals are not. */
	_Atomic(struct rawpci_source *) running;
	bool asymmetric;

	/* Of the waiting thread */
	bool started;
	bool dispatching;
	bool asked; /* another thread woke this one: rawpci_engine_dispatch() returns */
	struct rawpci_poll_event events[RAWPCI_ENGINE_BATCH];

	int command; /* an eventfd, non-zero while "signalled" */
	int outer;   /* for the embedder's loop: an epoll of command and the poller's fd */

	pthread_mutex_t lock; /* never held while calling out, nor while waiting for events */
	pthread_cond_t idle;  /* fn of a dead source has returned: its remover may go on */

	/* Under the lock */
	struct rawpci_poller *poller; /* changed by the waiting thread only */
	unsigned entries;             /* of the io_uring's completion queue */
	bool signalled;
	bool watch_wanted; /* rawpci_engine_fd() was called */
	bool watching;     /* outer has the poller's descriptor */
	bool command_armed;
	int unwatchable; /* the error of a descriptor that cannot be armed; not reported yet */
	unsigned armed;
	struct rawpci_source *queue_head;
	struct rawpci_source *queue_tail;
	struct rawpci_source *free;
	struct rawpci_source *tables[RAWPCI_ENGINE_TABLES];
	unsigned slots; /* in the tables */
};

/* notify.c */

/* Locked. Makes the waiting thread settle. */
void rawpci_engine_wake(struct rawpci_engine *engine);

/* Unlocked. Sends the program text, and in words the errno value behind it. */
void rawpci_engine_note(struct rawpci_engine *engine, int level, const char *text, int error);

/* source.c */

/* Locked. Lets the waiting thread arm or cancel the source when it settles next. */
void rawpci_source_enqueue(struct rawpci_engine *engine, struct rawpci_source *source);

/* Locked, waiting thread. Arms or cancels every queued source. An error is the poller's. */
int rawpci_source_settle(struct rawpci_engine *engine);

/* Locked, waiting thread. Queues every source to be armed again, after a change of the poller. */
void rawpci_source_orphan(struct rawpci_engine *engine);

/* Waiting thread. Handles one event. Returns whether it called fn, and counts the call in *counted
 * unless the source is uncounted. */
bool rawpci_source_event(struct rawpci_engine *engine, const struct rawpci_poll_event *event,
			 unsigned *counted);

/* loop.c */

/* Waiting thread; the first call makes the calling thread that. Starts the poller and settles.
 * Returns 0, or a negative errno value: neither io_uring nor epoll works. */
int rawpci_engine_start(struct rawpci_engine *engine);

/* Waiting thread. Waits once, handles the events and settles. Returns the number of handlers that
 * ran, or an error as rawpci_engine_start(). */
int rawpci_engine_turn(struct rawpci_engine *engine, int timeout_ms);

/* Waiting thread. Does what other threads and handlers have asked for. Returns as
 * rawpci_engine_start(). */
int rawpci_engine_settle(struct rawpci_engine *engine);

#endif
