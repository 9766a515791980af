/* SPDX-License-Identifier: MIT */
/*
 * A context: its settings, its backends, its slots, and the rooms' state that all devices share.
 *
 * The files of src/core, each of which uses only those before it:
 *   log-count.c log.c                        the log: counting lines, and saying them
 *   gate.c settings.c registry.c handle.c  a context's parts
 *   context.c                           contexts
 *   reach.c call.c                      a device that may be accessed, and a call on it
 *   finding.c                           obstacles, as backends and rooms report them
 *
 * Locks of the library, outermost first. A thread that holds one takes only those below it. None is
 * held while a handler or the log callback runs. CONTRIBUTING has the same list.
 *   port->lock         abi/      one initialisation of a port at a time; it opens the device
 *   ports->lock        abi/      the list of a session's ports
 *   spaces->lock       memory/   devices of one VM are opened and closed one after the other
 *   dev->lock          core/     mappings, interrupts, power of one device: one call at a time
 *   irqs->lock         irq/      the interrupt state; the engine itself takes no lock above it
 *   config->lock       device/   config writes that change what the device decodes
 *   maps->lock         device/   the table of mappings, and whether their pages are covered
 *   vm->lock           memory/   the guest memory map
 *   ctx->engine_lock   irq/      the engine's making and end
 *   a backend's        backends/ its own state, inside one operation
 *   gate->writer       core/     one thread at a time waits for a gate's readers
 *   engine->lock       event/    the engine's sources; never held while it calls out or waits
 *   ctx->lock          core/     slots, VMs, and the registry; a backend's create() runs under it
 *   told->lock         core/     counts of log lines
 *   job->lock          os/       one step with a time limit (slow.c)
 */
#ifndef RAWPCI_CORE_CONTEXT_H
#define RAWPCI_CORE_CONTEXT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/context.h>

#include "core/registry.h"
#include "core/log-count.h"
#include "event/event.h"

/* Handles: generation in the upper 24 bits, slot number (1 to 255) in the lower 8. */
#define RAWPCI_SLOTS 255

struct rawpci_slot;
struct rawpci_vm;
struct rawpci_vm_space;
struct rawpci_factory;

/* Address spaces that a device can be opened in; src/memory has their functions. With the lock
 * held, devices are opened in them and closed, one at a time. */
struct rawpci_spaces {
	pthread_mutex_t lock;
	struct rawpci_vm_space *first;
};

struct rawpci {
	/* By the lower 8 bits of a handle; the first is always NULL. Here, so that MMIO finds it
	 * with few instructions. */
	_Atomic(struct rawpci_slot *) slots[RAWPCI_SLOTS + 1];

	enum rawpci_irq_mode irq_mode;
	enum rawpci_log_level log_level;
	void (*log)(void *opaque, enum rawpci_log_level level, const char *message);
	void *log_opaque;
	void *(*translate)(void *opaque, uint64_t host_start, uint64_t size);
	void *translate_opaque;
	_Atomic(const struct rawpci_backend *) chosen; /* NULL: automatic */

	/* Settings (settings.c), as the program gave them, and two of them as numbers. */
	char *driver_timeout, *ids_file, *irq_engine, *run_dir, *sysfs_dir, *uio_dir;
	char *vfio_dir, *vfio_iommu, *vfio_noiommu, *vfio_via;
	unsigned driver_timeout_ms;
	enum rawpci_engine_kind engine_kind;

	pthread_mutex_t lock;
	struct rawpci_registered backends[RAWPCI_BACKENDS];
	unsigned backend_count;
	unsigned users; /* sessions, ports, devices, factory references */
	uint32_t first_generation;
	struct rawpci_told told; /* counts the lines of calls that name no device */

	/* src/memory's */
	struct rawpci_vm *vms; /* under ctx->lock */
	unsigned vm_count;
	struct rawpci_spaces bare_spaces; /* of devices without a VM */

	/* src/irq's */
	_Atomic(struct rawpci_engine *) engine;
	pthread_mutex_t engine_lock; /* the engine's making and end */
	uint64_t engine_users;

	/* src/abi's; freed with the context */
	struct rawpci_factory *factory;
	void (*factory_destroy)(struct rawpci_factory *factory);
};

/* A user keeps the context from being destroyed. */
void rawpci_context_retain(struct rawpci *ctx);
void rawpci_context_release(struct rawpci *ctx);

/* The factory of a context, made by the first call. destroy() frees it with the context. */
struct rawpci_factory *rawpci_context_factory(struct rawpci *ctx,
					      struct rawpci_factory *(*create)(struct rawpci *ctx),
					      void (*destroy)(struct rawpci_factory *factory));

/* Turns the embedder's host address into an address of this process. -EFAULT: it is refused. */
int rawpci_translate(struct rawpci *ctx, uint64_t host_start, uint64_t size, void **host);

#endif
