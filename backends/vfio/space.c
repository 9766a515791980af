/* SPDX-License-Identifier: MIT */
/* An address space: one container with the IOMMU model type1v2, which unmaps exactly what was
 * mapped. (type1 without v2 takes a partial unmap for success.) */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"
#include "vfio/vfio.h"

static int check_container(struct rawpci_vfio *vfio, int container, const char *path)
{
	int r = rawpci_sys_ioctl(container, VFIO_GET_API_VERSION, NULL);

	if (r < 0)
		return rawpci_vfio_explain_container(vfio, "vfio", path, r);
	if (r != VFIO_API_VERSION)
		return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "vfio: the kernel's VFIO has "
					   "version %d, not %d", r, VFIO_API_VERSION);
	r = rawpci_sys_ioctl(container, VFIO_CHECK_EXTENSION,
			     (void *)(uintptr_t)VFIO_TYPE1v2_IOMMU);
	if (r <= 0)
		return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "vfio: the kernel offers no "
					   "type1v2 IOMMU: modprobe vfio_iommu_type1");
	return 0;
}

int rawpci_vfio_space_create(void *instance, void **out)
{
	struct rawpci_vfio *vfio = instance;
	struct rawpci_vfio_space *space = calloc(1, sizeof(*space));
	char path[RAWPCI_VFIO_PATH];
	int r;

	if (!space)
		return rawpci_backend_fail(vfio->ctx, -ENOMEM, "vfio: no memory");
	space->vfio = vfio;
	rawpci_vfio_node(vfio, "vfio", path);
	space->container = rawpci_sys_open(path, O_RDWR);
	if (space->container < 0) {
		r = rawpci_vfio_explain_container(vfio, "vfio", path, space->container);
		goto undo_alloc;
	}
	r = check_container(vfio, space->container, path);
	if (r < 0)
		goto undo_open;
	*out = space;
	return 0;

undo_open:
	rawpci_sys_close(&space->container);
undo_alloc:
	free(space);
	return r;
}

void rawpci_vfio_space_destroy(void *opaque)
{
	struct rawpci_vfio_space *space = opaque;

	rawpci_sys_close(&space->container);
	free(space);
}

/* Ranges that are not what the kernel promises are as good as none. */
static void copy_ranges(const unsigned char *from, uint32_t count, struct rawpci_dma_limits *limits)
{
	struct vfio_iova_range range;
	uint32_t i;

	if (count > RAWPCI_DMA_RANGES)
		return;
	for (i = 0; i < count; i++) {
		memcpy(&range, from + i * sizeof(range), sizeof(range));
		if (range.start > range.end || (i > 0 && range.start <= limits->ranges[i - 1].last))
			return;
		limits->ranges[i].first = range.start;
		limits->ranges[i].last = range.end;
	}
	limits->range_count = count;
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
	copy_ranges((const unsigned char *)reply + at, cap.nr_iovas, limits);
	return 0;
}

int rawpci_vfio_space_limits(void *opaque, struct rawpci_dma_limits *out)
{
	struct rawpci_vfio_space *space = opaque;
	struct rawpci_dma_limits limits = {.page_size = rawpci_sys_page_size()};
	struct vfio_iommu_type1_info info = {.argsz = sizeof(info)};
	char text[128];
	uint32_t size;
	void *reply;
	int r = rawpci_vfio_query(space->container, VFIO_IOMMU_GET_INFO, &info, sizeof(info),
				  &reply, &size);

	if (r == 0) {
		memcpy(&info, reply, sizeof(info));
		if ((info.flags & VFIO_IOMMU_INFO_PGSIZES) && info.iova_pgsizes != 0)
			limits.page_size = info.iova_pgsizes & (~info.iova_pgsizes + 1);
		r = read_ranges(reply, size, &limits);
		free(reply);
	}
	if (r < 0)
		return rawpci_backend_fail(space->vfio->ctx, r == -ENOMEM ? r : -EIO,
					   "vfio: the limits of the IOMMU cannot be read: %s",
					   rawpci_sys_error_text(r, text, sizeof(text)));
	*out = limits;
	return 0;
}

int rawpci_vfio_dma_map(void *opaque, rawpci_iova_t iova, void *host, uint64_t size)
{
	struct rawpci_vfio_space *space = opaque;
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE,
		.vaddr = (uintptr_t)host,
		.iova = iova,
		.size = size,
	};
	int r = rawpci_sys_ioctl(space->container, VFIO_IOMMU_MAP_DMA, &map);

	return r < 0 ? rawpci_vfio_explain_map(space, iova, host, size, r) : 0;
}

int rawpci_vfio_dma_unmap(void *opaque, rawpci_iova_t iova, uint64_t size)
{
	struct rawpci_vfio_space *space = opaque;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};
	char text[128];
	int r = rawpci_sys_ioctl(space->container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	if (r < 0)
		return rawpci_backend_fail(space->vfio->ctx, -EIO,
					   "unmapping guest memory at 0x%llx, 0x%llx bytes: %s",
					   (unsigned long long)iova, (unsigned long long)size,
					   rawpci_sys_error_text(r, text, sizeof(text)));
	/* Success with fewer bytes means that it was not mapped as one thinks. */
	if (unmap.size != size)
		return rawpci_backend_fail(space->vfio->ctx, -EIO,
					   "unmapping guest memory at 0x%llx: the kernel took "
					   "0x%llx bytes of 0x%llx", (unsigned long long)iova,
					   (unsigned long long)unmap.size,
					   (unsigned long long)size);
	return 0;
}
