/* SPDX-License-Identifier: MIT */
/*
 * The rules by which a backend is chosen, for opening and for explaining alike. The choice fails
 * with the error of the first backend, the best one. A host driver can rule a backend out before
 * the backend is asked. Such an error counts only if no backend was asked. The choice goes on after
 * -EOPNOTSUPP and -ENODEV, and ends with any other error: another backend must not take a device
 * that is open elsewhere.
 */
#ifndef RAWPCI_DEVICE_CHOICE_H
#define RAWPCI_DEVICE_CHOICE_H

#include "core/context.h"

/* All flags. */
#define RAWPCI_OPEN_FLAGS ((unsigned)(RAWPCI_OPEN_DETACH_HOST_DRIVER | RAWPCI_OPEN_INSIST))

struct rawpci_device;
struct rawpci_vm;

struct rawpci_choice {
	int error;  /* to report; 0: no backend has failed yet */
	bool tried; /* a backend was asked */
	bool ended; /* no further backend is tried */
};

/* A backend has failed. refused: it was not asked, because the host driver keeps the device. True:
 * this is the failure to report. */
bool rawpci_choice_note(struct rawpci_choice *choice, int error, bool refused);

/* Tries the backends that there are to choose from, and opens the device with the first that can. */
int rawpci_choice_open(struct rawpci_device *dev, struct rawpci_vm *vm, unsigned flags);

#endif
