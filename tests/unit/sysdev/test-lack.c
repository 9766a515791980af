/* SPDX-License-Identifier: MIT */
/* A program without free descriptors at each step of using a device; and a lock that cannot be
 * taken for a reason that passes. */
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/explain.h>
#include <rawpci/fake.h>
#include <rawpci/recover.h>

#include "handover/record.h"
#include "os/sys.h"
#include "unit/sysdev/plain.h"

static const char *const backends[] = { "sysfs", "uio", "fake" };
static const char *address;

/* The results of the next attempts to open a lock, to lock it, and to write a record. */
static int open_error, lock_error, record_error;
static int shared_error; /* of locking the device's file "config" */

int __real_rawpci_sys_open_at(int directory, const char *name, int flags);
int __wrap_rawpci_sys_open_at(int directory, const char *name, int flags);
int __real_rawpci_sys_lock(int fd);
int __wrap_rawpci_sys_lock(int fd);

int __wrap_rawpci_sys_open_at(int directory, const char *name, int flags)
{
	if (open_error < 0 && strstr(name, ".lock"))
		return open_error;
	if (record_error < 0 && strstr(name, ".new"))
		return record_error;
	return __real_rawpci_sys_open_at(directory, name, flags);
}

static bool is_config(int fd)
{
	char link[64], path[512];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return n > 7 && strcmp(path + n - 7, "/config") == 0;
}

int __real_rawpci_sys_locked(int fd);
int __wrap_rawpci_sys_locked(int fd);
int __wrap_rawpci_sys_locked(int fd)
{
	return shared_error < 0 && is_config(fd) ? shared_error : __real_rawpci_sys_locked(fd);
}

int __wrap_rawpci_sys_lock(int fd)
{
	if (shared_error < 0 && is_config(fd))
		return shared_error;
	return lock_error < 0 ? lock_error : __real_rawpci_sys_lock(fd);
}

static void set_up(void)
{
	open_error = lock_error = record_error = shared_error = 0;
	tree_create(&tree);
	make_device();
	tree_write(&tree, DEVICE "vendor", "0x1af4\n");
	tree_write(&tree, DEVICE "device", "0x1234\n");
	put(0x04, 2, 0x0003);
}

static void ignore(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

/* Uses the device. Returns 0, or the result of the first step that failed. */
static int live(bool interrupts)
{
	struct rawpci_mapping mapping;
	struct rawpci_explanation *explanation;
	int r;

	r = rawpci_explain(ctx, address, NULL, &explanation);
	if (r == 0)
		rawpci_explanation_destroy(explanation);
	if (r == 0)
		r = rawpci_device_open(ctx, NULL, address, 0, &dev);
	if (r < 0)
		return r;
	if (interrupts)
		ck_assert_int_gt(rawpci_irq_count(dev, RAWPCI_IRQ_INTX), 0);
	r = rawpci_region_map(dev, 0, 0, 0x1000, &mapping);
	if (r == 0)
		r = rawpci_device_power(dev, RAWPCI_POWER_ON);
	if (r == 0 && interrupts)
		r = rawpci_irq_attach(dev, ignore, NULL, 1);
	if (r > 0)
		r = 0;
	if (r == 0)
		r = rawpci_device_power(dev, RAWPCI_POWER_OFF);
	return r;
}

static rlim_t lowest_free(void)
{
	int fd = dup(0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	return (rlim_t)fd;
}

/* One more free descriptor each time, until there are enough. */
START_TEST(out_of_descriptors)
{
	const bool interrupts = _i > 0;
	const char *said;
	struct rlimit before, limit;
	unsigned failures = 0;
	int r = -1;

	if (_i == 1) {
		bind_to_uio();
		make_node();
	}
	make_context(backends[_i]);
	address = _i == 2 ? "0000:00:07.0" : BDF;
	if (_i == 2)
		ck_assert_int_eq(rawpci_fake_add_edu(ctx, address, NULL), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	limit = before;
	for (rlim_t extra = 0; r != 0 && extra < 40; extra++) {
		dev = NULL;
		limit.rlim_cur = lowest_free() + extra;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
		r = live(interrupts);
		said = rawpci_last_error();
		if (r < 0) {
			failures++;
			ck_assert_msg(r == -ENOSPC, "with %u: %d: %s", (unsigned)extra, r, said);
			ck_assert_msg(strstr(said, "Too many open files") != NULL, "%s", said);
			ck_assert_ptr_nonnull(strstr(said, "ulimit -n"));
		}
		ck_assert_int_eq(rawpci_device_close(dev), 0);
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_ge(failures, 3);
}
END_TEST

static const struct {
	int error, want;
} passing[] = {
	{ -EMFILE, -ENOSPC }, { -ENFILE, -ENOSPC }, { -ENOMEM, -ENOMEM },
	{ -EINTR, -EIO },     { -EIO, -EIO },       { -ENOSPC, -ENOSPC },
	{ -EDQUOT, -ENOSPC }, { -ENOLCK, -EIO },    { -ETXTBSY, -EIO },
};
enum { PASSING = sizeof(passing) / sizeof(passing[0]) };

/* The first user has the device on. The second one must not get in. */
START_TEST(does_not_open_without_a_lock_that_fails_now)
{
	struct rawpci *first;
	struct rawpci_device *other = NULL;
	char text[512];
	int r;

	make_context("sysfs");
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	put(0x04, 2, 0x0407);
	tree_write(&tree, DEVICE "reset", "-\n");
	first = ctx;
	make_context("sysfs");
	*(_i % 2 ? &open_error : &lock_error) = passing[_i / 2].error;
	r = rawpci_device_open(ctx, NULL, BDF, 0, &other);
	ck_assert_msg(r == passing[_i / 2].want, "%d: %s", r, rawpci_last_error());
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "its lock in"));
	ck_assert_ptr_null(other);
	open_error = lock_error = 0;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &other), -EBUSY);
	ck_assert_uint_eq(config(4, 2), 0x0407);
	ck_assert_str_eq(tree_read(&tree, DEVICE "reset", text), "-\n");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &other), 0);
	ck_assert_int_eq(rawpci_device_close(other), 0);
	ck_assert_int_eq(rawpci_destroy(first), 0);
}
END_TEST

static struct rawpci *make_other(void)
{
	const struct rawpci_options options = { .backend = "sysfs" };

	return create_context(options, "run2", NULL);
}

/* A killed process has left a record, and another program, with a run directory of its own, now
 * owns the device. That cannot be seen while the lock that the two share cannot be taken: nothing
 * is done. */
START_TEST(recovers_nothing_without_the_shared_lock)
{
	struct rawpci *other;
	struct rawpci_device *theirs;
	char text[512];
	pid_t child;
	int r, status;

	make_context("sysfs");
	child = fork();
	if (child == 0) {
		r = rawpci_device_open(ctx, NULL, BDF, 0, &dev);
		_exit(r == 0 && rawpci_device_power(dev, RAWPCI_POWER_ON) == 0 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	other = make_other();
	ck_assert_int_eq(rawpci_device_open(other, NULL, BDF, 0, &theirs), 0);
	ck_assert_int_eq(rawpci_device_power(theirs, RAWPCI_POWER_ON), 0);
	put(0x04, 2, 0x0407);
	tree_write(&tree, DEVICE "reset", "-\n");
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	ck_assert_uint_eq(config(4, 2), 0x0407);
	shared_error = passing[_i].error;
	r = rawpci_recover(ctx);
	shared_error = 0;
	(void)fprintf(stderr, "# recover: %d; COMMAND %x, reset: %s", r, config(4, 2),
		      tree_read(&tree, DEVICE "reset", text));
	ck_assert_uint_eq(config(4, 2), 0x0407);
	ck_assert_str_eq(tree_read(&tree, DEVICE "reset", text), "-\n");
	ck_assert_int_eq(r, passing[_i].want);
	ck_assert_int_eq(rawpci_device_close(theirs), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
}
END_TEST

#define NEIGHBOUR "0000:03:00.1"
#define NEXT_DEVICE "bus/pci/devices/" NEIGHBOUR "/"

/* Another device of the same IOMMU group, which a killed process has left mastering the bus. */
static void leave_neighbour(void)
{
	static const unsigned char mastering[64] = { 0xf4, 0x1a, 0x34, 0x12, 0x07 };
	const struct rawpci_record record = { .vendor = 0x1af4, .device = 0x1234 };
	struct rawpci_locks locks = RAWPCI_LOCKS_NONE;
	struct rawpci_address at;
	char run[512];

	tree_directory(&tree, "kernel/iommu_groups/7/devices/" BDF);
	tree_directory(&tree, "kernel/iommu_groups/7/devices/" NEIGHBOUR);
	tree_link(&tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_write(&tree, NEXT_DEVICE "vendor", "0x1af4\n");
	tree_write(&tree, NEXT_DEVICE "device", "0x1234\n");
	tree_write(&tree, NEXT_DEVICE "driver_override", "(null)\n");
	put_bytes(NEXT_DEVICE "config", mastering, sizeof(mastering), 0);
	ck_assert_int_eq(rawpci_address_parse(NEIGHBOUR, &at), 0);
	tree_path(&tree, run, "run");
	ck_assert_int_eq(rawpci_locks_take(&locks, run, &at), 0);
	ck_assert_int_eq(rawpci_record_write(&locks, &record), 0);
	rawpci_locks_release(&locks);
}

/* Closing the last device of a group returns the whole group, except devices that cannot be locked
 * now. */
START_TEST(returns_no_neighbour_without_the_shared_lock)
{
	char path[512];

	make_context("sysfs");
	leave_neighbour();
	open_device();
	shared_error = passing[_i].error;
	close_device();
	shared_error = 0;
	ck_assert_uint_eq(really(NEXT_DEVICE "config", 4, 2), 7);
	ck_assert_int_eq(access(tree_path(&tree, path, "run/" NEIGHBOUR), F_OK), 0);
	open_device();
	close_device();
	ck_assert_uint_eq(really(NEXT_DEVICE "config", 4, 2), 3);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

/* The sentence names the lock. It does not advise another directory: a lock that no other program
 * uses keeps no program out. */
START_TEST(names_the_lock_that_fails)
{
	make_context("sysfs");
	*(_i ? &shared_error : &lock_error) = -EIO;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EIO);
	(void)fprintf(stderr, "# %s\n", rawpci_last_error());
	if (_i)
		ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "config"));
	ck_assert_ptr_null(strstr(rawpci_last_error(), "name another directory"));
}
END_TEST

static const int for_good[] = { -EACCES, -EPERM, -EROFS, -ELOOP, -EISDIR, -ENXIO };

START_TEST(opens_without_a_lock_that_is_forbidden)
{
	make_context("sysfs");
	open_error = for_good[_i];
	open_device();
	close_device();
}
END_TEST

/* Without a record the registers of a killed process's device would not be put back. */
START_TEST(a_record_that_cannot_be_written_now_fails_the_open)
{
	int r;

	make_context("sysfs");
	record_error = passing[_i].error;
	r = rawpci_device_open(ctx, NULL, BDF, 0, &dev);
	ck_assert_msg(r == passing[_i].want, "%d: %s", r, rawpci_last_error());
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "record"));
	record_error = -EACCES;
	open_device();
	close_device();
}
END_TEST

/* The first finding of explain has the error of open. */
START_TEST(explain_foretells_it)
{
	struct rawpci_explanation *explanation;
	int r;

	make_context("sysfs");
	open_device();
	close_device();
	*(_i % 2 ? &shared_error : &open_error) = passing[_i / 2].error;
	r = rawpci_explain(ctx, BDF, NULL, &explanation);
	ck_assert_int_eq(r, 0);
	ck_assert(!explanation->openable);
	ck_assert_ptr_nonnull(explanation->findings);
	ck_assert_int_eq(explanation->findings->error, passing[_i / 2].want);
	ck_assert_ptr_nonnull(strstr(explanation->text, _i % 2 ? "its lock on" : "its lock in"));
	ck_assert_ptr_null(strstr(explanation->text, "another directory"));
	rawpci_explanation_destroy(explanation);
	open_error = shared_error = 0;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lack");
	TCase *tests = tcase_create("lack");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, set_up, finish);
	tcase_add_loop_test(tests, out_of_descriptors, 0, 3);
	tcase_add_loop_test(tests, does_not_open_without_a_lock_that_fails_now, 0, 2 * PASSING);
	tcase_add_loop_test(tests, recovers_nothing_without_the_shared_lock, 0, PASSING);
	tcase_add_loop_test(tests, returns_no_neighbour_without_the_shared_lock, 0, PASSING);
	tcase_add_loop_test(tests, names_the_lock_that_fails, 0, 2);
	tcase_add_loop_test(tests, opens_without_a_lock_that_is_forbidden, 0,
			    sizeof(for_good) / sizeof(for_good[0]));
	tcase_add_loop_test(tests, a_record_that_cannot_be_written_now_fails_the_open, 0, PASSING);
	tcase_add_loop_test(tests, explain_foretells_it, 0, 2 * PASSING);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
