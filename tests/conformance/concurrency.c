/* SPDX-License-Identifier: MIT */
/*
 * Requests of several threads at once. The model of the device holds one thread inside an access
 * until another has reached a chosen place. Fake only.
 */
#include "bench.h"

#include <pthread.h>

#define BAR 0 /* trapped, 4 KiB */

static char host[PAGE] __attribute__((aligned(PAGE)));

static struct {
	struct rawpci_device *dev;
	struct rawpci_fake *fake;
	struct rawpci_mapping map;
	bool by_region; /* the reader's way in */
	atomic_uint armed, inside, open, reset_inside;
	atomic_int dma; /* what the held access got when it had memory to write to; 1: none yet */
} g;

static uint64_t held_read(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			  unsigned width)
{
	const char byte = 5;

	(void)opaque;
	(void)region;
	(void)offset;
	(void)width;
	if (!atomic_load(&g.armed))
		return 0;
	atomic_store(&g.inside, 1);
	for (unsigned i = 0; i < 20000 && !atomic_load(&g.open); i++) {
		if (atomic_load(&g.dma) == 1 && rawpci_fake_dma_mappings(fake) > 0)
			atomic_store(&g.dma, rawpci_fake_dma_write(fake, 0, &byte, 1));
		bench_pause();
	}
	atomic_store(&g.inside, 0);
	return 0;
}

static void note_reset(void *opaque, struct rawpci_fake *fake)
{
	(void)opaque;
	(void)fake;
	if (atomic_load(&g.inside))
		atomic_store(&g.reset_inside, 1);
}

static const struct rawpci_fake_model model = { .read = held_read, .reset = note_reset };

/* Without power management: what stops DMA is COMMAND alone. */
static void setup(void)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.bars = { [BAR] = { .size = PAGE, .trapped = true } },
		.model = &model,
	};

	bench_start();
	ck_assert_int_eq(rawpci_fake_add(bench.ctx, &config, &g.fake), 0);
	DONE(bench_memory(host, 0, PAGE, PCIRAW_MEMINFO_MAP));
	ck_assert_int_eq(rawpci_device_open(bench.ctx, bench.vm.pDriverData, "00:06.0", 0, &g.dev),
			 0);
	ck_assert_int_eq(rawpci_config_write(g.dev, 4, 2, 6), 0);
	ck_assert_int_eq(rawpci_region_map(g.dev, BAR, 0, PAGE, &g.map), 0);
	atomic_store(&g.armed, 1);
}

static void end(void)
{
	ck_assert_int_eq(rawpci_device_close(g.dev), 0);
	bench_end();
}

static void *reader(void *status)
{
	uint64_t value;

	*(int *)status = g.by_region ? rawpci_region_read(g.dev, BAR, 0, 4, &value)
				     : rawpci_mmio_read(g.dev, g.map.base, 4, &value);
	return NULL;
}

static void *opener(void *unused)
{
	(void)unused;
	for (unsigned i = 0; i < 50; i++)
		bench_pause();
	atomic_store(&g.open, 1);
	return NULL;
}

static pthread_t start(void *(*job)(void *), void *arg)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, job, arg), 0);
	return thread;
}

START_TEST(a_reset_waits_for_the_access_under_way)
{
	pthread_t reading, opening;
	int status = -1;

	g.by_region = _i;
	reading = start(reader, &status);
	bench_wait(&g.inside, 1);
	opening = start(opener, NULL);
	ck_assert_int_eq(rawpci_device_reset(g.dev), 0);
	ck_assert_uint_eq(atomic_load(&g.reset_inside), 0);
	(void)pthread_join(opening, NULL);
	(void)pthread_join(reading, NULL);
	ck_assert_int_eq(status, 0);
}
END_TEST

static void *turn_on(void *status)
{
	*(int *)status = rawpci_device_power(g.dev, RAWPCI_POWER_ON);
	return NULL;
}

/* The access holds off the reset, so that there is a moment with the memory attached before it. */
START_TEST(power_on_gives_no_memory_to_a_device_before_its_reset)
{
	pthread_t reading, turning;
	int read_status = -1, power_status = -1;

	atomic_store(&g.dma, 1);
	reading = start(reader, &read_status);
	bench_wait(&g.inside, 1);
	turning = start(turn_on, &power_status);
	for (unsigned i = 0; i < 20000 && atomic_load(&g.dma) == 1; i++)
		bench_pause();
	atomic_store(&g.open, 1);
	(void)pthread_join(turning, NULL);
	(void)pthread_join(reading, NULL);
	ck_assert_int_eq(atomic_load(&g.dma), -EFAULT);
	ck_assert_int_eq(host[0], 0);
	ck_assert_int_eq(read_status, 0);
	ck_assert_int_eq(power_status, 0);
}
END_TEST

static void *memory_off(void *status)
{
	*(int *)status = rawpci_config_write(g.dev, 4, 2, 4);
	return NULL;
}

static void *suspend(void *status)
{
	*(int *)status = rawpci_device_power(g.dev, RAWPCI_POWER_SUSPEND);
	return NULL;
}

static void *master_on(void *status)
{
	*(int *)status = rawpci_config_write(g.dev, 4, 2, 6);
	return NULL;
}

/*
 * A write that turns memory off waits for the access; behind it queue the suspension, and a write
 * of COMMAND that found the device awake. In whichever order they then go, the suspended device
 * masters nothing.
 */
START_TEST(a_config_write_does_not_undo_a_suspension)
{
	int statuses[4] = { -1, -1, -1, -1 };
	pthread_t threads[4];
	const char byte = 9;

	ck_assert_int_eq(rawpci_device_power(g.dev, RAWPCI_POWER_ON), 0);
	threads[0] = start(reader, &statuses[0]);
	bench_wait(&g.inside, 1);
	threads[1] = start(memory_off, &statuses[1]);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	threads[2] = start(suspend, &statuses[2]);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	threads[3] = start(master_on, &statuses[3]);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	atomic_store(&g.open, 1);
	for (unsigned i = 0; i < 4; i++)
		(void)pthread_join(threads[i], NULL);
	ck_assert_int_eq(statuses[0], 0);
	ck_assert_int_eq(statuses[1], 0);
	ck_assert_int_eq(statuses[2], 0);
	ck_assert_msg(statuses[3] == 0 || statuses[3] == -ESHUTDOWN, "%d", statuses[3]);
	ck_assert_int_eq(rawpci_fake_dma_write(g.fake, 0, &byte, 1), -EFAULT);
	ck_assert_int_eq(host[0], 0);
}
END_TEST

void add_concurrency(Suite *suite)
{
	TCase *tcase = tcase_create("concurrency");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, end);
	tcase_add_loop_test(tcase, a_reset_waits_for_the_access_under_way, 0, 2);
	tcase_add_test(tcase, power_on_gives_no_memory_to_a_device_before_its_reset);
	tcase_add_loop_test(tcase, a_config_write_does_not_undo_a_suspension, 0, 5);
	suite_add_tcase(suite, tcase);
}
