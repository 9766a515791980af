/* SPDX-License-Identifier: MIT */
/*
 * What others may use of a device's interrupts. The room owns rawpci_irqs (irqs->lock) and the
 * context's engine (ctx->engine_lock: its making and end). Of the core's locks of a device, the
 * engine's thread takes only irqs->lock and told->lock.
 *
 * The files, each of which uses only those before it:
 *   handlers.c                          counting the handlers that run
 *   dispatch.c                          the engine, and dispatching
 *   hw.c type.c                         vectors as the device has them; the type in use
 *   unmask.c call-handler.c                      what the engine runs
 *   attach.c route.c events.c           who gets an interrupt or an event
 *   life.c                              the beginning and end
 */
#ifndef RAWPCI_IRQ_IRQ_H
#define RAWPCI_IRQ_IRQ_H

#include "core/device.h"

struct rawpci_vector;
struct rawpci_watch;
struct rawpci_handlers;

/* One vector of the device: free, attached (vector), or routed. */
struct rawpci_irq_line {
	struct rawpci_vector *vector;
	int routed; /* a copy of the embedder's eventfd; -1: not routed */
};

struct rawpci_irqs {
	pthread_mutex_t lock;
	int type;         /* enum rawpci_irq_type; -1: none in use */
	unsigned count;   /* lines */
	unsigned enabled; /* enabled in the backend; 0: none */
	unsigned in_use;  /* lines attached or routed */
	struct rawpci_irq_line *lines;
	bool paused;  /* disabled for a reset or suspension */
	bool unarmed; /* still paused, because enabling again failed; later calls try again */
	bool stuck;   /* INTx stays masked, because unmasking failed */
	bool closed;  /* the device is being closed; also under dev->lock */
	int32_t last_irq;

	struct rawpci_watch *watches[2]; /* by enum rawpci_event */
	struct rawpci_watch *stale; /* have no handler, but the backend may still signal them */
	struct rawpci_handlers *handlers;
};

/* -ENOMEM. If a vector or event was used, rawpci_irqs_close() comes before finish. */
int rawpci_irqs_init(struct rawpci_irqs *irqs);
void rawpci_irqs_finish(struct rawpci_irqs *irqs);

/* For close. Afterwards no handler runs, except those that this thread is in. */
void rawpci_irqs_close(struct rawpci_device *dev);

/* Pause disables interrupts in the device and keeps what is attached; resume enables them again.
 * Pause returns false if they were paused already. hint: the device may have sent an interrupt
 * since, so each handler is called once. */
bool rawpci_irqs_pause(struct rawpci_device *dev);
int rawpci_irqs_resume(struct rawpci_device *dev, bool hint);

/* The work of rawpci_irq_attach(), inside a call, and of rawpci_irq_detach(), outside. Errors are
 * the native API's; attach returns the interrupt's number. */
int rawpci_do_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
			 void *opaque, int32_t guest_irq);
int rawpci_do_irq_detach(struct rawpci *ctx, const void *owner, uint32_t handle, int32_t irq);

#endif
