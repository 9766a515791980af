/* SPDX-License-Identifier: MIT */
/* What a path leads to, without opening it. */
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int rawpci_sys_size(const char *path, uint64_t *size)
{
	struct stat info;

	if (stat(path, &info) < 0)
		return -errno;
	*size = (uint64_t)info.st_size;
	return 0;
}

bool rawpci_sys_same_path(const char *a, const char *b)
{
	struct stat one, other;

	if (stat(a, &one) < 0 || stat(b, &other) < 0)
		return false;
	if (S_ISCHR(one.st_mode) && S_ISCHR(other.st_mode))
		return one.st_rdev == other.st_rdev;
	return one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

int rawpci_sys_access(const char *path, int mode)
{
	return faccessat(AT_FDCWD, path, mode, AT_EACCESS) < 0 ? -errno : 0;
}

int rawpci_sys_read_link(const char *path, char *target, size_t size)
{
	ssize_t length = readlink(path, target, size);

	if (length < 0)
		return -errno;
	if ((size_t)length >= size)
		return -ENOBUFS;
	target[length] = '\0';
	return (int)length;
}

int rawpci_sys_link_name(const char *path, char *name, size_t size)
{
	char target[PATH_MAX];
	const char *last;
	int r = rawpci_sys_read_link(path, target, sizeof(target));

	if (r < 0)
		return r;
	last = strrchr(target, '/');
	last = last ? last + 1 : target;
	if (strlen(last) >= size)
		return -ENOBUFS;
	memcpy(name, last, strlen(last) + 1);
	return (int)strlen(last);
}
