/* SPDX-License-Identifier: MIT */
/* Ports: the operations on a device by a table of functions. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"

/* A version word stands at each end of the table. What is between them counts only if both
 * match. */
static int check(PRAWPCIDEVPORT table, struct rawpci_port **port)
{
	if (!table)
		return rawpci_abi_refuse(NULL, -EFAULT, "the port is NULL");
	if (table->u32Version != RAWPCIDEVPORT_VERSION ||
	    table->u32VersionEnd != RAWPCIDEVPORT_VERSION)
		return rawpci_abi_refuse(NULL, -EPROTONOSUPPORT,
					 "the port has versions %#x and "
					 "%#x, this library knows %#x",
					 table->u32Version, table->u32VersionEnd,
					 RAWPCIDEVPORT_VERSION);
	*port = (struct rawpci_port *)table;
	if ((*port)->magic != RAWPCI_PORT_MAGIC)
		return rawpci_abi_refuse(NULL, -EBADMSG, "this is no port of this library");
	return VINF_SUCCESS;
}

/* Into the device behind a port. Returns a status; VINF_SUCCESS: there is a call to leave. */
static int enter(PRAWPCIDEVPORT table, struct rawpci_call *call)
{
	struct rawpci_port *port = NULL;
	uint32_t handle;
	int status = check(table, &port);

	if (status < 0)
		return status;
	handle = atomic_load(&port->handle);
	if (handle != 0 && rawpci_handle_is_open(port->ctx, port->owner, handle) &&
	    rawpci_enter_handle(call, port->ctx, port->owner, handle) == 0)
		return VINF_SUCCESS;
	return rawpci_abi_refuse(port->ctx, -ESHUTDOWN,
				 "the port's device is closed: initialise "
				 "the port first");
}

static int leave(struct rawpci_call *call, int r)
{
	return rawpci_status_from_errno(rawpci_leave(call, r));
}

static int init(PRAWPCIDEVPORT table, uint32_t flags)
{
	struct rawpci_port *port = NULL;
	uint32_t handle;
	int r, status = check(table, &port);

	if (status < 0)
		return status;
	rawpci_call_begin();
	(void)pthread_mutex_lock(&port->lock);
	handle = atomic_load(&port->handle);
	if (flags & ~(uint32_t)PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER)
		r = rawpci_fail(port->ctx, -EBADRQC, "init flags %#x: only %#x is defined", flags,
				PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER);
	else if (handle != 0 && rawpci_handle_is_open(port->ctx, port->owner, handle))
		r = rawpci_fail(port->ctx, -EPROTO, "the port is initialised already");
	else
		r = rawpci_do_open(port->ctx, port->owner, port->vm, &port->address, flags, &handle,
				   NULL);
	if (r == 0)
		atomic_store(&port->handle, handle);
	(void)pthread_mutex_unlock(&port->lock);
	return rawpci_status_from_errno(rawpci_call_end(port->ctx, r));
}

static void leave_session(struct rawpci_port *port)
{
	struct rawpci_port **link;

	(void)pthread_mutex_lock(&port->ports->lock);
	for (link = &port->ports->first; *link; link = &(*link)->next) {
		if (*link == port) {
			*link = port->next;
			break;
		}
	}
	(void)pthread_mutex_unlock(&port->ports->lock);
}

static int close_device(struct rawpci_port *port)
{
	uint32_t handle = atomic_exchange(&port->handle, 0);

	if (handle == 0 || !rawpci_handle_is_open(port->ctx, port->owner, handle))
		return rawpci_fail(port->ctx, -EPROTO, "the port is not initialised");
	return rawpci_do_close(port->ctx, port->owner, handle);
}

static int deinit(PRAWPCIDEVPORT table, uint32_t flags)
{
	struct rawpci_port *port = NULL;
	int status = check(table, &port);

	if (status < 0)
		return status;
	rawpci_call_begin();
	if (flags != 0)
		return rawpci_status_from_errno(
			rawpci_call_end(port->ctx, rawpci_fail(port->ctx, -EBADRQC,
							       "deinit flags "
							       "%#x: none are defined",
							       flags)));
	return rawpci_status_from_errno(rawpci_call_end(port->ctx, close_device(port)));
}

static int destroy(PRAWPCIDEVPORT table)
{
	struct rawpci_port *port = NULL;
	struct rawpci *ctx;
	int status = check(table, &port);

	if (status < 0)
		return status;
	ctx = port->ctx;
	rawpci_call_begin();
	if (atomic_load(&port->handle) != 0)
		(void)close_device(port);
	(void)rawpci_call_end(ctx, 0);
	if (port->ports)
		leave_session(port);
	rawpci_port_free(port);
	return VINF_SUCCESS;
}

static int get_region_info(PRAWPCIDEVPORT table, int32_t region, RTHCPHYS *start, uint64_t *size,
			   bool *present, uint32_t *flags)
{
	struct rawpci_region_info info;
	struct rawpci_call call;
	int r, status = enter(table, &call);

	if (status < 0)
		return status;
	if (!start || !size || !present || !flags)
		r = rawpci_fail(call.ctx, -EFAULT, "pfnGetRegionInfo: an output pointer is NULL");
	else
		r = rawpci_do_region_info(call.dev, (unsigned)region, &info);
	if (r == 0) {
		*start = info.address;
		*size = info.size;
		*present = info.present;
		*flags = info.flags;
	}
	return leave(&call, r);
}

static int map_region(PRAWPCIDEVPORT table, int32_t region, RTHCPHYS start, uint64_t size,
		      int32_t flags, RTR0PTR *base)
{
	struct rawpci_abi_range range = { region, start, size };
	struct rawpci_mapping mapping;
	struct rawpci_call call;
	int r, status = enter(table, &call);

	if (status < 0)
		return status;
	if (!base)
		r = rawpci_fail(call.ctx, -EFAULT, "pfnMapRegion: pRegionBaseR0 is NULL");
	else
		r = rawpci_abi_map(call.dev, &range, (uint32_t)flags, &mapping);
	if (r == 0)
		*base = mapping.base;
	return leave(&call, r);
}

static int unmap_region(PRAWPCIDEVPORT table, int32_t region, RTHCPHYS start, uint64_t size,
			RTR0PTR base)
{
	struct rawpci_abi_range range = { region, start, size };
	struct rawpci_call call;
	int status = enter(table, &call);

	if (status < 0)
		return status;
	return leave(&call, rawpci_abi_unmap(call.dev, &range, base, NULL));
}

static int config_read(PRAWPCIDEVPORT table, uint32_t offset, PCIRAWMEMLOC *value)
{
	struct rawpci_call call;
	int r, status = enter(table, &call);

	if (status < 0)
		return status;
	if (!value)
		r = rawpci_fail(call.ctx, -EFAULT, "pfnPciCfgRead: pValue is NULL");
	else
		r = rawpci_abi_config_read(call.dev, offset, value);
	return leave(&call, r);
}

static int config_write(PRAWPCIDEVPORT table, uint32_t offset, PCIRAWMEMLOC *value)
{
	struct rawpci_call call;
	int r, status = enter(table, &call);

	if (status < 0)
		return status;
	if (!value)
		r = rawpci_fail(call.ctx, -EFAULT, "pfnPciCfgWrite: pValue is NULL");
	else
		r = rawpci_abi_config_write(call.dev, offset, value);
	return leave(&call, r);
}

static int register_irq(PRAWPCIDEVPORT table, PFNRAWPCIISR handler, void *context,
			int32_t *host_irq)
{
	struct rawpci_call call;
	int r, status = enter(table, &call);

	if (status < 0)
		return status;
	if (!handler || !host_irq)
		r = rawpci_fail(call.ctx, -EFAULT, "pfnRegisterIrqHandler: %s is NULL",
				handler ? "piHostIrq" : "the handler");
	else
		r = rawpci_do_irq_attach(call.dev, handler, context, 0);
	if (r > 0)
		*host_irq = r;
	return leave(&call, r);
}

static int unregister_irq(PRAWPCIDEVPORT table, int32_t host_irq)
{
	struct rawpci_port *port;
	struct rawpci_call call;
	uint32_t handle;
	int status = enter(table, &call);

	if (status < 0)
		return status;
	/* The handler may be closing the device, so it is waited for outside the call. */
	(void)leave(&call, 0);
	port = (struct rawpci_port *)table;
	handle = atomic_load(&port->handle);
	return rawpci_status_from_errno(
		rawpci_do_irq_detach(port->ctx, port->owner, handle, host_irq));
}

static int power_state_change(PRAWPCIDEVPORT table, PCIRAWPOWERSTATE state)
{
	struct rawpci_call call;
	int status = enter(table, &call);

	if (status < 0)
		return status;
	return leave(&call, rawpci_do_power(call.dev, (enum rawpci_power)state));
}

static const RAWPCIDEVPORT functions = {
	.u32Version = RAWPCIDEVPORT_VERSION,
	.pfnInit = init,
	.pfnDeinit = deinit,
	.pfnDestroy = destroy,
	.pfnGetRegionInfo = get_region_info,
	.pfnMapRegion = map_region,
	.pfnUnmapRegion = unmap_region,
	.pfnPciCfgRead = config_read,
	.pfnPciCfgWrite = config_write,
	.pfnRegisterIrqHandler = register_irq,
	.pfnUnregisterIrqHandler = unregister_irq,
	.pfnPowerStateChange = power_state_change,
	.u32VersionEnd = RAWPCIDEVPORT_VERSION,
};

int rawpci_port_create(struct rawpci *ctx, PSUPDRVSESSION session, struct rawpci_vm *vm,
		       const struct rawpci_address *address, uint32_t handle,
		       struct rawpci_port **out)
{
	struct rawpci_port *port = calloc(1, sizeof(*port));

	if (!port)
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	port->table = functions;
	port->magic = RAWPCI_PORT_MAGIC;
	port->ctx = ctx;
	port->owner = session ? (const void *)session : port;
	port->ports = session ? &session->ports : NULL;
	port->vm = vm;
	port->address = *address;
	atomic_init(&port->handle, handle);
	(void)pthread_mutex_init(&port->lock, NULL);
	/* A session's port ends with the session, and the session holds the context. */
	if (!session)
		rawpci_context_retain(ctx);
	*out = port;
	return 0;
}

void rawpci_port_free(struct rawpci_port *port)
{
	if (!port->ports) {
		if (port->vm)
			rawpci_vm_release(port->vm);
		rawpci_context_release(port->ctx);
	}
	port->magic = 0;
	port->table.u32Version = 0;
	(void)pthread_mutex_destroy(&port->lock);
	free(port);
}

struct rawpci_device *rawpci_port_device(PRAWPCIDEVPORT table)
{
	struct rawpci_device *dev;
	struct rawpci_call call;

	if (enter(table, &call) < 0)
		return NULL;
	dev = call.dev;
	(void)leave(&call, 0);
	return dev;
}
