/* SPDX-License-Identifier: MIT */
/* Seccomp filters that note calls, or allow only some. */
#include "watch.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct watched *watching;
static atomic_int listener = -1;

static int install(const struct sock_filter *rules, unsigned count, unsigned flags)
{
	const struct sock_fprog program = { (unsigned short)count, (struct sock_filter *)rules };
	long r;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
	return r < 0 ? -errno : (int)r;
}

/* Adds "if this call, then this action". */
static unsigned add_rule(struct sock_filter *rules, unsigned count, unsigned number,
			 unsigned action)
{
	rules[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1);
	rules[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	return count;
}

/* The call that ends the child is the test's own. */
static unsigned begin_rules(struct sock_filter *rules)
{
	unsigned count = 0;

	rules[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						      offsetof(struct seccomp_data, arch));
	rules[count++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64,
						      1, 0);
	rules[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	rules[count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						      offsetof(struct seccomp_data, nr));
	return add_rule(rules, count, SYS_exit_group, SECCOMP_RET_ALLOW);
}

/* Notes every call and lets it go on. It takes no lock of the C library, because the thread that
 * waits for it may hold that. */
static void *note_calls(void *opaque)
{
	const struct timespec moment = { .tv_nsec = 100000 };
	int fd;

	(void)opaque;
	while ((fd = atomic_load(&listener)) < 0)
		(void)nanosleep(&moment, NULL);
	for (;;) {
		struct seccomp_notif call = { 0 };
		struct seccomp_notif_resp answer = { 0 };

		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0)
			continue;
		if (call.data.nr >= 0 && call.data.nr < WATCH_CALLS && !watching->done)
			watching->seen[call.data.nr] = true;
		answer.id = call.id;
		answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
	return NULL;
}

static int see(void)
{
	struct sock_filter rules[16];
	unsigned count = begin_rules(rules);
	pthread_t thread;
	int r;

	rules[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
	r = -pthread_create(&thread, NULL, note_calls, NULL);
	if (r == 0)
		r = install(rules, count, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	if (r < 0)
		return r;
	atomic_store(&listener, r);
	return 0;
}

static void forbidden(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)context;
	watching->refused = info->si_syscall;
	_exit(1);
}

static int enforce(const bool *allowed)
{
	static struct sock_filter rules[2 * WATCH_CALLS + 16];
	const struct sigaction action = { .sa_sigaction = forbidden, .sa_flags = SA_SIGINFO };
	unsigned count = begin_rules(rules);

	(void)sigaction(SIGSYS, &action, NULL);

	for (unsigned i = 0; i < WATCH_CALLS; i++)
		if (allowed[i])
			count = add_rule(rules, count, i, SECCOMP_RET_ALLOW);
	rules[count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
	return install(rules, count, 0);
}

int watch_enter(struct watched *watched, enum watch_kind kind, const bool *allowed)
{
	int r;

	watching = watched;
	r = kind == WATCH_SEE ? see() : enforce(allowed);
	if (r == 0)
		watched->entered = true;
	return r;
}
