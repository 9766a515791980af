/* SPDX-License-Identifier: MIT */
/*
 * Requests. The checks go from the outside in: pointer, header, session, operation, handle,
 * arguments. The table of operations does not compile if an operation lacks its row.
 */
#include <errno.h>
#include <stddef.h>

#include "abi/abi.h"
#include "device/mmio.h"
#include "pci/pci.h"

#define OPERATIONS (PCIRAWR0_DO_POWER_STATE_CHANGE + 1)

static int open_device(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	PCIRAWREQOPENDEVICE *open = &request->u.aOpenDevice;
	struct rawpci_address address = rawpci_address_from_abi(open->PciAddress);
	uint32_t handle;
	int r;

	rawpci_call_begin();
	if (open->fFlags & ~(uint32_t)PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER)
		r = rawpci_fail(session->ctx, -EBADRQC,
				"open flags %#x: only %#x, to detach the "
				"host driver, is defined",
				open->fFlags, PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER);
	else
		r = rawpci_do_open(session->ctx, session, session->vm, &address, open->fFlags,
				   &handle, NULL);
	if (r == 0)
		open->Device = handle;
	return rawpci_status_from_errno(rawpci_call_end(session->ctx, r));
}

static int close_device(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	uint32_t handle = request->TargetDevice;
	struct rawpci_call call;
	int r;

	/* The contract has the handle checked before the flags. */
	r = rawpci_enter_handle(&call, session->ctx, session, handle);
	if (r < 0)
		return rawpci_status_from_errno(r);
	if (request->u.aCloseDevice.fFlags != 0)
		return rawpci_status_from_errno(
			rawpci_leave(&call, rawpci_fail(session->ctx, -EBADRQC,
							"close flags %#x: "
							"none are defined",
							request->u.aCloseDevice.fFlags)));
	(void)rawpci_leave(&call, 0);
	rawpci_call_begin();
	r = rawpci_call_end(session->ctx, rawpci_do_close(session->ctx, session, handle));
	return rawpci_status_from_errno(r);
}

static int get_region_info(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	PCIRAWREQGETREGIONINFO *get = &request->u.aGetRegionInfo;
	struct rawpci_region_info info;
	int r = rawpci_do_region_info(dev, (unsigned)get->iRegion, &info);

	if (r < 0)
		return r;
	get->RegionStart = info.address;
	get->u64RegionSize = info.size;
	get->fPresent = info.present;
	get->fFlags = info.flags;
	return 0;
}

static int map_region(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	PCIRAWREQMAPREGION *map = &request->u.aMapRegion;
	struct rawpci_abi_range range = { map->iRegion, map->StartAddress, map->iRegionSize };
	struct rawpci_mapping mapping;
	int r = rawpci_abi_map(dev, &range, map->fFlags, &mapping);

	if (r < 0)
		return r;
	map->pvAddressR3 = mapping.cpu;
	map->pvAddressR0 = mapping.base;
	return 0;
}

static int unmap_region(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	const PCIRAWREQUNMAPREGION *unmap = &request->u.aUnmapRegion;
	struct rawpci_abi_range range = { unmap->iRegion, unmap->StartAddress, unmap->iRegionSize };

	return rawpci_abi_unmap(dev, &range, unmap->pvAddressR0, &unmap->pvAddressR3);
}

/* Finds the device's I/O region with the ports, so that no other port of the host can be
 * accessed. */
static int find_ports(struct rawpci_device *dev, uint16_t port, uint16_t width, unsigned *region,
		      uint64_t *offset)
{
	struct rawpci_region_info info;

	if (width != 1 && width != 2 && width != 4)
		return rawpci_fail(NULL, -EINVAL,
				   "%s: a port access of %u bytes: use 1, 2 or "
				   "4",
				   dev->name, width);
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		int r = rawpci_do_region_info(dev, i, &info);

		if (r < 0)
			return r;
		if (!info.present || !(info.flags & RAWPCI_REGION_IO) || port < info.address ||
		    info.size < width || port - info.address > info.size - width)
			continue;
		*region = i;
		*offset = port - info.address;
		return 0;
	}
	return rawpci_fail(NULL, -ERANGE,
			   "%s: ports %#x to %#x are not inside one of its I/O "
			   "regions",
			   dev->name, port, (unsigned)port + width - 1);
}

static int pio_write(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	const PCIRAWREQPIOWRITE *pio = &request->u.aPioWrite;
	unsigned region;
	uint64_t offset;
	int r = find_ports(dev, pio->iPort, pio->cb, &region, &offset);

	if (r < 0)
		return r;
	return rawpci_do_region_write(dev, region, offset, pio->cb, pio->iValue);
}

static int pio_read(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	PCIRAWREQPIOREAD *pio = &request->u.aPioRead;
	unsigned region;
	uint64_t offset, value;
	int r = find_ports(dev, pio->iPort, pio->cb, &region, &offset);

	if (r == 0)
		r = rawpci_do_region_read(dev, region, offset, pio->cb, &value);
	if (r == 0)
		pio->iValue = (uint32_t)value;
	return r;
}

static inline struct rawpci_target target(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	return rawpci_target_of_handle(session->ctx, session, request->TargetDevice);
}

static __attribute__((noinline, cold)) int mmio_write_long(PSUPDRVSESSION session,
							   PPCIRAWSENDREQ request)
{
	const PCIRAWREQMMIOWRITE *mmio = &request->u.aMmioWrite;

	return rawpci_status_from_errno(
		rawpci_do_mmio_write(session->ctx, session, request->TargetDevice, mmio->Address,
				     mmio->Value.cb, rawpci_abi_value(&mmio->Value)));
}

static int mmio_write(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	const PCIRAWREQMMIOWRITE *mmio = &request->u.aMmioWrite;

	if (RAWPCI_LIKELY(rawpci_short_write(target(session, request), (uintptr_t)mmio->Address,
					     mmio->Value.cb,
					     rawpci_abi_value(&mmio->Value)) == RAWPCI_DONE))
		return VINF_SUCCESS;
	return mmio_write_long(session, request);
}

static __attribute__((noinline, cold)) int
mmio_read_long(PSUPDRVSESSION session, PPCIRAWSENDREQ request, enum rawpci_progress progress)
{
	PCIRAWREQMMIOREAD *mmio = &request->u.aMmioRead;
	int r;

	if (progress == RAWPCI_IN_DOUBT)
		r = rawpci_do_mmio_doubt(session->ctx, session, request->TargetDevice,
					 mmio->Value.cb, &mmio->Value.u.u64);
	else
		r = rawpci_do_mmio_read(session->ctx, session, request->TargetDevice, mmio->Address,
					mmio->Value.cb, &mmio->Value.u.u64);
	return rawpci_status_from_errno(r);
}

static int mmio_read(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	PCIRAWREQMMIOREAD *mmio = &request->u.aMmioRead;
	enum rawpci_progress progress;
	uint64_t value = 0;

	progress = rawpci_short_read(target(session, request), (uintptr_t)mmio->Address,
				     mmio->Value.cb, &value);
	if (RAWPCI_LIKELY(progress == RAWPCI_DONE)) {
		mmio->Value.u.u64 = value;
		return VINF_SUCCESS;
	}
	return mmio_read_long(session, request, progress);
}

static int config_write(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	return rawpci_abi_config_write(dev, request->u.aPciCfgWrite.iOffset,
				       &request->u.aPciCfgWrite.Value);
}

static int config_read(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	return rawpci_abi_config_read(dev, request->u.aPciCfgRead.iOffset,
				      &request->u.aPciCfgRead.Value);
}

static int register_irq(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	PCIRAWREQREGISTERR0IRQHANDLER *irq = &request->u.aRegisterR0IrqHandler;
	/* ISO C has no cast from an object pointer to a function pointer. */
	union {
		RTR0PTR object;
		PFNRAWPCIISR function;
	} handler = { .object = irq->pfnHandler };
	int r;

	if (!irq->pfnHandler)
		return rawpci_fail(NULL, -EFAULT, "the interrupt handler is NULL");
	r = rawpci_do_irq_attach(dev, handler.function, irq->pfnHandlerContext, irq->iGuestIrq);
	if (r < 0)
		return r;
	irq->iHostIrq = r;
	return 0;
}

static int unregister_irq(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	return rawpci_status_from_errno(
		rawpci_do_irq_detach(session->ctx, session, request->TargetDevice,
				     request->u.aUnregisterR0IrqHandler.iHostIrq));
}

static int power_state_change(struct rawpci_device *dev, PPCIRAWSENDREQ request)
{
	return rawpci_do_power(dev, (enum rawpci_power)request->u.aPowerStateChange.iState);
}

/* An operation on an open device, inside a call on it. The operation returns errno values. */
static int on_device(PSUPDRVSESSION session, PPCIRAWSENDREQ request,
		     int (*operation)(struct rawpci_device *dev, PPCIRAWSENDREQ request))
{
	struct rawpci_call call;
	int r = rawpci_enter_handle(&call, session->ctx, session, request->TargetDevice);

	if (r == 0)
		r = rawpci_leave(&call, operation(call.dev, request));
	return rawpci_status_from_errno(r);
}

#define ON_DEVICE(operation)                                                                       \
	static int operation##_door(PSUPDRVSESSION session, PPCIRAWSENDREQ request)                \
	{                                                                                          \
		return on_device(session, request, operation);                                     \
	}

ON_DEVICE(get_region_info)
ON_DEVICE(map_region)
ON_DEVICE(unmap_region)
ON_DEVICE(pio_write)
ON_DEVICE(pio_read)
ON_DEVICE(config_write)
ON_DEVICE(config_read)
ON_DEVICE(register_irq)
ON_DEVICE(power_state_change)

/* Status codes. */
static int (*const operations[])(PSUPDRVSESSION session, PPCIRAWSENDREQ request) = {
	[PCIRAWR0_DO_OPEN_DEVICE] = open_device,
	[PCIRAWR0_DO_CLOSE_DEVICE] = close_device,
	[PCIRAWR0_DO_GET_REGION_INFO] = get_region_info_door,
	[PCIRAWR0_DO_MAP_REGION] = map_region_door,
	[PCIRAWR0_DO_UNMAP_REGION] = unmap_region_door,
	[PCIRAWR0_DO_PIO_WRITE] = pio_write_door,
	[PCIRAWR0_DO_PIO_READ] = pio_read_door,
	[PCIRAWR0_DO_MMIO_WRITE] = mmio_write,
	[PCIRAWR0_DO_MMIO_READ] = mmio_read,
	[PCIRAWR0_DO_PCICFG_WRITE] = config_write_door,
	[PCIRAWR0_DO_PCICFG_READ] = config_read_door,
	[PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER] = register_irq_door,
	[PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER] = unregister_irq,
	[PCIRAWR0_DO_POWER_STATE_CHANGE] = power_state_change_door,
};
_Static_assert(sizeof(operations) / sizeof(operations[0]) == OPERATIONS,
	       "every operation has its row");

/* Makes the checks of rawpci_request() again, in the order of the contract, for the sentence. */
static __attribute__((noinline, cold)) int refuse(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	struct rawpci *ctx = NULL;

	if (session && session->magic == RAWPCI_SESSION_MAGIC)
		ctx = session->ctx;
	if (!request)
		return rawpci_abi_refuse(ctx, -EFAULT, "the request is NULL");
	if (request->Hdr.u32Magic != SUPVMMR0REQHDR_MAGIC)
		return rawpci_abi_refuse(ctx, -EBADMSG,
					 "the request's magic is %#x: set it to "
					 "SUPVMMR0REQHDR_MAGIC",
					 request->Hdr.u32Magic);
	if (request->Hdr.cbReq != sizeof(*request))
		return rawpci_abi_refuse(ctx, -EINVAL,
					 "the request's cbReq is %u: set it to "
					 "sizeof(PCIRAWSENDREQ)",
					 request->Hdr.cbReq);
	if (session && request->pSession && session != request->pSession)
		return rawpci_abi_refuse(ctx, -EINVAL,
					 "the request names another session than the "
					 "call");
	if (!session)
		session = request->pSession;
	if (!session || session->magic != RAWPCI_SESSION_MAGIC)
		return rawpci_abi_refuse(ctx, -EINVAL,
					 "there is no session: give one to the call "
					 "or in pSession");
	return rawpci_abi_refuse(session->ctx, -EOPNOTSUPP, "%d is no operation",
				 request->iRequest);
}

int rawpci_request(PSUPDRVSESSION session, PPCIRAWSENDREQ request)
{
	if (!request || request->Hdr.u32Magic != SUPVMMR0REQHDR_MAGIC ||
	    request->Hdr.cbReq != sizeof(*request))
		return refuse(session, request);
	/* The session can be in the call, in the request, or in both. */
	if (request->pSession == session) {
		if (!session)
			return refuse(session, request);
	} else if (request->pSession) {
		if (session)
			return refuse(session, request);
		session = request->pSession;
	}
	if (session->magic != RAWPCI_SESSION_MAGIC || (unsigned)request->iRequest >= OPERATIONS)
		return refuse(session, request);
	return operations[request->iRequest](session, request);
}
