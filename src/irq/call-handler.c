/* SPDX-License-Identifier: MIT */
/* What the engine runs for a vector: its handler, and for INTx the unmasking after it. */
#include <stdlib.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

/* An attach that fails waits until the engine's call has ended. A handler may close the device, and
 * closing waits for the attach. So the handler runs only after the attach has worked. */
static bool is_attached(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;

	if (atomic_load(&vector->pending)) {
		(void)pthread_mutex_lock(&dev->irqs->lock);
		(void)pthread_mutex_unlock(&dev->irqs->lock);
	}
	return !atomic_load(&vector->detached);
}

static void handle(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;

	if (!is_attached(vector))
		return;
	vector->handler(vector->opaque, vector->irq);
	/* A handler that has closed the device has detached itself. */
	if (!vector->intx || atomic_load(&vector->detached))
		return;
	(void)pthread_mutex_lock(&dev->irqs->lock);
	if (!atomic_load(&vector->detached) && dev->irqs->enabled > 0) {
		vector->tries = 0;
		rawpci_call_about(&dev->told);
		rawpci_vector_unmask(vector);
		rawpci_call_about(NULL);
	}
	(void)pthread_mutex_unlock(&dev->irqs->lock);
}

void rawpci_vector_run(void *arg)
{
	struct rawpci_vector *vector = arg;
	struct rawpci_handler_call call;

	rawpci_handler_enter(&call, vector->handlers);
	handle(vector);
	rawpci_handler_leave(&call);
}

/* uio's node ends when the host removes the device or unbinds its driver. A removal unbinds first, so
 * the device may still answer here. */
static void lose(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;

	if (!is_attached(vector))
		return;
	rawpci_call_about(&dev->told);
	rawpci_device_lose(dev);
	rawpci_call_about(NULL);
	rawpci_call_flush();
}

void rawpci_vector_lost(void *arg)
{
	struct rawpci_vector *vector = arg;
	struct rawpci_handler_call call;

	rawpci_handler_enter(&call, vector->handlers);
	lose(vector);
	rawpci_handler_leave(&call);
}

void rawpci_vector_done(void *arg)
{
	struct rawpci_vector *vector = arg;

	rawpci_handlers_release(vector->handlers);
	free(vector);
}

void rawpci_vector_retire(struct rawpci_engine *engine, struct rawpci_vector *vector)
{
	int fd = vector->read_size == 0 ? vector->fd : -1;

	if (vector->source)
		rawpci_engine_remove(engine, vector->source);
	else
		rawpci_vector_done(vector);
	rawpci_sys_close(&fd);
}
