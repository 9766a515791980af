/* SPDX-License-Identifier: MIT */
/*
 * Which process has a file open. /proc shows the right process in this PID namespace; a number in a
 * file can be of another PID namespace. If a child has inherited the descriptor and its parent has
 * ended, /proc shows the child.
 */
#ifndef RAWPCI_OS_OPENER_H
#define RAWPCI_OS_OPENER_H

#include <stdbool.h>

struct rawpci_opener {
	unsigned process; /* its number; 0: no process could be seen */
	bool self;        /* it is this process */
	int error;     /* if none was seen: a lack kept it from looking further, as -EMFILE; or 0 */
	char text[80]; /* "process 12 (qemu)", or words for a process that cannot be seen */
};

/**
 * Looks for a process that has a file open, without opening it.
 * @proc: "/proc"
 * @path: the file, or a device node; another node of the same device counts as well
 * @locked: only a process that has the file open with a lock on it
 *
 * It sees the processes of its own PID namespace: as root all of them, else those of its user.
 */
void rawpci_opener_find(const char *proc, const char *path, bool locked, struct rawpci_opener *out);

#endif
