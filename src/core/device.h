/* SPDX-License-Identifier: MIT */
/*
 * An open device, as all rooms know it. Each room keeps its own part behind a pointer, and that
 * room's headers have the part's structure and lock. device/life.h puts the parts together.
 */
#ifndef RAWPCI_CORE_DEVICE_H
#define RAWPCI_CORE_DEVICE_H

#include <pthread.h>

#include <rawpci/backend.h>
#include <rawpci/device.h>

#include "core/context.h"
#include "core/reach.h"
#include "core/log-count.h"
#include "pci/pci.h"

struct rawpci_custody;
struct rawpci_irqs;
struct rawpci_config;
struct rawpci_maps;
struct rawpci_map_table;
struct rawpci_powering;

struct rawpci_device {
	struct rawpci *ctx;
	struct rawpci_slot *slot;
	char name[RAWPCI_ADDRESS_TEXT]; /* sentences begin with it */
	struct rawpci_told told;
	const struct rawpci_backend *backend;
	void *instance;
	void *handle; /* the backend's */
	struct rawpci_backend_info caps;
	struct rawpci_device_info info;
	const struct rawpci_device_fds *fds; /* the caller's, during the open; NULL: none given */

	pthread_mutex_t lock; /* one call at a time: mappings, interrupts, power */

	/* Every MMIO access reads these two: they share a cache line. */
	struct rawpci_reach reach;
	_Atomic(struct rawpci_map_table *) mappings; /* src/device's */

	/* src/handover's */
	struct rawpci_custody *custody;

	/* src/irq's */
	struct rawpci_irqs *irqs;

	/* src/memory's */
	struct rawpci_vm *vm;
	struct rawpci_spaces *spaces;  /* where its space is listed */
	struct rawpci_vm_space *space; /* NULL: the backend has no DMA */

	/* src/device's */
	struct rawpci_region_info regions[RAWPCI_REGIONS];
	struct rawpci_maps *maps;
	struct rawpci_config *config;
	struct rawpci_powering *powering;

	/* Used since the open or a reset, so power-on resets it. Accesses write it, so it is apart from
	 * what they read. */
	atomic_bool touched;

	/* Counts writes after which Bus Master may differ from before, each once it is done. src/irq
	 * sees by it whether the bit was on between two looks. */
	atomic_uint command_writes;
};

#endif
