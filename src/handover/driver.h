/* SPDX-License-Identifier: MIT */
/*
 * Moving a device from one kernel driver to another, with driver_override and drivers_probe, never
 * new_id (which binds every identical device).
 *
 * Taking a device is look, then move; in between the caller writes down what look has found, so
 * that give_back can be called with it by another process if this one is killed. give_back may be
 * called again after it, or move, stopped anywhere.
 */
#ifndef RAWPCI_HANDOVER_DRIVER_H
#define RAWPCI_HANDOVER_DRIVER_H

#include <rawpci/device.h>

#include "os/slow.h"
#include "os/sysfs.h"

/* What there was before, and has to be there again. */
struct rawpci_driver_hold {
	bool held;                            /* something has to be changed, or was */
	char driver[RAWPCI_SYSFS_NAME];       /* "" if none was bound */
	char override[RAWPCI_SYSFS_NAME];     /* "" if none was set */
	char taken_by[RAWPCI_SYSFS_NAME];     /* the driver that is bound instead; "": none */
};

/**
 * Finds out what binding the device to driver takes.
 * @driver: "": no driver is to be bound, nor any to come
 * @hold: receives what is to be put back; .held is false when nothing has to be changed
 *
 * Changes nothing. Returns 0 or a negative errno; -ENODEV when there is no such device or driver.
 */
int rawpci_driver_look(const struct rawpci_binding *at, const char *driver,
		       struct rawpci_driver_hold *hold);

/* What is done to a device one after the other. */
enum rawpci_driver_step {
	RAWPCI_DRIVER_OVERRIDE,
	RAWPCI_DRIVER_SEEN, /* is it still the driver that look has found? */
	RAWPCI_DRIVER_UNBIND,
	RAWPCI_DRIVER_PROBE,
};

/**
 * Binds the device to hold->taken_by.
 * @seen: the driver that look has found, which may be unbound
 * @step: with a failure, what failed
 *
 * Returns 0 or a negative errno; -ENODEV when the driver did not take the device; -EBUSY with
 * RAWPCI_DRIVER_SEEN when another driver has come, which is left alone. After a failure give_back is
 * due, except after -ETIMEDOUT, when the kernel is still at it.
 */
int rawpci_driver_move(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold,
		       const char *seen, enum rawpci_driver_step *step);

/* The device's driver_override; "": it has none. */
int rawpci_driver_override(const struct rawpci_binding *at, char driver[RAWPCI_SYSFS_NAME]);

/* Unbinds hold->taken_by where it has the device and is not the former driver: the first step of
 * give_back, for who has to do something between it and the others. Returns as give_back. */
int rawpci_driver_let_go(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold);

/**
 * Puts back what there was. A driver or an override that somebody else has set in the meantime is
 * left alone.
 * Returns 0 or a negative errno; -ENODEV when the former driver does not take the device again;
 * -ETIMEDOUT when the kernel is still at it. After a failure it is to be called again.
 */
int rawpci_driver_return(const struct rawpci_binding *at,
			    const struct rawpci_driver_hold *hold);

#endif
