/* SPDX-License-Identifier: MIT */
/**
 * @file abi.h
 * The functions of the ABI: sessions and requests, the factory, device ports.
 *
 * The structures are those of <rawpci.h>. Every function here that returns an int returns a status
 * code of <rawpci/status.h>. So do the functions of RAWPCIFACTORY, RAWPCIDEVPORT and RAWPCIVM.
 * <rawpci/context.h> has the thread rules. @ref abi-program shows the calls of a program in order.
 *
 * A call that fails writes no output field. It also leaves device, mappings, interrupts and host
 * driver as they were, unless the native function that does the work says otherwise. For example,
 * an open that returns #VERR_TIMEOUT may have changed the host driver.
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
 * - pfnRelease(factory): releases one reference. Each rawpci_factory() and each
 *   rawpci_query_interface() adds one. A release too many is refused, and the log says so.
 * - pfnInitVm(factory, vm, data): makes data a VM of this context. data may hold anything before.
 *   The caller keeps data until pfnDeinitVm. The library ignores vm, which may be NULL. The caller
 *   may call data->pfnContigMemInfo from then on, also before any device is open.
 *   #VERR_INVALID_POINTER: factory or data is NULL. #VERR_ALREADY_EXISTS: data is a VM already.
 *   #VERR_NO_MEMORY: no memory.
 * - pfnDeinitVm(factory, vm, data): ends the VM and clears data. If a session or device still uses
 *   the VM, the call only logs that. Destroy the session, or close the device, and call again.
 * - pfnCreateAndConnect(factory, address, flags, data, &port): opens a device as
 *   #PCIRAWR0_DO_OPEN_DEVICE does, and returns its port. The port is open already: do not call
 *   pfnInit. pfnDestroy frees the port. data may be NULL: the device then has no DMA.
 * - pfnContigMemInfo(data, host, guest, size, action): does what rawpci_memory_map() and
 *   rawpci_memory_unmap() do. MAP first translates host if the context was created with a
 *   translation. UNMAP ignores host. #VERR_INVALID_POINTER: data is NULL or no VM.
 *   #VERR_INVALID_PARAMETER: the action is unknown.
 * @{
 */

/**
 * Returns the factory of a context.
 *
 * Each call adds a reference, and each reference needs one pfnRelease. Until then rawpci_destroy()
 * returns -EBUSY.
 *
 * @param ctx the context; may be NULL
 * @return the factory, or NULL: ctx is NULL, or there is no memory
 */
PRAWPCIFACTORY rawpci_factory(struct rawpci *ctx);

/**
 * Finds an interface by its UUID.
 *
 * @param ctx  the context; may be NULL
 * @param uuid #RAWPCIFACTORY_UUID_STR, in upper or lower case letters; may be NULL
 * @return what rawpci_factory() returns, with a reference added; NULL also if uuid is NULL or the
 *         UUID is another one
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
 * Closes the session's open devices, then frees its ports and the session.
 *
 * @param session may be NULL
 * @retval VINF_SUCCESS       done
 * @retval VERR_INVALID_MAGIC not a session
 * @par Threads
 * It must be the last call with this session. All other calls with the session, its handles and its
 * ports must have returned.
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
 * 4. the session (#VERR_INVALID_PARAMETER: none is given, the pointer is no session, or two
 *    different ones are given)
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
 * - Open: a request cannot name a segment above 0xffff, and cannot ask for #RAWPCI_OPEN_INSIST. The
 *   native API can do both.
 * - Close: fFlags is 0 (#VERR_INVALID_FLAGS).
 * - Map: StartAddress is RegionStart + offset. fFlags is 0 (#VERR_INVALID_FLAGS).
 * - Unmap: all five values must be those of the mapping (#VERR_NOT_FOUND).
 * - PIO: iPort is an I/O port of the host. [iPort, iPort + cb) must lie inside one I/O region of
 *   the device (#VERR_OUT_OF_RANGE).
 * - Config write: the library ignores the bits of the value beyond cb. rawpci_config_write()
 *   refuses them.
 *
 * @param session NULL: the session is the request's pSession
 * @param request its outputs are written on success only
 * @return #VINF_SUCCESS, or the status code of the first check or step that fails
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
 * Each function checks the port: NULL is #VERR_INVALID_POINTER. A version word other than
 * #RAWPCIDEVPORT_VERSION is #VERR_VERSION_MISMATCH. Do not copy the table: a table that the library
 * did not create is #VERR_INVALID_MAGIC, as far as the library can tell. While the device is not
 * open, every function but pfnInit, pfnDeinit and pfnDestroy returns #VERR_INVALID_STATE.
 *
 * - pfnInit(port, flags): opens the device again after pfnDeinit. flags are those for opening,
 *   #PCIRAWDRIVERFLAGS. #VERR_WRONG_ORDER: the device is open.
 * - pfnDeinit(port, 0): closes the device and returns it to the host. #VERR_WRONG_ORDER: the device
 *   is not open.
 * - pfnDestroy(port): closes the device if it is open, and frees the port. It must be the last call
 *   with the port; all others must have returned.
 * - pfnGetRegionInfo, pfnMapRegion, pfnUnmapRegion: the RegionStart of pfnMapRegion and
 *   pfnUnmapRegion is the one that pfnGetRegionInfo reports, plus the offset in the region.
 *   pfnMapRegion returns a base that names the mapping. Give it to rawpci_mmio_read() and
 *   rawpci_mmio_write() with rawpci_port_device(). The program may load and store at the base only
 *   inside the areas that rawpci_region_info() reports. A port has no functions for I/O ports: use
 *   rawpci_region_read() and rawpci_region_write().
 * - pfnPciCfgRead, pfnPciCfgWrite: pValue->cb is the width. A read fills in pValue->u.
 * - pfnRegisterIrqHandler, pfnUnregisterIrqHandler, pfnPowerStateChange: as the requests.
 *
 * pfnInit on a session's port opens the device for the session again. The session gets no handle of
 * it: a handle that the session had before stays invalid. pfnDeinit, pfnDestroy or
 * rawpci_session_destroy() closes the device.
 * @{
 */

/**
 * Returns the port of a device that a session has open: the same device as a table of functions.
 *
 * The same open device has the same port each time. pfnDeinit and pfnDestroy on the port close the
 * session's device.
 *
 * @param session the session
 * @param handle  the session's handle of the device
 * @param port    receives the port, on success only. The session owns the port. The port lives
 *                until its pfnDestroy or until the session is destroyed, even if its device is
 *                closed
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
 * The pointer is valid while the device is open. Close the device through the port or its session:
 * rawpci_device_close() returns -EBUSY.
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
