/* SPDX-License-Identifier: MIT */
/* Config space as it is written: each write goes to the device, to a copy, or nowhere. */
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define MSI_64BIT 0x0080
#define MSI_MASKS 0x0100
#define MSIX_LENGTH 12
#define VPD_LENGTH 8

static bool within(uint32_t dword, uint32_t start, uint32_t length)
{
	return start != 0 && dword >= start && dword < start + length;
}

/* Bytes of the MSI capability (PCI Local Bus Specification 3.0, 6.8.1). */
static uint32_t msi_length(const struct rawpci_sysdev *device)
{
	uint32_t flags;

	if (rawpci_sysdev_raw_read(device, device->config.msi + RAWPCI_MSI_FLAGS, 2, &flags) < 0)
		return 24;
	return (flags & MSI_64BIT ? 14u : 10u) + (flags & MSI_MASKS ? 10u : 0);
}

static bool is_protected(const struct rawpci_sysdev *device, uint32_t dword)
{
	return dword >= 256 || within(dword, device->config.msix, MSIX_LENGTH) ||
	       (device->config.msi != 0 && within(dword, device->config.msi, msi_length(device)));
}

/* Told once, because a guest may go on trying. */
static int refuse(struct rawpci_sysdev *device, uint32_t offset, uint32_t value)
{
	if (!device->config.told)
		rawpci_backend_log(device->ctx, RAWPCI_LOG_DEBUG,
				   "%s: a write of %#x to config "
				   "offset %#x is dropped",
				   device->name, value, offset);
	device->config.told = true;
	return 0;
}

/* The reset comes first, so that a write that fails has changed nothing. The kernel restores the
 * registers after the reset. */
static int write_that_resets(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			     uint32_t value)
{
	int r = rawpci_sysdev_reset(device);

	if (r == 0)
		r = rawpci_sysdev_write_listed(device, offset, width, value);
	return r < 0 ? r : 0;
}

/* Requires the lock. */
static int write_locked(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			uint32_t value)
{
	uint32_t dword = offset & ~3u, mask;
	uint32_t *copy = rawpci_sysdev_copy_at(device, dword, &mask);
	int r = 0;

	if (copy) {
		uint32_t then = rawpci_config_merge(*copy, dword, offset, width, value);

		*copy = (*copy & ~mask) | (then & mask);
		return 0;
	}
	if (dword == RAWPCI_CFG_INTERRUPT_LINE) {
		if (offset == dword)
			device->config.line = (uint8_t)value;
		return 0;
	}
	if (is_protected(device, dword))
		return refuse(device, offset, value);
	if (within(dword, device->vpd.at, VPD_LENGTH)) {
		rawpci_sysdev_vpd_write(device, offset, width, value);
		return 0;
	}
	if (rawpci_resets_start(&device->config.resets, offset, width, value))
		return write_that_resets(device, offset, width, value);
	if (rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND, 2)) {
		(void)pthread_mutex_lock(&device->command.lock);
		r = rawpci_sysdev_write_command(device, offset, width, value);
		(void)pthread_mutex_unlock(&device->command.lock);
	}
	if (r == 0)
		r = rawpci_sysdev_write_listed(device, offset, width, value);
	if (r == 0 && dword != RAWPCI_CFG_COMMAND)
		return refuse(device, offset, value);
	return r < 0 ? r : 0;
}

int rawpci_sysdev_cfg_write(void *opaque, uint32_t offset, unsigned width, uint32_t value)
{
	struct rawpci_sysdev *device = opaque;
	int r;

	(void)pthread_mutex_lock(&device->config.lock);
	r = write_locked(device, offset, width, value);
	(void)pthread_mutex_unlock(&device->config.lock);
	return r;
}
