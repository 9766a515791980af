/* SPDX-License-Identifier: MIT */
/*
 * Sleep. A device that wakes from D3hot may have lost its config space, unless it says
 * No_Soft_Reset (PCI Power Management 1.2, 5.4.1). Its user cannot restore it; kept.c does. COMMAND
 * may have been written while the device slept: it is read just before the device wakes, and bus
 * mastering becomes what was last written. Bus mastering that is turned off is on at no time.
 */
#include "os/sys.h"
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define GONE 0xffff /* COMMAND of a device that does not answer */

/* Requires command.lock. */
static int settle(struct rawpci_sysdev *device, uint32_t command, bool forgot)
{
	bool waits = device->command.intx_waits;

	device->command.waking = false;
	device->command.intx_waits = false;
	if (!forgot)
		return waits ? rawpci_sysdev_put_intx(device) : 0;
	if (waits)
		command &= ~(uint32_t)RAWPCI_COMMAND_INTX_DISABLE;
	if (!device->command.master)
		command &= ~(uint32_t)RAWPCI_COMMAND_MASTER;
	else if (waits)
		command |= RAWPCI_COMMAND_MASTER;
	return rawpci_sysdev_put_command(device, command);
}

/* Config space answers in D3hot, too, but not on the way to D0. */
static int wake(struct rawpci_sysdev *device, uint32_t control, uint32_t offset, unsigned width,
		uint32_t value)
{
	uint32_t command;
	bool forgot;
	int r, settled;

	(void)pthread_mutex_lock(&device->command.lock);
	r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &command);
	device->command.waking = r == 0;
	(void)pthread_mutex_unlock(&device->command.lock);
	if (r < 0)
		return r;
	r = rawpci_sysdev_raw_write(device, offset, width, value);
	forgot = r == 0 && command != GONE && !(control & RAWPCI_PM_NO_SOFT_RESET);
	if (r == 0)
		rawpci_sys_sleep_ms(RAWPCI_PM_D3HOT_DELAY_MS);
	if (forgot)
		r = rawpci_sysdev_kept_restore(device);
	(void)pthread_mutex_lock(&device->command.lock);
	settled = settle(device, command, forgot && r == 0);
	(void)pthread_mutex_unlock(&device->command.lock);
	return r < 0 ? r : settled;
}

/* Told once, because a guest may go on trying. */
static void stay_awake(struct rawpci_sysdev *device)
{
	if (!device->config.told_awake)
		rawpci_backend_log(device->ctx, RAWPCI_LOG_DEBUG,
				   "%s: not put into D3hot, where "
				   "it would lose registers that cannot be restored",
				   device->name);
	device->config.told_awake = true;
}

int rawpci_sysdev_write_pm(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			   uint32_t value)
{
	uint32_t at = (uint32_t)device->config.pm + RAWPCI_PM_CONTROL, now, then;
	int r = rawpci_sysdev_raw_read(device, at, 2, &now);

	if (r < 0)
		return r;
	then = rawpci_config_merge(now, at, offset, width, value);
	if ((now & RAWPCI_PM_STATE) == RAWPCI_PM_D3HOT && (then & RAWPCI_PM_STATE) == 0)
		return wake(device, now, offset, width, value);
	if ((now & RAWPCI_PM_STATE) == RAWPCI_PM_D3HOT ||
	    (then & RAWPCI_PM_STATE) != RAWPCI_PM_D3HOT)
		return rawpci_sysdev_raw_write(device, offset, width, value);
	if (!(now & RAWPCI_PM_NO_SOFT_RESET) && !rawpci_sysdev_kept_whole(device)) {
		stay_awake(device);
		then = (then & ~(uint32_t)RAWPCI_PM_STATE) | (now & RAWPCI_PM_STATE);
		return rawpci_sysdev_raw_write(device, at, 2, then);
	}
	r = rawpci_sysdev_kept_save(device);
	return r < 0 ? r : rawpci_sysdev_raw_write(device, offset, width, value);
}
