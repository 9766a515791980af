/* SPDX-License-Identifier: MIT */
/*
 * Moves a device from one kernel driver to another, with driver_override and drivers_probe. new_id
 * is never used: it binds every identical device.
 *
 * To take a device, call rawpci_driver_look(), write the result to the record, then call
 * rawpci_driver_move(). rawpci_driver_return() undoes the move. If this process is killed, another
 * one reads the record and calls it. It may be called again, wherever a move or a return stopped.
 */
#ifndef RAWPCI_HANDOVER_DRIVER_H
#define RAWPCI_HANDOVER_DRIVER_H

#include <rawpci/device.h>

#include "os/slow.h"
#include "os/sysfs.h"

/* The binding before the device is taken, and while it is. */
struct rawpci_driver_hold {
	bool held;                        /* the binding has to be changed, or was */
	char driver[RAWPCI_SYSFS_NAME];   /* the host driver; "": none was bound */
	char override[RAWPCI_SYSFS_NAME]; /* "": none was set */
	char taken_by[RAWPCI_SYSFS_NAME]; /* the driver that is bound instead; "": none */
};

/**
 * Finds out what has to change to bind the device to driver.
 * @driver: "": the device gets no driver, and none may come
 * @hold: receives the binding to restore; .held is false when nothing has to change
 *
 * Changes nothing. Returns 0 or a negative errno; -ENODEV when there is no such device or driver.
 */
int rawpci_driver_look(const struct rawpci_binding *at, const char *driver,
		       struct rawpci_driver_hold *hold);

/* The steps of a move, in order. */
enum rawpci_driver_step {
	RAWPCI_DRIVER_OVERRIDE,
	RAWPCI_DRIVER_SEEN, /* is the driver still the one that look has found? */
	RAWPCI_DRIVER_UNBIND,
	RAWPCI_DRIVER_PROBE,
};

/**
 * Binds the device to hold->taken_by.
 * @seen: the driver that look has found, and that may be unbound
 * @step: with a failure, the step that failed
 *
 * Returns 0 or a negative errno; -ENODEV when the driver did not take the device; -EBUSY with
 * RAWPCI_DRIVER_SEEN when another driver has been bound, which is left alone. After a failure call
 * return, except after -ETIMEDOUT: the kernel has not finished the step.
 */
int rawpci_driver_move(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold,
		       const char *seen, enum rawpci_driver_step *step);

/* Reads the device's driver_override; "": it has none. */
int rawpci_driver_override(const struct rawpci_binding *at, char driver[RAWPCI_SYSFS_NAME]);

/* Unbinds hold->taken_by if it has the device and is not the host driver. It is the first step of
 * return, for a caller that has something to do before the others. Returns as return does. */
int rawpci_driver_let_go(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold);

/**
 * Restores the former binding. A driver or an override that another program has set in the
 * meantime is left alone.
 * Returns 0 or a negative errno; -ENODEV when the host driver does not take the device again;
 * -ETIMEDOUT when the kernel has not finished a step. After a failure it has to be called again.
 */
int rawpci_driver_return(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold);

#endif
