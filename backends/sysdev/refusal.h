/* SPDX-License-Identifier: MIT */
/*
 * Why the kernel refuses a file of the device: one finding, for the diagnosis and for the operation
 * that fails. These functions call no other part of sysdev. They take a context and an address, not
 * an open device.
 *
 * Owns nothing. Lock: none.
 */
#ifndef RAWPCI_SYSDEV_REFUSAL_H
#define RAWPCI_SYSDEV_REFUSAL_H

#include <stdbool.h>
#include <stdio.h>

#include <rawpci/backend.h>

/* Formats into an array; a text that is too long is cut. */
#define RAWPCI_SYSDEV_SAY(array, ...) ((void)snprintf(array, sizeof(array), __VA_ARGS__))

/* An attempt that the kernel has refused. */
struct rawpci_sysdev_attempt {
	const char *doing; /* "writing its config space" */
	const char *file;  /* of the device: "config" */
	int error;         /* negative errno */
};

/* Fails an operation with a finding: its error, and a sentence of cause and remedy. Returns the
 * error. */
int rawpci_sysdev_fail_with(struct rawpci *ctx, const struct rawpci_address *address,
			    const struct rawpci_finding *finding);

/* Is the kernel locked down? It then lets no program write to hardware that no IOMMU stands in
 * front of (Linux security/lockdown, LOCKDOWN_PCI_ACCESS). */
bool rawpci_sysdev_find_lockdown(struct rawpci *ctx, const struct rawpci_address *address,
				 struct rawpci_finding *finding);

/* Says what an attempt met. */
void rawpci_sysdev_set_refusal(struct rawpci *ctx, const struct rawpci_address *address,
			       const struct rawpci_sysdev_attempt *attempt,
			       struct rawpci_finding *finding);

/* Says that the kernel shows this process only the first 64 bytes of config space. */
void rawpci_sysdev_set_short(struct rawpci_finding *finding);

#endif
