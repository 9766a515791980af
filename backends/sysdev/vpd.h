/* SPDX-License-Identifier: MIT */
/*
 * Vital product data. Reading may take as long as the kernel waits for the device. The reader waits
 * without a lock. Until then other readers see the VPD flag as not ready. Calls only what files.h
 * offers.
 *
 * Owns: copies of the capability's registers. Lock: vpd.lock, taken alone or inside the lock of
 * config.h.
 */
#ifndef RAWPCI_SYSDEV_VPD_H
#define RAWPCI_SYSDEV_VPD_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct rawpci_sysdev;

struct rawpci_sysdev_vpd {
	uint8_t at; /* the capability; 0: there is none. Does not change */

	pthread_mutex_t lock; /* the following */
	uint16_t address;
	uint32_t data;
	bool asked;   /* the user wants the data at address */
	bool reading; /* a thread reads them now */
};

/* Takes a write to the capability. */
void rawpci_sysdev_vpd_write(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
			     uint32_t value);

/* Puts the copies into a value that was read at offset. */
uint32_t rawpci_sysdev_vpd_read(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
				uint32_t value);

#endif
