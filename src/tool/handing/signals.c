/* SPDX-License-Identifier: MIT */
/* Signals: blocked, asked for one by one, and passed on. */
#include "signals.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
static const int others[] = { SIGUSR1, SIGUSR2, SIGCONT, SIGTSTP, SIGCHLD };
/* Blocked and never asked for. With the first two the terminal would stop this process at another
 * moment than the command. The last comes from a closed pipe at stderr. */
static const int blocked[] = { SIGTTIN, SIGTTOU, SIGPIPE };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void add(sigset_t *set, const int *signals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		(void)sigaddset(set, signals[i]);
}

/* If SIGCHLD were ignored, the kernel would forget how the command ended. */
void signals_take(struct signals *signals)
{
	const struct sigaction normal = { .sa_handler = SIG_DFL };
	sigset_t set;

	(void)sigemptyset(&signals->handled);
	add(&signals->handled, ending, COUNT(ending));
	add(&signals->handled, others, COUNT(others));
	set = signals->handled;
	add(&set, blocked, COUNT(blocked));
	(void)sigprocmask(SIG_BLOCK, &set, &signals->before);
	(void)sigaction(SIGCHLD, &normal, &signals->child);
	(void)sigaction(SIGTSTP, &normal, &signals->stop);
}

void signals_give(const struct signals *signals)
{
	(void)sigaction(SIGCHLD, &signals->child, NULL);
	(void)sigaction(SIGTSTP, &signals->stop, NULL);
	(void)sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

/* A signal that is ignored stays pending as well while it is blocked, for example nohup's SIGHUP. */
static bool is_ignored(int number)
{
	struct sigaction now;

	return sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
}

int signals_end(void)
{
	const struct timespec at_once = { 0 };
	sigset_t set;
	int number;

	(void)sigemptyset(&set);
	add(&set, ending, COUNT(ending));
	do
		number = sigtimedwait(&set, NULL, &at_once);
	while (number > 0 && is_ignored(number));
	return number > 0 ? number : 0;
}

void signals_wait(const struct signals *signals, siginfo_t *info)
{
	while (sigwaitinfo(&signals->handled, info) < 0)
		;
}

/* The terminal sends its signals to the whole process group, which the command may have left. But
 * when the terminal goes away, SIGHUP and SIGCONT come to the leader of the session alone. */
static bool is_for_group(const siginfo_t *info)
{
	return getsid(0) != getpid() || (info->si_signo != SIGHUP && info->si_signo != SIGCONT);
}

/* Signals of the terminal have the code SI_KERNEL. A signal of the command itself may have gone to
 * the group, too. */
void signals_pass(const siginfo_t *info, pid_t process)
{
	bool sent = info->si_code == SI_KERNEL ? is_for_group(info) : info->si_pid == process;

	if (!sent || getpgid(process) != getpgrp())
		(void)kill(process, info->si_signo);
}

/* The kernel ignores SIGTSTP where no shell could make this process go on. */
void signals_stop(int number)
{
	sigset_t set, before;

	if (number != SIGTSTP && number != SIGTTIN && number != SIGTTOU)
		return;
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTSTP);
	(void)raise(SIGTSTP);
	(void)sigprocmask(SIG_UNBLOCK, &set, &before);
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
}
