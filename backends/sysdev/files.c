/* SPDX-License-Identifier: MIT */
/* The device's files in sysfs: paths, config space as it is, and whether the device is lost. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "os/sys.h"
#include "sysdev/refusal.h"
#include "sysdev/sysdev.h"

#define UNPRIVILEGED 64 /* bytes that the kernel shows without CAP_SYS_ADMIN */

const char *rawpci_sysdev_root(struct rawpci *ctx)
{
	return rawpci_backend_setting(ctx, "sysfs.dir");
}

int rawpci_sysdev_path(const struct rawpci_sysdev *device, const char *file,
		       char path[RAWPCI_SYSFS_PATH])
{
	return rawpci_sysfs_path(rawpci_sysdev_root(device->ctx), &device->address, file, path,
				 RAWPCI_SYSFS_PATH);
}

int rawpci_sysdev_fail(const struct rawpci_sysdev *device, const char *doing, const char *file,
		       int error)
{
	const struct rawpci_sysdev_attempt attempt = { doing, file, error };
	struct rawpci_finding finding;

	rawpci_sysdev_set_refusal(device->ctx, &device->address, &attempt, &finding);
	return rawpci_sysdev_fail_with(device->ctx, &device->address, &finding);
}

int rawpci_sysdev_config_open(struct rawpci_sysdev *device)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysdev_path(device, "config", path);

	if (r == 0)
		r = rawpci_sys_open(path, O_RDWR);
	if (r < 0)
		return rawpci_sysdev_fail(device, "writing its config space", "config", r);
	device->fd = r;
	return 0;
}

static int fail_short(const struct rawpci_sysdev *device, uint32_t offset)
{
	struct rawpci_finding finding;

	if (offset < UNPRIVILEGED)
		return rawpci_sysdev_fail(device, "reading its config space", "config", -EIO);
	rawpci_sysdev_set_short(&finding);
	return rawpci_sysdev_fail_with(device->ctx, &device->address, &finding);
}

int rawpci_sysdev_raw_read(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t *value)
{
	unsigned char bytes[4];
	uint32_t sum = 0;
	int r = rawpci_sys_pread(device->fd, bytes, width, offset);

	/* The device has been removed. On the bus nothing answers either. */
	if (r == -ENODEV) {
		*value = UINT32_MAX >> (32 - 8 * width);
		return 0;
	}
	if (r < 0)
		return rawpci_sysdev_fail(device, "reading its config space", "config", r);
	if ((unsigned)r != width)
		return fail_short(device, offset);
	for (unsigned i = 0; i < width; i++)
		sum |= (uint32_t)bytes[i] << (8 * i);
	*value = sum;
	return 0;
}

int rawpci_sysdev_raw_write(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			    uint32_t value)
{
	unsigned char bytes[4];
	int r;

	for (unsigned i = 0; i < width; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	r = rawpci_sys_pwrite(device->fd, bytes, width, offset);
	if (r >= 0 && (unsigned)r != width)
		r = -EIO;
	if (r < 0)
		return rawpci_sysdev_fail(device, "writing its config space", "config", r);
	return 0;
}

bool rawpci_sysdev_is_lost(const struct rawpci_sysdev *device)
{
	const char *root = rawpci_sysdev_root(device->ctx);
	char now[RAWPCI_SYSFS_NAME];

	if (rawpci_sysfs_present(root, &device->address) == -ENODEV)
		return true;
	return rawpci_sysfs_driver(root, &device->address, now) == 0 && now[0] != '\0' &&
	       strcmp(now, device->driver) != 0;
}
