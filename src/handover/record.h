/* SPDX-License-Identifier: MIT */
/*
 * A record: how a device was before it was taken, in a file beside its lock (locks.h). If the owner
 * is killed, the next owner reads it to return the device.
 */
#ifndef RAWPCI_HANDOVER_RECORD_H
#define RAWPCI_HANDOVER_RECORD_H

#include <stdint.h>

#include "handover/driver.h"
#include "handover/locks.h"
#include "os/sys.h"

#define RAWPCI_STATE_DWORDS 16
#define RAWPCI_STATE_WORDS 20
#define RAWPCI_BOOT_TEXT 40

/* A device's registers before a program uses it. */
struct rawpci_state {
	bool known;       /* the rest is set */
	bool bare;        /* as in struct rawpci_backend: the kernel restores nothing */
	unsigned enables; /* how often the kernel has been asked to enable it: its file "enable" */
	char boot[RAWPCI_BOOT_TEXT]; /* its id: the kernel assigns addresses anew at each boot */
	uint32_t header[RAWPCI_STATE_DWORDS]; /* of config space */
	unsigned word_count;
	struct {
		uint16_t at, value;
	} words[RAWPCI_STATE_WORDS]; /* registers of capabilities */
};

enum rawpci_node_kind {
	RAWPCI_NODE_GROUP,
	RAWPCI_NODE_NOIOMMU,
	RAWPCI_NODE_CDEV,
	RAWPCI_NODE_UIO,
};

/* A node of the device, and who may open it. */
struct rawpci_node {
	enum rawpci_node_kind kind;
	unsigned number; /* the group's for the first two kinds; else as in the node's name */
	struct rawpci_node_owner before, meanwhile;
};

#define RAWPCI_NODES 2
struct rawpci_nodes {
	unsigned n;
	struct rawpci_node each[RAWPCI_NODES];
};

struct rawpci_record {
	uint16_t vendor, device; /* they tell it from another device in the same slot */
	struct rawpci_driver_hold hold;
	struct rawpci_state state;
	bool idle; /* power/control becomes "auto" again: os/idle.h */
	/* The id of the boot in which the device was kept for hold.taken_by; "": it is not kept. */
	char kept[RAWPCI_BOOT_TEXT];
	struct rawpci_nodes nodes; /* those that were given to a user */
};

/* Writes the record. Whatever happens, the file holds the former record or the whole new one. The
 * record has the lowest version that can hold it: 1 without a known state, 2 with one, 3 with words
 * of capabilities or idle, 4 if the device is kept, or with nodes. A library that does not know the version does not act upon the record.
 * -EINVAL: a name that rawpci_record_read() would not accept. */
int rawpci_record_write(const struct rawpci_locks *locks, const struct rawpci_record *record);

/* Writes a record to a file of its own, which put_copy() puts in the record's place. That needs no
 * room on the disk. */
int rawpci_record_copy(const struct rawpci_locks *locks, const struct rawpci_record *record);
int rawpci_record_put_copy(const struct rawpci_locks *locks);
void rawpci_record_drop_copy(const struct rawpci_locks *locks);

/* Reads the record; .held is set. -ENOENT: there is none; -EBADMSG: the file is no record, or
 * another device's; -EPERM, -ELOOP: another user may have written it. */
int rawpci_record_read(const struct rawpci_locks *locks, struct rawpci_record *record);

/* Reads a device's record, whether or not a process owns the device. Returns as
 * rawpci_record_read(); -ENOENT also without a directory. */
int rawpci_record_peek(const char *run, const struct rawpci_address *address,
		       struct rawpci_record *record);

/* Removes the record; 0 also when there is none. */
int rawpci_record_erase(const struct rawpci_locks *locks);

/**
 * Finds out what rawpci_locks_take(), and then rawpci_record_write(), would return. Takes and
 * changes nothing.
 * @recorded: with 0, what rawpci_record_read() returns for @record
 *
 * Returns what they would return, as far as that can be seen.
 */
int rawpci_record_look(const char *run, const struct rawpci_address *address,
		       struct rawpci_record *record, int *recorded);

/* Calls each() with the devices that have a record until each() returns other than 0; returns that,
 * or 0. -ENOENT: there is no directory. */
int rawpci_record_each(const char *run,
		       int (*each)(void *opaque, const struct rawpci_address *address),
		       void *opaque);

/* record-text.c: the text of its file, and back. format returns the length, -EINVAL or
 * -ENAMETOOLONG; parse 0 or -EBADMSG. name: of the device. */
#define RAWPCI_RECORD_BYTES 1024
int rawpci_record_format(const char *name, const struct rawpci_record *record,
			 char text[RAWPCI_RECORD_BYTES]);
int rawpci_record_parse(const char *name, const char *text, struct rawpci_record *record);

#endif
