/* SPDX-License-Identifier: MIT */
/* The table of the fake backend, its instances, and opening and closing. */
#include "fake/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/enumerate.h>

#define EDU_ADDRESS "0000:00:04.0"

static void destroy(void *instance)
{
	struct rawpci_fake_instance *old = instance;
	struct rawpci_fake *fake, *next;

	if (!old)
		return;
	for (fake = old->devices; fake; fake = next) {
		next = fake->next;
		rawpci_fake_device_free(fake);
	}
	(void)pthread_mutex_destroy(&old->order_lock);
	(void)pthread_mutex_destroy(&old->lock);
	free(old);
}

static int create(struct rawpci *ctx, void **instance)
{
	struct rawpci_fake_instance *new = calloc(1, sizeof(*new));
	int r;

	if (!new)
		return rawpci_backend_fail(ctx, -ENOMEM, "fake: no memory");
	new->ctx = ctx;
	(void)pthread_mutex_init(&new->lock, NULL);
	(void)pthread_mutex_init(&new->order_lock, NULL);
	new->next_address[RAWPCI_FAKE_WINDOW_32] = 0xe0000000;
	new->next_address[RAWPCI_FAKE_WINDOW_64] = 0x380000000000;
	new->next_address[RAWPCI_FAKE_WINDOW_IO] = 0xc000;
	r = rawpci_fake_edu_add(new, EDU_ADDRESS, NULL);
	if (r < 0) {
		destroy(new);
		return r;
	}
	*instance = new;
	return 0;
}

/* Requires the instance's lock. */
static int find_present(struct rawpci_fake_instance *instance, const struct rawpci_address *address,
			struct rawpci_fake **out)
{
	struct rawpci_fake *fake = rawpci_fake_device_find(instance, address);
	char name[RAWPCI_ADDRESS_TEXT];

	if (!fake || atomic_load(&fake->gone))
		return rawpci_backend_fail(
			instance->ctx, -ENODEV,
			"%s: there is no such pretend device: rawpci_fake_add() makes one",
			rawpci_address_format(address, name));
	*out = fake;
	return 0;
}

static int probe(void *instance, const struct rawpci_address *address)
{
	struct rawpci_fake_instance *in = instance;
	struct rawpci_fake *fake;
	int r;

	(void)pthread_mutex_lock(&in->lock);
	r = find_present(in, address, &fake);
	(void)pthread_mutex_unlock(&in->lock);
	return r;
}

static void set_open(struct rawpci_fake *fake, bool open, struct rawpci_fake_space *space)
{
	(void)rawpci_fake_lock(fake);
	fake->open = open;
	fake->space = space;
	rawpci_fake_unlock(fake);
}

static int fake_open(void *instance, const struct rawpci_address *address, void *space,
		     void **device)
{
	struct rawpci_fake_instance *in = instance;
	struct rawpci_fake *fake = NULL;
	int r = rawpci_fake_enter(in, RAWPCI_FAKE_OPEN);

	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&in->lock);
	r = find_present(in, address, &fake);
	if (r == 0 && fake->open)
		r = rawpci_backend_fail(in->ctx, -EBUSY, "%s: open already: close it first",
					fake->name);
	if (r == 0)
		set_open(fake, true, space);
	(void)pthread_mutex_unlock(&in->lock);
	if (r < 0)
		return r;
	if (!fake->is.no_reset)
		rawpci_fake_device_reset(fake);
	*device = fake;
	return 0;
}

static void fake_close(void *device)
{
	struct rawpci_fake *fake = device;

	(void)pthread_mutex_lock(&fake->instance->lock);
	set_open(fake, false, NULL);
	(void)pthread_mutex_unlock(&fake->instance->lock);
}

static int info(void *device, struct rawpci_backend_info *out)
{
	struct rawpci_fake *fake = device;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_INFO);

	if (r < 0)
		return r;
	*out = (struct rawpci_backend_info){
		.config_size = fake->is.extended ? 4096 : 256,
		.mappings_stay = true,
		.can_reset = !fake->is.no_reset,
		.fresh = !fake->is.no_reset,
		.no_dma = fake->is.no_dma,
		.wide_access = true,
		.events = 1u << RAWPCI_EVENT_ERROR | 1u << RAWPCI_EVENT_RELEASE,
	};
	for (int type = RAWPCI_IRQ_INTX; type <= RAWPCI_IRQ_MSIX; type++)
		out->irq_count[type] = rawpci_fake_irq_count(fake, (enum rawpci_irq_type)type);
	out->irq_dynamic[RAWPCI_IRQ_MSIX] = fake->is.msix_dynamic;
	return 0;
}

static int reset(void *device)
{
	struct rawpci_fake *fake = device;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_RESET);

	if (r < 0)
		return r;
	if (fake->is.no_reset)
		return rawpci_backend_fail(fake->instance->ctx, -EOPNOTSUPP,
					   "%s: the pretend device has no reset", fake->name);
	if (atomic_load(&fake->gone))
		return rawpci_backend_fail(fake->instance->ctx, -EIO,
					   "%s: the pretend device is unplugged", fake->name);
	rawpci_fake_device_reset(fake);
	return 0;
}

/* It has neither a driver nor an IOMMU group on the host. */
static void describe(struct rawpci_fake *fake, struct rawpci_host_device *out)
{
	memset(out, 0, sizeof(*out));
	out->address = fake->address;
	out->vendor_id = fake->is.vendor_id;
	out->device_id = fake->is.device_id;
	out->class_code = fake->is.class_code;
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		out->regions[i].address = fake->regions[i].address;
		out->regions[i].size = fake->regions[i].size;
		out->regions[i].flags = fake->regions[i].flags;
	}
	out->iommu_group = -1;
	out->config_size = fake->is.extended ? 4096 : 256;
	out->reset_methods = fake->is.no_reset ? 0 : RAWPCI_RESET_DEVICE_SPECIFIC;
	out->capabilities_known = true;
	for (int type = RAWPCI_IRQ_INTX; type <= RAWPCI_IRQ_MSIX; type++)
		out->irq_count[type] = rawpci_fake_irq_count(fake, (enum rawpci_irq_type)type);
	out->power_states = fake->cap_pm ? 1u << 3 : 0;
	out->express = fake->cap_express != 0;
}

static int devices(void *instance,
		   int (*each)(void *opaque, const struct rawpci_host_device *device), void *opaque)
{
	struct rawpci_fake_instance *in = instance;
	struct rawpci_host_device device;
	int r = 0;

	(void)pthread_mutex_lock(&in->lock);
	for (struct rawpci_fake *fake = in->devices; fake && r == 0; fake = fake->next) {
		if (atomic_load(&fake->gone))
			continue;
		describe(fake, &device);
		r = each(opaque, &device);
	}
	(void)pthread_mutex_unlock(&in->lock);
	return r;
}

const struct rawpci_backend rawpci_backend_fake = {
	.version = RAWPCI_BACKEND_VERSION,
	.name = "fake",
	.help = "pretend devices, for tests of programs that use the library",
	.rank = -1,
	.pretend = true,
	.create = create,
	.destroy = destroy,
	.probe = probe,
	.open = fake_open,
	.close = fake_close,
	.info = info,
	.cfg_read = rawpci_fake_cfg_read,
	.cfg_write = rawpci_fake_cfg_write,
	.region_info = rawpci_fake_region_info,
	.region_map = rawpci_fake_region_map,
	.region_read = rawpci_fake_region_read,
	.region_write = rawpci_fake_region_write,
	.irq_enable = rawpci_fake_irq_enable,
	.irq_swap = rawpci_fake_irq_swap,
	.irq_disable = rawpci_fake_irq_disable,
	.irq_unmask = rawpci_fake_irq_unmask,
	.event_set = rawpci_fake_event_set,
	.reset = reset,
	.space_create = rawpci_fake_space_create,
	.space_destroy = rawpci_fake_space_destroy,
	.space_limits = rawpci_fake_space_limits,
	.dma_map = rawpci_fake_dma_map,
	.dma_unmap = rawpci_fake_dma_unmap,
	.devices = devices,
};
