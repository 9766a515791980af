/* SPDX-License-Identifier: MIT */
/* What is asked is judged first, the same at every door, and once. Fake only. */
#include "bench.h"

#include <stddef.h>

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
		.size = sizeof(config), .address = "0000:00:06.0", .vendor_id = 1, .no_dma = true,
		.bars = { { .size = PAGE } },
	};
	struct rawpci_device *dev;

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
	ck_assert_int_eq(rawpci_device_open(bench.ctx, bench.vm.pDriverData, "00:06.0", 0, &dev),
			 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	REFUSED(VERR_INVALID_PARAMETER, bench_memory(host, 0, 0, PCIRAW_MEMINFO_MAP));
	REFUSED(VERR_UNSUPPORTED_ALIGNMENT, bench_memory(host, 1, PAGE, PCIRAW_MEMINFO_MAP));
	REFUSED(VERR_OUT_OF_RANGE, bench_memory(host, UINT64_MAX - PAGE + 1, 2 * PAGE,
						PCIRAW_MEMINFO_MAP));
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
	REFUSED(VERR_OUT_OF_RANGE, bench_memory(host, UINT64_MAX - PAGE + 1, 16 * PAGE,
						PCIRAW_MEMINFO_MAP));
	ck_assert_uint_eq(atomic_load(&translated), 0);
	ck_assert_int_lt(bench_memory(host, PAGE, PAGE, PCIRAW_MEMINFO_MAP), 0);
	ck_assert_uint_eq(atomic_load(&translated), 1);
}
END_TEST

void add_mended_doors(Suite *suite)
{
	TCase *tcase = tcase_create("mended-doors");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_add_loop_test(tcase, request_and_port_refuse_an_unmapping_alike, 0, 2);
	tcase_add_test(tcase, a_bad_memory_range_comes_before_what_the_device_can);
	tcase_add_test(tcase, arguments_come_before_the_power_state);
	tcase_add_test(tcase, one_failed_registration_is_one_line);
	tcase_add_test(tcase, what_the_caller_wrote_is_made_printable);
	tcase_add_test(tcase, device_info_has_nothing_of_the_librarys_stack);
	tcase_add_loop_test(tcase, whichever_request_comes_first_finds_the_device_gone, 0, 6);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("mended-contexts");
	tcase_add_checked_fixture(tcase, bench_start, bench_end);
	tcase_add_test(tcase, options_end_behind_a_whole_field);
	tcase_add_test(tcase, a_vm_is_initialised_once);
	tcase_add_test(tcase, only_its_own_factory_ends_a_vm);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("mended-translation");
	tcase_add_checked_fixture(tcase, setup_translating, bench_end);
	tcase_add_test(tcase, a_bad_memory_range_is_not_translated);
	suite_add_tcase(suite, tcase);
}
