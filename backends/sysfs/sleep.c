/* SPDX-License-Identifier: MIT */
/*
 * Sleep. A device that wakes from D3hot may have lost its config space (PCI Power Management 1.2,
 * 5.4.1, unless it says No_Soft_Reset), and its user cannot restore it through the copies. COMMAND
 * may have been written while the device slept: it is looked at just before waking up, and bus
 * mastering is what was last written. At no time is it on where it was turned off.
 */
#include "os/sys.h"
#include "pci/pci.h"
#include "sysfs/sysdev.h"

#define NO_SOFT_RESET 0x0008
#define DWORDS 16

/* Of the Express capability: device, link and second device control. */
static const uint8_t express_control[] = { 0x08, 0x10, 0x28 };

static unsigned express_count(const struct rawpci_sysdev *device)
{
	unsigned n = 0;

	while (device->express && n < 3 && express_control[n] < device->express_length)
		n++;
	return n;
}

static int save(struct rawpci_sysdev *device)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < DWORDS; i++)
		r = rawpci_sysdev_raw_read(device, 4 * i, 4, &device->header[i]);
	for (unsigned i = 0; r == 0 && i < express_count(device); i++)
		r = rawpci_sysdev_raw_read(device, device->express + express_control[i], 2,
					   &device->express_control[i]);
	device->saved = r == 0;
	return r;
}

/* From the end, so that COMMAND comes after the BARs it lets loose; its upper half is STATUS, whose
 * bits are cleared by writing them. */
static int restore(struct rawpci_sysdev *device, uint32_t command)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < express_count(device); i++)
		r = rawpci_sysdev_raw_write(device, device->express + express_control[i], 2,
					    device->express_control[i]);
	for (unsigned i = DWORDS; r == 0 && i-- > 0;) {
		uint32_t value = device->header[i], now;

		if (4 * i == RAWPCI_CFG_COMMAND) {
			r = rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2, command);
			continue;
		}
		r = rawpci_sysdev_raw_read(device, 4 * i, 4, &now);
		if (r == 0 && now != value)
			r = rawpci_sysdev_raw_write(device, 4 * i, 4, value);
	}
	return r;
}

/* Config space answers in D3hot, too. */
static int wake(struct rawpci_sysdev *device, uint32_t control, uint32_t offset, unsigned width,
		uint32_t value)
{
	uint32_t command;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &command);

	if (r < 0)
		return r;
	if (!device->master)
		command &= ~(uint32_t)RAWPCI_COMMAND_MASTER;
	r = rawpci_sysdev_raw_write(device, offset, width, value);
	if (r < 0)
		return r;
	rawpci_sys_sleep_ms(RAWPCI_PM_D3HOT_DELAY_MS);
	return (control & NO_SOFT_RESET) || !device->saved ? 0 : restore(device, command);
}

int rawpci_sysdev_write_pm(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t value)
{
	uint32_t at = (uint32_t)device->pm + RAWPCI_PM_CONTROL, now, then;
	int r = rawpci_sysdev_raw_read(device, at, 2, &now);

	if (r < 0)
		return r;
	then = rawpci_config_merge(now, at, offset, width, value);
	if ((now & RAWPCI_PM_STATE) == RAWPCI_PM_D3HOT && (then & RAWPCI_PM_STATE) == 0)
		return wake(device, now, offset, width, value);
	if ((now & RAWPCI_PM_STATE) != RAWPCI_PM_D3HOT &&
	    (then & RAWPCI_PM_STATE) == RAWPCI_PM_D3HOT)
		r = save(device);
	return r < 0 ? r : rawpci_sysdev_raw_write(device, offset, width, value);
}
