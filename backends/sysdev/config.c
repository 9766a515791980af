/* SPDX-License-Identifier: MIT */
/* Config space as it is read: the kernel's file, and the copies of what must not change in the
 * device. */
#include <errno.h>
#include <string.h>

#include "os/sys.h"
#include "sysdev/sysdev.h"

#define ROM_ENABLE 0x1u
#define ROM_ADDRESS 0xfffff800u

static int read_raw(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return rawpci_sysdev_raw_read(opaque, offset, width, value);
}

static int find_capabilities(struct rawpci_sysdev *device)
{
	const struct rawpci_config_reader reader = { read_raw, device };
	struct rawpci_sysdev_config *config = &device->config;
	int r = rawpci_caps_find(&reader, RAWPCI_CAP_PM, &config->pm);

	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_MSI, &config->msi);
	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_MSIX, &config->msix);
	if (r == 0)
		r = rawpci_resets_find(&reader, &config->resets);
	return r < 0 ? r : rawpci_caps_find(&reader, RAWPCI_CAP_VPD, &device->vpd.at);
}

/* The bits of a BAR that can be written, and those that say what it is. */
static void copy_bar(struct rawpci_sysdev *device, unsigned i, const uint32_t real[6])
{
	const struct rawpci_region_info *info = &device->regions[i].info;
	struct rawpci_sysdev_config *config = &device->config;
	uint64_t mask = ~(info->size - 1);
	uint32_t kind = info->flags &
			(RAWPCI_REGION_IO | RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH);

	if (!info->present)
		return;
	config->bar_mask[i] = (uint32_t)mask & (kind & RAWPCI_REGION_IO ? ~0x3u : ~0xfu);
	config->bar[i] = (real[i] & config->bar_mask[i]) | kind;
	if ((kind & RAWPCI_REGION_64BIT) && i < 5) {
		config->bar_mask[i + 1] = (uint32_t)(mask >> 32);
		config->bar[i + 1] = real[i + 1];
	}
}

static int copy_registers(struct rawpci_sysdev *device)
{
	const struct rawpci_region_info *rom = &device->regions[RAWPCI_REGION_ROM].info;
	uint32_t real[6] = { 0 }, value = 0, line = 0;
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 6; i++)
		r = read_raw(device, RAWPCI_CFG_BAR0 + 4 * i, 4, &real[i]);
	if (r == 0)
		r = read_raw(device, RAWPCI_CFG_ROM, 4, &value);
	if (r == 0)
		r = read_raw(device, RAWPCI_CFG_INTERRUPT_LINE, 1, &line);
	if (r == 0)
		r = read_raw(device, RAWPCI_CFG_COMMAND, 2, &device->command.before);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < 6; i++)
		copy_bar(device, i, real);
	if (rom->present) {
		device->config.rom_mask = ((uint32_t) ~(rom->size - 1) & ROM_ADDRESS) | ROM_ENABLE;
		device->config.rom = value & device->config.rom_mask;
	}
	device->config.line = (uint8_t)line;
	/* A former user or the kernel may have set Interrupt Disable. VFIO starts without it, too
	 * (Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_enable()). */
	device->command.intx_masked = false;
	/* Only the library turns bus mastering on. */
	device->command.master = false;
	return 0;
}

int rawpci_sysdev_config_init(struct rawpci_sysdev *device)
{
	unsigned char byte;
	uint32_t last;
	/* The kernel may hide the end of the first 256 bytes from this process. */
	int r = rawpci_sysdev_raw_read(device, 252, 4, &last);

	if (r < 0)
		return r;
	device->config.size = rawpci_sys_pread(device->fd, &byte, 1, 256) == 1 ? 4096 : 256;
	r = find_capabilities(device);
	if (r == 0)
		r = rawpci_sysdev_writable_init(device);
	if (r == 0)
		r = rawpci_sysdev_kept_init(device);
	return r < 0 ? r : copy_registers(device);
}

uint32_t *rawpci_sysdev_copy_at(struct rawpci_sysdev *device, uint32_t dword, uint32_t *mask)
{
	unsigned i = (dword - RAWPCI_CFG_BAR0) / 4;

	if (dword == RAWPCI_CFG_ROM) {
		*mask = device->config.rom_mask;
		return &device->config.rom;
	}
	if (dword < RAWPCI_CFG_BAR0 || i >= 6)
		return NULL;
	*mask = device->config.bar_mask[i];
	return &device->config.bar[i];
}

static uint32_t cut(uint32_t dword, uint32_t offset, unsigned width)
{
	return (dword >> (8 * (offset & 3))) & (UINT32_MAX >> (32 - 8 * width));
}

/* A virtual function has no ids in its config space: they read as all ones, as those of a device
 * that is gone (PCI Express Base Specification 9.3.4.1.1 and .2). The next register tells the two
 * apart. */
static int read_ids(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
		    uint32_t *value)
{
	uint32_t next;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_CLASS_REVISION, 4, &next);

	if (r == 0)
		*value = cut(next == UINT32_MAX ? UINT32_MAX : device->config.ids, offset, width);
	return r;
}

/* The copy of a device that is gone reads as all ones, too. */
static int read_copy(struct rawpci_sysdev *device, const uint32_t *copy, uint32_t offset,
		     unsigned width, uint32_t *value)
{
	uint32_t class_revision;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_CLASS_REVISION, 4, &class_revision);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&device->config.lock);
	*value = cut(class_revision == UINT32_MAX ? UINT32_MAX : *copy, offset, width);
	(void)pthread_mutex_unlock(&device->config.lock);
	return 0;
}

int rawpci_sysdev_cfg_read(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	struct rawpci_sysdev *device = opaque;
	uint32_t mask, result, bit = RAWPCI_COMMAND_INTX_DISABLE;
	const uint32_t *copy = rawpci_sysdev_copy_at(device, offset & ~3u, &mask);
	int r;

	if (copy)
		return read_copy(device, copy, offset, width, value);
	if (device->vf && offset < RAWPCI_CFG_COMMAND)
		return read_ids(device, offset, width, value);
	r = rawpci_sysdev_raw_read(device, offset, width, &result);
	if (r < 0)
		return r;
	if (offset == RAWPCI_CFG_INTERRUPT_LINE) {
		(void)pthread_mutex_lock(&device->config.lock);
		result = (result & ~0xffu) | device->config.line;
		(void)pthread_mutex_unlock(&device->config.lock);
	}
	/* A device that is gone reads as all ones, here too. */
	if ((offset & ~3u) == RAWPCI_CFG_COMMAND && result != UINT32_MAX >> (32 - 8 * width)) {
		(void)pthread_mutex_lock(&device->command.lock);
		result = device->command.intx_masked ? result | cut(bit, offset, width)
						     : result & ~cut(bit, offset, width);
		(void)pthread_mutex_unlock(&device->command.lock);
	}
	*value = rawpci_sysdev_vpd_read(device, offset, width, result);
	return 0;
}
