/* SPDX-License-Identifier: MIT */
/*
 * Vital product data (PCI Local Bus Specification 3.0, appendix I). The kernel reads it: it knows
 * where the data end, behind which some devices hang, and which devices have none that is fit to be
 * read. It is not written: that would outlast this user. A write is never completed then, as after
 * an error, and its user gives up.
 */
#include <fcntl.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "sysfs/sysdev.h"

#define ADDRESS 2
#define DATA 4
#define FLAG 0x8000 /* the data are there; in a write: is to write */

/* Returns whether it could be read. */
static bool read_data(const struct rawpci_sysdev *device, uint32_t address, uint32_t *value)
{
	char path[RAWPCI_SYSFS_PATH];
	unsigned char bytes[4] = { 0 };
	int fd, r = rawpci_sysfs_path(rawpci_backend_setting(device->ctx, "sysfs.dir"),
				      &device->address, "vpd", path, sizeof(path));

	fd = r < 0 ? r : rawpci_sys_open(path, O_RDONLY);
	if (fd < 0)
		return false;
	r = rawpci_sys_pread(fd, bytes, sizeof(bytes), address);
	rawpci_sys_close(&fd);
	*value = bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		 (uint32_t)bytes[3] << 24;
	return r >= 0;
}

void rawpci_sysdev_vpd_write(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			     uint32_t value)
{
	uint32_t at = (uint32_t)device->vpd + ADDRESS;

	if (!rawpci_config_overlaps(offset, width, at, 2))
		return;
	device->vpd_address = (uint16_t)rawpci_config_merge(device->vpd_address, at, offset, width,
							    value);
	if (rawpci_config_overlaps(offset, width, at + 1, 1) && !(device->vpd_address & FLAG) &&
	    read_data(device, device->vpd_address, &device->vpd_data))
		device->vpd_address |= FLAG;
}

uint32_t rawpci_sysdev_vpd_read(const struct rawpci_sysdev *device, uint32_t offset,
				unsigned width, uint32_t value)
{
	uint32_t at = device->vpd;

	if (at == 0 || !rawpci_config_overlaps(offset, width, at + ADDRESS, 6))
		return value;
	if (offset >= at + DATA)
		return (device->vpd_data >> (8 * (offset & 3))) & (UINT32_MAX >> (32 - 8 * width));
	if (offset >= at + ADDRESS)
		return (uint32_t)device->vpd_address >> (8 * (offset & 1)) &
		       (UINT32_MAX >> (32 - 8 * width));
	return (value & 0xffff) | (uint32_t)device->vpd_address << 16;
}
