/* SPDX-License-Identifier: MIT */
/*
 * Reads, writes and opens that can hang. A driver that is asked to unbind waits for its users, and
 * the kernel keeps the device locked meanwhile (Linux drivers/base/dd.c). Reads and writes of other
 * files of the device wait for that lock. A disk that does not answer keeps an open of its node
 * waiting. A thread of its own makes each such step.
 */
#ifndef RAWPCI_OS_SLOW_H
#define RAWPCI_OS_SLOW_H

#include <stdbool.h>

#include "os/sysfs.h"

/* The thread keeps copies of these descriptors open until the kernel has returned; -1: none. */
struct rawpci_keep {
	int lock, shared; /* as in struct rawpci_locks: while one is open, the device is in use */
};

#define RAWPCI_KEEP_NONE ((struct rawpci_keep){ .lock = -1, .shared = -1 })

/* A device in sysfs, and how writes to its files are limited. */
struct rawpci_binding {
	const char *root; /* sysfs */
	struct rawpci_address address;
	unsigned limit_ms;       /* for each write */
	struct rawpci_keep keep; /* as for rawpci_slow_write() */
};

/**
 * Writes text to a file in one write, from a thread of its own, and waits for it.
 * @limit_ms: how long to wait at most
 * @keep: stays the caller's
 *
 * Returns 0 or a negative errno value; -ETIMEDOUT: the limit has passed. The write then goes on
 * and may take effect at any time later. Until it returns, keep's files stay open, and a process
 * that exits may have to wait for it.
 */
int rawpci_slow_write(const char *path, const char *text, unsigned limit_ms,
		      const struct rawpci_keep *keep);

/* Opens a file with the flags of open(2) and closes it, in a thread of its own. Returns 0 or a
 * negative errno value; -ETIMEDOUT: the limit has passed. The file is then closed once the kernel has
 * opened it. */
int rawpci_slow_claim(const char *path, int flags, unsigned limit_ms);

/* A write or a read that the caller may wait for again. */
struct rawpci_slow;

/**
 * As rawpci_slow_write(). With text NULL it reads up to 64 bytes and drops them (-ENOBUFS: the file
 * has more). After -ETIMEDOUT:
 * @late: receives the job, for rawpci_slow_ended() or rawpci_slow_leave()
 * @then: if the caller leaves the job, its thread calls this with arg once the kernel has returned.
 *        keep's files stay open until then() returns. arg is freed with free() in any case
 */
int rawpci_slow_begin(const char *path, const char *text, unsigned limit_ms,
		      const struct rawpci_keep *keep, void (*then)(void *arg), void *arg,
		      struct rawpci_slow **late);

/* Has the kernel returned? If so, the job is freed and *late is NULL. */
bool rawpci_slow_ended(struct rawpci_slow **late);

/* Ends the caller's wait for the job and makes *late NULL. NULL in *late is fine. */
void rawpci_slow_leave(struct rawpci_slow **late);

/* As rawpci_slow_write(), but reads a file without its last line break. Returns its length;
 * -ENOBUFS if it does not fit. */
int rawpci_slow_read(const char *path, char text[RAWPCI_SYSFS_NAME], unsigned limit_ms,
		     const struct rawpci_keep *keep);

#endif
