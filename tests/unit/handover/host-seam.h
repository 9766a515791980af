/* SPDX-License-Identifier: MIT */
/*
 * A host of one device, in a directory: the kernel's side of driver_override, drivers_probe,
 * unbind, enable and reset, and the device's of waking up, behind the seam of src/os/sys.h (linked
 * with --wrap), where a process can also be stopped before and after each change that it makes.
 */
#ifndef RAWPCI_TESTS_HOST_SEAM_H
#define RAWPCI_TESTS_HOST_SEAM_H

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/sysfs.h"
#include "unit/os/tree.h"

#define BDF "0000:03:00.0"
#define DEVICE "bus/pci/devices/" BDF "/"

enum { HOST_PM = 0x40, HOST_EXPRESS = 0x50 };
enum { HOST_COMMAND = 0x0140 }; /* it does not decode; the other bit never changes */

struct host {
	struct tree tree;
	struct rawpci_address address;
	const char *by_id;    /* the driver that takes the device without an override */
	const char *refusing; /* a driver whose probe fails, */
	unsigned refusals;    /* so often; 0: always */
	bool locked;          /* config space cannot be written */
	int reset;            /* what a reset returns */
	int disable;          /* what disabling returns, if it does not work */
	int hanging;          /* until this can be read, -1: not at all, */
	const char *hangs;    /* writes to this file wait */
	const char *failing;  /* writes to this file fail */
	int error;            /* with this, a negative errno */
	bool vanishes;        /* and the host removes the device then */
	atomic_uint steps;
	unsigned stop_at; /* the process ends at this step; 0: never */
};

static struct host host;

int __real_rawpci_sys_rename_at(int directory, const char *from, const char *to);
int __real_rawpci_sys_unlink_at(int directory, const char *name);
int __wrap_rawpci_sys_rename_at(int directory, const char *from, const char *to);
int __wrap_rawpci_sys_unlink_at(int directory, const char *name);
int __wrap_rawpci_sys_write_file(const char *path, const char *text);
int __real_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);

/* As a kill does it: at once, and without what a sanitizer does in _exit(). */
static inline void host_exit(int status)
{
	(void)syscall(SYS_exit_group, status);
}

static inline void host_step(void)
{
	if (atomic_fetch_add(&host.steps, 1) + 1 == host.stop_at)
		host_exit(0);
}

/* Config space, 16 bits at a time. */
static inline unsigned host_config(long offset)
{
	unsigned char bytes[2];
	char path[512];
	FILE *stream = fopen(tree_path(&host.tree, path, DEVICE "config"), "r");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fseek(stream, offset, SEEK_SET), 0);
	ck_assert_uint_eq(fread(bytes, 1, 2, stream), 2);
	ck_assert_int_eq(fclose(stream), 0);
	return bytes[0] | (unsigned)bytes[1] << 8;
}

static inline void host_configure(long offset, unsigned value)
{
	const unsigned char bytes[2] = { (unsigned char)value, (unsigned char)(value >> 8) };
	char path[512];
	FILE *stream = fopen(tree_path(&host.tree, path, DEVICE "config"), "r+");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_eq(fseek(stream, offset, SEEK_SET), 0);
	ck_assert_uint_eq(fwrite(bytes, 1, 2, stream), 2);
	ck_assert_int_eq(fclose(stream), 0);
}

/* The number in a file; it becomes more by so much. */
static inline int host_count(const char *file, int more)
{
	char text[512];
	int n = atoi(tree_read(&host.tree, file, text));

	(void)snprintf(text, sizeof(text), "%d\n", n + more);
	if (more != 0)
		tree_write(&host.tree, file, text);
	return n;
}

static inline bool host_is(const char *file, const char *text)
{
	char now[512];

	tree_read(&host.tree, file, now);
	now[strcspn(now, "\n")] = '\0';
	return strcmp(now, text) == 0;
}

/* Runtime power management of a device without a driver (Linux drivers/pci/pci-driver.c,
 * pci_pm_runtime_suspend(), pci_pm_runtime_resume()). "kept" is what COMMAND was; "": nothing
 * is. */
static inline void host_suspend(void)
{
	char text[32];

	if (!host_is(DEVICE "power/control", "auto") || !host_is("kept", ""))
		return;
	(void)snprintf(text, sizeof(text), "%u\n", host_config(4));
	tree_write(&host.tree, "kept", text);
}

static inline void host_resume(void)
{
	if (!host_is("kept", ""))
		host_configure(4, (unsigned)host_count("kept", 0));
	tree_write(&host.tree, "kept", "");
}

static inline void host_control(const char *text)
{
	char now[RAWPCI_SYSFS_NAME];

	tree_write(&host.tree, DEVICE "power/control", text);
	if (strcmp(text, "on") == 0)
		host_resume();
	else if (rawpci_sysfs_driver(host.tree.root, &host.address, now) == 0 && now[0] == '\0')
		host_suspend();
}

/* Linux drivers/pci/pci.c, pci_enable_device() and pci_disable_device(). */
static inline void host_enable(void)
{
	if (host_count(DEVICE "enable", 1) == 0)
		host_configure(4, (host_config(4) | 0x3) & ~0x400u);
}

static inline void host_disable(void)
{
	if (host_count(DEVICE "enable", -1) == 1)
		host_configure(4, host_config(4) & ~0x4u);
}

/* A driver of the host's masters the bus at once, in what state ever it finds the device. */
static inline void host_bind(const char *driver)
{
	char target[128];

	if (driver && host.refusing && strcmp(driver, host.refusing) == 0) {
		if (host.refusals > 0 && --host.refusals == 0)
			host.refusing = NULL;
		return;
	}
	if (!driver || strcmp(driver, "rawpci-nobody") == 0)
		return;
	host_resume();
	(void)snprintf(target, sizeof(target), "../../drivers/%s", driver);
	tree_link(&host.tree, DEVICE "driver", target);
	if (strcmp(driver, "e1000e") == 0) {
		if ((host_config(4) & 0x4) || (host_config(HOST_PM + 4) & 0x3))
			host_count("found at work", 1);
		host_enable();
		host_configure(4, host_config(4) | 0x4);
	} else if (strcmp(driver, "uio_pci_generic") == 0) {
		host_enable();
	} else if (strcmp(driver, "vfio-pci") == 0) {
		host_configure(4, host_config(4) | 0x3); /* what it leaves */
	}
}

static inline void host_unbind(const char *driver)
{
	tree_unlink(&host.tree, DEVICE "driver");
	if (strcmp(driver, "e1000e") == 0 || strcmp(driver, "uio_pci_generic") == 0)
		host_disable();
	host_suspend();
}

/* The files of the device itself. */
static inline int host_write_own(const char *file, const char *text, bool bound)
{
	if (strcmp(file, DEVICE "power/control") == 0) {
		host_control(text);
		return 0;
	}
	if (strcmp(file, DEVICE "reset") == 0) {
		host_count("resets", 1);
		return host.reset;
	}
	if (strcmp(file, DEVICE "enable") != 0)
		return -ENOENT;
	if (bound)
		return -EBUSY;
	if (text[0] == '0' && host_count(file, 0) == 0)
		return -EIO;
	if (text[0] == '0' && host.disable < 0)
		return host.disable;
	if (text[0] == '0')
		host_disable();
	else
		host_enable();
	return 0;
}

/* A second device, which any driver accepts. */
#define PEER "0000:03:00.1"
#define PEER_DEVICE "bus/pci/devices/" PEER "/"

static inline bool host_is_peer(const char *file, const char *text)
{
	return strcmp(file, PEER_DEVICE "driver_override") == 0 || strcmp(text, PEER) == 0;
}

static inline int host_write_peer(const char *file, const char *text)
{
	char override[512], target[600], path[512];

	if (strcmp(file, PEER_DEVICE "driver_override") == 0) {
		tree_write(&host.tree, file, strcmp(text, "\n") == 0 ? "(null)\n" : text);
		return 0;
	}
	if (strstr(file, "/unbind")) {
		tree_unlink(&host.tree, PEER_DEVICE "driver");
		return 0;
	}
	tree_read(&host.tree, PEER_DEVICE "driver_override", override);
	(void)snprintf(target, sizeof(target), "../../drivers/%.500s", override);
	if (access(tree_path(&host.tree, path, PEER_DEVICE "driver"), F_OK) < 0)
		tree_link(&host.tree, PEER_DEVICE "driver", target);
	return 0;
}

static inline void host_create_peer(const char *driver)
{
	static const unsigned char zeros[64];
	char path[512];
	FILE *stream = fopen(tree_path(&host.tree, path, PEER_DEVICE "config"), "w");

	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(zeros, 1, sizeof(zeros), stream), sizeof(zeros));
	ck_assert_int_eq(fclose(stream), 0);
	tree_write(&host.tree, PEER_DEVICE "driver_override", driver);
	tree_write(&host.tree, PEER_DEVICE "vendor", "0x8086\n");
	tree_write(&host.tree, PEER_DEVICE "device", "0x10d3\n");
	(void)host_write_peer("bus/pci/drivers_probe", PEER);
	tree_write(&host.tree, PEER_DEVICE "driver_override", "(null)\n");
}

/* The host removes the device. */
static inline void host_remove(void)
{
	char from[512], to[512];

	tree_path(&host.tree, from, "bus/pci/devices/" BDF);
	tree_path(&host.tree, to, "bus/pci/devices/away");
	ck_assert_int_eq(rename(from, to), 0);
}

static inline int host_write(const char *file, const char *text)
{
	char override[512], now[RAWPCI_SYSFS_NAME];
	struct pollfd gate = { .fd = host.hanging, .events = POLLIN };

	if (rawpci_sysfs_driver(host.tree.root, &host.address, now) == -ENODEV)
		return -ENODEV;
	tree_read(&host.tree, DEVICE "driver_override", override);
	override[strcspn(override, "\n")] = '\0';
	if (host.failing && strstr(file, host.failing)) {
		if (host.vanishes)
			host_remove();
		return host.error;
	}
	if (host_is_peer(file, text))
		return host_write_peer(file, text);
	if (strcmp(file, DEVICE "driver_override") == 0) {
		tree_write(&host.tree, file, strcmp(text, "\n") == 0 ? "(null)\n" : text);
	} else if (strcmp(file, "bus/pci/drivers_probe") == 0) {
		if (now[0] == '\0')
			host_bind(strcmp(override, "(null)") == 0 ? host.by_id : override);
	} else if (strstr(file, "/unbind")) {
		if (now[0] == '\0')
			return -ENODEV;
		host_unbind(now);
	} else {
		return host_write_own(file, text, now[0] != '\0');
	}
	if (host.hanging >= 0 && strstr(file, host.hangs))
		(void)poll(&gate, 1, -1);
	return 0;
}

int __wrap_rawpci_sys_write_file(const char *path, const char *text)
{
	int r;

	host_step();
	r = host_write(path + strlen(host.tree.root) + 1, text);
	host_step();
	return r;
}

/* A device that wakes from D3hot has forgotten its BARs and, where it has that, its payload size,
 * and is still. */
static inline void host_wake(void)
{
	for (long at = 0x10; at < 0x28; at += 2)
		host_configure(at, 0);
	host_configure(4, 0);
	if (host_config(HOST_PM) >> 8 == HOST_EXPRESS)
		host_configure(HOST_EXPRESS + 8, 0);
}

static inline bool host_is_config(int fd)
{
	char link[64], target[512], path[512];
	ssize_t n;

	(void)snprintf(path, sizeof(path), "%s/" DEVICE "config", host.tree.root);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	target[n > 0 ? n : 0] = '\0';
	return strcmp(target, path) == 0;
}

int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	bool config = host_is_config(fd), slept;
	int r;

	if (config && host.locked)
		return -EPERM;
	host_step();
	slept = config && offset == HOST_PM + 4 && (host_config(HOST_PM + 4) & 0x3) == 0x3;
	r = __real_rawpci_sys_pwrite(fd, buffer, size, offset);
	if (slept && (host_config(HOST_PM + 4) & 0x3) == 0)
		host_wake();
	host_step();
	return r;
}

int __wrap_rawpci_sys_rename_at(int directory, const char *from, const char *to)
{
	int r;

	host_step();
	r = __real_rawpci_sys_rename_at(directory, from, to);
	host_step();
	return r;
}

int __wrap_rawpci_sys_unlink_at(int directory, const char *name)
{
	int r;

	host_step();
	r = __real_rawpci_sys_unlink_at(directory, name);
	host_step();
	return r;
}

/* Power management at 0x40, a BAR, a pin. */
static inline void host_create_config(void)
{
	static const unsigned char zeros[256];
	char path[512];
	FILE *stream = fopen(tree_path(&host.tree, path, DEVICE "config"), "w");

	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(zeros, 1, sizeof(zeros), stream), sizeof(zeros));
	ck_assert_int_eq(fclose(stream), 0);
	host_configure(0x00, 0x8086);
	host_configure(0x02, 0x10d3);
	host_configure(0x04, HOST_COMMAND);
	host_configure(0x06, 0x0010);
	host_configure(0x12, 0xfeb0);
	host_configure(0x34, HOST_PM);
	host_configure(0x3c, 0x010b);
	host_configure(HOST_PM, 0x0001);
}

static inline void host_create(void)
{
	memset(&host, 0, sizeof(host));
	host.address.bus = 3;
	host.hanging = -1;
	host.hangs = "/unbind";
	tree_create(&host.tree);
	tree_write(&host.tree, DEVICE "driver_override", "(null)\n");
	tree_write(&host.tree, DEVICE "vendor", "0x8086\n");
	tree_write(&host.tree, DEVICE "device", "0x10d3\n");
	tree_write(&host.tree, DEVICE "enable", "0\n");
	host_create_config();
	tree_directory(&host.tree, "bus/pci/drivers/vfio-pci");
	tree_directory(&host.tree, "bus/pci/drivers/e1000e");
	tree_directory(&host.tree, "bus/pci/drivers/pci-stub");
}

static inline void host_check(const char *driver, const char *override)
{
	char now[RAWPCI_SYSFS_NAME], text[512];

	ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &host.address, now), 0);
	ck_assert_str_eq(now, driver);
	tree_read(&host.tree, DEVICE "driver_override", text);
	text[strcspn(text, "\n")] = '\0';
	ck_assert_str_eq(text, override);
}

#endif
