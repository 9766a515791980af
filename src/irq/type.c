/* SPDX-License-Identifier: MIT */
/* Which type of interrupts a device uses, and whether they are enabled or paused. */
#include <errno.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"

static unsigned count_of(const struct rawpci_device *dev, enum rawpci_irq_type type)
{
	return dev->backend->irq_enable ? dev->caps.irq_count[type] : 0;
}

/* Takes a type into use: its lines, all free. */
int rawpci_irqs_begin_type(struct rawpci_device *dev, enum rawpci_irq_type type)
{
	struct rawpci_irqs *irqs = dev->irqs;
	unsigned count = count_of(dev, type);

	irqs->lines = calloc(count, sizeof(*irqs->lines));
	if (!irqs->lines)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	for (unsigned i = 0; i < count; i++)
		irqs->lines[i].routed = -1;
	irqs->type = (int)type;
	irqs->count = count;
	return 0;
}

/* After the last line the type is free, so that another one can be used. */
void rawpci_irqs_end_type_if_unused(struct rawpci_device *dev)
{
	struct rawpci_irqs *irqs = dev->irqs;

	if (irqs->in_use > 0 || irqs->type < 0)
		return;
	rawpci_irq_hw_disable(dev);
	free(irqs->lines);
	irqs->lines = NULL;
	irqs->count = 0;
	irqs->type = -1;
}

int rawpci_irqs_best_type(const struct rawpci_device *dev)
{
	static const enum rawpci_irq_type best_first[] = {
		RAWPCI_IRQ_MSIX,
		RAWPCI_IRQ_MSI,
		RAWPCI_IRQ_INTX,
	};

	for (unsigned i = 0; i < 3; i++)
		if (count_of(dev, best_first[i]) > 0)
			return (int)best_first[i];
	return -1;
}

bool rawpci_irqs_pause(struct rawpci_device *dev)
{
	bool were_running;

	(void)pthread_mutex_lock(&dev->irqs->lock);
	were_running = !dev->irqs->paused || dev->irqs->unarmed;
	rawpci_irq_hw_disable(dev);
	dev->irqs->paused = true;
	dev->irqs->unarmed = false;
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	return were_running;
}

int rawpci_irqs_resume(struct rawpci_device *dev, bool hint)
{
	int r = 0;

	(void)pthread_mutex_lock(&dev->irqs->lock);
	if (dev->irqs->paused) {
		r = rawpci_irq_hw_restore(dev);
		dev->irqs->paused = r < 0;
		dev->irqs->unarmed = r < 0;
		if (r == 0 && hint)
			rawpci_irq_hw_hint(dev->irqs, 0, dev->irqs->count);
	}
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	return r;
}

int rawpci_irq_count(struct rawpci_device *dev, enum rawpci_irq_type type)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if ((unsigned)type > RAWPCI_IRQ_MSIX)
		r = rawpci_fail(dev->ctx, -EINVAL, "%s: %d is no interrupt type", dev->name,
				(int)type);
	else
		r = (int)count_of(dev, type);
	return rawpci_leave(&call, r);
}
