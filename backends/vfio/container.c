/* SPDX-License-Identifier: MIT */
/* An address space as a container with the IOMMU model type1v2, which unmaps exactly what was
 * mapped. (type1 without v2 takes a partial unmap for success.) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "vfio/host.h"
#include "vfio/refusals.h"
#include "vfio/reply.h"
#include "vfio/transport.h"

#define MOST_TRIED (UINT64_C(1) << 21) /* bytes; the largest page that is mapped for a trial */

static unsigned long model_of(const struct rawpci_vfio_space *space)
{
	return space->transport->unsafe ? VFIO_NOIOMMU_IOMMU : VFIO_TYPE1v2_IOMMU;
}

static int check_container(const struct rawpci_vfio_device *first, int container, const char *path,
			   unsigned long model)
{
	int r = rawpci_sys_ioctl(container, VFIO_GET_API_VERSION, NULL);

	if (r < 0 && first->fds && first->fds->container >= 0)
		return rawpci_vfio_refused_given(first, "a VFIO container", r);
	if (r < 0)
		return rawpci_vfio_refused_node(first, RAWPCI_VFIO_NODE_CONTAINER, path, r);
	if (r != VFIO_API_VERSION)
		return rawpci_vfio_refuse(first, -EOPNOTSUPP, 0,
					  "the kernel's VFIO has version "
					  "%d, not %d",
					  r, VFIO_API_VERSION);
	r = rawpci_sys_ioctl(container, VFIO_CHECK_EXTENSION, (void *)(uintptr_t)model);
	if (r <= 0 && model == VFIO_NOIOMMU_IOMMU)
		return rawpci_vfio_refuse(first, -EOPNOTSUPP, 0,
					  "this kernel was built without "
					  "VFIO for devices that have no IOMMU");
	if (r <= 0)
		return rawpci_vfio_refuse(first, -EOPNOTSUPP, 0,
					  "the kernel offers no type1v2 "
					  "IOMMU\nmodprobe " RAWPCI_VFIO_TYPE1);
	return 0;
}

int rawpci_vfio_container_open(struct rawpci_vfio_space *space,
			       const struct rawpci_vfio_device *first)
{
	int given = first->fds ? first->fds->container : -1;
	char path[RAWPCI_VFIO_PATH];
	int fd, r;

	rawpci_vfio_node(space->vfio->ctx, "vfio", path);
	fd = given >= 0 ? rawpci_sys_dup(given) : rawpci_sys_open(path, O_RDWR);
	if (fd < 0 && given >= 0)
		return rawpci_vfio_refused_given(first, "a VFIO container", fd);
	if (fd < 0)
		return rawpci_vfio_refused_node(first, RAWPCI_VFIO_NODE_CONTAINER, path, fd);
	r = check_container(first, fd, path, model_of(space));
	if (r < 0) {
		rawpci_sys_close(&fd);
		return r;
	}
	space->fd = fd;
	space->given = given >= 0;
	return 0;
}

void rawpci_vfio_container_close(struct rawpci_vfio_space *space)
{
	rawpci_sys_close(&space->fd);
	space->asked = space->whole = false;
}

/* A given container may have its model already. It answers VFIO_IOMMU_GET_INFO only then. */
int rawpci_vfio_container_start(const struct rawpci_vfio_space *space)
{
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	int r = rawpci_sys_ioctl(space->fd, VFIO_SET_IOMMU, (void *)(uintptr_t)model_of(space));

	if (r < 0 && !space->transport->unsafe &&
	    rawpci_sys_ioctl(space->fd, VFIO_IOMMU_GET_INFO, &info) >= 0)
		return 0;
	return r;
}

static int read_ranges(const void *reply, uint32_t size, struct rawpci_dma_limits *limits)
{
	struct vfio_iommu_type1_info_cap_iova_range cap;
	struct vfio_iommu_type1_info info;
	uint32_t at;
	int r;

	memcpy(&info, reply, sizeof(info));
	r = rawpci_vfio_cap_find(reply, size, sizeof(info),
				 info.flags & VFIO_IOMMU_INFO_CAPS ? info.cap_offset : 0,
				 VFIO_IOMMU_TYPE1_INFO_CAP_IOVA_RANGE, sizeof(cap), &at);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	memcpy(&cap, (const unsigned char *)reply + at, sizeof(cap));
	at += (uint32_t)sizeof(cap);
	if (cap.nr_iovas > (size - at) / sizeof(struct vfio_iova_range))
		return -EIO;
	rawpci_vfio_copy_ranges((const unsigned char *)reply + at, cap.nr_iovas, limits);
	return 0;
}

/*
 * Can the kernel unmap the last page of all addresses? For that page the sum of address and size is
 * 2 to the power of 64, which is 0. Older kernels map it and do not find it again: neither this
 * mapping nor maybe others can be unmapped, and its pages stay pinned after the container is closed
 * (Linux drivers/vfio/vfio_iommu_type1.c before 6.18, without the repair). So the trial does not
 * map the last page. It maps the page below and unmaps both together: such a kernel then unmaps
 * nothing.
 */
static bool try_whole(const struct rawpci_vfio_space *space, uint64_t page)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ,
		.iova = 0 - 2 * page,
		.size = page,
	};
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = map.iova,
		.size = 2 * page,
	};
	void *memory = page <= MOST_TRIED ? aligned_alloc((size_t)page, (size_t)page) : NULL;
	bool whole = false;

	if (!memory)
		return false;
	memset(memory, 0, (size_t)page);
	map.vaddr = (uintptr_t)memory;
	if (rawpci_sys_ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &map) >= 0) {
		whole = rawpci_sys_ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap) >= 0 &&
			unmap.size == page;
		unmap.size = page;
		if (!whole)
			(void)rawpci_sys_ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);
	}
	free(memory);
	return whole;
}

/* Leaves the last page out if the kernel cannot unmap it. The trial is made once, before the space
 * has mappings. It is not made in a given container: there the page may be another program's. */
static void cut_last_page(struct rawpci_vfio_space *space, struct rawpci_dma_limits *limits)
{
	unsigned last = limits->range_count - 1;

	if (limits->range_count == 0 || limits->ranges[last].last != UINT64_MAX)
		return;
	if (!space->asked) {
		space->whole = !space->given && try_whole(space, limits->page_size);
		space->asked = true;
		if (!space->whole)
			rawpci_backend_log(space->vfio->ctx, RAWPCI_LOG_DEBUG,
					   "vfio: this kernel "
					   "cannot unmap the last page of the address space: use "
					   "vfio.via=cdev to map guest memory there");
	}
	if (!space->whole)
		limits->ranges[last].last -= limits->page_size;
}

int rawpci_vfio_container_limits(struct rawpci_vfio_space *space, struct rawpci_dma_limits *out)
{
	struct rawpci_dma_limits limits = { .page_size = rawpci_sys_page_size() };
	struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };
	uint32_t size;
	void *reply;
	int r = rawpci_vfio_query(space->fd, VFIO_IOMMU_GET_INFO, &info, sizeof(info), &reply,
				  &size);

	if (r == 0) {
		memcpy(&info, reply, sizeof(info));
		if ((info.flags & VFIO_IOMMU_INFO_PGSIZES) && info.iova_pgsizes != 0)
			limits.page_size = info.iova_pgsizes & (~info.iova_pgsizes + 1);
		r = read_ranges(reply, size, &limits);
		free(reply);
	}
	if (r < 0)
		return r;
	cut_last_page(space, &limits);
	*out = limits;
	return 0;
}

int rawpci_vfio_container_map(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			      uint64_t size)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)host,
		.iova = iova,
		.size = size,
	};

	return rawpci_sys_ioctl(space->fd, VFIO_IOMMU_MAP_DMA, &map);
}

int rawpci_vfio_container_unmap(struct rawpci_vfio_space *space, rawpci_iova_t iova,
				uint64_t *bytes)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = *bytes,
	};
	int r = rawpci_sys_ioctl(space->fd, VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (r < 0)
		return r;
	*bytes = unmap.size;
	return 0;
}
