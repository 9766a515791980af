/* SPDX-License-Identifier: MIT */
/*
 * The keeper of "run": a process that returns the devices if rawpci is killed. It is there before
 * any device is taken. When rawpci has ended without a word, the keeper waits for the end of the
 * command, and then returns the devices by their records.
 */
#ifndef RAWPCI_TOOL_KEEPER_H
#define RAWPCI_TOOL_KEEPER_H

#include <sys/types.h>

#include "taking.h"
#include "../tool.h"

struct keeper {
	pid_t process;
	int socket; /* the keeper has the other end */
};

/* Starts it. No context may have been created. Returns -1, or TOOL_RUN_FAILED after it has said what
 * is wrong. */
int keeper_start(struct tool *tool, struct taking *taking, struct keeper *keeper);

/* Names the process to wait for. Returns as keeper_start(). */
int keeper_watch(const struct tool *tool, const struct keeper *keeper, int pidfd);

/* Ends it: there is nothing to return. */
void keeper_end(struct keeper *keeper);

/* Leaves the devices to it: it returns them when no program has them open, and says nothing. */
void keeper_leave(struct keeper *keeper);

#endif
