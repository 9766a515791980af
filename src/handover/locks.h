/* SPDX-License-Identifier: MIT */
/*
 * The locks that make a process the owner of a device. In one directory, two files a device:
 *
 *   0000:03:00.0.lock  locked by the process that has the device. Never removed: two processes
 *                      could then lock two different files
 *   0000:03:00.0       the record: there before the first change, gone after the last
 *
 * The lock is one of an open file (F_OFD_SETLK), not of a process: a child that has inherited the
 * device's other descriptors has this one, too.
 */
#ifndef RAWPCI_HANDOVER_LOCKS_H
#define RAWPCI_HANDOVER_LOCKS_H

#include <stdbool.h>

#include <rawpci/device.h>

#include "os/sysfs.h"

/* The ownership of a device. */
struct rawpci_locks {
	int directory, lock; /* -1: not owned */
	int shared;          /* the device's config file, locked, too; -1: it could not be */
	char name[RAWPCI_ADDRESS_TEXT];
};

#define RAWPCI_LOCKS_NONE ((struct rawpci_locks) { .directory = -1, .lock = -1, .shared = -1 })

/**
 * Takes the ownership of a device.
 * @run: the directory; it is made if it is not there, save for those above it
 *
 * Returns 0, -EWOULDBLOCK, -EPERM when directory or file are not this user's alone, -ELOOP or
 * -ENOTDIR for a symbolic link in their place, or what the kernel says.
 */
int rawpci_locks_take(struct rawpci_locks *locks, const char *run,
		      const struct rawpci_address *address);

/**
 * Locks the device's config file in sysfs, too. Containers with a run directory each share it, where
 * they have the same network namespace (sysfs has an inode a namespace: Linux fs/kernfs/mount.c).
 * @root: of sysfs
 *
 * Returns 0, -EWOULDBLOCK, or why it cannot be had.
 */
int rawpci_locks_share(struct rawpci_locks *locks, const char *root,
		       const struct rawpci_address *address);

/* Finds out what rawpci_locks_share() would come to, as far as that can be seen. */
int rawpci_locks_look_shared(const char *root, const struct rawpci_address *address);

/**
 * Finds out what rawpci_locks_take(), and then writing a record, would come to, and takes, makes and
 * changes nothing.
 * @seen: the directory, for reading its record; to be released in any case
 *
 * Returns what they would, as far as that can be seen.
 */
int rawpci_locks_look(const char *run, const struct rawpci_address *address,
		      struct rawpci_locks *seen);

/* The file that the owner has locked. -ENAMETOOLONG. */
int rawpci_locks_path(const char *run, const struct rawpci_address *address,
		      char path[RAWPCI_SYSFS_PATH]);

/* Gives it up. Nothing happens where there is none. */
void rawpci_locks_release(struct rawpci_locks *locks);

/* For record.c: the directory, and a file of the device's in it. Return the descriptor. */
int rawpci_locks_directory(const char *run, bool make);
int rawpci_locks_file(const struct rawpci_locks *locks, const char *suffix, int flags);

#endif
