/* SPDX-License-Identifier: MIT */
/* Shared by irq.c, irq-type.c, irq-run.c, route.c and watch.c. */
#ifndef RAWPCI_CORE_IRQ_H
#define RAWPCI_CORE_IRQ_H

#include <stdatomic.h>

#include <rawpci/irq.h>

struct rawpci_device;
struct rawpci_engine;
struct rawpci_vector;

/*
 * The handlers of one device. A handler may run longer than its device is open, and another device
 * may have the slot or the memory by then: so they are counted here, in memory that the device, its
 * vectors and its watches share, and that goes with the last of them.
 */
struct rawpci_handlers {
	atomic_uint users;
	atomic_uint running;
};

/* A call of a handler. They can be nested: a handler may dispatch for another context. */
struct rawpci_handler_call {
	struct rawpci_handlers *handlers;
	struct rawpci_handler_call *outer;
	struct rawpci_handler_call **innermost; /* this thread's */
};

/* NULL: no memory. */
struct rawpci_handlers *rawpci_handlers_create(void);
struct rawpci_handlers *rawpci_handlers_hold(struct rawpci_handlers *handlers);
void rawpci_handlers_release(struct rawpci_handlers *handlers);

/* Around all that the engine does for a device; before anything is looked at. */
void rawpci_handler_enter(struct rawpci_handler_call *call, struct rawpci_handlers *handlers);
void rawpci_handler_leave(struct rawpci_handler_call *call);

/* Waits until none of them runs except those that this thread is in. */
void rawpci_handlers_wait(const struct rawpci_handlers *handlers);

/* Both need irq_lock. Begin requires that no type is in use. */
int rawpci_irqs_begin_type(struct rawpci_device *dev, enum rawpci_irq_type type);
void rawpci_irqs_end_type_if_unused(struct rawpci_device *dev);

/* -1: the device has none. */
int rawpci_irqs_best_type(const struct rawpci_device *dev);

/* For the engine: arg is a vector. */
void rawpci_vector_run(void *arg);
void rawpci_vector_done(void *arg);

/* Two steps that forget a vector which is on no line any more, both without a lock. The first needs
 * the device, and waits for no handler. Retire needs it no more, and waits for the handler. */
void rawpci_vector_stop_timer(struct rawpci_engine *engine, struct rawpci_vector *vector);
void rawpci_vector_retire(struct rawpci_engine *engine, struct rawpci_vector *vector);

#endif
