/* SPDX-License-Identifier: MIT */
/* Private to src/device: the power state of a device, under dev->lock. */
#ifndef RAWPCI_DEVICE_POWERING_H
#define RAWPCI_DEVICE_POWERING_H

#include <stdbool.h>
#include <stdint.h>

enum rawpci_power_now {
	RAWPCI_NOW_OFF,
	RAWPCI_NOW_ON,
	RAWPCI_NOW_SUSPENDED,
};

#define RAWPCI_HEADER_DWORDS 16

struct rawpci_powering {
	enum rawpci_power_now now;
	bool rearm; /* interrupts are paused for a reset that ran out of time */
	uint32_t saved_header[RAWPCI_HEADER_DWORDS];
	uint32_t saved_control; /* of the power management capability */
};

#endif
