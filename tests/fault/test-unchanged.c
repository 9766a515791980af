/* SPDX-License-Identifier: MIT */
/*
 * A request that fails changes nothing, whichever call of the backend it was that failed: config
 * space, accesses, DMA, interrupts and the power state are as before, and the same request works
 * once the fault is gone.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "harness.h"

#define PAGE 0x1000u

static char host[16 * PAGE] __attribute__((aligned(PAGE)));

struct rig {
	struct rawpci *ctx;
	struct rawpci_fake *fake;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
	struct rawpci_mapping map, more;
	atomic_uint runs;
	int32_t irq;
};

static void handler(void *opaque, int32_t irq)
{
	(void)irq;
	atomic_fetch_add(&((struct rig *)opaque)->runs, 1);
}

static void build(struct rig *rig)
{
	static const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.bars = { { .size = 4 * PAGE }, { .size = 4 * PAGE } },
		.msix = 64,
		.msix_bar = 1,
		.pm = true,
	};
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	memset(rig, 0, sizeof(*rig));
	ck_assert_int_eq(rawpci_create(&options, &rig->ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(rig->ctx, &config, &rig->fake), 0);
	ck_assert_int_eq(rawpci_vm_create(rig->ctx, &rig->vm), 0);
	ck_assert_int_eq(rawpci_memory_map(rig->vm, 0, host, 4 * PAGE), 0);
	ck_assert_int_eq(rawpci_device_open(rig->ctx, rig->vm, "00:05.0", 0, &rig->dev), 0);
	ck_assert_int_eq(rawpci_config_write(rig->dev, 4, 2, 2), 0);
	ck_assert_int_eq(rawpci_region_map(rig->dev, 0, 0, PAGE, &rig->map), 0);
	rig->irq = rawpci_irq_attach(rig->dev, handler, rig, 0);
	ck_assert_int_ge(rig->irq, 1);
}

static void tear_down(struct rig *rig)
{
	ck_assert_int_eq(rawpci_device_close(rig->dev), 0);
	ck_assert_int_eq(rawpci_vm_destroy(rig->vm), 0);
	ck_assert_int_eq(rawpci_destroy(rig->ctx), 0);
}

static void pause_a_moment(void)
{
	(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

/* What can be seen of the device from outside. */
struct view {
	int config_status;
	uint8_t config[256];
	int mmio, dma;
	uint64_t bytes, mappings;
	bool interrupts;
};

static void look(struct rig *rig, struct view *view)
{
	struct rawpci_memory_stats stats;
	unsigned runs = atomic_load(&rig->runs);
	uint64_t value;
	uint8_t byte;

	memset(view, 0, sizeof(*view));
	for (unsigned i = 0; i < 256 && view->config_status == 0; i += 4) {
		uint32_t dword = 0;

		view->config_status = rawpci_config_read(rig->dev, i, 4, &dword);
		memcpy(view->config + i, &dword, 4);
	}
	view->mmio = rawpci_mmio_read(rig->dev, rig->map.base, 4, &value);
	view->dma = rawpci_fake_dma_read(rig->fake, 0, &byte, 1);
	view->mappings = rawpci_fake_dma_mappings(rig->fake);
	ck_assert_int_eq(rawpci_memory_stats(rig->vm, sizeof(stats), &stats), 0);
	view->bytes = stats.bytes;
	(void)rawpci_fake_raise(rig->fake, 0);
	for (unsigned i = 0; i < 30 && !view->interrupts; i++) {
		pause_a_moment();
		view->interrupts = atomic_load(&rig->runs) != runs;
	}
}

static int power(struct rig *rig, enum rawpci_power state)
{
	return rawpci_device_power(rig->dev, state);
}

static int on(struct rig *rig)
{
	return power(rig, RAWPCI_POWER_ON);
}
static int suspend(struct rig *rig)
{
	return power(rig, RAWPCI_POWER_SUSPEND);
}
static int resume(struct rig *rig)
{
	return power(rig, RAWPCI_POWER_RESUME);
}

static int on_and_suspend(struct rig *rig)
{
	int r = on(rig);

	return r < 0 ? r : suspend(rig);
}

static int nothing(struct rig *rig)
{
	(void)rig;
	return 0;
}

static int attach(struct rig *rig)
{
	int r = rawpci_irq_attach(rig->dev, handler, rig, 0);

	return r < 0 ? r : 0;
}

static int detach(struct rig *rig)
{
	return rawpci_irq_detach(rig->dev, rig->irq);
}

static int map(struct rig *rig)
{
	return rawpci_region_map(rig->dev, 0, PAGE, PAGE, &rig->more);
}

static int unmap(struct rig *rig)
{
	return rawpci_region_unmap(rig->dev, rig->map.base);
}

static int decode_off(struct rig *rig)
{
	return rawpci_config_write(rig->dev, 4, 2, 0);
}

static int decode_on(struct rig *rig)
{
	return rawpci_config_write(rig->dev, 4, 2, 2);
}

static int memory_more(struct rig *rig)
{
	return rawpci_memory_map(rig->vm, 4 * PAGE, host + 4 * PAGE, 4 * PAGE);
}

static int memory_less(struct rig *rig)
{
	return rawpci_memory_unmap(rig->vm, PAGE, PAGE);
}

static const struct {
	const char *name;
	int (*before)(struct rig *rig);
	int (*request)(struct rig *rig);
} requests[] = {
	{ "power on", nothing, on },
	{ "power on with decoding off", decode_off, on },
	{ "suspend", on, suspend },
	{ "resume", on_and_suspend, resume },
	{ "attach a handler", nothing, attach },
	{ "attach a handler while on", on, attach },
	{ "detach a handler", on, detach },
	{ "map a region", nothing, map },
	{ "unmap a region", nothing, unmap },
	{ "turn decoding off", nothing, decode_off },
	{ "turn decoding on", decode_off, decode_on },
	{ "map guest memory", on, memory_more },
	{ "unmap guest memory", on, memory_less },
};
#define REQUESTS ((int)(sizeof(requests) / sizeof(requests[0])))

static void compare(const struct view *was, const struct view *is, const char *what)
{
#define SAME(field)                                                                                \
	ck_assert_msg(was->field == is->field, "%s: " #field " was %lld, is %lld", what,           \
		      (long long)was->field, (long long)is->field)
	SAME(config_status);
	for (unsigned i = 0; i < 256; i++)
		ck_assert_msg(was->config[i] == is->config[i],
			      "%s: config byte %#x was %#x, is %#x", what, i, was->config[i],
			      is->config[i]);
	SAME(mmio);
	SAME(dma);
	SAME(bytes);
#undef SAME
	/* The other way round is allowed: a call may come without cause. */
	ck_assert_msg(is->interrupts || !was->interrupts, "%s: interrupts do not arrive", what);
}

/* The k-th call at the point. Returns whether there was such a call. */
static bool one(int request, enum rawpci_fake_point point, const char *name, unsigned k)
{
	char what[160];
	struct view was, is;
	struct rig rig;
	uint64_t calls;
	int r;

	build(&rig);
	ck_assert_int_eq(requests[request].before(&rig), 0);
	look(&rig, &was);
	calls = rawpci_fake_calls(rig.ctx, point);
	ck_assert_int_eq(rawpci_fake_fail(rig.ctx, point, k, 1, -EIO), 0);
	r = requests[request].request(&rig);
	ck_assert_int_eq(rawpci_fake_fail(rig.ctx, point, 0, 0, 0), 0);
	calls = rawpci_fake_calls(rig.ctx, point) - calls;
	if (r < 0) {
		look(&rig, &is);
		(void)snprintf(what, sizeof(what), "%s with call %u of %s failing",
			       requests[request].name, k, name);
		compare(&was, &is, what);
		r = requests[request].request(&rig);
		ck_assert_msg(r == 0, "%s, then again: %d, %s", what, r, rawpci_last_error());
	}
	tear_down(&rig);
	return calls > k;
}

static const struct {
	enum rawpci_fake_point point;
	const char *name;
} points[] = {
	{ RAWPCI_FAKE_CFG_READ, "cfg_read" },         { RAWPCI_FAKE_CFG_WRITE, "cfg_write" },
	{ RAWPCI_FAKE_REGION_MAP, "region_map" },     { RAWPCI_FAKE_IRQ_ENABLE, "irq_enable" },
	{ RAWPCI_FAKE_IRQ_SWAP, "irq_swap" },         { RAWPCI_FAKE_RESET, "reset" },
	{ RAWPCI_FAKE_SPACE_LIMITS, "space_limits" }, { RAWPCI_FAKE_DMA_MAP, "dma_map" },
	{ RAWPCI_FAKE_DMA_UNMAP, "dma_unmap" },
};
#define POINTS ((int)(sizeof(points) / sizeof(points[0])))

START_TEST(nothing_changed)
{
	int request = _i / POINTS, at = _i % POINTS;

	for (unsigned k = 0; one(request, points[at].point, points[at].name, k); k++)
		;
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unchanged");
	TCase *tcase = tcase_create("requests");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, nothing_changed, 0, REQUESTS * POINTS);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
