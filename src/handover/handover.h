/* SPDX-License-Identifier: MIT */
/*
 * What the files of the hand-over share. Private to src/handover.
 *
 * From below: driver, locks and record do one thing each to the host. place, words, idle, registers,
 * group and whose look at a device, or at what is said of it. settle does what a record says; own,
 * allowed, take and return are a custody's life; recover is the end of other owners' custody. A file
 * uses only those named before it.
 */
#ifndef RAWPCI_HANDOVER_HANDOVER_H
#define RAWPCI_HANDOVER_HANDOVER_H

#include "handover/driver.h"
#include "handover/record.h"
#include "os/inuse.h"
#include "os/opener.h"

struct rawpci;
struct rawpci_custody;
struct rawpci_finding;

/*
 * place.c
 */
struct rawpci_binding rawpci_handover_binding(const struct rawpci *ctx,
					      const struct rawpci_locks *locks,
					      const struct rawpci_address *address);
/* The ids of the device that is there now. */
int rawpci_handover_ids(const struct rawpci *ctx, const struct rawpci_address *address,
			struct rawpci_record *record);

/* Where to look for uses of a device, without trying its disks. */
struct rawpci_inuse_host rawpci_inuse_where(const struct rawpci *ctx);

/*
 * words.c
 */

/* "no driver" for "". */
const char *rawpci_or_none(const char *driver);

/* Errors that say nothing about the record, the device, or a right to either. All others stay until
 * the directory, its rights or the record are changed. */
bool rawpci_is_passing(int r);

/* However a directory forbids itself, to the caller it is permission. */
int rawpci_as_permission(int r);

/* What a call returns for a passing error: -ENOSPC, -ENOMEM or -EIO. */
int rawpci_as_passing(int r);

/* -ETIMEDOUT; slow: what there was no end of. */
int rawpci_fail_timeout(struct rawpci *ctx, const char *name, const char *slow);

/*
 * idle.c
 */
/* May the kernel suspend the device? Notes that in custody->idle, as it is to be again. */
bool rawpci_handover_is_idle(struct rawpci_custody *custody);
/* Resumes the device, and keeps it so. Where that cannot be, the log says what may come of it.
 * Returns 0 or -ETIMEDOUT, with its sentence. */
int rawpci_handover_wake(struct rawpci_custody *custody);
/* Ends that, where it was. For a device without a record. */
void rawpci_handover_let_idle(struct rawpci_custody *custody);
/* For the end by a record: resumes the device, if no other driver has it, so that the kernel writes
 * nothing back after what follows. idle: the kernel may suspend it afterwards. 0 or -ETIMEDOUT. */
int rawpci_idle_hold(const struct rawpci_binding *at, const struct rawpci_record *record,
		     bool *idle);
/* The kernel may suspend it again. 0 or -ETIMEDOUT. */
int rawpci_idle_release(struct rawpci *ctx, const struct rawpci_binding *at, const char *name);

/*
 * registers.c
 */
/* Reads what is to be put back. Returns 0 or -errno; -ENODEV: the device does not answer. */
int rawpci_state_look(const struct rawpci_binding *at, bool bare, struct rawpci_state *out);
/* register-list.c: the registers of capabilities among that. */
struct rawpci_config_reader;
void rawpci_state_look_words(const struct rawpci_config_reader *reader, struct rawpci_state *to);
/* Unbinds the driver that the device was taken by, and puts the registers back before another one
 * has the device: bus mastering off first. An error other than -ETIMEDOUT has its sentence. */
int rawpci_state_restore(struct rawpci *ctx, const struct rawpci_binding *at, const char *name,
			 const struct rawpci_record *record, bool killed);

/*
 * group.c
 */
/* Is another device of its IOMMU group bound to a VFIO driver, so that it may be user space's? */
bool rawpci_group_neighbour(struct rawpci *ctx, const struct rawpci_address *address,
			    char name[RAWPCI_ADDRESS_TEXT]);

/* Calls each() with the devices of its group, itself among them; returns as rawpci_sysfs_group_each(). */
int rawpci_group_each(struct rawpci *ctx, const struct rawpci_address *address,
		      int (*each)(void *opaque, const struct rawpci_address *address),
		      void *opaque);
/* Has a program any of its group? 1, 0 or -errno. */
int rawpci_group_owned(struct rawpci *ctx, const struct rawpci_address *address);

/*
 * whose.c
 */
/* Is the record about what is in that place now? Where not, it is done with. 1, 0 or -errno. */
int rawpci_record_applies(struct rawpci *ctx, const char *name,
			  const struct rawpci_address *address,
			  const struct rawpci_record *record);
/* Of rawpci_handover_lock(): which other program has the lock (-EWOULDBLOCK), or why it cannot be had
 * now. */
void rawpci_find_lock(const struct rawpci *ctx, const struct rawpci_address *address, bool shared,
		      int r, struct rawpci_finding *finding);
/* A passing error of rawpci_record_read(). */
void rawpci_find_unread(const struct rawpci *ctx, int r, struct rawpci_finding *finding);
/* Has a program opened the device through the driver that it was taken by, without its lock? VFIO's
 * and UIO's nodes need no library for that. */
bool rawpci_find_user(const struct rawpci *ctx, const struct rawpci_address *address,
		      const struct rawpci_record *record, struct rawpci_finding *finding);

/*
 * settle.c
 */
/* Puts back what there was, and removes the record when that is done. killed: nobody knows how the
 * device is now, because its owner has not given it back or it has been silent. */
int rawpci_record_settle(struct rawpci *ctx, const struct rawpci_locks *locks,
			 const struct rawpci_address *address, const struct rawpci_record *record,
			 bool killed);
/* Settles the record that there is. Returns 1: done; 0: there was nothing to do; or -errno: still to
 * be done, *owed says what, if the record could be read. -EWOULDBLOCK: it is somebody else's now. *foreign: there is a record that is not
 * acted upon, and not to be replaced. */
int rawpci_record_finish(struct rawpci *ctx, const struct rawpci_locks *locks,
			 const struct rawpci_address *address, struct rawpci_record *owed,
			 bool *foreign);

/*
 * own.c
 */
/* Takes the locks of a device. While others may have it, nothing is done to it without them: that
 * is a passing error (-EWOULDBLOCK: another program has it), and *shared says which lock it is.
 * Returns 0, such an error, or why there is no lock in run.dir until that is changed. The lock that
 * containers share is gone without where it cannot be had for such a reason. */
int rawpci_handover_lock(struct rawpci *ctx, struct rawpci_locks *locks,
			 const struct rawpci_address *address, bool *shared);

/*
 * allowed.c
 */
/* No record can be written (r): of the registers, or of the driver that has to go. */
void rawpci_find_unrecorded(const struct rawpci_custody *custody, bool of_driver, int r,
			    struct rawpci_finding *finding);
/* This process may not write to path (r), by which the kernel binds another driver. */
void rawpci_find_unwritable(struct rawpci_custody *custody, const char *path, int r,
			    struct rawpci_finding *finding);

#endif
