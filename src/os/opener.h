/* SPDX-License-Identifier: MIT */
/*
 * Who has a file open. The kernel is asked, through /proc, and not a text that somebody has left:
 * the number is right in this process's own number space, and a child that has inherited the
 * descriptor is found, not its parent that has ended.
 */
#ifndef RAWPCI_OS_OPENER_H
#define RAWPCI_OS_OPENER_H

#include <stdbool.h>

struct rawpci_opener {
	unsigned process; /* its number; 0: none can be seen */
	bool self;        /* it is this process */
	char text[80];    /* "process 12 (qemu)", or what is to be said of one that cannot be seen */
};

/**
 * Looks for a process that has a file open, without opening it.
 * @proc: "/proc"
 * @path: the file, or the device node; another node of the same device is it, too
 * @locked: only who has it open with a lock on it
 *
 * Sees the processes of its own number space, and of these the ones it may look into: its user's,
 * or as root all.
 */
void rawpci_opener_find(const char *proc, const char *path, bool locked,
			struct rawpci_opener *out);

#endif
