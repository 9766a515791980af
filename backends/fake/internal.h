/* SPDX-License-Identifier: MIT */
/*
 * What the files of the fake backend share: an instance (one context's pretend devices), a device,
 * an address space.
 *
 * Locks, in the order they are taken: instance, device, space. None is held while a hook of a
 * device's model runs, because hooks call the functions of <rawpci/fake.h>.
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

/* Config space beyond this is empty on every fake device. */
#define RAWPCI_FAKE_CONFIG 256

/* The last of the addresses that are interrupts, and the last one of 48 bits. */
#define RAWPCI_FAKE_MSI_LAST 0xfeefffff
#define RAWPCI_FAKE_DMA_LAST (((uint64_t)1 << 48) - 1)

/* An order for faults at one point, and how often that point was reached. */
struct rawpci_fake_order {
	atomic_uint_least64_t calls;
	atomic_bool armed; /* looked at without the lock, so that healthy calls do not meet in it */
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
	int fd; /* of the memory file; -1 before anything needed the memory */
	_Atomic(unsigned char *) bytes; /* the memory, or NULL; never changes once it is set */
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
	atomic_bool gone; /* unplugged; set with the lock held, never taken back */
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
	int *vectors; /* eventfds, -1: none; as many as the most vectors of a type */
	unsigned vector_count;
	bool line;    /* INTx is asserted */
	bool masked;  /* INTx was delivered and not unmasked yet */
	int events[2]; /* eventfds by enum rawpci_event - 1 */
};

/* Takes a lock and says whether the device is still plugged in; the caller unlocks. */
static inline bool rawpci_fake_lock(struct rawpci_fake *fake)
{
	(void)pthread_mutex_lock(&fake->lock);
	return !atomic_load(&fake->gone);
}

static inline void rawpci_fake_unlock(struct rawpci_fake *fake)
{
	(void)pthread_mutex_unlock(&fake->lock);
}

/* fault.c: counts a call. Returns 0, or the error that was ordered, with its sentence. */
int rawpci_fake_enter(struct rawpci_fake_instance *instance, enum rawpci_fake_point point);

/* device.c */
int rawpci_fake_device_add(struct rawpci_fake_instance *instance,
			   const struct rawpci_fake_config *config, struct rawpci_fake **fake);
void rawpci_fake_device_free(struct rawpci_fake *fake);
/* The newest device with that address, or NULL. Requires: the instance's lock. */
struct rawpci_fake *rawpci_fake_device_find(struct rawpci_fake_instance *instance,
					    const struct rawpci_address *address);
/* Registers to their initial values, vectors silent. Requires: no lock held (calls the model). */
void rawpci_fake_device_reset(struct rawpci_fake *fake);

/* bus.c: a bus address for each region. 0 or -ENOSPC. Requires: the instance's lock. */
int rawpci_fake_bus_place(struct rawpci_fake *fake);

/* config.c; the last three require the device's lock. */
void rawpci_fake_config_build(struct rawpci_fake *fake);
int rawpci_fake_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value);
int rawpci_fake_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value);
uint16_t rawpci_fake_config_get16(const struct rawpci_fake *fake, unsigned offset);
void rawpci_fake_config_set16(struct rawpci_fake *fake, unsigned offset, uint16_t value);
bool rawpci_fake_config_awake(const struct rawpci_fake *fake); /* in D0 */

/* region.c */
void rawpci_fake_regions_free(struct rawpci_fake *fake);
/* The memory of a region, which must be present. 0 or -errno. */
int rawpci_fake_region_bytes(struct rawpci_fake *fake, unsigned region, unsigned char **bytes);
/* All memory there is reads as ones from now on. Requires: the device's lock. */
void rawpci_fake_regions_vanish(struct rawpci_fake *fake);
int rawpci_fake_region_info(void *device, unsigned region, struct rawpci_region_info *info);
int rawpci_fake_region_map(void *device, unsigned region, uint64_t offset, uint64_t size,
			   void *where);
int rawpci_fake_region_read(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t *value);
int rawpci_fake_region_write(void *device, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value);

/* irq.c; the first three require the device's lock. */
void rawpci_fake_intx_set(struct rawpci_fake *fake, bool line);
void rawpci_fake_intx_deliver(struct rawpci_fake *fake); /* if it can be now */
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
/* A transfer by the device; 0 or -EFAULT, which is counted and leaves no sentence. */
int rawpci_fake_dma_transfer(struct rawpci_fake *fake, rawpci_iova_t iova, void *buffer,
			     uint64_t size, bool to_memory);
uint64_t rawpci_fake_space_count(struct rawpci_fake_space *space);

/* edu.c */
int rawpci_fake_edu_add(struct rawpci_fake_instance *instance, const char *address,
			struct rawpci_fake **fake);

extern const struct rawpci_backend rawpci_backend_fake;

#endif
