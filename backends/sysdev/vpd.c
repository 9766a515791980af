/* SPDX-License-Identifier: MIT */
/*
 * Vital product data (PCI Local Bus Specification 3.0, appendix I). The kernel reads it: it knows
 * where the data end, behind which some devices hang, and which devices have none that is fit to be
 * read. It is not written: that would outlast this user. A write is never completed then, as after
 * an error, and its user gives up.
 *
 * Reading may take long (Linux drivers/pci/vpd.c, pci_vpd_wait()). So it is done when the user looks
 * whether the data are there: config reads keep nobody waiting, while a power state waits for
 * writes.
 */
#include <fcntl.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "sysdev/sysdev.h"

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
	(void)pthread_mutex_lock(&device->vpd_lock);
	device->vpd_address = (uint16_t)rawpci_config_merge(device->vpd_address, at, offset, width,
							    value);
	if (rawpci_config_overlaps(offset, width, at + 1, 1))
		device->vpd_asked = !(device->vpd_address & FLAG);
	(void)pthread_mutex_unlock(&device->vpd_lock);
}

/* What was asked for, unless a thread is at it already. Where something else has been asked for
 * meanwhile, the next reader sees to that. Requires vpd_lock, and lets go of it for a while. */
static void see_to(struct rawpci_sysdev *device)
{
	const uint16_t address = device->vpd_address;
	uint32_t data = 0;
	bool was_read;

	if (!device->vpd_asked || device->vpd_reading)
		return;
	device->vpd_reading = true;
	(void)pthread_mutex_unlock(&device->vpd_lock);
	was_read = read_data(device, address, &data);
	(void)pthread_mutex_lock(&device->vpd_lock);
	device->vpd_reading = false;
	if (!device->vpd_asked || device->vpd_address != address)
		return;
	device->vpd_asked = false;
	if (!was_read)
		return;
	device->vpd_data = data;
	device->vpd_address |= FLAG;
}

uint32_t rawpci_sysdev_vpd_read(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
				uint32_t value)
{
	const uint32_t at = device->vpd, ones = UINT32_MAX >> (32 - 8 * width);
	uint32_t address, data;

	if (at == 0 || !rawpci_config_overlaps(offset, width, at + ADDRESS, 6))
		return value;
	(void)pthread_mutex_lock(&device->vpd_lock);
	see_to(device);
	address = device->vpd_address;
	data = device->vpd_data;
	(void)pthread_mutex_unlock(&device->vpd_lock);
	if (offset >= at + DATA)
		return data >> (8 * (offset & 3)) & ones;
	if (offset >= at + ADDRESS)
		return address >> (8 * (offset & 1)) & ones;
	return (value & 0xffff) | address << 16;
}
