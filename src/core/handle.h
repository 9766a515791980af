/* SPDX-License-Identifier: MIT */
/* Slots of open devices, and the handles that name them. ctx->lock guards which device has which
 * slot. */
#ifndef RAWPCI_CORE_HANDLE_H
#define RAWPCI_CORE_HANDLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/enumerate.h>

#include "core/context.h"
#include "core/gate.h"

/* A place for an open device. It is made when first needed and stays until the context goes. So a
 * stale handle always finds a gate, and a number to compare with. */
struct rawpci_slot {
	struct rawpci_gate life;   /* inside: the device stays open */
	struct rawpci_gate memory; /* inside: an MMIO access may be under way */
	_Atomic uint32_t handle;   /* 0: nothing open */
	_Atomic(const void *) owner;
	struct rawpci_device *dev; /* valid inside a gate while handle is not 0 */

	/* Under ctx->lock. */
	bool used;
	uint32_t generation;
	unsigned index;
	struct rawpci_address address;
	const char *taken_for; /* not open: taken, or about to be, for this driver; or NULL */
};

/* taken_for: as in the slot, and to stay valid as long. */
int rawpci_slot_reserve(struct rawpci *ctx, const struct rawpci_address *address,
			const char *taken_for, struct rawpci_slot **out);
uint32_t rawpci_slot_publish(struct rawpci_slot *slot, struct rawpci_device *dev,
			     const void *owner);
static inline struct rawpci_slot *rawpci_slot_of(struct rawpci *ctx, uint32_t handle)
{
	return atomic_load(&ctx->slots[handle & RAWPCI_SLOTS]);
}

/* Is it the slot of that handle, for that owner? Else the handle is stale, unknown, or another owner's.
 * Inside a gate the answer stays true. */
static inline bool rawpci_slot_has(struct rawpci_slot *slot, const void *owner, uint32_t handle)
{
	return atomic_load(&slot->handle) == handle && atomic_load(&slot->owner) == owner;
}

/* Fails with -EBADF for a handle that rawpci_slot_has() denies. */
int rawpci_fail_handle(struct rawpci *ctx, uint32_t handle);
bool rawpci_handle_is_open(struct rawpci *ctx, const void *owner, uint32_t handle);
/* Makes the handle invalid. If several threads try, it is true for one of them. */
bool rawpci_slot_revoke(struct rawpci_slot *slot, uint32_t handle);
void rawpci_slot_release(struct rawpci *ctx, struct rawpci_slot *slot);
void rawpci_slots_destroy(struct rawpci *ctx);

#endif
