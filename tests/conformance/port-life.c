/* SPDX-License-Identifier: MIT */
/* Ports and the factory through their lives. */
#include "bench.h"

#define FLAGS (bench.fake ? 0u : (uint32_t)PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER)

static PRAWPCIDEVPORT connect_port(PRAWPCIVM vm)
{
	PRAWPCIDEVPORT port = NULL;

	DONE(bench.factory->pfnCreateAndConnect(bench.factory, bench.pci, FLAGS, vm, &port));
	ck_assert_ptr_nonnull(port);
	return port;
}

static int read_id(PRAWPCIDEVPORT port)
{
	PCIRAWMEMLOC value = { { 0 }, 4 };

	return port->pfnPciCfgRead(port, 0, &value);
}

/* Every function of a port; whatever the arguments, the state of the port comes first. */
static int call(PRAWPCIDEVPORT port, int which)
{
	PCIRAWMEMLOC value = { { 0 }, 4 };
	RTHCPHYS start;
	uint64_t size;
	bool present;
	uint32_t flags;
	RTR0PTR base;
	int32_t irq;

	switch (which) {
	case 0:
		return port->pfnGetRegionInfo(port, 0, &start, &size, &present, &flags);
	case 1:
		return port->pfnMapRegion(port, 0, 0, PAGE, 0, &base);
	case 2:
		return port->pfnUnmapRegion(port, 0, 0, PAGE, NULL);
	case 3:
		return port->pfnPciCfgRead(port, 0, &value);
	case 4:
		return port->pfnPciCfgWrite(port, 0, &value);
	case 5:
		return port->pfnRegisterIrqHandler(port, NULL, NULL, &irq);
	case 6:
		return port->pfnUnregisterIrqHandler(port, 1);
	case 7:
		return port->pfnPowerStateChange(port, PCIRAW_POWER_ON);
	case 8:
		return port->pfnInit(port, 0);
	case 9:
		return port->pfnDeinit(port, 0);
	default:
		return port->pfnDestroy(port);
	}
}

START_TEST(version_words)
{
	PRAWPCIDEVPORT port = connect_port(NULL);

	ck_assert_uint_eq(port->u32Version, RAWPCIDEVPORT_VERSION);
	ck_assert_uint_eq(port->u32VersionEnd, RAWPCIDEVPORT_VERSION);
	port->u32Version++;
	ck_assert_int_eq(call(port, _i), VERR_VERSION_MISMATCH);
	port->u32Version--;
	port->u32VersionEnd = 0;
	ck_assert_int_eq(call(port, _i), VERR_VERSION_MISMATCH);
	port->u32VersionEnd = 0xAFBDCC02;
	ck_assert_int_eq(call(port, _i), VERR_VERSION_MISMATCH);
	ck_assert_ptr_null(rawpci_port_device(port));
	port->u32VersionEnd = RAWPCIDEVPORT_VERSION;
	DONE(read_id(port));
	DONE(port->pfnDestroy(port));
}
END_TEST

START_TEST(null_port)
{
	PRAWPCIDEVPORT port = connect_port(NULL);
	PCIRAWMEMLOC value = { { 0 }, 4 };

	ck_assert_int_eq(port->pfnInit(NULL, 0), VERR_INVALID_POINTER);
	ck_assert_int_eq(port->pfnDeinit(NULL, 0), VERR_INVALID_POINTER);
	ck_assert_int_eq(port->pfnDestroy(NULL), VERR_INVALID_POINTER);
	ck_assert_int_eq(port->pfnPciCfgRead(NULL, 0, &value), VERR_INVALID_POINTER);
	ck_assert_int_eq(port->pfnUnregisterIrqHandler(NULL, 1), VERR_INVALID_POINTER);
	ck_assert_int_eq(port->pfnPowerStateChange(NULL, PCIRAW_POWER_ON), VERR_INVALID_POINTER);
	ck_assert_ptr_null(rawpci_port_device(NULL));
	DONE(port->pfnDestroy(port));
}
END_TEST

START_TEST(deinitialised)
{
	PRAWPCIDEVPORT port = connect_port(NULL);

	DONE(port->pfnDeinit(port, 0));
	REFUSED(VERR_INVALID_STATE, call(port, _i));
	ck_assert_ptr_null(rawpci_port_device(port));
	DONE(port->pfnDestroy(port));
}
END_TEST

START_TEST(init_and_deinit_in_turn)
{
	PRAWPCIDEVPORT port = connect_port(&bench.vm);

	for (unsigned i = 0; i < 3; i++) {
		REFUSED(VERR_WRONG_ORDER, port->pfnInit(port, FLAGS));
		DONE(port->pfnDeinit(port, 0));
		REFUSED(VERR_WRONG_ORDER, port->pfnDeinit(port, 0));
		DONE(port->pfnInit(port, FLAGS));
		DONE(read_id(port));
	}
	REFUSED(VERR_INVALID_FLAGS, port->pfnInit(port, 4));
	DONE(port->pfnDestroy(port));
}
END_TEST

/* The device is free between deinit and init: another session may open it. */
START_TEST(deinit_gives_the_device_back)
{
	PRAWPCIDEVPORT port = connect_port(NULL);

	DONE(port->pfnDeinit(port, 0));
	DONE(bench_reopen());
	REFUSED(VERR_RESOURCE_BUSY, port->pfnInit(port, FLAGS));
	DONE(bench_close());
	DONE(port->pfnInit(port, FLAGS));
	DONE(port->pfnDestroy(port));
	DONE(bench_reopen());
}
END_TEST

START_TEST(context_waits_for_ports)
{
	PRAWPCIDEVPORT port = connect_port(NULL);

	REFUSED(-EBUSY, rawpci_destroy(bench.ctx));
	DONE(port->pfnDeinit(port, 0));
	REFUSED(-EBUSY, rawpci_destroy(bench.ctx));
	DONE(port->pfnDestroy(port));
}
END_TEST

START_TEST(session_port_is_one)
{
	PRAWPCIDEVPORT first, second;

	DONE(bench_reopen());
	DONE(rawpci_session_port(bench.session, bench.handle, &first));
	DONE(rawpci_session_port(bench.session, bench.handle, &second));
	ck_assert_ptr_eq(first, second);
}
END_TEST

START_TEST(session_port_after_close)
{
	PRAWPCIDEVPORT port;

	DONE(bench_reopen());
	DONE(rawpci_session_port(bench.session, bench.handle, &port));
	DONE(bench_close());
	for (int i = 0; i < 8; i++)
		REFUSED(VERR_INVALID_STATE, call(port, i));
	REFUSED(VERR_INVALID_HANDLE, rawpci_session_port(bench.session, bench.handle, &port));
	DONE(port->pfnDestroy(port));
}
END_TEST

START_TEST(session_port_destroy_closes)
{
	PCIRAWSENDREQ r;
	PRAWPCIDEVPORT port;

	DONE(bench_reopen());
	DONE(rawpci_session_port(bench.session, bench.handle, &port));
	DONE(port->pfnDestroy(port));
	r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);
	REFUSED(VERR_INVALID_HANDLE, bench_ask(&r));
	DONE(bench_reopen());
}
END_TEST

/* A port that stayed over from an earlier opening is not the new device's. */
START_TEST(session_port_of_an_earlier_opening)
{
	PRAWPCIDEVPORT old, new;

	DONE(bench_reopen());
	DONE(rawpci_session_port(bench.session, bench.handle, &old));
	DONE(bench_close());
	DONE(bench_reopen());
	DONE(rawpci_session_port(bench.session, bench.handle, &new));
	ck_assert_ptr_ne(old, new);
	REFUSED(VERR_INVALID_STATE, read_id(old));
	DONE(read_id(new));
	DONE(old->pfnDestroy(old));
	DONE(read_id(new));
}
END_TEST

START_TEST(connect_refusals)
{
	PRAWPCIDEVPORT port = NULL;
	PRAWPCIFACTORY f = bench.factory;
	RAWPCIVM foreign = { NULL, NULL };

	REFUSED(VERR_INVALID_POINTER, f->pfnCreateAndConnect(f, bench.pci, FLAGS, NULL, NULL));
	REFUSED(VERR_INVALID_FLAGS, f->pfnCreateAndConnect(f, bench.pci, 2, NULL, &port));
	REFUSED(VERR_NOT_FOUND, f->pfnCreateAndConnect(f, 0xfff7, FLAGS, NULL, &port));
	REFUSED(VERR_INVALID_PARAMETER,
		f->pfnCreateAndConnect(f, bench.pci, FLAGS, &foreign, &port));
	ck_assert_int_eq(f->pfnCreateAndConnect(NULL, bench.pci, FLAGS, NULL, &port),
			 VERR_INVALID_POINTER);
	ck_assert_ptr_null(port);
	DONE(bench_reopen());
}
END_TEST

START_TEST(vm_with_devices_stays)
{
	PRAWPCIDEVPORT port;
	unsigned lines;

	DONE(rawpci_session_destroy(bench.session));
	bench.session = NULL;
	port = connect_port(&bench.vm);
	lines = bench_errors() + atomic_load(&bench.lines[RAWPCI_LOG_WARNING]);
	bench.factory->pfnDeinitVm(bench.factory, NULL, &bench.vm);
	ck_assert_ptr_nonnull(bench.vm.pDriverData);
	ck_assert_uint_gt(bench_errors() + atomic_load(&bench.lines[RAWPCI_LOG_WARNING]), lines);
	DONE(port->pfnPowerStateChange(port, PCIRAW_POWER_ON));
	DONE(port->pfnDestroy(port));
	bench.factory->pfnDeinitVm(bench.factory, NULL, &bench.vm);
	ck_assert_ptr_null(bench.vm.pDriverData);
	ck_assert(!bench.vm.pfnContigMemInfo);
}
END_TEST

START_TEST(init_vm_null)
{
	REFUSED(VERR_INVALID_POINTER, bench.factory->pfnInitVm(bench.factory, NULL, NULL));
	ck_assert_int_eq(bench.factory->pfnInitVm(NULL, NULL, &bench.vm), VERR_INVALID_POINTER);
}
END_TEST

void add_port_life(Suite *suite)
{
	TCase *tcase = tcase_create("port-life");

	tcase_add_checked_fixture(tcase, bench_start, bench_end);
	tcase_add_loop_test(tcase, version_words, 0, 11);
	tcase_add_test(tcase, null_port);
	tcase_add_loop_test(tcase, deinitialised, 0, 8);
	tcase_add_test(tcase, init_and_deinit_in_turn);
	tcase_add_test(tcase, deinit_gives_the_device_back);
	tcase_add_test(tcase, context_waits_for_ports);
	tcase_add_test(tcase, session_port_is_one);
	tcase_add_test(tcase, session_port_after_close);
	tcase_add_test(tcase, session_port_destroy_closes);
	tcase_add_test(tcase, session_port_of_an_earlier_opening);
	tcase_add_test(tcase, connect_refusals);
	tcase_add_test(tcase, vm_with_devices_stays);
	tcase_add_test(tcase, init_vm_null);
	suite_add_tcase(suite, tcase);
}
