/* SPDX-License-Identifier: MIT */
#include "stop.h"

#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

bool stop_init(struct stop *stop, unsigned seconds)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGALRM);

	stop->seconds = seconds;
	sigprocmask(SIG_BLOCK, &signals, &stop->before);
	stop->fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (stop->fd < 0) {
		perror("passthrough: signalfd");
		sigprocmask(SIG_SETMASK, &stop->before, NULL);
		return false;
	}
	alarm(seconds);
	return true;
}

void stop_finish(struct stop *stop)
{
	/* The mask stays: a second Ctrl-C must not turn a clean end into a killed one. */
	alarm(0);
	close(stop->fd);
}

bool stop_asked(struct stop *stop)
{
	struct signalfd_siginfo info;

	if (read(stop->fd, &info, sizeof(info)) != sizeof(info))
		return false;
	if (info.ssi_signo == SIGALRM)
		fprintf(stderr, "passthrough: not finished after %u s: the run is given up\n",
			stop->seconds);
	else
		fprintf(stderr, "passthrough: stopped by %s\n", strsignal((int)info.ssi_signo));
	return true;
}
