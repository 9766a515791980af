/* SPDX-License-Identifier: MIT */
/*
 * Files that the kernel may keep waiting. Accesses to config space wait while the kernel resets the
 * device, for this program or another. If the device does not come back, that takes up to a minute
 * for each method (Linux drivers/pci/access.c, pci_wait_cfg(); drivers/pci/pci.c, pci_dev_wait()).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/slow.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "sysdev/sysdev.h"

/* A device that its user has left while the kernel was resetting it. */
struct left {
	char root[RAWPCI_SYSFS_PATH];
	struct rawpci_address address;
	char driver[RAWPCI_SYSFS_NAME];
};

static unsigned limit_of(const struct rawpci_sysdev *device)
{
	const char *text = rawpci_backend_setting(device->ctx, "driver.timeout_ms");

	return (unsigned)strtoul(text, NULL, 10);
}

/* The kernel has restored COMMAND as it was before the reset. If another driver has been bound
 * since, that driver owns the device. */
static void stop_mastering(void *opaque)
{
	const struct left *left = opaque;
	char path[RAWPCI_SYSFS_PATH], now[RAWPCI_SYSFS_NAME];
	unsigned char command[2];
	int fd;

	if (rawpci_sysfs_driver(left->root, &left->address, now) < 0 ||
	    (now[0] != '\0' && strcmp(now, left->driver) != 0) ||
	    rawpci_sysfs_path(left->root, &left->address, "config", path, sizeof(path)) < 0)
		return;
	fd = rawpci_sys_open(path, O_RDWR);
	if (fd < 0)
		return;
	if (rawpci_sys_pread(fd, command, 2, RAWPCI_CFG_COMMAND) == 2 &&
	    (command[0] & RAWPCI_COMMAND_MASTER) && (command[0] & command[1]) != 0xff) {
		command[0] &= (unsigned char)~RAWPCI_COMMAND_MASTER;
		(void)rawpci_sys_pwrite(fd, command, 2, RAWPCI_CFG_COMMAND);
	}
	rawpci_sys_close(&fd);
}

static struct left *left_create(const struct rawpci_sysdev *device)
{
	struct left *left = calloc(1, sizeof(*left));

	if (!left)
		return NULL;
	(void)snprintf(left->root, sizeof(left->root), "%s", rawpci_sysdev_root(device->ctx));
	(void)snprintf(left->driver, sizeof(left->driver), "%s", device->driver);
	left->address = device->address;
	return left;
}

static int fail_unended(const struct rawpci_sysdev *device, const char *file)
{
	return rawpci_backend_fail(device->ctx, -ETIMEDOUT,
				   "%s: an access to its file %s has not "
				   "finished in %u ms, because a driver holds the device or the "
				   "device does not answer: wait, or raise the setting "
				   "driver.timeout_ms",
				   device->name, file, limit_of(device));
}

/* text: NULL reads the file. */
static int begin(struct rawpci_sysdev *device, const char *file, const char *text)
{
	const struct rawpci_keep keep = {
		.lock = rawpci_backend_lock(device->ctx, &device->address),
		.shared = rawpci_backend_shared_lock(device->ctx, &device->address),
	};
	char path[RAWPCI_SYSFS_PATH];
	struct left *left;
	int r = rawpci_sysdev_path(device, file, path);

	if (r < 0)
		return r;
	left = left_create(device);
	if (!left)
		return -ENOMEM;
	r = rawpci_slow_begin(path, text, limit_of(device), &keep, stop_mastering, left,
			      &device->late);
	return r == -ETIMEDOUT ? fail_unended(device, file) : r;
}

int rawpci_sysdev_write_file(struct rawpci_sysdev *device, const char *file, const char *text)
{
	if (device->late && !rawpci_slow_ended(&device->late))
		return fail_unended(device, file);
	return begin(device, file, text);
}

int rawpci_sysdev_reset(void *opaque)
{
	struct rawpci_sysdev *device = opaque;
	int r = rawpci_sysdev_write_file(device, "reset", "1");

	if (r == 0 || r == -ETIMEDOUT)
		return r;
	return rawpci_sysdev_fail(device, "resetting it", "reset", r);
}

/* Reads the registers that the kernel shows to every process. That has no effect on them. */
int rawpci_sysdev_ready(void *opaque)
{
	struct rawpci_sysdev *device = opaque;

	if (device->late && !rawpci_slow_ended(&device->late))
		return fail_unended(device, "reset");
	return begin(device, "config", NULL) == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

bool rawpci_sysdev_leave(struct rawpci_sysdev *device)
{
	if (!device->late || rawpci_slow_ended(&device->late))
		return false;
	rawpci_slow_leave(&device->late);
	rawpci_backend_unfinished(device->ctx, &device->address);
	rawpci_backend_log(device->ctx, RAWPCI_LOG_WARNING,
			   "%s: its registers are not restored "
			   "yet, because the kernel still works on it: call rawpci_recover() "
			   "later, or open it again",
			   device->name);
	return true;
}
