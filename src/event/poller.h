/* SPDX-License-Identifier: MIT */
/*
 * A poller waits for the engine's descriptors. It uses io_uring (uring.c) or epoll (epoll.c).
 *
 * A poller belongs to the thread that called start(). Only that thread calls arm, cancel, flush and
 * wait. The caller of a "Locked" function holds the engine's lock; such a function never blocks.
 */
#ifndef RAWPCI_EVENT_POLLER_H
#define RAWPCI_EVENT_POLLER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct rawpci_poller;

struct rawpci_poll_event {
	uint64_t user_data;
	int result; /* negative: the poll failed, and the descriptor was not signalled */
	bool more;  /* false: this is the last event of the poll */
};

/* No descriptor has this user data. Pollers use it for themselves and never report it. */
#define RAWPCI_POLL_NOBODY (UINT64_MAX - 1)

struct rawpci_poller_ops {
	/* Makes the calling thread the waiting thread. */
	int (*start)(struct rawpci_poller *poller);

	/* Locked. Starts a poll, at the latest with flush(). Edge: at least one event after each
	 * signal of fd, until the poll is cancelled. Level, for an fd that the engine reads: an
	 * event while fd is readable; the poll may end with that event. */
	int (*arm)(struct rawpci_poller *poller, int fd, uint64_t user_data, bool level);

	/* Locked. Ends a poll. Its last event comes later. */
	int (*cancel)(struct rawpci_poller *poller, uint64_t user_data);

	/* Locked, any thread. Ends a poll at once, without a last event. False: this poller cannot,
	 * so call cancel(). wait() may have returned events of the poll before. */
	bool (*drop)(struct rawpci_poller *poller, int fd);

	/* Locked. Hands every new poll and cancellation to the kernel. After an error, close
	 * the poller. */
	int (*flush)(struct rawpci_poller *poller);

	/* Waits until there are events (timeout_ms negative: without limit). Returns the number of
	 * events; 0 after a timeout or a signal. After an error, close the poller. */
	int (*wait)(struct rawpci_poller *poller, int timeout_ms, struct rawpci_poll_event *events,
		    unsigned max);

	/* Called by the waiting thread. If that was an embedder's thread, any thread may. */
	void (*close)(struct rawpci_poller *poller);
};

struct rawpci_poller {
	const struct rawpci_poller_ops *ops;
	const char *name;
	unsigned capacity; /* with so many polls the kernel never lacks room for events */
	atomic_uint_least64_t *waits; /* the poller counts its system calls here */

	/* Readable while wait() has something to return; -1: there is no such descriptor. An
	 * io_uring with deferred work has none: since Linux 6.3 that work does not wake a thread
	 * that polls the ring. An eventfd registered with the ring does not help. If the work came
	 * from an eventfd itself, the kernel signals it late, or from the second time on not at all
	 * (seen on 6.18). */
	int fd;
};

/* Only the waiting thread writes a counter, so that counting needs no locked instruction. */
static inline void rawpci_count(atomic_uint_least64_t *counter, unsigned n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

/* Can this process have an io_uring that does what the engine needs? Returns 0, or the error of
 * the step that failed. */
int rawpci_uring_probe(void);

/**
 * Opens an io_uring.
 * @own_thread: the waiting thread is one of the library
 * @entries: size of the completion queue
 */
int rawpci_uring_open(bool own_thread, unsigned entries, atomic_uint_least64_t *waits,
		      struct rawpci_poller **out);

/* Opens an epoll. Returns 0 or a negative errno value. */
int rawpci_epoll_open(atomic_uint_least64_t *waits, struct rawpci_poller **out);

#endif
