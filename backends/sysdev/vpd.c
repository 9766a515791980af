/* SPDX-License-Identifier: MIT */
/*
 * Vital product data (PCI Local Bus Specification 3.0, appendix I). The kernel reads them: it knows
 * where the data end, behind which some devices hang, and which devices have no readable data.
 * Nothing writes them, because that would outlast this user. A write never completes, as after an
 * error, and the user gives up.
 *
 * Reading may take long (Linux drivers/pci/vpd.c, pci_vpd_wait()). It is therefore done when the
 * user asks whether the data are there. A config read keeps no other thread waiting, but a change
 * of the power state waits for writes.
 */
#include <fcntl.h>

#include "os/sys.h"
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define ADDRESS 2
#define DATA 4
#define FLAG 0x8000 /* read: the data are there; written: a write is asked for */

/* Returns whether it could be read. */
static bool read_data(const struct rawpci_sysdev *device, uint32_t address, uint32_t *value)
{
	char path[RAWPCI_SYSFS_PATH];
	unsigned char bytes[4] = { 0 };
	int fd, r = rawpci_sysdev_path(device, "vpd", path);

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
	uint32_t at = (uint32_t)device->vpd.at + ADDRESS;

	if (!rawpci_config_overlaps(offset, width, at, 2))
		return;
	(void)pthread_mutex_lock(&device->vpd.lock);
	device->vpd.address = (uint16_t)rawpci_config_merge(device->vpd.address, at, offset, width,
							    value);
	if (rawpci_config_overlaps(offset, width, at + 1, 1))
		device->vpd.asked = !(device->vpd.address & FLAG);
	(void)pthread_mutex_unlock(&device->vpd.lock);
}

/* Reads what the user has asked for, unless another thread does. If the user asks for something
 * else meanwhile, the next reader reads that. Requires vpd.lock, and releases it for a while. */
static void see_to(struct rawpci_sysdev *device)
{
	const uint16_t address = device->vpd.address;
	uint32_t data = 0;
	bool was_read;

	if (!device->vpd.asked || device->vpd.reading)
		return;
	device->vpd.reading = true;
	(void)pthread_mutex_unlock(&device->vpd.lock);
	was_read = read_data(device, address, &data);
	(void)pthread_mutex_lock(&device->vpd.lock);
	device->vpd.reading = false;
	if (!device->vpd.asked || device->vpd.address != address)
		return;
	device->vpd.asked = false;
	if (!was_read)
		return;
	device->vpd.data = data;
	device->vpd.address |= FLAG;
}

uint32_t rawpci_sysdev_vpd_read(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
				uint32_t value)
{
	const uint32_t at = device->vpd.at, ones = UINT32_MAX >> (32 - 8 * width);
	uint32_t address, data;

	if (at == 0 || !rawpci_config_overlaps(offset, width, at + ADDRESS, 6))
		return value;
	(void)pthread_mutex_lock(&device->vpd.lock);
	see_to(device);
	address = device->vpd.address;
	data = device->vpd.data;
	(void)pthread_mutex_unlock(&device->vpd.lock);
	if (offset >= at + DATA)
		return data >> (8 * (offset & 3)) & ones;
	if (offset >= at + ADDRESS)
		return address >> (8 * (offset & 1)) & ones;
	return (value & 0xffff) | address << 16;
}
