/* SPDX-License-Identifier: MIT */
/* The beginning and end of a device's interrupts. */
#include <errno.h>
#include <string.h>

#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

int rawpci_irqs_init(struct rawpci_irqs *irqs)
{
	memset(irqs, 0, sizeof(*irqs));
	irqs->type = -1;
	irqs->handlers = rawpci_handlers_create();
	if (!irqs->handlers)
		return -ENOMEM;
	(void)pthread_mutex_init(&irqs->lock, NULL);
	return 0;
}

void rawpci_irqs_finish(struct rawpci_irqs *irqs)
{
	(void)pthread_mutex_destroy(&irqs->lock);
	rawpci_handlers_release(irqs->handlers);
}

/* Only handlers still use the device. If this thread is in a handler, that one does not use the
 * device again either. */
static void close_vectors(struct rawpci_device *dev)
{
	struct rawpci_engine *engine = atomic_load(&dev->ctx->engine);
	struct rawpci_irqs *irqs = dev->irqs;
	struct rawpci_vector *vector;

	(void)pthread_mutex_lock(&dev->lock);
	(void)pthread_mutex_lock(&dev->irqs->lock);
	irqs->closed = true;
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	(void)pthread_mutex_unlock(&dev->lock);
	do {
		(void)pthread_mutex_lock(&dev->irqs->lock);
		vector = rawpci_vector_take_off(dev, 0);
		(void)pthread_mutex_unlock(&dev->irqs->lock);
		if (vector) {
			rawpci_vector_stop_timer(engine, vector);
			rawpci_vector_retire(engine, vector);
		}
	} while (vector);
	(void)pthread_mutex_lock(&dev->irqs->lock);
	for (unsigned i = 0; i < irqs->count; i++) {
		if (irqs->lines[i].routed < 0)
			continue;
		rawpci_sys_close(&irqs->lines[i].routed);
		irqs->in_use--;
	}
	rawpci_irqs_end_type_if_unused(dev);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
}

void rawpci_irqs_close(struct rawpci_device *dev)
{
	close_vectors(dev);
	rawpci_watches_close(dev);
	rawpci_handlers_wait(dev->irqs->handlers);
}
