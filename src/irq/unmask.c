/* SPDX-License-Identifier: MIT */
/*
 * Unmasking INTx. Its delivery masks it, so it is unmasked after each handler. If that fails, no
 * interrupt comes that could try again, so a timer does, a few times.
 */
#include <errno.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

#define UNMASK_TRIES 8u    /* after the first */
#define UNMASK_DELAY_MS 5u /* before the second; doubled each time: 1.3 s in all */

static void unmask_later(void *arg);

/* Requires irqs->lock. The timer is made when first needed, because unmasking hardly ever fails. */
static int start_timer(struct rawpci_vector *vector)
{
	struct rawpci_source_options source = {
		.fn = unmask_later,
		.arg = vector,
		.read_size = RAWPCI_SYS_TIMER_SIZE,
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

void rawpci_vector_unmask(struct rawpci_vector *vector)
{
	struct rawpci_device *dev = vector->dev;
	bool gone = !(atomic_load(&dev->reach.access) & RAWPCI_ACCESS_PRESENT);

	if (rawpci_irq_hw_unmask(dev) == 0) {
		if (vector->tries > 0)
			rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: INTx is unmasked", dev->name);
		return;
	}
	if (vector->tries == 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: INTx could not be unmasked: %s",
			   dev->name, rawpci_reason());
	if (!gone && vector->tries < UNMASK_TRIES && start_timer(vector) == 0)
		vector->tries++;
	else
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: INTx stays masked: call "
			   "rawpci_irq_unmask(), or reset the device",
			   dev->name);
}

/* For the timer. Since it was started, another thread may have unmasked INTx or detached it. */
static void unmask_later(void *arg)
{
	struct rawpci_vector *vector = arg;
	struct rawpci_device *dev = vector->dev;

	(void)pthread_mutex_lock(&dev->irqs->lock);
	rawpci_call_about(&dev->told);
	if (!atomic_load(&vector->detached) && dev->irqs->stuck)
		rawpci_vector_unmask(vector);
	rawpci_call_about(NULL);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
}

/* unmask_later() uses the device, so it has to end first. It waits for irqs->lock alone. */
void rawpci_vector_stop_timer(struct rawpci_engine *engine, struct rawpci_vector *vector)
{
	if (!vector->timer)
		return;
	rawpci_engine_remove(engine, vector->timer);
	rawpci_sys_close(&vector->timer_fd);
	vector->timer = NULL;
}

int rawpci_irq_unmask(struct rawpci_device *dev)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
	if (r < 0)
		return rawpci_leave(&call, r);
	(void)pthread_mutex_lock(&dev->irqs->lock);
	if (dev->irqs->type != RAWPCI_IRQ_INTX || dev->irqs->enabled == 0)
		r = rawpci_fail(dev->ctx, -EPROTO,
				"%s: INTx is not in use: attach a handler to it or route it first; "
				"MSI and MSI-X need no unmasking",
				dev->name);
	else
		r = rawpci_irq_hw_unmask(dev);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	return rawpci_leave(&call, r);
}
