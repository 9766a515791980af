/* SPDX-License-Identifier: MIT */
/*
 * What others may use of the hand-over: a device in the library's custody, taken from the host and
 * to be returned to it. The room owns rawpci_custody, which one thread at a time uses (its device is
 * being opened or closed), and the directory of locks and records (setting run.dir).
 *
 * The order is own, take, return, finish. A process that is killed leaves the record, by which the
 * next owner or rawpci_recover() returns the device.
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
	bool known;  /* it has been looked at */
	int found;   /* 1: something, 0: nothing, or why it cannot be known, a negative errno */
	bool bridge; /* that is the device itself */
	char what[RAWPCI_INUSE_TEXT];
};

struct rawpci_custody {
	struct rawpci *ctx;
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	const struct rawpci_backend *backend; /* that has it, or is tried */
	struct rawpci_locks locks;
	int no_record; /* why no record can be written, a negative errno */
	char bound[RAWPCI_SYSFS_NAME]; /* the host driver that it is taken from; "": none */
	bool left;     /* looked at alone: a killed process had taken it from that one */
	struct rawpci_use use;
	struct rawpci_driver_hold hold; /* what is to be put back; .held: a driver, too */
	struct rawpci_state state;      /* the same, of the registers */
	bool idle;                      /* the kernel may suspend it again: os/idle.h */
	bool recorded;                  /* these are written down */
	uint16_t recorded_ids[2];       /* vendor's and device's, with them */
	struct rawpci_record owed;      /* what could not be put back before, if .hold.held */

	/* Known by others, at the close. */
	bool was_gone;   /* it was silent for a time, and may have lost its registers */
	bool unfinished; /* the kernel is still at something: its record stays */
	bool blocked;    /* it could not be returned for its IOMMU group's sake */
};

/* Finish gives up the ownership. */
void rawpci_custody_init(struct rawpci_custody *custody, struct rawpci *ctx,
			 const struct rawpci_address *address);
void rawpci_custody_finish(struct rawpci_custody *custody);

/* Owns the device across processes, and returns it first if its former owner did not. Without a
 * place for locks and records it goes on; take then refuses to change a driver. */
int rawpci_custody_own(struct rawpci_custody *custody);

/* What own comes to, as far as it can be seen, without touching anything: sets bound, left and
 * no_record. True: something is to be told, which blocks or not. */
bool rawpci_custody_look(struct rawpci_custody *custody, const struct rawpci_host_device *device,
			 struct rawpci_finding *finding);

/*
 * What is in the way of taking the device for custody->backend from custody->bound. These look and
 * change nothing.
 */

/* The driver that the backend needs; "": none. */
const char *rawpci_custody_wanted(const struct rawpci_custody *custody);
/* Does the backend need the host driver called bound ("": none) taken away, which the flags do not
 * allow? The second fails with that: -EBUSY. */
bool rawpci_driver_is_kept(const struct rawpci_backend *backend, const char *bound,
			   unsigned flags);
int rawpci_custody_keep(struct rawpci_custody *custody, unsigned flags);
/* A module that is not loaded (false: it is), and a device that is not on the host. */
bool rawpci_find_module(const struct rawpci *ctx, const char *driver,
			struct rawpci_finding *finding);
void rawpci_find_absent(const struct rawpci *ctx, struct rawpci_finding *finding);
/* Calls each() with everything in the way, in the order in which take meets it, until it returns
 * other than 0; returns that, or 0. dev: "/dev" for a caller that is about to take the device: disks
 * are tried, too (os/inuse.h); else NULL. */
int rawpci_custody_check(struct rawpci_custody *custody, unsigned flags, const char *dev,
			 int (*each)(void *opaque, const struct rawpci_finding *finding),
			 void *opaque);

/* Binds the driver that custody->backend needs, if the flags allow what that takes. */
int rawpci_custody_take(struct rawpci_custody *custody, unsigned flags);
void rawpci_custody_return(struct rawpci_custody *custody);
/* The same after a failure that has its sentence already, which stays. */
void rawpci_custody_undo(struct rawpci_custody *custody);

/* Is the device gone, another one, or another driver's, where no kernel driver would keep its user
 * from it? */
bool rawpci_custody_lost(struct rawpci_custody *custody);

/* Returns those devices of an IOMMU group that have a record, once no program has any of them. For
 * a device that is not owned any more; blocked: it is to be returned itself. */
void rawpci_group_finish(struct rawpci *ctx, const struct rawpci_address *address, bool blocked);

#endif
