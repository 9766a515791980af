/* SPDX-License-Identifier: MIT */
/* The fixtures and requests of the contract cases, and the check of a refusal. */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

struct bench bench;
struct seen seen;

static uint64_t model_read(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			   unsigned width)
{
	(void)opaque;
	(void)fake;
	atomic_fetch_add(&seen.reads, 1);
	seen.region = region;
	seen.offset = offset;
	seen.width = width;
	return seen.answer;
}

static void model_write(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			unsigned width, uint64_t value)
{
	(void)opaque;
	(void)fake;
	atomic_fetch_add(&seen.writes, 1);
	seen.region = region;
	seen.offset = offset;
	seen.width = width;
	seen.value = value;
}

static void model_reset(void *opaque, struct rawpci_fake *fake)
{
	(void)opaque;
	(void)fake;
	atomic_fetch_add(&seen.resets, 1);
}

static const struct rawpci_fake_model model = {
	.read = model_read,
	.write = model_write,
	.reset = model_reset,
};

static void add_rig(void)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = bench.address,
		.vendor_id = 0x1af4,
		.device_id = 0x1110,
		.class_code = 0x020000,
		.bars = {
			[DIRECT] = { .size = 0x10000 },
			[TRAPPED] = { .size = 2 * PAGE, .trapped = true },
			[WIDE] = { .size = 0x100000,
				   .flags = RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH },
			[PORTS] = { .size = 32, .flags = RAWPCI_REGION_IO, .trapped = true },
		},
		.rom_size = 2 * PAGE,
		.intx = true,
		.msi = 4,
		.msix = VECTORS,
		.msix_bar = WIDE,
		.extended = true,
		.pm = true,
		.model = &model,
	};

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, &bench.rig), 0);
}

void bench_start(void)
{
	struct rawpci_address address;

	ck_assert_int_eq(rawpci_address_parse(bench.address, &address), 0);
	bench.pci = address.segment << 16 | (uint32_t)address.bus << 8 |
		    (uint32_t)address.device << 3 | address.function;
	bench.fds = harness_descriptors();
	bench.options.size = sizeof(bench.options);
	bench.options.backend = bench.backend;
	bench.options.log_level = RAWPCI_LOG_INFO;
	bench.options.log = bench_log;
	ck_assert_int_eq(rawpci_create(&bench.options, &bench.ctx), 0);
	bench.factory = rawpci_factory(bench.ctx);
	ck_assert_ptr_nonnull(bench.factory);
	DONE(bench.factory->pfnInitVm(bench.factory, NULL, &bench.vm));
	DONE(rawpci_session_create(bench.ctx, &bench.vm, &bench.session));
	if (bench.fake)
		add_rig();
}

int bench_reopen(void)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	int status = bench_ask(&r);

	if (status == VINF_SUCCESS)
		bench.handle = r.u.aOpenDevice.Device;
	return status;
}

static void find_regions(void)
{
	bench.direct = bench.ports = -1;
	for (int32_t i = RAWPCI_REGIONS - 1; i >= 0; i--) {
		PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

		r.u.aGetRegionInfo.iRegion = i;
		DONE(bench_ask(&r));
		bench.regions[i] = r.u.aGetRegionInfo;
		if (!r.u.aGetRegionInfo.fPresent || i == ROM)
			continue;
		if (r.u.aGetRegionInfo.fFlags & PCIRAW_ADDRESS_SPACE_IO)
			bench.ports = i;
		else if (r.u.aGetRegionInfo.u64RegionSize >= PAGE)
			bench.direct = i;
	}
}

void bench_open(void)
{
	bench_start();
	DONE(bench_reopen());
	DONE(rawpci_session_port(bench.session, bench.handle, &bench.port));
	bench.dev = rawpci_port_device(bench.port);
	ck_assert_ptr_nonnull(bench.dev);
	find_regions();
	DONE(bench_config_write(4, 2, 3));
	if (bench.direct >= 0)
		DONE(bench_map(bench.direct, 0, PAGE, &bench.map));
	ck_assert_uint_eq(bench_errors(), 0);
}

void bench_end(void)
{
	if (bench.session)
		DONE(rawpci_session_destroy(bench.session));
	if (bench.vm.pDriverData)
		bench.factory->pfnDeinitVm(bench.factory, NULL, &bench.vm);
	ck_assert_ptr_null(bench.vm.pDriverData);
	if (bench.factory)
		bench.factory->pfnRelease(bench.factory);
	ck_assert_int_eq(rawpci_destroy(bench.ctx), 0);
	ck_assert_uint_eq(harness_descriptors(), bench.fds);
}

PCIRAWSENDREQ bench_request(PCIRAWR0OPERATION operation)
{
	PCIRAWSENDREQ r;

	memset(&r, 0, sizeof(r));
	r.Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	r.Hdr.cbReq = sizeof(r);
	r.iRequest = (int32_t)operation;
	r.TargetDevice = bench.handle;
	if (operation != PCIRAWR0_DO_OPEN_DEVICE)
		return r;
	r.TargetDevice = 0;
	r.u.aOpenDevice.PciAddress = bench.pci;
	r.u.aOpenDevice.fFlags = bench.fake ? 0 : PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER;
	return r;
}

int bench_ask(PPCIRAWSENDREQ request)
{
	return rawpci_request(bench.session, request);
}

int bench_power(PCIRAWPOWERSTATE state)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_POWER_STATE_CHANGE);

	r.u.aPowerStateChange.iState = (uint32_t)state;
	return bench_ask(&r);
}

int bench_close(void)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_CLOSE_DEVICE);
	int status = bench_ask(&r);

	if (status == VINF_SUCCESS)
		bench.dev = NULL;
	return status;
}

int bench_map(int region, uint64_t offset, uint64_t size, struct part *part)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_MAP_REGION);
	int status;

	r.u.aMapRegion.iRegion = region;
	r.u.aMapRegion.StartAddress = bench.regions[region].RegionStart + offset;
	r.u.aMapRegion.iRegionSize = size;
	status = bench_ask(&r);
	if (status != VINF_SUCCESS)
		return status;
	*part = (struct part){
		.start = r.u.aMapRegion.StartAddress,
		.size = size,
		.region = region,
		.r3 = r.u.aMapRegion.pvAddressR3,
		.r0 = r.u.aMapRegion.pvAddressR0,
	};
	return status;
}

int bench_unmap(const struct part *part)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_UNMAP_REGION);

	r.u.aUnmapRegion.StartAddress = part->start;
	r.u.aUnmapRegion.iRegionSize = part->size;
	r.u.aUnmapRegion.iRegion = part->region;
	r.u.aUnmapRegion.pvAddressR3 = part->r3;
	r.u.aUnmapRegion.pvAddressR0 = part->r0;
	return bench_ask(&r);
}

int bench_register(FNRAWPCIISR *handler, void *context, int32_t *irq)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER);
	int status;

	memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &handler, sizeof(handler));
	r.u.aRegisterR0IrqHandler.pfnHandlerContext = context;
	r.u.aRegisterR0IrqHandler.iGuestIrq = 11;
	status = bench_ask(&r);
	if (status == VINF_SUCCESS)
		*irq = r.u.aRegisterR0IrqHandler.iHostIrq;
	return status;
}

int bench_unregister(int32_t irq)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER);

	r.u.aUnregisterR0IrqHandler.iHostIrq = irq;
	return bench_ask(&r);
}

int bench_mmio_read(const void *address, unsigned width, uint64_t *value)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_MMIO_READ);
	int status;

	r.u.aMmioRead.Address = (void *)(uintptr_t)address;
	r.u.aMmioRead.Value.cb = (uint8_t)width;
	status = bench_ask(&r);
	if (status == VINF_SUCCESS)
		*value = r.u.aMmioRead.Value.u.u64;
	return status;
}

int bench_mmio_write(void *address, unsigned width, uint64_t value)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_MMIO_WRITE);

	r.u.aMmioWrite.Address = address;
	r.u.aMmioWrite.Value.cb = (uint8_t)width;
	r.u.aMmioWrite.Value.u.u64 = value;
	return bench_ask(&r);
}

int bench_config_read(uint32_t offset, unsigned width, uint64_t *value)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PCICFG_READ);
	int status;

	r.u.aPciCfgRead.iOffset = offset;
	r.u.aPciCfgRead.Value.cb = (uint8_t)width;
	status = bench_ask(&r);
	if (status == VINF_SUCCESS)
		*value = r.u.aPciCfgRead.Value.u.u64;
	return status;
}

int bench_config_write(uint32_t offset, unsigned width, uint64_t value)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PCICFG_WRITE);

	r.u.aPciCfgWrite.iOffset = offset;
	r.u.aPciCfgWrite.Value.cb = (uint8_t)width;
	r.u.aPciCfgWrite.Value.u.u64 = value;
	return bench_ask(&r);
}

int bench_memory(void *host, uint64_t guest, uint64_t size, PCIRAWMEMINFOACTION action)
{
	return bench.vm.pfnContigMemInfo(&bench.vm, (uintptr_t)host, guest, size, action);
}

unsigned bench_errors(void)
{
	return atomic_load(&bench.lines[RAWPCI_LOG_ERROR]);
}

unsigned bench_failures(void)
{
	return bench_errors() + atomic_load(&bench.lines[RAWPCI_LOG_WARNING]);
}

uint32_t bench_pci(unsigned bus, unsigned device, unsigned function)
{
	return bus << 8 | device << 3 | function;
}

void bench_pause(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

void bench_wait(atomic_uint *counter, unsigned n)
{
	for (unsigned i = 0; atomic_load(counter) < n; i++) {
		ck_assert_msg(i < 20000, "waited for %u, there were %u", n, atomic_load(counter));
		bench_pause();
	}
}

static bool look_at_config(uint8_t *config)
{
	for (unsigned i = 0; i < 256; i += 4) {
		uint32_t value;

		if (rawpci_config_read(bench.dev, i, 4, &value) < 0)
			return false;
		memcpy(config + i, &value, 4);
	}
	/* A real device's status register has a life of its own. */
	if (!bench.fake)
		memset(config + 6, 0, 2);
	return true;
}

void bench_look(struct snapshot *snapshot)
{
	memset(snapshot, 0, sizeof(*snapshot));
	if (bench.dev) {
		snapshot->readable = look_at_config(snapshot->config);
		if (bench.map.r0)
			snapshot->status = rawpci_mmio_read(bench.dev, bench.map.r0, 4,
							    &snapshot->value);
	}
	snapshot->fds = harness_descriptors();
	snapshot->errors = bench_failures();
}

void bench_refused(const struct snapshot *before, int want, int got, const char *what)
{
	unsigned lines = bench_failures() - before->errors;
	char sentence[512] = "";
	struct snapshot after;

	(void)strncpy(sentence, rawpci_last_error(), sizeof(sentence) - 1);
	ck_assert_msg(got == want, "%s: got %s (%d), want %s: %s", what, rawpci_status_name(got),
		      got, rawpci_status_name(want), sentence);
	ck_assert_str_ne(sentence, "");
	ck_assert_msg(lines == 1 || (lines == 0 && bench_said(sentence)), "%s: %u lines in the log",
		      what, lines);
	if (lines == 1)
		ck_assert_msg(strcmp(sentence, bench.last) == 0 ||
				      strstr(bench.last, "10 times so far: "),
			      "\"%s\", but \"%s\"", sentence, bench.last);
	bench_look(&after);
	ck_assert_msg(after.fds == before->fds, "%s: %u descriptors became %u", what, before->fds,
		      after.fds);
	ck_assert_msg(after.readable == before->readable, "%s: config space", what);
	ck_assert_msg(memcmp(after.config, before->config, sizeof(after.config)) == 0,
		      "%s: config space changed", what);
	ck_assert_msg(after.status == before->status && after.value == before->value,
		      "%s: the mapping changed", what);
}
