/* SPDX-License-Identifier: MIT */
/* Slow writes and reads. A FIFO without a reader stands in for a file of sysfs that hangs. */
#include <errno.h>
#include <poll.h>
#include <sys/file.h>

#include "harness.h"
#include "os/slow.h"
#include "os/sysfs.h"
#include "os/sys.h"
#include "unit/os/tree.h"

#define LONG_MS 20000

static struct tree tree;
static const struct rawpci_keep none = { .lock = -1, .shared = -1 };

/* Keeps one descriptor, as one or the other. */
static struct rawpci_keep keep_one(int fd, bool shared)
{
	return (struct rawpci_keep){ .lock = shared ? -1 : fd, .shared = shared ? fd : -1 };
}

static void setup(void)
{
	tree_create(&tree);
}

static void teardown(void)
{
	tree_destroy(&tree);
}

START_TEST(a_write_reaches_the_file)
{
	char path[512], text[512];

	tree_write(&tree, "file", "");
	ck_assert_int_eq(rawpci_slow_write(tree_path(&tree, path, "file"), "text", LONG_MS, &none),
			 0);
	ck_assert_str_eq(tree_read(&tree, "file", text), "text");
}
END_TEST

START_TEST(errors_are_returned)
{
	char path[512], text[RAWPCI_SYSFS_NAME + 1];
	struct rawpci_keep keep;

	tree_path(&tree, path, "absent");
	ck_assert_int_eq(rawpci_slow_write(path, "text", LONG_MS, &none), -ENOENT);
	keep = keep_one(1000000, false);
	ck_assert_int_eq(rawpci_slow_write(path, "text", LONG_MS, &keep), -EBADF);
	keep = keep_one(1000000, true);
	ck_assert_int_eq(rawpci_slow_write(path, "text", LONG_MS, &keep), -EBADF);
	memset(text, 'x', RAWPCI_SYSFS_NAME);
	text[RAWPCI_SYSFS_NAME] = '\0';
	ck_assert_int_eq(rawpci_slow_write(path, text, LONG_MS, &none), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_read_returns_the_text)
{
	char path[512], text[RAWPCI_SYSFS_NAME] = "before";

	tree_write(&tree, "file", "text\n");
	ck_assert_int_eq(rawpci_slow_read(tree_path(&tree, path, "file"), text, LONG_MS, &none), 4);
	ck_assert_str_eq(text, "text");
	ck_assert_int_eq(rawpci_slow_read(tree_path(&tree, path, "absent"), text, LONG_MS, &none),
			 -ENOENT);
	ck_assert_int_eq(mkfifo(tree_path(&tree, path, "fifo"), 0600), 0);
	ck_assert_int_eq(rawpci_slow_read(path, text, 50, &none), -ETIMEDOUT);
	ck_assert_str_eq(text, "text");
	close(open(path, O_WRONLY | O_CLOEXEC)); /* ends the thread */
}
END_TEST

/* The lock becomes free when the write is done, not when its caller stops waiting. */
START_TEST(a_late_write_keeps_the_lock)
{
	char path[512], lock_path[512];
	int mine, other, reader;
	struct pollfd readable = { .events = POLLIN };
	struct rawpci_keep keep;

	tree_write(&tree, "lock", "");
	mine = open(tree_path(&tree, lock_path, "lock"), O_RDWR | O_CLOEXEC);
	other = open(lock_path, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(mine, 0);
	ck_assert_int_eq(rawpci_sys_lock(mine), 0);
	ck_assert_int_eq(mkfifo(tree_path(&tree, path, "fifo"), 0600), 0);
	keep = keep_one(mine, _i > 0);
	ck_assert_int_eq(rawpci_slow_write(path, "text", 50, &keep), -ETIMEDOUT);
	close(mine);
	ck_assert_int_eq(rawpci_sys_lock(other), -EWOULDBLOCK);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	readable.fd = reader;
	ck_assert_int_eq(poll(&readable, 1, LONG_MS), 1);
	ck_assert_int_ge(flock(other, LOCK_EX), 0); /* waits for the thread */
	close(other);
	close(reader);
}
END_TEST

static void leave_mark(void *arg)
{
	int fd = open(arg, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	ck_assert_int_ge(fd, 0);
	close(fd);
}

/* A job ends for a caller that waits again. A job that the caller left ends with a call of
 * then(). */
START_TEST(a_late_write_can_be_waited_for_or_left)
{
	char path[512], mark[512], lock_path[512], *arg;
	struct rawpci_slow *job = NULL;
	struct rawpci_keep keep;
	int mine, other, reader;

	tree_write(&tree, "lock", "");
	mine = open(tree_path(&tree, lock_path, "lock"), O_RDWR | O_CLOEXEC);
	other = open(lock_path, O_RDWR | O_CLOEXEC);
	ck_assert_int_eq(rawpci_sys_lock(mine), 0);
	tree_path(&tree, mark, "mark");
	ck_assert_int_eq(mkfifo(tree_path(&tree, path, "fifo"), 0600), 0);
	arg = strdup(mark);
	keep = keep_one(mine, _i / 2 > 0);
	ck_assert_int_eq(rawpci_slow_begin(path, "text", 50, &keep, leave_mark, arg, &job),
			 -ETIMEDOUT);
	ck_assert(!rawpci_slow_ended(&job));
	if (_i % 2)
		rawpci_slow_leave(&job);
	close(mine);
	ck_assert_int_eq(rawpci_sys_lock(other), -EWOULDBLOCK);
	reader = open(path, O_RDONLY | O_CLOEXEC);
	for (int i = 0; i < LONG_MS && job && !rawpci_slow_ended(&job); i++)
		rawpci_sys_sleep_ms(1);
	ck_assert_ptr_null(job);
	for (int i = 0; i < LONG_MS && rawpci_sys_lock(other) < 0; i++)
		rawpci_sys_sleep_ms(1);
	ck_assert_int_eq(access(mark, F_OK), _i % 2 ? 0 : -1);
	ck_assert_int_eq(rawpci_slow_begin(mark, "text", LONG_MS, &none, leave_mark, strdup(mark),
					   &job),
			 _i % 2 ? 0 : -ENOENT);
	ck_assert_ptr_null(job);
	close(other);
	close(reader);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("slow");
	TCase *tests = tcase_create("slow");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_write_reaches_the_file);
	tcase_add_test(tests, errors_are_returned);
	tcase_add_test(tests, a_read_returns_the_text);
	tcase_add_loop_test(tests, a_late_write_keeps_the_lock, 0, 2);
	tcase_add_loop_test(tests, a_late_write_can_be_waited_for_or_left, 0, 4);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
