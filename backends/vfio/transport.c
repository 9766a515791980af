/* SPDX-License-Identifier: MIT */
/* The choice between device cdev and iommufd, and group and container. */
#include <errno.h>

#include "os/sys.h"
#include "vfio/host.h"
#include "vfio/refusals.h"
#include "vfio/transport.h"

#define TRANSPORTS 3

/* Lists the transports that may be used, best first. Given descriptors leave no choice. */
static unsigned candidates(const struct rawpci_vfio *vfio, const struct rawpci_device_fds *fds,
			   const struct rawpci_vfio_transport *list[TRANSPORTS])
{
	unsigned ways = rawpci_vfio_ways(vfio->ctx);
	unsigned n = 0;

	if (fds)
		ways = fds->cdev >= 0 || fds->iommufd >= 0
			       ? RAWPCI_VFIO_BY_CDEV
			       : RAWPCI_VFIO_BY_GROUP | (rawpci_vfio_noiommu_wanted(vfio->ctx)
								 ? RAWPCI_VFIO_BY_NOIOMMU
								 : 0);
	if (ways & RAWPCI_VFIO_BY_CDEV)
		list[n++] = &rawpci_vfio_transport_cdev;
	if (ways & RAWPCI_VFIO_BY_GROUP)
		list[n++] = &rawpci_vfio_transport_group;
	if (ways & RAWPCI_VFIO_BY_NOIOMMU)
		list[n++] = &rawpci_vfio_transport_noiommu;
	return n;
}

/* The container or iommufd that was given for the device. */
static int given_space(const struct rawpci_vfio_device *device,
		       const struct rawpci_vfio_transport *transport)
{
	if (!device->fds)
		return -1;
	return transport == &rawpci_vfio_transport_cdev ? device->fds->iommufd
							: device->fds->container;
}

static int join_first(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space,
		      const struct rawpci_vfio_transport *transport)
{
	int r;

	space->transport = transport;
	r = transport->space_open(space, device);
	if (r < 0)
		goto undo_transport;
	r = transport->join(device, space);
	if (r < 0)
		goto undo_open;
	return 0;

undo_open:
	transport->space_close(space);
undo_transport:
	space->transport = NULL;
	return r;
}

/* Would another transport or space meet the same error? EINVAL is about given descriptors. */
static bool final(int error)
{
	return error == -EBUSY || error == -ENOMEM || error == -ENOSPC || error == -EINVAL;
}

/* Joins a space that has devices. If that fails, core tries a fresh space, which leaves
 * every choice and fails with the better reason. */
static int join_others(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space,
		       const struct rawpci_vfio_transport *list[], unsigned n)
{
	int given = given_space(device, space->transport);
	struct rawpci *ctx = device->vfio->ctx;
	unsigned i;
	int r;

	for (i = 0; i < n && list[i] != space->transport; i++)
		;
	if (i == n || (given >= 0 && !rawpci_sys_same_file(given, space->fd)))
		return rawpci_vfio_refuse(device, -EXDEV, 0,
					  "it needs an address space of its own");
	r = space->transport->join(device, space);
	if (r == 0 || final(r))
		return r;
	rawpci_backend_log(ctx, RAWPCI_LOG_INFO,
			   "vfio: not in the address space of the VM's other "
			   "devices: %s",
			   rawpci_backend_reason());
	return -EXDEV;
}

static int join_best(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space,
		     const struct rawpci_vfio_transport *list[], unsigned n)
{
	unsigned i;
	int r = -EOPNOTSUPP;

	for (i = 0; i < n; i++) {
		r = join_first(device, space, list[i]);
		if (r == 0 || final(r) || i + 1 == n)
			break;
		rawpci_backend_log(device->vfio->ctx, RAWPCI_LOG_INFO,
				   "vfio: trying %s, because %s "
				   "does not work: %s",
				   list[i + 1]->name, list[i]->name, rawpci_backend_reason());
	}
	return r;
}

int rawpci_vfio_transport_join(struct rawpci_vfio_device *device, struct rawpci_vfio_space *space)
{
	const struct rawpci_vfio_transport *list[TRANSPORTS];
	struct rawpci *ctx = device->vfio->ctx;
	unsigned n = candidates(device->vfio, device->fds, list);
	int r = space->transport ? join_others(device, space, list, n)
				 : join_best(device, space, list, n);

	if (r < 0)
		return r;
	device->space = space;
	rawpci_backend_log(ctx, RAWPCI_LOG_INFO, "%s: opened by VFIO's %s", device->name,
			   space->transport->name);
	if (space->transport->unsafe)
		rawpci_backend_log(ctx, RAWPCI_LOG_WARNING,
				   "%s: VFIO without an IOMMU, as "
				   "vfio.noiommu=yes asked for: no guest memory is mapped for it, "
				   "and nothing keeps it from reading and writing all of the "
				   "host's memory",
				   device->name);
	return 0;
}

void rawpci_vfio_transport_leave(struct rawpci_vfio_device *device)
{
	struct rawpci_vfio_space *space = device->space;

	space->transport->leave(device);
	device->space = NULL;
	if (space->members > 0)
		return;
	space->transport->space_close(space);
	space->transport = NULL;
}
