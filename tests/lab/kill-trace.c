/* SPDX-License-Identifier: MIT */
/* Killing a process at a chosen kernel call (ptrace(2)), or at a chosen time. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "kill.h"

#define OPTIONS (PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_EXITKILL)

/* What a kill can fall between: writes to sysfs, to records and to the device, and what is done to
 * VFIO. The many reads, and those of the C library, change nothing, and a lock goes with the
 * process. */
static bool counts(unsigned long long number)
{
	switch (number) {
	case SYS_pwrite64:
	case SYS_renameat:
	case SYS_renameat2:
	case SYS_unlinkat:
	case SYS_fsync:
	case SYS_mkdir:
	case SYS_ioctl:
		return true;
	default:
		return false;
	}
}

static pid_t start(const struct kill_target *target, unsigned cycles, bool traced)
{
	pid_t child = fork();

	if (child != 0)
		return child;
	if (traced && (ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 || raise(SIGSTOP) != 0))
		_exit(3);
	_exit(kill_work(target, cycles));
}

/* Its first thread's end is the last that is reported, after those of the other threads, for which
 * the tracer has to ask. */
static void end(pid_t child)
{
	pid_t thread;
	int status = 0;

	kill(child, SIGKILL);
	do
		thread = waitpid(-1, &status, __WALL);
	while (thread >= 0 && (thread != child || WIFSTOPPED(status)));
}

/* Follows all threads. Returns the steps, or -1 when it ended badly. */
static int follow(pid_t child, unsigned count)
{
	unsigned steps = 0;
	int status;

	for (;;) {
		struct __ptrace_syscall_info info;
		pid_t thread = waitpid(-1, &status, __WALL);
		int sig = 0;

		if (thread < 0)
			return -1;
		if (WIFEXITED(status) || WIFSIGNALED(status)) {
			if (thread != child)
				continue;
			return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? (int)steps : -1;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
			static unsigned long long entered[1 << 16];
			unsigned long long *number = &entered[thread & 0xffff];

			if (ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info) > 0) {
				if (info.op == PTRACE_SYSCALL_INFO_ENTRY)
					*number = info.entry.nr;
				if (counts(*number) && ++steps == count) {
					end(child);
					return (int)steps;
				}
			}
		} else if (WSTOPSIG(status) != SIGSTOP && WSTOPSIG(status) != SIGTRAP) {
			sig = WSTOPSIG(status);
		}
		ptrace(PTRACE_SYSCALL, thread, NULL, sig);
	}
}

int kill_at_step(const struct kill_target *target, unsigned count)
{
	pid_t child = start(target, 1, true);
	int status;

	if (child < 0 || waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		return -1;
	ptrace(PTRACE_SETOPTIONS, child, NULL, OPTIONS);
	ptrace(PTRACE_SYSCALL, child, NULL, 0);
	return follow(child, count);
}

bool kill_after(const struct kill_target *target, long ms)
{
	pid_t child = start(target, 0, false);
	int status;

	if (child < 0)
		return false;
	sleep_ms(ms);
	if (waitpid(child, &status, WNOHANG) == child)
		return check(false, "the child ended by itself: status 0x%x", (unsigned)status);
	end(child);
	return true;
}
