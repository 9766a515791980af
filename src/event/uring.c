/* SPDX-License-Identifier: MIT */
/*
 * The poller that waits with io_uring: one multishot poll a descriptor. Such a poll is
 * edge-triggered: each signal of an eventfd gives a completion, although the engine never reads the
 * eventfd. liburing makes io_uring's system calls; they are the only ones made outside src/os.
 */
#include "event/poller.h"

#include <errno.h>
#include <liburing.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "os/sys.h"

enum {
	SQ_ENTRIES = 64,
	HOLD = 256,
	NEEDED = IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG,
};

struct uring {
	struct rawpci_poller base;
	struct io_uring ring;
	bool own_thread;
	bool registered; /* the ring's descriptor, with the owner thread */

	/* Since 6.13 Linux runs at most max(20, min_complete) pieces of deferred work in one
	 * io_uring_enter(). min_complete also counts completions that the program has not given
	 * back. So this poller holds back some handled completions: then min_complete is large, the
	 * call still waits for one new completion only, and it reaps a whole batch. */
	unsigned held;
	unsigned hold;
};

static struct uring *of(struct rawpci_poller *poller)
{
	return (struct uring *)poller;
}

static int uring_start(struct rawpci_poller *poller)
{
	struct uring *u = of(poller);
	int r = io_uring_register((unsigned)u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

	if (r < 0)
		return r;
	/* The registration belongs to the thread. An embedder's thread may end before the ring. */
	if (u->own_thread)
		u->registered = io_uring_register_ring_fd(&u->ring) == 1;
	return 0;
}

static int uring_flush(struct rawpci_poller *poller)
{
	struct uring *u = of(poller);

	/* The kernel stops at a faulty entry. The entries behind it need another call. */
	while (io_uring_sq_ready(&u->ring) > 0) {
		int r = io_uring_submit(&u->ring);

		rawpci_count(poller->waits, 1);
		if (r == -EINTR)
			continue;
		if (r <= 0)
			return r < 0 ? r : -EIO;
	}
	return 0;
}

static struct io_uring_sqe *next_sqe(struct uring *u)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

	if (!sqe && uring_flush(&u->base) == 0)
		sqe = io_uring_get_sqe(&u->ring);
	return sqe;
}

static int uring_arm(struct rawpci_poller *poller, int fd, uint64_t user_data, bool level)
{
	struct io_uring_sqe *sqe = next_sqe(of(poller));

	if (!sqe)
		return -EBUSY;
	if (level)
		io_uring_prep_poll_add(sqe, fd, POLLIN);
	else
		io_uring_prep_poll_multishot(sqe, fd, POLLIN);
	sqe->user_data = user_data;
	return 0;
}

/* A cancellation, not a poll removal: while the kernel handles an event of the poll, a removal
 * fails with -EALREADY and the poll goes on. */
static int uring_cancel(struct rawpci_poller *poller, uint64_t user_data)
{
	struct io_uring_sqe *sqe = next_sqe(of(poller));

	if (!sqe)
		return -EBUSY;
	io_uring_prep_cancel64(sqe, user_data, 0);
	sqe->user_data = RAWPCI_POLL_NOBODY;
	return 0;
}

static bool uring_drop(struct rawpci_poller *poller, int fd)
{
	(void)poller;
	(void)fd;
	return false;
}

static unsigned reap(struct uring *u, struct rawpci_poll_event *events, unsigned max)
{
	unsigned ready = io_uring_cq_ready(&u->ring) - u->held;
	unsigned head = *u->ring.cq.khead + u->held;
	unsigned taken = 0;
	unsigned n = 0;

	for (; taken < ready && n < max; taken++) {
		const struct io_uring_cqe *cqe =
			&u->ring.cq.cqes[(head + taken) & u->ring.cq.ring_mask];

		if (cqe->user_data == RAWPCI_POLL_NOBODY)
			continue;
		events[n].user_data = cqe->user_data;
		events[n].result = cqe->res;
		events[n].more = (cqe->flags & IORING_CQE_F_MORE) != 0;
		n++;
	}
	u->held += taken;
	if (u->held > u->hold) {
		io_uring_cq_advance(&u->ring, u->held - u->hold);
		u->held = u->hold;
	}
	return n;
}

/* Does the kernel have completions that reach the queue only with an io_uring_enter()? */
static bool work_waits(struct uring *u)
{
	if (!(u->ring.flags & IORING_SETUP_TASKRUN_FLAG))
		return true;
	return IO_URING_READ_ONCE(*u->ring.sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW);
}

static int enter(struct uring *u, int timeout_ms)
{
	struct __kernel_timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = timeout_ms % 1000 * 1000000L,
	};
	struct io_uring_getevents_arg arg = { .ts = (uint64_t)(uintptr_t)&ts };
	unsigned flags = IORING_ENTER_GETEVENTS;
	unsigned fd = (unsigned)u->ring.ring_fd;

	if (u->registered) {
		fd = (unsigned)u->ring.enter_ring_fd;
		flags |= IORING_ENTER_REGISTERED_RING;
	}
	rawpci_count(u->base.waits, 1);
	if (timeout_ms == 0)
		return io_uring_enter2(fd, 0, u->held, flags, NULL, _NSIG / 8);
	if (timeout_ms < 0)
		return io_uring_enter2(fd, 0, u->held + 1, flags, NULL, _NSIG / 8);
	return io_uring_enter2(fd, 0, u->held + 1, flags | IORING_ENTER_EXT_ARG,
			       (sigset_t *)(void *)&arg, sizeof(arg));
}

static int uring_wait(struct rawpci_poller *poller, int timeout_ms,
		      struct rawpci_poll_event *events, unsigned max)
{
	struct uring *u = of(poller);
	unsigned n = reap(u, events, max);
	int r;

	if (n > 0)
		return (int)n;
	/* The kernel had no memory for completions. A poll's last event may be among the lost. */
	if (IO_URING_READ_ONCE(*u->ring.cq.koverflow) != 0)
		return -EBADR;
	if (timeout_ms == 0 && !work_waits(u))
		return 0;
	r = enter(u, timeout_ms);
	n = reap(u, events, max);
	if (n > 0 || r >= 0 || r == -EINTR || r == -ETIME || r == -EAGAIN || r == -EBUSY)
		return (int)n;
	return r;
}

static void uring_close(struct rawpci_poller *poller)
{
	struct uring *u = of(poller);

	io_uring_queue_exit(&u->ring);
	free(u);
}

static const struct rawpci_poller_ops uring_ops = {
	.start = uring_start,
	.arm = uring_arm,
	.cancel = uring_cancel,
	.drop = uring_drop,
	.flush = uring_flush,
	.wait = uring_wait,
	.close = uring_close,
};

/* Tries the best flags first. Without deferred task work, completions interrupt the owner's system
 * calls. Only a thread of the library can bear that. */
static int set_up(struct io_uring *ring, bool own_thread, unsigned entries, unsigned *cq_entries)
{
	static const unsigned tries[] = {
		IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
		0,
	};
	int r = -EINVAL;

	for (unsigned i = 0; i < (own_thread ? 3U : 1U) && r == -EINVAL; i++) {
		struct io_uring_params params = {
			.flags = tries[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE |
				 IORING_SETUP_CLAMP,
			.cq_entries = entries,
		};

		r = io_uring_queue_init_params(entries < SQ_ENTRIES ? entries : SQ_ENTRIES, ring,
					       &params);
		if (r < 0)
			continue;
		if ((params.features & NEEDED) == NEEDED) {
			*cq_entries = params.cq_entries;
			return 0;
		}
		io_uring_queue_exit(ring);
		return -EOPNOTSUPP;
	}
	return r;
}

int rawpci_uring_open(bool own_thread, unsigned entries, atomic_uint_least64_t *waits,
		      struct rawpci_poller **out)
{
	struct uring *u = calloc(1, sizeof(*u));
	unsigned cq_entries;
	int r;

	if (!u)
		return -ENOMEM;
	r = set_up(&u->ring, own_thread, entries, &cq_entries);
	if (r < 0) {
		free(u);
		return r;
	}
	u->base.ops = &uring_ops;
	u->base.name = "io_uring";
	u->base.fd = -1;
	u->base.waits = waits;
	u->own_thread = own_thread;
	u->hold = cq_entries / 4 < HOLD ? cq_entries / 4 : HOLD;
	/* Each poll needs room for two completions: an event, and the last one when it ends. */
	u->base.capacity = (cq_entries - u->hold) / 2;
	*out = &u->base;
	return 0;
}

/* A sandbox may allow the setup and forbid the use. An old kernel may know the ring and not the
 * multishot poll. So the probe makes a poll and waits for its event. */
int rawpci_uring_probe(void)
{
	struct io_uring ring;
	struct io_uring_cqe *cqe;
	int fd = rawpci_sys_eventfd();
	int r;

	if (fd < 0)
		return fd;
	r = rawpci_sys_signal(fd);
	if (r < 0)
		goto undo_fd;
	r = io_uring_queue_init(4, &ring, 0);
	if (r < 0)
		goto undo_fd;
	io_uring_prep_poll_multishot(io_uring_get_sqe(&ring), fd, POLLIN);
	r = io_uring_submit_and_wait(&ring, 1);
	if (r >= 0)
		r = io_uring_peek_cqe(&ring, &cqe);
	if (r == 0)
		r = cqe->res < 0 ? cqe->res : cqe->flags & IORING_CQE_F_MORE ? 0 : -EOPNOTSUPP;
	io_uring_queue_exit(&ring);
undo_fd:
	rawpci_sys_close(&fd);
	return r;
}
