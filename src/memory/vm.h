/* SPDX-License-Identifier: MIT */
/*
 * What others may use of guest memory: VMs, and the address spaces that devices are opened in. The
 * room owns rawpci_vm, ctx->vms (under ctx->lock) and ctx->bare_spaces. vm->lock guards a VM's map
 * of guest memory, and spaces.lock the devices in each space.
 *
 * The files, each of which uses only those before it:
 *   ranges.c coalesce.c                     sets of ranges; ranges that continue each other as one
 *   pieces.c rescue.c                  the kernel mappings of one space
 *   guest.c                             the memory of a VM in all its spaces
 *   announce.c vm.c                     the calls on guest memory, and VMs
 */
#ifndef RAWPCI_MEMORY_VM_H
#define RAWPCI_MEMORY_VM_H

#include "core/device.h"
#include "memory/guest.h"

/* One address space of a VM, and how many open devices are in it. */
struct rawpci_vm_space {
	struct rawpci_guest_space guest;
	void *instance;
	unsigned devices;
	struct rawpci_vm_space *next;
};

struct rawpci_vm {
	struct rawpci *ctx;
	struct rawpci_vm *next;
	unsigned users; /* sessions and devices; under ctx->lock */

	struct rawpci_spaces spaces;

	pthread_mutex_t lock;
	struct rawpci_guest *guest;
	unsigned powered_without_dma; /* devices that are on and whose backend has no DMA */
};

/* -EINVAL: it is no VM of this context. vm may be any pointer. */
int rawpci_vm_hold(struct rawpci *ctx, struct rawpci_vm *vm);
void rawpci_vm_release(struct rawpci_vm *vm);
bool rawpci_vm_known(struct rawpci *ctx, const struct rawpci_vm *vm);

/* Checks the guest's side of a range: size, alignment, wrapping. */
int rawpci_memory_check(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size);

/* Opens the backend's device in a space of its VM (dev->vm), or in a new one. */
int rawpci_vm_space_open(struct rawpci_device *dev, const struct rawpci_registered *with,
			 const struct rawpci_address *address);
void rawpci_vm_space_close(struct rawpci_device *dev);

/* For power-on and power-off: maps the VM's memory for the device, and unmaps it. Attach fails if
 * the VM has memory and the device cannot do DMA. */
int rawpci_vm_attach(struct rawpci_device *dev);
void rawpci_vm_detach(struct rawpci_device *dev);

#endif
