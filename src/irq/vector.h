/* SPDX-License-Identifier: MIT */
/* Private to src/irq: vectors, watches and handler calls. */
#ifndef RAWPCI_IRQ_VECTOR_H
#define RAWPCI_IRQ_VECTOR_H

#include <stdatomic.h>

#include <rawpci/irq.h>

#include "irq/irq.h"

struct rawpci_vector {
	struct rawpci_device *dev;
	struct rawpci_handlers *handlers; /* the device's; they may outlive it */
	struct rawpci_source *source;
	void (*handler)(void *opaque, int32_t irq);
	void *opaque;
	int32_t irq, guest_irq;
	int fd;
	unsigned read_size; /* not 0: fd is the backend's */
	bool intx;
	atomic_bool pending; /* being attached, under irqs->lock; may still fail */
	atomic_bool detached;

	/* To unmask INTx once more. */
	struct rawpci_source *timer; /* NULL: not needed so far */
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
	struct rawpci_watch *next; /* in irqs->stale */
};

/*
 * handlers.c: the handlers of one device. A handler may run longer than its device is open, and
 * then another device may have the slot or the memory. So they are counted here, in memory that the
 * device, its vectors and its watches share, and that the last of them frees.
 */
struct rawpci_handlers {
	atomic_uint users;
	atomic_uint running;
};

/* A call of a handler. Calls can be nested: a handler may dispatch for another context. */
struct rawpci_handler_call {
	struct rawpci_handlers *handlers;
	struct rawpci_handler_call *outer;
	struct rawpci_handler_call **innermost; /* this thread's */
};

/* NULL: no memory. */
struct rawpci_handlers *rawpci_handlers_create(void);
struct rawpci_handlers *rawpci_handlers_hold(struct rawpci_handlers *handlers);
void rawpci_handlers_release(struct rawpci_handlers *handlers);

/* Around everything that the engine does for a device; before it looks at anything. */
void rawpci_handler_enter(struct rawpci_handler_call *call, struct rawpci_handlers *handlers);
void rawpci_handler_leave(struct rawpci_handler_call *call);

/* Waits until none of them runs, except those that this thread is in. */
void rawpci_handlers_wait(const struct rawpci_handlers *handlers);

/*
 * dispatch.c: the engine, started if need be. A caller that fails before it has used the engine
 * puts it back. So a call that fails leaves no engine behind.
 */
int rawpci_engine_get(struct rawpci *ctx, struct rawpci_engine **out);
void rawpci_engine_put_unused(struct rawpci *ctx);

/*
 * hw.c: what the backend is told. All need irqs->lock.
 */
/* Makes lines [first, first + n) signal what they are now attached or routed to. On failure the
 * other lines still work. */
int rawpci_irq_hw_assign(struct rawpci_device *dev, unsigned first, unsigned n);
/* The same for lines that are now free. Even after a failure the backend no longer signals what
 * they were attached or routed to. Returns what enabling the others again came to, which is
 * logged. */
int rawpci_irq_hw_release(struct rawpci_device *dev, unsigned first, unsigned n);
void rawpci_irq_hw_disable(struct rawpci_device *dev);
int rawpci_irq_hw_restore(struct rawpci_device *dev);
int rawpci_irq_hw_unmask(struct rawpci_device *dev);
/* Signals those of lines [first, first + n) that are in use and enabled, because an interrupt may
 * be lost: a handler can cope with a signal too many, and not with a missing one. */
void rawpci_irq_hw_hint(struct rawpci_irqs *irqs, unsigned first, unsigned n);

/*
 * type.c: both need irqs->lock. Begin requires that no type is in use.
 */
int rawpci_irqs_begin_type(struct rawpci_device *dev, enum rawpci_irq_type type);
void rawpci_irqs_end_type_if_unused(struct rawpci_device *dev);
/* -1: the device has none. */
int rawpci_irqs_best_type(const struct rawpci_device *dev);

/*
 * unmask.c
 */
/* After a handler of INTx; if it fails, a timer tries again. Requires irqs->lock. */
void rawpci_vector_unmask(struct rawpci_vector *vector);
/* For a vector that is on no line any more. Needs the device, no lock, and waits for no handler. */
void rawpci_vector_stop_timer(struct rawpci_engine *engine, struct rawpci_vector *vector);

/*
 * call-handler.c
 */
/* For the engine: arg is a vector. */
void rawpci_vector_run(void *arg);
void rawpci_vector_done(void *arg);
/* The device is gone. */
void rawpci_vector_lost(void *arg);
/* After stop_timer: forgets the vector, and waits for its handler. Needs no lock held, and does not
 * use the device. */
void rawpci_vector_retire(struct rawpci_engine *engine, struct rawpci_vector *vector);

/*
 * attach.c: takes a vector off its line, any vector if irq is 0. NULL: none. Requires irqs->lock;
 * the caller then stops its timer and retires it.
 */
struct rawpci_vector *rawpci_vector_take_off(struct rawpci_device *dev, int32_t irq);

/*
 * events.c: for close.
 */
void rawpci_watches_close(struct rawpci_device *dev);

#endif
