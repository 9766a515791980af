/* SPDX-License-Identifier: MIT */
/*
 * What other rooms may use: a device in the library's custody, taken from the host and
 * to be returned to it. The room owns rawpci_custody, which one thread at a time uses (its device
 * is being opened or closed), and the directory of locks and records (setting run.dir).
 *
 * The order of calls is rawpci_custody_own(), _take(), _return(), _finish(). A process that is
 * killed leaves the record. The next owner or rawpci_recover() reads it to return the device.
 */
#ifndef RAWPCI_HANDOVER_CUSTODY_H
#define RAWPCI_HANDOVER_CUSTODY_H

#include <rawpci/backend.h>
#include <rawpci/enumerate.h>

#include "core/context.h"
#include "handover/record.h"
#include "os/inuse.h"

/* What the host would lose with the device. */
struct rawpci_use {
	bool known;  /* the rest is set */
	int found;   /* 1: something, 0: nothing; a negative errno: why it cannot be known */
	bool bridge; /* the device is a bridge */
	char what[RAWPCI_INUSE_TEXT];
	char stop[RAWPCI_INUSE_STOP]; /* the command that ends it; "": none */
};

/* What a device is taken for. */
struct rawpci_purpose {
	const char *driver; /* that it is bound to meanwhile; "": none, or any */
	bool unbound;       /* with driver "": a host driver has to go */
	bool bare;          /* as in struct rawpci_backend */
	bool handed;        /* to another program, by rawpci_take(): it always has a record */
};

struct rawpci_custody {
	struct rawpci *ctx;
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	struct rawpci_purpose purpose; /* of the backend that has the device, or is tried */
	struct rawpci_locks locks;
	int no_record; /* why no record can be written, a negative errno; 0: one can */
	char bound[RAWPCI_SYSFS_NAME]; /* the host driver that the device is taken from; "": none */
	bool left; /* set by look: a killed process has taken the device from that driver */
	struct rawpci_use use;
	struct rawpci_driver_hold hold; /* the binding to restore; .held: a driver changes */
	struct rawpci_state state;      /* the registers to restore */
	bool idle;                      /* the kernel may suspend it afterwards: os/idle.h */
	bool recorded;                  /* hold, state and idle are in the record */
	struct rawpci_nodes nodes;      /* so are these, as in struct rawpci_record */
	struct rawpci_node_owner found[RAWPCI_NODES]; /* who owned them when they were looked at */
	uint16_t recorded_ids[2];  /* so are these, of the vendor and the device */
	struct rawpci_record owed; /* a former owner's, not returned yet, if .hold.held; with
					   .kept: it is to stay as it is */
	bool as_kept;              /* set by take: so is the device after its return */

	/* Other rooms set these before the device is returned. */
	bool was_gone;   /* it was silent for a time, and may have lost its registers */
	bool unfinished; /* the kernel has not finished a write to sysfs: the record stays */

	bool blocked; /* set by return: its IOMMU group keeps the device from its host driver */
};

/* Finish unlocks the device. */
void rawpci_custody_init(struct rawpci_custody *custody, struct rawpci *ctx,
			 const struct rawpci_address *address);
void rawpci_custody_finish(struct rawpci_custody *custody);

/* Owns the device across processes. Returns it to its host driver first if a former owner did not.
 * Without a place for locks and records it succeeds; take then refuses to change a driver. */
int rawpci_custody_own(struct rawpci_custody *custody);

/* To open the device with a backend. */
struct rawpci_purpose rawpci_purpose_of(const struct rawpci_backend *backend);

/* What own would come to, as far as it can be seen. Touches nothing; sets bound, left and
 * no_record. True: *finding is set; it may block or not. */
bool rawpci_custody_look(struct rawpci_custody *custody, const struct rawpci_host_device *device,
			 struct rawpci_finding *finding);

/* A device that a program owns may be kept, too. True: *finding is set; it does not block. */
bool rawpci_custody_find_kept(const struct rawpci_custody *custody, struct rawpci_finding *finding);

/*
 * Obstacles to taking the device from custody->bound for custody->purpose. These functions look and
 * change nothing.
 */

/* Does the purpose need the host driver to go, and the flags forbid that? The second fails with
 * -EBUSY then. asked: its sentence says, too, what the host uses the device for, which takes a
 * search of all processes. */
bool rawpci_driver_is_kept(const struct rawpci_custody *custody, unsigned flags);
int rawpci_custody_keep(struct rawpci_custody *custody, unsigned flags, bool asked);
/* False: the module is loaded. */
bool rawpci_find_module(const struct rawpci *ctx, const char *driver,
			struct rawpci_finding *finding);
/* Calls each() with every obstacle, in the order in which take meets them, until each() returns
 * other than 0; returns that, or 0. dev: "/dev" if the caller is about to take the device, so that
 * its disks are tried (os/inuse.h); else NULL. */
int rawpci_custody_check(struct rawpci_custody *custody, unsigned flags, const char *dev,
			 int (*each)(void *opaque, const struct rawpci_finding *finding),
			 void *opaque);

/* Binds the driver of custody->purpose, if nothing is in the way. */
int rawpci_custody_take(struct rawpci_custody *custody, unsigned flags);
/* Restores what take has changed. */
void rawpci_custody_return(struct rawpci_custody *custody);
/* The same after a failure, whose sentence it keeps. */
void rawpci_custody_undo(struct rawpci_custody *custody);

/* Lets a user and a group open the nodes of the device, until it is returned. UINT32_MAX: no
 * change. 0 or -errno, with a sentence. */
int rawpci_custody_admit(struct rawpci_custody *custody, uint32_t uid, uint32_t gid);
/* Before mark: writes a copy of the record, so that unmark needs no room on the disk. 0 or -errno,
 * with a sentence. */
int rawpci_custody_copy(struct rawpci_custody *custody);
/* Marks the record as one of a device that is kept. Finish then leaves the device as it is. 0 or
 * -errno, with a sentence: call unmark. */
int rawpci_custody_mark(struct rawpci_custody *custody);
/* Puts the copy in the record's place. */
void rawpci_custody_unmark(struct rawpci_custody *custody);
/* Removes the copy. */
void rawpci_custody_drop_copy(struct rawpci_custody *custody);
/* As return, for a device that was handed to another program. 0 or -errno, with a sentence: the
 * record stays. -EBUSY: that program, or another, still uses the device. */
int rawpci_custody_hand_back(struct rawpci_custody *custody);

/* For a device whose registers no kernel driver puts back (bare): is the device gone, replaced by another one, or
 * bound to a host driver? */
bool rawpci_custody_lost(struct rawpci_custody *custody);

/* Once no program owns a device of this one's IOMMU group, returns those that have a record. The
 * caller has just given up this device. blocked: this device has to be returned, too. */
void rawpci_group_finish(struct rawpci *ctx, const struct rawpci_address *address, bool blocked);

#endif
