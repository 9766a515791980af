/* SPDX-License-Identifier: MIT */
/* Into a device and out again: the life gate around each public call. */
#include "core/call.h"

#include <errno.h>

#include "core/device.h"
#include "core/handle.h"

int rawpci_enter_for(const char *function, struct rawpci_call *call, struct rawpci_device *dev)
{
	rawpci_call_begin();
	if (!dev)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -EFAULT, "%s: the device is NULL",
							 function));
	call->ctx = dev->ctx;
	call->dev = dev;
	call->counter = rawpci_gate_enter(&dev->slot->life);
	rawpci_call_about(&dev->told);
	return 0;
}

int rawpci_enter_handle(struct rawpci_call *call, struct rawpci *ctx, const void *owner,
			uint32_t handle)
{
	struct rawpci_slot *slot = rawpci_slot_of(ctx, handle);

	rawpci_call_begin();
	if (slot) {
		call->counter = rawpci_gate_enter(&slot->life);
		if (rawpci_slot_has(slot, owner, handle)) {
			call->ctx = ctx;
			call->dev = slot->dev;
			rawpci_call_about(&slot->dev->told);
			return 0;
		}
		rawpci_gate_leave(call->counter);
	}
	return rawpci_call_refused(ctx, rawpci_fail_handle(ctx, handle));
}

void rawpci_out(struct rawpci_call *call, int result)
{
	if (result < 0)
		rawpci_call_failed(&call->dev->told, result);
	rawpci_call_about(NULL);
	rawpci_gate_leave(call->counter);
}

int rawpci_leave(struct rawpci_call *call, int result)
{
	/* The call may have found the device gone inside a gate, where pages cannot be covered. */
	if (!(atomic_load(&call->dev->reach.access) & RAWPCI_ACCESS_PRESENT))
		call->dev->reach.lost(call->dev);
	rawpci_out(call, result);
	return rawpci_call_end(call->ctx, result);
}

int rawpci_check_size(struct rawpci *ctx, const char *function, const char *structure, size_t size,
		      size_t most)
{
	if (size == 0)
		return rawpci_fail(ctx, -EINVAL, "%s: size is 0: give sizeof(struct %s)", function,
				   structure);
	if (size <= most)
		return 0;
	return rawpci_fail(ctx, -EINVAL,
			   "%s: size is %zu, but struct %s has %zu bytes here: the library is "
			   "older than the program's headers, so install a newer one",
			   function, size, structure, most);
}
