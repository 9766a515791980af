/* SPDX-License-Identifier: MIT */
/* <rawpci/fake.h>: what tests do to devices. Interrupts are in irq.c, ordered faults in fault.c. */
#include "fake/internal.h"

#include <errno.h>
#include <string.h>

static int find_instance(struct rawpci *ctx, struct rawpci_fake_instance **instance)
{
	void *found;
	int r = rawpci_backend_instance(ctx, "fake", &found);

	if (r == 0)
		*instance = found;
	return r;
}

int rawpci_fake_add(struct rawpci *ctx, const struct rawpci_fake_config *config,
		    struct rawpci_fake **fake)
{
	struct rawpci_fake_config known = { 0 };
	struct rawpci_fake_instance *instance = NULL;
	int r = find_instance(ctx, &instance);

	if (r < 0)
		return r;
	if (!config)
		return rawpci_backend_fail(ctx, -EFAULT, "rawpci_fake_add: config is NULL");
	if (config->size < sizeof(config->size) || config->size > sizeof(known))
		return rawpci_backend_fail(
			ctx, -EINVAL,
			"rawpci_fake_add: config.size is %zu: set it to sizeof(struct rawpci_fake_config), at most %zu here",
			config->size, sizeof(known));
	memcpy(&known, config, config->size);
	return rawpci_fake_device_add(instance, &known, fake);
}

int rawpci_fake_add_edu(struct rawpci *ctx, const char *address, struct rawpci_fake **fake)
{
	struct rawpci_fake_instance *instance = NULL;
	int r = find_instance(ctx, &instance);

	if (r < 0)
		return r;
	if (!address)
		return rawpci_backend_fail(ctx, -EFAULT, "rawpci_fake_add_edu: address is NULL");
	return rawpci_fake_edu_add(instance, address, fake);
}

int rawpci_fake_find(struct rawpci *ctx, const char *address, struct rawpci_fake **fake)
{
	struct rawpci_fake_instance *instance = NULL;
	struct rawpci_fake *found;
	struct rawpci_address at;
	int r = find_instance(ctx, &instance);

	if (r < 0)
		return r;
	if (!address || !fake)
		return rawpci_backend_fail(ctx, -EFAULT,
					   "rawpci_fake_find: address or fake is NULL");
	if (rawpci_address_parse(address, &at) < 0)
		return rawpci_backend_fail(
			ctx, -ENODEV,
			"rawpci_fake_find: \"%s\" is no PCI address: write 0000:00:04.0", address);
	(void)pthread_mutex_lock(&instance->lock);
	found = rawpci_fake_device_find(instance, &at);
	(void)pthread_mutex_unlock(&instance->lock);
	if (!found)
		return rawpci_backend_fail(ctx, -ENODEV,
					   "rawpci_fake_find: there is no pretend device at %s",
					   address);
	*fake = found;
	return 0;
}

int rawpci_fake_unplug(struct rawpci_fake *fake)
{
	if (!fake)
		return rawpci_backend_fail(NULL, -EFAULT, "rawpci_fake_unplug: the device is NULL");
	(void)rawpci_fake_lock(fake);
	atomic_store(&fake->gone, true);
	rawpci_fake_regions_vanish(fake);
	rawpci_fake_unlock(fake);
	return 0;
}

int rawpci_fake_dma_read(struct rawpci_fake *fake, rawpci_iova_t from, void *to, uint64_t size)
{
	if (!fake || !to)
		return rawpci_backend_fail(
			NULL, -EFAULT, "rawpci_fake_dma_read: the device or the buffer is NULL");
	if (rawpci_fake_dma_transfer(fake, from, to, size, false) == 0)
		return 0;
	return rawpci_backend_fail(fake->instance->ctx, -EFAULT,
				   "fake: %s cannot read %#llx bytes at %#llx", fake->name,
				   (unsigned long long)size, (unsigned long long)from);
}

int rawpci_fake_dma_write(struct rawpci_fake *fake, rawpci_iova_t to, const void *from,
			  uint64_t size)
{
	if (!fake || !from)
		return rawpci_backend_fail(
			NULL, -EFAULT, "rawpci_fake_dma_write: the device or the buffer is NULL");
	/* In this direction the buffer is only read. */
	if (rawpci_fake_dma_transfer(fake, to, (void *)(uintptr_t)from, size, true) == 0)
		return 0;
	return rawpci_backend_fail(fake->instance->ctx, -EFAULT,
				   "fake: %s cannot write %#llx bytes at %#llx", fake->name,
				   (unsigned long long)size, (unsigned long long)to);
}

void *rawpci_fake_bytes(struct rawpci_fake *fake, unsigned region)
{
	unsigned char *bytes;

	if (!fake || region >= RAWPCI_REGIONS || fake->regions[region].size == 0 ||
	    fake->regions[region].trapped || rawpci_fake_region_bytes(fake, region, &bytes) < 0)
		return NULL;
	return bytes;
}

uint64_t rawpci_fake_dma_mappings(struct rawpci_fake *fake)
{
	uint64_t count = 0;

	if (!fake)
		return 0;
	if (rawpci_fake_lock(fake) && fake->space && !fake->is.no_dma)
		count = rawpci_fake_space_count(fake->space);
	rawpci_fake_unlock(fake);
	return count;
}

uint64_t rawpci_fake_dma_faults(struct rawpci_fake *fake)
{
	return fake ? atomic_load(&fake->dma_faults) : 0;
}
