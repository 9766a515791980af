/* SPDX-License-Identifier: MIT */
/*
 * The vectors as the device has them. Enabling is by type and from vector 0 on; where the kernel
 * cannot add a vector to an enabled device, all are disabled and enabled again, with room for more.
 * A vector that is enabled and nobody's has no eventfd, so that others need not be disturbed when
 * somebody comes or goes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "os/sys.h"

static int fd_of(const struct rawpci_irqs *irqs, unsigned line)
{
	const struct rawpci_irq_line *l = &irqs->lines[line];

	if (l->vector)
		return l->vector->fd;
	return l->routed;
}

static int enable(struct rawpci_device *dev, unsigned n)
{
	struct rawpci_irqs *irqs = &dev->irqs;
	int *fds = malloc(n * sizeof(*fds));
	int r;

	if (!fds)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	for (unsigned i = 0; i < n; i++)
		fds[i] = fd_of(irqs, i);
	r = dev->backend->irq_enable(dev->handle, (enum rawpci_irq_type)irqs->type, n, fds);
	free(fds);
	if (r == 0)
		irqs->enabled = n;
	return r;
}

/* Whether it was masked goes with it. */

void rawpci_irq_hw_disable(struct rawpci_device *dev)
{
	if (dev->irqs.enabled > 0)
		dev->backend->irq_disable(dev->handle, (enum rawpci_irq_type)dev->irqs.type);
	dev->irqs.enabled = 0;
	dev->irqs.stuck = false;
}

int rawpci_irq_hw_unmask(struct rawpci_device *dev)
{
	int r = dev->backend->irq_unmask(dev->handle);

	dev->irqs.stuck = r < 0;
	return r;
}

/* What came in while all were disabled is lost: a call without cause is better than none. */
static void hint(struct rawpci_irqs *irqs, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (irqs->lines[i].vector && irqs->lines[i].vector->read_size == 0)
			(void)rawpci_sys_signal(irqs->lines[i].vector->fd);
}

/* Doubling, so that a device with many vectors is not re-enabled for each of them. */
static int grow(struct rawpci_device *dev, unsigned needed)
{
	struct rawpci_irqs *irqs = &dev->irqs;
	unsigned before = irqs->enabled;
	unsigned generous = before * 2;
	int r;

	if (generous > irqs->count)
		generous = irqs->count;
	rawpci_irq_hw_disable(dev);
	r = enable(dev, generous > needed ? generous : needed);
	if (r == -ENOSPC && generous > needed)
		r = enable(dev, needed);
	if (r < 0 && before > 0 && enable(dev, before) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: its %u vectors could not be enabled "
			   "again: detach and attach its handlers", dev->name, before);
	hint(irqs, before);
	return r;
}

static int swap(struct rawpci_device *dev, unsigned first, unsigned n)
{
	struct rawpci_irqs *irqs = &dev->irqs;
	int r = 0;

	for (unsigned i = first; r == 0 && i < first + n; i++)
		r = dev->backend->irq_swap(dev->handle, (enum rawpci_irq_type)irqs->type, i,
					   fd_of(irqs, i));
	if (r == 0 && first + n > irqs->enabled)
		irqs->enabled = first + n;
	return r;
}

int rawpci_irq_hw_assign(struct rawpci_device *dev, unsigned first, unsigned n)
{
	struct rawpci_irqs *irqs = &dev->irqs;
	unsigned needed = first + n;

	if (irqs->paused)
		return 0;
	if (needed <= irqs->enabled ||
	    (irqs->enabled > 0 && dev->caps.irq_dynamic[irqs->type]))
		return swap(dev, first, n);
	return grow(dev, needed);
}

/* Up to the last line in use. */
int rawpci_irq_hw_restore(struct rawpci_device *dev)
{
	struct rawpci_irqs *irqs = &dev->irqs;
	unsigned n = 0;

	for (unsigned i = 0; i < irqs->count; i++)
		if (irqs->lines[i].vector || irqs->lines[i].routed >= 0)
			n = i + 1;
	return n > 0 ? enable(dev, n) : 0;
}
