/* SPDX-License-Identifier: MIT */
/* Opening an epoll, and changing what it watches. */
#include "os/epoll.h"

#include <stddef.h>

int rawpci_sys_epoll(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int rawpci_sys_epoll_add(int epoll, int fd, uint64_t data, bool level)
{
	struct epoll_event event = {
		.events = level ? EPOLLIN : EPOLLIN | EPOLLET,
		.data.u64 = data,
	};

	return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

void rawpci_sys_epoll_remove(int epoll, int fd)
{
	(void)epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
}
