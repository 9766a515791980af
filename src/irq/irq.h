/* SPDX-License-Identifier: MIT */
/*
 * What others may use of a device's interrupts. The room owns rawpci_irqs (irqs->lock: all that the
 * engine's thread takes) and the context's engine (ctx->engine_lock: its making and end).
 */
#ifndef RAWPCI_IRQ_IRQ_H
#define RAWPCI_IRQ_IRQ_H

#include "core/device.h"

struct rawpci_vector;
struct rawpci_watch;
struct rawpci_handlers;

/* One vector as the device has it: free, attached (vector), or routed (routed is a copy of the
 * embedder's descriptor). */
struct rawpci_irq_line {
	struct rawpci_vector *vector;
	int routed; /* -1: not */
};

struct rawpci_irqs {
	pthread_mutex_t lock;
	int type; /* enum rawpci_irq_type; -1: none in use */
	unsigned count;   /* lines */
	unsigned enabled; /* enabled in the backend; 0: none */
	unsigned in_use;  /* lines attached or routed */
	struct rawpci_irq_line *lines;
	bool paused; /* off for a reset or suspension */
	bool unarmed; /* paused because they could not be enabled again: to be tried again */
	bool stuck;  /* INTx is masked because it could not be unmasked */
	bool closed; /* nothing is taken into use any more; under dev->lock, too */
	int32_t last_irq;

	struct rawpci_watch *watches[2]; /* by enum rawpci_event */
	struct rawpci_watch *stale; /* of no handler any more, but the backend may signal them still */
	struct rawpci_handlers *handlers;
};

/* -ENOMEM. Finish needs what rawpci_irqs_close() does, or no use at all. */
int rawpci_irqs_init(struct rawpci_irqs *irqs);
void rawpci_irqs_finish(struct rawpci_irqs *irqs);

/* For close: no handler is called any more, except those that this thread is in. */
void rawpci_irqs_close(struct rawpci_device *dev);

/* Disables in the device, keeps who is attached; resume enables again. Pause says whether they were
 * not paused already. hint: the device may have sent an interrupt meanwhile, so each handler is
 * called once. */
bool rawpci_irqs_pause(struct rawpci_device *dev);
int rawpci_irqs_resume(struct rawpci_device *dev, bool hint);

/* What rawpci_irq_attach() and rawpci_irq_detach() do, the first inside a call. */
int rawpci_do_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
			 void *opaque, int32_t guest_irq);
int rawpci_do_irq_detach(struct rawpci *ctx, const void *owner, uint32_t handle, int32_t irq);

#endif
