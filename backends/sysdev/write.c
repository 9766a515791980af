/* SPDX-License-Identifier: MIT */
/* Writes to config space: which go to the device, which to a copy, and which nowhere. */
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define MSI_64BIT 0x0080
#define MSI_MASKS 0x0100
#define MSIX_LENGTH 12
#define VPD_LENGTH 8

/* Interrupt Disable is a copy's. The rest of COMMAND takes the bits that may be written. Requires
 * command_lock. */
static int write_command(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			 uint32_t value)
{
	uint32_t now, then;
	bool was_masked = device->intx_masked;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &now);

	if (r < 0)
		return r;
	then = rawpci_config_merge(now, RAWPCI_CFG_COMMAND, offset, width, value) & 0xffff;
	if (rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND + 1, 1))
		device->intx_masked = then & RAWPCI_COMMAND_INTX_DISABLE;
	then = (then & RAWPCI_SYSDEV_COMMAND) |
	       (now & ~(uint32_t)(RAWPCI_SYSDEV_COMMAND | RAWPCI_COMMAND_INTX_DISABLE));
	/* The kernel's mask stays; one that the user takes away does not come back. */
	if (!was_masked)
		then |= now & RAWPCI_COMMAND_INTX_DISABLE;
	if (offset == RAWPCI_CFG_COMMAND)
		device->master = then & RAWPCI_COMMAND_MASTER;
	return rawpci_sysdev_put_command(device, then);
}

static bool within(uint32_t dword, uint32_t start, uint32_t length)
{
	return start != 0 && dword >= start && dword < start + length;
}

/* Bytes of the MSI capability (PCI Local Bus Specification 3.0, 6.8.1). */
static uint32_t msi_length(const struct rawpci_sysdev *device)
{
	uint32_t flags;

	if (rawpci_sysdev_raw_read(device, device->msi + RAWPCI_MSI_FLAGS, 2, &flags) < 0)
		return 24;
	return (flags & MSI_64BIT ? 14u : 10u) + (flags & MSI_MASKS ? 10u : 0);
}

static bool is_protected(const struct rawpci_sysdev *device, uint32_t dword)
{
	return dword >= 256 || within(dword, device->msix, MSIX_LENGTH) ||
	       (device->msi != 0 && within(dword, device->msi, msi_length(device)));
}

/* Told once: a guest may go on trying. */
static int refuse(struct rawpci_sysdev *device, uint32_t offset, uint32_t value)
{
	if (!device->told)
		rawpci_backend_log(device->ctx, RAWPCI_LOG_DEBUG, "%s: a write of %#x to config "
				   "offset %#x is not let through (backends/sysdev/writable.c); "
				   "further ones are not told", device->name, value, offset);
	device->told = true;
	return 0;
}

/* The reset first: a write that fails has changed nothing. The kernel puts registers back as they
 * were before it. */
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
			device->line = (uint8_t)value;
		return 0;
	}
	if (is_protected(device, dword))
		return refuse(device, offset, value);
	if (within(dword, device->vpd, VPD_LENGTH)) {
		rawpci_sysdev_vpd_write(device, offset, width, value);
		return 0;
	}
	if (rawpci_resets_start(&device->resets, offset, width, value))
		return write_that_resets(device, offset, width, value);
	if (rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND, 2)) {
		(void)pthread_mutex_lock(&device->command_lock);
		r = write_command(device, offset, width, value);
		(void)pthread_mutex_unlock(&device->command_lock);
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

	(void)pthread_mutex_lock(&device->lock);
	r = write_locked(device, offset, width, value);
	(void)pthread_mutex_unlock(&device->lock);
	return r;
}
