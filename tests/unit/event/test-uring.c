/* SPDX-License-Identifier: MIT */
/* What the kernel may do to the engine: end polls, refuse an io_uring or take it away, refuse
 * memory barriers. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "rig.h"

enum { MANY = 64 };

struct gate {
	struct counter c;
	atomic_uint entered;
	atomic_uint open;
};

static void through_the_gate(void *arg)
{
	struct gate *g = arg;

	/* A spurious call may come while the gate is open. */
	if (atomic_load(&g->open))
		return;
	atomic_store(&g->entered, 1);
	until(&g->open, 1);
}

/* In a completion queue that is far too small, polls end for want of room. The engine arms them
 * again, and each signal still leads to a call. */
START_TEST(ended_polls_are_armed_again)
{
	struct rig rig;
	struct gate g;
	struct counter c[MANY];
	struct rawpci_engine_stats stats;

	if (rig_kind(0) != RAWPCI_ENGINE_URING)
		return;
	ck_assert_int_eq(rig_try(&rig, RAWPCI_ENGINE_URING, false, 8), 0);
	memset(&g, 0, sizeof(g));
	atomic_store(&g.open, 1);
	counter_add_fd(&g.c, &rig, new_fd(), 0, through_the_gate);
	for (unsigned i = 0; i < MANY; i++)
		counter_add(&c[i], &rig);
	for (unsigned round = 0; round < 20; round++) {
		unsigned before[MANY];

		atomic_store(&g.entered, 0);
		atomic_store(&g.open, 0);
		raise_fd(g.c.fd);
		ck_assert(until(&g.entered, 1));
		for (unsigned i = 0; i < MANY; i++) {
			before[i] = atomic_load(&c[i].calls);
			raise_fd(c[i].fd);
		}
		atomic_store(&g.open, 1);
		for (unsigned i = 0; i < MANY; i++)
			ck_assert(until(&c[i].calls, before[i] + 1));
	}
	rawpci_engine_stats(rig.engine, &stats);
	ck_assert_str_eq(stats.name, "io_uring");
	ck_assert_uint_gt(stats.rearmed, 0);
	for (unsigned i = 0; i < MANY; i++)
		counter_remove(&c[i]);
	counter_remove(&g.c);
	rig_close(&rig);
}
END_TEST

static void refuse(long call, int error)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = 4, .filter = program };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter), 0);
}

/* Runs fn in a child, because fn changes its process for good. */
static void in_child(void (*fn)(int), int argument)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		fn(argument);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

/* For a child, where Check would not see a failed ck_assert(). */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			_exit(1);                                                                  \
	} while (0)

static void deliver_once(struct rig *rig)
{
	struct counter c;

	counter_add(&c, rig);
	raise_fd(c.fd);
	MUST(rig_until(rig, &c.calls, 1));
	raise_fd(c.fd);
	MUST(rig_until(rig, &c.calls, 2));
	counter_remove(&c);
}

struct refusal {
	long call;
	int error;
};

static const struct refusal refusals[] = {
	{ SYS_io_uring_setup, EPERM },
	{ SYS_io_uring_setup, ENOSYS },
	{ SYS_io_uring_setup, ENOMEM },
	{ SYS_io_uring_setup, EINVAL },
	/* A sandbox may allow the ring and forbid its use. */
	{ SYS_io_uring_enter, EPERM },
};

static void refused(int i)
{
	struct rawpci_engine_stats stats;
	struct rig rig;

	refuse(refusals[i / 2].call, refusals[i / 2].error);
	MUST(rig_try(&rig, RAWPCI_ENGINE_URING, i % 2, 0) == -refusals[i / 2].error);
	MUST(atomic_load(&rig.notes) == 0);
	MUST(rig_try(&rig, RAWPCI_ENGINE_AUTO, i % 2, 0) == 0);
	MUST(atomic_load(&rig.notes) == 1);
	MUST(atomic_load(&rig.note_level) == RAWPCI_LOG_INFO);
	rawpci_engine_stats(rig.engine, &stats);
	MUST(strcmp(stats.name, "epoll") == 0);
	deliver_once(&rig);
	rig_close(&rig);
}

START_TEST(epoll_takes_over_where_io_uring_is_refused)
{
	in_child(refused, _i);
}
END_TEST

static void without_descriptors(int i)
{
	struct rlimit limit = { .rlim_cur = 3, .rlim_max = 3 };
	struct rig rig;

	for (int fd = 3; fd < 64; fd++)
		close(fd);
	/* With each number of free descriptors another step fails. */
	for (limit.rlim_cur = 3; limit.rlim_cur < 16; limit.rlim_cur++) {
		int r;

		limit.rlim_max = 64;
		MUST(setrlimit(RLIMIT_NOFILE, &limit) == 0);
		r = rig_try(&rig, RAWPCI_ENGINE_AUTO, i & 1, 0);
		if (limit.rlim_cur == 3)
			MUST(r == -EMFILE);
		if (limit.rlim_cur == 15)
			MUST(r == 0);
		if (r == 0)
			rig_close(&rig);
		else
			MUST(r == -EMFILE);
		MUST(dup(0) == 3 || limit.rlim_cur == 3);
		close(3);
	}
}

START_TEST(an_engine_that_lacks_descriptors_leaves_none_open)
{
	in_child(without_descriptors, _i);
}
END_TEST

static void taken_away(int i)
{
	struct rawpci_engine_stats stats;
	struct counter c;
	struct counter removed;
	struct rig rig;

	(void)i;
	MUST(rig_try(&rig, RAWPCI_ENGINE_URING, true, 0) == 0);
	counter_add(&c, &rig);
	counter_add(&removed, &rig);
	raise_fd(c.fd);
	MUST(rig_until(&rig, &c.calls, 1));
	counter_remove(&removed);
	refuse(SYS_io_uring_enter, EPERM);
	raise_fd(c.fd);
	MUST(rig_until(&rig, &c.calls, 2));
	rawpci_engine_stats(rig.engine, &stats);
	MUST(strcmp(stats.name, "epoll") == 0);
	MUST(atomic_load(&rig.notes) == 1);
	MUST(atomic_load(&rig.note_level) == RAWPCI_LOG_WARNING);
	deliver_once(&rig);
	counter_remove(&c);
	rig_close(&rig);
}

START_TEST(epoll_takes_over_when_io_uring_is_taken_away)
{
	if (rig_kind(0) == RAWPCI_ENGINE_URING)
		in_child(taken_away, 0);
}
END_TEST

static const struct {
	int error;
	const char *words;
} too_small[] = {
	{ ENOMEM, "Cannot allocate memory" },
	{ EMFILE, "Too many open files: raise this process's limit (ulimit -n)" },
};

static void not_larger(int i)
{
	enum { CROWD = 500 };
	static struct counter c[CROWD];
	struct rawpci_engine_stats stats;
	struct rig rig;

	MUST(rig_try(&rig, RAWPCI_ENGINE_URING, true, 0) == 0);
	refuse(SYS_io_uring_setup, too_small[i].error);
	for (unsigned k = 0; k < CROWD; k++)
		counter_add(&c[k], &rig);
	for (unsigned round = 1; round <= 5; round++) {
		for (unsigned k = 0; k < CROWD; k++)
			raise_fd(c[k].fd);
		for (unsigned k = 0; k < CROWD; k++)
			MUST(rig_until(&rig, &c[k].calls, round));
	}
	MUST(atomic_load(&rig.notes) == 1);
	MUST(atomic_load(&rig.note_level) == RAWPCI_LOG_WARNING);
	MUST(strstr(rig.note, "completion queue for interrupts cannot be enlarged") != NULL);
	MUST(strstr(rig.note, too_small[i].words) != NULL);
	MUST(strstr(rig.note, "no memory") == NULL && strstr(rig.note, "errno") == NULL);
	rawpci_engine_stats(rig.engine, &stats);
	MUST(strcmp(stats.name, "io_uring") == 0);
	for (unsigned k = 0; k < CROWD; k++)
		counter_remove(&c[k]);
	rig_close(&rig);
}

START_TEST(a_queue_that_cannot_grow_still_serves_all_sources)
{
	if (rig_kind(0) == RAWPCI_ENGINE_URING)
		in_child(not_larger, _i);
}
END_TEST

static void linger(void *arg)
{
	struct gate *g = arg;

	atomic_store(&g->entered, 1);
	pause_ms(20);
	atomic_store(&g->open, 1);
}

static void without_barriers(int i)
{
	struct rig rig;
	struct gate g;

	if (i < 2)
		refuse(SYS_membarrier, EPERM);
	MUST(rig_try(&rig, rig_kind(i), false, 0) == 0);
	if (i >= 2)
		refuse(SYS_membarrier, EPERM);
	for (unsigned round = 0; round < 5; round++) {
		memset(&g, 0, sizeof(g));
		counter_add_fd(&g.c, &rig, new_fd(), 0, linger);
		raise_fd(g.c.fd);
		MUST(until(&g.entered, 1));
		counter_remove(&g.c);
		MUST(atomic_load(&g.open) == 1);
		deliver_once(&rig);
	}
	rig_close(&rig);
}

START_TEST(removal_waits_without_kernel_barriers)
{
	in_child(without_barriers, _i);
}
END_TEST

int main(void)
{
	TCase *t;
	Suite *suite = rig_suite("uring", &t);

	tcase_add_test(t, ended_polls_are_armed_again);
	tcase_add_loop_test(t, epoll_takes_over_where_io_uring_is_refused, 0,
			    2 * (int)(sizeof(refusals) / sizeof(refusals[0])));
	tcase_add_loop_test(t, an_engine_that_lacks_descriptors_leaves_none_open, 0, 2);
	tcase_add_test(t, epoll_takes_over_when_io_uring_is_taken_away);
	tcase_add_loop_test(t, a_queue_that_cannot_grow_still_serves_all_sources, 0, 2);
	tcase_add_loop_test(t, removal_waits_without_kernel_barriers, 0, 4);
	return harness_run(suite);
}
