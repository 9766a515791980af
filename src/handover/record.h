/* SPDX-License-Identifier: MIT */
/*
 * Who has a device, and what has to be put back when nobody has it any more. In one directory,
 * two files a device:
 *
 *   0000:03:00.0.lock  locked by the process that has the device. Never removed: two processes
 *                      could then lock two different files
 *   0000:03:00.0       the record: there before the first change, gone after the last
 *
 * The lock is one of an open file (F_OFD_SETLK), not of a process: a child that has inherited the
 * device's other descriptors has this one, too.
 */
#ifndef RAWPCI_HANDOVER_RECORD_H
#define RAWPCI_HANDOVER_RECORD_H

#include <stdint.h>

#include "handover/driver.h"

/* The ownership of a device. */
struct rawpci_claim {
	int directory, lock; /* -1: not owned */
	int shared;          /* the device's config file, locked, too; -1: it could not be */
	char name[RAWPCI_ADDRESS_TEXT];
};

#define RAWPCI_CLAIM_NONE ((struct rawpci_claim) { .directory = -1, .lock = -1, .shared = -1 })

#define RAWPCI_STATE_DWORDS 16
#define RAWPCI_STATE_WORDS 20

/* What a device's registers were before it had a user who is not of the kernel. */
struct rawpci_state {
	bool known; /* the rest is set */
	bool bare;  /* struct rawpci_backend's: the kernel puts nothing back */
	unsigned enables; /* how often the kernel has been asked to enable it: its file "enable" */
	char boot[40];    /* when that was: the kernel gives addresses anew at each boot */
	uint32_t header[RAWPCI_STATE_DWORDS]; /* of config space */
	unsigned word_count;
	struct {
		uint16_t at, value;
	} words[RAWPCI_STATE_WORDS]; /* registers of capabilities */
};

struct rawpci_record {
	uint16_t vendor, device; /* so that another device in the same slot is not taken for it */
	struct rawpci_driver_hold hold;
	struct rawpci_state state;
	bool idle; /* power/control is to be "auto": os/idle.h */
};

/**
 * Takes the ownership of a device.
 * @run: the directory; it is made if it is not there, save for those above it
 *
 * Returns 0, -EWOULDBLOCK, -EPERM when directory or file are not this user's alone, -ELOOP or
 * -ENOTDIR for a symbolic link in their place, or what the kernel says.
 */
int rawpci_claim_take(struct rawpci_claim *claim, const char *run,
		      const struct rawpci_address *address);

/**
 * Locks the device's config file in sysfs, too. Containers with a run directory each share it, where
 * they have the same network namespace (sysfs has an inode a namespace: Linux fs/kernfs/mount.c).
 * @root: of sysfs
 *
 * Returns 0, -EWOULDBLOCK, or why it cannot be had.
 */
int rawpci_claim_share(struct rawpci_claim *claim, const char *root,
		       const struct rawpci_address *address);

/* Finds out what rawpci_claim_share() would come to, as far as that can be seen. */
int rawpci_claim_look_shared(const char *root, const struct rawpci_address *address);

/**
 * Finds out what rawpci_claim_take(), and then rawpci_record_write(), would come to, and takes,
 * makes and changes nothing.
 * @recorded: with 0, what rawpci_record_read() says, about @record
 *
 * Returns what they would, as far as that can be seen.
 */
int rawpci_claim_look(const char *run, const struct rawpci_address *address,
		      struct rawpci_record *record, int *recorded);

/* The file that the owner has locked. -ENAMETOOLONG. */
int rawpci_claim_path(const char *run, const struct rawpci_address *address,
		      char path[RAWPCI_SYSFS_PATH]);

/* Gives it up. Nothing happens where there is none. */
void rawpci_claim_release(struct rawpci_claim *claim);

/* Writes the record so that there is either the one before or the whole new one, whatever happens.
 * It is of the lowest version that holds what it says: 1 without a known state, 2 with one, 3 with
 * words of capabilities or idle. A library that does not know the version does not act upon it.
 * -EINVAL: a name that rawpci_record_read() would not take. */
int rawpci_record_write(const struct rawpci_claim *claim, const struct rawpci_record *record);

/* Reads it; .held is set. -ENOENT: there is none; -EBADMSG: it is not one, or another device's;
 * -EPERM, -ELOOP: it may have been put there by somebody else. */
int rawpci_record_read(const struct rawpci_claim *claim, struct rawpci_record *record);

/* Removes it; 0 also when there is none. */
int rawpci_record_erase(const struct rawpci_claim *claim);

/* Calls each() with the devices that have a record until it returns other than 0; returns that, or
 * 0. -ENOENT: there is no directory. */
int rawpci_record_each(const char *run,
		       int (*each)(void *opaque, const struct rawpci_address *address),
		       void *opaque);

#endif
