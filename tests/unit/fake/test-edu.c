/* SPDX-License-Identifier: MIT */
/* The model against the public register layout (QEMU docs/specs/edu). */
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define PAGE 4096

static void *edu;
static int fd;

static void open_edu(void *space)
{
	edu = open_at("0000:00:04.0", space);
	fd = new_eventfd();
	cfg_write(edu, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MEMORY | RAWPCI_COMMAND_MASTER);
}

static uint32_t get(uint64_t offset)
{
	return (uint32_t)reg_read(edu, 0, offset, 4);
}

static void set(uint64_t offset, uint32_t value)
{
	reg_write(edu, 0, offset, 4, value);
}

START_TEST(is_there_from_the_start)
{
	struct rawpci_region_info region;
	struct rawpci_backend_info info;

	open_edu(NULL);
	ck_assert_uint_eq(cfg_read(edu, 0, 4), 0x11e81234);
	ck_assert_uint_eq(cfg_read(edu, 8, 4) >> 8, 0x00ff00);
	ck_assert_int_eq(ops->region_info(edu, 0, &region), 0);
	ck_assert_uint_eq(region.size, 0x100000);
	ck_assert_uint_eq(region.flags, 0);
	ck_assert_uint_eq(region.area_count, 0);
	ck_assert_int_eq(ops->info(edu, &info), 0);
	ck_assert_uint_eq(info.config_size, 256);
	ck_assert(info.can_reset);
	ck_assert(info.fresh);
	ck_assert_uint_eq(info.irq_count[RAWPCI_IRQ_INTX], 1);
	ck_assert_uint_eq(info.irq_count[RAWPCI_IRQ_MSI], 1);
	ck_assert_uint_eq(info.irq_count[RAWPCI_IRQ_MSIX], 0);
}
END_TEST

START_TEST(identity_and_liveness)
{
	open_edu(NULL);
	ck_assert_uint_eq(get(0), 0x010000ed);
	set(0, 0);
	ck_assert_uint_eq(get(0), 0x010000ed);
	set(4, 0x12345678);
	ck_assert_uint_eq(get(4), 0xedcba987);
}
END_TEST

START_TEST(widths)
{
	open_edu(NULL);
	ck_assert_uint_eq(reg_read(edu, 0, 0, 1), 0xff);
	ck_assert_uint_eq(reg_read(edu, 0, 0, 2), 0xffff);
	ck_assert_uint_eq(reg_read(edu, 0, 0, 8), UINT64_MAX);
	reg_write(edu, 0, 4, 1, 1);
	ck_assert_uint_eq(get(4), 0);
	reg_write(edu, 0, 0x80, 8, 0x1122334455667788);
	ck_assert_uint_eq(reg_read(edu, 0, 0x80, 8), 0x1122334455667788);
	ck_assert_uint_eq(get(0x80), 0x55667788);
	ck_assert_uint_eq(reg_read(edu, 0, 0x80, 2), 0xffff);
	ck_assert_uint_eq(get(0x60), 0xffffffff); /* write-only */
	ck_assert_uint_eq(get(0x40), 0xffffffff); /* no register */
}
END_TEST

START_TEST(factorials)
{
	static const uint32_t expected[][2] = {
		{ 0, 1 },           { 1, 1 },           { 5, 120 }, { 12, 479001600 },
		{ 13, 1932053504 }, { 33, 0x80000000 }, { 34, 0 },  { 0xffffffff, 0 },
	};

	open_edu(NULL);
	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		set(8, expected[i][0]);
		ck_assert_uint_eq(get(0x20) & 1, 0);
		ck_assert_uint_eq(get(8), expected[i][1]);
	}
	ck_assert_uint_eq(get(0x24), 0);
}
END_TEST

START_TEST(factorial_interrupts)
{
	open_edu(NULL);
	ck_assert_int_eq(ops->irq_enable(edu, RAWPCI_IRQ_MSI, 1, &fd), 0);
	set(0x20, 0xff);
	ck_assert_uint_eq(get(0x20), 0x80);
	set(8, 5);
	ck_assert(signalled(fd));
	ck_assert_uint_eq(get(0x24), 1);
	set(0x64, 1);
	ck_assert_uint_eq(get(0x24), 0);
	set(0x20, 0);
	set(8, 5);
	ck_assert(!signalled(fd));
}
END_TEST

START_TEST(line_until_acknowledged)
{
	open_edu(NULL);
	ck_assert_int_eq(ops->irq_enable(edu, RAWPCI_IRQ_INTX, 1, &fd), 0);
	set(0x60, 0x30);
	ck_assert(signalled(fd));
	ck_assert_uint_eq(get(0x24), 0x30);
	set(0x64, 0x10);
	ck_assert_uint_eq(get(0x24), 0x20);
	ck_assert_int_eq(ops->irq_unmask(edu), 0);
	ck_assert(signalled(fd));
	set(0x64, 0xffffffff);
	ck_assert_int_eq(ops->irq_unmask(edu), 0);
	ck_assert(!signalled(fd));
}
END_TEST

static void dma(uint64_t source, uint64_t destination, uint64_t count, uint32_t command)
{
	reg_write(edu, 0, 0x80, 8, source);
	reg_write(edu, 0, 0x88, 8, destination);
	reg_write(edu, 0, 0x90, 8, count);
	reg_write(edu, 0, 0x98, 8, command);
	ck_assert_uint_eq(get(0x98) & 1, 0);
}

START_TEST(dma_both_ways)
{
	unsigned char *memory = aligned_alloc(PAGE, 2 * PAGE);
	void *space;

	ck_assert_int_eq(ops->space_create(instance, &space), 0);
	open_edu(space);
	ck_assert_int_eq(ops->irq_enable(edu, RAWPCI_IRQ_MSI, 1, &fd), 0);
	ck_assert_int_eq(ops->dma_map(space, 0x100000, memory, 2 * PAGE), 0);
	memset(memory, 0xa5, PAGE);
	memset(memory + PAGE, 0, PAGE);
	dma(0x100000, 0x40000, PAGE, 1);
	ck_assert_uint_eq(get(0x24), 0);
	ck_assert(!signalled(fd));
	dma(0x40000, 0x101000, PAGE, 1 | 2 | 4);
	ck_assert_uint_eq(get(0x24), 0x100);
	ck_assert(signalled(fd));
	ck_assert_mem_eq(memory, memory + PAGE, PAGE);

	/* Addresses are 28 bits; outside the buffer nothing moves. */
	memset(memory + PAGE, 0, PAGE);
	dma(0x40ff0, 0xff0000000 + 0x101000, 0x10, 1 | 2);
	ck_assert_uint_eq(memory[PAGE + 0xf], 0xa5);
	ck_assert_uint_eq(memory[PAGE + 0x10], 0);
	memset(memory + PAGE, 0, PAGE);
	dma(0x40ff1, 0x101000, 0x10, 1 | 2);
	dma(0x3ffff, 0x101000, 0x10, 1 | 2);
	dma(0x40000, 0x101000, PAGE + 1, 1 | 2);
	dma(0x40000, 0x101000, UINT64_MAX, 1 | 2);
	dma(0x40000, 0x101000, 0x10, 2); /* not started */
	for (unsigned i = 0; i < 0x20; i++)
		ck_assert_uint_eq(memory[PAGE + i], 0);
	ck_assert_uint_eq(rawpci_fake_dma_faults(edu), 0);
	cfg_write(edu, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_MEMORY);
	dma(0x40000, 0x101000, 0x10, 1 | 2);
	ck_assert_uint_eq(memory[PAGE], 0);
	ck_assert_uint_eq(rawpci_fake_dma_faults(edu), 1);
	ops->close(edu);
	ops->space_destroy(space);
	free(memory);
}
END_TEST

START_TEST(reset)
{
	open_edu(NULL);
	ck_assert_int_eq(ops->irq_enable(edu, RAWPCI_IRQ_INTX, 1, &fd), 0);
	set(4, 7);
	set(0x20, 0x80);
	set(0x60, 1);
	reg_write(edu, 0, 0x90, 4, 99);
	ops->irq_disable(edu, RAWPCI_IRQ_INTX);
	ck_assert_int_eq(ops->reset(edu), 0);
	ck_assert_uint_eq(get(4), 0);
	ck_assert_uint_eq(get(0x20), 0);
	ck_assert_uint_eq(get(0x24), 0);
	ck_assert_uint_eq(get(0x90), 0);
	ck_assert_uint_eq(cfg_read(edu, RAWPCI_CFG_STATUS, 2), RAWPCI_STATUS_CAPABILITIES);
}
END_TEST

START_TEST(another_one)
{
	struct rawpci_fake *second;
	void *other;

	open_edu(NULL);
	ck_assert_int_eq(rawpci_fake_add_edu(ctx, "0000:00:06.0", &second), 0);
	ck_assert_int_eq(rawpci_fake_add_edu(ctx, "0000:00:06.0", NULL), -EEXIST);
	ck_assert_int_eq(rawpci_fake_add_edu(ctx, "somewhere", NULL), -EINVAL);
	other = open_at("0000:00:06.0", NULL);
	ck_assert_ptr_eq(other, second);
	set(4, 1);
	reg_write(other, 0, 4, 4, 2);
	ck_assert_uint_eq(get(4), 0xfffffffe);
	ck_assert_uint_eq(reg_read(other, 0, 4, 4), 0xfffffffd);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		is_there_from_the_start,
		identity_and_liveness,
		widths,
		factorials,
		factorial_interrupts,
		line_until_acknowledged,
		dma_both_ways,
		reset,
		another_one,
	};

	return harness_run(SUITE_OF("fake-edu", tests));
}
