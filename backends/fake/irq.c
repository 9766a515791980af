/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and events. An eventfd is signalled with the device's lock held. Once irq_disable,
 * irq_swap or event_set has returned, the old eventfd is not used.
 *
 * INTx works as VFIO's does: it is delivered once, and masked by that. Unmasking delivers it again
 * while the line is asserted (Linux drivers/vfio/pci/vfio_pci_intrs.c).
 */
#include "fake/internal.h"

#include <errno.h>

#include "os/sys.h"
#include "pci/pci.h"

static bool command(const struct rawpci_fake *fake, unsigned bit)
{
	return rawpci_fake_config_get16(fake, RAWPCI_CFG_COMMAND) & bit;
}

static void signal_vector(struct rawpci_fake *fake, unsigned vector)
{
	if (vector < fake->vector_count && fake->vectors[vector] >= 0)
		(void)rawpci_sys_signal(fake->vectors[vector]);
}

void rawpci_fake_intx_deliver(struct rawpci_fake *fake)
{
	if (fake->irq_type != RAWPCI_IRQ_INTX || !fake->line || fake->masked ||
	    command(fake, RAWPCI_COMMAND_INTX_DISABLE) || !rawpci_fake_config_awake(fake))
		return;
	fake->masked = true;
	signal_vector(fake, 0);
}

void rawpci_fake_intx_set(struct rawpci_fake *fake, bool line)
{
	uint16_t status = rawpci_fake_config_get16(fake, RAWPCI_CFG_STATUS);

	fake->line = line;
	status &= (uint16_t)~RAWPCI_STATUS_INTERRUPT;
	if (line)
		status |= RAWPCI_STATUS_INTERRUPT;
	rawpci_fake_config_set16(fake, RAWPCI_CFG_STATUS, status);
	rawpci_fake_intx_deliver(fake);
}

void rawpci_fake_irq_silence(struct rawpci_fake *fake)
{
	for (unsigned i = 0; i < fake->vector_count; i++)
		fake->vectors[i] = -1;
}

unsigned rawpci_fake_irq_count(const struct rawpci_fake *fake, enum rawpci_irq_type type)
{
	switch (type) {
	case RAWPCI_IRQ_INTX:
		return fake->is.intx ? 1 : 0;
	case RAWPCI_IRQ_MSI:
		return fake->is.msi;
	case RAWPCI_IRQ_MSIX:
		return fake->is.msix;
	}
	return 0;
}

static unsigned flags_at(const struct rawpci_fake *fake, int type)
{
	return type == RAWPCI_IRQ_MSI ? fake->cap_msi + RAWPCI_MSI_FLAGS
				      : fake->cap_msix + RAWPCI_MSIX_FLAGS;
}

static uint16_t enable_bit(int type)
{
	return type == RAWPCI_IRQ_MSI ? 0x0001 : 0x8000;
}

/* The device's user may have cleared the bit through config space. */
static bool is_enabled(const struct rawpci_fake *fake)
{
	return rawpci_fake_config_get16(fake, flags_at(fake, fake->irq_type)) &
	       enable_bit(fake->irq_type);
}

/* Sets the enable bit of a capability, as the kernel does when it enables vectors. */
static void show_enabled(struct rawpci_fake *fake, enum rawpci_irq_type type, bool enabled)
{
	unsigned at = flags_at(fake, (int)type);
	uint16_t bit = enable_bit((int)type);
	uint16_t flags;

	if (type == RAWPCI_IRQ_INTX)
		return;
	flags = rawpci_fake_config_get16(fake, at) & (uint16_t)~bit;
	rawpci_fake_config_set16(fake, at, enabled ? flags | bit : flags);
}

static int unplugged(struct rawpci_fake *fake)
{
	return rawpci_backend_fail(fake->instance->ctx, -EIO, "%s: the pretend device is unplugged",
				   fake->name);
}

int rawpci_fake_irq_enable(void *device, enum rawpci_irq_type type, unsigned n, const int *eventfds)
{
	struct rawpci_fake *fake = device;
	bool there;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_IRQ_ENABLE);

	if (r < 0)
		return r;
	there = rawpci_fake_lock(fake);
	if (there) {
		for (unsigned i = 0; i < n; i++)
			fake->vectors[i] = eventfds[i];
		fake->irq_type = (int)type;
		fake->masked = false;
		show_enabled(fake, type, true);
		rawpci_fake_intx_deliver(fake);
	}
	rawpci_fake_unlock(fake);
	return there ? 0 : unplugged(fake);
}

int rawpci_fake_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int eventfd)
{
	struct rawpci_fake *fake = device;
	bool there;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_IRQ_SWAP);

	(void)type;
	if (r < 0)
		return r;
	there = rawpci_fake_lock(fake);
	if (there)
		fake->vectors[vector] = eventfd;
	rawpci_fake_unlock(fake);
	return there ? 0 : unplugged(fake);
}

void rawpci_fake_irq_disable(void *device, enum rawpci_irq_type type)
{
	struct rawpci_fake *fake = device;

	(void)rawpci_fake_lock(fake);
	rawpci_fake_irq_silence(fake);
	fake->irq_type = RAWPCI_FAKE_IRQ_NONE;
	fake->masked = false;
	show_enabled(fake, type, false);
	rawpci_fake_unlock(fake);
}

int rawpci_fake_irq_unmask(void *device)
{
	struct rawpci_fake *fake = device;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_IRQ_UNMASK);

	if (r < 0)
		return r;
	if (rawpci_fake_lock(fake)) {
		fake->masked = false;
		rawpci_fake_intx_deliver(fake);
	}
	rawpci_fake_unlock(fake);
	return 0;
}

int rawpci_fake_event_set(void *device, enum rawpci_event event, int eventfd)
{
	struct rawpci_fake *fake = device;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_EVENT_SET);

	if (r < 0)
		return r;
	(void)rawpci_fake_lock(fake);
	fake->events[event - RAWPCI_EVENT_ERROR] = eventfd;
	rawpci_fake_unlock(fake);
	return 0;
}

/* A device with neither MSI nor MSI-X enabled asserts INTx, if it has that. */
static void raise_locked(struct rawpci_fake *fake, unsigned vector)
{
	if (fake->irq_type == RAWPCI_IRQ_MSI || fake->irq_type == RAWPCI_IRQ_MSIX) {
		/* A message is a write by the device to memory. */
		if (command(fake, RAWPCI_COMMAND_MASTER) && rawpci_fake_config_awake(fake) &&
		    is_enabled(fake))
			signal_vector(fake, vector);
	} else if (fake->is.intx) {
		rawpci_fake_intx_set(fake, true);
	}
}

int rawpci_fake_raise(struct rawpci_fake *fake, unsigned vector)
{
	if (!fake)
		return rawpci_backend_fail(NULL, -EFAULT, "rawpci_fake_raise: the device is NULL");
	if (vector >= fake->vector_count)
		return rawpci_backend_fail(fake->instance->ctx, -EINVAL,
					   "fake: %s has no vector %u", fake->name, vector);
	if (rawpci_fake_lock(fake))
		raise_locked(fake, vector);
	rawpci_fake_unlock(fake);
	return 0;
}

int rawpci_fake_lower(struct rawpci_fake *fake)
{
	if (!fake)
		return rawpci_backend_fail(NULL, -EFAULT, "rawpci_fake_lower: the device is NULL");
	if (rawpci_fake_lock(fake))
		rawpci_fake_intx_set(fake, false);
	rawpci_fake_unlock(fake);
	return 0;
}

int rawpci_fake_event(struct rawpci_fake *fake, enum rawpci_event event)
{
	if (!fake)
		return rawpci_backend_fail(NULL, -EFAULT, "rawpci_fake_event: the device is NULL");
	if (event != RAWPCI_EVENT_ERROR && event != RAWPCI_EVENT_RELEASE)
		return rawpci_backend_fail(fake->instance->ctx, -EINVAL,
					   "fake: there is no event %d", (int)event);
	(void)rawpci_fake_lock(fake);
	if (fake->events[event - RAWPCI_EVENT_ERROR] >= 0)
		(void)rawpci_sys_signal(fake->events[event - RAWPCI_EVENT_ERROR]);
	rawpci_fake_unlock(fake);
	return 0;
}
