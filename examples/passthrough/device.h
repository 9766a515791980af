/* SPDX-License-Identifier: MIT */
/*
 * The library's side of the program: one device, opened with memory it may reach by DMA.
 *
 * Whatever the ABI offers is done through its doors (factory, session, requests); the native API is
 * asked only for what the ABI cannot say: which parts of a BAR can be mapped, and whose eventfd an
 * interrupt shall signal. Functions that return bool have said why on standard error when it is
 * false; of accesses, which are the guest's, the first of each kind does, and device_close() says
 * how many there were.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/abi.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/region.h>

#include "passthrough.h"

#define DEVICE_BARS 6

/* What the guest can do to it as often as it likes. */
enum device_access {
	DEVICE_CONFIG_READ,
	DEVICE_CONFIG_WRITE,
	DEVICE_MMIO_READ,
	DEVICE_MMIO_WRITE,
	DEVICE_ACCESSES
};

/* A memory BAR, mapped as a whole. */
struct device_bar {
	uint64_t size;  /* bytes; 0: absent, or not memory */
	uint32_t flags; /* PCIRAWADDRESSSPACE */
	uint8_t *mmio;  /* what MMIO requests take */
	uint8_t *cpu;   /* what can be loaded from and stored to, inside the areas; or NULL */
	unsigned area_count;
	struct rawpci_region_area areas[RAWPCI_REGION_AREAS];
};

struct device {
	struct rawpci *context;
	PRAWPCIFACTORY factory;
	RAWPCIVM vm;
	PSUPDRVSESSION session;
	PCIRAWDEVHANDLE handle;
	struct rawpci_device *native;
	void *memory;
	uint64_t memory_size;
	struct device_bar bars[DEVICE_BARS];
	unsigned long long refused[DEVICE_ACCESSES]; /* accesses that failed */
};

/**
 * Opens the device that the options name, powers it on and maps its BARs.
 * @memory: page-aligned; the device reaches its size bytes at bus addresses 0 to size - 1. It must
 *          stay where it is until device_close()
 */
bool device_open(struct device *device, const struct options *options, void *memory, uint64_t size);

/* Gives everything back; also what a failed device_open() left. Zeroed memory is fine. */
void device_close(struct device *device);

bool device_config_read(struct device *device, uint32_t offset, unsigned width, uint32_t *value);
bool device_config_write(struct device *device, uint32_t offset, unsigned width, uint32_t value);

bool device_mmio_read(struct device *device, unsigned bar, uint64_t offset, unsigned width,
		      uint64_t *value);
bool device_mmio_write(struct device *device, unsigned bar, uint64_t offset, unsigned width,
		       uint64_t value);

/* Registers a handler for the device's first interrupt vector; it runs on a thread of the library.
 * @irq: receives the registration's number */
bool device_irq_register(struct device *device, PFNRAWPCIISR handler, void *context, int32_t *irq);
void device_irq_unregister(struct device *device, int32_t irq);

/* Lets the kernel signal an eventfd for each message of the device's first interrupt vector.
 * Returns false, and says nothing, where the device has none that can be routed so. */
bool device_irq_route(struct device *device, int eventfd);

#endif
