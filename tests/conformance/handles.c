/* SPDX-License-Identifier: MIT */
/* Handles through time, and what sessions own. */
#include "bench.h"

#include <stdio.h>

static int info_status(PSUPDRVSESSION session, PCIRAWDEVHANDLE handle)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

	r.TargetDevice = handle;
	return rawpci_request(session, &r);
}

START_TEST(stale_after_close)
{
	PCIRAWDEVHANDLE old = bench.handle;

	DONE(bench_close());
	REFUSED(VERR_INVALID_HANDLE, info_status(bench.session, old));
	REFUSED(VERR_INVALID_HANDLE, bench_close());
}
END_TEST

/* Every operation, also those that do not go through the common door. */
START_TEST(stale_after_reopen)
{
	PCIRAWSENDREQ r = bench_request((PCIRAWR0OPERATION)_i);
	PCIRAWDEVHANDLE old = bench.handle;

	DONE(bench_close());
	DONE(bench_reopen());
	ck_assert_uint_ne(bench.handle, old);
	ck_assert_uint_ne(bench.handle, 0);
	r.TargetDevice = old;
	REFUSED(VERR_INVALID_HANDLE, bench_ask(&r));
}
END_TEST

START_TEST(handles_do_not_come_back)
{
	unsigned times = bench.fake ? 300 : 3;
	PCIRAWDEVHANDLE had[300];

	DONE(bench_close());
	for (unsigned i = 0; i < times; i++) {
		DONE(bench_reopen());
		had[i] = bench.handle;
		for (unsigned j = 0; j < i; j++)
			ck_assert_uint_ne(had[j], had[i]);
		DONE(bench_close());
	}
}
END_TEST

START_TEST(of_another_session)
{
	PSUPDRVSESSION other;
	PCIRAWSENDREQ r = bench_request((PCIRAWR0OPERATION)_i);

	DONE(rawpci_session_create(bench.ctx, NULL, &other));
	REFUSED(VERR_INVALID_HANDLE, rawpci_request(other, &r));
	DONE(rawpci_session_destroy(other));
	DONE(info_status(bench.session, bench.handle));
}
END_TEST

START_TEST(port_of_another_session)
{
	PRAWPCIDEVPORT port = NULL;
	PSUPDRVSESSION other;

	DONE(rawpci_session_create(bench.ctx, NULL, &other));
	REFUSED(VERR_INVALID_HANDLE, rawpci_session_port(other, bench.handle, &port));
	ck_assert_ptr_null(port);
	DONE(rawpci_session_destroy(other));
}
END_TEST

START_TEST(busy_in_another_session)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	PSUPDRVSESSION other;

	DONE(rawpci_session_create(bench.ctx, NULL, &other));
	REFUSED(VERR_RESOURCE_BUSY, rawpci_request(other, &r));
	DONE(rawpci_session_destroy(other));
}
END_TEST

START_TEST(busy_through_the_factory)
{
	PRAWPCIDEVPORT port = NULL;

	REFUSED(VERR_RESOURCE_BUSY,
		bench.factory->pfnCreateAndConnect(bench.factory, bench.pci, 0, NULL, &port));
	ck_assert_ptr_null(port);
}
END_TEST

START_TEST(busy_natively)
{
	struct rawpci_device *dev = NULL;

	REFUSED(-EBUSY, rawpci_device_open(bench.ctx, NULL, bench.address, 0, &dev));
	ck_assert_ptr_null(dev);
}
END_TEST

START_TEST(session_takes_its_devices_along)
{
	PCIRAWDEVHANDLE old = bench.handle;

	DONE(rawpci_session_destroy(bench.session));
	bench.dev = NULL;
	DONE(rawpci_session_create(bench.ctx, &bench.vm, &bench.session));
	DONE(bench_reopen());
	REFUSED(VERR_INVALID_HANDLE, info_status(bench.session, old));
}
END_TEST

START_TEST(owned_device_is_not_closed_natively)
{
	REFUSED(-EBUSY, rawpci_device_close(bench.dev));
	DONE(info_status(bench.session, bench.handle));
}
END_TEST

START_TEST(destroy_while_open)
{
	REFUSED(-EBUSY, rawpci_destroy(bench.ctx));
	DONE(info_status(bench.session, bench.handle));
}
END_TEST

START_TEST(session_null)
{
	PSUPDRVSESSION out = NULL;
	PRAWPCIDEVPORT port;
	unsigned char no_session[256] = { 0 };

	REFUSED(VERR_INVALID_POINTER, rawpci_session_create(bench.ctx, &bench.vm, NULL));
	ck_assert_int_eq(rawpci_session_create(NULL, &bench.vm, &out), VERR_INVALID_POINTER);
	ck_assert_ptr_null(out);
	ck_assert_int_eq(rawpci_session_port(NULL, bench.handle, &port), VERR_INVALID_POINTER);
	ck_assert_int_eq(rawpci_session_port(bench.session, bench.handle, NULL),
			 VERR_INVALID_POINTER);
	DONE(rawpci_session_destroy(NULL));
	ck_assert_int_eq(rawpci_session_destroy((PSUPDRVSESSION)(void *)no_session),
			 VERR_INVALID_MAGIC);
	ck_assert_int_eq(rawpci_session_port((PSUPDRVSESSION)(void *)no_session, bench.handle,
					     &port),
			 VERR_INVALID_MAGIC);
}
END_TEST

START_TEST(session_of_no_vm_of_ours)
{
	RAWPCIVM blank = { NULL, NULL }, foreign = bench.vm;
	PSUPDRVSESSION out = NULL;

	REFUSED(VERR_INVALID_PARAMETER, rawpci_session_create(bench.ctx, &blank, &out));
	foreign.pDriverData = &foreign;
	REFUSED(VERR_INVALID_PARAMETER, rawpci_session_create(bench.ctx, &foreign, &out));
	ck_assert_ptr_null(out);
}
END_TEST

/* The rig and edu are two of the 255. */
START_TEST(no_more_handles)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	struct rawpci_fake_config config = { .size = sizeof(config), .vendor_id = 0x1af4 };
	char address[32];

	config.address = address;
	for (unsigned i = 0; i < 255; i++) {
		(void)snprintf(address, sizeof(address), "0000:%02x:%02x.0", 0x10 + i / 32, i % 32);
		ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
		r.u.aOpenDevice.PciAddress = bench_pci(0x10 + i / 32, i % 32, 0);
		if (i < 254)
			DONE(bench_ask(&r));
		else
			REFUSED(VERR_NO_MORE_HANDLES, bench_ask(&r));
	}
	DONE(bench_close());
	DONE(bench_ask(&r));
	REFUSED(VERR_NO_MORE_HANDLES, bench_reopen());
}
END_TEST

START_TEST(segment_is_part_of_the_address)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "1234:ab:1f.7",
		.vendor_id = 0x4321,
	};
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	uint64_t value;

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
	r.u.aOpenDevice.PciAddress = 0xabff;
	REFUSED(VERR_NOT_FOUND, bench_ask(&r));
	r.u.aOpenDevice.PciAddress = 0x1234abff;
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	DONE(bench_config_read(0, 2, &value));
	ck_assert_uint_eq(value, 0x4321);
}
END_TEST

void add_handles(Suite *suite)
{
	TCase *tcase = tcase_create("handles");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_test(tcase, stale_after_close);
	tcase_add_loop_test(tcase, stale_after_reopen, 1, 14);
	tcase_add_test(tcase, handles_do_not_come_back);
	tcase_add_loop_test(tcase, of_another_session, 1, 14);
	tcase_add_test(tcase, port_of_another_session);
	tcase_add_test(tcase, busy_in_another_session);
	tcase_add_test(tcase, busy_through_the_factory);
	tcase_add_test(tcase, busy_natively);
	tcase_add_test(tcase, session_takes_its_devices_along);
	tcase_add_test(tcase, owned_device_is_not_closed_natively);
	tcase_add_test(tcase, destroy_while_open);
	tcase_add_test(tcase, session_null);
	tcase_add_test(tcase, session_of_no_vm_of_ours);
	if (bench.fake) {
		tcase_add_test(tcase, no_more_handles);
		tcase_add_test(tcase, segment_is_part_of_the_address);
	}
	suite_add_tcase(suite, tcase);
}
