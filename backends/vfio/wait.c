/* SPDX-License-Identifier: MIT */
/* Waiting for the kernel and udev: for a node that is about to appear, and for a device's lock. */
#include <errno.h>
#include <unistd.h>

#include "os/sys.h"
#include "vfio/host.h"

#define NODE_POLL_MS 10
#define LOCK_TRIES 10
#define LOCK_PAUSE_MS 50

void rawpci_vfio_wait_for_node(const char *path, const char *second, unsigned limit_ms)
{
	uint64_t end = rawpci_sys_now_ms() + limit_ms;

	while (rawpci_sys_access(path, R_OK | W_OK) < 0 &&
	       (!second || rawpci_sys_access(second, R_OK | W_OK) < 0) && rawpci_sys_now_ms() < end)
		rawpci_sys_sleep_ms(NODE_POLL_MS);
}

int rawpci_vfio_ioctl_patiently(int fd, unsigned long request, void *argument)
{
	int tries = LOCK_TRIES;
	int r;

	for (;;) {
		r = rawpci_sys_ioctl(fd, request, argument);
		if (r != -EAGAIN || --tries == 0)
			return r;
		rawpci_sys_sleep_ms(LOCK_PAUSE_MS);
	}
}
