/* SPDX-License-Identifier: MIT */
/*
 * How a run is ended from outside: SIGINT, SIGTERM and the time limit.
 *
 * A device must be given back whatever happens, so none of these may simply end the process. They
 * are blocked and become readable on a descriptor; whoever waits, waits for that too.
 */
#ifndef STOP_H
#define STOP_H

#include <signal.h>
#include <stdbool.h>

struct stop {
	int fd;          /* readable when the run has to end */
	sigset_t before; /* the signals that were blocked before */
	unsigned seconds;
};

/* Call it before anything starts a thread. Says why when it fails. */
bool stop_init(struct stop *stop, unsigned seconds);
void stop_finish(struct stop *stop);

/* Has the run to end? Says why. */
bool stop_asked(struct stop *stop);

#endif
