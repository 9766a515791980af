/* SPDX-License-Identifier: MIT */
/* Taking a device from its host driver and returning it, with kills and failures at each step. */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/recover.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-seam.h"

#define DETACH RAWPCI_OPEN_DETACH_HOST_DRIVER
#define RECORD "run/" BDF

static struct rawpci *ctx;
static char said[4096]; /* the log, a line for each message */

static int any_open(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	char now[RAWPCI_SYSFS_NAME];

	(void)instance;
	(void)space;
	ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, address, now), 0);
	ck_assert_str_eq(now, "vfio-pci");
	*device = &host;
	return 0;
}

/* It needs its driver bound, and nothing else. */
static struct rawpci_backend backend;

static void keep(void *opaque, enum rawpci_log_level level, const char *message)
{
	size_t length = strlen(said);

	(void)opaque;
	(void)level;
	(void)snprintf(said + length, sizeof(said) - length, "%s\n", message);
}

static struct rawpci *create(const char *run, const char *timeout)
{
	char run_setting[600], sysfs_setting[600];
	const char *settings[] = { run_setting, sysfs_setting, timeout, NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = keep,
		.settings = settings,
	};
	struct rawpci *out;

	(void)snprintf(run_setting, sizeof(run_setting), "run.dir=%s/%s", host.tree.root, run);
	(void)snprintf(sysfs_setting, sizeof(sysfs_setting), "sysfs.dir=%s", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	ck_assert_int_eq(rawpci_backend_register(out, &backend), 0);
	return out;
}

static void setup(void)
{
	host_create();
	backend = blank_backend("bound", 200);
	backend.driver = "vfio-pci";
	backend.open = any_open;
	blank_add_device(&backend);
	said[0] = '\0';
	ctx = create("run", NULL);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&host.tree);
}

static bool there(const char *file)
{
	char path[512];

	return access(tree_path(&host.tree, path, file), F_OK) == 0;
}

static bool heard(const char *text)
{
	return strstr(said, text) != NULL;
}

static void fail_in_child(int error)
{
	(void)fprintf(stderr, "# %d: %s\n%s", error, rawpci_last_error(), said);
	host_exit(2);
}

/* Runs a child that takes the device and is stopped at step k; was it? */
static bool stopped_at(unsigned k)
{
	struct rawpci_device *dev;
	pid_t child = fork();
	int r, status;

	if (child == 0) {
		host.steps = 0;
		host.stop_at = k;
		r = rawpci_device_open(ctx, NULL, BDF, DETACH, &dev);
		if (r == 0)
			r = rawpci_device_close(dev);
		if (r < 0)
			fail_in_child(r);
		host_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 2, "step %u: status %#x", k,
		      (unsigned)status);
	return WEXITSTATUS(status) == 0;
}

/* A child is killed once the device has changed its driver: the device has to be returned. */
static void leave_taken(void)
{
	host_bind("e1000e");
	for (unsigned k = 1;; k++) {
		char now[RAWPCI_SYSFS_NAME];

		ck_assert(stopped_at(k));
		ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &host.address, now), 0);
		if (strcmp(now, "vfio-pci") == 0)
			break;
		ck_assert_int_ge(rawpci_recover(ctx), 0);
	}
	said[0] = '\0';
}

static const struct {
	const char *driver, *override;
} befores[] = {
	{ "e1000e", "(null)" },
	{ "pci-stub", "pci-stub" },
	{ "e1000e", "pci-stub" },
	{ "", "(null)" },
};

START_TEST(killed_anywhere)
{
	const int row = _i / 2;
	const bool reopen = _i % 2;
	struct rawpci_device_info info;
	struct rawpci_device *dev;
	unsigned k, command;
	int due;

	tree_write(&host.tree, DEVICE "driver_override", befores[row].override);
	host.by_id = "pci-stub"; /* which did not have it */
	if (befores[row].driver[0])
		host_bind(befores[row].driver);
	command = host_config(4);
	for (k = 1; stopped_at(k); k++) {
		if (reopen) {
			ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
			ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
			ck_assert_str_eq(info.host_driver, befores[row].driver);
			ck_assert_int_eq(rawpci_device_close(dev), 0);
		} else {
			due = there(RECORD) ? 1 : 0;
			ck_assert_int_eq(rawpci_recover(ctx), due);
		}
		host_check(befores[row].driver, befores[row].override);
		/* pci-stub leaves decoding as it finds it, and vfio-pci leaves it on. */
		if (strcmp(befores[row].driver, "pci-stub") != 0)
			ck_assert_uint_eq(host_config(4), command);
		ck_assert(!there(RECORD));
		ck_assert_int_eq(rawpci_recover(ctx), 0);
		host_check(befores[row].driver, befores[row].override);
	}
	ck_assert_uint_ge(k, 14);
	host_check(befores[row].driver, befores[row].override);
}
END_TEST

START_TEST(held_elsewhere)
{
	struct rawpci_device *dev = NULL;
	int ready[2], status;
	char byte, number[32];
	pid_t child;

	host_bind("e1000e");
	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		status = rawpci_device_open(ctx, NULL, BDF, DETACH, &dev);
		(void)!write(ready[1], status == 0 ? "y" : "n", 1);
		pause();
		_exit(0);
	}
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 'y');
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EBUSY);
	(void)snprintf(number, sizeof(number), "process %d (", (int)child);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), number));
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	host_check("vfio-pci", "vfio-pci");
	ck_assert(there(RECORD));
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
	close(ready[0]);
	close(ready[1]);
}
END_TEST

/* A device is owned also if its driver does not change. */
START_TEST(held_here)
{
	struct rawpci *other = create("run", NULL);
	struct rawpci_device *dev, *second = NULL;

	host_bind("vfio-pci");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert(!there(RECORD));
	ck_assert_int_eq(rawpci_device_open(other, NULL, BDF, 0, &second), -EBUSY);
	ck_assert_ptr_null(second);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "this context or another"));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_device_open(other, NULL, BDF, 0, &second), 0);
	ck_assert_int_eq(rawpci_device_close(second), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
}
END_TEST

START_TEST(nowhere_to_write)
{
	struct rawpci_device *dev = NULL;
	struct rawpci *blind;

	tree_write(&host.tree, "file", "");
	blind = create("file", NULL);
	host_bind("e1000e");
	ck_assert_int_eq(rawpci_device_open(blind, NULL, BDF, DETACH, &dev), -EACCES);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "run.dir"));
	host_check("e1000e", "(null)");
	ck_assert_int_eq(rawpci_recover(blind), -EACCES);
	host_bind("vfio-pci");
	ck_assert_int_eq(rawpci_device_open(blind, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(blind), 0);
}
END_TEST

/* A device that could not be returned is opened again: its close returns it. */
START_TEST(driver_is_missing)
{
	struct rawpci_device *dev;

	leave_taken();
	host.refusing = "e1000e";
	ck_assert_int_eq(rawpci_recover(ctx), -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "e1000e"));
	host_check("", "(null)");
	ck_assert(there(RECORD));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	host_check("vfio-pci", "vfio-pci");
	host.refusing = NULL;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD));
}
END_TEST

START_TEST(not_to_be_detached)
{
	struct rawpci_device *dev = NULL;

	leave_taken();
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EBUSY);
	host_check("e1000e", "(null)"); /* but it has been returned */
	ck_assert(!there(RECORD));
}
END_TEST

START_TEST(unbinding_hangs)
{
	struct rawpci *hasty = create("run", "driver.timeout_ms=100");
	struct rawpci_device *dev = NULL;
	int gate[2], r = 0;

	host_bind("e1000e");
	ck_assert_int_eq(pipe(gate), 0);
	host.hanging = gate[0];
	ck_assert_int_eq(rawpci_device_open(hasty, NULL, BDF, DETACH, &dev), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "driver.timeout_ms"));
	ck_assert(there(RECORD));
	/* No program gets the device before the kernel has ended the write. */
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EBUSY);
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	host_check("", "vfio-pci");
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	for (int i = 0; r == 0 && i < 10000; i++) {
		rawpci_sys_sleep_ms(1);
		r = rawpci_recover(ctx);
	}
	ck_assert_int_eq(r, 1);
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD));
	close(gate[0]);
	close(gate[1]);
	ck_assert_int_eq(rawpci_destroy(hasty), 0);
}
END_TEST

/* The sentence names the step that hangs. */
START_TEST(step_hangs)
{
	static const char *const steps[][2] = {
		{ "/driver_override", "another program is binding or unbinding it" },
		{ "/unbind", "its driver has not let go of it" },
		{ "/drivers_probe", "the new driver has not accepted it" },
	};
	struct rawpci *hasty = create("run", "driver.timeout_ms=100");
	struct rawpci_device *dev = NULL;
	int gate[2];

	host_bind("e1000e");
	ck_assert_int_eq(pipe(gate), 0);
	host.hanging = gate[0];
	host.hangs = steps[_i][0];
	ck_assert_int_eq(rawpci_device_open(hasty, NULL, BDF, DETACH, &dev), -ETIMEDOUT);
	ck_assert_msg(strstr(rawpci_last_error(), steps[_i][1]) != NULL, "%s", rawpci_last_error());
	ck_assert(there(RECORD));
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	for (int i = 0, r = 0; r == 0 && i < 10000; i++) {
		rawpci_sys_sleep_ms(1);
		r = rawpci_recover(ctx);
	}
	host_check("e1000e", "(null)");
	close(gate[0]);
	close(gate[1]);
	ck_assert_int_eq(rawpci_destroy(hasty), 0);
}
END_TEST

static const struct {
	const char *file;
	int error, returned;
	const char *words;
} failures[] = {
	{ "driver_override", -EACCES, -EACCES, "may not write to" },
	{ "driver_override", -EROFS, -EACCES, "outside of this container" },
	{ "/unbind", -EPERM, -EPERM, "let root bind it" },
	{ "/unbind", -EIO, -EIO, "the kernel log may say why" },
	{ NULL, -ENODEV, -ENODEV, "the driver vfio-pci has refused it: the kernel log" },
};

/* The sentence fits the error of the step. */
START_TEST(step_fails)
{
	struct rawpci_device *dev = NULL;
	bool by_permission = failures[_i].error == -EACCES || failures[_i].error == -EPERM;

	host_bind("e1000e");
	host.failing = failures[_i].file;
	host.error = failures[_i].error;
	if (!failures[_i].file)
		host.refusing = "vfio-pci";
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), failures[_i].returned);
	ck_assert_msg(strstr(rawpci_last_error(), failures[_i].words) != NULL, "%s",
		      rawpci_last_error());
	ck_assert(by_permission == (strstr(rawpci_last_error(), "may not write") != NULL));
	host.failing = NULL;
	ck_assert_int_ge(rawpci_recover(ctx), 0);
	host_check("e1000e", "(null)");
}
END_TEST

START_TEST(in_use)
{
	struct rawpci_device *dev = NULL;

	host_bind("e1000e");
	tree_link(&host.tree, "class/net/eth0", "../../devices/pci0000:00/" BDF "/net/eth0");
	tree_write(&host.tree, "devices/pci0000:00/" BDF "/net/eth0/flags", "0x1003\n");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EBUSY);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "interface eth0 is up"));
	host_check("e1000e", "(null)");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, RAWPCI_OPEN_INSIST, &dev), -EBUSY);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH | 4, &dev), -EBADRQC);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH | RAWPCI_OPEN_INSIST, &dev), 0);
	ck_assert(heard("although the network interface eth0 is up"));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("e1000e", "(null)");
}
END_TEST

static bool hung; /* a disk does not open */

int __real_rawpci_slow_claim(const char *path, int flags, unsigned limit_ms);
int __wrap_rawpci_slow_claim(const char *path, int flags, unsigned limit_ms);
int __wrap_rawpci_slow_claim(const char *path, int flags, unsigned limit_ms)
{
	return hung ? -ETIMEDOUT : __real_rawpci_slow_claim(path, flags, limit_ms);
}

/* The sentence says which disk. A caller that insists is told, and gets the device. */
START_TEST(its_disk_hangs)
{
	struct rawpci_device *dev = NULL;

	host_bind("e1000e");
	tree_link(&host.tree, "class/block/sdz", "../../devices/pci0000:00/" BDF "/block/sdz");
	tree_write(&host.tree, "devices/pci0000:00/" BDF "/block/sdz/dev", "8:400\n");
	hung = true;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -ETIMEDOUT);
	ck_assert_msg(strstr(rawpci_last_error(),
			     "whether the host uses the disk sdz cannot be found "
			     "out, because the disk hangs: the kernel has not "
			     "opened it in 10000 ms: see the kernel log (dmesg) "
			     "for the disk, or insist") != NULL,
		      "%s", rawpci_last_error());
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH | RAWPCI_OPEN_INSIST, &dev), 0);
	ck_assert(heard("although whether the host uses the disk sdz"));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
}
END_TEST

START_TEST(another_device)
{
	leave_taken();
	tree_write(&host.tree, DEVICE "device", "0x5845\n");
	tree_write(&host.tree, DEVICE "driver_override", "(null)\n");
	tree_unlink(&host.tree, DEVICE "driver");
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	host_check("", "(null)");
	ck_assert(heard("but 8086:5845 is there now"));
	ck_assert(!there(RECORD));
}
END_TEST

/* While it is open, another device is put into its slot (hot plug): that one was not taken. */
START_TEST(another_device_at_close)
{
	struct rawpci_device *dev;

	host_bind("e1000e");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	tree_unlink(&host.tree, DEVICE "driver");
	tree_write(&host.tree, DEVICE "vendor", "0x1b36\n");
	tree_write(&host.tree, DEVICE "device", "0x0010\n");
	tree_write(&host.tree, DEVICE "driver_override", "(null)\n");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("", "(null)");
	ck_assert(heard("but 1b36:0010 is there now"));
	ck_assert(!there(RECORD));
}
END_TEST

/* One line says what has become of the device; the record goes with it. */
static void check_removed(void)
{
	ck_assert_msg(heard("the host has removed it: nothing to return"), "%s", said);
	ck_assert_msg(!heard("load that driver") && !heard("could not be returned") &&
			      !heard("cannot be restored"),
		      "%s", said);
	ck_assert(!there(RECORD));
}

/* A removed device cannot be returned, so no sentence advises to load its driver. */
START_TEST(gone_at_close)
{
	struct rawpci_device *dev;

	host_bind("e1000e");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	host_remove();
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	check_removed();
}
END_TEST

/* The kernel removes the files of a device before its directory. */
START_TEST(half_gone_at_close)
{
	struct rawpci_device *dev;

	host_bind("e1000e");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	tree_unlink(&host.tree, DEVICE "driver");
	tree_unlink(&host.tree, DEVICE "vendor");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	check_removed();
	ck_assert(!heard("cannot be read"));
}
END_TEST

/* The kernel removes it at each step of its return, of a device with a driver and without. */
START_TEST(gone_while_it_is_returned)
{
	static const char *const steps[] = { "/unbind", "driver_override", "drivers_probe" };
	const bool driven = _i < 3;
	struct rawpci_device *dev;

	if (driven)
		host_bind("e1000e");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	host.failing = steps[_i % 3];
	host.error = -ENODEV;
	host.vanishes = true;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	check_removed();
}
END_TEST

/* The next owner finds it gone, too. */
START_TEST(gone_while_it_is_recovered)
{
	leave_taken();
	host.failing = "driver_override";
	host.error = -ENODEV;
	host.vanishes = true;
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	check_removed();
}
END_TEST

static bool comes; /* the host driver comes while the record is written */

int __real_rawpci_sys_sync(int fd);
int __wrap_rawpci_sys_sync(int fd);
int __wrap_rawpci_sys_sync(int fd)
{
	int r = __real_rawpci_sys_sync(fd);

	if (comes)
		host_bind("e1000e");
	comes = false;
	return r;
}

/* The flags or the check of its use did not concern that driver, so it is left alone. */
START_TEST(driver_comes)
{
	struct rawpci_device *dev = NULL;

	comes = true;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, _i ? DETACH : 0, &dev), -EBUSY);
	ck_assert(!comes);
	ck_assert_msg(strstr(rawpci_last_error(), "open it again") != NULL, "%s",
		      rawpci_last_error());
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("e1000e", "(null)");
}
END_TEST

START_TEST(gone)
{
	char from[512], to[512];

	leave_taken();
	tree_path(&host.tree, from, "bus/pci/devices/" BDF);
	tree_path(&host.tree, to, "bus/pci/devices/away");
	ck_assert_int_eq(rename(from, to), 0);
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	ck_assert(!there(RECORD));
	ck_assert_int_eq(rename(to, from), 0);
}
END_TEST

static int give(const char *path, const struct stat *info, int kind, struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return lchown(path, 65534, 65534);
}

/* A device that may not be looked at is not gone: its record stays. */
START_TEST(not_to_be_seen)
{
	static const char *const above[] = { "bus/pci/devices", "bus/pci/devices/" BDF };

	leave_taken();
	if (geteuid() == 0)
		ck_assert_int_eq(nftw(host.tree.root, give, 16, FTW_PHYS), 0);
	for (int i = 0; i < 2; i++) {
		tree_bar(&host.tree, above[i], 0);
		ck_assert_int_eq(rawpci_recover(ctx), -EACCES);
		ck_assert_msg(strstr(rawpci_last_error(), "so its record stays") != NULL, "%s",
			      rawpci_last_error());
		tree_unbar(&host.tree, above[i]);
		ck_assert(there(RECORD));
	}
}
END_TEST

START_TEST(not_a_record)
{
	struct rawpci_device *dev;

	leave_taken();
	tree_write(&host.tree, RECORD, "rawpci 1\ndevice " BDF " 8086:10d3\ndriver ../../..\n");
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	ck_assert(heard("is not a valid record"));
	host_check("vfio-pci", "vfio-pci");
	ck_assert(there(RECORD));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("vfio-pci", "vfio-pci");
}
END_TEST

/* A container can share the directory of records, but not the host's sysfs. */
START_TEST(sysfs_is_elsewhere)
{
	struct rawpci *blind = NULL;
	char run_setting[600];
	const char *settings[] = { run_setting, "sysfs.dir=/nonexistent", NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };

	(void)snprintf(run_setting, sizeof(run_setting), "run.dir=%s/run", host.tree.root);
	leave_taken();
	ck_assert_int_eq(rawpci_create(&options, &blind), 0);
	ck_assert_int_eq(rawpci_recover(blind), -EACCES);
	ck_assert(there(RECORD));
	ck_assert_int_eq(rawpci_destroy(blind), 0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
}
END_TEST

START_TEST(ids_cannot_be_read)
{
	leave_taken();
	tree_unlink(&host.tree, DEVICE "vendor");
	tree_directory(&host.tree, DEVICE "vendor");
	ck_assert_int_lt(rawpci_recover(ctx), 0);
	ck_assert(there(RECORD));
}
END_TEST

/* A newer version may have written the record, so it is not replaced. */
START_TEST(foreign_record_is_not_replaced)
{
	struct rawpci_device *dev = NULL;

	leave_taken();
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	tree_write(&host.tree, RECORD, "rawpci 999\n");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EACCES);
	ck_assert(there(RECORD));
	host_check("e1000e", "(null)");
}
END_TEST

START_TEST(override_cannot_be_recorded)
{
	struct rawpci_device *dev = NULL;

	host_bind("e1000e");
	tree_write(&host.tree, DEVICE "driver_override", "e1000e \n");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EACCES);
	host_check("e1000e", "e1000e ");
}
END_TEST

/* The kernel sends SIGXFSZ to a process that writes more than RLIMIT_FSIZE. */
static void in_a_process_that_may_write_no_files(void)
{
	const struct rlimit none = { 0, 0 };
	struct rawpci_device *dev;

	(void)setrlimit(RLIMIT_FSIZE, &none);
	host_exit(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev) == -EACCES ? 0 : 1);
}

/* If a descriptor of the library were 0, 1 or 2, the program would print into the device. */
static void in_a_process_without_standard_files(void)
{
	struct rawpci_device *dev;
	int taken = 0;

	for (int fd = 0; fd < 3; fd++)
		(void)close(fd);
	if (rawpci_device_open(ctx, NULL, BDF, DETACH, &dev) < 0)
		host_exit(8);
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			taken |= 1 << fd;
	if (rawpci_device_close(dev) < 0)
		host_exit(9);
	host_exit(taken);
}

static void (*const processes[])(void) = {
	in_a_process_that_may_write_no_files,
	in_a_process_without_standard_files,
};

START_TEST(unusual_processes)
{
	pid_t child;
	int status;

	host_bind("e1000e");
	child = fork();
	if (child == 0)
		processes[_i]();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "status %#x",
		      (unsigned)status);
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD) && !there(RECORD ".new"));
}
END_TEST

static const char *const neighbours[] = { "0000:03:00.1", "0000:03:00.2" };

/* Makes an IOMMU group in which vfio-pci has the other devices, so that taking and returning those
 * changes nothing. */
static void make_group(void)
{
	const char *const all[] = { BDF, neighbours[0], neighbours[1] };
	char file[128];

	for (size_t i = 0; i < 3; i++) {
		(void)snprintf(file, sizeof(file), "kernel/iommu_groups/7/devices/%s", all[i]);
		tree_directory(&host.tree, file);
		(void)snprintf(file, sizeof(file), "bus/pci/devices/%s/vfio-dev/vfio7", all[i]);
		if (i > 0)
			tree_directory(&host.tree, file);
		(void)snprintf(file, sizeof(file), "bus/pci/devices/%s/iommu_group", all[i]);
		tree_link(&host.tree, file, "../../../../kernel/iommu_groups/7");
		(void)snprintf(file, sizeof(file), "bus/pci/devices/%s/driver", all[i]);
		tree_link(&host.tree, file, "../../drivers/vfio-pci");
	}
	host_bind("e1000e");
}

static struct rawpci_device *opened(struct rawpci *with, const char *bdf)
{
	struct rawpci_device *dev;
	int r = rawpci_device_open(with, NULL, bdf, DETACH, &dev);

	ck_assert_msg(r == 0, "%s: %d: %s", bdf, r, rawpci_last_error());
	return dev;
}

/* The kernel refuses the host driver until every device of the group is closed, by any program. It
 * says so with EINVAL, or not at all if the driver itself was asked. */
START_TEST(closed_before_its_group)
{
	struct rawpci *other = create("run", NULL);
	struct rawpci_device *dev, *second, *third;

	make_group();
	dev = opened(ctx, BDF);
	second = opened(_i & 1 ? other : ctx, neighbours[0]);
	third = opened(ctx, neighbours[1]);
	host.refusing = "e1000e";
	host.failing = _i & 2 ? "drivers_probe" : NULL;
	host.error = -EINVAL;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("", "(null)");
	ck_assert(there(RECORD) && heard("IOMMU group") && !heard("load that driver"));
	ck_assert_int_eq(rawpci_recover(ctx), -EBUSY);
	host.refusing = host.failing = NULL;
	ck_assert_int_eq(rawpci_device_close(third), 0);
	host_check("", "(null)"); /* not tried before the whole group is closed */
	ck_assert_int_eq(rawpci_device_close(second), 0);
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD));
	ck_assert_int_eq(rawpci_destroy(other), 0);
}
END_TEST

/* Another thread closes the last device of the group while the kernel refuses this one. */
START_TEST(closed_with_its_group)
{
	make_group();
	host.refusing = "e1000e";
	host.refusals = 1;
	ck_assert_int_eq(rawpci_device_close(opened(ctx, BDF)), 0);
	ck_assert(heard("IOMMU group"));
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD));
}
END_TEST

/* The driver has gone; the group is not the cause. */
START_TEST(driver_has_gone)
{
	struct rawpci_device *dev;
	char path[512];

	make_group();
	dev = opened(ctx, BDF);
	host.refusing = "e1000e";
	ck_assert_int_eq(rmdir(tree_path(&host.tree, path, "bus/pci/drivers/e1000e")), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert(there(RECORD) && heard("load that driver") && !heard("IOMMU group"));
	tree_directory(&host.tree, "bus/pci/drivers/e1000e");
	host.refusing = NULL;
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
}
END_TEST

/* An open that fails says why, also if the device cannot be returned. */
START_TEST(fails_in_its_group)
{
	struct rawpci_device *dev = NULL;

	make_group();
	backend.open = blank_open;
	host.refusing = "e1000e";
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EIO);
	ck_assert_ptr_null(strstr(rawpci_last_error(), "returned"));
	ck_assert(there(RECORD));
	host.refusing = NULL;
	backend.open = any_open;
	ck_assert_int_eq(rawpci_device_close(opened(ctx, neighbours[0])), 0);
	host_check("e1000e", "(null)");
}
END_TEST

START_TEST(nothing_to_recover)
{
	ck_assert_int_eq(rawpci_recover(NULL), -EFAULT);
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	ck_assert(!there("run"));
}
END_TEST

START_TEST(settings)
{
	static const char *const wrong[] = { "", "0", "-1", "1x", "99999999999999999999", " 5" };
	char setting[64];
	const char *const list[] = { setting, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = list };
	struct rawpci *out;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		(void)snprintf(setting, sizeof(setting), "driver.timeout_ms=%s", wrong[i]);
		ck_assert_int_eq(rawpci_create(&options, &out), -EINVAL);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("handover");
	TCase *tests = tcase_create("handover");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, killed_anywhere, 0, 8);
	tcase_add_test(tests, held_elsewhere);
	tcase_add_test(tests, held_here);
	tcase_add_test(tests, nowhere_to_write);
	tcase_add_test(tests, driver_is_missing);
	tcase_add_test(tests, not_to_be_detached);
	tcase_add_test(tests, unbinding_hangs);
	tcase_add_loop_test(tests, step_hangs, 0, 3);
	tcase_add_loop_test(tests, step_fails, 0, sizeof(failures) / sizeof(failures[0]));
	tcase_add_test(tests, in_use);
	tcase_add_test(tests, its_disk_hangs);
	tcase_add_test(tests, another_device);
	tcase_add_test(tests, another_device_at_close);
	tcase_add_test(tests, gone);
	tcase_add_test(tests, not_to_be_seen);
	tcase_add_test(tests, gone_at_close);
	tcase_add_test(tests, half_gone_at_close);
	tcase_add_loop_test(tests, gone_while_it_is_returned, 0, 5);
	tcase_add_test(tests, gone_while_it_is_recovered);
	tcase_add_loop_test(tests, driver_comes, 0, 2);
	tcase_add_test(tests, not_a_record);
	tcase_add_test(tests, sysfs_is_elsewhere);
	tcase_add_test(tests, ids_cannot_be_read);
	tcase_add_test(tests, foreign_record_is_not_replaced);
	tcase_add_test(tests, override_cannot_be_recorded);
	tcase_add_loop_test(tests, unusual_processes, 0, 2);
	tcase_add_loop_test(tests, closed_before_its_group, 0, 4);
	tcase_add_test(tests, closed_with_its_group);
	tcase_add_test(tests, driver_has_gone);
	tcase_add_test(tests, fails_in_its_group);
	tcase_add_test(tests, nothing_to_recover);
	tcase_add_test(tests, settings);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
