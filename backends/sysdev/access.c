/* SPDX-License-Identifier: MIT */
/* Trapped accesses. The kernel's files take them for ports, and for reading the ROM. For memory the
 * backend has a mapping of its own. */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "os/sys.h"
#include "sysdev/sysdev.h"

/* Exactly one access of exactly the width: volatile forbids the compiler to split or repeat it. */
static uint64_t load(const void *at, unsigned width)
{
	switch (width) {
	case 1:
		return *(const volatile uint8_t *)at;
	case 2:
		return le16toh(*(const volatile uint16_t *)at);
	case 4:
		return le32toh(*(const volatile uint32_t *)at);
	default:
		return le64toh(*(const volatile uint64_t *)at);
	}
}

static void store(void *at, unsigned width, uint64_t value)
{
	switch (width) {
	case 1:
		*(volatile uint8_t *)at = (uint8_t)value;
		break;
	case 2:
		*(volatile uint16_t *)at = htole16((uint16_t)value);
		break;
	case 4:
		*(volatile uint32_t *)at = htole32((uint32_t)value);
		break;
	default:
		*(volatile uint64_t *)at = htole64(value);
		break;
	}
}

static int fail_access(const struct rawpci_sysdev *device, const char *doing, unsigned region,
		       uint64_t offset, int error)
{
	char text[128];

	if (error == -EPERM || error == -EBADF)
		return rawpci_sysdev_fail(device, doing, "resource",
					  error == -EBADF ? -ENOENT : error);
	return rawpci_backend_fail(device->ctx, rawpci_sys_result(error, -EIO),
				   "%s: %s of region %u at %#llx failed: %s", device->name, doing,
				   region, (unsigned long long)offset,
				   rawpci_sys_error_text(error, text, sizeof(text)));
}

/* The kernel's file has words in the host's byte order. */
static int port_read(const struct rawpci_sysdev *device, unsigned region, uint64_t offset,
		     unsigned width, uint64_t *value)
{
	unsigned char bytes[4] = { 0 };
	uint16_t half;
	uint32_t word;
	int r = rawpci_sys_pread(device->regions[region].fd, bytes, width, offset);

	if (r >= 0 && (unsigned)r != width)
		r = -EIO;
	if (r < 0)
		return fail_access(device, "reading a port", region, offset, r);
	memcpy(&half, bytes, 2);
	memcpy(&word, bytes, 4);
	*value = width == 1 ? bytes[0] : width == 2 ? half : word;
	return 0;
}

static int port_write(const struct rawpci_sysdev *device, unsigned region, uint64_t offset,
		      unsigned width, uint64_t value)
{
	uint8_t byte = (uint8_t)value;
	uint16_t half = (uint16_t)value;
	uint32_t word = (uint32_t)value;
	const void *from = width == 1   ? (const void *)&byte
			   : width == 2 ? (const void *)&half
					: (const void *)&word;
	int r = rawpci_sys_pwrite(device->regions[region].fd, from, width, offset);

	if (r >= 0 && (unsigned)r != width)
		r = -EIO;
	return r < 0 ? fail_access(device, "writing a port", region, offset, r) : 0;
}

/* The kernel's file ends with the image. Bytes behind it read as all ones. */
static int rom_read(struct rawpci_sysdev *device, uint64_t offset, unsigned width, uint64_t *value)
{
	int fd = device->regions[RAWPCI_REGION_ROM].fd;
	unsigned char bytes[8];
	uint64_t sum = 0;
	int r, off;

	memset(bytes, 0xff, sizeof(bytes));
	(void)pthread_mutex_lock(&device->rom_lock);
	r = rawpci_sys_pwrite(fd, "1", 1, 0);
	if (r >= 0)
		r = rawpci_sys_pread(fd, bytes, width, offset);
	off = rawpci_sys_pwrite(fd, "0", 1, 0);
	(void)pthread_mutex_unlock(&device->rom_lock);
	if (r >= 0 && off < 0)
		r = off;
	if (r < 0)
		return fail_access(device, "reading the ROM", RAWPCI_REGION_ROM, offset, r);
	for (unsigned i = 0; i < width; i++)
		sum |= (uint64_t)bytes[i] << (8 * i);
	*value = sum;
	return 0;
}

int rawpci_sysdev_region_read(void *opaque, unsigned region, uint64_t offset, unsigned width,
			      uint64_t *value)
{
	struct rawpci_sysdev *device = opaque;
	void *at;
	int r;

	if (region == RAWPCI_REGION_ROM)
		return rom_read(device, offset, width, value);
	if (device->regions[region].info.flags & RAWPCI_REGION_IO)
		return port_read(device, region, offset, width, value);
	r = rawpci_sysdev_region_at(device, region, &at);
	if (r == 0)
		*value = load((unsigned char *)at + offset, width);
	return r;
}

int rawpci_sysdev_region_write(void *opaque, unsigned region, uint64_t offset, unsigned width,
			       uint64_t value)
{
	struct rawpci_sysdev *device = opaque;
	void *at;
	int r;

	if (region == RAWPCI_REGION_ROM)
		return rawpci_backend_fail(device->ctx, -EOPNOTSUPP, "%s: the ROM can only be read",
					   device->name);
	if (device->regions[region].info.flags & RAWPCI_REGION_IO)
		return port_write(device, region, offset, width, value);
	r = rawpci_sysdev_region_at(device, region, &at);
	if (r == 0)
		store((unsigned char *)at + offset, width, value);
	return r;
}
