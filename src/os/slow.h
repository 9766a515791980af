/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes that may never return: asked to unbind, a driver waits for its users, and has
 * the device locked meanwhile (Linux drivers/base/dd.c), for which other files of the device wait.
 */
#ifndef RAWPCI_OS_SLOW_H
#define RAWPCI_OS_SLOW_H

#include <stdbool.h>

#include "os/sysfs.h"

/* Descriptors of which the thread has copies open until the kernel has returned; -1: none. */
struct rawpci_keep {
	int lock, shared; /* as in struct rawpci_locks; either tells that the device is in use */
};

#define RAWPCI_KEEP_NONE ((struct rawpci_keep) { .lock = -1, .shared = -1 })

/**
 * Writes text to a file in one write, from a thread of its own, and waits for it.
 * @limit_ms: how long to wait at most
 * @keep: stays the caller's
 *
 * Returns 0 or a negative errno; -ETIMEDOUT when the limit has passed. The write is then still
 * under way (the kernel may not let go of the thread, nor of the process that ends): it may take
 * effect at any time later, and keep's open files are open until it has.
 */
int rawpci_slow_write(const char *path, const char *text, unsigned limit_ms,
		      const struct rawpci_keep *keep);

/* A write or a read that may be waited for again. */
struct rawpci_slow;

/**
 * As rawpci_slow_write(), or with text NULL a read of up to 64 bytes, whose result is thrown away
 * (-ENOBUFS: there are more). Where the limit has passed:
 * @late: receives what is still under way, for one of the following two
 * @then: called in its thread with arg once the kernel has returned, if it was left; keep's
 *        open files are open until it returns. arg is freed with free() in any case
 */
int rawpci_slow_begin(const char *path, const char *text, unsigned limit_ms,
		      const struct rawpci_keep *keep, void (*then)(void *arg), void *arg,
		      struct rawpci_slow **late);

/* Has it returned? Then it is done with, and *late is NULL. */
bool rawpci_slow_ended(struct rawpci_slow **late);

/* Nobody waits for it any more. */
void rawpci_slow_leave(struct rawpci_slow **late);

/* The same for reading a file without its last line break. Returns its length; -ENOBUFS. */
int rawpci_slow_read(const char *path, char text[RAWPCI_SYSFS_NAME], unsigned limit_ms,
		     const struct rawpci_keep *keep);

#endif
