/* SPDX-License-Identifier: MIT */
/* Locks and records: taken, looked at, written, stopped at any step, and read with any content. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "harness.h"

/* Compiled in once more, so that a process can be stopped at each change it makes. */
static void step(void);
static int rename_stopping(int directory, const char *from, const char *to);
static int unlink_stopping(int directory, const char *name);
static int write_stopping(int fd, const void *text, size_t size, unsigned long long offset);

#define rawpci_record_write tested_write
#define rawpci_record_read tested_read
#define rawpci_record_erase tested_erase
#define rawpci_record_look tested_look
#define rawpci_record_each tested_each
#define rawpci_record_peek tested_peek
#include "os/sys.h"
#define rawpci_sys_rename_at rename_stopping
#define rawpci_sys_unlink_at unlink_stopping
#define rawpci_sys_pwrite write_stopping
#include "handover/record.c"
#undef rawpci_sys_rename_at
#undef rawpci_sys_unlink_at
#undef rawpci_sys_pwrite

#include "unit/os/tree.h"

#define BDF "0000:03:00.0"

static const struct rawpci_address address = { 0, 3, 0, 0 };
static struct tree tree;
static char run[512];
static unsigned steps, stop_at;

static const struct rawpci_record before = {
	0x8086, 0x10d3,     { true, "e1000e", "", "vfio-pci" }, { .known = false }, false,
	"",     { .n = 0 },
};
static const struct rawpci_record after = {
	0x8086,
	0x10d3,
	{ true, "e1000e", "some other", "uio_pci_generic" },
	{ true,
	  true,
	  3,
	  "4f1c-22",
	  { 0x10d38086, 0x00100107, [4] = 0xfeb00000, [15] = UINT32_MAX },
	  2,
	  { { 0x58, 0x2810 }, { 0x118, 0 } } },
	true,
	"",
	{ .n = 0 },
};

static const struct rawpci_record given = {
	0x8086,
	0x10d3,
	{ true, "e1000e", "", "vfio-pci" },
	{ .known = false },
	false,
	"4f1c-22",
	{ 2,
	  { { RAWPCI_NODE_GROUP, 7, { 0, 0, 0600 }, { 1000, UINT32_MAX - 1, 0660 } },
	    { RAWPCI_NODE_CDEV, 12, { 3, 4, 0600 }, { 1000, 4, 0600 } } } },
};

static void step(void)
{
	if (++steps == stop_at)
		_exit(0);
}

static int rename_stopping(int directory, const char *from, const char *to)
{
	int r;

	step();
	r = rawpci_sys_rename_at(directory, from, to);
	step();
	return r;
}

static int unlink_stopping(int directory, const char *name)
{
	int r;

	step();
	r = rawpci_sys_unlink_at(directory, name);
	step();
	return r;
}

/* It can also stop in the middle of a write. */
static int write_stopping(int fd, const void *text, size_t size, unsigned long long offset)
{
	int r;

	step();
	(void)rawpci_sys_pwrite(fd, text, size / 2, offset);
	step();
	r = rawpci_sys_pwrite(fd, text, size, offset);
	step();
	return r;
}

static void setup(void)
{
	tree_create(&tree);
	tree_path(&tree, run, "rawpci");
	steps = 0;
	stop_at = 0;
}

static void teardown(void)
{
	tree_destroy(&tree);
}

static int take(struct rawpci_locks *locks)
{
	*locks = RAWPCI_LOCKS_NONE;
	return rawpci_locks_take(locks, run, &address);
}

static void must_take(struct rawpci_locks *locks)
{
	ck_assert_int_eq(take(locks), 0);
}

static bool same(const struct rawpci_record *a, const struct rawpci_record *b)
{
	return a->vendor == b->vendor && a->device == b->device &&
	       strcmp(a->hold.driver, b->hold.driver) == 0 &&
	       strcmp(a->hold.override, b->hold.override) == 0 &&
	       strcmp(a->hold.taken_by, b->hold.taken_by) == 0 &&
	       a->state.known == b->state.known && a->state.bare == b->state.bare &&
	       a->state.enables == b->state.enables && strcmp(a->state.boot, b->state.boot) == 0 &&
	       memcmp(a->state.header, b->state.header, sizeof(a->state.header)) == 0 &&
	       a->state.word_count == b->state.word_count &&
	       memcmp(a->state.words, b->state.words, sizeof(a->state.words)) == 0 &&
	       a->idle == b->idle && strcmp(a->kept, b->kept) == 0 && a->nodes.n == b->nodes.n &&
	       memcmp(a->nodes.each, b->nodes.each, sizeof(a->nodes.each)) == 0;
}

#define GIVEN                                                                                      \
	"rawpci 4\ndevice " BDF " 8086:10d3\ndriver e1000e\noverride \ntaken-by vfio-pci\n"        \
	"kept 4f1c-22\nnode group 7 0:0:600 1000:4294967294:660\n"                                 \
	"node cdev 12 3:4:600 1000:4:600\nidle no\nwords\nend\n"

/* A device that is kept, with nodes that have another owner; and what older records look like. */
START_TEST(kept_text)
{
	static const char *const wrong[] = { "node group 7 0:0:600 1000:4294967294:660",
					     "kept 4f1c-22", "node cdev", "12 3:4", "1000:4:600" };
	static const char *const instead[] = { "node disk 7 0:0:600 1000:4294967294:660",
					       "kept 4f1c-22 ", "node  cdev", "-12 3:4",
					       "1000:4:600 " };
	char text[RAWPCI_RECORD_BYTES], other[RAWPCI_RECORD_BYTES];
	struct rawpci_record most = after, read;

	ck_assert_int_eq(rawpci_record_format(BDF, &given, text), (int)strlen(GIVEN));
	ck_assert_str_eq(text, GIVEN);
	ck_assert_int_eq(rawpci_record_parse(BDF, text, &read), 0);
	ck_assert(same(&read, &given));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *at = strstr(GIVEN, wrong[i]);

		(void)snprintf(other, sizeof(other), "%.*s%s%s", (int)(at - GIVEN), GIVEN,
			       instead[i], at + strlen(wrong[i]));
		ck_assert_int_eq(rawpci_record_parse(BDF, other, &read), -EBADMSG);
	}
	ck_assert_int_gt(rawpci_record_format(BDF, &before, text), 0);
	ck_assert_ptr_eq(strstr(text, "rawpci 1\n"), text);
	ck_assert_ptr_null(strstr(text, "kept"));
	ck_assert_int_gt(rawpci_record_format(BDF, &after, text), 0);
	ck_assert_ptr_eq(strstr(text, "rawpci 3\n"), text);
	most.nodes = given.nodes;
	most.state.word_count = RAWPCI_STATE_WORDS;
	memset(most.kept, 'k', sizeof(most.kept) - 1);
	memset(most.hold.driver, 'd', sizeof(most.hold.driver) - 1);
	memset(most.hold.override, 'o', sizeof(most.hold.override) - 1);
	memset(most.hold.taken_by, 't', sizeof(most.hold.taken_by) - 1);
	ck_assert_int_gt(rawpci_record_format(BDF, &most, text), 0);
	ck_assert_int_eq(rawpci_record_parse(BDF, text, &read), 0);
	ck_assert(same(&read, &most));
}
END_TEST

START_TEST(there_and_gone)
{
	struct rawpci_record record;
	struct rawpci_locks locks;
	struct stat is;
	char path[512];

	must_take(&locks);
	ck_assert_int_eq(stat(run, &is), 0);
	ck_assert_uint_eq(is.st_mode & 07777, 0700);
	ck_assert_int_eq(tested_read(&locks, &record), -ENOENT);
	ck_assert_int_eq(tested_write(&locks, &before), 0);
	ck_assert_int_eq(stat(tree_path(&tree, path, "rawpci/" BDF), &is), 0);
	ck_assert_uint_eq(is.st_mode & 07777, 0600);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	ck_assert(record.hold.held && same(&record, &before));
	ck_assert_int_eq(tested_write(&locks, &after), 0);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	ck_assert(record.hold.held && same(&record, &after));
	ck_assert_int_eq(tested_erase(&locks), 0);
	ck_assert_int_eq(tested_erase(&locks), 0);
	ck_assert_int_eq(tested_read(&locks, &record), -ENOENT);
	rawpci_locks_release(&locks);
	ck_assert_int_eq(locks.lock, -1);
	rawpci_locks_release(&locks);
}
END_TEST

/* Stopped at any step of replacing a record, or of writing the first one. */
START_TEST(whole_or_not)
{
	struct rawpci_record record;
	struct rawpci_locks locks;
	unsigned k, old = 0, new = 0;
	pid_t child;
	int r;

	for (k = 1; k < 100; k++) {
		must_take(&locks);
		(void)tested_erase(&locks);
		if (_i)
			ck_assert_int_eq(tested_write(&locks, &before), 0);
		child = fork();
		if (child == 0) {
			steps = 0;
			stop_at = k;
			_exit(tested_write(&locks, &after) == 0 ? 1 : 2);
		}
		ck_assert_int_eq(waitpid(child, &r, 0), child);
		ck_assert(WIFEXITED(r) && WEXITSTATUS(r) != 2);
		if (WEXITSTATUS(r) == 1)
			break;
		r = tested_read(&locks, &record);
		ck_assert_int_eq(r, r != 0 && !_i ? -ENOENT : 0);
		if (r == 0 && same(&record, &after))
			new ++;
		else if (r != 0 || same(&record, &before))
			old++;
		else
			ck_abort_msg("neither, stopped at step %u", k);
		rawpci_locks_release(&locks);
	}
	ck_assert_uint_ge(old, 5);
	ck_assert_uint_ge(new, 1);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	ck_assert(same(&record, &after));
	rawpci_locks_release(&locks);
}
END_TEST

START_TEST(one_owner)
{
	struct rawpci_locks locks, other;
	int ready[2], r;
	char byte;
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		r = take(&locks);
		(void)!write(ready[1], r == 0 ? "y" : "n", 1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	ck_assert_int_eq(take(&other), -EWOULDBLOCK);
	ck_assert_int_eq(other.lock, -1);
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &r, 0), child);
	must_take(&other); /* the lock has ended with the process */
	ck_assert_int_eq(take(&locks), -EWOULDBLOCK);
	rawpci_locks_release(&other);
	must_take(&locks);
	rawpci_locks_release(&locks);
	close(ready[0]);
	close(ready[1]);
}
END_TEST

static int look(int *recorded)
{
	struct rawpci_record record;

	*recorded = 77;
	return tested_look(run, &address, &record, recorded);
}

static bool there(const char *file)
{
	char path[512];

	return access(tree_path(&tree, path, file), F_OK) == 0;
}

/* Looking tells what taking would return, and leaves no trace. */
START_TEST(looked_at)
{
	struct rawpci_locks locks;
	int recorded;

	ck_assert_int_eq(look(&recorded), 0);
	ck_assert_int_eq(recorded, -ENOENT);
	ck_assert_int_ne(access(run, F_OK), 0);
	must_take(&locks);
	ck_assert_int_eq(look(&recorded), -EWOULDBLOCK);
	ck_assert_int_eq(recorded, -ENOENT);
	ck_assert_int_eq(tested_write(&locks, &before), 0);
	rawpci_locks_release(&locks);
	ck_assert_int_eq(look(&recorded), 0);
	ck_assert_int_eq(recorded, 0);
	must_take(&locks); /* looking keeps no lock */
	rawpci_locks_release(&locks);
	tree_write(&tree, "rawpci/" BDF, "rawpci 999\n");
	ck_assert_int_eq(look(&recorded), 0);
	ck_assert_int_eq(recorded, -EBADMSG);
	tree_unlink(&tree, "rawpci/" BDF ".lock");
	ck_assert_int_eq(look(&recorded), 0);
	ck_assert(!there("rawpci/" BDF ".lock"));
}
END_TEST

/* Looking tells that taking, or writing the record, would fail. */
START_TEST(looked_at_in_vain)
{
	char path[512], lock[512];
	uid_t user = geteuid();
	struct rawpci_locks locks;
	int recorded;

	tree_path(&tree, run, "none/rawpci");
	ck_assert_int_eq(rmdir(tree_path(&tree, path, "none")), 0);
	ck_assert_int_eq(look(&recorded), -ENOENT);
	tree_write(&tree, "file", "");
	tree_path(&tree, run, "file");
	ck_assert_int_eq(look(&recorded), -ENOTDIR);
	tree_path(&tree, run, "rawpci");
	must_take(&locks);
	ck_assert_int_eq(chmod(run, 0777), 0);
	ck_assert_int_eq(look(&recorded), -EPERM);
	ck_assert_int_eq(chmod(run, 0755), 0);
	ck_assert_int_eq(chmod(tree.root, 0755), 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(look(&recorded), user == 0 ? -EACCES : -EWOULDBLOCK);
	if (user == 0)
		ck_assert_int_eq(seteuid(0), 0);
	rawpci_locks_release(&locks);
	ck_assert_int_eq(unlink(tree_path(&tree, lock, "rawpci/" BDF ".lock")), 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	ck_assert_int_eq(look(&recorded), user == 0 ? -EACCES : 0);
	tree_path(&tree, run, "new");
	ck_assert_int_eq(look(&recorded), user == 0 ? -EACCES : 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(recorded, -ENOENT);
}
END_TEST

/* No file that is opened may be a symbolic link. */
START_TEST(links)
{
	struct rawpci_record record;
	struct rawpci_locks locks;
	char path[512], text[512];

	tree_write(&tree, "victim", "precious");
	tree_directory(&tree, "elsewhere");
	tree_link(&tree, "rawpci", "elsewhere");
	ck_assert_int_eq(take(&locks), -ENOTDIR);
	tree_unlink(&tree, "rawpci");
	tree_link(&tree, "rawpci/" BDF ".lock", "../victim");
	ck_assert_int_eq(chmod(run, 0700), 0);
	ck_assert_int_eq(take(&locks), -ELOOP);
	tree_unlink(&tree, "rawpci/" BDF ".lock");
	must_take(&locks);
	tree_link(&tree, "rawpci/" BDF ".new", "../victim");
	tree_link(&tree, "rawpci/" BDF, "../victim");
	ck_assert_int_eq(tested_read(&locks, &record), -ELOOP);
	ck_assert_int_eq(tested_write(&locks, &before), 0);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	rawpci_locks_release(&locks);
	ck_assert_str_eq(tree_read(&tree, "victim", text), "precious");
	ck_assert_int_eq(unlink(tree_path(&tree, path, "rawpci/" BDF)), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	must_take(&locks);
	ck_assert_int_eq(tested_read(&locks, &record),
			 -EPERM); /* and reading a FIFO does not wait */
	rawpci_locks_release(&locks);
}
END_TEST

/* Files and directories that another user may write to are not trusted. */
START_TEST(not_ours)
{
	struct rawpci_record record;
	struct rawpci_locks locks;
	char path[512], second[512];

	must_take(&locks);
	ck_assert_int_eq(tested_write(&locks, &before), 0);
	tree_path(&tree, path, "rawpci/" BDF);
	ck_assert_int_eq(chmod(path, 0620), 0);
	ck_assert_int_eq(tested_read(&locks, &record), -EPERM);
	ck_assert_int_eq(chmod(path, 0600), 0);
	ck_assert_int_eq(link(path, tree_path(&tree, second, "second")), 0);
	ck_assert_int_eq(tested_read(&locks, &record), -EPERM);
	ck_assert_int_eq(unlink(second), 0);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	if (geteuid() == 0) {
		ck_assert_int_eq(chown(path, 1000, 1000), 0);
		ck_assert_int_eq(tested_read(&locks, &record), -EPERM);
	}
	rawpci_locks_release(&locks);
	ck_assert_int_eq(chmod(run, 0777), 0);
	ck_assert_int_eq(take(&locks), -EPERM);
}
END_TEST

#define HEAD "rawpci 1\ndevice " BDF " 8086:10d3\n"
#define HEAD2 "rawpci 2\ndevice " BDF " 8086:10d3\ndriver a\noverride \ntaken-by b\n"
#define HEAD3 "rawpci 3\ndevice " BDF " 8086:10d3\ndriver a\noverride \ntaken-by b\n"
#define ZEROS " 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000"

/* An older library writes and reads the same text. */
START_TEST(version_1)
{
	static const char text[] = HEAD "driver e1000e\noverride \ntaken-by vfio-pci\nend\n";
	struct rawpci_record record;
	struct rawpci_locks locks;
	char now[512];

	must_take(&locks);
	tree_write(&tree, "rawpci/" BDF, text);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	ck_assert(same(&record, &before));
	ck_assert_int_eq(tested_write(&locks, &before), 0);
	ck_assert_str_eq(tree_read(&tree, "rawpci/" BDF, now), text);
	rawpci_locks_release(&locks);
}
END_TEST

#define SEVEN " 010=0000 010=0000 010=0000 010=0000 010=0000 010=0000 010=0000"
#define LATER "bare yes\nboot b\nenable 0\nheader" ZEROS ZEROS "\n"

/* Without anything that needs version 3, the text is the one of an older library; with it, it is of
 * version 3. */
START_TEST(version_2_and_3)
{
	static const char *const texts[] = {
		HEAD2 LATER "end\n",
		HEAD3 "idle yes\nwords\n" LATER "end\n",
		HEAD3 "idle no\nwords 058=2810\n" LATER "end\n",
		HEAD3 "idle yes\nwords\nend\n",
	};
	struct rawpci_record record;
	struct rawpci_locks locks;
	char now[512];

	must_take(&locks);
	tree_write(&tree, "rawpci/" BDF, texts[_i]);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	ck_assert_int_eq(record.state.known, _i < 3);
	ck_assert_int_eq(record.idle, _i % 2);
	ck_assert_uint_eq(record.state.word_count, _i == 2);
	ck_assert_uint_eq(record.state.words[0].value, _i == 2 ? 0x2810 : 0);
	ck_assert_int_eq(tested_write(&locks, &record), 0);
	ck_assert_str_eq(tree_read(&tree, "rawpci/" BDF, now), texts[_i]);
	rawpci_locks_release(&locks);
}
END_TEST

/* The longest record. */
START_TEST(longest)
{
	struct rawpci_record record, full = after;
	struct rawpci_locks locks;

	must_take(&locks);
	memset(full.hold.driver, 'a', sizeof(full.hold.driver) - 1);
	memset(full.hold.override, 'b', sizeof(full.hold.override) - 1);
	memset(full.hold.taken_by, 'c', sizeof(full.hold.taken_by) - 1);
	full.state.enables = UINT32_MAX;
	memset(full.state.boot, 'd', sizeof(full.state.boot) - 1);
	full.state.word_count = RAWPCI_STATE_WORDS;
	memset(full.state.words, 0xff, sizeof(full.state.words));
	for (unsigned i = 0; i < RAWPCI_STATE_WORDS; i++)
		full.state.words[i].at = 0xffe;
	ck_assert_int_eq(tested_write(&locks, &full), 0);
	ck_assert_int_eq(tested_read(&locks, &record), 0);
	ck_assert(same(&record, &full));
	rawpci_locks_release(&locks);
}
END_TEST

START_TEST(cut_short)
{
	struct rawpci_record record;
	struct rawpci_locks locks;
	char whole[512], path[512];
	size_t length;

	must_take(&locks);
	ck_assert_int_eq(tested_write(&locks, _i ? &after : &before), 0);
	tree_read(&tree, "rawpci/" BDF, whole);
	for (length = strlen(whole); length > 0; length--) {
		tree_write(&tree, "rawpci/" BDF, whole);
		ck_assert_int_eq(tested_read(&locks, &record), 0);
		ck_assert_int_eq(truncate(tree_path(&tree, path, "rawpci/" BDF), (off_t)length - 1),
				 0);
		ck_assert_int_eq(tested_read(&locks, &record), -EBADMSG);
	}
	rawpci_locks_release(&locks);
}
END_TEST

START_TEST(garbage)
{
	static const char *const texts[] = {
		"",
		"\n",
		"rawpci 1\n",
		"nonsense",
		"rawpci 2\ndevice " BDF " 8086:10d3\ndriver a\noverride \ntaken-by b\nend\n",
		HEAD2 "bare maybe\nboot a\nenable 0\nheader" ZEROS ZEROS "\nend\n",
		HEAD2 "bare yes\nboot /a\nenable 0\nheader" ZEROS ZEROS "\nend\n",
		HEAD2
		"bare yes\nboot aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\nenable 0\nheader" ZEROS
			ZEROS "\nend\n",
		HEAD2 "bare yes\nboot a\nenable -1\nheader" ZEROS ZEROS "\nend\n",
		HEAD2 "bare yes\nboot a\nenable 0\nheader" ZEROS "\nend\n",
		HEAD2 "bare yes\nboot a\nenable 0\nheader" ZEROS ZEROS " 00000000\nend\n",
		HEAD2 "bare yes\nboot a\nenable 0\nheader" ZEROS ZEROS "\nmore\nend\n",
		HEAD
		"driver a\noverride \ntaken-by b\nbare yes\nboot a\nenable 0\nheader" ZEROS ZEROS
		"\nend\n",
		HEAD3 "end\n",
		HEAD3 LATER "end\n",
		HEAD3 "idle no\nwords\nend\n",
		HEAD3 "idle no\nwords\n" LATER "end\n",
		HEAD3 "idle maybe\nwords 058=2810\n" LATER "end\n",
		HEAD3 "idle no\nwords 058=2810\nend\n",
		HEAD3 "idle yes\nwords 058=28100\n" LATER "end\n",
		HEAD3 "idle yes\nwords 1058=2810\n" LATER "end\n",
		HEAD3 "idle yes\nwords 058\n" LATER "end\n",
		HEAD3 "idle yes\nwords 058=\n" LATER "end\n",
		HEAD3 "idle yes\nwords" SEVEN SEVEN SEVEN "\n" LATER "end\n",
		HEAD3 "idle yes\nwords ",
		HEAD3 "idle yes\nwords\n" LATER,
		"rawpci 4\ndevice " BDF " 8086:10d3\ndriver a\noverride \ntaken-by b\nend\n",
		"rawpci 1\ndevice 0000:04:00.0 8086:10d3\ndriver a\noverride \ntaken-by b\nend\n",
		"rawpci 1\ndevice " BDF " 8086:10\ndriver a\noverride \ntaken-by b\nend\n",
		"rawpci 1\ndevice " BDF "\ndriver a\noverride \ntaken-by b\nend\n",
		"rawpci 1\ndevice " BDF " \ndriver a\noverride \ntaken-by b\nend\n",
		HEAD "driver ../../x\noverride \ntaken-by b\nend\n",
		HEAD "driver ..\noverride \ntaken-by b\nend\n",
		HEAD "driver a\noverride \x01\ntaken-by b\nend\n",
		HEAD "driver a\noverride \ntaken-by b/c\nend\n",
		HEAD "driver a\noverride \ntaken-by b\nend\nmore\n",
		HEAD "driver a\noverride\ntaken-by b\nend\n",
		HEAD "driver a\noverride \ntaken-by b\n",
		HEAD
		"driver aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n"
		"override \ntaken-by b\nend\n",
	};
	struct rawpci_record record;
	struct rawpci_locks locks;
	char whole[512], path[512];

	must_take(&locks);
	ck_assert_int_eq(tested_write(&locks, &before), 0);
	tree_read(&tree, "rawpci/" BDF, whole);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		tree_write(&tree, "rawpci/" BDF, texts[i]);
		ck_assert_int_eq(tested_read(&locks, &record), -EBADMSG);
	}
	memset(whole, 'x', 511);
	whole[511] = '\0';
	tree_write(&tree, "rawpci/" BDF, whole);
	ck_assert_int_eq(truncate(tree_path(&tree, path, "rawpci/" BDF), 100000), 0);
	ck_assert_int_eq(tested_read(&locks, &record), -EBADMSG);
	record = before;
	record.hold.driver[0] = '/';
	ck_assert_int_eq(tested_write(&locks, &record), -EINVAL);
	rawpci_locks_release(&locks);
}
END_TEST

static int count(void *opaque, const struct rawpci_address *found)
{
	ck_assert_int_eq(found->bus, 3);
	++*(unsigned *)opaque;
	return 0;
}

START_TEST(each_record)
{
	unsigned n = 0;

	ck_assert_int_eq(tested_each(run, count, &n), -ENOENT);
	tree_write(&tree, "rawpci/" BDF, "");
	tree_write(&tree, "rawpci/" BDF ".lock", "");
	tree_write(&tree, "rawpci/" BDF ".new", "");
	tree_write(&tree, "rawpci/04:00.0", "");
	tree_write(&tree, "rawpci/0:03:00.0", "");
	tree_write(&tree, "rawpci/other", "");
	ck_assert_int_eq(tested_each(run, count, &n), 0);
	ck_assert_uint_eq(n, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *tests = tcase_create("record");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, kept_text);
	tcase_add_test(tests, there_and_gone);
	tcase_add_loop_test(tests, whole_or_not, 0, 2);
	tcase_add_test(tests, one_owner);
	tcase_add_test(tests, looked_at);
	tcase_add_test(tests, looked_at_in_vain);
	tcase_add_test(tests, links);
	tcase_add_test(tests, not_ours);
	tcase_add_test(tests, version_1);
	tcase_add_loop_test(tests, version_2_and_3, 0, 4);
	tcase_add_test(tests, longest);
	tcase_add_loop_test(tests, cut_short, 0, 2);
	tcase_add_test(tests, garbage);
	tcase_add_test(tests, each_record);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
