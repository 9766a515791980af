/* SPDX-License-Identifier: MIT */
/* The command of "run": it is looked for, started, and waited for. */
#ifndef RAWPCI_TOOL_COMMAND_H
#define RAWPCI_TOOL_COMMAND_H

#include <sys/types.h>

#include "signals.h"
#include "../tool.h"

struct command {
	pid_t process;
	int pidfd;       /* of the process; -1: none */
	int go;          /* a byte here lets it run; -1: none */
	int exec_failed; /* its errno comes from here; -1: none */
};

#define COMMAND_NONE ((struct command){ .pidfd = -1, .go = -1, .exec_failed = -1 })

/* Is there such a program, and may it be executed? Returns -1, or the exit status after it has said
 * what is wrong. */
int command_find(const struct tool *tool, const char *name);

/* Makes the process. It waits for command_run(), and ends if this process ends before. Returns -1,
 * or the exit status after it has said what is wrong. */
int command_prepare(const struct tool *tool, struct command *command, char *const *argv,
		    const struct signals *signals);

/* Lets it execute its program, waits for its end, and passes signals on. Returns the exit status.
 * It has said what is wrong if the program could not be executed. */
int command_run(const struct tool *tool, struct command *command, const char *name,
		const struct signals *signals);

/* Ends the process if it has not been let go, and closes what is open. */
void command_finish(struct command *command);

#endif
