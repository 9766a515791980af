/* SPDX-License-Identifier: MIT */
/* A device's whole life: each call is made, and a call that fails must leave nothing behind. */
#include "life.h"

#include <errno.h>
#include <string.h>

#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/memory.h>
#include <rawpci/status.h>

#include "harness.h"
#include "seams.h"

/* The test framework allocates too: it is only called when something is wrong, and unarmed. */
#define MUST(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			(void)seams_disarm();                                                      \
			ck_abort_msg("%s: %s", #condition, rawpci_last_error());                   \
		}                                                                                  \
	} while (0)

#define PAGE 0x1000u
#define HANDLERS 3

/* Guest memory is not touched, only announced. */
static char host[16 * PAGE] __attribute__((aligned(PAGE)));

struct state {
	struct life *life;
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	PRAWPCIFACTORY factory;
	RAWPCIVM vm;
	PSUPDRVSESSION session;
	PRAWPCIDEVPORT port;
	struct rawpci_device *dev;
	PCIRAWDEVHANDLE handle;
	PCIRAWREQGETREGIONINFO regions[2];
	PCIRAWREQMAPREGION maps[2];
	int32_t irqs[HANDLERS];
};

static void handler(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
}

static void on_event(void *opaque, enum rawpci_event event)
{
	(void)opaque;
	(void)event;
}

static bool ok(struct state *s, int status, const char *what)
{
	if (status >= 0)
		return true;
	s->life->failures++;
	if (s->life->only != 0 && status != s->life->only) {
		(void)seams_disarm();
		ck_abort_msg("%s: %s: %s", what, rawpci_status_name(status), rawpci_last_error());
	}
	MUST(rawpci_last_error()[0] != '\0');
	return false;
}

/* The native API's errors in the terms of the ABI, as far as they matter here. */
static int status_of(int r)
{
	return r == -ENOMEM ? VERR_NO_MEMORY : r;
}

#define OK(s, call) ok((s), (call), #call)

static int ask(struct state *s, PPCIRAWSENDREQ r, PCIRAWR0OPERATION operation)
{
	r->Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	r->Hdr.cbReq = sizeof(*r);
	r->iRequest = (int32_t)operation;
	r->TargetDevice = s->handle;
	return rawpci_request(s->session, r);
}

static int memory(struct state *s, unsigned page, unsigned pages, PCIRAWMEMINFOACTION action)
{
	return s->vm.pfnContigMemInfo(&s->vm, (uintptr_t)host + page * PAGE, page * PAGE,
				      pages * PAGE, action);
}

static int power(struct state *s, PCIRAWPOWERSTATE state)
{
	PCIRAWSENDREQ r = { .u.aPowerStateChange.iState = (uint32_t)state };

	return ask(s, &r, PCIRAWR0_DO_POWER_STATE_CHANGE);
}

static bool begin(struct state *s)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.bars = { { .size = 4 * PAGE }, { .size = PAGE, .trapped = true } },
		.msix = 64,
		.msix_bar = 0,
		.pm = true,
		.extended = true,
	};
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.settings = s->life->settings,
	};

	if (!OK(s, status_of(rawpci_create(&options, &s->ctx))))
		return false;
	if (s->life->created)
		s->life->created(s->ctx);
	if (rawpci_fake_add(s->ctx, &config, &s->fake) < 0) {
		s->life->failures++;
		return true;
	}
	s->factory = rawpci_factory(s->ctx);
	if (!s->factory) {
		s->life->failures++;
		return true;
	}
	if (OK(s, s->factory->pfnInitVm(s->factory, NULL, &s->vm)))
		(void)OK(s, memory(s, 0, 4, PCIRAW_MEMINFO_MAP));
	(void)OK(s, rawpci_session_create(s->ctx, s->vm.pDriverData ? &s->vm : NULL, &s->session));
	return true;
}

static bool open_device(struct state *s)
{
	PCIRAWSENDREQ r = { .u.aOpenDevice.PciAddress = 5 << 3 };

	if (!s->session || !OK(s, ask(s, &r, PCIRAWR0_DO_OPEN_DEVICE)))
		return false;
	s->handle = r.u.aOpenDevice.Device;
	if (OK(s, rawpci_session_port(s->session, s->handle, &s->port)))
		s->dev = rawpci_port_device(s->port);
	return true;
}

static void use_regions(struct state *s)
{
	for (int i = 0; i < 2; i++) {
		PCIRAWSENDREQ r = { .u.aGetRegionInfo.iRegion = i };
		PCIRAWSENDREQ m = { .u.aMapRegion.iRegion = i, .u.aMapRegion.iRegionSize = PAGE };
		PCIRAWSENDREQ io = { .u.aMmioRead.Value.cb = 4 };

		if (!OK(s, ask(s, &r, PCIRAWR0_DO_GET_REGION_INFO)))
			continue;
		m.u.aMapRegion.StartAddress = r.u.aGetRegionInfo.RegionStart;
		if (!OK(s, ask(s, &m, PCIRAWR0_DO_MAP_REGION)))
			continue;
		s->maps[i] = m.u.aMapRegion;
		io.u.aMmioRead.Address = m.u.aMapRegion.pvAddressR0;
		/* Decoding may be off, for want of the call that turns it on. */
		(void)ask(s, &io, PCIRAWR0_DO_MMIO_READ);
		(void)ask(s, &io, PCIRAWR0_DO_MMIO_WRITE);
	}
}

static void use_config(struct state *s)
{
	PCIRAWSENDREQ w = { .u.aPciCfgWrite = { .iOffset = 4, .Value = { { .u16 = 2 }, 2 } } };
	PCIRAWSENDREQ r = { .u.aPciCfgRead = { .iOffset = 0, .Value.cb = 4 } };

	(void)OK(s, ask(s, &w, PCIRAWR0_DO_PCICFG_WRITE));
	(void)OK(s, ask(s, &r, PCIRAWR0_DO_PCICFG_READ));
}

static void use_irqs(struct state *s)
{
	FNRAWPCIISR *function = handler;

	for (unsigned i = 0; i < HANDLERS; i++) {
		PCIRAWSENDREQ r = { 0 };

		memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &function, sizeof(function));
		if (OK(s, ask(s, &r, PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER)))
			s->irqs[i] = r.u.aRegisterR0IrqHandler.iHostIrq;
	}
	if (s->dev)
		(void)OK(s, status_of(rawpci_device_on_event(s->dev, on_event, NULL)));
}

static void run(struct state *s)
{
	if (!OK(s, power(s, PCIRAW_POWER_ON)))
		return;
	if (s->vm.pDriverData && OK(s, memory(s, 8, 4, PCIRAW_MEMINFO_MAP)))
		(void)OK(s, memory(s, 9, 1, PCIRAW_MEMINFO_UNMAP));
	(void)rawpci_fake_raise(s->fake, 0);
	if (OK(s, power(s, PCIRAW_POWER_SUSPEND)))
		(void)OK(s, power(s, PCIRAW_POWER_RESUME));
	if (s->dev)
		(void)rawpci_device_reset(s->dev);
	(void)rawpci_fake_raise(s->fake, 1);
}

static void let_go(struct state *s)
{
	PCIRAWSENDREQ r = { .u.aUnregisterR0IrqHandler.iHostIrq = s->irqs[1] };
	PCIRAWSENDREQ m = { 0 };

	if (s->irqs[1])
		(void)OK(s, ask(s, &r, PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER));
	m.u.aUnmapRegion.StartAddress = s->maps[0].StartAddress;
	m.u.aUnmapRegion.iRegionSize = s->maps[0].iRegionSize;
	m.u.aUnmapRegion.pvAddressR0 = s->maps[0].pvAddressR0;
	m.u.aUnmapRegion.pvAddressR3 = s->maps[0].pvAddressR3;
	if (s->maps[0].pvAddressR0)
		(void)OK(s, ask(s, &m, PCIRAWR0_DO_UNMAP_REGION));
	/* Closing always completes. */
	m.u.aCloseDevice.fFlags = 0;
	if (!s->life->keep_open)
		MUST(ask(s, &m, PCIRAWR0_DO_CLOSE_DEVICE) == VINF_SUCCESS);
}

static void end(struct state *s)
{
	if (s->session)
		MUST(rawpci_session_destroy(s->session) == VINF_SUCCESS);
	if (s->fake)
		MUST(rawpci_fake_dma_mappings(s->fake) == 0);
	if (s->vm.pDriverData)
		s->factory->pfnDeinitVm(s->factory, NULL, &s->vm);
	MUST(!s->vm.pDriverData);
	if (s->factory)
		s->factory->pfnRelease(s->factory);
	for (int i = 0; i < RAWPCI_FAKE_POINTS; i++)
		s->life->calls[i] = rawpci_fake_calls(s->ctx, (enum rawpci_fake_point)i);
	MUST(rawpci_destroy(s->ctx) == 0);
}

void life_run(struct life *life)
{
	struct state s = { .life = life };

	life->failures = 0;
	if (!begin(&s))
		return;
	if (open_device(&s)) {
		use_config(&s);
		use_regions(&s);
		use_irqs(&s);
		run(&s);
		let_go(&s);
	}
	end(&s);
}
