/* SPDX-License-Identifier: MIT */
/*
 * Interrupts of a device: what the engine runs. A handler, and after it, for INTx, which its
 * delivery has masked, the unmasking. Where that fails no interrupt would come that could make it
 * be tried again: a timer does, a few times.
 */
#include <stdlib.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

#define UNMASK_TRIES 8u    /* after the first */
#define UNMASK_DELAY_MS 5u /* before the second; doubled each time: 1.3 s in all */

static void unmask_later(void *arg);

/* Requires irqs->lock. Made when first needed: unmasking hardly ever fails. */
static int start_timer(struct rawpci_vector *vector)
{
	struct rawpci_source_options source = {
		.fn = unmask_later, .arg = vector, .read_size = RAWPCI_SYS_TIMER_SIZE,
		.uncounted = true,
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

/* Requires irqs->lock. */
static void unmask(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;
	bool gone = !(atomic_load(&dev->reach.access) & RAWPCI_ACCESS_PRESENT);

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

	(void)pthread_mutex_lock(&dev->irqs->lock);
	rawpci_call_about(&dev->told);
	if (!atomic_load(&vector->detached) && dev->irqs->stuck)
		unmask(vector);
	rawpci_call_about(NULL);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
}

static void handle(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;

	/* An attach that fails waits for this, and a handler may close the device, which waits for the
	 * attach: so the handler runs only once it is attached. */
	if (atomic_load(&vector->pending)) {
		(void)pthread_mutex_lock(&dev->irqs->lock);
		(void)pthread_mutex_unlock(&dev->irqs->lock);
	}
	if (atomic_load(&vector->detached))
		return;
	vector->handler(vector->opaque, vector->irq);
	/* INTx was masked by its delivery. A handler that closed the device has detached itself. */
	if (!vector->intx || atomic_load(&vector->detached))
		return;
	(void)pthread_mutex_lock(&dev->irqs->lock);
	if (!atomic_load(&vector->detached) && dev->irqs->enabled > 0) {
		vector->tries = 0;
		rawpci_call_about(&dev->told);
		unmask(vector);
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

void rawpci_vector_done(void *arg)
{
	struct rawpci_vector *vector = arg;

	rawpci_handlers_release(vector->handlers);
	free(vector);
}

/* What the timer runs looks at the device. It calls nobody, and waits for no more than irqs->lock. */
void rawpci_vector_stop_timer(struct rawpci_engine *engine, struct rawpci_vector *vector)
{
	if (!vector->timer)
		return;
	rawpci_engine_remove(engine, vector->timer);
	rawpci_sys_close(&vector->timer_fd);
	vector->timer = NULL;
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
