/* SPDX-License-Identifier: MIT */
/* IOMMU groups: a group is put into a container, and gives its devices' descriptors. Without an
 * IOMMU, too. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/host.h"
#include "vfio/refusals.h"
#include "vfio/transport.h"

static int check_viable(const struct rawpci_vfio_device *device, struct rawpci_vfio_group *group)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	int r = rawpci_sys_ioctl(group->fd, VFIO_GROUP_GET_STATUS, &status);

	if (r < 0 && device->fds && device->fds->group >= 0)
		return rawpci_vfio_refused_given(device, "an IOMMU group's", r);
	if (r < 0)
		return rawpci_vfio_refused_attach(device, group->number, RAWPCI_VFIO_TYPE1, r);
	group->lent = device->fds && (status.flags & VFIO_GROUP_FLAGS_CONTAINER_SET);
	if (group->lent && device->fds->container < 0)
		return rawpci_vfio_refuse(device, -EINVAL, 0,
					  "the IOMMU group given for it is in "
					  "a container\ngive its container, too");
	if (status.flags & VFIO_GROUP_FLAGS_VIABLE)
		return 0;
	return rawpci_vfio_refused_viability(device, group->number);
}

/* EXDEV: the space's IOMMU domains do not fit the group. Core then tries another space. */
static int attach(const struct rawpci_vfio_device *device, struct rawpci_vfio_group *group,
		  struct rawpci_vfio_space *space)
{
	int r = 0;

	if (!group->lent)
		r = rawpci_sys_ioctl(group->fd, VFIO_GROUP_SET_CONTAINER, &space->fd);
	if (r < 0 && space->members > 0 && r != -EPERM && r != -ENOMEM)
		return rawpci_vfio_refuse(device, -EXDEV, 0,
					  "IOMMU group %u cannot share an "
					  "address space with the other devices of this VM",
					  group->number);
	if (r < 0)
		return rawpci_vfio_refused_attach(device, group->number, RAWPCI_VFIO_TYPE1, r);
	if (space->members == 0) {
		r = rawpci_vfio_container_start(space);
		if (r < 0 && !group->lent)
			(void)rawpci_sys_ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
		if (r < 0)
			return rawpci_vfio_refused_attach(device, group->number, RAWPCI_VFIO_TYPE1,
							  r);
	}
	space->members++;
	group->space = space;
	return 0;
}

static int group_open(const struct rawpci_vfio_device *device, unsigned number, const char *path,
		      struct rawpci_vfio_space *space, struct rawpci_vfio_group **out)
{
	struct rawpci_vfio_group *group = calloc(1, sizeof(*group));
	int given = device->fds ? device->fds->group : -1;
	int r;

	if (!group)
		return rawpci_vfio_refuse(device, -ENOMEM, 0, "no memory");
	group->number = number;
	group->given = given >= 0;
	group->fd = given >= 0 ? rawpci_sys_dup(given) : rawpci_sys_open(path, O_RDWR);
	if (group->fd < 0) {
		r = given >= 0 ? rawpci_vfio_refused_given(device, "an IOMMU group's", group->fd)
			       : rawpci_vfio_refused_node(device, RAWPCI_VFIO_NODE_GROUP, path,
							  group->fd);
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

bool rawpci_vfio_group_used(struct rawpci_vfio *vfio, unsigned number)
{
	bool used;

	(void)pthread_mutex_lock(&vfio->lock);
	used = find(vfio, number) != NULL;
	(void)pthread_mutex_unlock(&vfio->lock);
	return used;
}

/* Joins the group if it is open already, else opens it. */
static int enter(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space,
		 unsigned number, const char *path)
{
	struct rawpci_vfio *vfio = device->vfio;
	struct rawpci_vfio_group *group;
	int r = 0;

	(void)pthread_mutex_lock(&vfio->lock);
	group = find(vfio, number);
	if (!group) {
		r = group_open(device, number, path, space, &group);
		if (r == 0) {
			group->next = vfio->groups;
			vfio->groups = group;
		}
	} else if (group->space != space) {
		r = rawpci_vfio_refuse(device, -EXDEV, 0,
				       "its IOMMU group %u is in use by another "
				       "VM of this program\nopen the devices of one group for one "
				       "VM",
				       number);
	}
	if (r == 0) {
		group->users++;
		device->group = group;
	}
	(void)pthread_mutex_unlock(&vfio->lock);
	return r;
}

static void leave_group(struct rawpci_vfio_device *device)
{
	struct rawpci_vfio *vfio = device->vfio;
	struct rawpci_vfio_group *group = device->group;
	struct rawpci_vfio_group **link;
	char text[128];
	int r = 0;

	device->group = NULL;
	(void)pthread_mutex_lock(&vfio->lock);
	if (--group->users == 0) {
		for (link = &vfio->groups; *link != group; link = &(*link)->next)
			;
		*link = group->next;
		/* Refused while a device is open: a mapping of its regions is left. */
		if (!group->lent)
			r = rawpci_sys_ioctl(group->fd, VFIO_GROUP_UNSET_CONTAINER, NULL);
		if (r < 0)
			rawpci_backend_log(vfio->ctx, RAWPCI_LOG_WARNING,
					   "%s: IOMMU group %u does not leave its container: %s",
					   device->name, group->number,
					   rawpci_sys_error_text(r, text, sizeof(text)));
		group->space->members--;
		rawpci_sys_close(&group->fd);
		free(group);
	}
	(void)pthread_mutex_unlock(&vfio->lock);
}

static int group_join(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space)
{
	struct rawpci_vfio *vfio = device->vfio;
	char path[RAWPCI_VFIO_PATH], unsafe[RAWPCI_VFIO_PATH];
	unsigned number;
	int r = rawpci_sysfs_group(rawpci_vfio_sysfs(vfio->ctx), &device->address, &number);

	if (r < 0)
		return rawpci_vfio_refused_number(device, r);
	rawpci_vfio_group_node(vfio->ctx, number, false, path);
	rawpci_vfio_group_node(vfio->ctx, number, true, unsafe);
	if (!device->fds || device->fds->group < 0)
		rawpci_vfio_wait_for_node(path, unsafe, RAWPCI_VFIO_NODE_WAIT_MS);
	r = enter(device, space, number, space->transport->unsafe ? unsafe : path);
	if (r < 0)
		return r;
	r = rawpci_vfio_ioctl_patiently(device->group->fd, VFIO_GROUP_GET_DEVICE_FD, device->name);
	r = rawpci_sys_keep_clear(r);
	if (r < 0) {
		r = rawpci_vfio_refused_device(device, r);
		leave_group(device);
		return r;
	}
	device->fd = r;
	/* Another program that has the group may have the device, too. Then neither opening nor
	 * closing the device here resets it. */
	device->lent = device->used = device->group->given;
	return 0;
}

/* The group leaves its container only when its devices are closed. */
static void group_leave(struct rawpci_vfio_device *device)
{
	rawpci_sys_close(&device->fd);
	leave_group(device);
}

const struct rawpci_vfio_transport rawpci_vfio_transport_group = {
	.name = "group",
	.space_open = rawpci_vfio_container_open,
	.space_close = rawpci_vfio_container_close,
	.limits = rawpci_vfio_container_limits,
	.map = rawpci_vfio_container_map,
	.unmap = rawpci_vfio_container_unmap,
	.join = group_join,
	.leave = group_leave,
};

const struct rawpci_vfio_transport rawpci_vfio_transport_noiommu = {
	.name = "noiommu",
	.unsafe = true,
	.space_open = rawpci_vfio_container_open,
	.space_close = rawpci_vfio_container_close,
	.join = group_join,
	.leave = group_leave,
};
