/* SPDX-License-Identifier: MIT */
/*
 * What the engine waits with. Two implementations: io_uring (uring.c) and epoll (epoll.c).
 *
 * A poller belongs to the thread that called start(): arm, cancel, flush and wait are called there
 * only. "Locked" functions are called with the engine's lock held and never block.
 */
#ifndef RAWPCI_EVENT_POLLER_H
#define RAWPCI_EVENT_POLLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rawpci_poller;

struct rawpci_poll_event {
	uint64_t user_data;
	int result; /* negative: the poll failed, and nothing was signalled */
	bool more;  /* the poll goes on; else this is the last event of it */
};

/* The user data of no descriptor: pollers use it for themselves and never report it. */
#define RAWPCI_POLL_NOBODY (UINT64_MAX - 1)

struct rawpci_poller_ops {
	/* Makes the calling thread the owner. */
	int (*start)(struct rawpci_poller *poller);

	/* Locked. Starts a poll, at the latest with flush(). Edge: one event at least for each time
	 * fd was signalled since the last event, until cancelled. Level (fd is read by the engine):
	 * an event while fd is readable; the poll may end with it. */
	int (*arm)(struct rawpci_poller *poller, int fd, uint64_t user_data, bool level);

	/* Locked. Ends a poll: a last event comes later. */
	int (*cancel)(struct rawpci_poller *poller, uint64_t user_data);

	/* Locked, any thread. Ends a poll at once, without a last event. False: it cannot, use
	 * cancel(). Events that wait() has returned already are not taken back. */
	bool (*drop)(struct rawpci_poller *poller, int fd);

	/* Locked. Hands what was asked for to the kernel. An error: the poller is of no
	 * more use. */
	int (*flush)(struct rawpci_poller *poller);

	/* Waits until there are events (timeout_ms negative: without limit). Returns their number,
	 * 0 also when it was interrupted. An error: the poller is of no more use. */
	int (*wait)(struct rawpci_poller *poller, int timeout_ms, struct rawpci_poll_event *events,
		    unsigned max);

	/* By the owner; by any thread where the owner is gone and was not a library thread. */
	void (*close)(struct rawpci_poller *poller);
};

struct rawpci_poller {
	const struct rawpci_poller_ops *ops;
	const char *name;
	unsigned capacity;             /* polls for which no event is ever crowded out */
	atomic_uint_least64_t *waits;  /* system calls are counted here */

	/* Readable while wait() has something to return; -1: cannot be. An io_uring with deferred
	 * work cannot: since Linux 6.3 that work does not wake who polls the ring, and an eventfd
	 * registered with the ring is signalled late or, from the second time on, not at all when
	 * the work itself came from an eventfd (seen on 6.18). */
	int fd;
};

/* Only the owner writes a counter, so that counting needs no locked instruction. */
static inline void rawpci_count(atomic_uint_least64_t *counter, unsigned n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Does this process get an io_uring that does what the engine needs? Returns 0 or what refused. */
int rawpci_uring_probe(void);

/**
 * Opens an io_uring.
 * @own_thread: the owner is a thread of the library
 * @entries: of the completion queue
 */
int rawpci_uring_open(bool own_thread, unsigned entries, atomic_uint_least64_t *waits,
		      struct rawpci_poller **out);

int rawpci_epoll_open(atomic_uint_least64_t *waits, struct rawpci_poller **out);

#endif
