/* SPDX-License-Identifier: MIT */
/*
 * Private to src/device: what the device decodes, and the COMMAND register. rawpci_config is owned
 * here; config->lock is held by config writes that change what the device decodes.
 */
#ifndef RAWPCI_DEVICE_CONFIG_H
#define RAWPCI_DEVICE_CONFIG_H

#include "core/device.h"
#include "device/maps.h"

struct rawpci_config {
	pthread_mutex_t lock;
	uint32_t command; /* the COMMAND that the user wants, Bus Master included */
	bool may_master;  /* the power state lets Bus Master through to the device */
	bool masters;     /* the last write of COMMAND may have set Bus Master in the device */
	struct rawpci_resets resets;
};

/* The registers that decide about accesses. */
struct rawpci_decode {
	uint32_t command;
	uint32_t control; /* of the power management capability; 0 without one: awake */
};

/*
 * decode.c: all need config->lock.
 */
int rawpci_decode_read(struct rawpci_device *dev, struct rawpci_decode *out);
/* Makes reach.access follow it. */
void rawpci_decode_apply(struct rawpci_device *dev, const struct rawpci_decode *decode);
/* Both together. A device that cannot be read counts as decoding nothing. */
void rawpci_decode_follow(struct rawpci_device *dev);

/*
 * command.c
 */
/* For open: the wanted COMMAND is the one found, without Bus Master. */
int rawpci_command_begin(struct rawpci_device *dev);
/* Clears and sets bits of the wanted COMMAND, writes it, and makes reach.access follow.
 * may_master: from now on Bus Master reaches the device. */
int rawpci_command_change(struct rawpci_device *dev, uint32_t clear, uint32_t set, bool may_master);
/* Its two steps: want notes the value, put writes it to the device. Both need config->lock. */
void rawpci_command_want(struct rawpci_device *dev, uint32_t command, bool may_master);
int rawpci_command_put(struct rawpci_device *dev);
/* A write of the user's that may be to COMMAND: the device gets Bus Master only if the power state lets
 * it through. Needs config->lock. */
int rawpci_command_poke(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value);
/* Bus mastering off. The user's wish for it is dropped even if the write fails. */
int rawpci_command_stop(struct rawpci_device *dev);
/* For a device that is off: turns bus mastering off again if that has failed before. */
int rawpci_command_check_off(struct rawpci_device *dev);

#endif
