/* SPDX-License-Identifier: MIT */
/* RAWPCIVM: a VM of the library behind the ABI's callback. */
#include <errno.h>
#include <stddef.h>

#include <rawpci/memory.h>

#include "abi/abi.h"

static int contig_mem_info(struct RAWPCIVM *data, RTHCPHYS host_start, RTGCPHYS guest_start,
			   uint64_t size, PCIRAWMEMINFOACTION action)
{
	struct rawpci_vm *vm;
	struct rawpci *ctx;
	void *host = NULL;
	int r;

	if (!data || !data->pDriverData)
		return rawpci_abi_refuse(
			NULL, -EFAULT, "%s",
			data ? "pfnContigMemInfo: the VM is not initialised: call pfnInitVm"
			     : "pfnContigMemInfo: the VM is NULL");
	vm = data->pDriverData;
	ctx = vm->ctx;
	if (action == PCIRAW_MEMINFO_UNMAP)
		return rawpci_status_from_errno(rawpci_memory_unmap(vm, guest_start, size));
	if (action != PCIRAW_MEMINFO_MAP)
		return rawpci_abi_refuse(ctx, -EINVAL, "%d is no memory action", (int)action);
	rawpci_call_begin();
	r = rawpci_memory_check(vm, guest_start, size);
	if (r == 0)
		r = rawpci_translate(ctx, host_start, size, &host);
	if (r < 0)
		return rawpci_status_from_errno(rawpci_call_refused(ctx, r));
	return rawpci_status_from_errno(rawpci_memory_map(vm, guest_start, host, size));
}

/* Is it a VM of this context? data may hold anything. */
static bool is_vm(struct rawpci *ctx, const RAWPCIVM *data)
{
	return data->pDriverData && data->pfnContigMemInfo == contig_mem_info &&
	       rawpci_vm_known(ctx, data->pDriverData);
}

int rawpci_abi_vm(struct rawpci *ctx, PRAWPCIVM data, struct rawpci_vm **vm)
{
	int r = 0;

	*vm = NULL;
	if (!data)
		return 0;
	if (data->pfnContigMemInfo != contig_mem_info)
		return rawpci_fail(ctx, -EINVAL, "the VM was not initialised by pfnInitVm");
	r = rawpci_vm_hold(ctx, data->pDriverData);
	if (r == 0)
		*vm = data->pDriverData;
	return r;
}

int rawpci_abi_init_vm(struct rawpci *ctx, PRAWPCIVM data)
{
	struct rawpci_vm *vm;
	int r;

	if (is_vm(ctx, data))
		return rawpci_abi_fail(ctx, -EEXIST, "the VM is initialised already");
	r = rawpci_vm_create(ctx, &vm);
	if (r < 0)
		return rawpci_status_from_errno(r);
	data->pDriverData = vm;
	data->pfnContigMemInfo = contig_mem_info;
	return VINF_SUCCESS;
}

void rawpci_abi_deinit_vm(struct rawpci *ctx, PRAWPCIVM data)
{
	if (!data || !is_vm(ctx, data)) {
		(void)rawpci_abi_fail(ctx, data ? -EINVAL : -EFAULT, "the VM is %s",
				      data ? "none of this context" : "NULL");
		return;
	}
	if (rawpci_vm_destroy(data->pDriverData) < 0)
		return;
	data->pDriverData = NULL;
	data->pfnContigMemInfo = NULL;
}
