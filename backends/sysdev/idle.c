/* SPDX-License-Identifier: MIT */
/*
 * The kernel must not write back an older COMMAND. The library forbids the kernel to suspend the
 * device while it is open, but another program may allow that again. The kernel then saves COMMAND,
 * and writes it back when it resumes the device (os/idle.h). So the device is resumed before each
 * write of COMMAND.
 *
 * One gap is left. Between two writes the kernel may write back config space as it was when it
 * suspended the device, after the last of them. Bus mastering is then as last written, and what was
 * written to other registers since is lost.
 */
#include "os/idle.h"
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define TRIES 3

static bool may_be_suspended(const struct rawpci_sysdev *device)
{
	return rawpci_idle_may(rawpci_sysdev_root(device->ctx), &device->address);
}

/* False: the kernel may still suspend the device. */
static bool resume(struct rawpci_sysdev *device)
{
	if (!may_be_suspended(device))
		return true;
	if (rawpci_sysdev_write_file(device, RAWPCI_IDLE_FILE, RAWPCI_IDLE_NEVER) == 0)
		return true;
	if (!device->command.told_idle)
		rawpci_backend_log(device->ctx, RAWPCI_LOG_WARNING,
				   "%s: its file " RAWPCI_IDLE_FILE
				   " cannot be written, so the kernel may turn bus mastering on: "
				   "write \"on\" to the file",
				   device->name);
	device->command.told_idle = true;
	return false;
}

/* Bus mastering is off, and the kernel has saved no COMMAND in which it is on. */
static bool is_off(const struct rawpci_sysdev *device)
{
	uint32_t now;

	return !may_be_suspended(device) &&
	       (rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &now) < 0 || now == 0xffff ||
		!(now & RAWPCI_COMMAND_MASTER));
}

int rawpci_sysdev_put_awake(struct rawpci_sysdev *device, uint32_t command)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < TRIES; i++) {
		const bool resumed = resume(device);

		r = rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2, command);
		if (!resumed || (command & RAWPCI_COMMAND_MASTER) || is_off(device))
			break;
	}
	return r;
}
