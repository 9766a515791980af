/* SPDX-License-Identifier: MIT */
/* Vectors, watches and handler calls: what the files of src/irq share. */
#ifndef RAWPCI_IRQ_VECTOR_H
#define RAWPCI_IRQ_VECTOR_H

#include <stdatomic.h>

#include <rawpci/irq.h>

#include "irq/irq.h"

struct rawpci_vector {
	struct rawpci_device *dev;
	struct rawpci_handlers *handlers; /* the device's, which are there longer */
	struct rawpci_source *source;
	void (*handler)(void *opaque, int32_t irq);
	void *opaque;
	int32_t irq, guest_irq;
	int fd;
	unsigned read_size; /* not 0: fd is the backend's */
	bool intx;
	atomic_bool pending; /* being attached: whether that works is decided under irqs->lock */
	atomic_bool detached;

	/* To unmask INTx once more. */
	struct rawpci_source *timer; /* NULL: was not needed yet */
	int timer_fd;
	unsigned tries; /* since the handler ran; under irqs->lock */
};

struct rawpci_watch {
	struct rawpci_handlers *handlers;
	void (*handler)(void *opaque, enum rawpci_event event);
	void *opaque;
	enum rawpci_event event;
	struct rawpci_source *source;
	int fd;
	atomic_bool detached;
	struct rawpci_watch *next; /* of those that the backend did not let go */
};

/* The engine, started if need be. A caller that fails before it has used the engine puts it back:
 * then a call that fails leaves no engine behind. */
int rawpci_engine_get(struct rawpci *ctx, struct rawpci_engine **out);
void rawpci_engine_put_unused(struct rawpci *ctx);

/* For close. The first ends the vectors, the second the watches. */
void rawpci_vectors_close(struct rawpci_device *dev);
void rawpci_watches_close(struct rawpci_device *dev);

/* hw.c: what the device is told. Needs irqs->lock. Assign makes lines [first, first + n) signal
 * what they are now attached or routed to; on failure the others still work. */
int rawpci_irq_hw_assign(struct rawpci_device *dev, unsigned first, unsigned n);
/* The same for lines that are nobody's now: whatever fails, the backend no more signals what they were
 * attached or routed to. Returns what enabling the others again came to, which is logged. */
int rawpci_irq_hw_release(struct rawpci_device *dev, unsigned first, unsigned n);
void rawpci_irq_hw_disable(struct rawpci_device *dev);
int rawpci_irq_hw_restore(struct rawpci_device *dev);
int rawpci_irq_hw_unmask(struct rawpci_device *dev);
/* Signals those of lines [first, first + n) that are in use and enabled, because an interrupt of
 * theirs may be lost: a signal without cause is better than none. */
void rawpci_irq_hw_hint(struct rawpci_irqs *irqs, unsigned first, unsigned n);

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

/* Both need irqs->lock. Begin requires that no type is in use. */
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
