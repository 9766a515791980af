/* SPDX-License-Identifier: MIT */
/* Address spaces. What one is, a container or an IOAS of an iommufd, its first device decides. */
#include <errno.h>
#include <stdlib.h>

#include "os/sys.h"
#include "vfio/vfio.h"

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

int rawpci_vfio_space_limits(void *opaque, struct rawpci_dma_limits *limits)
{
	struct rawpci_vfio_space *space = opaque;

	return space->transport->limits(space, limits);
}

int rawpci_vfio_dma_map(void *opaque, rawpci_iova_t iova, void *host, uint64_t size)
{
	struct rawpci_vfio_space *space = opaque;

	return space->transport->map(space, iova, host, size);
}

int rawpci_vfio_dma_unmap(void *opaque, rawpci_iova_t iova, uint64_t size)
{
	struct rawpci_vfio_space *space = opaque;
	uint64_t bytes = size;
	char text[128];
	int r = space->transport->unmap(space, iova, &bytes);

	if (r < 0)
		return rawpci_backend_fail(space->vfio->ctx, rawpci_sys_result(r, -EIO),
					   "unmapping guest memory at 0x%llx, 0x%llx bytes: %s",
					   (unsigned long long)iova, (unsigned long long)size,
					   rawpci_sys_error_text(r, text, sizeof(text)));
	/* Success with fewer bytes means that it was not mapped as one thinks. */
	if (bytes != size)
		return rawpci_backend_fail(space->vfio->ctx, -EIO,
					   "unmapping guest memory at 0x%llx: the kernel took "
					   "0x%llx bytes of 0x%llx", (unsigned long long)iova,
					   (unsigned long long)bytes, (unsigned long long)size);
	return 0;
}
