/* SPDX-License-Identifier: MIT */
/* VMs: making and ending them, and the address spaces that their devices are opened in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/device.h"
#include "memory/guest.h"
#include "memory/vm.h"

int rawpci_vm_create(struct rawpci *ctx, struct rawpci_vm **out)
{
	struct rawpci_vm *vm;
	int r;

	rawpci_call_begin();
	if (!ctx || !out)
		return rawpci_call_end(ctx,
				       rawpci_fail(ctx, -EFAULT, "rawpci_vm_create: %s is NULL",
						   ctx ? "out" : "the context"));
	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -ENOMEM, "no memory"));
	r = rawpci_guest_create(ctx, &vm->guest);
	if (r < 0) {
		free(vm);
		return rawpci_call_end(ctx, r);
	}
	vm->ctx = ctx;
	(void)pthread_mutex_init(&vm->spaces.lock, NULL);
	(void)pthread_mutex_init(&vm->lock, NULL);
	(void)pthread_mutex_lock(&ctx->lock);
	vm->next = ctx->vms;
	ctx->vms = vm;
	ctx->vm_count++;
	(void)pthread_mutex_unlock(&ctx->lock);
	*out = vm;
	return rawpci_call_end(ctx, 0);
}

/* Takes an unused VM off the context's list. */
static bool unlink_vm(struct rawpci_vm *vm)
{
	struct rawpci *ctx = vm->ctx;
	struct rawpci_vm **link;
	bool unused;

	(void)pthread_mutex_lock(&ctx->lock);
	unused = vm->users == 0;
	for (link = &ctx->vms; unused && *link; link = &(*link)->next) {
		if (*link == vm) {
			*link = vm->next;
			ctx->vm_count--;
			break;
		}
	}
	(void)pthread_mutex_unlock(&ctx->lock);
	return unused;
}

int rawpci_vm_destroy(struct rawpci_vm *vm)
{
	struct rawpci *ctx;

	if (!vm)
		return 0;
	ctx = vm->ctx;
	rawpci_call_begin();
	if (!unlink_vm(vm))
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EBUSY,
							"the VM has sessions or "
							"devices: destroy its sessions and close "
							"its devices first"));
	rawpci_guest_destroy(vm->guest);
	(void)pthread_mutex_destroy(&vm->spaces.lock);
	(void)pthread_mutex_destroy(&vm->lock);
	free(vm);
	return rawpci_call_end(ctx, 0);
}

/* vm may be any pointer, so it is not dereferenced. Under ctx->lock. */
static bool is_listed(const struct rawpci *ctx, const struct rawpci_vm *vm)
{
	const struct rawpci_vm *known;

	for (known = ctx->vms; known && known != vm; known = known->next)
		;
	return known != NULL;
}

bool rawpci_vm_known(struct rawpci *ctx, const struct rawpci_vm *vm)
{
	bool known;

	(void)pthread_mutex_lock(&ctx->lock);
	known = is_listed(ctx, vm);
	(void)pthread_mutex_unlock(&ctx->lock);
	return known;
}

int rawpci_vm_hold(struct rawpci *ctx, struct rawpci_vm *vm)
{
	bool known;

	(void)pthread_mutex_lock(&ctx->lock);
	known = is_listed(ctx, vm);
	if (known)
		vm->users++;
	(void)pthread_mutex_unlock(&ctx->lock);
	return known ? 0 : rawpci_fail(ctx, -EINVAL, "this is no VM of this context");
}

void rawpci_vm_release(struct rawpci_vm *vm)
{
	(void)pthread_mutex_lock(&vm->ctx->lock);
	vm->users--;
	(void)pthread_mutex_unlock(&vm->ctx->lock);
}

static int space_create(struct rawpci *ctx, const struct rawpci_registered *with,
			struct rawpci_vm_space **out)
{
	struct rawpci_vm_space *space = calloc(1, sizeof(*space));
	int r;

	if (!space)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	space->guest.backend = with->backend;
	space->instance = with->instance;
	r = with->backend->space_create(with->instance, &space->guest.space);
	if (r < 0) {
		free(space);
		return r;
	}
	*out = space;
	return 0;
}

static void space_destroy(struct rawpci_vm_space *space)
{
	space->guest.backend->space_destroy(space->guest.space);
	free(space);
}

static int open_in(struct rawpci_device *dev, const struct rawpci_registered *with,
		   const struct rawpci_address *address, void *space)
{
	if (dev->fds)
		return with->backend->open_fds(with->instance, address, dev->fds, space,
					       &dev->handle);
	return with->backend->open(with->instance, address, space, &dev->handle);
}

/* In a space of its own. */
static int open_in_new(struct rawpci_device *dev, const struct rawpci_registered *with,
		       const struct rawpci_address *address)
{
	struct rawpci_vm_space *space = NULL;
	int r = space_create(dev->ctx, with, &space);

	if (r < 0)
		return r;
	r = open_in(dev, with, address, space->guest.space);
	if (r < 0) {
		space_destroy(space);
		return r;
	}
	space->devices = 1;
	dev->space = space;
	space->next = dev->spaces->first;
	dev->spaces->first = space;
	return 0;
}

/* Tries the VM's spaces before a new one, because devices of one group have to share a space. */
static int open_in_any(struct rawpci_device *dev, const struct rawpci_registered *with,
		       const struct rawpci_address *address)
{
	for (struct rawpci_vm_space *space = dev->spaces->first; space; space = space->next) {
		int r;

		if (space->guest.backend != with->backend)
			continue;
		r = open_in(dev, with, address, space->guest.space);
		if (r == -EXDEV)
			continue;
		if (r == 0) {
			space->devices++;
			dev->space = space;
		}
		return r;
	}
	return open_in_new(dev, with, address);
}

int rawpci_vm_space_open(struct rawpci_device *dev, const struct rawpci_registered *with,
			 const struct rawpci_address *address)
{
	int r;

	dev->space = NULL;
	if (!with->backend->space_create)
		return open_in(dev, with, address, NULL);
	/* Devices without a VM share spaces, and nothing is ever mapped there. */
	dev->spaces = dev->vm ? &dev->vm->spaces : &dev->ctx->bare_spaces;
	(void)pthread_mutex_lock(&dev->spaces->lock);
	r = open_in_any(dev, with, address);
	(void)pthread_mutex_unlock(&dev->spaces->lock);
	/* No space of this VM fits, nor a new one: its group is in use by another VM. */
	return r == -EXDEV ? -EBUSY : r;
}

static void leave_space(struct rawpci_device *dev)
{
	struct rawpci_vm_space *space = dev->space;
	struct rawpci_vm_space **link = &dev->spaces->first;

	if (--space->devices > 0)
		return;
	while (*link != space)
		link = &(*link)->next;
	*link = space->next;
	if (dev->vm) {
		(void)pthread_mutex_lock(&dev->vm->lock);
		rawpci_guest_forget(dev->vm->guest, &space->guest);
		(void)pthread_mutex_unlock(&dev->vm->lock);
	}
	space_destroy(space);
}

void rawpci_vm_space_close(struct rawpci_device *dev)
{
	if (!dev->space) {
		dev->backend->close(dev->handle);
		return;
	}
	(void)pthread_mutex_lock(&dev->spaces->lock);
	dev->backend->close(dev->handle);
	leave_space(dev);
	(void)pthread_mutex_unlock(&dev->spaces->lock);
}

int rawpci_vm_attach(struct rawpci_device *dev)
{
	struct rawpci_vm *vm = dev->vm;
	struct rawpci_memory_stats stats;
	int r = 0;

	if (!vm)
		return 0;
	(void)pthread_mutex_lock(&vm->lock);
	if (dev->info.can_dma) {
		r = rawpci_guest_attach(vm->guest, &dev->space->guest);
	} else {
		rawpci_guest_stats(vm->guest, &stats);
		if (stats.bytes > 0)
			r = rawpci_fail(dev->ctx, -EOPNOTSUPP,
					"%s: %s cannot map the VM's guest "
					"memory for DMA: open the device with vfio",
					dev->name, dev->backend->name);
		else
			vm->powered_without_dma++;
	}
	(void)pthread_mutex_unlock(&vm->lock);
	return r;
}

void rawpci_vm_detach(struct rawpci_device *dev)
{
	struct rawpci_vm *vm = dev->vm;

	if (!vm)
		return;
	(void)pthread_mutex_lock(&vm->lock);
	if (dev->info.can_dma)
		rawpci_guest_detach(vm->guest, &dev->space->guest);
	else
		vm->powered_without_dma--;
	(void)pthread_mutex_unlock(&vm->lock);
}
