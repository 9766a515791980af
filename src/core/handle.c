/* SPDX-License-Identifier: MIT */
/* Slots of open devices, and handles to them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rawpci/backend.h>

#include "core/context.h"
#include "core/log.h"
#include "core/handle.h"
#include "pci/pci.h"

#define GENERATIONS 0xffffffu

static struct rawpci_slot *slot_create(struct rawpci *ctx, unsigned index)
{
	struct rawpci_slot *slot = aligned_alloc(64, (sizeof(*slot) + 63) & ~(size_t)63);

	if (!slot)
		return NULL;
	rawpci_gate_init(&slot->life);
	rawpci_gate_init(&slot->memory);
	atomic_init(&slot->handle, 0);
	atomic_init(&slot->owner, NULL);
	slot->dev = NULL;
	slot->taken_for = NULL;
	slot->used = false;
	slot->generation = ctx->first_generation;
	slot->index = index;
	atomic_store(&ctx->slots[index], slot);
	return slot;
}

/* Under ctx->lock. */
static int find_free(struct rawpci *ctx, const struct rawpci_address *address,
		     struct rawpci_slot **out)
{
	struct rawpci_slot *free_slot = NULL;
	unsigned next = 1;

	for (; next <= RAWPCI_SLOTS; next++) {
		struct rawpci_slot *slot = atomic_load(&ctx->slots[next]);

		if (!slot)
			break;
		if (slot->used && rawpci_address_compare(&slot->address, address) == 0)
			return slot->taken_for ? -EALREADY : -EBUSY;
		if (!slot->used && !free_slot)
			free_slot = slot;
	}
	if (!free_slot && next > RAWPCI_SLOTS)
		return -EUSERS;
	if (!free_slot)
		free_slot = slot_create(ctx, next);
	if (!free_slot)
		return -ENOMEM;
	*out = free_slot;
	return 0;
}

int rawpci_slot_reserve(struct rawpci *ctx, const struct rawpci_address *address,
			const char *taken_for, struct rawpci_slot **out)
{
	char text[RAWPCI_ADDRESS_TEXT];
	struct rawpci_slot *slot;
	int r;

	rawpci_address_format(address, text);
	(void)pthread_mutex_lock(&ctx->lock);
	r = find_free(ctx, address, &slot);
	if (r == 0) {
		slot->used = true;
		slot->address = *address;
		slot->taken_for = taken_for;
		ctx->users++;
		*out = slot;
	}
	(void)pthread_mutex_unlock(&ctx->lock);
	if (r == -EBUSY)
		return rawpci_fail(ctx, r,
				   "%s: open already in this context: close it "
				   "first",
				   text);
	if (r == -EALREADY)
		return rawpci_fail(ctx, -EBUSY,
				   "%s: taken already in this context: return it first", text);
	if (r == -EUSERS)
		return rawpci_fail(ctx, r,
				   "%s: %d devices are open, which is the limit of a "
				   "context: use another context",
				   text, RAWPCI_SLOTS);
	if (r < 0)
		return rawpci_fail(ctx, r, "%s: no memory", text);
	return 0;
}

uint32_t rawpci_slot_publish(struct rawpci_slot *slot, struct rawpci_device *dev, const void *owner)
{
	uint32_t handle;

	slot->generation = slot->generation % GENERATIONS + 1;
	handle = slot->generation << 8 | slot->index;
	slot->dev = dev;
	atomic_store(&slot->owner, owner);
	atomic_store(&slot->handle, handle);
	return handle;
}

bool rawpci_slot_revoke(struct rawpci_slot *slot, uint32_t handle)
{
	return handle != 0 && atomic_compare_exchange_strong(&slot->handle, &handle, 0);
}

void rawpci_slot_release(struct rawpci *ctx, struct rawpci_slot *slot)
{
	(void)pthread_mutex_lock(&ctx->lock);
	slot->used = false;
	slot->dev = NULL;
	slot->taken_for = NULL;
	ctx->users--;
	(void)pthread_mutex_unlock(&ctx->lock);
}

bool rawpci_backend_taken(struct rawpci *ctx, const struct rawpci_address *address,
			  char driver[RAWPCI_DRIVER_TEXT])
{
	bool taken = false;

	if (!ctx || !address)
		return false;
	(void)pthread_mutex_lock(&ctx->lock);
	for (unsigned i = 1; i <= RAWPCI_SLOTS && !taken; i++) {
		const struct rawpci_slot *slot = atomic_load(&ctx->slots[i]);

		if (!slot)
			break;
		taken = slot->used && slot->taken_for &&
			rawpci_address_compare(&slot->address, address) == 0;
		if (taken)
			(void)snprintf(driver, RAWPCI_DRIVER_TEXT, "%s", slot->taken_for);
	}
	(void)pthread_mutex_unlock(&ctx->lock);
	return taken;
}

void rawpci_slots_destroy(struct rawpci *ctx)
{
	for (unsigned i = 1; i <= RAWPCI_SLOTS; i++) {
		struct rawpci_slot *slot = atomic_load(&ctx->slots[i]);

		if (!slot)
			break;
		rawpci_gate_finish(&slot->life);
		rawpci_gate_finish(&slot->memory);
		free(slot);
	}
}

int rawpci_fail_handle(struct rawpci *ctx, uint32_t handle)
{
	return rawpci_fail(ctx, -EBADF,
			   "device handle %#x is not open here: stale, unknown, or "
			   "another session's",
			   handle);
}

bool rawpci_handle_is_open(struct rawpci *ctx, const void *owner, uint32_t handle)
{
	struct rawpci_slot *slot = rawpci_slot_of(ctx, handle);

	return slot && rawpci_slot_has(slot, owner, handle);
}
