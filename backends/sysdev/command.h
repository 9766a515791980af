/* SPDX-License-Identifier: MIT */
/*
 * COMMAND: bus mastering, decoding and Interrupt Disable. Calls only what files.h offers.
 *
 * Owns: what INTx and bus mastering are to be. Lock: command.lock, taken alone or inside the lock
 * of config.h. Hold it only for short calls: the engine's thread takes it to unmask INTx, and
 * serves other devices, too.
 */
#ifndef RAWPCI_SYSDEV_COMMAND_H
#define RAWPCI_SYSDEV_COMMAND_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct rawpci_sysdev;

#define RAWPCI_SYSDEV_COMMAND 0x01ff /* writable bits of COMMAND, beside Interrupt Disable's copy */

struct rawpci_sysdev_command {
	uint32_t before; /* COMMAND at open. Does not change */

	pthread_mutex_t lock; /* the following, and writes to COMMAND */
	bool intx_masked;     /* copy of Interrupt Disable */
	bool intx_open;       /* the backend lets INTx through */
	bool master;          /* bus mastering as it was last written */
	bool waking;          /* the device wakes up and must not be touched */
	bool intx_waits;      /* INTx has changed meanwhile: COMMAND is written after waking */
	bool told_idle;       /* the log says that the kernel may suspend the device */
};

/* command.c */

/* Writes COMMAND, with Interrupt Disable set where no INTx may come through. Requires
 * command.lock. */
int rawpci_sysdev_put_command(struct rawpci_sysdev *device, uint32_t command);

/* Writes COMMAND with INTx as it was last set. Requires command.lock. */
int rawpci_sysdev_put_intx(struct rawpci_sysdev *device);

/* Lets INTx through, as far as the device's user does, or not. Also turns bus mastering on again if
 * it was last written so and another program turned it off. */
int rawpci_sysdev_intx(struct rawpci_sysdev *device, bool open);

/* A write of the device's user to COMMAND. Requires command.lock. */
int rawpci_sysdev_write_command(struct rawpci_sysdev *device, uint32_t offset, unsigned width,
				uint32_t value);

/* idle.c: writes COMMAND to a device that no driver keeps awake, so that the kernel does not write
 * an older value back. Requires command.lock. */
int rawpci_sysdev_put_awake(struct rawpci_sysdev *device, uint32_t command);

#endif
