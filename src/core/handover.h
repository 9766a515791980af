/* SPDX-License-Identifier: MIT */
/* Sentences about taking a device and giving it back. Private to handover*.c and explain*.c. */
#ifndef RAWPCI_CORE_HANDOVER_H
#define RAWPCI_CORE_HANDOVER_H

#include "os/driver.h"
#include "os/opener.h"

struct rawpci;
struct rawpci_device;

/* "no driver" for "". */
const char *rawpci_or_none(const char *driver);

/* What to do about something that the host would lose. bridge: it is the device itself. */
const char *rawpci_use_remedy(bool bridge);

/* However a directory forbids itself, to the caller it is permission. */
int rawpci_as_permission(int r);

/* Who has the device, as far as it can be seen. */
void rawpci_find_owner(const struct rawpci *ctx, const struct rawpci_address *address,
		       struct rawpci_opener *owner);

/* -EBUSY, with whoever has the device. */
int rawpci_fail_owned(struct rawpci *ctx, const char *name,
		      const struct rawpci_address *address);

/* -ETIMEDOUT; slow: what there was no end of. */
int rawpci_fail_timeout(struct rawpci *ctx, const char *name, const char *slow);

/* Of rawpci_driver_move(): -ETIMEDOUT, after which the kernel is still at it; and any other, as what
 * rawpci_device_open() returns for it. */
int rawpci_fail_slow_move(struct rawpci_device *dev, enum rawpci_driver_step step);
int rawpci_fail_move(struct rawpci_device *dev, const char *wanted, int error);

#endif
