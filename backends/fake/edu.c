/* SPDX-License-Identifier: MIT */
/*
 * A model of the device that QEMU calls "edu" (register layout: QEMU docs/specs/edu). Unlike
 * QEMU's, it can be reset. Factorials and DMA are finished when the write that starts them returns.
 */
#include "fake/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ID 0x00
#define LIVENESS 0x04
#define FACTORIAL 0x08
#define STATUS 0x20
#define IRQ_STATUS 0x24
#define IRQ_RAISE 0x60
#define IRQ_ACKNOWLEDGE 0x64
#define DMA_SOURCE 0x80
#define DMA_DESTINATION 0x88
#define DMA_COUNT 0x90
#define DMA_COMMAND 0x98

#define ID_VALUE 0x010000ed
#define STATUS_RAISE 0x80 /* when a factorial is done */
#define IRQ_FACTORIAL 0x00000001
#define IRQ_DMA 0x00000100
#define DMA_START 1
#define DMA_TO_MEMORY 2
#define DMA_RAISE 4 /* when it is done */

#define BUFFER_SIZE 4096
#define BUFFER_AT 0x40000
#define DMA_MASK 0x0fffffff
#define BAR_SIZE 0x100000

struct edu {
	pthread_mutex_t lock; /* everything below; taken before the device's lock */
	uint32_t liveness, factorial, status, irq_status;
	uint64_t source, destination, count, command;
	unsigned char buffer[BUFFER_SIZE];
};

static bool width_fits(uint64_t offset, unsigned width)
{
	return width == 4 || (width == 8 && offset >= DMA_SOURCE);
}

static uint64_t register_value(const struct edu *edu, uint64_t offset)
{
	switch (offset) {
	case ID:
		return ID_VALUE;
	case LIVENESS:
		return edu->liveness;
	case FACTORIAL:
		return edu->factorial;
	case STATUS:
		return edu->status;
	case IRQ_STATUS:
		return edu->irq_status;
	case DMA_SOURCE:
		return edu->source;
	case DMA_DESTINATION:
		return edu->destination;
	case DMA_COUNT:
		return edu->count;
	case DMA_COMMAND:
		return edu->command;
	}
	return UINT64_MAX;
}

static uint64_t edu_read(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			 unsigned width)
{
	struct edu *edu = opaque;
	uint64_t value;

	(void)fake;
	(void)region;
	if (!width_fits(offset, width))
		return UINT64_MAX;
	(void)pthread_mutex_lock(&edu->lock);
	value = register_value(edu, offset);
	(void)pthread_mutex_unlock(&edu->lock);
	return value;
}

static void interrupt(struct edu *edu, struct rawpci_fake *fake, uint32_t value)
{
	edu->irq_status |= value;
	if (edu->irq_status != 0)
		(void)rawpci_fake_raise(fake, 0);
}

static void acknowledge(struct edu *edu, struct rawpci_fake *fake, uint32_t value)
{
	edu->irq_status &= ~value;
	if (edu->irq_status == 0)
		(void)rawpci_fake_lower(fake);
}

/* Modulo 2^32: 34! has 32 factors of two, and every larger factorial has them, too. */
static uint32_t factorial(uint32_t n)
{
	uint32_t result = 1;

	if (n >= 34)
		return 0;
	while (n > 1)
		result *= n--;
	return result;
}

/* A count or an address outside the buffer moves nothing, and the device reports no error. */
static void run_dma(struct edu *edu, struct rawpci_fake *fake)
{
	bool to_memory = edu->command & DMA_TO_MEMORY;
	uint64_t inside = (to_memory ? edu->source : edu->destination) - BUFFER_AT;
	uint64_t outside = (to_memory ? edu->destination : edu->source) & DMA_MASK;

	if (inside <= BUFFER_SIZE && edu->count <= BUFFER_SIZE - inside)
		(void)rawpci_fake_dma_transfer(fake, outside, edu->buffer + inside, edu->count,
					       to_memory);
	edu->command &= ~(uint64_t)DMA_START;
	if (edu->command & DMA_RAISE)
		interrupt(edu, fake, IRQ_DMA);
}

static void write_register(struct edu *edu, struct rawpci_fake *fake, uint64_t offset,
			   uint64_t value)
{
	switch (offset) {
	case LIVENESS:
		edu->liveness = ~(uint32_t)value;
		break;
	case FACTORIAL:
		edu->factorial = factorial((uint32_t)value);
		if (edu->status & STATUS_RAISE)
			interrupt(edu, fake, IRQ_FACTORIAL);
		break;
	case STATUS:
		edu->status = (uint32_t)value & STATUS_RAISE;
		break;
	case IRQ_RAISE:
		interrupt(edu, fake, (uint32_t)value);
		break;
	case IRQ_ACKNOWLEDGE:
		acknowledge(edu, fake, (uint32_t)value);
		break;
	case DMA_SOURCE:
		edu->source = value;
		break;
	case DMA_DESTINATION:
		edu->destination = value;
		break;
	case DMA_COUNT:
		edu->count = value;
		break;
	case DMA_COMMAND:
		if (!(value & DMA_START))
			break;
		edu->command = value & (DMA_START | DMA_TO_MEMORY | DMA_RAISE);
		run_dma(edu, fake);
		break;
	}
}

static void edu_write(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
		      unsigned width, uint64_t value)
{
	struct edu *edu = opaque;

	(void)region;
	if (!width_fits(offset, width))
		return;
	(void)pthread_mutex_lock(&edu->lock);
	write_register(edu, fake, offset, value);
	(void)pthread_mutex_unlock(&edu->lock);
}

static void edu_reset(void *opaque, struct rawpci_fake *fake)
{
	struct edu *edu = opaque;

	(void)fake;
	(void)pthread_mutex_lock(&edu->lock);
	edu->liveness = edu->factorial = edu->status = edu->irq_status = 0;
	edu->source = edu->destination = edu->count = edu->command = 0;
	memset(edu->buffer, 0, sizeof(edu->buffer));
	(void)pthread_mutex_unlock(&edu->lock);
}

static void edu_destroy(void *opaque)
{
	struct edu *edu = opaque;

	(void)pthread_mutex_destroy(&edu->lock);
	free(edu);
}

static const struct rawpci_fake_model edu_model = {
	.read = edu_read,
	.write = edu_write,
	.reset = edu_reset,
	.destroy = edu_destroy,
};

int rawpci_fake_edu_add(struct rawpci_fake_instance *instance, const char *address,
			struct rawpci_fake **fake)
{
	struct edu *edu = calloc(1, sizeof(*edu));
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = address,
		.vendor_id = 0x1234,
		.device_id = 0x11e8,
		.class_code = 0x00ff00,
		.bars = { { .size = BAR_SIZE, .trapped = true } },
		.intx = true,
		.msi = 1,
		.model = &edu_model,
		.opaque = edu,
	};
	int r;

	if (!edu)
		return rawpci_backend_fail(instance->ctx, -ENOMEM, "fake: no memory for an edu");
	(void)pthread_mutex_init(&edu->lock, NULL);
	r = rawpci_fake_device_add(instance, &config, fake);
	if (r < 0)
		edu_destroy(edu);
	return r;
}
