/* SPDX-License-Identifier: MIT */
/* Interrupts and events of an open device, each by an eventfd. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"
#include "vfio/operations.h"
#include "vfio/refusals.h"

#define VECTORS_MAX 2048 /* PCI Local Bus Specification 3.0, 6.8.2.3 */

/* VFIO's index of each type. */
static const uint32_t type_index[3] = {
	[RAWPCI_IRQ_INTX] = VFIO_PCI_INTX_IRQ_INDEX,
	[RAWPCI_IRQ_MSI] = VFIO_PCI_MSI_IRQ_INDEX,
	[RAWPCI_IRQ_MSIX] = VFIO_PCI_MSIX_IRQ_INDEX,
};
static const char *const type_name[3] = {
	[RAWPCI_IRQ_INTX] = "INTx",
	[RAWPCI_IRQ_MSI] = "MSI",
	[RAWPCI_IRQ_MSIX] = "MSI-X",
};

/* The kernel answers EINVAL for an index that a device cannot have (ERR without PCIe). */
static int irq_info(const struct rawpci_vfio_device *device, uint32_t index,
		    struct vfio_irq_info *info)
{
	int r;

	*info = (struct vfio_irq_info){ .argsz = sizeof(*info), .index = index };
	r = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_GET_IRQ_INFO, info);
	if (r == -EINVAL) {
		info->count = 0;
		return 0;
	}
	return r;
}

int rawpci_vfio_irq_counts(struct rawpci_vfio_device *device, struct rawpci_backend_info *info)
{
	static const struct {
		uint32_t index;
		enum rawpci_event event;
	} events[] = {
		{ VFIO_PCI_ERR_IRQ_INDEX, RAWPCI_EVENT_ERROR },
		{ VFIO_PCI_REQ_IRQ_INDEX, RAWPCI_EVENT_RELEASE },
	};
	struct vfio_irq_info irq;
	unsigned i;
	int r;

	for (i = 0; i < 3; i++) {
		r = irq_info(device, type_index[i], &irq);
		if (r < 0)
			return rawpci_vfio_refused_device(device, r);
		info->irq_count[i] = irq.count < VECTORS_MAX ? irq.count : VECTORS_MAX;
		info->irq_dynamic[i] = i != RAWPCI_IRQ_INTX && irq.count > 0 &&
				       !(irq.flags & VFIO_IRQ_INFO_NORESIZE);
	}
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		r = irq_info(device, events[i].index, &irq);
		if (r < 0)
			return rawpci_vfio_refused_device(device, r);
		if (irq.count > 0)
			info->events |= 1U << events[i].event;
	}
	return 0;
}

/* Makes one request without data. */
static int command(const struct rawpci_vfio_device *device, uint32_t action, uint32_t index,
		   uint32_t count)
{
	struct vfio_irq_set set = {
		.argsz = sizeof(set),
		.flags = VFIO_IRQ_SET_DATA_NONE | action,
		.index = index,
		.count = count,
	};

	return rawpci_sys_ioctl(device->fd, VFIO_DEVICE_SET_IRQS, &set);
}

/* Gives vectors their eventfds. A positive result is how many vectors the host has instead. */
static int set_eventfds(const struct rawpci_vfio_device *device, uint32_t index, uint32_t start,
			uint32_t count, const int *eventfds)
{
	struct vfio_irq_set *set;
	size_t size;
	int r;

	if (count == 0 || count > VECTORS_MAX || start > VECTORS_MAX - count)
		return -EINVAL;
	size = sizeof(*set) + count * sizeof(int32_t);
	set = malloc(size);
	if (!set)
		return -ENOMEM;
	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)size,
		.flags = VFIO_IRQ_SET_DATA_EVENTFD | VFIO_IRQ_SET_ACTION_TRIGGER,
		.index = index,
		.start = start,
		.count = count,
	};
	_Static_assert(sizeof(int) == sizeof(int32_t), "the kernel takes 32-bit descriptors");
	memcpy(set->data, eventfds, count * sizeof(int32_t));
	r = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return r;
}

static int fail_enable(const struct rawpci_vfio_device *device, enum rawpci_irq_type type,
		       unsigned n, int error)
{
	const char *name = type_name[type];

	if (error > 0)
		return rawpci_vfio_refuse(device, -ENOSPC, 0,
					  "%u %s vectors are more than the "
					  "host has left for it\nask for at most %d",
					  n, name, error);
	if (error == -ENOSPC)
		return rawpci_vfio_refuse(device, error, 0,
					  "the host has no %s vectors left (%u "
					  "were asked for)",
					  name, n);
	if (error == -EBUSY && type == RAWPCI_IRQ_INTX)
		return rawpci_vfio_refuse(device, error, 0,
					  "its INTx line is shared and the "
					  "device cannot mask it itself\nuse MSI, or unbind the "
					  "drivers of the other devices on this line");
	return rawpci_vfio_refuse(device, error == -ENOMEM ? error : -EIO, error,
				  "%u %s vectors cannot be enabled", n, name);
}

int rawpci_vfio_irq_enable(void *opaque, enum rawpci_irq_type type, unsigned n, const int *eventfds)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = set_eventfds(device, type_index[type], 0, n, eventfds);

	if (r == 0)
		return 0;
	/* A failure among the vectors may leave the type enabled with none of them. */
	(void)command(device, VFIO_IRQ_SET_ACTION_TRIGGER, type_index[type], 0);
	return fail_enable(device, type, n, r);
}

int rawpci_vfio_irq_swap(void *opaque, enum rawpci_irq_type type, unsigned vector, int eventfd)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = set_eventfds(device, type_index[type], vector, 1, &eventfd);

	if (r == 0)
		return 0;
	if (r > 0)
		r = -ENOSPC;
	return rawpci_vfio_refuse(device, r == -ENOSPC || r == -ENOMEM ? r : -EIO, r,
				  "%s vector %u cannot be set", type_name[type], vector);
}

void rawpci_vfio_irq_disable(void *opaque, enum rawpci_irq_type type)
{
	const struct rawpci_vfio_device *device = opaque;
	char text[128];
	int r = command(device, VFIO_IRQ_SET_ACTION_TRIGGER, type_index[type], 0);

	if (r < 0)
		rawpci_backend_log(device->vfio->ctx, RAWPCI_LOG_WARNING,
				   "%s: %s cannot be disabled: %s", device->name, type_name[type],
				   rawpci_sys_error_text(r, text, sizeof(text)));
}

/* Every delivery of INTx masks it (VFIO_IRQ_INFO_AUTOMASKED). */
int rawpci_vfio_irq_unmask(void *opaque)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = command(device, VFIO_IRQ_SET_ACTION_UNMASK, VFIO_PCI_INTX_IRQ_INDEX, 1);

	return r < 0 ? rawpci_vfio_refuse(device, -EIO, r, "INTx cannot be unmasked") : 0;
}

int rawpci_vfio_event_set(void *opaque, enum rawpci_event event, int eventfd)
{
	const struct rawpci_vfio_device *device = opaque;
	uint32_t index = event == RAWPCI_EVENT_ERROR ? VFIO_PCI_ERR_IRQ_INDEX
						     : VFIO_PCI_REQ_IRQ_INDEX;
	int r = set_eventfds(device, index, 0, 1, &eventfd);

	if (r < 0)
		return rawpci_vfio_refuse(device, r == -ENOMEM ? r : -EIO, r,
					  "%s notifications cannot be set",
					  event == RAWPCI_EVENT_ERROR ? "error" : "release");
	return 0;
}
