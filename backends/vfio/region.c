/* SPDX-License-Identifier: MIT */
/* Accesses to an open device's config space and regions, and mappings of them. */
#include <errno.h>

#include "os/sys.h"
#include "vfio/refusals.h"
#include "vfio/operations.h"

int rawpci_vfio_regions_load(struct rawpci_vfio_device *device)
{
	uint32_t i;
	int r;

	for (i = 0; i <= VFIO_PCI_CONFIG_REGION_INDEX; i++) {
		struct vfio_region_info info = { .argsz = sizeof(info), .index = i };

		r = rawpci_sys_ioctl(device->fd, VFIO_DEVICE_GET_REGION_INFO, &info);
		if (r < 0)
			return rawpci_vfio_refused_device(device, r);
		device->regions[i].offset = info.offset;
		device->regions[i].size = info.size;
		device->regions[i].flags = info.flags;
	}
	return 0;
}

/* The descriptor speaks little-endian, as the bus does; also on a big-endian host. */
static int read_le(const struct rawpci_vfio_device *device, unsigned region, uint64_t offset,
		   unsigned width, uint64_t *value)
{
	unsigned char bytes[8];
	uint64_t sum = 0;
	unsigned i;
	int r = rawpci_sys_pread(device->fd, bytes, width, device->regions[region].offset + offset);

	if (r < 0)
		return r;
	if ((unsigned)r != width)
		return -EIO;
	for (i = 0; i < width; i++)
		sum |= (uint64_t)bytes[i] << (8 * i);
	*value = sum;
	return 0;
}

static int write_le(const struct rawpci_vfio_device *device, unsigned region, uint64_t offset,
		    unsigned width, uint64_t value)
{
	unsigned char bytes[8];
	unsigned i;
	int r;

	for (i = 0; i < width; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	r = rawpci_sys_pwrite(device->fd, bytes, width, device->regions[region].offset + offset);
	if (r < 0)
		return r;
	return (unsigned)r == width ? 0 : -EIO;
}

static int fail_config(const struct rawpci_vfio_device *device, const char *what, uint64_t offset,
		       int error)
{
	return rawpci_vfio_refuse(device, -EIO, error, "%s config space at 0x%llx failed", what,
				  (unsigned long long)offset);
}

/* The kernel says EIO when memory decoding is off, in D3, during a reset, or when the device
 * has gone (Linux drivers/vfio/pci/vfio_pci_rdwr.c). */
static int fail_region(const struct rawpci_vfio_device *device, const char *what, unsigned region,
		       uint64_t offset, int error)
{
	return rawpci_vfio_refuse(device, -EIO, error,
				  "%s region %u at 0x%llx failed\ncheck that "
				  "memory decoding is on, and that the device is awake and present",
				  what, region, (unsigned long long)offset);
}

int rawpci_vfio_cfg_read(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	const struct rawpci_vfio_device *device = opaque;
	uint64_t wide;
	int r = read_le(device, VFIO_PCI_CONFIG_REGION_INDEX, offset, width, &wide);

	if (r < 0)
		return fail_config(device, "reading", offset, r);
	*value = (uint32_t)wide;
	return 0;
}

int rawpci_vfio_cfg_write(void *opaque, uint32_t offset, unsigned width, uint32_t value)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = write_le(device, VFIO_PCI_CONFIG_REGION_INDEX, offset, width, value);

	return r < 0 ? fail_config(device, "writing", offset, r) : 0;
}

int rawpci_vfio_region_map(void *opaque, unsigned region, uint64_t offset, uint64_t size,
			   void *where)
{
	const struct rawpci_vfio_device *device = opaque;
	const struct rawpci_vfio_region *in = &device->regions[region];
	int r = rawpci_sys_map(where, size, device->fd, in->offset + offset,
			       in->flags & VFIO_REGION_INFO_FLAG_WRITE);

	if (r < 0)
		return rawpci_vfio_refuse(device, -EADDRNOTAVAIL, r,
					  "region %u cannot be mapped "
					  "at 0x%llx",
					  region, (unsigned long long)offset);
	return 0;
}

int rawpci_vfio_region_read(void *opaque, unsigned region, uint64_t offset, unsigned width,
			    uint64_t *value)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = read_le(device, region, offset, width, value);

	return r < 0 ? fail_region(device, "reading", region, offset, r) : 0;
}

int rawpci_vfio_region_write(void *opaque, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value)
{
	const struct rawpci_vfio_device *device = opaque;
	int r = write_le(device, region, offset, width, value);

	return r < 0 ? fail_region(device, "writing", region, offset, r) : 0;
}
