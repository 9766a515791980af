/* SPDX-License-Identifier: MIT */
/* The order in which a request is checked: its header, its handle, its arguments, the device. */
#include "bench.h"

#include <stddef.h>

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
	  r.pSession = (PSUPDRVSESSION)(uintptr_t)&bench;                                          \
	  r.iRequest = -1)                                                                         \
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
	X(close_high_flag, VERR_INVALID_FLAGS, CLOSE_DEVICE, r.u.aCloseDevice.fFlags = 0x80000000) \
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

static char host[2 * PAGE] __attribute__((aligned(PAGE)));

static void never(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
}

START_TEST(request_and_port_refuse_an_unmapping_alike)
{
	struct part part = { .region = _i == 0 ? 99 : -1, .size = PAGE, .r0 = host, .r3 = host };
	int by_request = bench_unmap(&part);
	int by_port = bench.port->pfnUnmapRegion(bench.port, part.region, part.start, part.size,
						 part.r0);

	ck_assert_int_eq(by_request, VERR_INVALID_PARAMETER);
	ck_assert_int_eq(by_port, VERR_INVALID_PARAMETER);
}
END_TEST

/* The device could not reach the memory; but there is something wrong with the range. */
START_TEST(a_bad_memory_range_comes_before_what_the_device_can)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.no_dma = true,
		.bars = { { .size = PAGE } },
	};
	struct rawpci_device *dev;

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
	ck_assert_int_eq(rawpci_device_open(bench.ctx, bench.vm.pDriverData, "00:06.0", 0, &dev),
			 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	REFUSED(VERR_INVALID_PARAMETER, bench_memory(host, 0, 0, PCIRAW_MEMINFO_MAP));
	REFUSED(VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host, 1, PAGE, PCIRAW_MEMINFO_MAP));
	REFUSED(VERR_OUT_OF_RANGE,
		bench_memory(host, UINT64_MAX - PAGE + 1, 2 * PAGE, PCIRAW_MEMINFO_MAP));
	REFUSED(VERR_NOT_SUPPORTED, bench_memory(host, 0, PAGE, PCIRAW_MEMINFO_MAP));
	ck_assert_int_eq(rawpci_device_close(dev), 0);
}
END_TEST

START_TEST(arguments_come_before_the_power_state)
{
	int bad = -7;

	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_power(PCIRAW_POWER_SUSPEND));
	REFUSED(-EINVAL, rawpci_irq_route(bench.dev, RAWPCI_IRQ_MSIX, 0, 1, &bad));
	REFUSED(-EINVAL, rawpci_config_write(bench.dev, 0, 1, 0x1ff));
}
END_TEST

/* Also where the vectors of the others cannot be put back after it. */
START_TEST(one_failed_registration_is_one_line)
{
	int32_t irq;

	DONE(bench_register(never, NULL, &irq));
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_IRQ_SWAP, 0, 9, -ENOSPC), 0);
	ck_assert_int_eq(rawpci_fake_fail(bench.ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 9, -ENOSPC), 0);
	ck_assert_int_eq(bench_register(never, NULL, &irq), VERR_OUT_OF_RESOURCES);
	ck_assert_uint_eq(bench_failures(), 2); /* what became of the others, and the refusal */
	ck_assert_str_eq(bench.last, rawpci_last_error());
}
END_TEST

/* The bench's log callback looks for the line break. */
START_TEST(what_the_caller_wrote_is_made_printable)
{
	struct rawpci_device *dev;

	ck_assert_ptr_null(rawpci_query_interface(bench.ctx, "a\nb"));
	ck_assert_ptr_null(strchr(rawpci_last_error(), '\n'));
	REFUSED(-EINVAL, rawpci_device_open(bench.ctx, NULL, "0000:00:05.0\n", 0, &dev));
	ck_assert_ptr_null(strchr(rawpci_last_error(), '\n'));
}
END_TEST

static void dirty_the_stack(void)
{
	volatile unsigned char bytes[16384];

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = 0xa5;
}

START_TEST(device_info_has_nothing_of_the_librarys_stack)
{
	struct rawpci_device_info info;
	struct rawpci_device *dev;
	unsigned char bytes[sizeof(info.address)];

	DONE(bench_close());
	dirty_the_stack();
	ck_assert_int_eq(rawpci_device_open(bench.ctx, NULL, bench.address, 0, &dev), 0);
	memset(&info, 0, sizeof(info));
	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	memcpy(bytes, &info.address, sizeof(bytes));
	for (unsigned i = offsetof(struct rawpci_address, function) + 1; i < sizeof(bytes); i++)
		ck_assert_uint_eq(bytes[i], 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
}
END_TEST

static int first_change(int which)
{
	int32_t irq;

	switch (which) {
	case 0:
		return bench_power(PCIRAW_POWER_ON);
	case 1:
		return bench_config_write(4, 2, 7);
	case 2:
		return bench_register(never, NULL, &irq);
	case 3:
		DONE(bench_power(PCIRAW_POWER_ON));
		ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
		return bench_power(PCIRAW_POWER_SUSPEND);
	case 4:
		DONE(bench_power(PCIRAW_POWER_ON));
		DONE(bench_power(PCIRAW_POWER_SUSPEND));
		ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
		return bench_power(PCIRAW_POWER_RESUME);
	default:
		return rawpci_device_reset(bench.dev);
	}
}

START_TEST(whichever_request_comes_first_finds_the_device_gone)
{
	if (_i != 3 && _i != 4)
		ck_assert_int_eq(rawpci_fake_unplug(bench.rig), 0);
	ck_assert_int_eq(first_change(_i), _i < 5 ? VERR_INVALID_STATE : -ESHUTDOWN);
	ck_assert_uint_eq(bench_failures(), 2); /* that it is gone, and the refusal */
}
END_TEST

/* No structure ever ended in the middle of a pointer. */
START_TEST(options_end_behind_a_whole_field)
{
	struct rawpci_options options = { .backend = "fake" };

	for (options.size = 0; options.size < sizeof(options); options.size++) {
		struct rawpci *ctx = NULL;

		if (options.size > 0 && options.size % sizeof(void *) == 0)
			continue;
		ck_assert_int_eq(rawpci_create(&options, &ctx), -EINVAL);
		ck_assert_ptr_null(ctx);
	}
}
END_TEST

START_TEST(a_vm_is_initialised_once)
{
	RAWPCIVM before = bench.vm;

	REFUSED(VERR_ALREADY_EXISTS, bench.factory->pfnInitVm(bench.factory, NULL, &bench.vm));
	ck_assert_mem_eq(&bench.vm, &before, sizeof(before));
}
END_TEST

START_TEST(only_its_own_factory_ends_a_vm)
{
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };
	RAWPCIVM before = bench.vm, made_up = { .pDriverData = host };
	PRAWPCIFACTORY factory;
	struct rawpci *ctx;

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	factory = rawpci_factory(ctx);
	factory->pfnDeinitVm(factory, NULL, &bench.vm);
	ck_assert_mem_eq(&bench.vm, &before, sizeof(before));
	DONE(bench_memory(host, 0, PAGE, PCIRAW_MEMINFO_MAP));
	/* What pfnInitVm never filled, and what only looks as if it had. */
	factory->pfnDeinitVm(factory, NULL, &made_up);
	ck_assert_ptr_eq(made_up.pDriverData, host);
	made_up.pfnContigMemInfo = bench.vm.pfnContigMemInfo;
	factory->pfnDeinitVm(factory, NULL, &made_up);
	ck_assert_ptr_eq(made_up.pDriverData, host);
	factory->pfnRelease(factory);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

static void *translate(void *opaque, uint64_t host_start, uint64_t size)
{
	(void)host_start;
	(void)size;
	atomic_fetch_add((atomic_uint *)opaque, 1);
	return NULL;
}

static atomic_uint translated;

static void setup_translating(void)
{
	bench.options.translate = translate;
	bench.options.translate_opaque = &translated;
	bench_start();
}

START_TEST(a_bad_memory_range_is_not_translated)
{
	REFUSED(VERR_INVALID_PARAMETER, bench_memory(host, PAGE, 0, PCIRAW_MEMINFO_MAP));
	REFUSED(VERR_OUT_OF_RANGE,
		bench_memory(host, UINT64_MAX - PAGE + 1, 16 * PAGE, PCIRAW_MEMINFO_MAP));
	ck_assert_uint_eq(atomic_load(&translated), 0);
	ck_assert_int_lt(bench_memory(host, PAGE, PAGE, PCIRAW_MEMINFO_MAP), 0);
	ck_assert_uint_eq(atomic_load(&translated), 1);
}
END_TEST

static void add_fake_door(Suite *suite)
{
	TCase *tcase = tcase_create("door-judged-first");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_loop_test(tcase, request_and_port_refuse_an_unmapping_alike, 0, 2);
	tcase_add_test(tcase, a_bad_memory_range_comes_before_what_the_device_can);
	tcase_add_test(tcase, arguments_come_before_the_power_state);
	tcase_add_test(tcase, one_failed_registration_is_one_line);
	tcase_add_test(tcase, what_the_caller_wrote_is_made_printable);
	tcase_add_test(tcase, device_info_has_nothing_of_the_librarys_stack);
	tcase_add_loop_test(tcase, whichever_request_comes_first_finds_the_device_gone, 0, 6);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("door-contexts");
	tcase_add_checked_fixture(tcase, bench_start, bench_end);
	tcase_add_test(tcase, options_end_behind_a_whole_field);
	tcase_add_test(tcase, a_vm_is_initialised_once);
	tcase_add_test(tcase, only_its_own_factory_ends_a_vm);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("door-translation");
	tcase_add_checked_fixture(tcase, setup_translating, bench_end);
	tcase_add_test(tcase, a_bad_memory_range_is_not_translated);
	suite_add_tcase(suite, tcase);
}

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
	if (bench.fake)
		add_fake_door(suite);
}
