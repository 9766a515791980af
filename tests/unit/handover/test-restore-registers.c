/* SPDX-License-Identifier: MIT */
/* Killed users of the backends behind which no kernel driver puts anything back: of sysfs and
 * uio. */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/recover.h>
#include <signal.h>
#include <sys/wait.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/handover/host-seam.h"

#define DETACH RAWPCI_OPEN_DETACH_HOST_DRIVER
#define RECORD "run/" BDF
#define UIO "uio_pci_generic"
#define MASTER 0x4u
#define NO_REGION "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"

static struct rawpci *ctx;
static bool boot_is_hidden;
static char said[4096]; /* the log, a line for each message */
static enum rawpci_log_level mastered_level;

static void keep(void *opaque, enum rawpci_log_level level, const char *message)
{
	size_t length = strlen(said);

	(void)opaque;
	if (strstr(message, "still mastered"))
		mastered_level = level;
	(void)snprintf(said + length, sizeof(said) - length, "%s\n", message);
}

int __real_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size)
{
	if (boot_is_hidden && strstr(path, "boot_id"))
		return -ENOENT;
	return __real_rawpci_sys_read_file(path, text, size);
}

static bool heard(const char *text)
{
	return strstr(said, text) != NULL;
}

static struct rawpci *create(const char *backend, const char *run, const char *timeout)
{
	char run_setting[600], sysfs_setting[600], uio_setting[600], vfio_setting[600];
	const char *settings[] = { run_setting,  sysfs_setting, uio_setting,
				   vfio_setting, timeout,       NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = keep,
		.backend = backend,
		.settings = settings,
	};
	struct rawpci *out;

	(void)snprintf(run_setting, sizeof(run_setting), "run.dir=%s/%s", host.tree.root, run);
	(void)snprintf(sysfs_setting, sizeof(sysfs_setting), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(uio_setting, sizeof(uio_setting), "uio.dir=%s/dev", host.tree.root);
	(void)snprintf(vfio_setting, sizeof(vfio_setting), "vfio.dir=%s/dev/vfio", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	return out;
}

static void setup(void)
{
	host_create();
	said[0] = '\0';
	boot_is_hidden = false;
	tree_write(&host.tree, DEVICE "resource",
		   NO_REGION NO_REGION NO_REGION NO_REGION NO_REGION NO_REGION NO_REGION);
	tree_write(&host.tree, DEVICE "reset", "");
	tree_directory(&host.tree, DEVICE "uio/uio3");
	tree_write(&host.tree, "dev/uio3", "");
	tree_directory(&host.tree, "bus/pci/drivers/" UIO);
	ctx = NULL;
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

/* The program that is killed; it leaves the device asleep. */
static int use(bool sleep)
{
	struct rawpci_device *dev;
	int r = rawpci_device_open(ctx, NULL, BDF, DETACH, &dev);

	if (r == 0)
		r = rawpci_device_power(dev, RAWPCI_POWER_ON);
	if (r == 0 && sleep)
		r = rawpci_device_power(dev, RAWPCI_POWER_SUSPEND);
	return r < 0 ? r : rawpci_device_close(dev);
}

/* Runs a child that is stopped at step k; was it? */
static bool stopped_at(unsigned k, bool sleep)
{
	pid_t child = fork();
	int r, status;

	if (child == 0) {
		host.steps = 0;
		host.stop_at = k;
		r = use(sleep);
		if (r < 0)
			(void)fprintf(stderr, "# %d: %s\n%s", r, rawpci_last_error(), said);
		host_exit(r < 0 ? 2 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 2, "step %u: status %#x", k,
		      (unsigned)status);
	return WEXITSTATUS(status) == 0;
}

/* A device without a driver: its owner is killed while it masters the bus. */
static void leave(void)
{
	for (unsigned k = 1;; k++) {
		char now[RAWPCI_SYSFS_NAME];

		ck_assert(stopped_at(k, false));
		ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &host.address, now), 0);
		if (now[0] == '\0' && (host_config(4) & MASTER))
			break;
	}
	said[0] = '\0';
}

static const struct {
	const char *backend, *driver, *override;
	bool enabled; /* by another program, without a driver */
} rows[] = {
	{ "sysfs", "", "(null)", false },         { "sysfs", "", "pci-stub", true },
	{ "sysfs", "e1000e", "(null)", false },   { "uio", "", "(null)", false },
	{ "uio", "e1000e", "(null)", false },     { "uio", UIO, UIO, false },
	{ "uio", "pci-stub", "pci-stub", false }, /* pci-stub does not touch it */
};
#define ROWS (int)(sizeof(rows) / sizeof(rows[0]))

struct before {
	unsigned command;
	int enables;
};

static struct before begin(int row)
{
	ctx = create(rows[row].backend, "run", NULL);
	tree_write(&host.tree, DEVICE "driver_override", rows[row].override);
	if (rows[row].driver[0])
		host_bind(rows[row].driver);
	if (rows[row].enabled)
		host_enable();
	return (struct before){ host_config(4), host_count(DEVICE "enable", 0) };
}

static void check_back(int row, const struct before *before)
{
	host_check(rows[row].driver, rows[row].override);
	ck_assert_uint_eq(host_config(4), before->command);
	ck_assert_int_eq(host_count(DEVICE "enable", 0), before->enables);
	ck_assert_uint_eq(host_config(0x12), 0xfeb0);
	ck_assert_uint_eq(host_config(HOST_PM + 4) & 0x3, 0);
	ck_assert(!there("found at work"));
	ck_assert(!there(RECORD));
}

/* The kernel may suspend it as before, and has saved no old config space. */
static void check_idle(int row, bool idle)
{
	const unsigned command = host_config(4);

	if (!idle)
		return;
	ck_assert(host_is(DEVICE "power/control", "auto"));
	ck_assert_int_eq(host_is("kept", ""), rows[row].driver[0] != '\0');
	host_resume();
	ck_assert_uint_eq(host_config(4), command);
	host_control("auto");
}

START_TEST(killed_anywhere)
{
	const int row = _i % ROWS;
	const bool reopen = _i / ROWS == 1, sleep = _i / ROWS == 2, idle = _i / ROWS == 3;
	const struct before before = begin(row);
	struct rawpci_device *dev;
	unsigned k;
	int due;

	if (idle)
		host_control("auto");
	for (k = 1; stopped_at(k, sleep); k++) {
		due = there(RECORD) ? 1 : 0;
		if (reopen) {
			ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
			ck_assert_uint_eq(host_config(4) & MASTER, 0);
			ck_assert_int_eq(rawpci_device_close(dev), 0);
		} else {
			ck_assert_int_eq(rawpci_recover(ctx), due);
		}
		check_back(row, &before);
		check_idle(row, idle);
	}
	ck_assert_uint_ge(k, 20);
	check_back(row, &before);
	check_idle(row, idle);
}
END_TEST

/* A kill comes before the reset: the record alone tells that a reset is needed. */
START_TEST(reset_before_it_is_bound)
{
	const struct before before = begin(2);

	leave();
	tree_write(&host.tree, "resets", "0\n");
	if (_i)
		host.reset = -ENOTTY;
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_int_eq(host_count("resets", 0), 1);
	ck_assert_int_eq(heard("returned, but its reset failed"), _i);
	ck_assert(heard("it still mastered the bus") && mastered_level == RAWPCI_LOG_INFO);
	check_back(2, &before);
}
END_TEST

START_TEST(cannot_be_stopped)
{
	const struct before before = begin(2);

	leave();
	host.locked = true;
	ck_assert_int_eq(rawpci_recover(ctx), -EPERM);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "bus mastering"));
	host_check("", "rawpci-nobody");
	ck_assert(there(RECORD));
	host.locked = false;
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	check_back(2, &before);
}
END_TEST

/* Unbinding may hang, so bus mastering goes off before it. */
START_TEST(stopped_before_it_is_unbound)
{
	struct rawpci *hasty;
	int gate[2], r = -EBUSY;

	(void)begin(3);
	for (unsigned k = 1; !(host_config(4) & MASTER); k++)
		ck_assert(stopped_at(k, false));
	host_count(DEVICE "enable", 1); /* so that the kernel does not do it */
	hasty = create("uio", "run", "driver.timeout_ms=100");
	ck_assert_int_eq(pipe(gate), 0);
	host.hanging = gate[0];
	host.hangs = "/unbind";
	ck_assert_int_eq(rawpci_recover(hasty), -ETIMEDOUT);
	ck_assert_uint_eq(host_config(4) & MASTER, 0);
	ck_assert(there(RECORD));
	ck_assert_int_eq(write(gate[1], "x", 1), 1);
	for (int i = 0; r != 1 && i < 10000; i++) {
		rawpci_sys_sleep_ms(1);
		r = rawpci_recover(ctx);
	}
	ck_assert_int_eq(r, 1);
	host_check("", "(null)");
	ck_assert_int_eq(rawpci_destroy(hasty), 0);
	close(gate[0]);
	close(gate[1]);
}
END_TEST

/* Another program has bound a driver since, and its device is left alone. */
START_TEST(another_programs_driver)
{
	(void)begin(0);
	leave();
	host_bind("vboxpci");
	host_configure(4, 0x0507);
	host_count(DEVICE "enable", 1);
	tree_write(&host.tree, "resets", "0\n");
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("vboxpci", "(null)");
	ck_assert_uint_eq(host_config(4), 0x0507);
	ck_assert_int_eq(host_count(DEVICE "enable", 0), 2);
	ck_assert_int_eq(host_count("resets", 0), 0);
	ck_assert(!there(RECORD));
	ck_assert(heard("another program has bound it to vboxpci, where it stays") &&
		  !heard("as before"));
}
END_TEST

/* pci-stub drives no device, so what the killed owner has left is stopped and put back, unless a
 * program has one of the device's files open. */
START_TEST(bound_to_a_stub)
{
	char path[512];
	int fd = -1;

	(void)begin(0);
	leave();
	host_bind("pci-stub");
	host_configure(0x12, 0);
	ck_assert_uint_eq(host_config(4) & MASTER, MASTER);
	tree_write(&host.tree, "resets", "0\n");
	tree_write(&host.tree, DEVICE "resource0", "");
	if (_i == 1)
		fd = open(tree_path(&host.tree, path, DEVICE "resource0"), O_RDONLY);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("pci-stub", "(null)");
	ck_assert_uint_eq(host_config(4) & MASTER, _i == 1 ? MASTER : 0);
	ck_assert_uint_eq(host_config(0x12), _i == 1 ? 0 : 0xfeb0);
	ck_assert_int_eq(host_count("resets", 0), 0);
	ck_assert(!there(RECORD));
	ck_assert(heard("another program has bound it to pci-stub, where it stays"));
	ck_assert(!heard("as before"));
	if (fd >= 0)
		ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(enabled_by_another_too)
{
	(void)begin(0);
	leave();
	host_count(DEVICE "enable", 1);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_int_eq(host_count(DEVICE "enable", 0), 1);
	ck_assert_uint_eq(host_config(4), HOST_COMMAND);
}
END_TEST

/* An interrupt is pending that no driver would serve. */
START_TEST(interrupt_stays_off)
{
	(void)begin(0);
	leave();
	host_configure(6, 0x0018);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_uint_eq(host_config(4), HOST_COMMAND | 0x400);
}
END_TEST

/* The device may have enabled PME by itself, asleep or not, and would wake the host. */
START_TEST(power_management_events_stay_off)
{
	(void)begin(0);
	leave();
	host_configure(HOST_PM + 4, _i ? 0x0103 : 0x0100);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_uint_eq(host_config(HOST_PM + 4), 0);
}
END_TEST

/* A program that saves power lets the kernel suspend and resume it in the meantime. */
START_TEST(suspended_and_resumed)
{
	const char *const was = _i ? "auto" : "on";
	struct rawpci_device *dev;

	(void)begin(0);
	host_control(was);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert(host_is(DEVICE "power/control", "on"));
	for (int i = 0; i < 2; i++) {
		host_control("auto");
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
		host_resume();
		ck_assert(host_config(4) & MASTER);
		host_control("auto");
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), 0);
		host_resume();
		ck_assert(!(host_config(4) & MASTER));
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_RESUME), 0);
		host_control("auto");
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
		host_control("auto");
		host_resume();
		ck_assert(!(host_config(4) & MASTER));
	}
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	host_control("auto");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_resume();
	ck_assert_uint_eq(host_config(4), HOST_COMMAND);
	ck_assert(host_is(DEVICE "power/control", was));
	ck_assert(!there(RECORD));
}
END_TEST

/* Without the right to write that file the caller gets the device, and a warning. */
START_TEST(control_cannot_be_written)
{
	struct rawpci_device *dev;

	(void)begin(0);
	host_control("auto");
	host.failing = "power/control";
	host.error = -EACCES;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert(heard("power/control cannot be written"));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert(host_is(DEVICE "power/control", "auto"));
	ck_assert(!there(RECORD));
}
END_TEST

/* The bridges above it send by its payload size. */
START_TEST(killed_while_it_sleeps)
{
	(void)begin(_i ? 4 : 2);
	host_configure(HOST_PM, 0x0001 | HOST_EXPRESS << 8);
	host_configure(HOST_EXPRESS, 0x0010);
	host_configure(HOST_EXPRESS + 2, 0x0002);
	host_configure(HOST_EXPRESS + 8, 0x0020); /* 256 bytes */
	for (unsigned k = 1; (host_config(HOST_PM + 4) & 0x3) != 0x3; k++)
		ck_assert(stopped_at(k, true));
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
	ck_assert_uint_eq(host_config(HOST_EXPRESS + 8), 0x0020);
}
END_TEST

/* Such a record has no registers: bus mastering goes off, and the rest stays. */
START_TEST(record_of_an_older_library)
{
	static const char *const by[] = { "", UIO, "vfio-pci" };
	char text[512];

	ctx = create("sysfs", "run", NULL);
	if (_i)
		host_bind(by[_i]);
	host_configure(4, 0x0547);
	tree_write(&host.tree, DEVICE "driver_override", _i ? by[_i] : "rawpci-nobody");
	(void)snprintf(text, sizeof(text),
		       "rawpci 1\ndevice " BDF " 8086:10d3\ndriver e1000e\n"
		       "override \ntaken-by %s\nend\n",
		       by[_i]);
	tree_write(&host.tree, RECORD, text);
	ck_assert_int_eq(chmod(tree_path(&host.tree, text, "run"), 0700), 0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
	ck_assert(!there("found at work"));
	ck_assert_int_eq(host_count("resets", 0), 0);
}
END_TEST

START_TEST(nowhere_to_write)
{
	struct rawpci_device *dev = NULL;

	tree_write(&host.tree, "file", "");
	ctx = create(_i ? "uio" : "sysfs", "file", NULL);
	if (_i)
		host_bind(UIO);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), 0);
	ck_assert(heard("so a killed process leaves the device in use"));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(host_count(DEVICE "enable", 0), _i);
}
END_TEST

/* The driver that a device is opened with is no host driver. */
START_TEST(not_taken_from_its_own)
{
	struct rawpci_device_info info;
	struct rawpci_device *dev;

	(void)begin(5);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert(there(RECORD));
	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	ck_assert_str_eq(info.host_driver, "");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert(!heard("returned"));
	ck_assert(!there(RECORD));
}
END_TEST

/* After a failed recovery the next owner has to return the device, and so has its successor. */
START_TEST(owed)
{
	const struct before before = begin(2);

	leave();
	host.refusing = "e1000e";
	ck_assert_int_eq(rawpci_recover(ctx), -ENODEV);
	ck_assert_uint_eq(host_config(4) & MASTER, 0);
	leave();
	host.refusing = NULL;
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	check_back(2, &before);
}
END_TEST

/* Registers that could not be put back are not recorded as those of the host's time. */
START_TEST(owed_in_full)
{
	struct rawpci_device *dev;

	(void)begin(0);
	leave();
	host.disable = -EACCES;
	ck_assert_int_eq(rawpci_recover(ctx), -EACCES);
	ck_assert_uint_eq(host_config(4) & MASTER, 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert(there(RECORD));
	host.disable = 0;
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_uint_eq(host_config(4), HOST_COMMAND);
}
END_TEST

/* A record from before a reboot is not used: its addresses may be other devices' now. */
START_TEST(of_another_boot)
{
	char text[512], *boot;

	(void)begin(0);
	leave();
	boot = strstr(tree_read(&host.tree, RECORD, text) ? text : "", "\nboot ");
	ck_assert_ptr_nonnull(boot);
	boot[6] = boot[6] == '0' ? '1' : '0';
	tree_write(&host.tree, RECORD, text);
	host_configure(4, 0x0507);
	host_configure(0x12, 0xfed0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_uint_eq(host_config(4), 0x0507 & ~MASTER);
	ck_assert_uint_eq(host_config(0x12), 0xfed0);
	ck_assert(!there(RECORD));
}
END_TEST

/* Without /proc only the process that has taken the device knows the boot. */
START_TEST(of_an_unknown_boot)
{
	boot_is_hidden = true;
	(void)begin(0);
	leave();
	host_configure(4, 0x0507);
	host_configure(0x12, 0xfed0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_uint_eq(host_config(4), 0x0507 & ~MASTER);
	ck_assert_uint_eq(host_config(0x12), 0xfed0);
	host_configure(4, HOST_COMMAND);
	ck_assert_int_eq(use(false), 0);
	ck_assert_uint_eq(host_config(4), HOST_COMMAND);
}
END_TEST

/* Bus mastering that no driver has turned on is not put back. */
START_TEST(mastering_before)
{
	(void)begin(0);
	host_configure(4, HOST_COMMAND | MASTER);
	for (unsigned k = 1; host_count(DEVICE "enable", 0) == 0; k++)
		ck_assert(stopped_at(k, false));
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert_uint_eq(host_config(4), HOST_COMMAND);
}
END_TEST

/* No driver holds the device; a driver that is loaded would take it. */
START_TEST(driver_comes)
{
	struct rawpci_device *dev;
	char path[512];

	(void)begin(0);
	host.by_id = "e1000e";
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	(void)tree_path(&host.tree, path, "bus/pci/drivers_probe");
	ck_assert_int_eq(rawpci_sys_write_file(path, BDF), 0);
	host_check("", "rawpci-nobody");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("", "(null)");
	ck_assert(!there(RECORD));
}
END_TEST

/* Another program has bound a driver in spite of the override, and that driver is at work. */
START_TEST(driver_is_forced_upon_it)
{
	struct rawpci_device *dev;

	(void)begin(_i ? 3 : 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	if (_i)
		host_unbind(UIO);
	tree_write(&host.tree, DEVICE "driver_override", "e1000e");
	host_bind("e1000e");
	host_configure(4, 0x0507);
	tree_write(&host.tree, "resets", "0\n");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("e1000e", "e1000e");
	ck_assert_uint_eq(host_config(4), 0x0507);
	ck_assert_int_eq(host_count("resets", 0), 0);
	ck_assert(heard("the host driver e1000e has taken it"));
	ck_assert(!there(RECORD));
}
END_TEST

/* Another model is put into its slot while it is open. */
START_TEST(another_device_at_close)
{
	struct rawpci_device *dev;

	(void)begin(0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	tree_write(&host.tree, DEVICE "device", "0x0010\n");
	tree_write(&host.tree, DEVICE "driver_override", "(null)\n");
	tree_write(&host.tree, "resets", "0\n");
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(host_count("resets", 0), 0);
	host_check("", "(null)");
	ck_assert(!there(RECORD));
}
END_TEST

/* Without the right to write its override the caller gets the device, and a warning. */
START_TEST(override_cannot_be_written)
{
	struct rawpci_device *dev;

	(void)begin(0);
	host.failing = "driver_override";
	host.error = _i ? -EROFS : -EACCES;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert(heard("do not load a driver for it while it is open"));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert(!there(RECORD));
	host.error = -EIO;
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EIO);
}
END_TEST

static const struct {
	const char *driver, *node;
	bool single; /* the node is one device's */
} users[] = {
	{ "vfio-pci", "dev/vfio/7", false },
	{ "vfio-pci", "dev/vfio/noiommu-7", false },
	{ "vfio-pci", "dev/vfio/devices/vfio5", true },
	{ UIO, "dev/uio3", true },
};
#define USERS (int)(sizeof(users) / sizeof(users[0]))

/* A program uses the node without this library, so no program has the lock. */
static pid_t use_node(const char *node)
{
	char path[512], byte;
	int ready[2];
	pid_t child;

	ck_assert_int_eq(pipe(ready), 0);
	child = fork();
	if (child == 0) {
		if (open(tree_path(&host.tree, path, node), O_RDWR) < 0)
			_exit(1);
		(void)!write(ready[1], "x", 1);
		pause();
		_exit(0);
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return child;
}

/* By a killed process. */
static void leave_bound(int i)
{
	const char *driver = users[i].driver;
	char text[512];

	ctx = create("uio", "run", NULL);
	tree_write(&host.tree, users[i].node, "");
	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, DEVICE "vfio-dev/vfio5");
	host_bind(driver);
	host_configure(4, 0x0107);
	tree_write(&host.tree, DEVICE "driver_override", driver);
	(void)snprintf(text, sizeof(text),
		       "rawpci 1\ndevice " BDF " 8086:10d3\ndriver e1000e\n"
		       "override \ntaken-by %s\nend\n",
		       driver);
	tree_write(&host.tree, RECORD, text);
	ck_assert_int_eq(chmod(tree_path(&host.tree, text, "run"), 0700), 0);
}

START_TEST(open_elsewhere)
{
	const struct rawpci_explain_options options = { .size = sizeof(options), .flags = DETACH };
	struct rawpci_explanation *e;
	struct rawpci_device *dev = NULL;
	char number[32];
	int status;
	pid_t child;

	leave_bound(_i);
	child = use_node(users[_i].node);
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	host_check(users[_i].driver, users[_i].driver);
	ck_assert_uint_eq(host_config(4), 0x0107);
	ck_assert(there(RECORD));
	(void)snprintf(number, sizeof(number), "process %d (", (int)child);
	ck_assert_msg(heard(number), "%s", said);
	ck_assert_int_eq(rawpci_explain(ctx, BDF, &options, &e), 0);
	ck_assert(!e->openable);
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_OWNED);
	ck_assert_ptr_nonnull(strstr(e->findings->cause, number));
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, DETACH, &dev), -EBUSY);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), number));
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), users[_i].node));
	kill(child, SIGKILL);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
}
END_TEST

/* A group that is open here may be so for another of its devices, and the rest cannot be. */
START_TEST(open_here)
{
	char path[512];
	int node;

	leave_bound(_i);
	node = open(tree_path(&host.tree, path, users[_i].node), O_RDWR);
	ck_assert_int_ge(node, 0);
	ck_assert_int_eq(rawpci_recover(ctx), users[_i].single ? 0 : 1);
	close(node);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("state");
	TCase *tests = tcase_create("state");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, killed_anywhere, 0, 4 * ROWS);
	tcase_add_loop_test(tests, reset_before_it_is_bound, 0, 2);
	tcase_add_test(tests, cannot_be_stopped);
	tcase_add_test(tests, stopped_before_it_is_unbound);
	tcase_add_test(tests, another_programs_driver);
	tcase_add_loop_test(tests, bound_to_a_stub, 0, 2);
	tcase_add_test(tests, enabled_by_another_too);
	tcase_add_test(tests, interrupt_stays_off);
	tcase_add_loop_test(tests, suspended_and_resumed, 0, 2);
	tcase_add_test(tests, control_cannot_be_written);
	tcase_add_loop_test(tests, killed_while_it_sleeps, 0, 2);
	tcase_add_loop_test(tests, power_management_events_stay_off, 0, 2);
	tcase_add_loop_test(tests, record_of_an_older_library, 0, 3);
	tcase_add_loop_test(tests, nowhere_to_write, 0, 2);
	tcase_add_test(tests, not_taken_from_its_own);
	tcase_add_test(tests, owed);
	tcase_add_test(tests, owed_in_full);
	tcase_add_test(tests, of_another_boot);
	tcase_add_test(tests, of_an_unknown_boot);
	tcase_add_test(tests, mastering_before);
	tcase_add_test(tests, driver_comes);
	tcase_add_loop_test(tests, driver_is_forced_upon_it, 0, 2);
	tcase_add_test(tests, another_device_at_close);
	tcase_add_loop_test(tests, override_cannot_be_written, 0, 2);
	tcase_add_loop_test(tests, open_elsewhere, 0, USERS);
	tcase_add_loop_test(tests, open_here, 0, USERS);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
