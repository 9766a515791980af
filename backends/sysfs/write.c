/* SPDX-License-Identifier: MIT */
/* Writes to config space: which go to the device, which to a copy, and which nowhere. */
#include "pci/pci.h"
#include "sysfs/sysdev.h"

/* PCI Express Base Specification 7.5.3: registers of the capability, and bits of them that a fabric
 * agrees on. */
#define EXPRESS_STATUS 0x0a
#define EXPRESS_CONTROL2 0x28
#define EXPRESS_STATUS2 0x2a
#define EXPRESS_SHARED (0x00e0 | 0x0200) /* payload size, phantom functions */
#define EXPRESS_SHARED2 0x0020           /* ARI forwarding */

#define MSI_64BIT 0x0080
#define MSI_MASKS 0x0100
#define MSIX_LENGTH 12

static int write_command(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			 uint32_t value)
{
	uint32_t status = rawpci_config_merge(0, RAWPCI_CFG_STATUS, offset, width, value);
	uint32_t now, then;
	bool was_masked = device->intx_masked;
	int r = 0;

	if (rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND, 2)) {
		r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &now);
		if (r < 0)
			return r;
		then = rawpci_config_merge(now, RAWPCI_CFG_COMMAND, offset, width, value) & 0xffff;
		if (rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND + 1, 1))
			device->intx_masked = then & RAWPCI_COMMAND_INTX_DISABLE;
		then &= ~(uint32_t)RAWPCI_COMMAND_INTX_DISABLE;
		/* The kernel's mask stays; one that the user takes away does not come back. */
		if (!was_masked)
			then |= now & RAWPCI_COMMAND_INTX_DISABLE;
		if (offset == RAWPCI_CFG_COMMAND)
			device->master = then & RAWPCI_COMMAND_MASTER;
		r = rawpci_sysdev_put_command(device, then);
	}
	/* Bits of STATUS are cleared by writing them as set: zero does nothing. */
	if (r == 0 && (status & 0xffff) != 0 &&
	    rawpci_config_overlaps(offset, width, RAWPCI_CFG_STATUS, 2))
		r = rawpci_sysdev_raw_write(device, RAWPCI_CFG_STATUS, 2, status & 0xffff);
	return r;
}

/* One 16-bit register, of which the bits of keep stay; what falls outside it is not written. */
static int write_part(const struct rawpci_sysdev *device, uint32_t at, uint32_t keep,
		      uint32_t offset, unsigned width, uint32_t value)
{
	uint32_t now, then;
	int r;

	if (!rawpci_config_overlaps(offset, width, at, 2))
		return 0;
	r = rawpci_sysdev_raw_read(device, at, 2, &now);
	if (r < 0)
		return r;
	then = rawpci_config_merge(now, at, offset, width, value) & 0xffff;
	return rawpci_sysdev_raw_write(device, at, 2, (then & ~keep) | (now & keep));
}

/* Like write_part(), of a register whose bits are cleared by writing them as set. */
static int clear_part(const struct rawpci_sysdev *device, uint32_t at, uint32_t offset,
		      unsigned width, uint32_t value)
{
	uint32_t bits = rawpci_config_merge(0, at, offset, width, value) & 0xffff;

	if (!rawpci_config_overlaps(offset, width, at, 2) || bits == 0)
		return 0;
	return rawpci_sysdev_raw_write(device, at, 2, bits);
}

static int write_express(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			 uint32_t value)
{
	uint32_t base = device->express;
	uint32_t control = base + RAWPCI_EXPRESS_DEVICE_CONTROL;
	bool starts_reset = rawpci_config_overlaps(offset, width, control + 1, 1) &&
			    (rawpci_config_merge(0, control, offset, width, value) &
			     RAWPCI_EXPRESS_RESET);
	int r = write_part(device, control, EXPRESS_SHARED | RAWPCI_EXPRESS_RESET, offset, width,
			   value);

	if (r == 0)
		r = clear_part(device, base + EXPRESS_STATUS, offset, width, value);
	if (r == 0 && device->express_length > EXPRESS_CONTROL2)
		r = write_part(device, base + EXPRESS_CONTROL2, EXPRESS_SHARED2, offset, width,
			       value);
	if (r == 0 && device->express_length > EXPRESS_CONTROL2)
		r = clear_part(device, base + EXPRESS_STATUS2, offset, width, value);
	return r == 0 && starts_reset ? rawpci_sysdev_reset(device) : r;
}

static int write_af(struct rawpci_sysdev *device, uint32_t offset, unsigned width, uint32_t value)
{
	uint32_t at = device->af + RAWPCI_AF_CONTROL;

	if (rawpci_config_overlaps(offset, width, at, 1) &&
	    (rawpci_config_merge(0, at, offset, width, value) & RAWPCI_AF_RESET))
		return rawpci_sysdev_reset(device);
	return 0;
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

/* Requires the lock. */
static int write_locked(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			uint32_t value)
{
	uint32_t dword = offset & ~3u, mask;
	uint32_t *copy = rawpci_sysdev_copy_at(device, dword, &mask);

	if (copy) {
		uint32_t then = rawpci_config_merge(*copy, dword, offset, width, value);

		*copy = (*copy & ~mask) | (then & mask);
		return 0;
	}
	if (dword == RAWPCI_CFG_COMMAND)
		return write_command(device, offset, width, value);
	if (dword == RAWPCI_CFG_INTERRUPT_LINE) {
		if (offset == dword)
			device->line = (uint8_t)value;
		return 0;
	}
	if (is_protected(device, dword)) {
		rawpci_backend_log(device->ctx, RAWPCI_LOG_DEBUG, "%s: a write of %#x to config "
				   "offset %#x is not let through", device->name, value, offset);
		return 0;
	}
	if (within(dword, device->express, device->express_length))
		return write_express(device, offset, width, value);
	if (device->af != 0 && dword == (uint32_t)device->af + RAWPCI_AF_CONTROL)
		return write_af(device, offset, width, value);
	if (device->pm != 0 && dword == (uint32_t)device->pm + RAWPCI_PM_CONTROL)
		return rawpci_sysdev_write_pm(device, offset, width, value);
	return rawpci_sysdev_raw_write(device, offset, width, value);
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
