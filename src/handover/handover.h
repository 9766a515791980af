/* SPDX-License-Identifier: MIT */
/*
 * What the files of the custody share. Private to src/handover.
 *
 * A file uses only files that are named before it here. driver, locks and record (record-text) each
 * change one thing of the host. place and words only look at a device or speak of it. idle and
 * registers (register-list) each change one thing more; whose and group only look. return-by-record
 * does what a record says. nodes and kept are about devices that are taken for
 * other programs. own, may-take, return-at-close and take are the life of a custody.
 * recover and return-kept end the custody of
 * owners that are gone.
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

/* The id of this boot; "": the kernel does not tell. */
void rawpci_handover_boot(char boot[RAWPCI_BOOT_TEXT]);

/* Where to look for uses of a device, without trying its disks. */
struct rawpci_inuse_host rawpci_inuse_where(const struct rawpci *ctx);

/*
 * words.c
 */

/* "no driver" for "". */
const char *rawpci_or_none(const char *driver);

/* Can the error pass by itself (no memory, no descriptor, a full disk)? Any other error stays until
 * the directory, its rights or the record change. */
bool rawpci_is_passing(int r);

/* What a call returns for any other error: a directory that cannot be used is -EACCES. */
int rawpci_as_permission(int r);

/* What a call returns for a passing error: -ENOSPC, -ENOMEM or -EIO. */
int rawpci_as_passing(int r);

/* -ETIMEDOUT; slow: what has not finished. */
int rawpci_fail_timeout(struct rawpci *ctx, const char *name, const char *slow);

/*
 * idle.c
 */
/* May the kernel suspend the device? custody->idle keeps the answer for the return. */
bool rawpci_handover_is_idle(struct rawpci_custody *custody);
/* Resumes the device and keeps the kernel from suspending it. If that fails, the log says what may
 * follow. Returns 0 or -ETIMEDOUT, with its sentence. */
int rawpci_handover_wake(struct rawpci_custody *custody);
/* Undoes it. For a device without a record. */
void rawpci_handover_let_idle(struct rawpci_custody *custody);
/* Before a record is settled: resumes the device if no other driver has it, so that the kernel does
 * not write old registers over the new ones. idle: the kernel may suspend it afterwards. 0 or
 * -ETIMEDOUT. */
int rawpci_idle_hold(const struct rawpci_binding *at, const struct rawpci_record *record,
		     bool *idle);
/* The kernel may suspend it again. 0 or -ETIMEDOUT. */
int rawpci_idle_release(struct rawpci *ctx, const struct rawpci_binding *at, const char *name);

/*
 * restore-registers.c
 */
/* Reads the registers to restore later. Returns 0 or -errno; -ENODEV: the device does not
 * answer. */
int rawpci_state_look(const struct rawpci_binding *at, bool bare, struct rawpci_state *out);
/* register-list.c: those of capabilities. */
struct rawpci_config_reader;
void rawpci_state_look_words(const struct rawpci_config_reader *reader, struct rawpci_state *to);
/* Turns bus mastering off, unbinds the driver that the device was taken by, and restores the
 * registers before another driver has the device. An error other than -ETIMEDOUT has its
 * sentence. */
int rawpci_state_restore(struct rawpci *ctx, const struct rawpci_binding *at, const char *name,
			 const struct rawpci_record *record, bool killed);

/*
 * group.c
 */
/* Is another device of its IOMMU group bound to a VFIO driver, so that a program may use it? */
bool rawpci_group_neighbour(struct rawpci *ctx, const struct rawpci_address *address,
			    char name[RAWPCI_ADDRESS_TEXT]);

/* Calls each() with the devices of its group, itself included. Returns as
 * rawpci_sysfs_group_each(). */
int rawpci_group_each(struct rawpci *ctx, const struct rawpci_address *address,
		      int (*each)(void *opaque, const struct rawpci_address *address),
		      void *opaque);
/* Does a program own a device of its group? 1, 0 or -errno. */
int rawpci_group_owned(struct rawpci *ctx, const struct rawpci_address *address);

/*
 * whose.c
 */
/* Is this record about the device that is present now? 1, 0 (no: the record can go) or -errno. */
int rawpci_record_applies(struct rawpci *ctx, const char *name,
			  const struct rawpci_address *address, const struct rawpci_record *record);
/* Logs that the host has removed the device. */
void rawpci_say_removed(struct rawpci *ctx, const char *name);
/* For a passing error of rawpci_handover_lock(): the program that has the lock (-EWOULDBLOCK), or
 * why the lock cannot be taken now. */
void rawpci_find_lock(const struct rawpci *ctx, const struct rawpci_address *address, bool shared,
		      int r, struct rawpci_finding *finding);
/* For a passing error of rawpci_record_read(). */
void rawpci_find_unread(const struct rawpci *ctx, int r, struct rawpci_finding *finding);
/* Does a program without the lock use the device through the driver that it was taken by? VFIO's
 * and UIO's nodes can be opened without this library. The finding has -EBUSY; or a passing error: it
 * cannot be found out now. */
bool rawpci_find_user(const struct rawpci *ctx, const struct rawpci_address *address,
		      const struct rawpci_record *record, struct rawpci_finding *finding);

/*
 * nodes.c
 */
/* Sets custody->nodes: those that the user (UINT32_MAX: no change) or the group may open from
 * rawpci_nodes_give() on. Give fails with -ESTALE if another program has changed an owner since the
 * look: both can be called again. 0 or -errno, with a sentence. */
int rawpci_nodes_look(struct rawpci_custody *custody, uint32_t uid, uint32_t gid);
int rawpci_nodes_give(struct rawpci_custody *custody);
/* Gives the nodes that are still there to their former owners. 0; -ENOSPC or -ENOMEM, with
 * a sentence: call it again later. */
int rawpci_nodes_restore(struct rawpci *ctx, const struct rawpci_address *address, const char *name,
			 const struct rawpci_nodes *nodes);

/*
 * take.c
 */
/* The record of a device that this process takes. Once it is written, the ids stay those in it:
 * another device may have come to the address. 0 or -errno. */
int rawpci_record_compose(const struct rawpci_custody *custody,
			  const struct rawpci_driver_hold *hold, struct rawpci_record *record);

/*
 * kept.c
 */
/* Does the device stay as it is, because it is kept? Not after a reboot, and not if another driver
 * has it now. If this boot's id cannot be read, the boot counts as the same. */
bool rawpci_record_is_kept(const struct rawpci *ctx, const struct rawpci_address *address,
			   const struct rawpci_record *record);
/* The finding for it. */
void rawpci_find_kept(const struct rawpci_record *record, struct rawpci_finding *finding);
/* The device is kept for another driver than the one of custody->purpose. */
bool rawpci_find_kept_otherwise(const struct rawpci_custody *custody,
				struct rawpci_finding *finding);
/* Returns the registers of a kept device that was opened. */
void rawpci_kept_close(struct rawpci_custody *custody);

/*
 * return-by-record.c
 */
/* Returns the device as the record says, then removes the record. killed: the state of the device
 * is unknown, because its owner has not returned it or it has been silent. Returns 1; 0: the host
 * has removed the device, and the record is removed, too; or -errno. */
int rawpci_record_settle(struct rawpci *ctx, const struct rawpci_locks *locks,
			 const struct rawpci_address *address, const struct rawpci_record *record,
			 bool killed);
/* Settles a device's record. Returns 1: the device has been returned; 0: no record, or no device; or
 * -errno: it has to be returned later, as *owed says if the record could be read. 0 with
 * owed->kept: it is kept, and stays as it is. -EWOULDBLOCK:
 * another program uses the device. *foreign: the record is not valid; it stays as it is. */
int rawpci_record_finish(struct rawpci *ctx, const struct rawpci_locks *locks,
			 const struct rawpci_address *address, struct rawpci_record *owed,
			 bool *foreign);

/*
 * own.c
 */
/* Takes the locks of a device. A passing error (-EWOULDBLOCK: another program has it) forbids to
 * touch the device, because others may have it; *shared says which lock it is about. Any other
 * error says why run.dir can have no lock. Such an error of the lock that containers share does not
 * count. */
int rawpci_handover_lock(struct rawpci *ctx, struct rawpci_locks *locks,
			 const struct rawpci_address *address, bool *shared);

/*
 * may-take.c
 */
/* No record can be written, for the error r: of the registers, or (of_driver) of the host
 * driver. */
void rawpci_find_unrecorded(const struct rawpci_custody *custody, bool of_driver, int r,
			    struct rawpci_finding *finding);
/* This process may not write to path, for the error r, to have another driver bound. */
void rawpci_find_unwritable(struct rawpci_custody *custody, const char *path, int r,
			    struct rawpci_finding *finding);

#endif
