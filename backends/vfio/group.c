/* SPDX-License-Identifier: MIT */
/* Groups and containers: the transport by which a device's descriptor is had. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/vfio.h"

#define NODE_WAIT_MS 2000
#define NODE_POLL_MS 10
#define OPEN_TRIES 10
#define OPEN_PAUSE_MS 50

/* The node comes after the driver was bound, and its permissions after that (udev). What is wrong
 * with it at the end is for the one who opens it to find out. */
static void wait_for_node(const char *path)
{
	uint64_t end = rawpci_sys_now_ms() + NODE_WAIT_MS;

	while (rawpci_sys_access(path, R_OK | W_OK) < 0 && rawpci_sys_now_ms() < end)
		rawpci_sys_sleep_ms(NODE_POLL_MS);
}

static int check_viable(const struct rawpci_vfio_device *device,
			const struct rawpci_vfio_group *group)
{
	struct vfio_group_status status = {.argsz = sizeof(status)};
	int r = rawpci_sys_ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status);

	if (r < 0)
		return rawpci_vfio_explain_attach(device, group->number, r);
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	r = rawpci_vfio_explain_blockers(device->vfio, &device->address, group->number);
	if (r < 0)
		return r;
	return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: IOMMU group %u is not viable: "
				   "something else in the kernel owns one of its devices' DMA",
				   device->name, group->number);
}

/* Core tries again with another space where this one's IOMMU domains do not fit the group. */
static int attach(const struct rawpci_vfio_device *device, struct rawpci_vfio_group *group,
		  struct rawpci_vfio_space *space)
{
	int r = rawpci_sys_ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &space->container);

	if (r < 0 && space->groups > 0 && r != -EPERM && r != -ENOMEM)
		return rawpci_backend_fail(device->vfio->ctx, -EXDEV, "%s: IOMMU group %u cannot "
					   "share an address space with the other devices of this "
					   "VM", device->name, group->number);
	if (r < 0)
		return rawpci_vfio_explain_attach(device, group->number, r);
	if (space->groups == 0) {
		r = rawpci_sys_ioctl(space->container, VFIO_SET_IOMMU,
				     (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU);
		if (r < 0) {
			(void)rawpci_sys_ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
			return rawpci_vfio_explain_attach(device, group->number, r);
		}
	}
	space->groups++;
	group->space = space;
	return 0;
}

static int group_open(const struct rawpci_vfio_device *device, unsigned number, const char *path,
		      struct rawpci_vfio_space *space, struct rawpci_vfio_group **out)
{
	struct rawpci_vfio_group *group = calloc(1, sizeof(*group));
	int r;

	if (!group)
		return rawpci_backend_fail(device->vfio->ctx, -ENOMEM, "%s: no memory",
					   device->name);
	group->number = number;
	group->fd = rawpci_sys_open(path, O_RDWR);
	if (group->fd < 0) {
		r = rawpci_vfio_explain_node(device, number, path, group->fd);
		goto undo_alloc;
	}
	r = check_viable(device, group);
	if (r == 0)
		r = attach(device, group, space);
	if (r < 0)
		goto undo_open;
	*out = group;
	return 0;

undo_open:
	rawpci_sys_close(&group->fd);
undo_alloc:
	free(group);
	return r;
}

static struct rawpci_vfio_group *find(const struct rawpci_vfio *vfio, unsigned number)
{
	struct rawpci_vfio_group *group;

	for (group = vfio->groups; group; group = group->next)
		if (group->number == number)
			return group;
	return NULL;
}

int rawpci_vfio_group_join(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space)
{
	struct rawpci_vfio *vfio = device->vfio;
	struct rawpci_vfio_group *group;
	char path[RAWPCI_VFIO_PATH];
	char name[16];
	unsigned number;
	int r = rawpci_sysfs_group(rawpci_vfio_sysfs(vfio), &device->address, &number);

	if (r < 0)
		return rawpci_vfio_explain_no_group(vfio, device->name, r);
	(void)snprintf(name, sizeof(name), "%u", number);
	rawpci_vfio_node(vfio, name, path);
	wait_for_node(path);

	(void)pthread_mutex_lock(&vfio->lock);
	group = find(vfio, number);
	if (!group) {
		r = group_open(device, number, path, space, &group);
		if (r == 0) {
			group->next = vfio->groups;
			vfio->groups = group;
		}
	} else if (group->space != space) {
		r = rawpci_backend_fail(vfio->ctx, -EXDEV, "%s: its IOMMU group %u is in use by "
					"another VM of this program: devices of one group can only "
					"go to one VM", device->name, number);
	}
	if (r == 0) {
		group->users++;
		device->group = group;
	}
	(void)pthread_mutex_unlock(&vfio->lock);
	return r;
}

/* Opening resets the device, for which the kernel tries to lock it and everything it would disturb:
 * EAGAIN is a lock that somebody else has at the moment. */
int rawpci_vfio_group_device(struct rawpci_vfio_device *device)
{
	int tries = OPEN_TRIES;
	int r;

	for (;;) {
		r = rawpci_sys_ioctl(device->group->fd, VFIO_GROUP_GET_DEVICE_FD, device->name);
		if (r != -EAGAIN || --tries == 0)
			break;
		rawpci_sys_sleep_ms(OPEN_PAUSE_MS);
	}
	if (r < 0)
		return rawpci_vfio_explain_device(device, r);
	device->fd = r;
	return 0;
}

void rawpci_vfio_group_leave(struct rawpci_vfio_device *device)
{
	struct rawpci_vfio *vfio = device->vfio;
	struct rawpci_vfio_group *group = device->group;
	struct rawpci_vfio_group **link;
	char text[128];
	int r;

	device->group = NULL;
	(void)pthread_mutex_lock(&vfio->lock);
	if (--group->users == 0) {
		for (link = &vfio->groups; *link != group; link = &(*link)->next)
			;
		*link = group->next;
		/* Refused while a device is still open: a mapping of its regions was left. */
		r = rawpci_sys_ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
		if (r < 0)
			rawpci_backend_log(vfio->ctx, RAWPCI_LOG_WARNING,
					   "%s: IOMMU group %u does not leave its container: %s",
					   device->name, group->number,
					   rawpci_sys_error_text(r, text, sizeof(text)));
		group->space->groups--;
		rawpci_sys_close(&group->fd);
		free(group);
	}
	(void)pthread_mutex_unlock(&vfio->lock);
}
