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
 * A source. Its memory stays until the engine goes; a slot is used again, with another generation,
 * once nobody needs it: it is dead, not armed, not queued and not held.
 */
struct rawpci_source {
	/* Generation * 2, + 1 when it is dead. */
	atomic_uint_least64_t state;

	struct rawpci_source_options options; /* constant from add to the end of the generation */
	uint32_t index;

	/* Under the lock */
	struct rawpci_source *next; /* in the queue, or in the list of free ones */
	bool queued;  /* the waiting thread is to look at it */
	bool armed;   /* the poller has a poll of it */
	bool held;    /* rawpci_engine_remove() is not through with it */
	bool own;     /* ... and was called from its fn, which has not returned */
	bool failed;  /* its descriptor cannot be waited for: do not try again */
};

#define RAWPCI_SOURCE_DEAD UINT64_C(1)
#define RAWPCI_SOURCE_GENERATION UINT64_C(2)

struct rawpci_engine {
	struct rawpci_engine_options options;

	pthread_t thread;
	atomic_uintptr_t owner; /* the waiting thread's pthread_self(); 0: not known yet */
	atomic_bool pending;    /* there is something to settle; changed under the lock */
	atomic_bool stop;
	atomic_uint_least64_t handled;
	atomic_uint_least64_t waits;
	atomic_uint_least64_t rearmed;

	/* The source whose fn runs. The waiting thread announces it here, then looks whether it is
	 * alive; who removes a source makes it dead, then looks here: so one of the two sees the
	 * other. That takes a full memory barrier between the two steps on both sides; where the
	 * kernel can, the remover has it made on both (asymmetric), because interrupts are frequent
	 * and removals are not. */
	_Atomic(struct rawpci_source *) running;
	bool asymmetric;

	/* Of the waiting thread */
	bool started;
	bool dispatching;
	bool asked; /* another thread has changed something; for rawpci_engine_dispatch() */
	struct rawpci_poll_event events[RAWPCI_ENGINE_BATCH];

	int command; /* an eventfd, non-zero while "signalled" */
	int outer;   /* for the embedder's loop: an epoll of command and the poller's fd */

	pthread_mutex_t lock; /* never held while calling out, nor while waiting for events */
	pthread_cond_t idle;  /* fn of a source that somebody waits for has returned */

	/* Under the lock */
	struct rawpci_poller *poller; /* changed by the waiting thread only */
	unsigned entries;             /* of the io_uring's completion queue */
	bool signalled;
	bool watch_wanted; /* rawpci_engine_fd() was called */
	bool watching;     /* outer has the poller's descriptor */
	bool command_armed;
	int unwatchable; /* why a descriptor could not be armed, not reported yet */
	unsigned armed;
	struct rawpci_source *queue_head;
	struct rawpci_source *queue_tail;
	struct rawpci_source *free;
	struct rawpci_source *tables[RAWPCI_ENGINE_TABLES];
	unsigned slots; /* in the tables */
};

/* notify.c */

/* Locked. Makes the waiting thread settle what is queued. */
void rawpci_engine_wake(struct rawpci_engine *engine);

void rawpci_engine_note(struct rawpci_engine *engine, int level, const char *text, int error);

/* source.c */

/* Locked. */
void rawpci_source_enqueue(struct rawpci_engine *engine, struct rawpci_source *source);

/* Locked, waiting thread. Arms or cancels what is queued. An error is the poller's. */
int rawpci_source_settle(struct rawpci_engine *engine);

/* Locked, waiting thread. The poller has been replaced: everything is to be armed again. */
void rawpci_source_orphan(struct rawpci_engine *engine);

/* Waiting thread. Was fn called? Counts it, unless it is an uncounted one. */
bool rawpci_source_event(struct rawpci_engine *engine, const struct rawpci_poll_event *event,
			 unsigned *counted);

/* loop.c */

/* Waiting thread: the first time makes it that. Returns 0 or why nothing can be waited for. */
int rawpci_engine_start(struct rawpci_engine *engine);

/* Waiting thread. Waits once and handles what came. Returns how many times handlers ran, or why
 * nothing can be waited for. */
int rawpci_engine_turn(struct rawpci_engine *engine, int timeout_ms);

/* Waiting thread. Does what was asked for. Returns 0 or why nothing can be waited for. */
int rawpci_engine_settle(struct rawpci_engine *engine);

#endif
