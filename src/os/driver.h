/* SPDX-License-Identifier: MIT */
/*
 * Moving a device from one kernel driver to another, with driver_override and drivers_probe, never
 * new_id (which binds every identical device).
 */
#ifndef RAWPCI_OS_DRIVER_H
#define RAWPCI_OS_DRIVER_H

#include <rawpci/device.h>

#include "os/sysfs.h"

/* What there was before, and has to be there again. */
struct rawpci_driver_hold {
	bool held;                            /* something was changed */
	char driver[RAWPCI_SYSFS_NAME];       /* "" if none was bound */
	char override[RAWPCI_SYSFS_NAME];     /* "" if none was set */
	char taken_by[RAWPCI_SYSFS_NAME];     /* the driver that was bound instead; "": none */
};

/**
 * Binds the device to driver. "": to none, and none will take it while it is held.
 * @hold: receives what is to be put back; .held is false when it was bound to driver already
 *
 * On failure what was there before is there again. Returns 0 or a negative errno; -ENODEV when the
 * driver is not loaded or did not take the device.
 */
int rawpci_driver_take(const char *root, const struct rawpci_address *address, const char *driver,
		       struct rawpci_driver_hold *hold);

/**
 * Puts back what take found; does nothing when nothing is held. A driver that somebody else bound
 * in the meantime is left alone.
 * Returns 0 or a negative errno; -ENODEV when the former driver does not take the device again.
 */
int rawpci_driver_give_back(const char *root, const struct rawpci_address *address,
			    struct rawpci_driver_hold *hold);

#endif
