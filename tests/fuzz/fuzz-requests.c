/* SPDX-License-Identifier: MIT */
/*
 * Sequences of requests with anything in them. What stays valid is what the contract takes on trust:
 * the request's own address, the session, handlers. Addresses, handles, numbers and flags are any.
 * A refused request has to come back as it went in.
 */
#include <stdlib.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/fake.h>

#include "fuzz.h"

#define PAGE 0x1000u

struct state {
	struct bytes bytes;
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	PSUPDRVSESSION session;
	PRAWPCIFACTORY factory;
	RAWPCIVM vm;
	PCIRAWDEVHANDLE handle;
	PCIRAWREQMAPREGION map;
	int32_t irq;
	uint64_t starts[7];
};

static unsigned char host[64 * PAGE] __attribute__((aligned(PAGE)));

static void handler(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
}

static void begin(struct state *s)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "00:00.0",
		.vendor_id = 1,
		.bars = { { .size = 4 * PAGE },
			  { .size = 64, .trapped = true },
			  { .size = 2 * PAGE, .flags = RAWPCI_REGION_64BIT },
			  [4] = { .size = 32, .flags = RAWPCI_REGION_IO } },
		.rom_size = 2048,
		.msix = 4,
		.msix_bar = 2,
		.intx = true,
		.extended = true,
	};
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	if (rawpci_create(&options, &s->ctx) < 0 || rawpci_fake_add(s->ctx, &config, &s->fake) < 0)
		abort();
	s->factory = rawpci_factory(s->ctx);
	if (!s->factory || s->factory->pfnInitVm(s->factory, NULL, &s->vm) < 0 ||
	    rawpci_session_create(s->ctx, &s->vm, &s->session) < 0)
		abort();
}

static void end(struct state *s)
{
	if (rawpci_session_destroy(s->session) < 0)
		abort();
	s->factory->pfnDeinitVm(s->factory, NULL, &s->vm);
	s->factory->pfnRelease(s->factory);
	if (rawpci_destroy(s->ctx) < 0)
		abort();
}

/* Turns some of the noise into what leads further in. */
static void aim(struct state *s, PPCIRAWSENDREQ r)
{
	uint8_t how = bytes_one(&s->bytes);
	FNRAWPCIISR *function = handler;

	if (how & 1)
		r->TargetDevice = s->handle;
	switch (r->iRequest) {
	case PCIRAWR0_DO_OPEN_DEVICE:
		if (how & 2)
			r->u.aOpenDevice.PciAddress &= 0x20;
		if (how & 4)
			r->u.aOpenDevice.fFlags = 0;
		break;
	case PCIRAWR0_DO_CLOSE_DEVICE:
		r->u.aCloseDevice.fFlags &= how & 2 ? 0 : UINT32_MAX;
		break;
	case PCIRAWR0_DO_GET_REGION_INFO:
		r->u.aGetRegionInfo.iRegion %= how & 2 ? 8 : INT32_MAX;
		break;
	case PCIRAWR0_DO_MAP_REGION:
		r->u.aMapRegion.iRegion %= how & 2 ? 8 : INT32_MAX;
		if (how & 4)
			r->u.aMapRegion.fFlags = 0;
		if (how & 8)
			r->u.aMapRegion.StartAddress =
				s->starts[(unsigned)r->u.aMapRegion.iRegion % 7] +
				(how & 16 ? PAGE : 0);
		if (how & 32)
			r->u.aMapRegion.iRegionSize %= 5 * PAGE;
		break;
	case PCIRAWR0_DO_UNMAP_REGION:
		if (!(how & 2))
			break;
		r->u.aUnmapRegion.StartAddress = s->map.StartAddress;
		r->u.aUnmapRegion.iRegionSize = s->map.iRegionSize;
		r->u.aUnmapRegion.iRegion = s->map.iRegion;
		r->u.aUnmapRegion.pvAddressR0 = s->map.pvAddressR0;
		r->u.aUnmapRegion.pvAddressR3 = s->map.pvAddressR3;
		break;
	case PCIRAWR0_DO_PIO_WRITE:
	case PCIRAWR0_DO_PIO_READ:
		if (how & 2)
			r->u.aPioRead.iPort = (uint16_t)(s->starts[4] + r->u.aPioRead.iPort % 40);
		if (how & 4)
			r->u.aPioRead.cb %= 9;
		break;
	case PCIRAWR0_DO_MMIO_WRITE:
	case PCIRAWR0_DO_MMIO_READ:
		if (how & 2)
			r->u.aMmioRead.Address = (void *)((uintptr_t)s->map.pvAddressR0 +
							  (uintptr_t)r->u.aMmioRead.Address %
								  (6 * PAGE));
		if (how & 4)
			r->u.aMmioRead.Value.cb = (uint8_t)(1u << (how >> 4) % 4);
		break;
	case PCIRAWR0_DO_PCICFG_WRITE:
	case PCIRAWR0_DO_PCICFG_READ:
		if (how & 2)
			r->u.aPciCfgRead.iOffset %= 4200;
		if (how & 4)
			r->u.aPciCfgRead.Value.cb %= 9;
		break;
	case PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER:
		r->u.aRegisterR0IrqHandler.pfnHandler = NULL;
		if (how & 2)
			memcpy(&r->u.aRegisterR0IrqHandler.pfnHandler, &function, sizeof(function));
		break;
	case PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER:
		if (how & 2)
			r->u.aUnregisterR0IrqHandler.iHostIrq = s->irq;
		break;
	case PCIRAWR0_DO_POWER_STATE_CHANGE:
		if (how & 2)
			r->u.aPowerStateChange.iState %= 5;
		break;
	}
}

static void remember(struct state *s, const PCIRAWSENDREQ *r)
{
	switch (r->iRequest) {
	case PCIRAWR0_DO_OPEN_DEVICE:
		s->handle = r->u.aOpenDevice.Device;
		break;
	case PCIRAWR0_DO_GET_REGION_INFO:
		s->starts[r->u.aGetRegionInfo.iRegion] = r->u.aGetRegionInfo.RegionStart;
		break;
	case PCIRAWR0_DO_MAP_REGION:
		s->map = r->u.aMapRegion;
		break;
	case PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER:
		s->irq = r->u.aRegisterR0IrqHandler.iHostIrq;
		break;
	}
}

static void one_request(struct state *s)
{
	PCIRAWSENDREQ r, same;
	uint8_t header = bytes_one(&s->bytes);
	int status;

	bytes_take(&s->bytes, &r, sizeof(r));
	if (header != 1) {
		r.Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
		r.Hdr.cbReq = sizeof(r);
	}
	r.pSession = header & 2 ? s->session : NULL;
	r.iRequest = header == 3 ? r.iRequest : header >> 2 & 15;
	aim(s, &r);
	memcpy(&same, &r, sizeof(r));
	status = rawpci_request(header & 2 ? NULL : s->session, &r);
	if (status > 0 || strncmp(rawpci_status_name(status), "unknown", 7) == 0)
		abort();
	if (status == VINF_SUCCESS)
		remember(s, &r);
	else if (memcmp(&r, &same, sizeof(r)) != 0)
		abort();
}

/* Guest memory: addresses in this process are the caller's promise, guest addresses are any. */
static void one_memory(struct state *s)
{
	uint64_t guest, size;
	uint8_t how = bytes_one(&s->bytes);
	int status;

	bytes_take(&s->bytes, &guest, sizeof(guest));
	bytes_take(&s->bytes, &size, sizeof(size));
	if (how & 1)
		guest = guest % 32 * PAGE;
	size = how & 2 ? size % 32 * PAGE : size % sizeof(host);
	status = s->vm.pfnContigMemInfo(&s->vm, (uintptr_t)host + (how >> 4) * PAGE, guest, size,
					(PCIRAWMEMINFOACTION)(how >> 2 & 3));
	if (status > 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state s = { .bytes = { data, size } };

	begin(&s);
	while (s.bytes.left > 0) {
		uint8_t what = bytes_one(&s.bytes);

		if (what % 8 == 7)
			one_memory(&s);
		else if (what == 0x50)
			(void)rawpci_fake_raise(s.fake, 0);
		else if (what == 0xa5)
			(void)rawpci_fake_unplug(s.fake);
		else
			one_request(&s);
	}
	end(&s);
	return 0;
}
