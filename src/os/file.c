/* SPDX-License-Identifier: MIT */
/* Descriptors: opening, copying and closing them, and reading and writing through them. */
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "offsets into a device's file have 64 bits");

/* The kernel takes 32 bits of a request; C libraries other than glibc declare it an int. */
#ifdef __GLIBC__
#define REQUEST(request) (request)
#else
#define REQUEST(request) ((int)(request))
#endif

/* If a program is started without descriptors 0 to 2, it prints into the files that get them. */
int rawpci_sys_keep_clear(int fd)
{
	int higher;

	if (fd < 0 || fd > 2)
		return fd;
	higher = rawpci_sys_dup(fd);
	rawpci_sys_close(&fd);
	return higher;
}

int rawpci_sys_open(const char *path, int flags)
{
	int fd;

	do
		fd = open(path, flags | O_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	return rawpci_sys_note_lack(rawpci_sys_keep_clear(fd < 0 ? -errno : fd));
}

/* close() is not repeated after EINTR: Linux has closed the descriptor even so. */
void rawpci_sys_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int rawpci_sys_dup(int fd)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	/* EINVAL: the process's limit is below 3. */
	return copy >= 0 ? copy : errno == EINVAL ? -EMFILE : -errno;
}

bool rawpci_sys_same_file(int a, int b)
{
	pid_t self = getpid();

	return syscall(SYS_kcmp, self, self, KCMP_FILE, (unsigned long)a, (unsigned long)b) <= 0;
}

int rawpci_sys_device_number(int fd, unsigned *major_number, unsigned *minor_number)
{
	struct stat info;

	if (fstat(fd, &info) < 0)
		return -errno;
	if (!S_ISCHR(info.st_mode))
		return -ENODEV;
	*major_number = major(info.st_rdev);
	*minor_number = minor(info.st_rdev);
	return 0;
}

int rawpci_sys_ioctl(int fd, unsigned long request, void *argument)
{
	int r;

	do
		r = ioctl(fd, REQUEST(request), argument);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

int rawpci_sys_pread(int fd, void *buffer, size_t size, uint64_t offset)
{
	ssize_t n;

	if (size > INT_MAX || offset > INT64_MAX)
		return -EINVAL;
	do
		n = pread(fd, buffer, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	ssize_t n;

	if (size > INT_MAX || offset > INT64_MAX)
		return -EINVAL;
	do
		n = pwrite(fd, buffer, size, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int rawpci_sys_read_file(const char *path, char *text, size_t size)
{
	int fd = rawpci_sys_open(path, O_RDONLY);
	size_t length = 0;
	int n;

	if (fd < 0)
		return fd;
	do {
		n = rawpci_sys_pread(fd, text + length, size - length, length);
		if (n > 0)
			length += (size_t)n;
	} while (n > 0 && length < size);
	rawpci_sys_close(&fd);
	if (n < 0)
		return n;
	if (length >= size)
		return -ENOBUFS;
	if (length > 0 && text[length - 1] == '\n')
		length--;
	text[length] = '\0';
	return (int)length;
}

int rawpci_sys_write_file(const char *path, const char *text)
{
	size_t size = strlen(text);
	int fd = rawpci_sys_open(path, O_WRONLY);
	int n;

	if (fd < 0)
		return fd;
	n = rawpci_sys_pwrite(fd, text, size, 0);
	rawpci_sys_close(&fd);
	if (n < 0)
		return n;
	return (size_t)n == size ? 0 : -EIO;
}
