/* SPDX-License-Identifier: MIT */
/*
 * The fake backend inside. It has an instance for each context, and devices and address spaces of
 * an instance. The sections below are in the order in which the files may call each other, the
 * lowest first.
 *
 * Locks, from the outermost to the innermost: instance, device, space. order_lock is taken alone.
 * No lock is held while a hook of a device's model runs, because hooks call the functions of
 * <rawpci/fake.h>.
 */
#ifndef RAWPCI_FAKE_INTERNAL_H
#define RAWPCI_FAKE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/backend.h>
#include <rawpci/fake.h>

#include "pci/pci.h"

/* Bytes of config space that can have registers. */
#define RAWPCI_FAKE_CONFIG 256

/* The last of the addresses that are interrupts, and the last one of 48 bits. */
#define RAWPCI_FAKE_MSI_LAST 0xfeefffff
#define RAWPCI_FAKE_DMA_LAST (((uint64_t)1 << 48) - 1)

/* A test's order for faults at one point, and how often that point has been reached. */
struct rawpci_fake_order {
	atomic_uint_least64_t calls;
	atomic_bool armed; /* read without the lock, so that calls without an order take none */
	unsigned skip, count;
	int error;
};

/* Where bus addresses come from. */
enum rawpci_fake_window {
	RAWPCI_FAKE_WINDOW_32,
	RAWPCI_FAKE_WINDOW_64,
	RAWPCI_FAKE_WINDOW_IO,
	RAWPCI_FAKE_WINDOWS,
};

struct rawpci_fake_instance {
	struct rawpci *ctx;

	pthread_mutex_t lock; /* devices, next_address, and .open and .space of each device */
	struct rawpci_fake *devices; /* newest first */
	uint64_t next_address[RAWPCI_FAKE_WINDOWS];

	pthread_mutex_t order_lock;
	struct rawpci_fake_order orders[RAWPCI_FAKE_POINTS];
};

struct rawpci_fake_region {
	uint64_t size; /* 0: absent */
	uint64_t address;
	uint32_t flags;
	bool trapped;
	int fd; /* the memory file; -1: the memory has not been needed yet */
	_Atomic(unsigned char *) bytes; /* the memory, or NULL; does not change once it is set */
};

#define RAWPCI_FAKE_IRQ_NONE (-1)

struct rawpci_fake {
	struct rawpci_fake *next;
	struct rawpci_fake_instance *instance;
	struct rawpci_address address;
	char name[RAWPCI_ADDRESS_TEXT];
	struct rawpci_fake_config is; /* as it was added, without .address */
	struct rawpci_fake_model model;
	struct rawpci_fake_region regions[RAWPCI_REGIONS];
	atomic_bool gone; /* unplugged; set with the lock held, and never cleared */
	atomic_uint_least64_t dma_faults;

	/* Offsets of capabilities, 0: none. */
	uint8_t cap_pm, cap_msi, cap_msix, cap_express;
	struct rawpci_resets resets;

	pthread_mutex_t lock; /* everything below */
	bool open;            /* these two change with the instance's lock held as well */
	struct rawpci_fake_space *space;

	uint8_t config[RAWPCI_FAKE_CONFIG];
	uint8_t writable[RAWPCI_FAKE_CONFIG]; /* bits that a write changes */
	uint8_t initial[RAWPCI_FAKE_CONFIG];  /* after a reset */

	int irq_type; /* enum rawpci_irq_type, or RAWPCI_FAKE_IRQ_NONE */
	int *vectors; /* eventfds, -1: none; room for the type with the most vectors */
	unsigned vector_count;
	bool line;     /* INTx is asserted */
	bool masked;   /* INTx has been delivered and not been unmasked since */
	int events[2]; /* eventfds by enum rawpci_event - 1 */
};

/* Takes the device's lock, which the caller releases. Returns true if the device is plugged in. */
static inline bool rawpci_fake_lock(struct rawpci_fake *fake)
{
	(void)pthread_mutex_lock(&fake->lock);
	return !atomic_load(&fake->gone);
}

static inline void rawpci_fake_unlock(struct rawpci_fake *fake)
{
	(void)pthread_mutex_unlock(&fake->lock);
}

/* fault.c: counts a call. Returns 0, or the error that a test has ordered, with its sentence. */
int rawpci_fake_enter(struct rawpci_fake_instance *instance, enum rawpci_fake_point point);

/* bus.c: gives each region a bus address. Returns 0 or -ENOSPC. Requires the instance's lock. */
int rawpci_fake_bus_place(struct rawpci_fake *fake);

/* registers.c: what is in config space. The last three require the device's lock. */
void rawpci_fake_config_build(struct rawpci_fake *fake);
uint16_t rawpci_fake_config_get16(const struct rawpci_fake *fake, unsigned offset);
void rawpci_fake_config_set16(struct rawpci_fake *fake, unsigned offset, uint16_t value);
bool rawpci_fake_config_awake(const struct rawpci_fake *fake); /* in D0 */

/* region.c */
void rawpci_fake_regions_free(struct rawpci_fake *fake);
/* The memory of a region that is present. Returns 0 or -errno. */
int rawpci_fake_region_bytes(struct rawpci_fake *fake, unsigned region, unsigned char **bytes);
/* All memory reads as ones from now on. Requires the device's lock. */
void rawpci_fake_regions_vanish(struct rawpci_fake *fake);
int rawpci_fake_region_info(void *device, unsigned region, struct rawpci_region_info *info);
int rawpci_fake_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			   void *where);
int rawpci_fake_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t *value);
int rawpci_fake_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value);

/* irq.c. The first three require the device's lock. */
void rawpci_fake_intx_set(struct rawpci_fake *fake, bool line);
void rawpci_fake_intx_deliver(struct rawpci_fake *fake); /* if it can be delivered now */
void rawpci_fake_irq_silence(struct rawpci_fake *fake);  /* the type stays enabled */
unsigned rawpci_fake_irq_count(const struct rawpci_fake *fake, enum rawpci_irq_type type);
int rawpci_fake_irq_enable(void *device, enum rawpci_irq_type type, unsigned n,
			   const int *eventfds);
int rawpci_fake_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int eventfd);
void rawpci_fake_irq_disable(void *device, enum rawpci_irq_type type);
int rawpci_fake_irq_unmask(void *device);
int rawpci_fake_event_set(void *device, enum rawpci_event event, int eventfd);

/* dma.c */
int rawpci_fake_space_create(void *instance, void **space);
void rawpci_fake_space_destroy(void *space);
int rawpci_fake_space_limits(void *space, struct rawpci_dma_limits *limits);
int rawpci_fake_dma_map(void *space, rawpci_iova_t iova, void *host, uint64_t size);
int rawpci_fake_dma_unmap(void *space, rawpci_iova_t iova, uint64_t size);
/* A transfer by the device. Returns 0, or -EFAULT, which is counted and leaves no sentence. */
int rawpci_fake_dma_transfer(struct rawpci_fake *fake, rawpci_iova_t iova, void *buffer,
			     uint64_t size, bool to_memory);
uint64_t rawpci_fake_space_count(struct rawpci_fake_space *space);

/* device.c */
int rawpci_fake_device_add(struct rawpci_fake_instance *instance,
			   const struct rawpci_fake_config *config, struct rawpci_fake **fake);
void rawpci_fake_device_free(struct rawpci_fake *fake);
/* The newest device with that address, or NULL. Requires the instance's lock. */
struct rawpci_fake *rawpci_fake_device_find(struct rawpci_fake_instance *instance,
					    const struct rawpci_address *address);
/* Resets registers and silences vectors. Requires that no lock is held (it calls the model). */
void rawpci_fake_device_reset(struct rawpci_fake *fake);

/* config.c: accesses to config space. */
int rawpci_fake_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value);
int rawpci_fake_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);

/* edu.c */
int rawpci_fake_edu_add(struct rawpci_fake_instance *instance, const char *address,
			struct rawpci_fake **fake);

/* Above them: control.c has the functions of <rawpci/fake.h>, backend.c the table of operations. */
extern const struct rawpci_backend rawpci_backend_fake;

#endif
