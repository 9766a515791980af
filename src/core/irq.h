/* SPDX-License-Identifier: MIT */
/* Shared by irq.c, irq-type.c, irq-run.c, route.c and watch.c. */
#ifndef RAWPCI_CORE_IRQ_H
#define RAWPCI_CORE_IRQ_H

#include <rawpci/irq.h>

struct rawpci_device;
struct rawpci_engine;
struct rawpci_vector;

/* Around a handler of the device. Enter returns what leave wants back. */
const struct rawpci_device *rawpci_handler_enter(const struct rawpci_device *dev);
void rawpci_handler_leave(const struct rawpci_device *outer);

/* Waits until no handler of the device runs, save one that this thread is in. */
void rawpci_handlers_wait(const struct rawpci_device *dev);

/* Both need irq_lock. Begin requires that no type is in use. */
int rawpci_irqs_begin_type(struct rawpci_device *dev, enum rawpci_irq_type type);
void rawpci_irqs_end_type_if_unused(struct rawpci_device *dev);

/* -1: the device has none. */
int rawpci_irqs_best_type(const struct rawpci_device *dev);

/* For the engine: arg is a vector. */
void rawpci_vector_run(void *arg);

/* Waits for the handler of a vector that is on no line any more, and forgets it. Without a lock. */
void rawpci_vector_retire(struct rawpci_engine *engine, struct rawpci_vector *vector);

#endif
