/* SPDX-License-Identifier: MIT */
/* Failures that a test orders, and counts of calls. */
#include "fake/internal.h"

#include <errno.h>

static const char *const point_names[RAWPCI_FAKE_POINTS] = {
	[RAWPCI_FAKE_OPEN] = "open",
	[RAWPCI_FAKE_INFO] = "info",
	[RAWPCI_FAKE_CFG_READ] = "cfg_read",
	[RAWPCI_FAKE_CFG_WRITE] = "cfg_write",
	[RAWPCI_FAKE_REGION_INFO] = "region_info",
	[RAWPCI_FAKE_REGION_MAP] = "region_map",
	[RAWPCI_FAKE_REGION_READ] = "region_read",
	[RAWPCI_FAKE_REGION_WRITE] = "region_write",
	[RAWPCI_FAKE_IRQ_ENABLE] = "irq_enable",
	[RAWPCI_FAKE_IRQ_SWAP] = "irq_swap",
	[RAWPCI_FAKE_IRQ_UNMASK] = "irq_unmask",
	[RAWPCI_FAKE_EVENT_SET] = "event_set",
	[RAWPCI_FAKE_RESET] = "reset",
	[RAWPCI_FAKE_SPACE_CREATE] = "space_create",
	[RAWPCI_FAKE_SPACE_LIMITS] = "space_limits",
	[RAWPCI_FAKE_DMA_MAP] = "dma_map",
	[RAWPCI_FAKE_DMA_UNMAP] = "dma_unmap",
};

static int take(struct rawpci_fake_instance *instance, struct rawpci_fake_order *order)
{
	int error = 0;

	(void)pthread_mutex_lock(&instance->order_lock);
	if (order->skip > 0) {
		order->skip--;
	} else if (order->count > 0) {
		error = order->error;
		if (--order->count == 0)
			atomic_store(&order->armed, false);
	}
	(void)pthread_mutex_unlock(&instance->order_lock);
	return error;
}

int rawpci_fake_enter(struct rawpci_fake_instance *instance, enum rawpci_fake_point point)
{
	struct rawpci_fake_order *order = &instance->orders[point];
	int error;

	atomic_fetch_add_explicit(&order->calls, 1, memory_order_relaxed);
	if (!atomic_load(&order->armed))
		return 0;
	error = take(instance, order);
	if (error == 0)
		return 0;
	return rawpci_backend_fail(instance->ctx, error,
				   "fake: %s fails, because "
				   "rawpci_fake_fail() says so",
				   point_names[point]);
}

int rawpci_fake_fail(struct rawpci *ctx, enum rawpci_fake_point point, unsigned skip,
		     unsigned count, int error)
{
	struct rawpci_fake_instance *instance;
	struct rawpci_fake_order *order;
	void *found;
	int r = rawpci_backend_instance(ctx, "fake", &found);

	if (r < 0)
		return r;
	instance = found;
	if ((unsigned)point >= RAWPCI_FAKE_POINTS)
		return rawpci_backend_fail(ctx, -EINVAL, "fake: there is no point %u to fail at",
					   (unsigned)point);
	if (count > 0 && error >= 0)
		return rawpci_backend_fail(ctx, -EINVAL, "fake: %d is not a negative errno value",
					   error);
	order = &instance->orders[point];
	(void)pthread_mutex_lock(&instance->order_lock);
	order->skip = skip;
	order->count = count;
	order->error = error;
	atomic_store(&order->armed, count > 0);
	(void)pthread_mutex_unlock(&instance->order_lock);
	return 0;
}

uint64_t rawpci_fake_calls(struct rawpci *ctx, enum rawpci_fake_point point)
{
	struct rawpci_fake_instance *instance;
	void *found;

	if ((unsigned)point >= RAWPCI_FAKE_POINTS ||
	    rawpci_backend_instance(ctx, "fake", &found) < 0)
		return 0;
	instance = found;
	return atomic_load(&instance->orders[point].calls);
}
