/* SPDX-License-Identifier: MIT */
/*
 * A host of one device, in a directory: the kernel's side of driver_override, drivers_probe and
 * unbind, behind the seam of src/os/sys.h (linked with --wrap), where a process can also be stopped
 * before and after each change that it makes.
 */
#ifndef RAWPCI_TESTS_HOST_SEAM_H
#define RAWPCI_TESTS_HOST_SEAM_H

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os/sysfs.h"
#include "unit/os/tree.h"

#define BDF "0000:03:00.0"
#define DEVICE "bus/pci/devices/" BDF "/"

struct host {
	struct tree tree;
	struct rawpci_address address;
	const char *by_id;    /* the driver that takes the device without an override */
	const char *refusing; /* a driver whose probe fails */
	int hanging;          /* until this can be read, -1: not at all, */
	const char *hangs;    /* writes to this file wait */
	const char *failing;  /* writes to this file fail */
	int error;            /* with this, a negative errno */
	atomic_uint steps;
	unsigned stop_at;     /* the process ends at this step; 0: never */
};

static struct host host;

int __real_rawpci_sys_rename_at(int directory, const char *from, const char *to);
int __real_rawpci_sys_unlink_at(int directory, const char *name);
int __wrap_rawpci_sys_rename_at(int directory, const char *from, const char *to);
int __wrap_rawpci_sys_unlink_at(int directory, const char *name);
int __wrap_rawpci_sys_write_file(const char *path, const char *text);

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

static inline void host_bind(const char *driver)
{
	char target[128];

	if (!driver || (host.refusing && strcmp(driver, host.refusing) == 0))
		return;
	(void)snprintf(target, sizeof(target), "../../drivers/%s", driver);
	tree_link(&host.tree, DEVICE "driver", target);
}

static inline int host_write(const char *file, const char *text)
{
	char override[512], now[RAWPCI_SYSFS_NAME];
	struct pollfd gate = {.fd = host.hanging, .events = POLLIN};

	ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &host.address, now), 0);
	tree_read(&host.tree, DEVICE "driver_override", override);
	override[strcspn(override, "\n")] = '\0';
	if (host.failing && strstr(file, host.failing))
		return host.error;
	if (strcmp(file, DEVICE "driver_override") == 0) {
		tree_write(&host.tree, file, strcmp(text, "\n") == 0 ? "(null)\n" : text);
	} else if (strcmp(file, "bus/pci/drivers_probe") == 0) {
		if (now[0] == '\0')
			host_bind(strcmp(override, "(null)") == 0 ? host.by_id : override);
	} else if (strstr(file, "/unbind")) {
		if (now[0] == '\0')
			return -ENODEV;
		tree_unlink(&host.tree, DEVICE "driver");
	} else if (strcmp(file, DEVICE "enable") == 0) {
		return 0;
	} else {
		return -ENOENT;
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
