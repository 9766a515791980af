/* SPDX-License-Identifier: MIT */
/*
 * What a device forgets when it wakes from D3hot without No_Soft_Reset (pci/registers.h has the
 * list). The registers get the values that they had at open: a guest cannot write them through
 * here, but a device may let it do so in another way. Bits that a user may write, and Link Control,
 * which the kernel may change at any time, get the values that they had before the sleep.
 */
#include "pci/pci.h"
#include "pci/registers.h"
#include "sysdev/sysdev.h"

#define VC_COUNT 0x04
#define VC_COUNT_EXTENDED 0x7
#define SRIOV_LENGTH 0x40
#define SRIOV_CONTROL 0x08
#define SRIOV_ENABLED 0x1
#define DVSEC_VENDOR 0x04
#define DVSEC_CXL 0x1e98

static int read_raw(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return rawpci_sysdev_raw_read(opaque, offset, width, value);
}

static int keep(void *opaque, const struct rawpci_register *reg)
{
	struct rawpci_sysdev *device = opaque;
	struct rawpci_sysdev_kept *kept = &device->kept;
	int r;

	if (kept->count == RAWPCI_SYSDEV_KEPT) {
		kept->forgets = true;
		return 0;
	}
	kept->registers[kept->count].is = *reg;
	r = rawpci_sysdev_raw_read(device, reg->at, reg->width,
				   &kept->registers[kept->count].value);
	if (r == 0)
		kept->count++;
	return r;
}

/* Some state cannot be restored: tables, several channels, keys, memory that CXL decodes. */
static int judge(void *opaque, uint16_t id, uint16_t at)
{
	struct rawpci_sysdev *device = opaque;
	uint32_t value = 0;
	int r = 0;

	if (id == RAWPCI_EXTENDED_MFVC || id == RAWPCI_EXTENDED_IDE) {
		device->kept.forgets = true;
	} else if (id == RAWPCI_EXTENDED_SRIOV && device->kept.sriov == 0) {
		device->kept.sriov = at;
	} else if (at + 8 > RAWPCI_EXTENDED_END) {
		return 0;
	} else if (id == RAWPCI_EXTENDED_VC || id == RAWPCI_EXTENDED_VC_AND_MFVC) {
		r = rawpci_sysdev_raw_read(device, at + VC_COUNT, 4, &value);
		if (value & VC_COUNT_EXTENDED)
			device->kept.forgets = true;
	} else if (id == RAWPCI_EXTENDED_DVSEC) {
		r = rawpci_sysdev_raw_read(device, at + DVSEC_VENDOR, 2, &value);
		if (value == DVSEC_CXL)
			device->kept.forgets = true;
	}
	return r;
}

int rawpci_sysdev_kept_init(struct rawpci_sysdev *device)
{
	const struct rawpci_config_reader reader = { read_raw, device };
	int r = 0;

	device->kept.count = 0;
	device->kept.forgets = false;
	device->kept.sriov = 0;
	if (device->config.size >= RAWPCI_EXTENDED_END)
		r = rawpci_extended_each(&reader, judge, device);
	if (device->kept.sriov + SRIOV_LENGTH > RAWPCI_EXTENDED_END)
		device->kept.sriov = 0;
	return r < 0 ? r : rawpci_registers_each(&reader, device->config.size, keep, device);
}

int rawpci_sysdev_kept_save(struct rawpci_sysdev *device)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < device->kept.count; i++) {
		struct rawpci_sysdev_kept_register *kept = &device->kept.registers[i];
		uint32_t now;

		if (kept->is.live == 0)
			continue;
		r = rawpci_sysdev_raw_read(device, kept->is.at, kept->is.width, &now);
		if (r == 0)
			kept->value = (kept->value & ~kept->is.live) | (now & kept->is.live);
	}
	return r;
}

/* A BAR changes its size only while the device does not decode. */
static int stop_decoding(const struct rawpci_sysdev *device)
{
	uint32_t command;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &command);

	if (r < 0 || !(command & RAWPCI_COMMAND_MEMORY) || command == 0xffff)
		return r;
	return rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2,
				       command & ~(uint32_t)RAWPCI_COMMAND_MEMORY);
}

int rawpci_sysdev_kept_restore(const struct rawpci_sysdev *device)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < device->kept.count; i++) {
		const struct rawpci_sysdev_kept_register *kept = &device->kept.registers[i];
		uint32_t now, then;

		r = rawpci_sysdev_raw_read(device, kept->is.at, kept->is.width, &now);
		if (r < 0)
			break;
		then = (now & ~kept->is.mask) | (kept->value & kept->is.mask);
		if (then == now)
			continue;
		if (kept->is.resizes)
			r = stop_decoding(device);
		if (r == 0)
			r = rawpci_sysdev_raw_write(device, kept->is.at, kept->is.width, then);
	}
	return r;
}

bool rawpci_sysdev_kept_whole(const struct rawpci_sysdev *device)
{
	uint32_t control = 0;

	if (device->kept.forgets)
		return false;
	return device->kept.sriov == 0 ||
	       (rawpci_sysdev_raw_read(device, device->kept.sriov + SRIOV_CONTROL, 2, &control) ==
			0 &&
		!(control & SRIOV_ENABLED));
}
