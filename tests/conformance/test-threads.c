/* SPDX-License-Identifier: MIT */
/*
 * Threads that use one device in every way at once, while it is closed and opened under them: only
 * documented codes, and, under a sanitizer, no race. Each thread has bytes of its own, as the
 * threads of a real driver would.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/fake.h>

#include "harness.h"

#define PAGE 0x1000u
#define THREADS 12
#define ROUNDS 1500

static struct {
	struct rawpci *ctx;
	PRAWPCIFACTORY factory;
	RAWPCIVM vm;
	PSUPDRVSESSION session;
	struct rawpci_fake *fake;
	_Atomic PCIRAWDEVHANDLE handle;
	_Atomic(char *) base; /* of the last mapping, live or not */
	atomic_uint lines, handled;
	uint64_t start;
	char *host;
} t;

static void on_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	ck_assert_ptr_nonnull(message);
	atomic_fetch_add(&t.lines, 1);
}

static PCIRAWSENDREQ request(PCIRAWR0OPERATION operation)
{
	PCIRAWSENDREQ r;

	memset(&r, 0, sizeof(r));
	r.Hdr.u32Magic = SUPVMMR0REQHDR_MAGIC;
	r.Hdr.cbReq = sizeof(r);
	r.iRequest = (int32_t)operation;
	r.TargetDevice = atomic_load(&t.handle);
	return r;
}

/* The codes that a thread may get when others do what they like; 0 ends the list. */
static int ask(PPCIRAWSENDREQ r, const int *allowed)
{
	int status = rawpci_request(t.session, r);

	for (; status != VINF_SUCCESS && *allowed != 0; allowed++)
		if (*allowed == status)
			return status;
	if (status != VINF_SUCCESS)
		ck_abort_msg("operation %d: %s: %s", r->iRequest, rawpci_status_name(status),
			     rawpci_last_error());
	return status;
}

static const int access_codes[] = { VERR_INVALID_HANDLE, VERR_INVALID_POINTER, VERR_INVALID_STATE,
				    0 };
static const int plain_codes[] = { VERR_INVALID_HANDLE, VERR_INVALID_STATE, 0 };
static const int unmap_codes[] = { VERR_INVALID_HANDLE, VERR_NOT_FOUND, 0 };
static const int irq_codes[] = { VERR_INVALID_HANDLE, VERR_INVALID_STATE, VERR_OUT_OF_RESOURCES,
				 VERR_NOT_FOUND, 0 };
static const int power_codes[] = { VERR_INVALID_HANDLE, VERR_WRONG_ORDER, 0 };
static const int handle_codes[] = { VERR_INVALID_HANDLE, 0 };
static const int open_codes[] = { VERR_RESOURCE_BUSY, 0 };

static void *mmio(void *arg)
{
	size_t own = (size_t)(uintptr_t)arg * 64;

	for (unsigned i = 0; i < ROUNDS * 4; i++) {
		PCIRAWSENDREQ w = request(PCIRAWR0_DO_MMIO_WRITE), r;
		char *base = atomic_load(&t.base);

		if (!base)
			continue;
		w.u.aMmioWrite.Address = base + own;
		w.u.aMmioWrite.Value.cb = 8;
		w.u.aMmioWrite.Value.u.u64 = i;
		(void)ask(&w, access_codes);
		r = request(PCIRAWR0_DO_MMIO_READ);
		r.u.aMmioRead.Address = base + own;
		r.u.aMmioRead.Value.cb = 8;
		(void)ask(&r, access_codes);
	}
	return NULL;
}

static void *config(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS * 2; i++) {
		PCIRAWSENDREQ r = request(PCIRAWR0_DO_PCICFG_READ), w;

		r.u.aPciCfgRead.Value.cb = 4;
		if (ask(&r, plain_codes) == VINF_SUCCESS)
			ck_assert_uint_eq(r.u.aPciCfgRead.Value.u.u64 & 0xffff, 0x1af4);
		w = request(PCIRAWR0_DO_PCICFG_WRITE);
		w.u.aPciCfgWrite.iOffset = i % 4 ? 0x3c : 4;
		w.u.aPciCfgWrite.Value.cb = 1;
		w.u.aPciCfgWrite.Value.u.u8 = i % 8 ? 3 : 0;
		(void)ask(&w, plain_codes);
		r = request(PCIRAWR0_DO_GET_REGION_INFO);
		(void)ask(&r, handle_codes);
	}
	return NULL;
}

static void *ports(void *arg)
{
	PCIRAWSENDREQ info = request(PCIRAWR0_DO_GET_REGION_INFO);

	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		PCIRAWSENDREQ r = request(PCIRAWR0_DO_PIO_READ);

		info.TargetDevice = atomic_load(&t.handle);
		info.u.aGetRegionInfo.iRegion = 1;
		if (ask(&info, handle_codes) != VINF_SUCCESS)
			continue;
		r.u.aPioRead.iPort = (uint16_t)info.u.aGetRegionInfo.RegionStart;
		r.u.aPioRead.cb = 4;
		(void)ask(&r, plain_codes);
	}
	return NULL;
}

static void *maps(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS; i++) {
		PCIRAWSENDREQ m = request(PCIRAWR0_DO_MAP_REGION);
		PCIRAWSENDREQ u = request(PCIRAWR0_DO_UNMAP_REGION);

		m.u.aMapRegion.StartAddress = t.start;
		m.u.aMapRegion.iRegionSize = 4 * PAGE;
		if (ask(&m, plain_codes) != VINF_SUCCESS)
			continue;
		atomic_store(&t.base, m.u.aMapRegion.pvAddressR0);
		u.TargetDevice = m.TargetDevice;
		u.u.aUnmapRegion.StartAddress = t.start;
		u.u.aUnmapRegion.iRegionSize = 4 * PAGE;
		u.u.aUnmapRegion.pvAddressR0 = m.u.aMapRegion.pvAddressR0;
		u.u.aUnmapRegion.pvAddressR3 = m.u.aMapRegion.pvAddressR3;
		if (i % 3)
			(void)ask(&u, unmap_codes);
	}
	return NULL;
}

static void handler(void *context, int32_t irq)
{
	PCIRAWSENDREQ r = request(PCIRAWR0_DO_PCICFG_READ);

	(void)context;
	ck_assert_int_ge(irq, 1);
	r.u.aPciCfgRead.Value.cb = 2;
	(void)ask(&r, plain_codes);
	atomic_fetch_add(&t.handled, 1);
}

static void *irqs(void *arg)
{
	FNRAWPCIISR *function = handler;

	(void)arg;
	for (unsigned i = 0; i < ROUNDS / 3; i++) {
		PCIRAWSENDREQ r = request(PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER);
		PCIRAWSENDREQ u = request(PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER);

		memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &function, sizeof(function));
		if (ask(&r, irq_codes) != VINF_SUCCESS)
			continue;
		(void)rawpci_fake_raise(t.fake, i % 8);
		u.TargetDevice = r.TargetDevice;
		u.u.aUnregisterR0IrqHandler.iHostIrq = r.u.aRegisterR0IrqHandler.iHostIrq;
		if (i % 4)
			(void)ask(&u, irq_codes);
	}
	return NULL;
}

static void *power(void *arg)
{
	static const PCIRAWPOWERSTATE states[] = {
		PCIRAW_POWER_ON,
		PCIRAW_POWER_SUSPEND,
		PCIRAW_POWER_RESUME,
		PCIRAW_POWER_OFF,
	};

	(void)arg;
	for (unsigned i = 0; i < ROUNDS / 3; i++) {
		PCIRAWSENDREQ r = request(PCIRAWR0_DO_POWER_STATE_CHANGE);

		r.u.aPowerStateChange.iState = states[i % 4];
		(void)ask(&r, power_codes);
	}
	return NULL;
}

static void *memory(void *arg)
{
	uint64_t at = (uint64_t)(uintptr_t)arg * 16 * PAGE;

	for (unsigned i = 0; i < ROUNDS; i++) {
		uint64_t page = at + (i % 16) * PAGE;

		if (t.vm.pfnContigMemInfo(&t.vm, (uintptr_t)t.host + page, page, PAGE,
					  PCIRAW_MEMINFO_MAP) != VINF_SUCCESS ||
		    (i % 2 && t.vm.pfnContigMemInfo(&t.vm, 0, page, PAGE, PCIRAW_MEMINFO_UNMAP) !=
				      VINF_SUCCESS))
			ck_abort_msg("guest memory: %s", rawpci_last_error());
	}
	return NULL;
}

static int open_device(void)
{
	PCIRAWSENDREQ r = request(PCIRAWR0_DO_OPEN_DEVICE);

	r.u.aOpenDevice.PciAddress = 5 << 3;
	if (ask(&r, open_codes) != VINF_SUCCESS)
		return VERR_RESOURCE_BUSY;
	atomic_store(&t.handle, r.u.aOpenDevice.Device);
	return VINF_SUCCESS;
}

static void *reopen(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS / 10; i++) {
		PCIRAWSENDREQ r = request(PCIRAWR0_DO_CLOSE_DEVICE);

		(void)ask(&r, handle_codes);
		(void)open_device();
		(void)sched_yield();
	}
	return NULL;
}

/* A neighbour with a session of its own in the same VM. */
static void *neighbour(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < ROUNDS / 10; i++) {
		PRAWPCIDEVPORT port = NULL;

		if (t.factory->pfnCreateAndConnect(t.factory, 4 << 3, 0, &t.vm, &port) < 0)
			ck_abort_msg("neighbour: %s", rawpci_last_error());
		(void)port->pfnPowerStateChange(port, PCIRAW_POWER_ON);
		(void)port->pfnDestroy(port);
	}
	return NULL;
}

/* The ring is there before the threads: a sanitizer does not see the system call that maps it, and
 * would hold what was at its address before against it. */
static void start_engine(void)
{
	PCIRAWSENDREQ r = request(PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER);
	PCIRAWSENDREQ u = request(PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER);
	FNRAWPCIISR *function = handler;

	memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &function, sizeof(function));
	ck_assert_int_eq(rawpci_request(t.session, &r), VINF_SUCCESS);
	u.u.aUnregisterR0IrqHandler.iHostIrq = r.u.aRegisterR0IrqHandler.iHostIrq;
	ck_assert_int_eq(rawpci_request(t.session, &u), VINF_SUCCESS);
}

static void setup(void)
{
	static const struct rawpci_fake_config config_of_fake = {
		.size = sizeof(config_of_fake),
		.address = "0000:00:05.0",
		.vendor_id = 0x1af4,
		.bars = { { .size = 4 * PAGE },
			  { .size = 32, .flags = RAWPCI_REGION_IO },
			  { .size = PAGE } },
		.msix = 8,
		.msix_bar = 2,
		.pm = true,
	};
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "fake",
		.log_level = RAWPCI_LOG_INFO,
		.log = on_log,
	};
	PCIRAWSENDREQ r;

	ck_assert_int_eq(rawpci_create(&options, &t.ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(t.ctx, &config_of_fake, &t.fake), 0);
	t.factory = rawpci_factory(t.ctx);
	ck_assert_int_eq(t.factory->pfnInitVm(t.factory, NULL, &t.vm), VINF_SUCCESS);
	ck_assert_int_eq(rawpci_session_create(t.ctx, &t.vm, &t.session), VINF_SUCCESS);
	ck_assert_int_eq(open_device(), VINF_SUCCESS);
	r = request(PCIRAWR0_DO_GET_REGION_INFO);
	ck_assert_int_eq(rawpci_request(t.session, &r), VINF_SUCCESS);
	t.start = r.u.aGetRegionInfo.RegionStart;
	start_engine();
	t.host = mmap(NULL, 1024 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(t.host, MAP_FAILED);
}

static void end(void)
{
	ck_assert_int_eq(rawpci_session_destroy(t.session), VINF_SUCCESS);
	t.factory->pfnDeinitVm(t.factory, NULL, &t.vm);
	t.factory->pfnRelease(t.factory);
	ck_assert_int_eq(rawpci_destroy(t.ctx), 0);
}

static void together(void *(*const *functions)(void *), unsigned n)
{
	pthread_t threads[THREADS];

	for (unsigned i = 0; i < n; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, functions[i],
						(void *)(uintptr_t)(i + 1)),
				 0);
	for (unsigned i = 0; i < n; i++)
		(void)pthread_join(threads[i], NULL);
}

START_TEST(everything_at_once)
{
	static void *(*const all[])(void *) = {
		mmio, mmio, config, config, ports,  maps,
		irqs, irqs, power,  memory, reopen, neighbour,
	};

	together(all, THREADS);
}
END_TEST

START_TEST(accesses_against_each)
{
	static void *(*const against[])(void *) = { maps, irqs, power, reopen, memory };
	void *(*const some[])(void *) = { mmio, config, ports, against[_i] };

	together(some, 4);
}
END_TEST

/* Of several that try, one succeeds. */
static atomic_uint winners;
static PCIRAWSENDREQ contested;
static int losers_code;

static void *contend(void *arg)
{
	PCIRAWSENDREQ r = contested;
	int status = rawpci_request(t.session, &r);

	(void)arg;
	if (status == VINF_SUCCESS)
		atomic_fetch_add(&winners, 1);
	else if (status != losers_code && status != VERR_INVALID_HANDLE)
		ck_abort_msg("%s", rawpci_status_name(status));
	return NULL;
}

static void prepare(int which)
{
	FNRAWPCIISR *function = handler;
	PCIRAWSENDREQ r;

	switch (which) {
	case 0:
		contested = request(PCIRAWR0_DO_CLOSE_DEVICE);
		break;
	case 1:
		r = request(PCIRAWR0_DO_CLOSE_DEVICE);
		(void)rawpci_request(t.session, &r);
		contested = request(PCIRAWR0_DO_OPEN_DEVICE);
		contested.u.aOpenDevice.PciAddress = 5 << 3;
		losers_code = VERR_RESOURCE_BUSY;
		break;
	case 2:
		r = request(PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER);
		memcpy(&r.u.aRegisterR0IrqHandler.pfnHandler, &function, sizeof(function));
		ck_assert_int_eq(rawpci_request(t.session, &r), VINF_SUCCESS);
		contested = request(PCIRAWR0_DO_UNREGISTER_R0_IRQ_HANDLER);
		contested.u.aUnregisterR0IrqHandler.iHostIrq = r.u.aRegisterR0IrqHandler.iHostIrq;
		losers_code = VERR_NOT_FOUND;
		break;
	default:
		contested = request(PCIRAWR0_DO_POWER_STATE_CHANGE);
		losers_code = VERR_WRONG_ORDER;
		break;
	}
}

START_TEST(one_wins)
{
	static void *(*const all[])(void *) = { contend, contend, contend, contend };

	for (unsigned i = 0; i < 100; i++) {
		PCIRAWSENDREQ r;

		atomic_store(&winners, 0);
		prepare(_i);
		together(all, 4);
		ck_assert_uint_eq(atomic_load(&winners), 1);
		/* A new session opens the device for the next round. */
		ck_assert_int_eq(rawpci_session_destroy(t.session), VINF_SUCCESS);
		ck_assert_int_eq(rawpci_session_create(t.ctx, &t.vm, &t.session), VINF_SUCCESS);
		ck_assert_int_eq(open_device(), VINF_SUCCESS);
		r = request(PCIRAWR0_DO_GET_REGION_INFO);
		ck_assert_int_eq(rawpci_request(t.session, &r), VINF_SUCCESS);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("threads");
	TCase *tcase = tcase_create("threads");

	tcase_add_checked_fixture(tcase, setup, end);
	tcase_set_timeout(tcase, 240);
	tcase_add_test(tcase, everything_at_once);
	tcase_add_loop_test(tcase, accesses_against_each, 0, 5);
	tcase_add_loop_test(tcase, one_wins, 0, 4);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
