/* SPDX-License-Identifier: MIT */
/*
 * Reads and writes that may never return: asked to unbind, a driver waits for its users, and has
 * the device locked meanwhile (Linux drivers/base/dd.c), for which other files of the device wait.
 */
#ifndef RAWPCI_OS_SLOW_H
#define RAWPCI_OS_SLOW_H

#include "os/sysfs.h"

/**
 * Writes text to a file in one write, from a thread of its own, and waits for it.
 * @limit_ms: how long to wait at most
 * @keep: a descriptor of which the thread has a copy open until its write has returned; -1: none
 *
 * Returns 0 or a negative errno; -ETIMEDOUT when the limit has passed. The write is then still
 * under way (the kernel may not let go of the thread, nor of the process that ends): it may take
 * effect at any time later, and keep's open file is open until it has.
 */
int rawpci_slow_write(const char *path, const char *text, unsigned limit_ms, int keep);

/* The same for reading a file without its last line break. Returns its length; -ENOBUFS. */
int rawpci_slow_read(const char *path, char text[RAWPCI_SYSFS_NAME], unsigned limit_ms, int keep);

#endif
