/* SPDX-License-Identifier: MIT */
/* An address space as an IOAS of an iommufd (Linux Documentation/userspace-api/iommufd.rst). Like
 * type1v2 it unmaps whole mappings only: the kernel refuses a range that would cut one in two. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "os/sys.h"
#include "vfio/host.h"
#include "vfio/iommufd-abi.h"
#include "vfio/refusals.h"
#include "vfio/reply.h"
#include "vfio/transport.h"

int rawpci_vfio_ioas_open(struct rawpci_vfio_space *space, const struct rawpci_vfio_device *first)
{
	int given = first->fds ? first->fds->iommufd : -1;
	struct iommu_ioas_alloc alloc = { .size = sizeof(alloc) };
	const char *path = rawpci_vfio_iommu(space->vfio->ctx);
	int fd = given >= 0 ? rawpci_sys_dup(given) : rawpci_sys_open(path, O_RDWR);
	int r = fd;

	if (fd >= 0)
		r = rawpci_sys_ioctl(fd, IOMMU_IOAS_ALLOC, &alloc);
	if (r < 0) {
		rawpci_sys_close(&fd);
		if (given >= 0)
			return rawpci_vfio_refused_given(first, "an iommufd", r);
		return rawpci_vfio_refused_node(first, RAWPCI_VFIO_NODE_IOMMUFD, path, r);
	}
	space->fd = fd;
	space->ioas = alloc.out_ioas_id;
	return 0;
}

/* Another program may have the iommufd too, and then the IOAS does not end with the descriptor. */
void rawpci_vfio_ioas_close(struct rawpci_vfio_space *space)
{
	struct iommu_destroy destroy = { .size = sizeof(destroy), .id = space->ioas };
	char text[128];
	int r = rawpci_sys_ioctl(space->fd, IOMMU_DESTROY, &destroy);

	if (r < 0)
		rawpci_backend_log(space->vfio->ctx, RAWPCI_LOG_WARNING,
				   "vfio: the IOAS cannot "
				   "be destroyed: %s",
				   rawpci_sys_error_text(r, text, sizeof(text)));
	rawpci_sys_close(&space->fd);
}

int rawpci_vfio_ioas_limits(struct rawpci_vfio_space *space, struct rawpci_dma_limits *out)
{
	struct rawpci_dma_limits limits = { .page_size = rawpci_sys_page_size() };
	struct iommu_iova_range ranges[RAWPCI_DMA_RANGES];
	struct iommu_ioas_iova_ranges query = {
		.size = sizeof(query),
		.ioas_id = space->ioas,
		.num_iovas = RAWPCI_DMA_RANGES,
		.allowed_iovas = (uintptr_t)ranges,
	};
	uint64_t alignment;
	int r = rawpci_sys_ioctl(space->fd, IOMMU_IOAS_IOVA_RANGES, &query);

	/* EMSGSIZE: more ranges than fit. They count as unknown. */
	if (r < 0 && r != -EMSGSIZE)
		return r;
	if (r >= 0)
		rawpci_vfio_copy_ranges((const unsigned char *)ranges, query.num_iovas, &limits);
	alignment = query.out_iova_alignment;
	if (alignment > 1 && (alignment & (alignment - 1)) == 0)
		limits.page_size = alignment;
	*out = limits;
	return 0;
}

int rawpci_vfio_ioas_map(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			 uint64_t size)
{
	struct iommu_ioas_map map = {
		.size = sizeof(map),
		.flags = IOMMU_IOAS_MAP_FIXED_IOVA | IOMMU_IOAS_MAP_WRITEABLE |
			 IOMMU_IOAS_MAP_READABLE,
		.ioas_id = space->ioas,
		.user_va = (uintptr_t)host,
		.length = size,
		.iova = iova,
	};

	return rawpci_sys_ioctl(space->fd, IOMMU_IOAS_MAP, &map);
}

int rawpci_vfio_ioas_unmap(struct rawpci_vfio_space *space, rawpci_iova_t iova, uint64_t *bytes)
{
	struct iommu_ioas_unmap unmap = {
		.size = sizeof(unmap),
		.ioas_id = space->ioas,
		.iova = iova,
		.length = *bytes,
	};
	int r = rawpci_sys_ioctl(space->fd, IOMMU_IOAS_UNMAP, &unmap);

	if (r < 0)
		return r;
	*bytes = unmap.length;
	return 0;
}
