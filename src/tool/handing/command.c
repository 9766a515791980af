/* SPDX-License-Identifier: MIT */
/* The command of "run": it is looked for, started, and waited for. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define KILLED 128 /* and the signal's number */
#define NO_PATH "/bin:/usr/bin"

/* missing: what ENOENT means. */
static int fail(const struct tool *tool, const char *name, int error, const char *missing)
{
	(void)tool_failed(tool, "\"%.300s\" cannot be executed: %s", name,
			  error == ENOENT ? missing : strerror(error));
	return error == ENOENT ? TOOL_RUN_NO_COMMAND : TOOL_RUN_NO_EXEC;
}

/* Returns 0 or an errno value. */
static int check_file(const char *path)
{
	struct stat file;

	if (stat(path, &file) < 0)
		return errno == ENOTDIR ? ENOENT : errno;
	if (!S_ISREG(file.st_mode))
		return EACCES;
	return faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) < 0 ? errno : 0;
}

/* Looks where execvp(3) looks. */
static int search(const char *name)
{
	const char *at = getenv("PATH");
	int error = ENOENT;

	for (at = at ? at : NO_PATH;; at++) {
		int length = (int)strcspn(at, ":");
		char path[PATH_MAX];
		int n = snprintf(path, sizeof(path), "%.*s%s%s", length, at, length ? "/" : "",
				 name);
		int r = n < 0 || (size_t)n >= sizeof(path) ? ENOENT : check_file(path);

		if (r == 0)
			return 0;
		if (r == EACCES)
			error = EACCES;
		at += length;
		if (*at == '\0')
			return error;
	}
}

int command_find(const struct tool *tool, const char *name)
{
	int error = name[0] == '\0' ? ENOENT : strchr(name, '/') ? check_file(name) : search(name);

	return error == 0 ? -1 : fail(tool, name, error, "there is no such command");
}

/* Reads again what a signal has interrupted. */
static ssize_t read_all(int fd, void *buffer, size_t size)
{
	ssize_t n;

	do
		n = read(fd, buffer, size);
	while (n < 0 && errno == EINTR);
	return n;
}

/* In the new process. If the other process ends, no byte comes. */
__attribute__((noreturn)) static void execute(char *const *argv, const struct signals *signals,
					      int go, int failed)
{
	char byte;
	int error;

	if (read_all(go, &byte, 1) != 1)
		_exit(TOOL_RUN_FAILED);
	signals_give(signals);
	(void)execvp(argv[0], argv);
	error = errno;
	if (write(failed, &error, sizeof(error)) < 0)
		_exit(TOOL_RUN_FAILED);
	_exit(error == ENOENT ? TOOL_RUN_NO_COMMAND : TOOL_RUN_NO_EXEC);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

/* Makes the process, which gets the first end of go and the second of failed. */
static int make_process(struct command *command, char *const *argv, const struct signals *signals)
{
	int go[2], failed[2], error;

	if (pipe2(go, O_CLOEXEC) < 0)
		return errno;
	command->go = go[1];
	if (pipe2(failed, O_CLOEXEC) < 0) {
		(void)close(go[0]);
		return errno;
	}
	command->exec_failed = failed[0];
	command->process = fork();
	error = errno;
	if (command->process == 0) {
		(void)close(go[1]);
		execute(argv, signals, go[0], failed[1]);
	}
	(void)close(go[0]);
	(void)close(failed[1]);
	if (command->process < 0)
		return error;
	command->pidfd = (int)syscall(SYS_pidfd_open, command->process, 0);
	return command->pidfd < 0 ? errno : 0;
}

int command_prepare(const struct tool *tool, struct command *command, char *const *argv,
		    const struct signals *signals)
{
	int error = make_process(command, argv, signals);

	if (error == 0)
		return -1;
	(void)tool_failed(tool, "%.300s cannot be started: %s", argv[0], strerror(error));
	return TOOL_RUN_FAILED;
}

/* Returns the exit status once the command has ended, before that -1. */
static int take_changes(pid_t process)
{
	siginfo_t change;

	for (;;) {
		memset(&change, 0, sizeof(change));
		if (waitid(P_PID, (id_t)process, &change, WEXITED | WSTOPPED | WNOHANG) < 0)
			return TOOL_RUN_FAILED;
		if (change.si_pid == 0)
			return -1;
		if (change.si_code == CLD_EXITED)
			return change.si_status;
		if (change.si_code != CLD_STOPPED)
			return KILLED + change.si_status;
		signals_stop(change.si_status);
	}
}

int command_run(const struct tool *tool, struct command *command, const char *name,
		const struct signals *signals)
{
	siginfo_t info;
	int error, status = -1;

	/* The process may have been killed: its end tells. It may also be stopped before it executes
	 * the program, so nothing waits for that. */
	(void)!write(command->go, "", 1);
	close_one(&command->go);
	while (status < 0) {
		signals_wait(signals, &info);
		if (info.si_signo == SIGCHLD)
			status = take_changes(command->process);
		else
			signals_pass(&info, command->process);
	}
	if (read_all(command->exec_failed, &error, sizeof(error)) == (ssize_t)sizeof(error))
		return fail(tool, name, error, "its interpreter is missing");
	return status;
}

void command_finish(struct command *command)
{
	bool waits = command->go >= 0 && command->process > 0;

	close_one(&command->go);
	if (waits)
		(void)waitpid(command->process, NULL, 0);
	close_one(&command->pidfd);
	close_one(&command->exec_failed);
}
