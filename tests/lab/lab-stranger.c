/* SPDX-License-Identifier: MIT */
/*
 * A program as a stranger to the library would write it: it uses the ABI's structures and the few
 * functions an embedder builds on, and nothing else. On QEMU's edu over VFIO it announces memory,
 * maps the registers, takes interrupts, does DMA, takes memory away, sleeps and wakes, and leaves
 * everything as it was. Over uio and sysfs it does what of this there is, and is refused the rest.
 *
 * usage: lab-stranger BDF [BACKEND] [SETTING...]
 */
#include <semaphore.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <rawpci.h>
#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/status.h>

#include "check.h"
#include "edu.h"

#define PAGE 4096u
#define RAM_SIZE (64u << 20)
#define INTERRUPTS 500

/* Guest pages, by what they are used for. */
#define SOURCE (0x100u * PAGE)
#define TARGET (0x200u * PAGE)
#define PUNCHED (0x1234u * PAGE)

struct stranger {
	const char *bdf;
	const char *const *settings;
	const char *backend; /* NULL: automatic, and VFIO is expected */
	const char *driver;  /* of the device while it is open */
	bool irqs, dma;      /* what the backend has */
	struct rawpci *ctx;
	PRAWPCIFACTORY factory;
	RAWPCIVM vm;
	PSUPDRVSESSION session;
	PCIRAWDEVHANDLE device;
	PCIRAWREQMAPREGION bar;
	uint8_t *ram;
	_Atomic int32_t irq;
	sem_t arrived;
	_Atomic uint32_t status; /* what the device had raised at the last interrupt */
	atomic_uint spurious;
};

static PCIRAWSENDREQ request(const struct stranger *s, PCIRAWR0OPERATION operation)
{
	PCIRAWSENDREQ r;

	memset(&r, 0, sizeof(r));
	r.Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	r.Hdr.cbReq = sizeof(r);
	r.pSession = s->session;
	r.iRequest = (int32_t)operation;
	r.TargetDevice = s->device;
	return r;
}

static int read_register(const struct stranger *s, uint32_t offset, uint32_t *value)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_MMIO_READ);
	int rc;

	r.u.aMmioRead.Address = (uint8_t *)s->bar.pvAddressR0 + offset;
	r.u.aMmioRead.Value.cb = 4;
	rc = rawpci_request(s->session, &r);
	if (rc == VINF_SUCCESS)
		*value = r.u.aMmioRead.Value.u.u32;
	return rc;
}

static int write_register(const struct stranger *s, uint32_t offset, uint32_t value)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_MMIO_WRITE);

	r.u.aMmioWrite.Address = (uint8_t *)s->bar.pvAddressR0 + offset;
	r.u.aMmioWrite.Value.cb = 4;
	r.u.aMmioWrite.Value.u.u32 = value;
	return rawpci_request(s->session, &r);
}

static int power(const struct stranger *s, PCIRAWPOWERSTATE state)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_POWER_STATE_CHANGE);

	r.u.aPowerStateChange.iState = (uint32_t)state;
	return rawpci_request(s->session, &r);
}

static void on_interrupt(void *opaque, int32_t irq)
{
	struct stranger *s = opaque;
	uint32_t status = 0;

	if (read_register(s, EDU_IRQ_STATUS, &status) != VINF_SUCCESS || status == 0 ||
	    irq != s->irq) {
		atomic_fetch_add(&s->spurious, 1);
		return;
	}
	write_register(s, EDU_IRQ_ACK, status);
	atomic_store(&s->status, status);
	sem_post(&s->arrived);
}

static bool wait_interrupt(struct stranger *s)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 10;
	return sem_timedwait(&s->arrived, &limit) == 0;
}

/* Raises interrupts one after the other; returns how many arrived with the right status. */
static int interrupts(struct stranger *s, uint32_t first, int n)
{
	for (int i = 0; i < n; i++) {
		uint32_t value = first + (uint32_t)i;

		if (write_register(s, EDU_IRQ_RAISE, value) != VINF_SUCCESS || !wait_interrupt(s) ||
		    atomic_load(&s->status) != value)
			return i;
	}
	return n;
}

static bool dma(const struct stranger *s, uint32_t from, uint32_t to, uint32_t direction)
{
	uint32_t command = EDU_DMA_START;

	if (write_register(s, EDU_DMA_FROM, from) || write_register(s, EDU_DMA_TO, to) ||
	    write_register(s, EDU_DMA_COUNT, EDU_DMA_BYTES) ||
	    write_register(s, EDU_DMA_COMMAND, EDU_DMA_START | direction))
		return false;
	for (int i = 0; i < 2000 && (command & EDU_DMA_START); i++) {
		sleep_ms(5);
		if (read_register(s, EDU_DMA_COMMAND, &command) != VINF_SUCCESS)
			return false;
	}
	return !(command & EDU_DMA_START);
}

/* Carries a new pattern from SOURCE through the device to guest memory at to: did it arrive? */
static bool dma_reaches(const struct stranger *s, uint32_t to, uint8_t seed)
{
	for (uint32_t i = 0; i < EDU_DMA_BYTES; i++)
		s->ram[SOURCE + i] = (uint8_t)(seed + i * 7);
	memset(s->ram + to, 0x5a, PAGE);
	return dma(s, SOURCE, EDU_BUFFER, 0) && dma(s, EDU_BUFFER, to, EDU_DMA_TO_RAM) &&
	       memcmp(s->ram + to, s->ram + SOURCE, EDU_DMA_BYTES) == 0;
}

static bool untouched(const struct stranger *s, uint32_t page)
{
	for (uint32_t i = 0; i < PAGE; i++) {
		if (s->ram[page + i] != 0x5a)
			return false;
	}
	return true;
}

static bool set_up(struct stranger *s)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = s->backend,
		.settings = s->settings,
	};
	int failed = 0;

	if (!check(rawpci_create(&options, &s->ctx) == 0, "a context"))
		return false;
	s->factory = rawpci_factory(s->ctx);
	if (!check(s->factory && s->factory->pfnInitVm(s->factory, NULL, &s->vm) == VINF_SUCCESS,
		   "the factory and a VM"))
		return false;
	s->ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->ram == MAP_FAILED)
		return check(false, "no memory for a guest");
	madvise(s->ram, RAM_SIZE, MADV_DONTFORK);
	for (uint64_t at = 0; s->dma && at < RAM_SIZE; at += PAGE)
		failed += s->vm.pfnContigMemInfo(&s->vm, (RTHCPHYS)(uintptr_t)s->ram + at, at, PAGE,
						 PCIRAW_MEMINFO_MAP) != VINF_SUCCESS;
	if (s->dma)
		check(failed == 0, "64 MiB announced in 4 KiB steps before opening, %d failed",
		      failed);
	return check(rawpci_session_create(s->ctx, &s->vm, &s->session) == VINF_SUCCESS,
		     "a session");
}

static bool open_device(struct stranger *s)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_OPEN_DEVICE);
	unsigned segment, bus, device, function;
	int rc;

	if (sscanf(s->bdf, "%x:%x:%x.%x", &segment, &bus, &device, &function) != 4)
		return check(false, "%s is not an address", s->bdf);
	r.u.aOpenDevice.PciAddress = segment << 16 | bus << 8 | device << 3 | function;
	r.u.aOpenDevice.fFlags = PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER;
	rc = rawpci_request(s->session, &r);
	if (!check(rc == VINF_SUCCESS && r.u.aOpenDevice.Device != 0, "open: %d", rc))
		return false;
	s->device = r.u.aOpenDevice.Device;
	return check(strcmp(host_driver(s->bdf), s->driver) == 0, "driver while open: %s",
		     host_driver(s->bdf));
}

static bool map_registers(struct stranger *s)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_GET_REGION_INFO);
	uint32_t id = 0, alive = 0;
	int rc = rawpci_request(s->session, &r);

	if (!check(rc == VINF_SUCCESS && r.u.aGetRegionInfo.fPresent &&
			   r.u.aGetRegionInfo.u64RegionSize == 1 << 20 &&
			   r.u.aGetRegionInfo.fFlags == 0,
		   "BAR 0: %d, %llu bytes at 0x%llx", rc,
		   (unsigned long long)r.u.aGetRegionInfo.u64RegionSize,
		   (unsigned long long)r.u.aGetRegionInfo.RegionStart))
		return false;
	s->bar.StartAddress = r.u.aGetRegionInfo.RegionStart;
	s->bar.iRegionSize = r.u.aGetRegionInfo.u64RegionSize;
	r = request(s, PCIRAWR0_DO_MAP_REGION);
	r.u.aMapRegion = s->bar;
	rc = rawpci_request(s->session, &r);
	if (!check(rc == VINF_SUCCESS && r.u.aMapRegion.pvAddressR3 && r.u.aMapRegion.pvAddressR0,
		   "BAR 0 mapped: %d", rc))
		return false;
	s->bar = r.u.aMapRegion;
	rc = power(s, PCIRAW_POWER_ON);
	if (!check(rc == VINF_SUCCESS, "power on: %d", rc))
		return false;
	rc = read_register(s, EDU_ID, &id);
	check(rc == VINF_SUCCESS && id == EDU_ID_VALUE, "identity: %d, 0x%08x", rc, id);
	id = *(volatile uint32_t *)s->bar.pvAddressR3;
	check(id == EDU_ID_VALUE, "identity, by a load: 0x%08x", id);
	write_register(s, EDU_LIVENESS, 0x12345678);
	read_register(s, EDU_LIVENESS, &alive);
	return check(alive == ~0x12345678u, "liveness: 0x%08x", alive);
}

static void take_interrupts(struct stranger *s)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER);
	PFNRAWPCIISR handler = on_interrupt;
	int rc, n;

	/* The ABI carries the function in a data pointer. */
	memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &handler, sizeof(handler));
	r.u.aRegisterR0IrqHandler.pfnHandlerContext = s;
	r.u.aRegisterR0IrqHandler.iGuestIrq = 10;
	rc = rawpci_request(s->session, &r);
	s->irq = r.u.aRegisterR0IrqHandler.iHostIrq;
	if (!s->irqs) {
		check(rc == VERR_NOT_SUPPORTED, "no interrupts: %d: %s", rc, rawpci_last_error());
		return;
	}
	if (!check(rc == VINF_SUCCESS && s->irq >= 1, "handler registered: %d, number %d", rc,
		   (int)s->irq))
		return;
	n = interrupts(s, 1, INTERRUPTS);
	check(n == INTERRUPTS && sem_trywait(&s->arrived) < 0,
	      "%d of %d interrupts arrived, none twice (%u calls without cause)", n, INTERRUPTS,
	      atomic_load(&s->spurious));
}

static void punch_memory(struct stranger *s)
{
	char fault[32];
	int rc;

	check(dma_reaches(s, TARGET, 1), "DMA both ways");
	check(dma_reaches(s, PUNCHED, 2), "DMA reaches the page that will go");
	rc = s->vm.pfnContigMemInfo(&s->vm, (RTHCPHYS)(uintptr_t)(s->ram + PUNCHED), PUNCHED, PAGE,
				    PCIRAW_MEMINFO_UNMAP);
	check(rc == VINF_SUCCESS, "a page withdrawn: %d", rc);
	check(!dma_reaches(s, PUNCHED, 3) && untouched(s, PUNCHED), "DMA does not reach it");
	snprintf(fault, sizeof(fault), "fault addr 0x%x", PUNCHED);
	check(kernel_said(fault), "the IOMMU reported it: %s", fault);
	check(dma_reaches(s, PUNCHED - PAGE, 4), "DMA reaches the page before");
	check(dma_reaches(s, PUNCHED + PAGE, 5), "DMA reaches the page after");
	check(dma_reaches(s, RAM_SIZE - PAGE, 6), "DMA reaches the last page");
	check(untouched(s, PUNCHED), "the page is still as it was");
	rc = s->vm.pfnContigMemInfo(&s->vm, (RTHCPHYS)(uintptr_t)(s->ram + PUNCHED), PUNCHED, PAGE,
				    PCIRAW_MEMINFO_MAP);
	check(rc == VINF_SUCCESS && dma_reaches(s, PUNCHED, 7), "announced again: %d", rc);
}

/* A device that is on and a backend that cannot map memory for it. */
static void refuse_memory(struct stranger *s)
{
	int rc = s->vm.pfnContigMemInfo(&s->vm, (RTHCPHYS)(uintptr_t)s->ram, 0, PAGE,
					PCIRAW_MEMINFO_MAP);

	check(rc == VERR_NOT_SUPPORTED, "no DMA: %d: %s", rc, rawpci_last_error());
}

static void sleep_and_wake(struct stranger *s)
{
	uint32_t id = 0;
	int n, rc = power(s, PCIRAW_POWER_SUSPEND);

	check(rc == VINF_SUCCESS, "suspend: %d", rc);
	rc = read_register(s, EDU_ID, &id);
	check(rc == VERR_INVALID_STATE, "a register, asleep: %d", rc);
	rc = power(s, PCIRAW_POWER_RESUME);
	check(rc == VINF_SUCCESS, "resume: %d", rc);
	rc = read_register(s, EDU_ID, &id);
	check(rc == VINF_SUCCESS && id == EDU_ID_VALUE, "identity: %d, 0x%08x", rc, id);
	if (s->irqs) {
		n = interrupts(s, 0x1000, 10);
		check(n == 10, "%d of 10 interrupts", n);
	}
	if (s->dma)
		check(dma_reaches(s, TARGET, 8), "DMA both ways");
}

static void close_device(struct stranger *s)
{
	PCIRAWSENDREQ r = request(s, PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER);
	int rc;

	r.u.aUnregisterR0IrqHandler.iHostIrq = s->irq;
	rc = rawpci_request(s->session, &r);
	check(rc == (s->irqs ? VINF_SUCCESS : VERR_NOT_FOUND), "handler unregistered: %d", rc);
	r = request(s, PCIRAWR0_DO_UNMAP_REGION);
	r.u.aUnmapRegion.StartAddress = s->bar.StartAddress;
	r.u.aUnmapRegion.iRegionSize = s->bar.iRegionSize;
	r.u.aUnmapRegion.pvAddressR3 = s->bar.pvAddressR3;
	r.u.aUnmapRegion.pvAddressR0 = s->bar.pvAddressR0;
	rc = rawpci_request(s->session, &r);
	check(rc == VINF_SUCCESS, "BAR 0 unmapped: %d", rc);
	r = request(s, PCIRAWR0_DO_CLOSE_DEVICE);
	rc = rawpci_request(s->session, &r);
	check(rc == VINF_SUCCESS, "close: %d", rc);
	rc = rawpci_request(s->session, &r);
	check(rc == VERR_INVALID_HANDLE, "closed again: %d", rc);
}

static void tear_down(struct stranger *s)
{
	int rc = rawpci_session_destroy(s->session);

	check(rc == VINF_SUCCESS, "session destroyed: %d", rc);
	if (s->factory) {
		s->factory->pfnDeinitVm(s->factory, NULL, &s->vm);
		s->factory->pfnRelease(s->factory);
	}
	rc = rawpci_destroy(s->ctx);
	check(rc == 0, "context destroyed: %d", rc);
	if (s->ram && s->ram != MAP_FAILED)
		munmap(s->ram, RAM_SIZE);
}

int main(int argc, char **argv)
{
	struct stranger s = { .bdf = argc > 1 ? argv[1] : "", .driver = "vfio-pci" };
	int before = open_descriptors(), after;
	int settings = argc > 2 && !strchr(argv[2], '=') ? 3 : 2;
	char driver[64];

	if (argc < 2) {
		fprintf(stderr, "usage: lab-stranger BDF [BACKEND] [SETTING...]\n");
		return 2;
	}
	s.backend = settings == 3 ? argv[2] : NULL;
	s.settings = argc > settings ? (const char *const *)(argv + settings) : NULL;
	if (s.settings && strcmp(s.settings[0], "vfio.via=cdev") == 0 &&
	    access("/dev/iommu", F_OK) < 0) {
		printf("this kernel has no iommufd\n");
		return 77;
	}
	s.irqs = !s.backend || strcmp(s.backend, "sysfs") != 0;
	s.dma = s.irqs && (!s.backend || strcmp(s.backend, "uio") != 0);
	if (!s.dma)
		s.driver = s.irqs ? "uio_pci_generic" : "";
	snprintf(driver, sizeof(driver), "%s", host_driver(s.bdf));
	check(driver[0] != '\0', "host driver before: %s", driver);
	sem_init(&s.arrived, 0, 0);
	if (set_up(&s) && open_device(&s)) {
		if (map_registers(&s)) {
			take_interrupts(&s);
			s.dma ? punch_memory(&s) : refuse_memory(&s);
			sleep_and_wake(&s);
		}
		close_device(&s);
		check(strcmp(host_driver(s.bdf), driver) == 0, "host driver after: %s",
		      host_driver(s.bdf));
	}
	tear_down(&s);
	after = open_descriptors();
	check(after == before, "descriptors: %d before, %d after", before, after);
	return check_end();
}
