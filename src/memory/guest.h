/* SPDX-License-Identifier: MIT */
/*
 * A VM's map of guest memory, and the kernel mappings made of it for address spaces. Knows backends
 * only as rows of function pointers; takes no lock (the VM's owner does).
 */
#ifndef RAWPCI_MEMORY_GUEST_H
#define RAWPCI_MEMORY_GUEST_H

#include <stdint.h>

#include <rawpci/backend.h>

#include "memory/ranges.h"

struct rawpci;
struct rawpci_guest;

/* One address space of a VM in one backend. Memory of the caller's, who sets the first two and
 * zeroes the rest, which is the guest map's. */
struct rawpci_guest_space {
	const struct rawpci_backend *backend;
	void *space;
	struct rawpci_ranges pieces; /* the kernel mappings made */
	unsigned attached;       /* devices powered on in it; at least 1: mapped */
	struct rawpci_dma_limits limits; /* valid while attached */
	struct rawpci_guest_space *next; /* in the guest map's list */
};

/* @ctx: for messages only (rawpci_backend_fail). */
int rawpci_guest_create(struct rawpci *ctx, struct rawpci_guest **out);

/* Requires: no space attached. */
void rawpci_guest_destroy(struct rawpci_guest *guest);

/* What of the arguments can be judged by itself: size, alignment, wrapping. */
int rawpci_guest_check(const struct rawpci_guest *guest, rawpci_iova_t iova, uintptr_t host,
		       uint64_t size);

/* Adds and takes away guest memory; contract of rawpci_memory_map() and rawpci_memory_unmap(),
 * pointers checked already. All or nothing over all attached spaces. */
int rawpci_guest_map(struct rawpci_guest *guest, rawpci_iova_t iova, void *host, uint64_t size);
int rawpci_guest_unmap(struct rawpci_guest *guest, rawpci_iova_t iova, uint64_t size);

/**
 * A device in the space is being powered on: asks for the space's limits and maps all there is. For
 * the second and further device of a space nothing has to be done but the limits asked again.
 * All or nothing.
 */
int rawpci_guest_attach(struct rawpci_guest *guest, struct rawpci_guest_space *space);

/* A device of it was powered off: with the last one everything is unmapped. Cannot fail; what could
 * not be unmapped is logged. */
void rawpci_guest_detach(struct rawpci_guest *guest, struct rawpci_guest_space *space);

/* The space is going, and with it whatever is still mapped in it. Requires: not attached. */
void rawpci_guest_forget(struct rawpci_guest *guest, struct rawpci_guest_space *space);

/* Counts: bytes announced, runs after coalescing, kernel mappings in all attached spaces. */
void rawpci_guest_stats(const struct rawpci_guest *guest, struct rawpci_memory_stats *out);

#endif
