/* SPDX-License-Identifier: MIT */
/* Faults that a test orders, at each point. */
#include "fixture.h"

static void *space, *device;
static int fd;

/* Calls one operation, and returns its result. */
static int call(enum rawpci_fake_point point)
{
	static unsigned char memory[8192];
	void *page = (void *)(((uintptr_t)memory + 4095) & ~(uintptr_t)4095);
	const struct rawpci_address at = { .device = 5 };
	struct rawpci_backend_info info;
	struct rawpci_region_info region;
	struct rawpci_dma_limits limits;
	uint32_t value;
	uint64_t wide;
	void *out;
	int r;

	switch (point) {
	case RAWPCI_FAKE_OPEN:
		return ops->open(instance, &at, space, &out);
	case RAWPCI_FAKE_INFO:
		return ops->info(device, &info);
	case RAWPCI_FAKE_CFG_READ:
		return ops->cfg_read(device, 0, 4, &value);
	case RAWPCI_FAKE_CFG_WRITE:
		return ops->cfg_write(device, 0x3c, 1, 1);
	case RAWPCI_FAKE_REGION_INFO:
		return ops->region_info(device, 0, &region);
	case RAWPCI_FAKE_REGION_MAP:
		r = rawpci_sys_reserve(4096, 4096, &out);
		ck_assert_int_eq(r, 0);
		r = ops->region_map(device, 2, 0, 4096, out);
		rawpci_sys_unmap(out, 4096);
		return r;
	case RAWPCI_FAKE_REGION_READ:
		return ops->region_read(device, 0, 0, 4, &wide);
	case RAWPCI_FAKE_REGION_WRITE:
		return ops->region_write(device, 0, 0, 4, 1);
	case RAWPCI_FAKE_IRQ_ENABLE:
		return ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, &fd);
	case RAWPCI_FAKE_IRQ_SWAP:
		return ops->irq_swap(device, RAWPCI_IRQ_INTX, 0, fd);
	case RAWPCI_FAKE_IRQ_UNMASK:
		return ops->irq_unmask(device);
	case RAWPCI_FAKE_EVENT_SET:
		return ops->event_set(device, RAWPCI_EVENT_ERROR, fd);
	case RAWPCI_FAKE_RESET:
		return ops->reset(device);
	case RAWPCI_FAKE_SPACE_CREATE:
		r = ops->space_create(instance, &out);
		if (r == 0)
			ops->space_destroy(out);
		return r;
	case RAWPCI_FAKE_SPACE_LIMITS:
		return ops->space_limits(space, &limits);
	case RAWPCI_FAKE_DMA_MAP:
		return ops->dma_map(space, 0, page, 4096);
	case RAWPCI_FAKE_DMA_UNMAP:
		return ops->dma_unmap(space, 0, 4096);
	case RAWPCI_FAKE_POINTS:
		break;
	}
	ck_abort_msg("no such point");
	return 0;
}

/* Makes call() able to succeed again. */
static void undo(enum rawpci_fake_point point)
{
	if (point == RAWPCI_FAKE_OPEN)
		ops->close(device);
	else if (point == RAWPCI_FAKE_DMA_MAP)
		ck_assert_int_eq(call(RAWPCI_FAKE_DMA_UNMAP), 0);
	else if (point == RAWPCI_FAKE_DMA_UNMAP)
		ck_assert_int_eq(call(RAWPCI_FAKE_DMA_MAP), 0);
	else if (point == RAWPCI_FAKE_IRQ_ENABLE)
		ops->irq_disable(device, RAWPCI_IRQ_INTX);
}

START_TEST(every_point)
{
	enum rawpci_fake_point point = (enum rawpci_fake_point)_i;
	struct rawpci_fake_config config = full_config();
	uint64_t before;

	fd = new_eventfd();
	ck_assert_int_eq(ops->space_create(instance, &space), 0);
	device = open_config(&config, space);
	if (point == RAWPCI_FAKE_OPEN)
		ops->close(device);
	if (point == RAWPCI_FAKE_DMA_UNMAP)
		ck_assert_int_eq(call(RAWPCI_FAKE_DMA_MAP), 0);

	before = rawpci_fake_calls(ctx, point);
	ck_assert_int_eq(rawpci_fake_fail(ctx, point, 1, 2, -ENOTRECOVERABLE), 0);
	ck_assert_int_eq(call(point), 0);
	undo(point);
	ck_assert_int_eq(call(point), -ENOTRECOVERABLE);
	ck_assert_int_eq(call(point), -ENOTRECOVERABLE);
	ck_assert_uint_eq(rawpci_fake_calls(ctx, point), before + 3);
	ck_assert_int_eq(call(point), 0);
	undo(point);
	ck_assert_int_eq(rawpci_fake_fail(ctx, point, 0, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, point, 0, 0, 0), 0);
	ck_assert_int_eq(call(point), 0);
	ck_assert_uint_eq(rawpci_fake_calls(ctx, point), before + 5);
	ops->close(device);
	ops->space_destroy(space);
}
END_TEST

/* A failed operation has changed nothing. */
START_TEST(failures_change_nothing)
{
	struct rawpci_fake_config config = full_config();
	uint32_t value = 0x5555;

	device = open_config(&config, NULL);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_CFG_WRITE, 0, 1, -EIO), 0);
	ck_assert_int_eq(ops->cfg_write(device, RAWPCI_CFG_COMMAND, 2, 7), -EIO);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_COMMAND, 2), 0);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_CFG_READ, 0, 1, -EIO), 0);
	ck_assert_int_eq(ops->cfg_read(device, 0, 2, &value), -EIO);
	ck_assert_uint_eq(value, 0x5555);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_REGION_WRITE, 0, 1, -EIO), 0);
	ck_assert_int_eq(ops->region_write(device, 0, 0, 4, 9), -EIO);
	ck_assert_uint_eq(reg_read(device, 0, 0, 4), 0);
}
END_TEST

START_TEST(contexts_are_apart)
{
	struct rawpci *first = ctx;

	ck_assert_int_eq(rawpci_fake_fail(first, RAWPCI_FAKE_OPEN, 0, 9, -EIO), 0);
	set_up();
	device = open_at("0000:00:04.0", NULL);
	ck_assert_uint_eq(rawpci_fake_calls(ctx, RAWPCI_FAKE_OPEN), 1);
	ck_assert_uint_eq(rawpci_fake_calls(first, RAWPCI_FAKE_OPEN), 0);
	ck_assert_int_eq(rawpci_destroy(first), 0);
}
END_TEST

START_TEST(bad_orders)
{
	ck_assert_int_eq(rawpci_fake_fail(NULL, RAWPCI_FAKE_OPEN, 0, 1, -EIO), -EFAULT);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_POINTS, 0, 1, -EIO), -EINVAL);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_OPEN, 0, 1, 0), -EINVAL);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_OPEN, 0, 1, EIO), -EINVAL);
	ck_assert_uint_eq(rawpci_fake_calls(ctx, RAWPCI_FAKE_POINTS), 0);
	ck_assert_uint_eq(rawpci_fake_calls(NULL, RAWPCI_FAKE_OPEN), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = { failures_change_nothing, contexts_are_apart, bad_orders };
	Suite *suite = SUITE_OF("fake-fault", tests);
	TCase *points = tcase_create("points");

	tcase_add_checked_fixture(points, set_up, tear_down);
	tcase_add_loop_test(points, every_point, 0, RAWPCI_FAKE_POINTS);
	suite_add_tcase(suite, points);
	return harness_run(suite);
}
