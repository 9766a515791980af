/* SPDX-License-Identifier: MIT */
/* The poller that waits with epoll, edge-triggered. It never ends a poll by itself. */
#include "event/poller.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "os/epoll.h"
#include "os/sys.h"

enum { BATCH = 256 };

struct epoll_poller {
	struct rawpci_poller base;
	struct epoll_event ready[BATCH];
};

static struct epoll_poller *of(struct rawpci_poller *poller)
{
	return (struct epoll_poller *)poller;
}

static int epoll_start(struct rawpci_poller *poller)
{
	(void)poller;
	return 0;
}

static int epoll_arm(struct rawpci_poller *poller, int fd, uint64_t user_data, bool level)
{
	rawpci_count(poller->waits, 1);
	return rawpci_sys_epoll_add(poller->fd, fd, user_data, level);
}

static int epoll_cancel(struct rawpci_poller *poller, uint64_t user_data)
{
	(void)poller;
	(void)user_data;
	return -EOPNOTSUPP;
}

static bool epoll_drop(struct rawpci_poller *poller, int fd)
{
	rawpci_sys_epoll_remove(poller->fd, fd);
	return true;
}

static int epoll_flush(struct rawpci_poller *poller)
{
	(void)poller;
	return 0;
}

static int epoll_wait_events(struct rawpci_poller *poller, int timeout_ms,
			     struct rawpci_poll_event *events, unsigned max)
{
	struct epoll_poller *e = of(poller);
	int n;

	rawpci_count(poller->waits, 1);
	n = rawpci_sys_epoll_wait(e->base.fd, e->ready, max < BATCH ? (int)max : BATCH, timeout_ms);
	if (n <= 0)
		return n == -EINTR ? 0 : n;
	for (int i = 0; i < n; i++) {
		events[i].user_data = e->ready[i].data.u64;
		events[i].result = 0;
		events[i].more = true;
	}
	return n;
}

static void epoll_close(struct rawpci_poller *poller)
{
	rawpci_sys_close(&poller->fd);
	free(poller);
}

static const struct rawpci_poller_ops epoll_ops = {
	.start = epoll_start,
	.arm = epoll_arm,
	.cancel = epoll_cancel,
	.drop = epoll_drop,
	.flush = epoll_flush,
	.wait = epoll_wait_events,
	.close = epoll_close,
};

int rawpci_epoll_open(atomic_uint_least64_t *waits, struct rawpci_poller **out)
{
	struct epoll_poller *e = calloc(1, sizeof(*e));

	if (!e)
		return -ENOMEM;
	e->base.ops = &epoll_ops;
	e->base.name = "epoll";
	e->base.capacity = UINT_MAX;
	e->base.waits = waits;
	e->base.fd = rawpci_sys_epoll();
	if (e->base.fd < 0) {
		int r = e->base.fd;

		free(e);
		return r;
	}
	*out = &e->base;
	return 0;
}
