/* SPDX-License-Identifier: MIT */
/*
 * What keeps sysfs and uio from a device. Each obstacle is one function that looks, changes nothing
 * and yields one finding. Probing fails with the first one that blocks; the diagnosis lists all.
 * Calls only what refusal.h offers.
 *
 * Owns nothing. Lock: none.
 */
#ifndef RAWPCI_SYSDEV_OBSTACLES_H
#define RAWPCI_SYSDEV_OBSTACLES_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/backend.h>

/* An obstacle. find() returns true if it is there, and only then writes its finding. */
struct rawpci_sysdev_obstacle {
	bool (*find)(struct rawpci *ctx, const struct rawpci_address *address,
		     struct rawpci_finding *finding);
};

/* obstacles.c: obstacles for the lists of sysfs and uio, in this order. The lockdown comes last
 * (refusal.h). */

/* There is no such device. */
bool rawpci_sysdev_find_absent(struct rawpci *ctx, const struct rawpci_address *address,
			       struct rawpci_finding *finding);

/* This process may not write config space. */
bool rawpci_sysdev_find_unwritable(struct rawpci *ctx, const struct rawpci_address *address,
				   struct rawpci_finding *finding);

/* It is a bridge, or config space cannot be read. */
bool rawpci_sysdev_find_bridge(struct rawpci *ctx, const struct rawpci_address *address,
			       struct rawpci_finding *finding);

/* The kernel hides most of config space from this process. */
bool rawpci_sysdev_find_short(struct rawpci *ctx, const struct rawpci_address *address,
			      struct rawpci_finding *finding);

/* It does not answer. In no list: open looks for it, when the host driver is gone, and the library
 * reports it in the diagnosis. */
bool rawpci_sysdev_find_gone(struct rawpci *ctx, const struct rawpci_address *address,
			     struct rawpci_finding *finding);

/* Fails with the first obstacle of a list, which ends with an entry of NULL. */
int rawpci_sysdev_probe(struct rawpci *ctx, const struct rawpci_address *address,
			const struct rawpci_sysdev_obstacle *obstacles);

/* Reports all obstacles of the list, and what the device can reach. */
int rawpci_sysdev_explain(struct rawpci *ctx, const struct rawpci_address *address,
			  const struct rawpci_sysdev_obstacle *obstacles,
			  struct rawpci_findings *to);

/* protection.c: the device can reach memory of the host once it masters the bus. Never blocks. */
bool rawpci_sysdev_find_unprotected(struct rawpci *ctx, const struct rawpci_address *address,
				    struct rawpci_finding *finding);

#endif
