/* SPDX-License-Identifier: MIT */
/* Time: a clock, a pause, and timers with a descriptor. */
#include "os/sys.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

uint64_t rawpci_sys_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void rawpci_sys_sleep_ms(unsigned milliseconds)
{
	struct timespec left = {
		.tv_sec = (time_t)(milliseconds / 1000),
		.tv_nsec = (long)(milliseconds % 1000) * 1000000,
	};

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR)
		;
}

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
