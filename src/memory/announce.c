/* SPDX-License-Identifier: MIT */
/* The public calls on guest memory: mapping, unmapping and counting it. */
#include <errno.h>
#include <string.h>

#include "core/call.h"
#include "memory/guest.h"
#include "memory/vm.h"

static int map(struct rawpci_vm *vm, rawpci_iova_t guest, void *host, uint64_t size)
{
	int r;

	(void)pthread_mutex_lock(&vm->lock);
	r = rawpci_guest_check(vm->guest, guest, (uintptr_t)host, size);
	if (r == 0 && vm->powered_without_dma > 0)
		r = rawpci_fail(vm->ctx, -EOPNOTSUPP,
				"a powered-on device of the VM has no DMA "
				"mapping: power it off, or open it with vfio");
	if (r == 0)
		r = rawpci_guest_map(vm->guest, guest, host, size);
	(void)pthread_mutex_unlock(&vm->lock);
	return r;
}

int rawpci_memory_check(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size)
{
	int r;

	(void)pthread_mutex_lock(&vm->lock);
	r = rawpci_guest_check(vm->guest, guest, 0, size);
	(void)pthread_mutex_unlock(&vm->lock);
	return r;
}

int rawpci_memory_map(struct rawpci_vm *vm, rawpci_iova_t guest, void *host, uint64_t size)
{
	rawpci_call_begin();
	if (!vm || !host)
		return rawpci_call_end(vm ? vm->ctx : NULL,
				       rawpci_fail(NULL, -EFAULT, "rawpci_memory_map: %s is NULL",
						   vm ? "host" : "the VM"));
	return rawpci_call_refused(vm->ctx, map(vm, guest, host, size));
}

int rawpci_memory_unmap(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size)
{
	int r;

	rawpci_call_begin();
	if (!vm)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -EFAULT,
							 "rawpci_memory_unmap: the VM is NULL"));
	(void)pthread_mutex_lock(&vm->lock);
	r = rawpci_guest_unmap(vm->guest, guest, size);
	(void)pthread_mutex_unlock(&vm->lock);
	return rawpci_call_refused(vm->ctx, r);
}

int rawpci_memory_stats(struct rawpci_vm *vm, size_t size, struct rawpci_memory_stats *out)
{
	struct rawpci_memory_stats stats;
	int r;

	rawpci_call_begin();
	if (!vm || !out)
		return rawpci_call_end(vm ? vm->ctx : NULL,
				       rawpci_fail(NULL, -EFAULT, "rawpci_memory_stats: %s is NULL",
						   vm ? "out" : "the VM"));
	r = rawpci_check_size(NULL, __func__, "rawpci_memory_stats", size, sizeof(stats));
	if (r < 0)
		return rawpci_call_end(vm->ctx, r);
	(void)pthread_mutex_lock(&vm->lock);
	rawpci_guest_stats(vm->guest, &stats);
	(void)pthread_mutex_unlock(&vm->lock);
	memcpy(out, &stats, size);
	return rawpci_call_end(vm->ctx, 0);
}
