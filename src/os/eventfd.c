/* SPDX-License-Identifier: MIT */
/* Eventfds, and reading what a descriptor signals. */
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

int rawpci_sys_eventfd(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return rawpci_sys_keep_clear(fd < 0 ? -errno : fd);
}

int rawpci_sys_signal(int fd)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint64_t one = 1;
	ssize_t n;

	/* An embedder's eventfd may be a blocking one. A counter at its maximum is signalled. */
	if (poll(&room, 1, 0) == 0)
		return 0;
	do
		n = write(fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
	return n < 0 && errno != EAGAIN ? -errno : 0;
}

int rawpci_sys_drain(int fd)
{
	uint64_t count;
	int r = rawpci_sys_read_event(fd, &count, sizeof(count));

	if (r == -EAGAIN)
		return 0;
	return r < 0 ? r : 1;
}

int rawpci_sys_read_event(int fd, void *buffer, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buffer, size);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == size ? 0 : -EIO;
}

bool rawpci_sys_is_eventfd(int fd)
{
	char path[64] = "/proc/self/fd/";
	char target[32];
	char digits[16];
	size_t n = 0;
	ssize_t length;
	char *end = path + strlen(path);
	int number = fd;

	if (fd < 0)
		return false;
	do {
		digits[n++] = (char)('0' + fd % 10);
		fd /= 10;
	} while (fd > 0);
	while (n > 0)
		*end++ = digits[--n];
	*end = '\0';
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0) /* without /proc only the kernel can tell, when it uses the descriptor */
		return fcntl(number, F_GETFD) >= 0;
	target[length] = '\0';
	return strcmp(target, "anon_inode:[eventfd]") == 0;
}
