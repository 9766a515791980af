/* SPDX-License-Identifier: MIT */
/*
 * Private to src/memory: a VM's map of guest memory, and the kernel mappings made of it for address
 * spaces. Takes no lock: the caller holds the VM's.
 */
#ifndef RAWPCI_MEMORY_GUEST_H
#define RAWPCI_MEMORY_GUEST_H

#include <stdint.h>

#include "memory/pieces.h"

struct rawpci;
struct rawpci_guest;

/* ctx: for messages only. */
int rawpci_guest_create(struct rawpci *ctx, struct rawpci_guest **out);

/* Requires: no space attached. */
void rawpci_guest_destroy(struct rawpci_guest *guest);

/* Checks a range by itself: size, alignment, wrapping. */
int rawpci_guest_check(const struct rawpci_guest *guest, rawpci_iova_t iova, uintptr_t host,
		       uint64_t size);

/* Add and take away guest memory, with the contract of rawpci_memory_map() and
 * rawpci_memory_unmap(); the caller has checked the pointers. All attached spaces change, or
 * none. */
int rawpci_guest_map(struct rawpci_guest *guest, rawpci_iova_t iova, void *host, uint64_t size);
int rawpci_guest_unmap(struct rawpci_guest *guest, rawpci_iova_t iova, uint64_t size);

/* For a device in the space that is being powered on: reads the space's limits, and with the first
 * device maps all guest memory there. All or nothing. */
int rawpci_guest_attach(struct rawpci_guest *guest, struct rawpci_guest_space *space);

/* For a device in the space that was powered off: with the last one everything is unmapped. Cannot
 * fail; memory that the kernel does not unmap is logged. */
void rawpci_guest_detach(struct rawpci_guest *guest, struct rawpci_guest_space *space);

/* For a space that is about to be destroyed, with everything still mapped in it. Requires: not
 * attached. */
void rawpci_guest_forget(struct rawpci_guest *guest, struct rawpci_guest_space *space);

/* Counts: bytes of the VM, runs after coalescing, kernel mappings in all attached spaces. */
void rawpci_guest_stats(const struct rawpci_guest *guest, struct rawpci_memory_stats *out);

#endif
