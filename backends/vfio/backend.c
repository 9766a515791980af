/* SPDX-License-Identifier: MIT */
/*
 * The backend's table: devices through VFIO (Linux Documentation/driver-api/vfio.rst). A device is
 * taken down in this order:
 *
 *   1. interrupts and region mappings, by core
 *   2. by group: the device's descriptor, and with the group's last device the group
 *      by cdev: the attachment, then the device's descriptor
 *   3. with the last device of a space its container or iommufd
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/host.h"
#include "vfio/operations.h"
#include "vfio/obstacles.h"
#include "vfio/refusals.h"
#include "vfio/transport.h"

static int vfio_create(struct rawpci *ctx, void **instance)
{
	struct rawpci_vfio *vfio = calloc(1, sizeof(*vfio));
	int r;

	if (!vfio)
		return -ENOMEM;
	vfio->ctx = ctx;
	vfio->interrupts = "/proc/interrupts";
	r = -pthread_mutex_init(&vfio->lock, NULL);
	if (r < 0) {
		free(vfio);
		return r;
	}
	*instance = vfio;
	return 0;
}

static void vfio_destroy(void *instance)
{
	struct rawpci_vfio *vfio = instance;

	(void)pthread_mutex_destroy(&vfio->lock);
	free(vfio);
}

static int find_before_open(struct rawpci_vfio_question *q)
{
	return rawpci_vfio_check(q, RAWPCI_VFIO_PROBE, true);
}

static int vfio_probe(void *instance, const struct rawpci_address *address)
{
	const struct rawpci_vfio *vfio = instance;

	return rawpci_vfio_fail_if(vfio->ctx, address, NULL, find_before_open);
}

static int report(void *opaque, const struct rawpci_finding *finding)
{
	return rawpci_backend_finding(opaque, finding);
}

static int vfio_explain(void *instance, const struct rawpci_address *address, uint64_t memory,
			struct rawpci_findings *to)
{
	struct rawpci_vfio *vfio = instance;
	struct rawpci_vfio_question q;

	rawpci_vfio_question_init(&q, vfio->ctx, address);
	q.group_ours = q.grouped == 0 && rawpci_vfio_group_used(vfio, q.group);
	q.memory = memory;
	q.take = report;
	q.opaque = to;
	return rawpci_vfio_check(&q, RAWPCI_VFIO_MAP, false);
}

/* A device can be open once: a group's descriptor would give the same device out twice. */
static int enlist(struct rawpci_vfio *vfio, struct rawpci_vfio_device *device)
{
	const struct rawpci_vfio_device *other;

	(void)pthread_mutex_lock(&vfio->lock);
	for (other = vfio->devices; other; other = other->next)
		if (rawpci_address_compare(&other->address, &device->address) == 0)
			break;
	if (!other) {
		device->next = vfio->devices;
		vfio->devices = device;
	}
	(void)pthread_mutex_unlock(&vfio->lock);
	if (other)
		return rawpci_vfio_refuse(device, -EBUSY, 0, "open already in this program");
	return 0;
}

static void delist(struct rawpci_vfio *vfio, struct rawpci_vfio_device *device)
{
	struct rawpci_vfio_device **link;

	(void)pthread_mutex_lock(&vfio->lock);
	for (link = &vfio->devices; *link != device; link = &(*link)->next)
		;
	*link = device->next;
	(void)pthread_mutex_unlock(&vfio->lock);
}

/* Reads what the device is. The transport does not matter any more. */
static int load(struct rawpci_vfio_device *device)
{
	struct vfio_device_info info = { .argsz = sizeof(info) };
	uint32_t ids;
	int r = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_GET_INFO, &info);

	if (r < 0)
		return rawpci_vfio_refused_device(device, r);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		return rawpci_vfio_refuse(device, -EOPNOTSUPP, 0,
					  "VFIO does not report it as a "
					  "PCI device");
	device->flags = info.flags;
	r = rawpci_vfio_regions_load(device);
	if (r == 0)
		r = rawpci_vfio_cfg_read(device, RAWPCI_CFG_VENDOR, 4, &ids);
	if (r == 0 && ids == UINT32_MAX)
		return rawpci_vfio_refuse(device, -EIO, 0,
					  "it does not answer: it has no power, "
					  "or its link is down");
	return r;
}

static int vfio_open_fds(void *instance, const struct rawpci_address *address,
			 const struct rawpci_device_fds *fds, void *space, void **out)
{
	struct rawpci_vfio *vfio = instance;
	struct rawpci_vfio_device *device = calloc(1, sizeof(*device));
	int r;

	if (!device)
		return rawpci_backend_fail(vfio->ctx, -ENOMEM, "vfio: no memory");
	device->vfio = vfio;
	device->address = *address;
	device->fd = -1;
	device->fds = fds;
	rawpci_address_format(address, device->name);
	r = enlist(vfio, device);
	if (r < 0)
		goto undo_alloc;
	r = rawpci_vfio_transport_join(device, space);
	if (r < 0)
		goto undo_enlist;
	device->fds = NULL;
	r = load(device);
	if (r < 0)
		goto undo_join;
	*out = device;
	return 0;

undo_join:
	rawpci_vfio_transport_leave(device);
undo_enlist:
	delist(vfio, device);
undo_alloc:
	free(device);
	return r;
}

static int vfio_open(void *instance, const struct rawpci_address *address, void *space, void **out)
{
	return vfio_open_fds(instance, address, NULL, space, out);
}

static void vfio_close(void *opaque)
{
	struct rawpci_vfio_device *device = opaque;

	rawpci_vfio_transport_leave(device);
	delist(device->vfio, device);
	free(device);
}

/* The kernel resets a device when it is opened, and when it is closed for the last time. The reset
 * flag says whether it can. */
static int vfio_info(void *opaque, struct rawpci_backend_info *out)
{
	struct rawpci_vfio_device *device = opaque;
	bool can_reset = device->flags & VFIO_DEVICE_FLAGS_RESET;
	uint64_t config_size = device->regions[VFIO_PCI_CONFIG_REGION_INDEX].size;
	struct rawpci_backend_info info = {
		.config_size = config_size < 4096 ? 256 : 4096,
		.can_reset = can_reset,
		.fresh = can_reset && !device->used,
		.close_resets = can_reset && !device->lent,
		.no_dma = device->space->transport->unsafe,
		.memory_always_on = rawpci_sysfs_is_vf(rawpci_vfio_sysfs(device->vfio->ctx),
						       &device->address),
		/* Kernels before 6.11 split it into two accesses of 4 bytes. */
		.wide_access = false,
	};
	int r = rawpci_vfio_irq_counts(device, &info);

	if (r < 0)
		return r;
	*out = info;
	return 0;
}

static int vfio_reset(void *opaque)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = rawpci_vfio_ioctl_patiently(device->fd, VFIO_DEVICE_RESET, NULL);

	return r < 0 ? rawpci_vfio_refused_reset(device, r) : 0;
}

const struct rawpci_backend rawpci_backend_vfio = {
	.version = RAWPCI_BACKEND_VERSION,
	.name = "vfio",
	.help = "VFIO: device cdev and iommufd, or IOMMU group and container",
	.rank = 100,
	.driver = "vfio-pci",
	.create = vfio_create,
	.destroy = vfio_destroy,
	.probe = vfio_probe,
	.open = vfio_open,
	.open_fds = vfio_open_fds,
	.close = vfio_close,
	.info = vfio_info,
	.cfg_read = rawpci_vfio_cfg_read,
	.cfg_write = rawpci_vfio_cfg_write,
	.region_info = rawpci_vfio_region_info,
	.region_map = rawpci_vfio_region_map,
	.region_read = rawpci_vfio_region_read,
	.region_write = rawpci_vfio_region_write,
	.irq_enable = rawpci_vfio_irq_enable,
	.irq_swap = rawpci_vfio_irq_swap,
	.irq_disable = rawpci_vfio_irq_disable,
	.irq_unmask = rawpci_vfio_irq_unmask,
	.event_set = rawpci_vfio_event_set,
	.reset = vfio_reset,
	.space_create = rawpci_vfio_space_create,
	.space_destroy = rawpci_vfio_space_destroy,
	.space_limits = rawpci_vfio_space_limits,
	.dma_map = rawpci_vfio_dma_map,
	.dma_unmap = rawpci_vfio_dma_unmap,
	.explain = vfio_explain,
};
