/* SPDX-License-Identifier: MIT */
/* Config space: the kernel's file, and the copies of what must not change in the device. */
#include <errno.h>
#include <string.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define UNPRIVILEGED 64 /* bytes that the kernel shows without CAP_SYS_ADMIN */

/* PCI Express Base Specification 7.5.3: lengths by the capability's version, 1 and 2. */
#define EXPRESS_FLAGS 2
#define EXPRESS_LENGTH1 0x14
#define EXPRESS_LENGTH2 0x3c

#define ROM_ENABLE 0x1u
#define ROM_ADDRESS 0xfffff800u

int rawpci_sysdev_raw_read(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t *value)
{
	unsigned char bytes[4];
	uint32_t sum = 0;
	int r = rawpci_sys_pread(device->config, bytes, width, offset);

	/* The device was removed: as on the bus, nobody answers. */
	if (r == -ENODEV) {
		*value = UINT32_MAX >> (32 - 8 * width);
		return 0;
	}
	if (r < 0)
		return rawpci_sysdev_fail(device, "reading its config space", "config", r);
	if ((unsigned)r != width && offset >= UNPRIVILEGED)
		return rawpci_backend_fail(device->ctx, -EPERM, "%s: the kernel shows this process "
					   "only %d bytes of its config space: give it "
					   "CAP_SYS_ADMIN", device->name, UNPRIVILEGED);
	if ((unsigned)r != width)
		return rawpci_sysdev_fail(device, "reading its config space", "config", -EIO);
	for (unsigned i = 0; i < width; i++)
		sum |= (uint32_t)bytes[i] << (8 * i);
	*value = sum;
	return 0;
}

int rawpci_sysdev_raw_write(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			    uint32_t value)
{
	unsigned char bytes[4];
	int r;

	for (unsigned i = 0; i < width; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	r = rawpci_sys_pwrite(device->config, bytes, width, offset);
	if (r < 0)
		return rawpci_sysdev_fail(device, "writing its config space", "config", r);
	if ((unsigned)r != width)
		return rawpci_sysdev_fail(device, "writing its config space", "config", -EIO);
	return 0;
}

static int read_raw(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return rawpci_sysdev_raw_read(opaque, offset, width, value);
}

static int find_capabilities(struct rawpci_sysdev *device)
{
	const struct rawpci_config_reader reader = { read_raw, device };
	uint32_t flags = 0;
	int r = rawpci_caps_find(&reader, RAWPCI_CAP_PM, &device->pm);

	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_MSI, &device->msi);
	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_MSIX, &device->msix);
	if (r == 0)
		r = rawpci_resets_find(&reader, &device->resets);
	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_VPD, &device->vpd);
	if (r == 0)
		r = rawpci_caps_find(&reader, RAWPCI_CAP_EXPRESS, &device->express);
	if (r == 0 && device->express)
		r = read_raw(device, device->express + EXPRESS_FLAGS, 2, &flags);
	device->express_length = (flags & 0xf) < 2 ? EXPRESS_LENGTH1 : EXPRESS_LENGTH2;
	return r;
}

/* What of a BAR can be written, and the bits that say what it is. */
static void copy_bar(struct rawpci_sysdev *device, unsigned i, const uint32_t real[6])
{
	const struct rawpci_region_info *info = &device->regions[i].info;
	uint64_t mask = ~(info->size - 1);
	uint32_t kind = info->flags & (RAWPCI_REGION_IO | RAWPCI_REGION_64BIT |
				       RAWPCI_REGION_PREFETCH);

	if (!info->present)
		return;
	device->bar_mask[i] = (uint32_t)mask & (kind & RAWPCI_REGION_IO ? ~0x3u : ~0xfu);
	device->bar[i] = (real[i] & device->bar_mask[i]) | kind;
	if ((kind & RAWPCI_REGION_64BIT) && i < 5) {
		device->bar_mask[i + 1] = (uint32_t)(mask >> 32);
		device->bar[i + 1] = real[i + 1];
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
		r = read_raw(device, RAWPCI_CFG_COMMAND, 2, &device->command);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < 6; i++)
		copy_bar(device, i, real);
	if (rom->present) {
		device->rom_mask = ((uint32_t)~(rom->size - 1) & ROM_ADDRESS) | ROM_ENABLE;
		device->rom = value & device->rom_mask;
	}
	device->line = (uint8_t)line;
	/* Whatever a former user or the kernel has left there is not this user's: VFIO starts so, too
	 * (Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_enable()). */
	device->intx_masked = false;
	/* Nothing turns it on again before core has. */
	device->master = false;
	return 0;
}

int rawpci_sysdev_config_init(struct rawpci_sysdev *device)
{
	unsigned char byte;
	uint32_t last;
	/* Of the first 256 bytes the kernel hides some from whom it does not trust. */
	int r = rawpci_sysdev_raw_read(device, 252, 4, &last);

	if (r < 0)
		return r;
	device->config_size = rawpci_sys_pread(device->config, &byte, 1, 256) == 1 ? 4096 : 256;
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
		*mask = device->rom_mask;
		return &device->rom;
	}
	if (dword < RAWPCI_CFG_BAR0 || i >= 6)
		return NULL;
	*mask = device->bar_mask[i];
	return &device->bar[i];
}

static uint32_t cut(uint32_t dword, uint32_t offset, unsigned width)
{
	return (dword >> (8 * (offset & 3))) & (UINT32_MAX >> (32 - 8 * width));
}

/* A virtual function has no ids of its own there, and reads as all ones as one does that is gone
 * (PCI Express Base Specification 9.3.4.1.1 and .2): the next register tells them apart. */
static int read_ids(const struct rawpci_sysdev *device, uint32_t offset, unsigned width,
		    uint32_t *value)
{
	uint32_t next;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_CLASS_REVISION, 4, &next);

	if (r == 0)
		*value = cut(next == UINT32_MAX ? UINT32_MAX : device->ids, offset, width);
	return r;
}

int rawpci_sysdev_cfg_read(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	struct rawpci_sysdev *device = opaque;
	uint32_t mask, result, bit = RAWPCI_COMMAND_INTX_DISABLE;
	const uint32_t *copy = rawpci_sysdev_copy_at(device, offset & ~3u, &mask);
	int r;

	if (copy) {
		(void)pthread_mutex_lock(&device->lock);
		*value = cut(*copy, offset, width);
		(void)pthread_mutex_unlock(&device->lock);
		return 0;
	}
	if (device->vf && offset < RAWPCI_CFG_COMMAND)
		return read_ids(device, offset, width, value);
	r = rawpci_sysdev_raw_read(device, offset, width, &result);
	if (r < 0)
		return r;
	if (offset == RAWPCI_CFG_INTERRUPT_LINE) {
		(void)pthread_mutex_lock(&device->lock);
		result = (result & ~0xffu) | device->line;
		(void)pthread_mutex_unlock(&device->lock);
	}
	/* A device that is gone reads as all ones, here too. */
	if ((offset & ~3u) == RAWPCI_CFG_COMMAND && result != UINT32_MAX >> (32 - 8 * width)) {
		(void)pthread_mutex_lock(&device->command_lock);
		result = device->intx_masked ? result | cut(bit, offset, width)
					     : result & ~cut(bit, offset, width);
		(void)pthread_mutex_unlock(&device->command_lock);
	}
	*value = rawpci_sysdev_vpd_read(device, offset, width, result);
	return 0;
}

/* The whole word: QEMU looks at Interrupt Disable only in writes that cover the lower byte, too. The
 * kernel may set the bit between a read and this write, having delivered an interrupt: that one
 * comes again then. */
int rawpci_sysdev_put_command(struct rawpci_sysdev *device, uint32_t command)
{
	if (!device->intx_open || device->intx_masked)
		command |= RAWPCI_COMMAND_INTX_DISABLE;
	return device->driver[0] != '\0' ?
	       rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2, command) :
	       rawpci_sysdev_put_awake(device, command);
}

int rawpci_sysdev_put_intx(struct rawpci_sysdev *device)
{
	uint32_t command;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &command);

	if (r < 0)
		return r;
	command &= ~(uint32_t)RAWPCI_COMMAND_INTX_DISABLE;
	command |= device->master ? RAWPCI_COMMAND_MASTER : 0;
	return rawpci_sysdev_put_command(device, command);
}

int rawpci_sysdev_intx(struct rawpci_sysdev *device, bool open)
{
	bool was_open;
	int r = 0;

	/* A reset masks it, too; and at close nothing is to wait for what is under way. */
	if (!open && (device->late || rawpci_sysdev_is_lost(device)))
		return 0;
	(void)pthread_mutex_lock(&device->command_lock);
	was_open = device->intx_open;
	device->intx_open = open;
	if (device->waking)
		device->intx_waits = true;
	else
		r = rawpci_sysdev_put_intx(device);
	if (r < 0)
		device->intx_open = was_open;
	(void)pthread_mutex_unlock(&device->command_lock);
	return r;
}

int rawpci_sysdev_locks_init(struct rawpci_sysdev *device)
{
	pthread_mutex_t *const locks[] = { &device->lock, &device->command_lock, &device->vpd_lock,
					   &device->rom_lock };
	int r = 0;

	for (unsigned i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		r = -pthread_mutex_init(locks[i], NULL);
		while (r < 0 && i-- > 0)
			(void)pthread_mutex_destroy(locks[i]);
		if (r < 0)
			break;
	}
	return r;
}

void rawpci_sysdev_locks_finish(struct rawpci_sysdev *device)
{
	(void)pthread_mutex_destroy(&device->rom_lock);
	(void)pthread_mutex_destroy(&device->vpd_lock);
	(void)pthread_mutex_destroy(&device->command_lock);
	(void)pthread_mutex_destroy(&device->lock);
}
