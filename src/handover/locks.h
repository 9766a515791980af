/* SPDX-License-Identifier: MIT */
/*
 * The locks that make a process the owner of a device. One directory has two files for each device:
 *
 *   0000:03:00.0.lock  the owner has locked it. It is never removed: two processes could then lock
 *                      two different files
 *   0000:03:00.0       the record: written before the first change, removed after the last
 *
 * The lock belongs to the open file (F_OFD_SETLK), not to the process: a child that inherits the
 * device's other descriptors inherits the lock, too.
 */
#ifndef RAWPCI_HANDOVER_LOCKS_H
#define RAWPCI_HANDOVER_LOCKS_H

#include <stdbool.h>

#include <rawpci/device.h>

#include "os/sysfs.h"

struct rawpci_locks {
	int directory, lock; /* -1: not owned */
	int shared;          /* the device's config file in sysfs, locked; -1: it is not */
	char name[RAWPCI_ADDRESS_TEXT];
};

#define RAWPCI_LOCKS_NONE ((struct rawpci_locks){ .directory = -1, .lock = -1, .shared = -1 })

/**
 * Makes this process the owner of a device.
 * @run: the directory; it is made if it is missing, but not its parents
 *
 * Returns 0, -EWOULDBLOCK, -EPERM when another user may write to directory or file, -ELOOP or
 * -ENOTDIR for a symbolic link in their place, or the kernel's error.
 */
int rawpci_locks_take(struct rawpci_locks *locks, const char *run,
		      const struct rawpci_address *address);

/**
 * Locks the device's config file in sysfs, too. Containers share that file even if each has a run
 * directory of its own, provided that they have the same network namespace (sysfs has one inode for
 * each namespace: Linux fs/kernfs/mount.c).
 * @root: of sysfs
 *
 * Returns 0, -EWOULDBLOCK, or why the lock cannot be taken.
 */
int rawpci_locks_share(struct rawpci_locks *locks, const char *root,
		       const struct rawpci_address *address);

/* Finds out what rawpci_locks_share() would return, as far as that can be seen. */
int rawpci_locks_look_shared(const char *root, const struct rawpci_address *address);

/**
 * Finds out what rawpci_locks_take(), and then writing a record, would return. Takes and changes
 * nothing.
 * @seen: receives the open directory, for reading a record; to be released in any case
 *
 * Returns what they would return, as far as that can be seen.
 */
int rawpci_locks_look(const char *run, const struct rawpci_address *address,
		      struct rawpci_locks *seen);

/* The file that the owner has locked. -ENAMETOOLONG. */
int rawpci_locks_path(const char *run, const struct rawpci_address *address,
		      char path[RAWPCI_SYSFS_PATH]);

/* Unlocks what is locked. */
void rawpci_locks_release(struct rawpci_locks *locks);

/* For record.c: open the directory, and a file of the device in it. Return the descriptor. */
int rawpci_locks_directory(const char *run, bool make);
int rawpci_locks_file(const struct rawpci_locks *locks, const char *suffix, int flags);

#endif
