/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <sys/timerfd.h>

#include "os/sys.h"

int rawpci_sys_timer(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);

	return rawpci_sys_keep_clear(fd < 0 ? -errno : fd);
}

int rawpci_sys_timer_start(int fd, unsigned milliseconds)
{
	const struct itimerspec once = {
		.it_value.tv_sec = (time_t)(milliseconds / 1000),
		.it_value.tv_nsec = (long)(milliseconds % 1000) * 1000000,
	};

	return timerfd_settime(fd, 0, &once, NULL) < 0 ? -errno : 0;
}
