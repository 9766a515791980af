/* SPDX-License-Identifier: MIT */
/*
 * What others may use of guest memory: VMs, and the address spaces that devices are opened in. The
 * room owns rawpci_vm (vm->lock: its map of guest memory; vm->spaces.lock: who is in which space)
 * and ctx->vms.
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
	unsigned powered_without_dma; /* devices on that cannot be given memory */
};

/* -EINVAL: it is no VM of this context. Any pointer may come in. */
int rawpci_vm_hold(struct rawpci *ctx, struct rawpci_vm *vm);
void rawpci_vm_release(struct rawpci_vm *vm);
bool rawpci_vm_known(struct rawpci *ctx, const struct rawpci_vm *vm);

/* The guest's side of a range: size, alignment, wrapping. */
int rawpci_memory_check(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size);

/* Opens the backend's device in a space of its VM (dev->vm), or in a new one. */
int rawpci_vm_space_open(struct rawpci_device *dev, const struct rawpci_registered *with,
			 const struct rawpci_address *address);
void rawpci_vm_space_close(struct rawpci_device *dev);

#endif
