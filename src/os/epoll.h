/* SPDX-License-Identifier: MIT */
/* The seam to epoll. Each function returns 0, a documented count, or a negative errno value. */
#ifndef RAWPCI_OS_EPOLL_H
#define RAWPCI_OS_EPOLL_H

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

/* Opens a close-on-exec epoll. Returns the descriptor. */
int rawpci_sys_epoll(void);

/**
 * Adds fd to an epoll, for reading.
 * @data: comes back with each event of fd
 * @level: true: an event as long as fd is readable; false: an event after each signal
 */
int rawpci_sys_epoll_add(int epoll, int fd, uint64_t data, bool level);

/* Takes fd, which was added, out of an epoll. */
void rawpci_sys_epoll_remove(int epoll, int fd);

/**
 * Waits until a descriptor has an event.
 * @timeout_ms: negative: without limit
 * Returns the number of events in ready; -EINTR after a signal.
 *
 * Inline, because every interrupt of an epoll engine passes here.
 */
static inline int rawpci_sys_epoll_wait(int epoll, struct epoll_event *ready, int most,
					int timeout_ms)
{
	int n = epoll_wait(epoll, ready, most, timeout_ms);

	return n < 0 ? -errno : n;
}

#endif
