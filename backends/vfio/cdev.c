/* SPDX-License-Identifier: MIT */
/* Device cdevs: a device has a node of its own, and is bound to an iommufd before anything else
 * works (Linux Documentation/driver-api/vfio.rst, "VFIO Device cdev"). */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/host.h"
#include "vfio/iommufd-abi.h"
#include "vfio/refusals.h"
#include "vfio/transport.h"

/* If there is a choice, the group's node serves as well, so the wait for the cdev is short. */
#define CDEV_WAIT_MS 500

#define NUMBER 32

/* The name of the device's cdev, and the number of its node, "major:minor". Kernels from 6.1 on
 * have a name also without a cdev; there is no number then. */
static int find_cdev(const struct rawpci_vfio_device *device, char name[RAWPCI_VFIO_CDEV],
		     char number[NUMBER])
{
	struct rawpci *ctx = device->vfio->ctx;
	char path[RAWPCI_SYSFS_PATH];
	char file[64];
	int r = rawpci_vfio_cdev_name(ctx, &device->address, name);

	if (r < 0)
		return r;
	(void)snprintf(file, sizeof(file), "vfio-dev/%s/dev", name);
	r = rawpci_sysfs_path(rawpci_vfio_sysfs(ctx), &device->address, file, path, sizeof(path));
	if (r == 0)
		r = rawpci_sys_read_file(path, number, NUMBER);
	return r < 0 ? r : 0;
}

/* With another device's cdev, that device would be driven as if it were this one. */
static bool is_its_cdev(const struct rawpci_vfio_device *device)
{
	char name[RAWPCI_VFIO_CDEV], known[NUMBER], number[NUMBER];
	unsigned major, minor;

	if (find_cdev(device, name, known) < 0 ||
	    rawpci_sys_device_number(device->fd, &major, &minor) < 0)
		return false;
	(void)snprintf(number, sizeof(number), "%u:%u", major, minor);
	return strcmp(number, known) == 0;
}

static int take_given(struct rawpci_vfio_device *device, int given)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };

	device->fd = rawpci_sys_dup(given);
	if (device->fd < 0)
		return rawpci_vfio_refused_given(device, "its cdev", device->fd);
	device->lent = true;
	if (!is_its_cdev(device))
		return rawpci_vfio_refused_given(device, "its cdev", -ENODEV);
	/* A cdev answers nothing before it is bound. */
	device->used = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_GET_INFO, &info) >= 0;
	if (device->used && device->fds->iommufd < 0)
		return rawpci_vfio_refuse(device, -EINVAL, 0,
					  "the cdev given for it is bound to "
					  "an iommufd\ngive its iommufd, too");
	return 0;
}

static int open_node(struct rawpci_vfio_device *device, char path[RAWPCI_VFIO_PATH])
{
	bool only = rawpci_vfio_ways(device->vfio->ctx) == RAWPCI_VFIO_BY_CDEV;
	char name[RAWPCI_VFIO_CDEV], number[NUMBER];
	int r = find_cdev(device, name, number);

	path[0] = '\0';
	if (r < 0)
		return rawpci_vfio_refused_name(device, r);
	rawpci_vfio_cdev_node(device->vfio->ctx, name, path);
	rawpci_vfio_wait_for_node(path, NULL, only ? RAWPCI_VFIO_NODE_WAIT_MS : CDEV_WAIT_MS);
	device->fd = rawpci_sys_open(path, O_RDWR);
	return device->fd >= 0
		       ? 0
		       : rawpci_vfio_refused_node(device, RAWPCI_VFIO_NODE_CDEV, path, device->fd);
}

/* Closes its descriptor first when it fails, because the search for the process that has the cdev
 * open would find this one. */
static int bind_device(struct rawpci_vfio_device *device, const struct rawpci_vfio_space *space,
		       const char *path)
{
	struct vfio_device_bind_iommufd bind = { .argsz = sizeof(bind), .iommufd = space->fd };
	int r;

	if (device->used)
		return 0;
	r = rawpci_vfio_ioctl_patiently(device->fd, VFIO_DEVICE_BIND_IOMMUFD, &bind);
	if (r >= 0)
		return 0;
	rawpci_sys_close(&device->fd);
	return rawpci_vfio_refused_bind(device, path, r);
}

static int attach_device(const struct rawpci_vfio_device *device,
			 const struct rawpci_vfio_space *space)
{
	struct vfio_device_attach_iommufd_pt attach = {
		.argsz = sizeof(attach),
		.pt_id = space->ioas,
	};
	unsigned group = 0;
	int r = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_ATTACH_IOMMUFD_PT, &attach);

	if (r >= 0)
		return 0;
	if (space->members > 0 && r != -EPERM && r != -ENOMEM)
		return rawpci_vfio_refuse(device, -EXDEV, 0,
					  "it cannot share an address space "
					  "with the other devices of this VM");
	(void)rawpci_sysfs_group(rawpci_vfio_sysfs(device->vfio->ctx), &device->address, &group);
	return rawpci_vfio_refused_attach(device, group, "iommufd", r);
}

static int cdev_join(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space)
{
	int given = device->fds ? device->fds->cdev : -1;
	char path[RAWPCI_VFIO_PATH] = "its cdev";
	int r = given >= 0 ? take_given(device, given) : open_node(device, path);

	if (r == 0)
		r = bind_device(device, space, path);
	if (r == 0)
		r = attach_device(device, space);
	if (r < 0) {
		rawpci_sys_close(&device->fd);
		device->lent = device->used = false;
		return r;
	}
	space->members++;
	return 0;
}

/* Detaches first: if another program has the cdev open too, closing it here detaches nothing. */
static void cdev_leave(struct rawpci_vfio_device *device)
{
	struct vfio_device_detach_iommufd_pt detach = { .argsz = sizeof(detach) };
	char text[128];
	int r = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_DETACH_IOMMUFD_PT, &detach);

	if (r < 0)
		rawpci_backend_log(device->vfio->ctx, RAWPCI_LOG_WARNING,
				   "%s: it does not leave "
				   "its address space: %s",
				   device->name, rawpci_sys_error_text(r, text, sizeof(text)));
	rawpci_sys_close(&device->fd);
	device->space->members--;
}

const struct rawpci_vfio_transport rawpci_vfio_transport_cdev = {
	.name = "cdev",
	.by_user = true,
	.space_open = rawpci_vfio_ioas_open,
	.space_close = rawpci_vfio_ioas_close,
	.limits = rawpci_vfio_ioas_limits,
	.map = rawpci_vfio_ioas_map,
	.unmap = rawpci_vfio_ioas_unmap,
	.join = cdev_join,
	.leave = cdev_leave,
};
