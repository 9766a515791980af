/* SPDX-License-Identifier: MIT */
/* What is checked before an operation is looked at, and the handle. */
#include "bench.h"

#define ROWS(X)                                                                                    \
	X(null_request, VERR_INVALID_POINTER, GET_REGION_INFO, at = NULL)                          \
	X(magic_zero, VERR_INVALID_MAGIC, GET_REGION_INFO, r.Hdr.u32Magic = 0)                     \
	X(magic_off_by_one, VERR_INVALID_MAGIC, GET_REGION_INFO, r.Hdr.u32Magic++)                 \
	X(magic_before_size, VERR_INVALID_MAGIC, GET_REGION_INFO, r.Hdr.u32Magic = 0;              \
	  r.Hdr.cbReq = 0)                                                                         \
	X(size_zero, VERR_INVALID_PARAMETER, GET_REGION_INFO, r.Hdr.cbReq = 0)                     \
	X(size_one_less, VERR_INVALID_PARAMETER, GET_REGION_INFO, r.Hdr.cbReq--)                   \
	X(size_one_more, VERR_INVALID_PARAMETER, GET_REGION_INFO, r.Hdr.cbReq++)                   \
	X(size_huge, VERR_INVALID_PARAMETER, GET_REGION_INFO, r.Hdr.cbReq = UINT32_MAX)            \
	X(size_before_operation, VERR_INVALID_PARAMETER, GET_REGION_INFO, r.Hdr.cbReq = 0;         \
	  r.iRequest = 14)                                                                         \
	X(two_sessions, VERR_INVALID_PARAMETER, GET_REGION_INFO,                                   \
	  r.pSession = (PSUPDRVSESSION)(uintptr_t)&bench)                                          \
	X(session_before_operation, VERR_INVALID_PARAMETER, GET_REGION_INFO,                       \
	  r.pSession = (PSUPDRVSESSION)(uintptr_t)&bench; r.iRequest = -1)                         \
	X(operation_minus_one, VERR_NOT_SUPPORTED, GET_REGION_INFO, r.iRequest = -1)               \
	X(operation_after_last, VERR_NOT_SUPPORTED, GET_REGION_INFO, r.iRequest = 14)              \
	X(operation_largest, VERR_NOT_SUPPORTED, GET_REGION_INFO, r.iRequest = 0x7fffffff)         \
	X(operation_smallest, VERR_NOT_SUPPORTED, GET_REGION_INFO, r.iRequest = INT32_MIN)         \
	X(operation_before_handle, VERR_NOT_SUPPORTED, GET_REGION_INFO, r.iRequest = 14;           \
	  r.TargetDevice = 0)                                                                      \
	X(handle_zero, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice = 0)                   \
	X(handle_all_ones, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice = UINT32_MAX)      \
	X(handle_next, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice++)                     \
	X(handle_before, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice--)                   \
	X(handle_older, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice -= 0x100)             \
	X(handle_newer, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice += 0x100)             \
	X(handle_before_arguments, VERR_INVALID_HANDLE, GET_REGION_INFO, r.TargetDevice = 0;       \
	  r.u.aGetRegionInfo.iRegion = 99)                                                         \
	X(close_unknown_flag, VERR_INVALID_FLAGS, CLOSE_DEVICE, r.u.aCloseDevice.fFlags = 1)       \
	X(close_high_flag, VERR_INVALID_FLAGS, CLOSE_DEVICE,                                       \
	  r.u.aCloseDevice.fFlags = 0x80000000)                                                    \
	X(close_handle_before_flags, VERR_INVALID_HANDLE, CLOSE_DEVICE, r.TargetDevice = 0;        \
	  r.u.aCloseDevice.fFlags = 1)                                                             \
	X(open_unknown_flag, VERR_INVALID_FLAGS, OPEN_DEVICE, r.u.aOpenDevice.fFlags = 2)          \
	X(open_all_flags, VERR_INVALID_FLAGS, OPEN_DEVICE, r.u.aOpenDevice.fFlags = UINT32_MAX)    \
	X(open_twice, VERR_RESOURCE_BUSY, OPEN_DEVICE, )                                           \
	X(open_nothing_there, VERR_NOT_FOUND, OPEN_DEVICE,                                         \
	  r.u.aOpenDevice.PciAddress = 0xfffffff7)                                                 \
	X(open_other_function, VERR_NOT_FOUND, OPEN_DEVICE, r.u.aOpenDevice.PciAddress |= 7)

ROWS(REFUSAL)

/* The handle is checked for every operation but open. */
START_TEST(handle_of_every_operation)
{
	PCIRAWSENDREQ r = bench_request((PCIRAWR0OPERATION)_i), same;

	memset(&r.u, 0xff, sizeof(r.u));
	r.TargetDevice = bench.handle ^ 0x100;
	same = r;
	REFUSED(VERR_INVALID_HANDLE, bench_ask(&r));
	ck_assert_mem_eq(&r, &same, sizeof(r));
}
END_TEST

START_TEST(session_may_be_the_requests)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

	r.pSession = bench.session;
	DONE(rawpci_request(NULL, &r));
	DONE(rawpci_request(bench.session, &r));
	r.pSession = NULL;
	DONE(rawpci_request(bench.session, &r));
}
END_TEST

/* Where there is no session there is no log to say it in, only the thread's sentence. */
START_TEST(no_session)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO);

	ck_assert_int_eq(rawpci_request(NULL, &r), VERR_INVALID_PARAMETER);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "session"));
}
END_TEST

START_TEST(no_session_null_request)
{
	ck_assert_int_eq(rawpci_request(NULL, NULL), VERR_INVALID_POINTER);
}
END_TEST

START_TEST(open_ignores_the_handle)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);

	DONE(bench_close());
	r.TargetDevice = 0xdeadbeef;
	DONE(bench_ask(&r));
	ck_assert_uint_ne(r.u.aOpenDevice.Device, 0);
	bench.handle = r.u.aOpenDevice.Device;
}
END_TEST

START_TEST(outputs_only)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_GET_REGION_INFO), same = r;

	DONE(bench_ask(&r));
	same.u.aGetRegionInfo = r.u.aGetRegionInfo;
	ck_assert_mem_eq(&r, &same, sizeof(r));
}
END_TEST

void add_door(Suite *suite)
{
	TCase *tcase = tcase_create("door");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	ROWS(ADD_ROW)
	tcase_add_loop_test(tcase, handle_of_every_operation, PCIRAWR0_DO_CLOSE_DEVICE,
			    PCIRAWR0_DO_POWER_STATE_CHANGE + 1);
	tcase_add_test(tcase, session_may_be_the_requests);
	tcase_add_test(tcase, no_session);
	tcase_add_test(tcase, no_session_null_request);
	tcase_add_test(tcase, open_ignores_the_handle);
	tcase_add_test(tcase, outputs_only);
	suite_add_tcase(suite, tcase);
}
