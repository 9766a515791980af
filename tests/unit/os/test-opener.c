/* SPDX-License-Identifier: MIT */
/* Which process has a file open: in the kernel's /proc, and in a pretended one. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "harness.h"
#include "os/opener.h"
#include "os/sys.h"
#include "unit/os/tree.h"

static struct tree tree;
static char path[512]; /* the file */
static struct rawpci_opener found;

static void setup(void)
{
	tree_create(&tree);
	tree_write(&tree, "run/lock", "");
	tree_path(&tree, path, "run/lock");
}

static void teardown(void)
{
	tree_destroy(&tree);
}

static int open_it(bool locked)
{
	int fd = rawpci_sys_open(path, O_RDWR);

	ck_assert_int_ge(fd, 0);
	if (locked)
		ck_assert_int_eq(rawpci_sys_lock(fd), 0);
	return fd;
}

static void find(bool locked)
{
	rawpci_opener_find("/proc", path, locked, &found);
}

START_TEST(a_closed_file_has_no_opener)
{
	find(false);
	ck_assert_uint_eq(found.process, 0);
	ck_assert(!found.self);
	ck_assert_ptr_nonnull(strstr(found.text, "another process"));
	ck_assert_uint_lt(strlen(found.text), sizeof(found.text) - 1);
}
END_TEST

START_TEST(this_process_is_found)
{
	int fd = open_it(false), other;

	find(false);
	ck_assert_uint_eq(found.process, (unsigned)getpid());
	ck_assert(found.self);
	find(true); /* it is open, but not locked */
	ck_assert_uint_eq(found.process, 0);
	other = open_it(true);
	find(true);
	ck_assert(found.self);
	rawpci_sys_close(&other);
	rawpci_sys_close(&fd);
}
END_TEST

/* Asking takes no lock. A child that has inherited the lock is its holder. */
START_TEST(a_child_that_inherited_the_lock_is_found)
{
	int fd = open_it(true), other = open_it(false), status;
	char text[64];
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	ck_assert_int_eq(rawpci_sys_locked(other), 1);
	ck_assert_int_eq(rawpci_sys_lock(other), -EWOULDBLOCK);
	rawpci_sys_close(&fd);
	ck_assert_int_eq(rawpci_sys_locked(other), 1);
	find(true);
	ck_assert_uint_eq(found.process, (unsigned)child);
	ck_assert(!found.self);
	(void)snprintf(text, sizeof(text), "process %d (test-opener)", (int)child);
	ck_assert_str_eq(found.text, text);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(rawpci_sys_locked(other), 0);
	ck_assert_int_eq(rawpci_sys_lock(other), 0);
	rawpci_sys_close(&other);
}
END_TEST

/* A process in a PID namespace of its own sees that the file is locked, and not by which
 * process. */
START_TEST(a_process_in_another_container_is_not_seen)
{
	int fd = open_it(true), status;
	pid_t child = fork(), inner;

	if (child == 0) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) < 0)
			_exit(77);
		inner = fork();
		if (inner != 0) {
			(void)waitpid(inner, &status, 0);
			_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		}
		if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("proc", "/proc", "proc", 0, NULL) < 0)
			_exit(77);
		rawpci_sys_close(&fd);
		fd = rawpci_sys_open(path, O_RDONLY);
		find(true);
		_exit(rawpci_sys_locked(fd) == 1 && found.process == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		(void)puts("no PID namespace can be made here");
	else
		ck_assert_int_eq(WEXITSTATUS(status), 0);
	rawpci_sys_close(&fd);
}
END_TEST

static void pretend(const char *file, const char *link, const char *info)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "proc/%s", file);
	tree_link(&tree, name, link);
	(void)snprintf(name, sizeof(name), "proc/%.2s/fdinfo/%s", file, strrchr(file, '/') + 1);
	tree_write(&tree, name, info);
}

/* Files of the same name elsewhere do not count, nor do descriptors that are no files. */
START_TEST(other_files_of_the_same_name_do_not_count)
{
	char proc[512];

	tree_path(&tree, proc, "proc");
	tree_write(&tree, "other/lock", "");
	pretend("12/fd/3", "../../../other/lock", "pos:\t0\nlock:\t1: OFDLCK\n");
	pretend("12/fd/4", "socket:[1234]", "pos:\t0\n");
	pretend("13/fd/5", "../../../run/lock", "pos:\t0\nflags:\t02\n");
	tree_write(&tree, "proc/13/comm", "qemu\n");
	tree_link(&tree, "proc/self", "12");
	rawpci_opener_find(proc, path, true, &found);
	ck_assert_uint_eq(found.process, 0);
	rawpci_opener_find(proc, path, false, &found);
	ck_assert_uint_eq(found.process, 13);
	ck_assert_str_eq(found.text, "process 13 (qemu)");
	pretend("12/fd/6", "../../../run/lock", "pos:\t0\nlock:\t1: OFDLCK\n");
	rawpci_opener_find(proc, path, true, &found);
	ck_assert_uint_eq(found.process, 12);
	ck_assert(found.self);
	ck_assert_str_eq(found.text, "process 12 (its name is not known)");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("opener");
	TCase *tests = tcase_create("opener");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_closed_file_has_no_opener);
	tcase_add_test(tests, this_process_is_found);
	tcase_add_test(tests, a_child_that_inherited_the_lock_is_found);
	tcase_add_test(tests, a_process_in_another_container_is_not_seen);
	tcase_add_test(tests, other_files_of_the_same_name_do_not_count);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
