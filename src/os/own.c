/* SPDX-License-Identifier: MIT */
/* The library's own files, in a directory that no other user may write to. */
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int rawpci_sys_open_at(int directory, const char *name, int flags)
{
	int fd;

	do
		fd = openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	while (fd < 0 && errno == EINTR);
	return rawpci_sys_note_lack(rawpci_sys_keep_clear(fd < 0 ? -errno : fd));
}

int rawpci_sys_check_own(int fd, bool directory)
{
	struct stat is;

	if (fstat(fd, &is) < 0)
		return -errno;
	if (is.st_uid != 0 && is.st_uid != geteuid())
		return -EPERM;
	if (is.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	if (directory)
		return S_ISDIR(is.st_mode) ? 0 : -EPERM;
	return S_ISREG(is.st_mode) && is.st_nlink == 1 ? 0 : -EPERM;
}

/* Locks the whole file, and not with flock(): only taking a flock() lock would tell whether it is
 * free, and meanwhile another process's attempt would fail. /proc/locks leaves out other
 * containers. */
int rawpci_sys_lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int r;

	do
		r = fcntl(fd, F_OFD_SETLK, &whole);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int rawpci_sys_locked(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	int r;

	do
		r = fcntl(fd, F_OFD_GETLK, &whole);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return whole.l_type != F_UNLCK;
}

int rawpci_sys_sync(int fd)
{
	int r;

	do
		r = fsync(fd);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

int rawpci_sys_rename_at(int directory, const char *from, const char *to)
{
	return renameat(directory, from, directory, to) < 0 ? -errno : 0;
}

int rawpci_sys_unlink_at(int directory, const char *name)
{
	return unlinkat(directory, name, 0) < 0 ? -errno : 0;
}
