/* SPDX-License-Identifier: MIT */
/* COMMAND: who may set which bit, and INTx. */
#include "pci/pci.h"
#include "sysdev/sysdev.h"

/* The whole word is written: QEMU looks at Interrupt Disable only in writes that cover the lower
 * byte, too. The kernel may set the bit between a read and this write, after it has delivered an
 * interrupt. That interrupt then comes again. */
int rawpci_sysdev_put_command(struct rawpci_sysdev *device, uint32_t command)
{
	if (!device->command.intx_open || device->command.intx_masked)
		command |= RAWPCI_COMMAND_INTX_DISABLE;
	return device->driver[0] != '\0'
		       ? rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2, command)
		       : rawpci_sysdev_put_awake(device, command);
}

int rawpci_sysdev_put_intx(struct rawpci_sysdev *device)
{
	uint32_t command;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &command);

	if (r < 0)
		return r;
	command &= ~(uint32_t)RAWPCI_COMMAND_INTX_DISABLE;
	command |= device->command.master ? RAWPCI_COMMAND_MASTER : 0;
	return rawpci_sysdev_put_command(device, command);
}

int rawpci_sysdev_intx(struct rawpci_sysdev *device, bool open)
{
	bool was_open;
	int r = 0;

	/* A reset masks INTx, too; and close must not wait for what is under way. */
	if (!open && (device->late || rawpci_sysdev_is_lost(device)))
		return 0;
	(void)pthread_mutex_lock(&device->command.lock);
	was_open = device->command.intx_open;
	device->command.intx_open = open;
	if (device->command.waking)
		device->command.intx_waits = true;
	else
		r = rawpci_sysdev_put_intx(device);
	if (r < 0)
		device->command.intx_open = was_open;
	(void)pthread_mutex_unlock(&device->command.lock);
	return r;
}

int rawpci_sysdev_write_command(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
				uint32_t value)
{
	uint32_t now, then;
	bool was_masked = device->command.intx_masked;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_COMMAND, 2, &now);

	if (r < 0)
		return r;
	then = rawpci_config_merge(now, RAWPCI_CFG_COMMAND, offset, width, value) & 0xffff;
	if (rawpci_config_overlaps(offset, width, RAWPCI_CFG_COMMAND + 1, 1))
		device->command.intx_masked = then & RAWPCI_COMMAND_INTX_DISABLE;
	then = (then & RAWPCI_SYSDEV_COMMAND) |
	       (now & ~(uint32_t)(RAWPCI_SYSDEV_COMMAND | RAWPCI_COMMAND_INTX_DISABLE));
	/* The kernel's mask stays. A mask that the user takes away does not come back. */
	if (!was_masked)
		then |= now & RAWPCI_COMMAND_INTX_DISABLE;
	if (offset == RAWPCI_CFG_COMMAND)
		device->command.master = then & RAWPCI_COMMAND_MASTER;
	return rawpci_sysdev_put_command(device, then);
}
