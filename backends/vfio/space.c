/* SPDX-License-Identifier: MIT */
/* Address spaces. What one is, a container or an IOAS of an iommufd, its first device decides. */
#include <errno.h>
#include <stdlib.h>

#include "os/sys.h"
#include "vfio/operations.h"
#include "vfio/refusals.h"

int rawpci_vfio_space_create(void *instance, void **out)
{
	struct rawpci_vfio *vfio = instance;
	struct rawpci_vfio_space *space = calloc(1, sizeof(*space));

	if (!space)
		return rawpci_backend_fail(vfio->ctx, -ENOMEM, "vfio: no memory");
	space->vfio = vfio;
	space->fd = -1;
	*out = space;
	return 0;
}

void rawpci_vfio_space_destroy(void *space)
{
	free(space);
}

static int fail_unsafe(const struct rawpci_vfio_space *space)
{
	return rawpci_backend_fail(space->vfio->ctx, -EOPNOTSUPP,
				   "VFIO without an IOMMU maps no "
				   "memory");
}

int rawpci_vfio_space_limits(void *opaque, struct rawpci_dma_limits *limits)
{
	struct rawpci_vfio_space *space = opaque;
	char text[128];
	int r;

	if (space->transport->unsafe)
		return fail_unsafe(space);
	r = space->transport->limits(space, limits);
	if (r < 0)
		return rawpci_backend_fail(space->vfio->ctx, rawpci_sys_result(r, -EIO),
					   "vfio: the limits of the IOMMU cannot be read: %s",
					   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

int rawpci_vfio_dma_map(void *opaque, rawpci_iova_t iova, void *host, uint64_t size)
{
	struct rawpci_vfio_space *space = opaque;
	struct rawpci_dma_limits limits;
	int r;

	if (space->transport->unsafe)
		return fail_unsafe(space);
	r = space->transport->map(space, iova, host, size);
	if (r >= 0)
		return 0;
	if (r != -EINVAL || space->transport->limits(space, &limits) < 0)
		limits.range_count = 0;
	return rawpci_vfio_refused_map(space, iova, host, size, &limits, r);
}

int rawpci_vfio_dma_unmap(void *opaque, rawpci_iova_t iova, uint64_t size)
{
	struct rawpci_vfio_space *space = opaque;
	uint64_t bytes = size;
	char text[128];
	int r;

	if (space->transport->unsafe)
		return fail_unsafe(space);
	r = space->transport->unmap(space, iova, &bytes);
	if (r < 0)
		return rawpci_backend_fail(space->vfio->ctx, rawpci_sys_result(r, -EIO),
					   "unmapping guest memory at 0x%llx, 0x%llx bytes: %s",
					   (unsigned long long)iova, (unsigned long long)size,
					   rawpci_sys_error_text(r, text, sizeof(text)));
	/* The kernel did not have the range as one mapping. */
	if (bytes != size)
		return rawpci_backend_fail(space->vfio->ctx, -EIO,
					   "unmapping guest memory at 0x%llx: the kernel took "
					   "0x%llx bytes of 0x%llx",
					   (unsigned long long)iova, (unsigned long long)bytes,
					   (unsigned long long)size);
	return 0;
}
