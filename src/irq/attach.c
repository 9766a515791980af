/* SPDX-License-Identifier: MIT */
/* Attaching a handler to a vector, and detaching it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

static int vector_create(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
			 void *opaque, int32_t guest_irq, struct rawpci_vector **out)
{
	struct rawpci_vector *vector = calloc(1, sizeof(*vector));
	char text[128];
	int fd = -1;

	if (!vector)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	if (!dev->backend->irq_source)
		fd = rawpci_sys_eventfd();
	if (fd < 0 && !dev->backend->irq_source) {
		free(vector);
		return rawpci_fail(dev->ctx, rawpci_sys_result(fd, -ENOSPC),
				   "%s: no descriptor for an eventfd: %s", dev->name,
				   rawpci_sys_error_text(fd, text, sizeof(text)));
	}
	vector->dev = dev;
	vector->handlers = rawpci_handlers_hold(dev->irqs->handlers);
	vector->handler = handler;
	vector->opaque = opaque;
	vector->guest_irq = guest_irq;
	vector->fd = fd;
	vector->timer_fd = -1;
	atomic_init(&vector->pending, true);
	atomic_init(&vector->detached, false);
	*out = vector;
	return 0;
}

static int free_line(const struct rawpci_irqs *irqs, unsigned *line)
{
	for (unsigned i = 0; i < irqs->count; i++) {
		if (!irqs->lines[i].vector && irqs->lines[i].routed < 0) {
			*line = i;
			return 0;
		}
	}
	return -ENOSPC;
}

static int fail_full(struct rawpci_device *dev)
{
	return rawpci_fail(dev->ctx, -ENOSPC,
			   "%s: every vector of its %u has a handler or is routed: detach a "
			   "handler, or route a vector to -1",
			   dev->name, dev->irqs->count);
}

/* Could a handler be attached? Asked before the engine is started for it. */
static int check_room(struct rawpci_device *dev)
{
	struct rawpci_irqs *irqs = dev->irqs;
	unsigned line;
	int r = 0;

	(void)pthread_mutex_lock(&dev->irqs->lock);
	if (irqs->type >= 0 && free_line(irqs, &line) < 0)
		r = fail_full(dev);
	else if (!dev->backend->irq_enable)
		r = rawpci_fail(dev->ctx, -EOPNOTSUPP,
				"%s: %s has no interrupts: use vfio, or uio "
				"for INTx",
				dev->name, dev->backend->name);
	else if (irqs->type < 0 && rawpci_irqs_best_type(dev) < 0)
		r = rawpci_fail(dev->ctx, -EOPNOTSUPP,
				"%s: %s offers no interrupts for this "
				"device",
				dev->name, dev->backend->name);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	return r;
}

static int32_t next_irq(struct rawpci_irqs *irqs)
{
	irqs->last_irq = irqs->last_irq == INT32_MAX ? 1 : irqs->last_irq + 1;
	return irqs->last_irq;
}

/* The engine waits for the vector's eventfd, or for a descriptor of the backend. */
static int find_source(struct rawpci_device *dev, struct rawpci_vector *vector,
		       struct rawpci_source_options *source)
{
	int r = 0;

	if (dev->backend->irq_source)
		r = dev->backend->irq_source(dev->handle, (enum rawpci_irq_type)dev->irqs->type,
					     &vector->fd, &vector->read_size);
	source->fd = vector->fd;
	source->read_size = vector->read_size;
	return r;
}

/* Requires irqs->lock. The engine no longer polls the vector's descriptor. It may be the backend's,
 * which the next vector needs. */
static void empty_line(struct rawpci_device *dev, unsigned line)
{
	struct rawpci_vector *vector = dev->irqs->lines[line].vector;

	dev->irqs->lines[line].vector = NULL;
	dev->irqs->in_use--;
	atomic_store(&vector->detached, true);
	rawpci_engine_silence(atomic_load(&dev->ctx->engine), vector->source);
}

/* Requires irqs->lock. The engine gets the vector before the device does, so no signal is
 * missed. */
static int put_on_line(struct rawpci_device *dev, struct rawpci_engine *engine,
		       struct rawpci_vector *vector)
{
	struct rawpci_irqs *irqs = dev->irqs;
	struct rawpci_source_options source = {
		.fn = rawpci_vector_run,
		.done = rawpci_vector_done,
		.lost = rawpci_vector_lost,
		.arg = vector,
	};
	char text[128];
	unsigned line;
	int r = 0;

	/* A handler may still run, and call this, while its device is being closed. */
	if (irqs->closed)
		return rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: it is being closed", dev->name);
	if (irqs->type < 0)
		r = rawpci_irqs_begin_type(dev, (enum rawpci_irq_type)rawpci_irqs_best_type(dev));
	if (r < 0)
		return r;
	/* Another thread may have taken the last line since check_room(). */
	if (free_line(irqs, &line) < 0)
		return fail_full(dev);
	vector->intx = irqs->type == RAWPCI_IRQ_INTX;
	vector->irq = next_irq(irqs);
	r = find_source(dev, vector, &source);
	if (r < 0)
		return r;
	r = rawpci_engine_add(engine, &source, &vector->source);
	if (r < 0)
		return rawpci_fail(dev->ctx, r,
				   "%s: the interrupt engine cannot take another "
				   "vector: %s",
				   dev->name, rawpci_sys_error_text(r, text, sizeof(text)));
	irqs->lines[line].vector = vector;
	irqs->in_use++;
	r = rawpci_irq_hw_assign(dev, line, 1);
	if (r < 0)
		empty_line(dev, line);
	return r;
}

int rawpci_do_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
			 void *opaque, int32_t guest_irq)
{
	struct rawpci_engine *engine;
	struct rawpci_vector *vector = NULL;
	int32_t irq;
	int r;

	r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
	if (r == 0)
		r = rawpci_access_notice(dev);
	if (r == 0)
		r = check_room(dev);
	if (r == 0)
		r = rawpci_engine_get(dev->ctx, &engine);
	if (r < 0)
		return r;
	r = vector_create(dev, handler, opaque, guest_irq, &vector);
	if (r < 0) {
		rawpci_engine_put_unused(dev->ctx);
		return r;
	}
	(void)pthread_mutex_lock(&dev->lock);
	(void)pthread_mutex_lock(&dev->irqs->lock);
	r = put_on_line(dev, engine, vector);
	irq = vector->irq;
	if (r < 0)
		atomic_store(&vector->detached, true);
	atomic_store(&vector->pending, false);
	if (r < 0)
		rawpci_irqs_end_type_if_unused(dev);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	(void)pthread_mutex_unlock(&dev->lock);
	if (r < 0) {
		rawpci_vector_stop_timer(engine, vector);
		rawpci_vector_retire(engine, vector);
		rawpci_engine_put_unused(dev->ctx);
		if (rawpci_device_gone(dev))
			return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
		return r;
	}
	atomic_store(&dev->touched, true);
	rawpci_say(dev->ctx, RAWPCI_LOG_DEBUG, "%s: irq %d attached for guest irq %d", dev->name,
		   irq, guest_irq);
	return irq;
}

int rawpci_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
		      void *opaque, int32_t guest_irq)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	if (!handler)
		r = rawpci_fail(dev->ctx, -EFAULT, "%s: rawpci_irq_attach: the handler is NULL",
				dev->name);
	else
		r = rawpci_do_irq_attach(dev, handler, opaque, guest_irq);
	return rawpci_leave(&call, r);
}

struct rawpci_vector *rawpci_vector_take_off(struct rawpci_device *dev, int32_t irq)
{
	struct rawpci_irqs *irqs = dev->irqs;

	for (unsigned i = 0; i < irqs->count; i++) {
		struct rawpci_vector *vector = irqs->lines[i].vector;

		if (!vector || (irq != 0 && vector->irq != irq))
			continue;
		empty_line(dev, i);
		if (irqs->in_use == 0)
			rawpci_irqs_end_type_if_unused(dev);
		else
			(void)rawpci_irq_hw_release(dev, i, 1);
		return vector;
	}
	return NULL;
}

/* The handler that this waits for may be closing the device. So it leaves the gate before it waits,
 * and does not use the device afterwards. */
static int detach(struct rawpci_call *call, int32_t irq)
{
	struct rawpci_device *dev = call->dev;
	struct rawpci_vector *vector = NULL;
	struct rawpci *ctx = call->ctx;

	(void)pthread_mutex_lock(&dev->lock);
	(void)pthread_mutex_lock(&dev->irqs->lock);
	if (irq > 0)
		vector = rawpci_vector_take_off(dev, irq);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	(void)pthread_mutex_unlock(&dev->lock);
	if (!vector)
		return rawpci_leave(call, rawpci_fail(ctx, -ENOENT,
						      "%s: there is no interrupt "
						      "attachment %d",
						      dev->name, irq));
	rawpci_vector_stop_timer(atomic_load(&ctx->engine), vector);
	rawpci_out(call, 0);
	rawpci_vector_retire(atomic_load(&ctx->engine), vector);
	return rawpci_call_end(ctx, 0);
}

int rawpci_irq_detach(struct rawpci_device *dev, int32_t irq)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	return r < 0 ? r : detach(&call, irq);
}

int rawpci_do_irq_detach(struct rawpci *ctx, const void *owner, uint32_t handle, int32_t irq)
{
	struct rawpci_call call;
	int r = rawpci_enter_handle(&call, ctx, owner, handle);

	return r < 0 ? r : detach(&call, irq);
}
