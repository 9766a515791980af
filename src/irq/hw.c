/* SPDX-License-Identifier: MIT */
/*
 * The vectors as the device has them. They are enabled for one type, from vector 0 on. If the
 * kernel cannot add a vector to an enabled device, all are disabled and enabled again, with room
 * for more. An enabled vector without a handler or a route has no eventfd. So attaching and
 * detaching does not disturb the other vectors.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/device.h"
#include "core/log.h"
#include "irq/vector.h"
#include "os/sys.h"
#include "pci/pci.h"

static int fd_of(const struct rawpci_irqs *irqs, unsigned line)
{
	const struct rawpci_irq_line *l = &irqs->lines[line];

	if (l->vector)
		return l->vector->fd;
	return l->routed;
}

static int enable(struct rawpci_device *dev, unsigned n)
{
	struct rawpci_irqs *irqs = dev->irqs;
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

void rawpci_irq_hw_disable(struct rawpci_device *dev)
{
	if (dev->irqs->enabled > 0)
		dev->backend->irq_disable(dev->handle, (enum rawpci_irq_type)dev->irqs->type);
	dev->irqs->enabled = 0;
	dev->irqs->stuck = false;
}

int rawpci_irq_hw_unmask(struct rawpci_device *dev)
{
	int r = dev->backend->irq_unmask(dev->handle);

	dev->irqs->stuck = r < 0;
	return r;
}

/* INTx needs no hint: the device asserts it until it is served, so it is delivered again. */
void rawpci_irq_hw_hint(struct rawpci_irqs *irqs, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n && i < irqs->enabled; i++) {
		const struct rawpci_vector *vector = irqs->lines[i].vector;

		if (irqs->type != RAWPCI_IRQ_INTX && fd_of(irqs, i) >= 0 &&
		    !(vector && vector->read_size > 0))
			(void)rawpci_sys_signal(fd_of(irqs, i));
	}
}

/* The number of lines up to the last one in use. */
static unsigned used(const struct rawpci_irqs *irqs)
{
	unsigned n = irqs->count;

	while (n > 0 && fd_of(irqs, n - 1) < 0)
		n--;
	return n;
}

/* An MSI is a write to memory, so a device without Bus Master sends none (PCI Local Bus
 * Specification 3.0, 6.8.2). */
static bool may_signal(struct rawpci_device *dev)
{
	uint32_t command;

	return !rawpci_can_ask(&dev->reach) ||
	       rawpci_config_peek(dev, RAWPCI_CFG_COMMAND, 2, &command) < 0 ||
	       (command & RAWPCI_COMMAND_MASTER);
}

/* Signals the lines from the given one on, except the n new ones. */
static void hint_others(struct rawpci_irqs *irqs, unsigned from, unsigned first, unsigned n)
{
	if (from < first)
		rawpci_irq_hw_hint(irqs, from, first - from);
	if (from < first + n)
		from = first + n;
	if (from < irqs->count)
		rawpci_irq_hw_hint(irqs, from, irqs->count - from);
}

/* Doubles the vectors, so that a device with many is not enabled again for each of them. */
static int grow(struct rawpci_device *dev, unsigned first, unsigned n)
{
	struct rawpci_irqs *irqs = dev->irqs;
	const unsigned writes = atomic_load(&dev->command_writes);
	bool lossy = may_signal(dev);
	unsigned before = irqs->enabled;
	unsigned generous = before * 2;
	unsigned needed = first + n;
	int r;

	/* Also lines that an earlier call could not enable again. */
	if (needed < used(irqs))
		needed = used(irqs);
	if (generous > irqs->count)
		generous = irqs->count;
	rawpci_irq_hw_disable(dev);
	r = enable(dev, generous > needed ? generous : needed);
	if (r == -ENOSPC && generous > needed)
		r = enable(dev, needed);
	if (r < 0 && before > 0 && enable(dev, before) < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: its %u vectors could not be enabled "
			   "again: attach a handler or route a vector again",
			   dev->name, before);
	/* Another thread may have turned Bus Master on and off in between. A write that has not been
	 * counted yet is seen in the register, so the count is read last here, and first above. */
	lossy = may_signal(dev) || lossy;
	lossy = atomic_load(&dev->command_writes) != writes || lossy;
	/* Interrupts of the other lines, while those were disabled, are lost. Lines that were not
	 * enabled before were in use without that for some time. */
	hint_others(irqs, lossy ? 0 : before, first, n);
	return r;
}

static int swap(struct rawpci_device *dev, unsigned first, unsigned n)
{
	struct rawpci_irqs *irqs = dev->irqs;
	int r = 0;

	for (unsigned i = first; r == 0 && i < first + n; i++)
		r = dev->backend->irq_swap(dev->handle, (enum rawpci_irq_type)irqs->type, i,
					   fd_of(irqs, i));
	if (r == 0 && first + n > irqs->enabled)
		irqs->enabled = first + n;
	return r;
}

/* Enables all lines, which could not be enabled after a reset or a suspension. */
static int arm(struct rawpci_device *dev)
{
	struct rawpci_irqs *irqs = dev->irqs;
	int r = rawpci_irq_hw_restore(dev);

	irqs->paused = irqs->unarmed = r < 0;
	if (r == 0)
		rawpci_irq_hw_hint(irqs, 0, irqs->count);
	return r;
}

/* The backend did not let a descriptor go. Disabling cannot fail, and makes it let go of all. */
static int let_go(struct rawpci_device *dev)
{
	struct rawpci_irqs *irqs = dev->irqs;
	struct rawpci_reason reason;
	int r;

	rawpci_reason_keep(&reason);
	rawpci_irq_hw_disable(dev);
	r = rawpci_irq_hw_restore(dev);
	irqs->paused = irqs->unarmed = r < 0;
	if (r < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: its interrupts could not be enabled "
			   "again: attach a handler or route a vector again, or reset the device: "
			   "%s",
			   dev->name, rawpci_reason());
	else
		rawpci_irq_hw_hint(irqs, 0, irqs->count);
	rawpci_reason_restore(&reason);
	return r;
}

int rawpci_irq_hw_release(struct rawpci_device *dev, unsigned first, unsigned n)
{
	if (dev->irqs->enabled == 0)
		return 0;
	return rawpci_irq_hw_assign(dev, first, n) < 0 ? let_go(dev) : 0;
}

int rawpci_irq_hw_assign(struct rawpci_device *dev, unsigned first, unsigned n)
{
	struct rawpci_irqs *irqs = dev->irqs;
	unsigned needed = first + n;

	if (irqs->unarmed)
		return arm(dev);
	if (irqs->paused)
		return 0;
	if (needed <= irqs->enabled || (irqs->enabled > 0 && dev->caps.irq_dynamic[irqs->type]))
		return swap(dev, first, n);
	return grow(dev, first, n);
}

int rawpci_irq_hw_restore(struct rawpci_device *dev)
{
	struct rawpci_irqs *irqs = dev->irqs;
	unsigned n = used(irqs);

	return n > 0 ? enable(dev, n) : 0;
}
