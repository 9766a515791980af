/* SPDX-License-Identifier: MIT */
/*
 * The COMMAND register. The library keeps the value that the user wants (config->command), because
 * a reset, sleep or another program may change the device's. The device gets Bus Master only while
 * it is on.
 */

#include "core/device.h"
#include "core/log.h"
#include "device/config.h"
#include "pci/pci.h"

void rawpci_command_want(struct rawpci_device *dev, uint32_t command, bool may_master)
{
	dev->config->command = command;
	dev->config->may_master = may_master;
	atomic_store(&dev->reach.shown_master,
		     may_master ? RAWPCI_SHOW_REAL : command & RAWPCI_COMMAND_MASTER);
}

int rawpci_command_poke(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value)
{
	const bool masters = offset == RAWPCI_CFG_COMMAND;
	int r;

	if (masters && !dev->config->may_master)
		value &= ~(uint32_t)RAWPCI_COMMAND_MASTER;
	r = rawpci_config_poke(dev, offset, width, value);
	/* Also by waking up. */
	atomic_fetch_add(&dev->command_writes, 1);
	if (masters)
		dev->config->masters = r < 0 || (value & RAWPCI_COMMAND_MASTER);
	return r;
}

int rawpci_command_put(struct rawpci_device *dev)
{
	uint32_t command = dev->config->command;
	int r;

	if (!dev->config->may_master)
		command &= ~(uint32_t)RAWPCI_COMMAND_MASTER;
	/* A write that fails may still have reached the device. */
	dev->config->masters = true;
	r = dev->backend->cfg_write(dev->handle, RAWPCI_CFG_COMMAND, 2, command);
	atomic_fetch_add(&dev->command_writes, 1);
	if (r == 0)
		dev->config->masters = command & RAWPCI_COMMAND_MASTER;
	return r;
}

/* Requires config->lock. If another program has turned bus mastering off, a backend may turn it on
 * again when that was written last. So the value read from the device is not enough. */
static bool is_put(const struct rawpci_device *dev, uint32_t now)
{
	const struct rawpci_config *config = dev->config;
	const uint32_t master = config->may_master ? config->command & RAWPCI_COMMAND_MASTER : 0;

	return config->masters == (master != 0) &&
	       now == ((config->command & ~(uint32_t)RAWPCI_COMMAND_MASTER) | master);
}

/* Requires config->lock. */
static int change_command(struct rawpci_device *dev, uint32_t clear, uint32_t set, bool may_master)
{
	const uint32_t command = dev->config->command;
	struct rawpci_decode before;
	bool might;
	int r;

	/* Even if a step below fails, Bus Master that should go off is not let through any more. */
	rawpci_command_want(dev, command, dev->config->may_master && may_master);
	might = dev->config->may_master;
	r = rawpci_decode_read(dev, &before);
	if (r < 0)
		return r;
	rawpci_command_want(dev, (command & ~clear) | set, may_master);
	if (is_put(dev, before.command)) {
		rawpci_decode_apply(dev, &before);
		return 0;
	}
	if (!(dev->config->command & RAWPCI_COMMAND_MEMORY))
		rawpci_access_stop(dev, RAWPCI_ACCESS_MEMORY);
	r = rawpci_command_put(dev);
	before.command = dev->config->command;
	if (r == 0) {
		rawpci_decode_apply(dev, &before);
		return 0;
	}
	rawpci_command_want(dev, command, might);
	rawpci_decode_follow(dev);
	return r;
}

int rawpci_command_change(struct rawpci_device *dev, uint32_t clear, uint32_t set, bool may_master)
{
	int r;

	(void)pthread_mutex_lock(&dev->config->lock);
	r = change_command(dev, clear, set, may_master);
	(void)pthread_mutex_unlock(&dev->config->lock);
	return r;
}

int rawpci_command_stop(struct rawpci_device *dev)
{
	int r = rawpci_command_change(dev, RAWPCI_COMMAND_MASTER, 0, false);

	(void)pthread_mutex_lock(&dev->config->lock);
	rawpci_command_want(dev, dev->config->command & ~(uint32_t)RAWPCI_COMMAND_MASTER, false);
	(void)pthread_mutex_unlock(&dev->config->lock);
	return r;
}

int rawpci_command_check_off(struct rawpci_device *dev)
{
	struct rawpci_decode now;
	int r;

	(void)pthread_mutex_lock(&dev->config->lock);
	r = rawpci_decode_read(dev, &now);
	if (r == 0 && (dev->config->masters || (now.command & RAWPCI_COMMAND_MASTER)))
		r = rawpci_command_put(dev);
	(void)pthread_mutex_unlock(&dev->config->lock);
	return r;
}

int rawpci_command_begin(struct rawpci_device *dev)
{
	struct rawpci_decode found;
	int r = rawpci_decode_read(dev, &found);

	if (r < 0)
		return r;
	rawpci_command_want(dev, found.command, false);
	dev->config->masters = found.command & RAWPCI_COMMAND_MASTER;
	return rawpci_command_change(dev, RAWPCI_COMMAND_MASTER, 0, false);
}
