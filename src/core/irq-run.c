/* SPDX-License-Identifier: MIT */
/* Interrupts of a device: what the engine runs. */
#include <stdlib.h>

#include "core/core.h"
#include "core/irq.h"
#include "os/sys.h"

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
	if (!atomic_load(&vector->detached) && dev->irqs.enabled > 0 &&
	    dev->backend->irq_unmask(dev->handle) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: INTx could not be unmasked: %s",
			   dev->name, rawpci_reason());
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

void rawpci_vector_retire(struct rawpci_engine *engine, struct rawpci_vector *vector)
{
	struct rawpci_vector copy = *vector;

	if (copy.source)
		rawpci_engine_remove(engine, copy.source);
	else
		free(vector);
	if (copy.read_size == 0)
		rawpci_sys_close(&copy.fd);
}
