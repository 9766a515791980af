/* SPDX-License-Identifier: MIT */
/* The marks of devices that are kept: when a step fails, the process is killed, another process
 * returns devices, or the host replaces the device. */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/handover.h>
#include <rawpci/recover.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "harness.h"
#include "handover/record.h"
#include "os/sys.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-seam.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static const char *const both[] = { BDF, PEER };
static struct rawpci *ctx, *other;

static int boot_fails; /* with this error: reading the boot's id */
static int sync_left;  /* syncs until one fails; 0: none */
static int sync_fails; /* with this error, */
static bool sync_full; /* and all later ones do, too */
static bool beside;    /* another process returns the peer at the next lock */

int __real_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __real_rawpci_sys_sync(int fd);
int __wrap_rawpci_sys_sync(int fd);
int __real_rawpci_sys_lock(int fd);
int __wrap_rawpci_sys_lock(int fd);

int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size)
{
	if (boot_fails < 0 && strcmp(path, BOOT_ID) == 0)
		return boot_fails;
	return __real_rawpci_sys_read_file(path, text, size);
}

int __wrap_rawpci_sys_sync(int fd)
{
	if (sync_left > 0 && --sync_left == 0) {
		sync_left = sync_full;
		return sync_fails;
	}
	return __real_rawpci_sys_sync(fd);
}

int __wrap_rawpci_sys_lock(int fd)
{
	pid_t child;

	if (!beside)
		return __real_rawpci_sys_lock(fd);
	beside = false;
	child = fork();
	if (child == 0)
		host_exit(rawpci_return(other, both + 1, 1) < 0);
	ck_assert_int_eq(waitpid(child, &(int){ 0 }, 0), child);
	return __real_rawpci_sys_lock(fd);
}

static struct rawpci *create(void)
{
	char run[600], sysfs[600], vfio[600], uio[600];
	const char *settings[] = { run, sysfs, vfio, uio, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };
	struct rawpci *out;

	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host.tree.root);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(vfio, sizeof(vfio), "vfio.dir=%s/nodes", host.tree.root);
	(void)snprintf(uio, sizeof(uio), "uio.dir=%s/dev", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	return out;
}

static void setup(void)
{
	boot_fails = sync_left = 0;
	sync_full = beside = false;
	host_create();
	host_bind("e1000e");
	ctx = create();
	other = create();
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
	tree_destroy(&host.tree);
}

static struct rawpci_taken *take(unsigned n, const char *driver)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	int r;

	options.driver = driver;
	r = rawpci_take(ctx, both, n, &options, &taken);
	ck_assert_msg(r == 0, "%d: %s", r, rawpci_last_error());
	return taken;
}

static void keep(void)
{
	ck_assert_int_eq(rawpci_taken_keep(take(1, "pci-stub")), 0);
}

static bool is_marked(unsigned function)
{
	const struct rawpci_address address = { .bus = 3, .function = (uint8_t)function };
	struct rawpci_record record;
	char run[600];

	(void)snprintf(run, sizeof(run), "%s/run", host.tree.root);
	ck_assert_int_eq(rawpci_record_peek(run, &address, &record), 0);
	return record.kept[0] != '\0';
}

/* A process cannot read the boot's id: now (no descriptor), or ever (systemd's ProcSubset=pid). */
START_TEST(unknown_boot)
{
	struct rawpci_device *dev = NULL;

	keep();
	boot_fails = _i & 1 ? -EMFILE : -ENOENT;
	if (_i & 2)
		ck_assert_int_lt(rawpci_device_open(other, NULL, BDF, 0, &dev), 0);
	else
		ck_assert_int_eq(rawpci_recover(other), 0);
	boot_fails = 0;
	host_check("pci-stub", "pci-stub");
	ck_assert(is_marked(0));
	ck_assert_int_eq(rawpci_return(other, both, 1), 0);
	host_check("e1000e", "(null)");
}
END_TEST

/* Whichever step fails, once or from then on as on a full disk, no record has the mark. */
START_TEST(not_kept_after_a_failure)
{
	unsigned failed = 0;

	host_create_peer("e1000e");
	sync_fails = _i == 0 ? -EIO : -ENOSPC;
	sync_full = _i == 1;
	for (int k = 1;; k++) {
		struct rawpci_taken *taken = take(2, "pci-stub");
		int r;

		sync_left = k;
		r = rawpci_taken_keep(taken);
		sync_left = 0;
		if (r == 0)
			break;
		failed++;
		ck_assert_int_eq(r, sync_fails);
		ck_assert(!is_marked(0) && !is_marked(1));
		ck_assert_int_eq(rawpci_taken_return(taken), 0);
		host_check("e1000e", "(null)");
	}
	ck_assert_uint_ge(failed, 4);
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
	host_check("e1000e", "(null)");
}
END_TEST

/* The same in a process that is killed then: its device is returned. */
START_TEST(not_kept_and_killed)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rawpci_taken *taken = take(1, "pci-stub");

		sync_left = 3;
		sync_fails = -EIO;
		host_exit(rawpci_taken_keep(taken) != -EIO);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
}
END_TEST

/* The host driver refuses the device, so it is unbound: it is not kept any more. */
START_TEST(return_fails_once)
{
	keep();
	host.refusing = "e1000e";
	ck_assert_int_eq(rawpci_return(ctx, both, 1), -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "then call rawpci_recover()"));
	host_check("", "(null)");
	ck_assert(!is_marked(0));
	host.refusing = NULL;
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
}
END_TEST

/* The kernel does not unbind it: it is still kept. */
START_TEST(return_unbinds_nothing)
{
	keep();
	host.failing = "/unbind";
	host.error = -EACCES;
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), -EACCES);
	host_check("pci-stub", "(null)");
	ck_assert(is_marked(0));
	host.failing = NULL;
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
	host_check("e1000e", "(null)");
}
END_TEST

/* rawpci_return() is killed at any step: the device is kept as it was, or recovered. */
START_TEST(return_killed_anywhere)
{
	unsigned recovered = 0, marked = 0;
	int status = 0;

	for (unsigned k = 1; status == 0; k++) {
		pid_t child;

		keep();
		child = fork();
		if (child == 0) {
			host.steps = 0;
			host.stop_at = k;
			(void)rawpci_return(ctx, both, 1);
			host_exit(1);
		}
		ck_assert_int_eq(waitpid(child, &status, 0), child);
		if (rawpci_recover(ctx) == 1) {
			recovered++;
		} else if (!host_is(DEVICE "driver_override", "(null)")) {
			host_check("pci-stub", "pci-stub");
			ck_assert(is_marked(0));
			marked++;
			ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
		}
		host_check("e1000e", "(null)");
	}
	ck_assert_uint_gt(recovered, 4);
	ck_assert_uint_gt(marked, 0);
}
END_TEST

/* Two processes return devices at the same time. */
START_TEST(all_returned_beside_another)
{
	host_create_peer("e1000e");
	ck_assert_int_eq(rawpci_taken_keep(take(2, "pci-stub")), 0);
	beside = true;
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
	host_check("e1000e", "(null)");
}
END_TEST

/* The host replaces the device, and no driver has the new one. */
static void replace(void)
{
	tree_write(&host.tree, DEVICE "vendor", "0x1234\n");
	tree_write(&host.tree, DEVICE "device", "0x5678\n");
	tree_write(&host.tree, DEVICE "driver_override", "(null)\n");
	tree_write(&host.tree, DEVICE "enable", "1\n");
	tree_unlink(&host.tree, DEVICE "driver");
	host_configure(4, 0x0407);
	host_configure(0x12, 0xabcd);
}

static void check_new_one(void)
{
	ck_assert_uint_eq(host_config(4), 0x0407);
	ck_assert_uint_eq(host_config(0x12), 0xabcd);
	ck_assert_int_eq(host_count(DEVICE "enable", 0), 1);
	host_check("", "(null)");
}

START_TEST(replaced_while_taken)
{
	struct rawpci_taken *taken = take(1, "pci-stub");

	replace();
	if (_i == 0) {
		ck_assert_int_eq(rawpci_taken_return(taken), 0);
	} else {
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
		ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	}
	check_new_one();
	ck_assert_int_eq(rawpci_return(ctx, both, 1), -ENOENT);
}
END_TEST

static int any_open(void *instance, const struct rawpci_address *address, void *space,
		    void **opened)
{
	(void)instance;
	(void)space;
	(void)address;
	*opened = &host;
	return 0;
}

static unsigned written; /* so often: config space */

static int cfg_read(void *opened, uint32_t offset, unsigned width, uint32_t *value)
{
	(void)opened;
	*value = host_config(offset) & (width == 1 ? 0xff : 0xffff);
	if (width == 4)
		*value |= (uint32_t)host_config(offset + 2) << 16;
	return 0;
}

static int cfg_write(void *opened, uint32_t offset, unsigned width, uint32_t value)
{
	(void)opened;
	(void)offset;
	(void)width;
	(void)value;
	written++;
	return 0;
}

/* Its close leaves the new one alone. */
START_TEST(replaced_while_open)
{
	struct rawpci_device *dev = NULL;
	struct rawpci_backend line = blank_backend("line", 200);

	line.driver = "uio_pci_generic";
	line.bare = true;
	line.open = any_open;
	blank_add_device(&line);
	line.cfg_read = cfg_read;
	line.cfg_write = cfg_write;
	ck_assert_int_eq(rawpci_backend_register(ctx, &line), 0);
	tree_directory(&host.tree, "bus/pci/drivers/uio_pci_generic");
	if (_i == 1)
		ck_assert_int_eq(rawpci_taken_keep(take(1, "uio_pci_generic")), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev),
			 0);
	replace();
	written = 0;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_uint_eq(written, 0);
	check_new_one();
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	ctx = create();
}
END_TEST

static void limit(unsigned n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static int count_one(void *opaque, const struct rawpci_kept *kept)
{
	ck_assert_str_eq(kept->driver, "pci-stub");
	ck_assert_str_eq(kept->host_driver, "e1000e");
	(*(unsigned *)opaque)++;
	return 0;
}

/* The record cannot be read for lack of a descriptor, so the call fails. */
START_TEST(too_few_descriptors)
{
	unsigned failed = 0;
	int r = -1;

	for (unsigned n = 3; r != 0; n++) {
		unsigned seen = 0;

		keep();
		limit(n);
		r = _i == 0 ? rawpci_kept_each(ctx, sizeof(struct rawpci_kept), count_one, &seen)
			    : rawpci_return(ctx, NULL, 0);
		limit(256);
		failed += r != 0;
		ck_assert_msg(r == -ENOSPC || r == 0, "%u descriptors: %d", n, r);
		ck_assert_uint_eq(seen, r == 0 && _i == 0);
		if (r == 0 && _i == 1)
			break;
		/* What has been unbound is not kept any more. */
		if (rawpci_recover(ctx) == 0)
			ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
		host_check("e1000e", "(null)");
	}
	ck_assert_uint_ge(failed, 2);
	host_check("e1000e", "(null)");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("kept");
	TCase *tests = tcase_create("kept");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, unknown_boot, 0, 4);
	tcase_add_loop_test(tests, not_kept_after_a_failure, 0, 2);
	tcase_add_test(tests, not_kept_and_killed);
	tcase_add_test(tests, return_fails_once);
	tcase_add_test(tests, return_unbinds_nothing);
	tcase_add_test(tests, return_killed_anywhere);
	tcase_add_test(tests, all_returned_beside_another);
	tcase_add_loop_test(tests, replaced_while_taken, 0, 2);
	tcase_add_loop_test(tests, replaced_while_open, 0, 2);
	tcase_add_loop_test(tests, too_few_descriptors, 0, 2);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
