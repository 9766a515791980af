/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a device: what the engine runs. A handler, and after it, for INTx, which its
 * delivery has masked, the unmasking. Where that fails no interrupt would come that could make it
 * be tried again: a timer does, a few times.
 */
#include <stdlib.h>

#include "core/core.h"
#include "core/irq.h"
#include "os/sys.h"

#define UNMASK_TRIES 8u    /* after the first */
#define UNMASK_DELAY_MS 5u /* before the second; doubled each time: 1.3 s in all */

/* The device whose handler this thread is in. */
static _Thread_local const struct rawpci_device *handling;

const struct rawpci_device *rawpci_handler_enter(const struct rawpci_device *dev)
{
	const struct rawpci_device *outer = handling;

	handling = dev;
	return outer;
}

void rawpci_handler_leave(const struct rawpci_device *outer)
{
	handling = outer;
}

void rawpci_handlers_wait(const struct rawpci_device *dev)
{
	while (handling != dev && atomic_load(&dev->slot->running) > 0)
		rawpci_sys_sleep_ms(1);
}

static void unmask_later(void *arg);

/* Requires irq_lock. Made when first needed: unmasking hardly ever fails. */
static int start_timer(struct rawpci_vector *vector)
{
	struct rawpci_source_options source = {
		.fn = unmask_later, .arg = vector, .read_size = RAWPCI_SYS_TIMER_SIZE,
	};
	int r = 0;

	if (!vector->timer) {
		vector->timer_fd = rawpci_sys_timer();
		if (vector->timer_fd < 0)
			return vector->timer_fd;
		source.fd = vector->timer_fd;
		r = rawpci_engine_add(atomic_load(&vector->dev->ctx->engine), &source,
				      &vector->timer);
		if (r < 0)
			rawpci_sys_close(&vector->timer_fd);
	}
	if (r == 0)
		r = rawpci_sys_timer_start(vector->timer_fd, UNMASK_DELAY_MS << vector->tries);
	return r;
}

/* Requires irq_lock. */
static void unmask(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;
	bool gone = !(atomic_load(&dev->access) & RAWPCI_ACCESS_PRESENT);

	if (rawpci_irq_hw_unmask(dev) == 0) {
		if (vector->tries > 0)
			rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: INTx is unmasked at last",
				   dev->name);
		return;
	}
	if (vector->tries == 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: INTx could not be unmasked: %s",
			   dev->name, rawpci_reason());
	if (!gone && vector->tries < UNMASK_TRIES && start_timer(vector) == 0)
		vector->tries++;
	else
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: no more interrupts: INTx stays masked "
			   "until rawpci_irq_unmask(), a reset or a change of the power state "
			   "works", dev->name);
}

/* The timer's. Somebody else may have unmasked it or turned it off meanwhile. */
static void unmask_later(void *arg)
{
	struct rawpci_vector *vector = arg;
	struct rawpci_device *dev = vector->dev;

	(void)pthread_mutex_lock(&dev->irq_lock);
	rawpci_call_about(&dev->told);
	if (!atomic_load(&vector->detached) && dev->irqs.stuck)
		unmask(vector);
	rawpci_call_about(NULL);
	(void)pthread_mutex_unlock(&dev->irq_lock);
}

static void handle(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;
	const struct rawpci_device *outer;

	if (atomic_load(&vector->detached))
		return;
	outer = rawpci_handler_enter(dev);
	vector->handler(vector->opaque, vector->irq);
	rawpci_handler_leave(outer);
	/* INTx was masked by its delivery. A handler that closed the device has detached itself. */
	if (!vector->intx || atomic_load(&vector->detached))
		return;
	(void)pthread_mutex_lock(&dev->irq_lock);
	if (!atomic_load(&vector->detached) && dev->irqs.enabled > 0) {
		vector->tries = 0;
		rawpci_call_about(&dev->told);
		unmask(vector);
		rawpci_call_about(NULL);
	}
	(void)pthread_mutex_unlock(&dev->irq_lock);
}

/* Counted before anything is looked at: close waits for the count after it has detached
 * everything. */
void rawpci_vector_run(void *arg)
{
	struct rawpci_vector *vector = arg;
	struct rawpci_slot *slot = vector->slot;

	atomic_fetch_add(&slot->running, 1);
	handle(vector);
	atomic_fetch_sub(&slot->running, 1);
}

/* The timer goes first: what it runs looks at the vector. */
void rawpci_vector_retire(struct rawpci_engine *engine, struct rawpci_vector *vector)
{
	struct rawpci_vector copy = *vector;

	if (copy.timer) {
		rawpci_engine_remove(engine, copy.timer);
		rawpci_sys_close(&copy.timer_fd);
	}
	if (copy.source)
		rawpci_engine_remove(engine, copy.source);
	else
		free(vector);
	if (copy.read_size == 0)
		rawpci_sys_close(&copy.fd);
}
