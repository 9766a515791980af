/* SPDX-License-Identifier: MIT */
/* DMA of a fake device: mappings, transfers, faults, limits. */
#include "fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 4096

static void *space, *device;
static struct rawpci_fake *fake;
static unsigned char *memory; /* 16 pages */

static void open_in_space(void)
{
	struct rawpci_fake_config config = full_config();

	ck_assert_int_eq(ops->space_create(instance, &space), 0);
	device = open_config(&config, space);
	fake = device;
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MASTER);
	memory = aligned_alloc(PAGE, 16 * PAGE);
	ck_assert_ptr_nonnull(memory);
	memset(memory, 0, 16 * PAGE);
}

static void close_in_space(void)
{
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, 0);
	ops->close(device);
	ops->space_destroy(space);
	free(memory);
}

START_TEST(transfers_cross_mappings)
{
	unsigned char buffer[2 * PAGE];

	open_in_space();
	/* Neighbours for the device; in memory they are apart and in the other order. */
	ck_assert_int_eq(ops->dma_map(space, 0x10000, memory + 4 * PAGE, PAGE), 0);
	ck_assert_int_eq(ops->dma_map(space, 0x11000, memory, 2 * PAGE), 0);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 2);
	memset(buffer, 0x77, sizeof(buffer));
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10ff0, buffer, 0x30), 0);
	ck_assert_uint_eq(memory[4 * PAGE + 0xfef], 0);
	ck_assert_uint_eq(memory[4 * PAGE + 0xff0], 0x77);
	ck_assert_uint_eq(memory[4 * PAGE + 0xfff], 0x77);
	ck_assert_uint_eq(memory[5 * PAGE], 0);
	ck_assert_uint_eq(memory[0x1f], 0x77);
	ck_assert_uint_eq(memory[0x20], 0);
	memset(memory, 0x11, PAGE);
	ck_assert_int_eq(rawpci_fake_dma_read(fake, 0x10800, buffer, 0x1000), 0);
	ck_assert_uint_eq(buffer[0x7ef], 0);
	ck_assert_uint_eq(buffer[0x7ff], 0x77);
	ck_assert_uint_eq(buffer[0x800], 0x11);
	ck_assert_uint_eq(buffer[0xfff], 0x11);
	ck_assert_uint_eq(buffer[0x1000], 0x77);
	ck_assert_uint_eq(rawpci_fake_dma_faults(fake), 0);
	close_in_space();
}
END_TEST

START_TEST(faults_transfer_nothing)
{
	unsigned char buffer[PAGE];
	unsigned at;

	open_in_space();
	at = find_cap(device, RAWPCI_CAP_PM) + RAWPCI_PM_CONTROL;
	ck_assert_int_eq(ops->dma_map(space, 0x10000, memory, PAGE), 0);
	memset(buffer, 0x77, sizeof(buffer));
	/* The second half is not mapped. */
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10800, buffer, PAGE), -EFAULT);
	ck_assert_uint_eq(memory[0x800], 0);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x9000, buffer, 1), -EFAULT);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, UINT64_MAX, buffer, 2), -EFAULT);
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MEMORY);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10000, buffer, 1), -EFAULT);
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MASTER);
	cfg_write(device, at, 2, RAWPCI_PM_D3HOT);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10000, buffer, 1), -EFAULT);
	cfg_write(device, at, 2, 0);
	ck_assert_uint_eq(rawpci_fake_dma_faults(fake), 5);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10000, buffer, 1), 0);
	ck_assert_int_eq(rawpci_fake_unplug(fake), 0);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10000, buffer, 1), -EFAULT);
	ck_assert_uint_eq(rawpci_fake_dma_faults(fake), 6);
	close_in_space();
}
END_TEST

START_TEST(closed_devices_reach_nothing)
{
	open_in_space();
	ck_assert_int_eq(ops->dma_map(space, 0x10000, memory, PAGE), 0);
	ops->close(device);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10000, "x", 1), -EFAULT);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 0);
	device = open_at(ADDRESS, space);
	close_in_space();
}
END_TEST

START_TEST(unmapping_is_exact)
{
	open_in_space();
	ck_assert_int_eq(ops->dma_map(space, 0x10000, memory, 4 * PAGE), 0);
	ck_assert_int_eq(ops->dma_map(space, 0x14000, memory, PAGE), 0);
	ck_assert_int_eq(ops->dma_unmap(space, 0x10000, PAGE), -EINVAL);
	ck_assert_int_eq(ops->dma_unmap(space, 0x11000, 3 * PAGE), -EINVAL);
	ck_assert_int_eq(ops->dma_unmap(space, 0x10000, 5 * PAGE), -EINVAL);
	ck_assert_int_eq(ops->dma_unmap(space, 0x20000, PAGE), -EINVAL);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 2);
	ck_assert_int_eq(ops->dma_unmap(space, 0x10000, 4 * PAGE), 0);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 1);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x10000, "x", 1), -EFAULT);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, 0x14000, "x", 1), 0);
	close_in_space();
}
END_TEST

START_TEST(bad_mappings_are_refused)
{
	open_in_space();
	ck_assert_int_eq(ops->dma_map(space, 0x10000, memory, 2 * PAGE), 0);
	ck_assert_int_eq(ops->dma_map(space, 0x11000, memory, PAGE), -EADDRINUSE);
	ck_assert_int_eq(ops->dma_map(space, 0xf000, memory, 4 * PAGE), -EADDRINUSE);
	ck_assert_int_eq(ops->dma_map(space, 0x10800, memory, PAGE), -EADDRNOTAVAIL);
	ck_assert_int_eq(ops->dma_map(space, 0x20000, memory + 1, PAGE), -EADDRNOTAVAIL);
	ck_assert_int_eq(ops->dma_map(space, 0x20000, memory, 0), -EADDRNOTAVAIL);
	ck_assert_int_eq(ops->dma_map(space, 0xfedff000, memory, 2 * PAGE), -ERANGE);
	ck_assert_int_eq(ops->dma_map(space, 0xfeeff000, memory, PAGE), -ERANGE);
	ck_assert_int_eq(ops->dma_map(space, (uint64_t)1 << 48, memory, PAGE), -ERANGE);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 1);
	ck_assert_int_eq(ops->dma_map(space, 0xfedff000, memory, PAGE), 0);
	ck_assert_int_eq(ops->dma_map(space, 0xfef00000, memory, PAGE), 0);
	ck_assert_int_eq(ops->dma_map(space, ((uint64_t)1 << 48) - PAGE, memory, PAGE), 0);
	close_in_space();
}
END_TEST

START_TEST(limits_follow_the_devices)
{
	struct rawpci_fake_config big = { .size = sizeof(big),
					  .address = "0:1:2.3",
					  .dma_page = 0x10000 };
	struct rawpci_fake_config middle = { .size = sizeof(middle),
					     .address = "0:1:2.4",
					     .dma_page = 0x2000 };
	struct rawpci_dma_limits limits;
	void *other, *third;

	open_in_space();
	ck_assert_int_eq(ops->space_limits(space, &limits), 0);
	ck_assert_uint_eq(limits.page_size, 4096);
	ck_assert_uint_eq(limits.range_count, 2);
	ck_assert_uint_eq(limits.ranges[0].first, 0);
	ck_assert_uint_eq(limits.ranges[0].last, 0xfedfffff);
	ck_assert_uint_eq(limits.ranges[1].first, 0xfef00000);
	ck_assert_uint_eq(limits.ranges[1].last, 0xffffffffffff);
	other = open_config(&big, space);
	ck_assert_int_eq(ops->space_limits(space, &limits), 0);
	ck_assert_uint_eq(limits.page_size, 0x10000);
	third = open_config(&middle, space);
	ck_assert_int_eq(ops->space_limits(space, &limits), 0);
	ck_assert_uint_eq(limits.page_size, 0x10000);
	ops->close(third);
	ops->close(other);
	ck_assert_int_eq(ops->space_limits(space, &limits), 0);
	ck_assert_uint_eq(limits.page_size, 4096);
	close_in_space();
}
END_TEST

START_TEST(sixty_four_bits)
{
	struct rawpci_fake_config config = full_config();
	const uint64_t last = 0 - (uint64_t)PAGE;
	struct rawpci_dma_limits limits;
	unsigned char bytes[16] = { 1 };

	config.dma_last = UINT64_MAX;
	ck_assert_int_eq(ops->space_create(instance, &space), 0);
	device = open_config(&config, space);
	fake = device;
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MASTER);
	memory = aligned_alloc(PAGE, 16 * PAGE);
	ck_assert_ptr_nonnull(memory);
	ck_assert_int_eq(ops->space_limits(space, &limits), 0);
	ck_assert_uint_eq(limits.ranges[1].last, UINT64_MAX);
	ck_assert_int_eq(ops->dma_map(space, last - PAGE, memory, 2 * PAGE), 0);
	ck_assert_int_eq(ops->dma_map(space, last, memory, PAGE), -EADDRINUSE);
	ck_assert_int_eq(ops->dma_map(space, 0, memory, PAGE), 0);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, UINT64_MAX - 15, bytes, 16), 0);
	ck_assert_mem_eq(memory + 2 * PAGE - 16, bytes, 16);
	/* The first byte does not follow the last one. */
	ck_assert_int_eq(rawpci_fake_dma_write(fake, UINT64_MAX - 7, bytes, 16), -EFAULT);
	ck_assert_int_eq(ops->dma_unmap(space, last - PAGE, 2 * PAGE), 0);
	ck_assert_int_eq(rawpci_fake_dma_write(fake, UINT64_MAX - 15, bytes, 16), -EFAULT);
	close_in_space();
}
END_TEST

START_TEST(some_devices_have_none)
{
	struct rawpci_fake_config config = { .size = sizeof(config),
					     .address = "0:1:2.3",
					     .no_dma = true };
	struct rawpci_backend_info info;
	void *other;

	open_in_space();
	ck_assert_int_eq(ops->dma_map(space, 0x10000, memory, PAGE), 0);
	other = open_config(&config, space);
	ck_assert_int_eq(ops->info(other, &info), 0);
	ck_assert(info.no_dma);
	cfg_write(other, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MASTER);
	ck_assert_int_eq(rawpci_fake_dma_write(other, 0x10000, "x", 1), -EFAULT);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(other), 0);
	ops->close(other);
	close_in_space();
}
END_TEST

static atomic_bool stop;
static atomic_uint started;

static void *hammer(void *opaque)
{
	(void)opaque;
	while (!atomic_load(&stop)) {
		(void)rawpci_fake_dma_write(fake, 0x10000, "devicedevice", 12);
		atomic_fetch_add(&started, 1);
	}
	return NULL;
}

/* After an unmap only the program reaches the memory. Under a thread checker its plain accesses
 * race with a transfer that is late. */
START_TEST(no_transfer_after_unmap)
{
	pthread_t threads[2];

	open_in_space();
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, hammer, NULL), 0);
	for (unsigned n = 0; n < 500; n++) {
		unsigned before;

		ck_assert_int_eq(ops->dma_map(space, 0x10000, memory, PAGE), 0);
		/* Two threads have ended three calls: one call began after this. */
		before = atomic_load(&started);
		while (atomic_load(&started) - before < 3)
			;
		ck_assert_int_eq(ops->dma_unmap(space, 0x10000, PAGE), 0);
		ck_assert_uint_eq(memory[0], 'd');
		memset(memory, 0, 12);
		before = atomic_load(&started);
		while (atomic_load(&started) - before < 3)
			;
		ck_assert_uint_eq(memory[0], 0);
	}
	atomic_store(&stop, true);
	for (unsigned i = 0; i < 2; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	close_in_space();
}
END_TEST

/* In ascending order, which makes a list of a tree that is not balanced. */
START_TEST(many_mappings)
{
	open_in_space();
	for (uint64_t i = 0; i < 100000; i++)
		ck_assert_int_eq(ops->dma_map(space, i * 2 * PAGE, memory, PAGE), 0);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 100000);
	for (uint64_t i = 0; i < 100000; i++)
		ck_assert_int_eq(ops->dma_unmap(space, i * 2 * PAGE, PAGE), 0);
	ck_assert_uint_eq(rawpci_fake_dma_mappings(fake), 0);
	close_in_space();
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		transfers_cross_mappings,
		faults_transfer_nothing,
		closed_devices_reach_nothing,
		unmapping_is_exact,
		bad_mappings_are_refused,
		limits_follow_the_devices,
		sixty_four_bits,
		some_devices_have_none,
		no_transfer_after_unmap,
		many_mappings,
	};

	return harness_run(SUITE_OF("fake-dma", tests));
}
