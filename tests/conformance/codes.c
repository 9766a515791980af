/* SPDX-License-Identifier: MIT */
/* Every status code, each provoked by a request; those that only a backend or the kernel can cause,
 * by a fault ordered from the fake device. Fake only. */
#include "bench.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#define FAULTS(X)                                                                                  \
	X(EINVAL, VERR_INVALID_PARAMETER)                                                          \
	X(EBADMSG, VERR_INVALID_MAGIC)                                                             \
	X(EBADF, VERR_INVALID_HANDLE)                                                              \
	X(EFAULT, VERR_INVALID_POINTER)                                                            \
	X(ENOMEM, VERR_NO_MEMORY)                                                                  \
	X(EPROTONOSUPPORT, VERR_VERSION_MISMATCH)                                                  \
	X(EBADRQC, VERR_INVALID_FLAGS)                                                             \
	X(EPROTO, VERR_WRONG_ORDER)                                                                \
	X(EADDRINUSE, VERR_ADDRESS_CONFLICT)                                                       \
	X(EOPNOTSUPP, VERR_NOT_SUPPORTED)                                                          \
	X(EACCES, VERR_ACCESS_DENIED)                                                              \
	X(EPERM, VERR_ACCESS_DENIED)                                                               \
	X(ETIMEDOUT, VERR_TIMEOUT)                                                                 \
	X(ERANGE, VERR_OUT_OF_RANGE)                                                               \
	X(EADDRNOTAVAIL, VERR_MAP_FAILED)                                                          \
	X(ENOENT, VERR_NOT_FOUND)                                                                  \
	X(ENODEV, VERR_NOT_FOUND)                                                                  \
	X(ESHUTDOWN, VERR_INVALID_STATE)                                                           \
	X(ENOSPC, VERR_OUT_OF_RESOURCES)                                                           \
	X(EUSERS, VERR_NO_MORE_HANDLES)                                                            \
	X(ENOTEMPTY, VERR_DANGLING_OBJECTS)                                                        \
	X(EDOM, VERR_UNSUPPORTED_ALIGNMENT)                                                        \
	X(EEXIST, VERR_ALREADY_EXISTS)                                                             \
	X(EBUSY, VERR_RESOURCE_BUSY)                                                               \
	X(EIO, VERR_DEV_IO_ERROR)                                                                  \
	X(EXFULL, VERR_GENERAL_FAILURE)

/* The look at the device comes before the order, so the request is the call that fails. */
#define ORDERED(want, point, error, call)                                                          \
	do {                                                                                       \
		struct snapshot before_;                                                           \
		int got_;                                                                          \
		bench_look(&before_);                                                              \
		ck_assert_int_eq(rawpci_fake_fail(bench.ctx, (point), 0, 1, (error)), 0);          \
		got_ = (call);                                                                     \
		ck_assert_int_eq(rawpci_fake_fail(bench.ctx, (point), 0, 0, 0), 0);                \
		bench_refused(&before_, (want), got_, #call);                                      \
	} while (0)

#define FAULT_CASE(error, status)                                                                  \
	START_TEST(status##_from_##error)                                                          \
	{                                                                                          \
		PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_PCICFG_READ), same;                    \
                                                                                                   \
		r.u.aPciCfgRead.Value.cb = 2;                                                      \
		r.u.aPciCfgRead.Value.u.u64 = 0x1122334455667788;                                  \
		same = r;                                                                          \
		ORDERED(status, RAWPCI_FAKE_CFG_READ, -error, bench_ask(&r));                      \
		ck_assert_mem_eq(&r, &same, sizeof(r));                                            \
	}                                                                                          \
	END_TEST

FAULTS(FAULT_CASE)

/* Each operation passes on what its own part of the backend says. */
START_TEST(fault_in_each_operation)
{
	struct part part;
	uint64_t value;
	PCIRAWSENDREQ in = bench_request(PCIRAWR0_DO_PIO_READ);
	PCIRAWSENDREQ out = bench_request(PCIRAWR0_DO_PIO_WRITE);

	DONE(bench_map(TRAPPED, 0, PAGE, &part));
	in.u.aPioRead.iPort = out.u.aPioWrite.iPort = (uint16_t)bench.regions[PORTS].RegionStart;
	in.u.aPioRead.cb = out.u.aPioWrite.cb = 1;
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_CFG_WRITE, -EIO, bench_config_write(0x3c, 1, 1));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_CFG_WRITE, -EIO, bench_config_write(4, 2, 0));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_REGION_READ, -EIO,
		bench_mmio_read(part.r0, 4, &value));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_REGION_WRITE, -EIO, bench_mmio_write(part.r0, 4, 0));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_REGION_READ, -EIO, bench_ask(&in));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_REGION_WRITE, -EIO, bench_ask(&out));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_RESET, -EIO, bench_power(PCIRAW_POWER_ON));
	ORDERED(VERR_OUT_OF_RESOURCES, RAWPCI_FAKE_SPACE_LIMITS, -ENOSPC,
		bench_power(PCIRAW_POWER_ON));
}
END_TEST

static void quiet(void *context, int32_t irq)
{
	(void)context;
	(void)irq;
}

/* The engine is there already, so that what is compared is the request's own. */
START_TEST(fault_in_register)
{
	int32_t irq, first;

	DONE(bench_register(quiet, NULL, &first));
	ORDERED(VERR_OUT_OF_RESOURCES, RAWPCI_FAKE_IRQ_ENABLE, -ENOSPC,
		bench_register(quiet, NULL, &irq));
	DONE(bench_unregister(first));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_IRQ_ENABLE, -EIO, bench_register(quiet, NULL, &irq));
}
END_TEST

/* "A request that fails changes nothing: no descriptor" also holds for the first of a context. */
START_TEST(first_register_that_fails)
{
	int32_t irq;

	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_IRQ_ENABLE, -EIO, bench_register(quiet, NULL, &irq));
}
END_TEST

static const enum rawpci_fake_point opening[] = {
	RAWPCI_FAKE_OPEN,        RAWPCI_FAKE_INFO,         RAWPCI_FAKE_CFG_READ,
	RAWPCI_FAKE_REGION_INFO, RAWPCI_FAKE_SPACE_CREATE,
};

START_TEST(fault_in_open)
{
	DONE(bench_close());
	bench.map.r0 = NULL;
	ORDERED(VERR_ACCESS_DENIED, opening[_i], -EACCES, bench_reopen());
	DONE(bench_reopen());
}
END_TEST

static rlim_t address_space(void)
{
	unsigned long long pages = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%llu", &pages), 1);
	(void)fclose(file);
	return (rlim_t)(pages * (unsigned long long)sysconf(_SC_PAGESIZE));
}

START_TEST(map_failed_when_address_space_is_full)
{
	struct rlimit before, none;
	struct snapshot look;
	struct part part;
	int status;

	ck_assert_int_eq(getrlimit(RLIMIT_AS, &before), 0);
	none.rlim_max = before.rlim_max;
	/* Less than what is mapped: a sanitizer needs some itself. */
	none.rlim_cur = address_space() + 0xc0000;
	bench_look(&look);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &none), 0);
	status = bench_map(WIDE, 0, 0x100000, &part);
	ck_assert_int_eq(setrlimit(RLIMIT_AS, &before), 0);
	bench_refused(&look, VERR_MAP_FAILED, status, "map without address space");
}
END_TEST

START_TEST(out_of_resources_when_descriptors_are_out)
{
	struct rlimit before, none;
	struct snapshot look;
	int32_t irq;
	int status;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	bench_look(&look);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	status = bench_register(quiet, NULL, &irq);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	bench_refused(&look, VERR_OUT_OF_RESOURCES, status, "register without descriptors");
}
END_TEST

/* Memory that a device that is on cannot be given: the map stays as it was. */
START_TEST(fault_in_guest_memory)
{
	char *host = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
			  0);
	struct rawpci_memory_stats stats;

	DONE(bench_memory(host, 0, 4 * PAGE, PCIRAW_MEMINFO_MAP));
	ORDERED(VERR_OUT_OF_RESOURCES, RAWPCI_FAKE_DMA_MAP, -ENOSPC, bench_power(PCIRAW_POWER_ON));
	DONE(bench_power(PCIRAW_POWER_ON));
	ORDERED(VERR_MAP_FAILED, RAWPCI_FAKE_DMA_MAP, -EADDRNOTAVAIL,
		bench_memory(host + 4 * PAGE, 4 * PAGE, PAGE, PCIRAW_MEMINFO_MAP));
	ORDERED(VERR_DEV_IO_ERROR, RAWPCI_FAKE_DMA_UNMAP, -EIO,
		bench_memory(NULL, PAGE, PAGE, PCIRAW_MEMINFO_UNMAP));
	ck_assert_int_eq(rawpci_memory_stats(bench.vm.pDriverData, sizeof(stats), &stats), 0);
	ck_assert_uint_eq(stats.bytes, 4 * PAGE);
	for (uint64_t at = 0; at < 4 * PAGE; at += PAGE)
		ck_assert_int_eq(rawpci_fake_dma_write(bench.rig, at, "x", 1), 0);
}
END_TEST

#define ADD_FAULT(error, status) tcase_add_test(tcase, status##_from_##error);

void add_codes(Suite *suite)
{
	TCase *tcase = tcase_create("codes");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	FAULTS(ADD_FAULT)
	tcase_add_test(tcase, fault_in_each_operation);
	tcase_add_test(tcase, fault_in_register);
	tcase_add_test(tcase, first_register_that_fails);
	tcase_add_loop_test(tcase, fault_in_open, 0, 5);
	tcase_add_test(tcase, map_failed_when_address_space_is_full);
	tcase_add_test(tcase, out_of_resources_when_descriptors_are_out);
	tcase_add_test(tcase, fault_in_guest_memory);
	suite_add_tcase(suite, tcase);
}
