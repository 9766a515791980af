/* SPDX-License-Identifier: MIT */
/* Guest memory as devices reach it. Fake only: it takes a device that can be told to. */
#include "bench.h"

#include <sys/mman.h>

#define SIZE (UINT64_C(64) << 20)
#define MAP PCIRAW_MEMINFO_MAP
#define UNMAP PCIRAW_MEMINFO_UNMAP

static unsigned char *host;

static void setup(void)
{
	bench_start();
	host = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		    -1, 0);
	ck_assert_ptr_ne(host, MAP_FAILED);
}

static void announce(uint64_t size)
{
	for (uint64_t at = 0; at < size; at += PAGE)
		DONE(bench_memory(host + at, at, PAGE, MAP));
}

static void on(void)
{
	DONE(bench_reopen());
	DONE(bench_power(PCIRAW_POWER_ON));
}

/* Does the device reach these 8 bytes, both ways, and are they the right ones? */
static bool reaches(struct rawpci_fake *fake, uint64_t at)
{
	uint64_t out = at ^ 0x5555555555555555, in = 0;

	memset(host + at, 0, 8);
	if (rawpci_fake_dma_write(fake, at, &out, 8) != 0) {
		ck_assert_int_eq(rawpci_fake_dma_read(fake, at, &in, 8), -EFAULT);
		return false;
	}
	ck_assert_mem_eq(host + at, &out, 8);
	ck_assert_int_eq(rawpci_fake_dma_read(fake, at, &in, 8), 0);
	ck_assert_uint_eq(in, out);
	return true;
}

START_TEST(steps_of_a_page_are_one_mapping)
{
	announce(SIZE);
	on();
	ck_assert_uint_eq(rawpci_fake_dma_mappings(bench.rig), 1);
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_DMA_MAP), 1);
	ck_assert(reaches(bench.rig, 0));
	ck_assert(reaches(bench.rig, SIZE - 8));
	ck_assert(reaches(bench.rig, 5 * PAGE - 4));
	ck_assert_int_eq(rawpci_fake_dma_write(bench.rig, SIZE - 4, host, 8), -EFAULT);
}
END_TEST

START_TEST(steps_downwards_and_shuffled)
{
	for (uint64_t at = 64 * PAGE; at > 0; at -= PAGE)
		DONE(bench_memory(host + at - PAGE, at - PAGE, PAGE, MAP));
	for (uint64_t i = 0; i < 64; i++) {
		uint64_t at = (64 + (i * 27) % 64) * PAGE;

		DONE(bench_memory(host + at, at, PAGE, MAP));
	}
	on();
	ck_assert_uint_eq(rawpci_fake_dma_mappings(bench.rig), 1);
}
END_TEST

START_TEST(punched_page)
{
	announce(64 * PAGE);
	on();
	DONE(bench_memory(NULL, 10 * PAGE, PAGE, UNMAP));
	ck_assert(!reaches(bench.rig, 10 * PAGE));
	ck_assert(!reaches(bench.rig, 11 * PAGE - 8));
	ck_assert(!reaches(bench.rig, 10 * PAGE - 4));
	ck_assert(reaches(bench.rig, 9 * PAGE));
	ck_assert(reaches(bench.rig, 10 * PAGE - 8));
	ck_assert(reaches(bench.rig, 11 * PAGE));
	DONE(bench_memory(host + 10 * PAGE, 10 * PAGE, PAGE, MAP));
	ck_assert(reaches(bench.rig, 10 * PAGE - 4));
}
END_TEST

START_TEST(unmap_across_runs)
{
	announce(8 * PAGE);
	DONE(bench_memory(host + 16 * PAGE, 16 * PAGE, 8 * PAGE, MAP));
	on();
	DONE(bench_memory(NULL, 7 * PAGE, 10 * PAGE, UNMAP));
	ck_assert(reaches(bench.rig, 7 * PAGE - 8));
	ck_assert(!reaches(bench.rig, 7 * PAGE));
	ck_assert(!reaches(bench.rig, 16 * PAGE));
	ck_assert(reaches(bench.rig, 17 * PAGE));
	DONE(bench_memory(NULL, 0, SIZE, UNMAP));
	ck_assert(!reaches(bench.rig, 0));
	ck_assert_uint_eq(rawpci_fake_dma_mappings(bench.rig), 0);
}
END_TEST

/* A map that returns on a VM that is on is complete. */
START_TEST(map_while_on)
{
	on();
	ck_assert(!reaches(bench.rig, 0));
	announce(8 * PAGE);
	ck_assert(reaches(bench.rig, 0));
	ck_assert(reaches(bench.rig, 8 * PAGE - 8));
	ck_assert(reaches(bench.rig, 3 * PAGE - 4));
}
END_TEST

START_TEST(power_is_the_gate)
{
	announce(8 * PAGE);
	DONE(bench_reopen());
	ck_assert(!reaches(bench.rig, 0));
	DONE(bench_config_write(4, 2, 7));
	ck_assert(!reaches(bench.rig, 0));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert(reaches(bench.rig, 0));
	DONE(bench_power(PCIRAW_POWER_SUSPEND));
	ck_assert(!reaches(bench.rig, 0));
	DONE(bench_power(PCIRAW_POWER_RESUME));
	ck_assert(reaches(bench.rig, 0));
	DONE(bench_power(PCIRAW_POWER_OFF));
	ck_assert(!reaches(bench.rig, 0));
	ck_assert_uint_eq(rawpci_fake_dma_mappings(bench.rig), 0);
	DONE(bench_config_write(4, 2, 7));
	ck_assert(!reaches(bench.rig, 0));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert(reaches(bench.rig, 0));
	DONE(bench_close());
	ck_assert(!reaches(bench.rig, 0));
}
END_TEST

/* edu is the second device: it gets what the first has, and keeps it when the first goes. */
START_TEST(second_device_joins)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	PCIRAWDEVHANDLE first;
	struct rawpci_fake *edu;

	ck_assert_int_eq(rawpci_fake_find(bench.ctx, "0000:00:04.0", &edu), 0);
	announce(8 * PAGE);
	on();
	first = bench.handle;
	r.u.aOpenDevice.PciAddress = bench_pci(0, 4, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	ck_assert(!reaches(edu, 0));
	DONE(bench_power(PCIRAW_POWER_ON));
	ck_assert(reaches(edu, 0));
	ck_assert(reaches(bench.rig, 0));
	DONE(bench_memory(NULL, 0, PAGE, UNMAP));
	ck_assert(!reaches(edu, 0));
	ck_assert(!reaches(bench.rig, 0));
	bench.handle = first;
	DONE(bench_close());
	ck_assert(reaches(edu, PAGE));
	DONE(bench_memory(host, 0, PAGE, MAP));
	ck_assert(reaches(edu, 0));
}
END_TEST

START_TEST(without_a_vm_nothing_is_reached)
{
	PRAWPCIDEVPORT port;

	announce(PAGE);
	DONE(bench.factory->pfnCreateAndConnect(bench.factory, bench.pci, 0, NULL, &port));
	DONE(port->pfnPowerStateChange(port, PCIRAW_POWER_ON));
	ck_assert(!reaches(bench.rig, 0));
	DONE(port->pfnDestroy(port));
}
END_TEST

START_TEST(vms_are_apart)
{
	RAWPCIVM other;
	PRAWPCIDEVPORT port;
	struct rawpci_fake *edu;

	ck_assert_int_eq(rawpci_fake_find(bench.ctx, "0000:00:04.0", &edu), 0);
	DONE(bench.factory->pfnInitVm(bench.factory, NULL, &other));
	announce(PAGE);
	on();
	DONE(bench.factory->pfnCreateAndConnect(bench.factory, bench_pci(0, 4, 0), 0, &other,
						&port));
	DONE(port->pfnPowerStateChange(port, PCIRAW_POWER_ON));
	ck_assert(reaches(bench.rig, 0));
	ck_assert(!reaches(edu, 0));
	DONE(port->pfnDestroy(port));
	bench.factory->pfnDeinitVm(bench.factory, NULL, &other);
	ck_assert_ptr_null(other.pDriverData);
}
END_TEST

static void open_without_dma(void)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.no_dma = true,
	};
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
	r.u.aOpenDevice.PciAddress = bench_pci(0, 6, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
}

START_TEST(no_dma_power_on_with_memory)
{
	announce(PAGE);
	open_without_dma();
	REFUSED(VERR_NOT_SUPPORTED, bench_power(PCIRAW_POWER_ON));
	DONE(bench_memory(NULL, 0, PAGE, UNMAP));
	DONE(bench_power(PCIRAW_POWER_ON));
}
END_TEST

START_TEST(no_dma_memory_while_on)
{
	open_without_dma();
	DONE(bench_power(PCIRAW_POWER_ON));
	REFUSED(VERR_NOT_SUPPORTED, bench_memory(host, 0, PAGE, MAP));
	DONE(bench_power(PCIRAW_POWER_OFF));
	DONE(bench_memory(host, 0, PAGE, MAP));
	REFUSED(VERR_NOT_SUPPORTED, bench_power(PCIRAW_POWER_ON));
}
END_TEST

/* The interrupt addresses in the way: power-on says so and leaves the device off. */
START_TEST(range_the_iommu_cannot_translate)
{
	DONE(bench_memory(host, 0xfee00000, PAGE, MAP));
	DONE(bench_reopen());
	REFUSED(VERR_OUT_OF_RANGE, bench_power(PCIRAW_POWER_ON));
	ck_assert_uint_eq(rawpci_fake_dma_mappings(bench.rig), 0);
	REFUSED(VERR_WRONG_ORDER, bench_power(PCIRAW_POWER_OFF));
	DONE(bench_memory(NULL, 0xfee00000, PAGE, UNMAP));
	DONE(bench_power(PCIRAW_POWER_ON));
	REFUSED(VERR_OUT_OF_RANGE, bench_memory(host, 0xfee00000, PAGE, MAP));
	REFUSED(VERR_OUT_OF_RANGE, bench_memory(host, UINT64_C(1) << 48, PAGE, MAP));
	DONE(bench_memory(host, 0xfef00000, PAGE, MAP));
}
END_TEST

static void write_last(struct rawpci_fake *fake, int want)
{
	const uint64_t value = 0x1122334455667788;

	ck_assert_int_eq(rawpci_fake_dma_write(fake, UINT64_MAX - 7, &value, 8), want);
	if (want == 0)
		ck_assert_mem_eq(host + 2 * PAGE - 8, &value, 8);
}

/* An IOMMU of 64 bits: what ends with the last byte of all addresses does not wrap. */
START_TEST(the_last_page_of_64_bits)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.dma_last = UINT64_MAX,
	};
	const uint64_t last = UINT64_MAX - PAGE + 1;
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	struct rawpci_fake *fake;

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, &fake), 0);
	DONE(bench_memory(host + PAGE, last, PAGE, MAP));
	DONE(bench_memory(host, 0, PAGE, MAP));
	r.u.aOpenDevice.PciAddress = bench_pci(0, 6, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	DONE(bench_power(PCIRAW_POWER_ON));
	DONE(bench_config_write(4, 2, 6));
	write_last(fake, 0);
	REFUSED(VERR_OUT_OF_RANGE, bench_memory(host, last, 2 * PAGE, MAP));
	REFUSED(VERR_OUT_OF_RANGE, bench_memory(NULL, last, 2 * PAGE, UNMAP));
	REFUSED(VERR_ADDRESS_CONFLICT, bench_memory(host, last, PAGE, MAP));
	DONE(bench_memory(host, last - PAGE, 2 * PAGE, MAP));
	write_last(fake, 0);
	DONE(bench_memory(NULL, last, PAGE, UNMAP));
	write_last(fake, -EFAULT);
	REFUSED(VERR_NOT_FOUND, bench_memory(NULL, last, PAGE, UNMAP));
	DONE(bench_memory(host + PAGE, last, PAGE, MAP));
	write_last(fake, 0);
	DONE(bench_memory(NULL, 0, UINT64_MAX - PAGE + 1, UNMAP));
	DONE(bench_memory(NULL, last, PAGE, UNMAP));
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 0);
}
END_TEST

START_TEST(larger_iommu_pages)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.dma_page = 0x10000,
	};
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	unsigned char *aligned = (unsigned char *)(((uintptr_t)host + 0xffff) & ~(uintptr_t)0xffff);

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, NULL), 0);
	r.u.aOpenDevice.PciAddress = bench_pci(0, 6, 0);
	DONE(bench_ask(&r));
	bench.handle = r.u.aOpenDevice.Device;
	DONE(bench_power(PCIRAW_POWER_ON));
	REFUSED(VERR_UNSUPPORTED_ALIGNMENT, bench_memory(aligned, 0x1000, 0x10000, MAP));
	REFUSED(VERR_UNSUPPORTED_ALIGNMENT, bench_memory(aligned, 0, 0x1000, MAP));
	DONE(bench_memory(aligned, 0, 0x20000, MAP));
}
END_TEST

void add_dma(Suite *suite)
{
	TCase *tcase = tcase_create("dma");

	tcase_add_checked_fixture(tcase, setup, bench_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, steps_of_a_page_are_one_mapping);
	tcase_add_test(tcase, steps_downwards_and_shuffled);
	tcase_add_test(tcase, punched_page);
	tcase_add_test(tcase, unmap_across_runs);
	tcase_add_test(tcase, map_while_on);
	tcase_add_test(tcase, power_is_the_gate);
	tcase_add_test(tcase, second_device_joins);
	tcase_add_test(tcase, without_a_vm_nothing_is_reached);
	tcase_add_test(tcase, vms_are_apart);
	tcase_add_test(tcase, no_dma_power_on_with_memory);
	tcase_add_test(tcase, no_dma_memory_while_on);
	tcase_add_test(tcase, range_the_iommu_cannot_translate);
	tcase_add_test(tcase, the_last_page_of_64_bits);
	tcase_add_test(tcase, larger_iommu_pages);
	suite_add_tcase(suite, tcase);
}
