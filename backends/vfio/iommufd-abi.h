/* SPDX-License-Identifier: MIT */
/*
 * What is used of iommufd (Linux 6.2) and of VFIO's device cdev (Linux 6.6), for building where the
 * kernel's headers are older: Linux Documentation/userspace-api/iommufd.rst, and vfio.rst, "VFIO
 * device cdev". Layouts and numbers are the kernel's; later additions are left out.
 */
#ifndef RAWPCI_VFIO_IOMMUFD_ABI_H
#define RAWPCI_VFIO_IOMMUFD_ABI_H

#include <stdint.h>

#include <linux/ioctl.h>
#include <linux/vfio.h>

#ifdef __has_include
#if __has_include(<linux/iommufd.h>)
#include <linux/iommufd.h>
#endif
#endif

#ifndef VFIO_DEVICE_BIND_IOMMUFD
/* Takes the open cdev of a device for this iommufd; until then it does nothing. */
struct vfio_device_bind_iommufd {
	uint32_t argsz;
	uint32_t flags;
	int32_t iommufd;
	uint32_t out_devid;
};
#define VFIO_DEVICE_BIND_IOMMUFD _IO(VFIO_TYPE, VFIO_BASE + 18)

/* Lets a device's DMA go through an IOAS of its iommufd. */
struct vfio_device_attach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
	uint32_t pt_id;
};
#define VFIO_DEVICE_ATTACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 19)

struct vfio_device_detach_iommufd_pt {
	uint32_t argsz;
	uint32_t flags;
};
#define VFIO_DEVICE_DETACH_IOMMUFD_PT _IO(VFIO_TYPE, VFIO_BASE + 20)
#endif

#ifndef IOMMUFD_TYPE
#define IOMMUFD_TYPE ';'

struct iommu_destroy {
	uint32_t size;
	uint32_t id;
};
#define IOMMU_DESTROY _IO(IOMMUFD_TYPE, 0x80)

struct iommu_ioas_alloc {
	uint32_t size;
	uint32_t flags;
	uint32_t out_ioas_id;
};
#define IOMMU_IOAS_ALLOC _IO(IOMMUFD_TYPE, 0x81)

struct iommu_iova_range {
	uint64_t start;
	uint64_t last;
};

/* num_iovas: room in, ranges out; EMSGSIZE when the room was too small. */
struct iommu_ioas_iova_ranges {
	uint32_t size;
	uint32_t ioas_id;
	uint32_t num_iovas;
	uint32_t __reserved;
	uint64_t allowed_iovas __attribute__((__aligned__(8)));
	uint64_t out_iova_alignment __attribute__((__aligned__(8)));
};
#define IOMMU_IOAS_IOVA_RANGES _IO(IOMMUFD_TYPE, 0x84)

#define IOMMU_IOAS_MAP_FIXED_IOVA 1
#define IOMMU_IOAS_MAP_WRITEABLE 2
#define IOMMU_IOAS_MAP_READABLE 4

struct iommu_ioas_map {
	uint32_t size;
	uint32_t flags;
	uint32_t ioas_id;
	uint32_t __reserved;
	uint64_t user_va __attribute__((__aligned__(8)));
	uint64_t length __attribute__((__aligned__(8)));
	uint64_t iova __attribute__((__aligned__(8)));
};
#define IOMMU_IOAS_MAP _IO(IOMMUFD_TYPE, 0x85)

/* length: bytes asked for in, bytes unmapped out. */
struct iommu_ioas_unmap {
	uint32_t size;
	uint32_t ioas_id;
	uint64_t iova __attribute__((__aligned__(8)));
	uint64_t length __attribute__((__aligned__(8)));
};
#define IOMMU_IOAS_UNMAP _IO(IOMMUFD_TYPE, 0x86)
#endif

#endif
