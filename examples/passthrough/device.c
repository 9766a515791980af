/* SPDX-License-Identifier: MIT */
#include "device.h"

#include <stdio.h>
#include <string.h>

static bool failed(const char *what, int status)
{
	fprintf(stderr, "passthrough: %s: %s (%s)\n", what, rawpci_last_error(),
		rawpci_status_name(status));
	return false;
}

static bool failed_natively(const char *what, int error)
{
	fprintf(stderr, "passthrough: %s: %s (%s)\n", what, rawpci_last_error(), strerror(-error));
	return false;
}

static const char *const access_names[] = {
	[DEVICE_CONFIG_READ] = "reading config space",
	[DEVICE_CONFIG_WRITE] = "writing config space",
	[DEVICE_MMIO_READ] = "reading a register",
	[DEVICE_MMIO_WRITE] = "writing a register",
};

/* A line each time would let the guest fill the disk that has standard error. */
static bool refused(struct device *device, enum device_access access, int status)
{
	if (device->refused[access]++ == 0)
		return failed(access_names[access], status);
	return false;
}

static void print_refused(const struct device *device)
{
	for (unsigned i = 0; i < DEVICE_ACCESSES; i++)
		if (device->refused[i] > 1)
			fprintf(stderr, "passthrough: %s: failed %llu times in all\n",
				access_names[i], device->refused[i]);
}

static void print_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	static const char *const names[] = { "error", "warning", "info", "debug" };

	(void)opaque;
	fprintf(stderr, "rawpci: %s: %s\n", names[level], message);
}

/* Sends one request; the caller has filled in the part of u that belongs to the operation. */
static int send(struct device *device, PCIRAWR0OPERATION operation, PPCIRAWSENDREQ request)
{
	request->Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	request->Hdr.cbReq = sizeof(*request);
	request->pSession = device->session;
	request->iRequest = (int32_t)operation;
	request->TargetDevice = device->handle;
	return rawpci_request(device->session, request);
}

static bool create_context(struct device *device, const struct options *options)
{
	struct rawpci_options library = {
		.size = sizeof(library),
		.backend = options->backend,
		.log_level = RAWPCI_LOG_DEBUG,
		.log = options->verbose ? print_log : NULL,
	};
	int error = rawpci_create(&library, &device->context);

	if (error < 0)
		return failed_natively("the library", error);
	return true;
}

/* Memory is announced before the device is opened: the library keeps the map and hands it to each
 * device that joins the VM. A hypervisor would call this for each run of its guest's memory. */
static bool announce_memory(struct device *device, void *memory, uint64_t size)
{
	int status;

	device->factory = rawpci_factory(device->context);
	status = device->factory->pfnInitVm(device->factory, NULL, &device->vm);
	if (status < 0)
		return failed("the VM", status);

	status = device->vm.pfnContigMemInfo(&device->vm, (RTHCPHYS)(uintptr_t)memory, 0, size,
					     PCIRAW_MEMINFO_MAP);
	if (status < 0)
		return failed("guest memory", status);
	device->memory = memory;
	device->memory_size = size;
	return true;
}

static bool open_session(struct device *device, const struct options *options)
{
	PCIRAWSENDREQ request = { .u.aOpenDevice = { .PciAddress = 0 } };
	struct rawpci_address at;
	PRAWPCIDEVPORT port;
	int status;

	status = rawpci_session_create(device->context, &device->vm, &device->session);
	if (status < 0)
		return failed("the session", status);

	/* main() has checked the text and that the segment fits. */
	rawpci_address_parse(options->address, &at);
	request.u.aOpenDevice.PciAddress = at.segment << 16 | (uint32_t)at.bus << 8 |
					   (uint32_t)at.device << 3 | at.function;
	if (options->detach)
		request.u.aOpenDevice.fFlags = PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER;
	status = send(device, PCIRAWR0_DO_OPEN_DEVICE, &request);
	if (status < 0) {
		failed(options->address, status);
		if (status == VERR_RESOURCE_BUSY && !options->detach)
			fprintf(stderr, "passthrough: if a host driver holds it, --detach takes it "
					"away for the time of the run\n");
		return false;
	}
	device->handle = request.u.aOpenDevice.Device;

	status = rawpci_session_port(device->session, device->handle, &port);
	if (status < 0)
		return failed("the device's port", status);
	device->native = rawpci_port_device(port);
	return true;
}

static bool power_on(struct device *device)
{
	PCIRAWSENDREQ request = { .u.aPowerStateChange = { .iState = PCIRAW_POWER_ON } };
	int status = send(device, PCIRAWR0_DO_POWER_STATE_CHANGE, &request);

	if (status < 0)
		return failed("powering the device on", status);
	return true;
}

static bool map_bar(struct device *device, unsigned index)
{
	struct device_bar *bar = &device->bars[index];
	PCIRAWSENDREQ ask = { .u.aGetRegionInfo = { .iRegion = (int32_t)index } };
	PCIRAWSENDREQ map = { .u.aMapRegion = { .iRegion = (int32_t)index } };
	struct rawpci_region_info info;
	int status, error;

	status = send(device, PCIRAWR0_DO_GET_REGION_INFO, &ask);
	if (status < 0)
		return failed("a BAR's description", status);
	if (!ask.u.aGetRegionInfo.fPresent ||
	    (ask.u.aGetRegionInfo.fFlags & PCIRAW_ADDRESS_SPACE_IO))
		return true;

	map.u.aMapRegion.StartAddress = ask.u.aGetRegionInfo.RegionStart;
	map.u.aMapRegion.iRegionSize = ask.u.aGetRegionInfo.u64RegionSize;
	status = send(device, PCIRAWR0_DO_MAP_REGION, &map);
	if (status < 0)
		return failed("mapping a BAR", status);
	error = rawpci_region_info(device->native, index, sizeof(info), &info);
	if (error < 0)
		return failed_natively("a BAR's areas", error);

	bar->size = ask.u.aGetRegionInfo.u64RegionSize;
	bar->flags = ask.u.aGetRegionInfo.fFlags;
	bar->mmio = map.u.aMapRegion.pvAddressR0;
	bar->cpu = map.u.aMapRegion.pvAddressR3;
	bar->area_count = info.area_count;
	memcpy(bar->areas, info.areas, sizeof(bar->areas));
	return true;
}

bool device_open(struct device *device, const struct options *options, void *memory, uint64_t size)
{
	memset(device, 0, sizeof(*device));
	if (!create_context(device, options) || !announce_memory(device, memory, size) ||
	    !open_session(device, options) || !power_on(device))
		return false;
	for (unsigned bar = 0; bar < DEVICE_BARS; bar++) {
		if (!map_bar(device, bar))
			return false;
	}
	return true;
}

void device_close(struct device *device)
{
	int error;

	/* Closes the device: interrupts off, BARs unmapped, DMA detached, reset, and the host
	 * driver put back. Only then may the memory be withdrawn and freed. */
	rawpci_session_destroy(device->session);
	if (device->memory != NULL)
		device->vm.pfnContigMemInfo(&device->vm, (RTHCPHYS)(uintptr_t)device->memory, 0,
					    device->memory_size, PCIRAW_MEMINFO_UNMAP);
	if (device->factory != NULL) {
		if (device->vm.pfnContigMemInfo != NULL)
			device->factory->pfnDeinitVm(device->factory, NULL, &device->vm);
		device->factory->pfnRelease(device->factory);
	}
	error = rawpci_destroy(device->context);
	if (error < 0) /* only if something above was forgotten */
		failed_natively("ending", error);
	print_refused(device);
	memset(device, 0, sizeof(*device));
}

/* Values are in the union's member of their width. */
static uint64_t get_value(const PCIRAWMEMLOC *location)
{
	switch (location->cb) {
	case 1:
		return location->u.u8;
	case 2:
		return location->u.u16;
	case 4:
		return location->u.u32;
	default:
		return location->u.u64;
	}
}

static void set_value(PCIRAWMEMLOC *location, unsigned width, uint64_t value)
{
	location->cb = (uint8_t)width;
	switch (width) {
	case 1:
		location->u.u8 = (uint8_t)value;
		break;
	case 2:
		location->u.u16 = (uint16_t)value;
		break;
	case 4:
		location->u.u32 = (uint32_t)value;
		break;
	default:
		location->u.u64 = value;
	}
}

bool device_config_read(struct device *device, uint32_t offset, unsigned width, uint32_t *value)
{
	PCIRAWSENDREQ request = {
		.u.aPciCfgRead = { .iOffset = offset, .Value.cb = (uint8_t)width },
	};
	int status = send(device, PCIRAWR0_DO_PCICFG_READ, &request);

	if (status < 0)
		return refused(device, DEVICE_CONFIG_READ, status);
	*value = (uint32_t)get_value(&request.u.aPciCfgRead.Value);
	return true;
}

bool device_config_write(struct device *device, uint32_t offset, unsigned width, uint32_t value)
{
	PCIRAWSENDREQ request = { .u.aPciCfgWrite = { .iOffset = offset } };
	int status;

	set_value(&request.u.aPciCfgWrite.Value, width, value);
	status = send(device, PCIRAWR0_DO_PCICFG_WRITE, &request);
	if (status < 0)
		return refused(device, DEVICE_CONFIG_WRITE, status);
	return true;
}

bool device_mmio_read(struct device *device, unsigned bar, uint64_t offset, unsigned width,
		      uint64_t *value)
{
	PCIRAWSENDREQ request = {
		.u.aMmioRead = {
			.Address = device->bars[bar].mmio + offset,
			.Value.cb = (uint8_t)width,
		},
	};
	int status = send(device, PCIRAWR0_DO_MMIO_READ, &request);

	if (status < 0)
		return refused(device, DEVICE_MMIO_READ, status);
	*value = get_value(&request.u.aMmioRead.Value);
	return true;
}

bool device_mmio_write(struct device *device, unsigned bar, uint64_t offset, unsigned width,
		       uint64_t value)
{
	PCIRAWSENDREQ request = {
		.u.aMmioWrite = { .Address = device->bars[bar].mmio + offset },
	};
	int status;

	set_value(&request.u.aMmioWrite.Value, width, value);
	status = send(device, PCIRAWR0_DO_MMIO_WRITE, &request);
	if (status < 0)
		return refused(device, DEVICE_MMIO_WRITE, status);
	return true;
}

bool device_irq_register(struct device *device, PFNRAWPCIISR handler, void *context, int32_t *irq)
{
	PCIRAWSENDREQ request = {
		.u.aRegisterR0IrqHandler = {
			.pfnHandler = (RTR0PTR)(uintptr_t)handler,
			.pfnHandlerContext = context,
		},
	};
	int status = send(device, PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER, &request);

	if (status < 0)
		return failed("registering an interrupt handler", status);
	*irq = request.u.aRegisterR0IrqHandler.iHostIrq;
	return true;
}

void device_irq_unregister(struct device *device, int32_t irq)
{
	PCIRAWSENDREQ request = { .u.aUnregisterR0IrqHandler = { .iHostIrq = irq } };
	int status = send(device, PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER, &request);

	if (status < 0)
		failed("unregistering an interrupt handler", status);
}

bool device_irq_route(struct device *device, int eventfd)
{
	static const enum rawpci_irq_type types[] = { RAWPCI_IRQ_MSI, RAWPCI_IRQ_MSIX };

	/* Not INTx: it stays masked after each delivery until the guest has served it and the
	 * hypervisor has noticed, which a pulse on the guest's interrupt controller cannot tell. */
	for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (rawpci_irq_count(device->native, types[i]) > 0 &&
		    rawpci_irq_route(device->native, types[i], 0, 1, &eventfd) == 0)
			return true;
	}
	return false;
}
