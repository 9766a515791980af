/* SPDX-License-Identifier: MIT */
/* Events: an error of the device, and the host's wish to have the device back. */
#include <errno.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

static const enum rawpci_event all_events[] = { RAWPCI_EVENT_ERROR, RAWPCI_EVENT_RELEASE };

static void run(void *arg)
{
	struct rawpci_watch *watch = arg;
	struct rawpci_handler_call call;

	rawpci_handler_enter(&call, watch->handlers);
	if (!atomic_load(&watch->detached))
		watch->handler(watch->opaque, watch->event);
	rawpci_handler_leave(&call);
}

static void done(void *arg)
{
	struct rawpci_watch *watch = arg;

	rawpci_handlers_release(watch->handlers);
	free(watch);
}

static int watch_create(struct rawpci_device *dev, enum rawpci_event event,
			void (*handler)(void *opaque, enum rawpci_event event), void *opaque,
			struct rawpci_watch **out)
{
	struct rawpci_source_options source = { .fn = run, .done = done };
	struct rawpci_watch *watch;
	struct rawpci_engine *engine;
	char text[128];
	int r = rawpci_engine_get(dev->ctx, &engine);

	if (r < 0)
		return r;
	watch = calloc(1, sizeof(*watch));
	if (!watch) {
		r = rawpci_fail(dev->ctx, -ENOMEM, "no memory");
		goto undo_engine;
	}
	watch->handlers = rawpci_handlers_hold(dev->irqs->handlers);
	watch->event = event;
	watch->handler = handler;
	watch->opaque = opaque;
	atomic_init(&watch->detached, false);
	watch->fd = rawpci_sys_eventfd();
	if (watch->fd < 0) {
		r = rawpci_fail(dev->ctx, rawpci_sys_result(watch->fd, -ENOSPC),
				"%s: no descriptor for an eventfd: %s", dev->name,
				rawpci_sys_error_text(watch->fd, text, sizeof(text)));
		goto undo_watch;
	}
	source.fd = watch->fd;
	source.arg = watch;
	r = rawpci_engine_add(engine, &source, &watch->source);
	if (r < 0) {
		r = rawpci_fail(dev->ctx, r,
				"%s: the interrupt engine cannot take another "
				"descriptor: %s",
				dev->name, rawpci_sys_error_text(r, text, sizeof(text)));
		goto undo_fd;
	}
	*out = watch;
	return 0;

undo_fd:
	rawpci_sys_close(&watch->fd);
undo_watch:
	done(watch);
undo_engine:
	rawpci_engine_put_unused(dev->ctx);
	return r;
}

/* Waits for the handler, so the caller holds no lock. Does not use the device. */
static void retire(struct rawpci *ctx, struct rawpci_watch *watch)
{
	int fd = watch->fd;

	rawpci_engine_remove(atomic_load(&ctx->engine), watch->source);
	rawpci_sys_close(&fd);
}

static int set(struct rawpci_device *dev, struct rawpci_watch *const *watches)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < 2; i++)
		if (dev->caps.events & (1u << all_events[i]))
			r = dev->backend->event_set(dev->handle, all_events[i],
						    watches[i] ? watches[i]->fd : -1);
	return r;
}

/* After a failure. If the backend does not let a watch go, its descriptor stays open until the
 * device is closed. Otherwise another file would soon get the number. */
static void restore(struct rawpci_device *dev, struct rawpci_watch **watches)
{
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	for (unsigned i = 0; i < 2; i++) {
		int fd = dev->irqs->watches[i] ? dev->irqs->watches[i]->fd : -1;

		if (!(dev->caps.events & (1u << all_events[i])) ||
		    dev->backend->event_set(dev->handle, all_events[i], fd) == 0 || !watches[i])
			continue;
		atomic_store(&watches[i]->detached, true);
		watches[i]->next = dev->irqs->stale;
		dev->irqs->stale = watches[i];
		watches[i] = NULL;
	}
	rawpci_reason_restore(&reason);
}

/* Leaves in watches those that the caller has to retire. They are detached here already, because
 * the device may be closed before they are retired. */
static int exchange(struct rawpci_device *dev, struct rawpci_watch **watches)
{
	int r;

	(void)pthread_mutex_lock(&dev->lock);
	/* A handler may still run, and call this, while its device is being closed. */
	if (dev->irqs->closed)
		r = rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: it is being closed", dev->name);
	else
		r = set(dev, watches);
	if (r < 0 && !dev->irqs->closed)
		restore(dev, watches);
	for (unsigned i = 0; r == 0 && i < 2; i++) {
		struct rawpci_watch *before = dev->irqs->watches[i];

		dev->irqs->watches[i] = watches[i];
		watches[i] = before;
	}
	for (unsigned i = 0; i < 2; i++)
		if (watches[i])
			atomic_store(&watches[i]->detached, true);
	(void)pthread_mutex_unlock(&dev->lock);
	return r;
}

/* Waits outside the gate, as detaching an interrupt does, because the handler may close the
 * device. */
static int on_event(struct rawpci_call *call,
		    void (*handler)(void *opaque, enum rawpci_event event), void *opaque)
{
	struct rawpci_device *dev = call->dev;
	struct rawpci_watch *watches[2] = { NULL, NULL };
	int r = 0;

	if (!dev->backend->event_set || dev->caps.events == 0)
		return rawpci_leave(call, rawpci_fail(dev->ctx, -EOPNOTSUPP,
						      "%s: %s reports no "
						      "events of this device",
						      dev->name, dev->backend->name));
	for (unsigned i = 0; r == 0 && handler && i < 2; i++)
		if (dev->caps.events & (1u << all_events[i]))
			r = watch_create(dev, all_events[i], handler, opaque, &watches[i]);
	if (r == 0)
		r = exchange(dev, watches);
	rawpci_out(call, r);
	for (unsigned i = 0; i < 2; i++) {
		if (!watches[i])
			continue;
		retire(call->ctx, watches[i]);
		/* After a failure it is the new one. */
		if (r < 0)
			rawpci_engine_put_unused(call->ctx);
	}
	return rawpci_call_end(call->ctx, r);
}

int rawpci_device_on_event(struct rawpci_device *dev,
			   void (*handler)(void *opaque, enum rawpci_event event), void *opaque)
{
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	return r < 0 ? r : on_event(&call, handler, opaque);
}

void rawpci_watches_close(struct rawpci_device *dev)
{
	struct rawpci_watch *watches[2] = { NULL, NULL };

	(void)pthread_mutex_lock(&dev->lock);
	for (unsigned i = 0; i < 2; i++) {
		watches[i] = dev->irqs->watches[i];
		dev->irqs->watches[i] = NULL;
		if (!watches[i] && !dev->irqs->stale)
			continue;
		if (dev->caps.events & (1u << all_events[i]))
			(void)dev->backend->event_set(dev->handle, all_events[i], -1);
		if (watches[i])
			atomic_store(&watches[i]->detached, true);
	}
	(void)pthread_mutex_unlock(&dev->lock);
	for (unsigned i = 0; i < 2; i++)
		if (watches[i])
			retire(dev->ctx, watches[i]);
	while (dev->irqs->stale) {
		struct rawpci_watch *stale = dev->irqs->stale;

		dev->irqs->stale = stale->next;
		retire(dev->ctx, stale);
	}
}
