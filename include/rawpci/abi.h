/* SPDX-License-Identifier: MIT */
/**
 * @file abi.h
 * The doors of the ABI: sessions and requests, the factory, device ports.
 *
 * The structures are those of <rawpci.h>. Every function here that returns an int returns a status
 * code of <rawpci/status.h>. So do the functions of RAWPCIFACTORY, RAWPCIDEVPORT and RAWPCIVM.
 *
 * A call that fails changes nothing: no state of the device, no output field, no descriptor, no
 * mapping, no host driver's binding. <rawpci/context.h> has the thread rules.
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
 * @name The factory
 *
 * - pfnRelease(factory): ends one reference. Each reference needs one release.
 * - pfnInitVm(factory, vm, data): makes data a VM of this context. The library only records vm,
 *   which may be NULL. The caller may call data->pfnContigMemInfo from then on, also before any
 *   device is open. #VERR_INVALID_POINTER: data is NULL. #VERR_ALREADY_EXISTS: data is a VM
 *   already. #VERR_NO_MEMORY: no memory.
 * - pfnDeinitVm(factory, vm, data): ends the VM and clears data. While sessions or devices are
 *   connected, the VM stays usable and the log says so.
 * - pfnCreateAndConnect(factory, address, flags, data, &port): opens a device as
 *   #PCIRAWR0_DO_OPEN_DEVICE does, and returns its port, initialised. data may be NULL: the device
 *   then has no DMA.
 * - pfnContigMemInfo(data, host, guest, size, action): does what rawpci_memory_map() and
 *   rawpci_memory_unmap() do. MAP first translates host if the context was created with a
 *   translation. UNMAP ignores host.
 * @{
 */

/**
 * Returns the factory of a context.
 *
 * Each call adds a reference and needs one pfnRelease. rawpci_destroy() refuses until then.
 *
 * @param ctx the context; may be NULL
 * @return the factory, or NULL: ctx is NULL, or there is no memory
 */
PRAWPCIFACTORY rawpci_factory(struct rawpci *ctx);

/**
 * Finds an interface by its UUID.
 *
 * @param ctx  the context; may be NULL
 * @param uuid #RAWPCIFACTORY_UUID_STR in any case; may be NULL
 * @return what rawpci_factory() returns, with a reference added; NULL for any other UUID or a NULL
 */
void *rawpci_query_interface(struct rawpci *ctx, const char *uuid);

/** @} */

/**
 * @name Sessions and requests
 * @{
 */

/**
 * Creates a session: the owner of the devices that are opened through it.
 *
 * @param ctx     the context
 * @param vm      a VM that pfnInitVm of this context's factory has initialised; NULL: the session's
 *                devices have no DMA
 * @param session receives the session, on success only; rawpci_session_destroy() frees it
 * @retval VINF_SUCCESS          done
 * @retval VERR_INVALID_POINTER  ctx or session is NULL
 * @retval VERR_INVALID_PARAMETER this context has not initialised vm
 * @retval VERR_NO_MEMORY        no memory
 */
int rawpci_session_create(struct rawpci *ctx, PRAWPCIVM vm, PSUPDRVSESSION *session);

/**
 * Destroys a session, closes the devices that it still holds, and frees its ports.
 *
 * @param session may be NULL
 * @retval VINF_SUCCESS       done
 * @retval VERR_INVALID_MAGIC not a session
 * @par Threads
 * It must be the last call with this session.
 */
int rawpci_session_destroy(PSUPDRVSESSION session);

/**
 * Carries out a request.
 *
 * The library checks in this order:
 *
 * 1. request is not NULL (#VERR_INVALID_POINTER)
 * 2. Hdr.u32Magic (#VERR_INVALID_MAGIC)
 * 3. Hdr.cbReq (#VERR_INVALID_PARAMETER)
 * 4. the session (#VERR_INVALID_PARAMETER: there is none, or there are two that differ)
 * 5. iRequest (#VERR_NOT_SUPPORTED)
 * 6. TargetDevice (#VERR_INVALID_HANDLE); opening ignores it
 * 7. the operation's arguments
 *
 * Each operation does what a function of the native API does, and returns the status code that
 * <rawpci/status.h> gives for the function's errno:
 *
 * | operation                              | function               |
 * |----------------------------------------|------------------------|
 * | #PCIRAWR0_DO_OPEN_DEVICE               | rawpci_device_open()   |
 * | #PCIRAWR0_DO_CLOSE_DEVICE              | rawpci_device_close()  |
 * | #PCIRAWR0_DO_GET_REGION_INFO           | rawpci_region_info()   |
 * | #PCIRAWR0_DO_MAP_REGION                | rawpci_region_map()    |
 * | #PCIRAWR0_DO_UNMAP_REGION              | rawpci_region_unmap()  |
 * | #PCIRAWR0_DO_PIO_WRITE                 | rawpci_region_write()  |
 * | #PCIRAWR0_DO_PIO_READ                  | rawpci_region_read()   |
 * | #PCIRAWR0_DO_MMIO_WRITE                | rawpci_mmio_write()    |
 * | #PCIRAWR0_DO_MMIO_READ                 | rawpci_mmio_read()     |
 * | #PCIRAWR0_DO_PCICFG_WRITE              | rawpci_config_write()  |
 * | #PCIRAWR0_DO_PCICFG_READ               | rawpci_config_read()   |
 * | #PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER   | rawpci_irq_attach()    |
 * | #PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER | rawpci_irq_detach()    |
 * | #PCIRAWR0_DO_POWER_STATE_CHANGE        | rawpci_device_power()  |
 *
 * They differ from the functions in this:
 *
 * - Open: the 32-bit address has no room for segments above 0xffff, and the flags have none for
 *   #RAWPCI_OPEN_INSIST. The native API has both.
 * - Map: StartAddress is RegionStart + offset.
 * - Unmap: all five values must be those of the mapping (#VERR_NOT_FOUND).
 * - PIO: the device must have an I/O region with [iPort, iPort + cb) inside it
 *   (#VERR_OUT_OF_RANGE).
 * - Config write: the bits of the value beyond cb are ignored.
 *
 * @param session NULL: the session is the request's pSession
 * @param request its outputs are written on success only
 * @return #VINF_SUCCESS, or the status code of the first check that fails
 */
int rawpci_request(PSUPDRVSESSION session, PPCIRAWSENDREQ request);

/** @} */

/**
 * @name Device ports
 *
 * A port is a device as a table of functions. Each function does what the request of the same name
 * does, with the same errors. Arguments have the same units, and outputs are written on success
 * only.
 *
 * A NULL port is #VERR_INVALID_POINTER. A port whose version words are not #RAWPCIDEVPORT_VERSION
 * is #VERR_VERSION_MISMATCH. While the device is not open, every function but the first three
 * returns #VERR_INVALID_STATE.
 *
 * - pfnInit(port, flags): opens the device again after pfnDeinit. flags are those for opening,
 *   #PCIRAWDRIVERFLAGS. #VERR_WRONG_ORDER: the device is open.
 * - pfnDeinit(port, 0): closes the device and returns it to the host. #VERR_WRONG_ORDER: the device
 *   is not open.
 * - pfnDestroy(port): closes the device if it is open, and frees the port. It must be the last call
 *   with the port.
 * - pfnGetRegionInfo, pfnMapRegion, pfnUnmapRegion: the RegionStart of a part is an address on the
 *   host's bus, which counts on from the RegionStart that pfnGetRegionInfo reports. The base that
 *   pfnMapRegion returns names the mapping for rawpci_mmio_read() and rawpci_mmio_write() on
 *   rawpci_port_device(). It can be used directly only inside the areas that rawpci_region_info()
 *   reports. rawpci_region_read() and rawpci_region_write() reach ports.
 * - pfnPciCfgRead, pfnPciCfgWrite: pValue->cb is the width. A read fills in pValue->u.
 * - pfnRegisterIrqHandler, pfnUnregisterIrqHandler, pfnPowerStateChange: as the requests.
 *
 * A device that a port has opened again belongs to the port alone. A handle that a session had
 * before stays invalid.
 * @{
 */

/**
 * Returns the port of a device that a session has open: the same device through the other door.
 *
 * The same open device has the same port each time. pfnDeinit and pfnDestroy on the port close the
 * session's device.
 *
 * @param session the session
 * @param handle  the session's handle of the device
 * @param port    receives the port, on success only. The session owns the port. It lives until its
 *                pfnDestroy or until the session is destroyed, also after the device was closed
 * @retval VINF_SUCCESS         done
 * @retval VERR_INVALID_POINTER session or port is NULL
 * @retval VERR_INVALID_MAGIC   not a session
 * @retval VERR_INVALID_HANDLE  the session has no such device open
 * @retval VERR_NO_MEMORY       no memory
 */
int rawpci_session_port(PSUPDRVSESSION session, PCIRAWDEVHANDLE handle, PRAWPCIDEVPORT *port);

/**
 * Returns the native device behind a port.
 *
 * The device is borrowed. It is valid while the device stays open through the port or its session,
 * which close it. rawpci_device_close() refuses it.
 *
 * @param port may be NULL
 * @return the device, or NULL: port is NULL or of an unknown version, or its device is not open
 */
struct rawpci_device *rawpci_port_device(PRAWPCIDEVPORT port);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
