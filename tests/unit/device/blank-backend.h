/* SPDX-License-Identifier: MIT */
/* A backend whose operations all fail; a test replaces the ones that it is about. */
#ifndef RAWPCI_TESTS_BLANK_BACKEND_H
#define RAWPCI_TESTS_BLANK_BACKEND_H

#include <errno.h>

#include <rawpci/backend.h>

static inline int blank_probe(void *instance, const struct rawpci_address *address)
{
	(void)instance;
	(void)address;
	return 0;
}

static inline int blank_open(void *instance, const struct rawpci_address *address, void *space,
			     void **device)
{
	(void)instance;
	(void)address;
	(void)space;
	(void)device;
	return -EIO;
}

static inline void blank_close(void *device)
{
	(void)device;
}

static inline int blank_info(void *device, struct rawpci_backend_info *info)
{
	(void)device;
	(void)info;
	return -EIO;
}

static inline int blank_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value)
{
	(void)device;
	(void)offset;
	(void)width;
	(void)value;
	return -EIO;
}

static inline int blank_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
	(void)device;
	(void)offset;
	(void)width;
	(void)value;
	return -EIO;
}

static inline int blank_region_info(void *device, unsigned region, struct rawpci_region_info *info)
{
	(void)device;
	(void)region;
	(void)info;
	return -EIO;
}

static inline int blank_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
				    uint64_t *value)
{
	(void)device;
	(void)region;
	(void)offset;
	(void)width;
	(void)value;
	return -EIO;
}

static inline int blank_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
				     uint64_t value)
{
	(void)device;
	(void)region;
	(void)offset;
	(void)width;
	(void)value;
	return -EIO;
}

static inline int blank_irq_source(void *device, enum rawpci_irq_type type, int *fd,
				   unsigned *read_size)
{
	(void)device;
	(void)type;
	(void)fd;
	(void)read_size;
	return -EIO;
}

static inline int blank_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
				   const int *eventfds)
{
	(void)device;
	(void)type;
	(void)n;
	(void)eventfds;
	return -EIO;
}

static inline int blank_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector,
				 int eventfd)
{
	(void)device;
	(void)type;
	(void)vector;
	(void)eventfd;
	return -EIO;
}

static inline void blank_irq_disable(void *device, enum rawpci_irq_type type)
{
	(void)device;
	(void)type;
}

static inline int blank_irq_unmask(void *device)
{
	(void)device;
	return -EIO;
}

static inline int blank_space_create(void *instance, void **space)
{
	(void)instance;
	(void)space;
	return -EIO;
}

static inline void blank_space_destroy(void *space)
{
	(void)space;
}

static inline int blank_space_limits(void *space, struct rawpci_dma_limits *limits)
{
	(void)space;
	(void)limits;
	return -EIO;
}

static inline int blank_dma_map(void *space, rawpci_iova_t iova, void *at, uint64_t size)
{
	(void)space;
	(void)iova;
	(void)at;
	(void)size;
	return -EIO;
}

static inline int blank_dma_unmap(void *space, rawpci_iova_t iova, uint64_t size)
{
	(void)space;
	(void)iova;
	(void)size;
	return -EIO;
}

/* The mandatory operations, without interrupts and DMA. Only probing succeeds. */
static inline struct rawpci_backend blank_backend(const char *name, int rank)
{
	return (struct rawpci_backend){
		.version = RAWPCI_BACKEND_VERSION,
		.name = name,
		.help = "for this test",
		.rank = rank,
		.probe = blank_probe,
		.open = blank_open,
		.close = blank_close,
		.info = blank_info,
		.cfg_read = blank_cfg_read,
		.cfg_write = blank_cfg_write,
		.region_info = blank_region_info,
		.region_read = blank_region_read,
		.region_write = blank_region_write,
	};
}

static inline int blank_plain_info(void *device, struct rawpci_backend_info *info)
{
	(void)device;
	info->config_size = 256;
	return 0;
}

static inline int blank_plain_read(void *device, uint32_t offset, unsigned width, uint32_t *value)
{
	(void)device;
	*value = offset == 0 && width == 4 ? 0x10d38086 : 0;
	return 0;
}

static inline int blank_no_region(void *device, unsigned region, struct rawpci_region_info *info)
{
	(void)device;
	(void)region;
	(void)info;
	return 0;
}

/* Opening a device succeeds with these, except for open(), which the test provides. */
static inline void blank_add_device(struct rawpci_backend *backend)
{
	backend->info = blank_plain_info;
	backend->cfg_read = blank_plain_read;
	backend->region_info = blank_no_region;
}

static inline void blank_add_interrupts(struct rawpci_backend *backend)
{
	backend->irq_enable = blank_irq_enable;
	backend->irq_disable = blank_irq_disable;
	backend->irq_unmask = blank_irq_unmask;
}

static inline void blank_add_dma(struct rawpci_backend *backend)
{
	backend->space_create = blank_space_create;
	backend->space_destroy = blank_space_destroy;
	backend->space_limits = blank_space_limits;
	backend->dma_map = blank_dma_map;
	backend->dma_unmap = blank_dma_unmap;
}

#endif
