/* SPDX-License-Identifier: MIT */
/* Devices: what a configuration may say; adding, resetting and freeing one. */
#include "fake/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pci/pci.h"

#define SMALLEST_BAR 16
#define SMALLEST_PORTS 4
#define SMALLEST_ROM 2048
#define MOST_MSI 32
#define MOST_MSIX 2048
#define DEFAULT_PAGE 4096

static bool power_of_two(uint64_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static const char *bad_bar(const struct rawpci_fake_config *config, unsigned index)
{
	const struct rawpci_fake_bar *bar = &config->bars[index];
	bool io = bar->flags & RAWPCI_REGION_IO;

	if (bar->size == 0)
		return NULL;
	if (!power_of_two(bar->size) || bar->size < (io ? SMALLEST_PORTS : SMALLEST_BAR))
		return "the size of a BAR is not a power of two or too small";
	if (bar->flags &
	    ~(uint32_t)(RAWPCI_REGION_IO | RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH))
		return "a BAR has undefined flags";
	if (io && bar->flags != RAWPCI_REGION_IO)
		return "a BAR of ports has flags of memory";
	if (!(bar->flags & RAWPCI_REGION_64BIT))
		return NULL;
	if (index == RAWPCI_REGION_ROM - 1 || config->bars[index + 1].size > 0)
		return "a 64-bit BAR needs the next one";
	return NULL;
}

/* Table and pending bits are at the start of the BAR; 64 pending bits take 8 bytes. */
static const char *bad_msix(const struct rawpci_fake_config *config)
{
	const struct rawpci_fake_bar *bar;
	uint64_t need = (uint64_t)config->msix * RAWPCI_MSIX_ENTRY + (config->msix + 63u) / 64 * 8;

	if (config->msix == 0)
		return NULL;
	if (config->msix > MOST_MSIX)
		return "there are more than 2048 MSI-X vectors";
	if (config->msix_bar >= RAWPCI_REGION_ROM)
		return "the MSI-X table is in no BAR";
	bar = &config->bars[config->msix_bar];
	if ((bar->flags & RAWPCI_REGION_IO) || bar->size < need)
		return "the MSI-X table does not fit into its BAR";
	return NULL;
}

/* Returns what is wrong with it, or NULL. */
static const char *bad_config(const struct rawpci_fake_config *config)
{
	const char *why = NULL;

	for (unsigned i = 0; i < RAWPCI_REGION_ROM && !why; i++)
		why = bad_bar(config, i);
	if (!why)
		why = bad_msix(config);
	if (why)
		return why;
	if (config->rom_size != 0 &&
	    (!power_of_two(config->rom_size) || config->rom_size < SMALLEST_ROM))
		return "the size of the ROM is not a power of two or too small";
	if (config->class_code > 0xffffff)
		return "the class code has more than 24 bits";
	if (config->msi != 0 && (!power_of_two(config->msi) || config->msi > MOST_MSI))
		return "the number of MSI vectors is not a power of two up to 32";
	if (config->dma_page != 0 && !power_of_two(config->dma_page))
		return "the DMA page is not a power of two";
	if (config->dma_last != 0 && config->dma_last <= RAWPCI_FAKE_MSI_LAST)
		return "the last address for DMA is not above those of interrupts";
	return NULL;
}

static void set_regions(struct rawpci_fake *fake)
{
	for (unsigned i = 0; i < RAWPCI_REGION_ROM; i++) {
		fake->regions[i].size = fake->is.bars[i].size;
		fake->regions[i].flags = fake->is.bars[i].flags;
		fake->regions[i].trapped = fake->is.bars[i].trapped;
	}
	fake->regions[RAWPCI_REGION_ROM].size = fake->is.rom_size;
}

/* Creates a device that is on no bus yet. */
static int create(struct rawpci_fake_instance *instance, const struct rawpci_fake_config *config,
		  const struct rawpci_address *address, struct rawpci_fake **out)
{
	struct rawpci_fake *fake = calloc(1, sizeof(*fake));
	unsigned most = config->intx ? 1 : 0;

	if (!fake)
		goto no_memory;
	if (config->msi > most)
		most = config->msi;
	if (config->msix > most)
		most = config->msix;
	fake->vectors = malloc((most > 0 ? most : 1) * sizeof(*fake->vectors));
	if (!fake->vectors)
		goto undo_device;
	fake->vector_count = most;
	fake->irq_type = RAWPCI_FAKE_IRQ_NONE;
	fake->events[0] = fake->events[1] = -1;
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++)
		fake->regions[i].fd = -1;
	rawpci_fake_irq_silence(fake);
	fake->instance = instance;
	fake->address = *address;
	rawpci_address_format(address, fake->name);
	fake->is = *config;
	fake->is.address = NULL; /* the caller's */
	if (fake->is.dma_page == 0)
		fake->is.dma_page = DEFAULT_PAGE;
	if (fake->is.dma_last == 0)
		fake->is.dma_last = RAWPCI_FAKE_DMA_LAST;
	if (config->model)
		fake->model = *config->model;
	(void)pthread_mutex_init(&fake->lock, NULL);
	set_regions(fake);
	*out = fake;
	return 0;

undo_device:
	free(fake);
no_memory:
	return rawpci_backend_fail(instance->ctx, -ENOMEM, "fake: no memory for a device");
}

/* Frees everything except what belongs to the model. */
static void release(struct rawpci_fake *fake)
{
	rawpci_fake_regions_free(fake);
	(void)pthread_mutex_destroy(&fake->lock);
	free(fake->vectors);
	free(fake);
}

void rawpci_fake_device_free(struct rawpci_fake *fake)
{
	if (fake->model.destroy)
		fake->model.destroy(fake->is.opaque);
	release(fake);
}

struct rawpci_fake *rawpci_fake_device_find(struct rawpci_fake_instance *instance,
					    const struct rawpci_address *address)
{
	for (struct rawpci_fake *fake = instance->devices; fake; fake = fake->next)
		if (rawpci_address_compare(&fake->address, address) == 0)
			return fake;
	return NULL;
}

/* Requires the instance's lock. */
static int put_on_bus(struct rawpci_fake *fake)
{
	struct rawpci_fake_instance *instance = fake->instance;
	struct rawpci_fake *there = rawpci_fake_device_find(instance, &fake->address);
	int r;

	if (there && (there->open || !atomic_load(&there->gone)))
		return rawpci_backend_fail(instance->ctx, -EEXIST,
					   "fake: there is a device at %s already", fake->name);
	r = rawpci_fake_bus_place(fake);
	if (r < 0)
		return r;
	rawpci_fake_config_build(fake);
	fake->next = instance->devices;
	instance->devices = fake;
	return 0;
}

int rawpci_fake_device_add(struct rawpci_fake_instance *instance,
			   const struct rawpci_fake_config *config, struct rawpci_fake **fake)
{
	struct rawpci_address address;
	struct rawpci_fake *new = NULL;
	const char *why;
	int r;

	if (!config->address || rawpci_address_parse(config->address, &address) < 0)
		return rawpci_backend_fail(instance->ctx, -EINVAL, "fake: \"%s\" is no address",
					   config->address ? config->address : "");
	why = bad_config(config);
	if (why)
		return rawpci_backend_fail(instance->ctx, -EINVAL, "fake: %s: %s", config->address,
					   why);
	r = create(instance, config, &address, &new);
	if (r < 0)
		return r;
	(void)pthread_mutex_lock(&instance->lock);
	r = put_on_bus(new);
	(void)pthread_mutex_unlock(&instance->lock);
	if (r < 0) {
		release(new);
		return r;
	}
	if (fake)
		*fake = new;
	return 0;
}

void rawpci_fake_device_reset(struct rawpci_fake *fake)
{
	bool there = rawpci_fake_lock(fake);

	if (there) {
		memcpy(fake->config, fake->initial, sizeof(fake->config));
		fake->line = false;
		fake->masked = false;
		rawpci_fake_irq_silence(fake);
	}
	rawpci_fake_unlock(fake);
	if (there && fake->model.reset)
		fake->model.reset(fake->is.opaque, fake);
}
