/* SPDX-License-Identifier: MIT */
/* The keeper of "run": a process that returns the devices if rawpci is killed. */
#include "keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kept.h"

#define LONGEST_PAUSE_NS 800000000

/* Messages of rawpci. The first has the command's pidfd with it. */
enum { WATCH = 'w', LEAVE = 'l' };

/* Room for one descriptor. */
union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

static int send_message(int socket, char what, int fd)
{
	struct iovec text = { &what, 1 };
	union control control = { 0 };
	struct msghdr message = { .msg_iov = &text, .msg_iovlen = 1 };

	if (fd >= 0) {
		struct cmsghdr *header = &control.align;

		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	}
	return sendmsg(socket, &message, MSG_NOSIGNAL) == 1 ? 0 : errno;
}

/* Returns the message, or 0 after the end of rawpci. *fd: the descriptor that came with it. */
static char receive_message(int socket, int *fd)
{
	char what = 0;
	struct iovec text = { &what, 1 };
	union control control;
	struct msghdr message = {
		.msg_iov = &text,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n;

	do
		n = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n == 1 && message.msg_controllen >= CMSG_LEN(sizeof(int)))
		memcpy(fd, CMSG_DATA(&control.align), sizeof(*fd));
	return n == 1 ? what : 0;
}

/* A process has ended when its pidfd is readable. */
static void wait_for_process(int pidfd)
{
	struct pollfd end = { .fd = pidfd, .events = POLLIN };

	while (pidfd >= 0 && poll(&end, 1, -1) < 0 && errno == EINTR)
		;
}

/* Locks the devices as their owner does (rawpci-handover(7)): rawpci recover would return those
 * that the command has not opened yet. The locks end with the descriptors. NULL: no memory, and
 * nothing is locked. */
static int *lock_devices(const struct tool *tool, const struct taking *taking)
{
	const char *run = tool_setting(tool, "run.dir", "/run/rawpci");
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int *locks = calloc(taking->count, sizeof(*locks));

	for (unsigned i = 0; locks && i < taking->count; i++) {
		char address[RAWPCI_ADDRESS_TEXT], path[PATH_MAX];
		struct rawpci_address parsed = { 0 };

		(void)rawpci_address_parse(taking->addresses[i], &parsed);
		(void)snprintf(path, sizeof(path), "%s/%s.lock", run,
			       rawpci_address_format(&parsed, address));
		locks[i] = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
		if (locks[i] >= 0)
			(void)fcntl(locks[i], F_OFD_SETLK, &whole);
	}
	return locks;
}

static void unlock_devices(int *locks, unsigned count)
{
	for (unsigned i = 0; locks && i < count; i++)
		if (locks[i] >= 0)
			(void)close(locks[i]);
	free(locks);
}

/* An error is said once, at the end. */
static void print_line(void *opaque, enum rawpci_log_level level, const char *message)
{
	const struct tool *tool = opaque;

	if (level == RAWPCI_LOG_WARNING || (tool->verbose && level > RAWPCI_LOG_WARNING))
		(void)tool_failed(tool, "%s", message);
}

/* Without a record it has been returned, or was never taken. If it is kept, another program has
 * taken it again with rawpci take. Returns as rawpci_return(). */
static int return_one(struct tool *tool, struct rawpci *ctx, const char *address)
{
	struct rawpci_address parsed;
	struct kept kept;
	bool is_kept;
	int r;

	if (rawpci_address_parse(address, &parsed) < 0 || kept_read(tool, ctx, &kept) >= 0)
		return 0; /* kept_read() has said why */
	is_kept = kept_find(&kept, &parsed) != NULL;
	kept_finish(&kept);
	r = is_kept ? 0 : rawpci_return(ctx, &address, 1);
	return r == -ENOENT ? 0 : r;
}

/* Returns those that no program has open, and takes them from the list. */
static void return_free(struct tool *tool, struct rawpci *ctx, struct taking *taking)
{
	const char **list = taking->addresses;
	unsigned left = 0;

	for (unsigned i = 0; i < taking->count; i++) {
		int r = return_one(tool, ctx, list[i]);

		if (r == -EBUSY)
			list[left++] = list[i];
		else if (r < 0)
			(void)tool_failed(tool, "%s", rawpci_last_error());
	}
	taking->count = left;
}

/* Programs that the command has started may still have a node open: their end is waited for. */
static void return_devices(struct tool *tool, struct taking *taking)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	struct rawpci *ctx;

	tool->log = print_line;
	if (tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx) >= 0)
		return;
	for (;;) {
		return_free(tool, ctx, taking);
		if (taking->count == 0)
			break;
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < LONGEST_PAUSE_NS)
			pause.tv_nsec *= 2;
	}
	(void)rawpci_destroy(ctx);
}

/* Keeps nothing open but the socket and stderr. Nothing that the terminal or a service manager sends
 * to all of rawpci's processes may end it. */
static int detach(int socket)
{
	sigset_t all;
	int nothing, kept;

	(void)sigfillset(&all);
	(void)sigprocmask(SIG_BLOCK, &all, NULL);
	(void)setsid();
	(void)prctl(PR_SET_NAME, "rawpci-keeper");
	nothing = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (nothing >= 0) {
		(void)dup2(nothing, STDIN_FILENO);
		(void)dup2(nothing, STDOUT_FILENO);
	}
	kept = socket == STDERR_FILENO + 1 ? socket : dup2(socket, STDERR_FILENO + 1);
	(void)syscall(SYS_close_range, kept + 1, ~0U, 0);
	return kept;
}

/* Returns when rawpci has something to say, or has ended. rawpci may have been stopped together
 * with the command. If the command ends then, rawpci goes on, to return the devices. */
static void wait_for_message(int socket, int command)
{
	struct pollfd wait[] = {
		{ .fd = socket, .events = POLLIN },
		{ .fd = command, .events = POLLIN },
	};

	for (;;) {
		int n = poll(wait, sizeof(wait) / sizeof(wait[0]), -1);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || wait[0].revents)
			return;
		(void)kill(getppid(), SIGCONT);
		wait[1].fd = -1;
	}
}

__attribute__((noreturn)) static void keep(struct tool *tool, struct taking *taking, int socket)
{
	int *locks, command = -1;
	char what;

	socket = detach(socket);
	do {
		wait_for_message(socket, command);
		what = receive_message(socket, &command);
	} while (what == WATCH);
	/* Programs of the command may run on for long: nothing waits for the end of stderr. */
	if (what == LEAVE)
		(void)dup2(STDIN_FILENO, STDERR_FILENO);
	if (command >= 0) {
		locks = lock_devices(tool, taking);
		wait_for_process(command);
		unlock_devices(locks, taking->count);
	}
	return_devices(tool, taking);
	_exit(0);
}

int keeper_start(struct tool *tool, struct taking *taking, struct keeper *keeper)
{
	int ends[2], error = 0;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		error = errno;
	if (error == 0) {
		keeper->process = fork();
		error = keeper->process < 0 ? errno : 0;
		if (keeper->process == 0)
			keep(tool, taking, ends[1]);
		(void)close(ends[1]);
		keeper->socket = ends[0];
	}
	if (error == 0)
		return -1;
	(void)tool_failed(tool, "the process that returns the devices cannot be started: %s",
			  strerror(error));
	return TOOL_RUN_FAILED;
}

int keeper_watch(const struct tool *tool, const struct keeper *keeper, int pidfd)
{
	int error = send_message(keeper->socket, WATCH, pidfd);

	if (error == 0)
		return -1;
	(void)tool_failed(tool, "the process that returns the devices is gone: %s",
			  strerror(error));
	return TOOL_RUN_FAILED;
}

void keeper_leave(struct keeper *keeper)
{
	(void)send_message(keeper->socket, LEAVE, -1);
	(void)close(keeper->socket);
	(void)kill(keeper->process, SIGCONT); /* it may have been stopped */
}

void keeper_end(struct keeper *keeper)
{
	(void)kill(keeper->process, SIGKILL); /* also if it is stopped */
	(void)close(keeper->socket);
	(void)waitpid(keeper->process, NULL, 0);
}
