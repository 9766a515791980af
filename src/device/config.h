/* SPDX-License-Identifier: MIT */
/*
 * Config space, and COMMAND in it, which decides with the power state what may reach the device
 * (config.c, command.c). Owns rawpci_config; its lock is held by writes that change what the device
 * decodes.
 */
#ifndef RAWPCI_DEVICE_CONFIG_H
#define RAWPCI_DEVICE_CONFIG_H

#include "core/device.h"

struct rawpci_config {
	pthread_mutex_t lock;
	uint32_t command; /* what COMMAND is to be; with Bus Master as its user wants it */
	bool may_master;  /* the power state lets Bus Master through to the device */
	bool masters;     /* COMMAND was last written with Bus Master, as far as known */
	struct rawpci_resets resets;
};

/* What decides about accesses: COMMAND and the power management control register. */
struct rawpci_decode {
	uint32_t command;
	uint32_t control; /* 0 without the capability: awake */
};

/* Read it; and let reach.access follow it. Both need config->lock. */
int rawpci_decode_read(struct rawpci_device *dev, struct rawpci_decode *out);
void rawpci_decode_apply(struct rawpci_device *dev, const struct rawpci_decode *decode);
/* Both together. A device that cannot be asked counts as decoding nothing. Needs config->lock. */
void rawpci_decode_follow(struct rawpci_device *dev);

/* No MMIO from now on; returns when none is under way, and none can go past the library. */
void rawpci_access_stop(struct rawpci_device *dev, unsigned bits);

/* For open: COMMAND is to be what it is, without Bus Master. */
int rawpci_command_begin(struct rawpci_device *dev);
/* Sets and clears bits of what COMMAND is to be, writes it, and follows what that means for
 * accesses. may_master: Bus Master reaches the device, from now on. */
int rawpci_command_change(struct rawpci_device *dev, uint32_t clear, uint32_t set, bool may_master);
/* The steps of that; both need config->lock. Want only notes it; put writes it to the device. */
void rawpci_command_want(struct rawpci_device *dev, uint32_t command, bool may_master);
int rawpci_command_put(struct rawpci_device *dev);
/* Bus mastering off. Whether that reaches the device or not, its user's wish goes. */
int rawpci_command_stop(struct rawpci_device *dev);
/* Sees that a device that is off does not master the bus: turning that off may have failed. */
int rawpci_command_check_off(struct rawpci_device *dev);

#endif
