/* SPDX-License-Identifier: MIT */
/*
 * The signals of subcommands that take and return devices. They are blocked, so that no signal ends
 * the program half-way. "run" asks for them one by one and passes them on to its command.
 */
#ifndef RAWPCI_TOOL_SIGNALS_H
#define RAWPCI_TOOL_SIGNALS_H

#include <signal.h>

struct signals {
	sigset_t handled;
	/* As rawpci got them. The command gets them so. */
	sigset_t before;
	struct sigaction child, stop;
};

void signals_take(struct signals *signals);

/* Puts back what signals_take() has changed. A signal that has come meanwhile acts now. */
void signals_give(const struct signals *signals);

/* Has a signal come that asks the program to end? Returns the first of them, or 0. Forgets it. */
int signals_end(void);

/* Waits for the next signal. */
void signals_wait(const struct signals *signals, siginfo_t *info);

/* Passes a signal on to the process, unless it has got it itself. */
void signals_pass(const siginfo_t *info, pid_t process);

/* The command was stopped by this signal. If it comes from the terminal, stops this process, too, so
 * that the shell sees that the job has stopped. Returns when it goes on. */
void signals_stop(int signal);

#endif
