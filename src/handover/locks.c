/* SPDX-License-Identifier: MIT */
/* The locks that make a process the owner of a device: taken, or only looked at. */
#include "handover/locks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"

#define FILE_NAME (RAWPCI_ADDRESS_TEXT + 8)
#define TAKE_TRIES 3

int rawpci_locks_directory(const char *run, bool make)
{
	int fd, r = make ? rawpci_sys_make_directory(run) : 0;

	if (r < 0 && r != -EEXIST)
		return r;
	fd = rawpci_sys_open_at(AT_FDCWD, run, O_RDONLY | O_DIRECTORY);
	if (fd < 0)
		return fd == -ENOENT && make ? -ESTALE : fd;
	r = rawpci_sys_check_own(fd, true);
	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	return fd;
}

int rawpci_locks_file(const struct rawpci_locks *locks, const char *suffix, int flags)
{
	char name[FILE_NAME];
	int fd, r;

	(void)snprintf(name, sizeof(name), "%s%s", locks->name, suffix);
	fd = rawpci_sys_open_at(locks->directory, name, flags);
	if (fd < 0)
		return fd;
	r = rawpci_sys_check_own(fd, false);
	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	return fd;
}

static int take_once(struct rawpci_locks *locks, const char *run,
		     const struct rawpci_address *address)
{
	struct rawpci_locks taken = RAWPCI_LOCKS_NONE;
	int r;

	rawpci_address_format(address, taken.name);
	taken.directory = rawpci_locks_directory(run, true);
	if (taken.directory < 0)
		return taken.directory;
	taken.lock = rawpci_locks_file(&taken, ".lock", O_RDWR | O_CREAT);
	r = taken.lock < 0 ? taken.lock : rawpci_sys_lock(taken.lock);
	if (r < 0) {
		rawpci_locks_release(&taken);
		return r == -ENOENT ? -ESTALE : r;
	}
	*locks = taken;
	return 0;
}

/* A program that cleans /run may remove the directory between the steps. */
int rawpci_locks_take(struct rawpci_locks *locks, const char *run,
		      const struct rawpci_address *address)
{
	int r = -ESTALE;

	for (int i = 0; r == -ESTALE && i < TAKE_TRIES; i++)
		r = take_once(locks, run, address);
	return r;
}

static int open_shared(const char *root, const struct rawpci_address *address, int flags)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root, address, "config", path, sizeof(path));

	return r < 0 ? r : rawpci_sys_open(path, flags);
}

/* Opened for writing, so that a user without rights to the device cannot lock others out. */
int rawpci_locks_share(struct rawpci_locks *locks, const char *root,
		       const struct rawpci_address *address)
{
	int fd = open_shared(root, address, O_RDWR);
	int r = fd < 0 ? fd : rawpci_sys_lock(fd);

	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	locks->shared = fd;
	return 0;
}

int rawpci_locks_look_shared(const char *root, const struct rawpci_address *address)
{
	int fd = open_shared(root, address, O_RDONLY);
	int r = fd < 0 ? fd : rawpci_sys_locked(fd);

	rawpci_sys_close(&fd);
	return r > 0 ? -EWOULDBLOCK : r;
}

/* Could the directory be made? */
static int look_above(const char *run)
{
	const char *slash = strrchr(run, '/');
	char above[RAWPCI_SYSFS_PATH];
	int n = snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - run) : 1,
			 slash ? run : ".");

	if (n < 0 || (size_t)n >= sizeof(above))
		return -ENAMETOOLONG;
	return rawpci_sys_access(above[0] ? above : "/", W_OK | X_OK);
}

static int look_at_lock(const struct rawpci_locks *seen, const char *lock)
{
	int fd, r = rawpci_sys_access(lock, W_OK);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	fd = rawpci_locks_file(seen, ".lock", O_RDONLY);
	if (fd < 0)
		return fd;
	r = rawpci_sys_locked(fd);
	rawpci_sys_close(&fd);
	return r > 0 ? -EWOULDBLOCK : r;
}

int rawpci_locks_look(const char *run, const struct rawpci_address *address,
		      struct rawpci_locks *seen)
{
	char lock[RAWPCI_SYSFS_PATH];
	int r = rawpci_locks_path(run, address, lock);

	*seen = RAWPCI_LOCKS_NONE;
	if (r < 0)
		return r;
	seen->directory = rawpci_locks_directory(run, false);
	if (seen->directory < 0)
		return seen->directory == -ENOENT ? look_above(run) : seen->directory;
	rawpci_address_format(address, seen->name);
	r = look_at_lock(seen, lock);
	return r < 0 ? r : rawpci_sys_access(run, W_OK | X_OK);
}

int rawpci_locks_path(const char *run, const struct rawpci_address *address,
		      char path[RAWPCI_SYSFS_PATH])
{
	char name[RAWPCI_ADDRESS_TEXT];
	int n = snprintf(path, RAWPCI_SYSFS_PATH, "%s/%s.lock", run,
			 rawpci_address_format(address, name));

	return n < 0 || n >= RAWPCI_SYSFS_PATH ? -ENAMETOOLONG : 0;
}

void rawpci_locks_release(struct rawpci_locks *locks)
{
	rawpci_sys_close(&locks->shared);
	rawpci_sys_close(&locks->lock);
	rawpci_sys_close(&locks->directory);
}
