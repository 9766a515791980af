/* SPDX-License-Identifier: MIT */
/*
 * The doors of the ABI: sessions and requests, the factory, device ports. The structures are those
 * of <rawpci.h>. Everything declared here that is an int returns a status code of <rawpci/status.h>,
 * as do the functions of RAWPCIFACTORY, RAWPCIDEVPORT and RAWPCIVM.
 *
 * A call that fails changes nothing: no state of the device, no output field, no descriptor, no
 * mapping, no host driver binding. Thread rules: <rawpci/context.h>.
 */
#ifndef RAWPCI_ABI_H
#define RAWPCI_ABI_H

#include <rawpci.h>
#include <rawpci/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;
struct rawpci_device;

/**
 * The factory of a context.
 *
 * Retained: each call needs one pfnRelease, and rawpci_destroy() refuses until then.
 *
 * pfnInitVm(factory, vm, data): makes data a VM of this context (vm is recorded only and may be
 *   NULL). data->pfnContigMemInfo may be called from then on, also before any device is open.
 *   VERR_INVALID_POINTER: data is NULL. VERR_ALREADY_EXISTS: data is one already. VERR_NO_MEMORY.
 * pfnDeinitVm(factory, vm, data): ends it and clears data. With sessions or devices connected it
 *   leaves the VM usable and says so in the log.
 * pfnCreateAndConnect(factory, address, flags, data, &port): opens a device, as PCIRAWR0_DO_OPEN_DEVICE
 *   does, and returns its port, initialised. data may be NULL: no DMA.
 * pfnContigMemInfo(data, host, guest, size, action): as rawpci_memory_map() and
 *   rawpci_memory_unmap() (<rawpci/memory.h>). For MAP, host is translated first where the context
 *   was created with a translation; for UNMAP it is not looked at.
 *
 * Returns the factory, or NULL when ctx is NULL.
 */
PRAWPCIFACTORY rawpci_factory(struct rawpci *ctx);

/**
 * Finds an interface by its UUID.
 * @uuid: RAWPCIFACTORY_UUID_STR in any case
 *
 * Returns what rawpci_factory() returns, retained; NULL for any other UUID or a NULL.
 */
void *rawpci_query_interface(struct rawpci *ctx, const char *uuid);

/**
 * Creates a session: the owner of the devices opened through it.
 * @vm: initialised by pfnInitVm of this context's factory; NULL: its devices have no DMA
 * @session: written on success only
 *
 * Returns VINF_SUCCESS, VERR_INVALID_POINTER (ctx or session is NULL), VERR_INVALID_PARAMETER (vm
 * was not initialised by this context), VERR_NO_MEMORY.
 */
int rawpci_session_create(struct rawpci *ctx, PRAWPCIVM vm, PSUPDRVSESSION *session);

/**
 * Destroys a session and closes what it still holds; its ports are freed.
 * @session: may be NULL
 *
 * The last call with this session. Returns VINF_SUCCESS or VERR_INVALID_MAGIC (not a session).
 */
int rawpci_session_destroy(PSUPDRVSESSION session);

/**
 * Carries a request out.
 * @session: NULL: the request's pSession
 * @request: its outputs are written on success only
 *
 * Checked in this order: request (VERR_INVALID_POINTER), Hdr.u32Magic (VERR_INVALID_MAGIC), Hdr.cbReq
 * (VERR_INVALID_PARAMETER), the session (VERR_INVALID_PARAMETER when there is none, or two that
 * differ), iRequest (VERR_NOT_SUPPORTED), TargetDevice (VERR_INVALID_HANDLE; ignored by open), then
 * the operation's arguments.
 *
 * The operations do what the functions of the native API do:
 *
 *   PCIRAWR0_DO_OPEN_DEVICE              rawpci_device_open()    <rawpci/device.h>; its 32-bit
 *                                        address has no room for segments above 0xffff, and its
 *                                        flags none for RAWPCI_OPEN_INSIST: the native API's have
 *   PCIRAWR0_DO_CLOSE_DEVICE             rawpci_device_close()
 *   PCIRAWR0_DO_GET_REGION_INFO          rawpci_region_info()    <rawpci/region.h>
 *   PCIRAWR0_DO_MAP_REGION               rawpci_region_map()     StartAddress is RegionStart + offset
 *   PCIRAWR0_DO_UNMAP_REGION             rawpci_region_unmap()   all five values must be the
 *                                                                mapping's (VERR_NOT_FOUND)
 *   PCIRAWR0_DO_PIO_WRITE, _READ         rawpci_region_write(), _read() on the I/O region that has
 *                                        [iPort, iPort + cb) (VERR_OUT_OF_RANGE)
 *   PCIRAWR0_DO_MMIO_WRITE, _READ        rawpci_mmio_write(), _read()
 *   PCIRAWR0_DO_PCICFG_WRITE, _READ      rawpci_config_write(), _read(); bits beyond cb ignored
 *   PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER  rawpci_irq_attach()     <rawpci/irq.h>
 *   PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER rawpci_irq_detach()
 *   PCIRAWR0_DO_POWER_STATE_CHANGE       rawpci_device_power()
 *
 * and return the status code that <rawpci/status.h> gives for their errno.
 */
int rawpci_request(PSUPDRVSESSION session, PPCIRAWSENDREQ request);

/*
 * Device ports
 *
 * A port is a device as a table of functions. They do what the requests of the same name do, with
 * the same errors, arguments in the same units and outputs on success only; a NULL port is
 * VERR_INVALID_POINTER, one whose version words are not RAWPCIDEVPORT_VERSION is
 * VERR_VERSION_MISMATCH, and while the device is not open every function but the first three returns
 * VERR_INVALID_STATE.
 *
 * pfnInit(port, flags): opens the device again after pfnDeinit; flags as for opening
 *   (PCIRAWDRIVERFLAGS). VERR_WRONG_ORDER: it is open.
 * pfnDeinit(port, 0): closes the device: the host has it back. VERR_WRONG_ORDER: it is not open.
 * pfnDestroy(port): closes the device if it is open, and frees the port. The last call with it.
 * pfnGetRegionInfo, pfnMapRegion, pfnUnmapRegion: RegionStart of a part is an address on the host's
 *   bus, from the RegionStart that pfnGetRegionInfo reports on. The base that pfnMapRegion returns
 *   names the mapping for rawpci_mmio_read() and rawpci_mmio_write() (<rawpci/region.h>) on
 *   rawpci_port_device(); it can be used directly only where rawpci_region_info() reports an area.
 *   Ports are reached with rawpci_region_read() and rawpci_region_write().
 * pfnPciCfgRead, pfnPciCfgWrite: pValue->cb is the width; a read fills pValue->u.
 * pfnRegisterIrqHandler, pfnUnregisterIrqHandler, pfnPowerStateChange: as the requests.
 *
 * A device that a port has opened again belongs to the port alone: a session's handle from before
 * stays invalid.
 */

/**
 * The port of a device that a session has open: the same device through the other door.
 * @port: written on success only. Owned by the session; lives until its pfnDestroy or until the
 *        session is destroyed, also after the device was closed
 *
 * The same port each time for the same open device. pfnDeinit and pfnDestroy on it close the
 * session's device.
 *
 * Returns VINF_SUCCESS, VERR_INVALID_POINTER (a NULL), VERR_INVALID_MAGIC (not a session),
 * VERR_INVALID_HANDLE, VERR_NO_MEMORY.
 */
int rawpci_session_port(PSUPDRVSESSION session, PCIRAWDEVHANDLE handle, PRAWPCIDEVPORT *port);

/**
 * The native device behind a port.
 *
 * Borrowed: valid for as long as the device stays open through the port or its session, which close
 * it; rawpci_device_close() refuses.
 *
 * Returns the device, or NULL: port is NULL, of an unknown version, or its device is not open.
 */
struct rawpci_device *rawpci_port_device(PRAWPCIDEVPORT port);

#ifdef __cplusplus
}
#endif

#endif
