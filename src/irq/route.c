/* SPDX-License-Identifier: MIT */
/* Routing: vectors that signal the embedder's own eventfds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/call.h"
#include "core/device.h"
#include "irq/vector.h"
#include "os/sys.h"

struct route {
	enum rawpci_irq_type type;
	unsigned first, n;
	const int *eventfds; /* NULL: all -1 */
	int *fds;            /* n: copies of them, then what they replaced */
};

static int wanted(const struct route *route, unsigned i)
{
	return route->eventfds ? route->eventfds[i] : -1;
}

static int check_descriptors(struct rawpci_device *dev, const struct route *route)
{
	for (unsigned i = 0; i < route->n; i++) {
		int fd = wanted(route, i);

		if (fd != -1 && !rawpci_sys_is_eventfd(fd))
			return rawpci_fail(dev->ctx, -EINVAL,
					   "%s: descriptor %d for vector %u is "
					   "no eventfd",
					   dev->name, fd, route->first + i);
	}
	return 0;
}

/* Names the types that there are. */
static int fail_type(struct rawpci_device *dev)
{
	static const char *const names[] = { "INTx", "MSI", "MSI-X" };
	char offered[64] = "";
	size_t length = 0;

	for (int i = 0; dev->backend->irq_enable && i <= RAWPCI_IRQ_MSIX; i++)
		if (dev->caps.irq_count[i] > 0 && length < sizeof(offered))
			length += (size_t)snprintf(offered + length, sizeof(offered) - length,
						   "%s%s (%u)", length ? ", " : "", names[i],
						   dev->caps.irq_count[i]);
	if (length == 0)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP, "%s: %s offers no interrupts for it",
				   dev->name, dev->backend->name);
	return rawpci_fail(dev->ctx, -EOPNOTSUPP,
			   "%s: %s offers no interrupts of that type: use %s", dev->name,
			   dev->backend->name, offered);
}

static int check(struct rawpci_device *dev, const struct route *route)
{
	unsigned count;

	if ((unsigned)route->type > RAWPCI_IRQ_MSIX)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: %d is no interrupt type", dev->name,
				   (int)route->type);
	if (route->n == 0)
		return rawpci_fail(dev->ctx, -EINVAL, "%s: a route of no vectors", dev->name);
	count = dev->backend->irq_enable ? dev->caps.irq_count[route->type] : 0;
	if (count == 0)
		return fail_type(dev);
	if (dev->backend->irq_source)
		return rawpci_fail(dev->ctx, -EOPNOTSUPP,
				   "%s: %s cannot signal your eventfd: "
				   "attach a handler that signals it",
				   dev->name, dev->backend->name);
	if (route->first >= count || route->n > count - route->first)
		return rawpci_fail(dev->ctx, -ERANGE,
				   "%s: vectors %u to %llu: it has %u of that "
				   "type, counted from 0",
				   dev->name, route->first,
				   (unsigned long long)route->first + route->n - 1, count);
	return 0;
}

static void close_all(int *fds, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rawpci_sys_close(&fds[i]);
}

/* Copies, because the caller may close its own before the device has to be armed again. */
static int copy_descriptors(struct rawpci_device *dev, struct route *route)
{
	int r = check_descriptors(dev, route);
	char text[128];

	if (r == 0)
		r = rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT | RAWPCI_ACCESS_AWAKE);
	if (r < 0)
		return r;
	route->fds = malloc(route->n * sizeof(*route->fds));
	if (!route->fds)
		return rawpci_fail(dev->ctx, -ENOMEM, "no memory");
	for (unsigned i = 0; i < route->n; i++) {
		int fd = wanted(route, i) >= 0 ? rawpci_sys_dup(wanted(route, i)) : -1;

		if (fd < -1 || (fd < 0 && wanted(route, i) >= 0)) {
			close_all(route->fds, i);
			free(route->fds);
			return rawpci_fail(dev->ctx, rawpci_sys_result(fd, -ENOSPC),
					   "%s: eventfd %d could not be copied: %s", dev->name,
					   wanted(route, i),
					   rawpci_sys_error_text(fd, text, sizeof(text)));
		}
		route->fds[i] = fd;
	}
	return 0;
}

/* Exchanges the lines' descriptors with route->fds. A second exchange undoes the first. */
static void exchange(struct rawpci_irqs *irqs, struct route *route)
{
	for (unsigned i = 0; i < route->n; i++) {
		struct rawpci_irq_line *line = &irqs->lines[route->first + i];
		int before = line->routed;

		irqs->in_use += (unsigned)(route->fds[i] >= 0);
		irqs->in_use -= (unsigned)(before >= 0);
		line->routed = route->fds[i];
		route->fds[i] = before;
	}
}

/* Signals lines that were changed, or changed and restored: an interrupt in between may be lost. */
static void hint(struct rawpci_irqs *irqs, const struct route *route, bool restored)
{
	for (unsigned i = 0; i < route->n; i++)
		if (restored || route->fds[i] >= 0)
			rawpci_irq_hw_hint(irqs, route->first + i, 1);
}

/* After a failure. */
static void restore(struct rawpci_device *dev, struct route *route)
{
	struct rawpci_irqs *irqs = dev->irqs;
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	exchange(irqs, route);
	if (irqs->in_use > 0)
		(void)rawpci_irq_hw_release(dev, route->first, route->n);
	rawpci_reason_restore(&reason);
}

/* Does the route free all its lines? */
static bool takes_back(const struct rawpci_irqs *irqs, const struct route *route)
{
	for (unsigned i = 0; i < route->n; i++)
		if (irqs->lines[route->first + i].routed >= 0)
			return false;
	return true;
}

/* Requires irqs->lock. */
static int apply(struct rawpci_device *dev, struct route *route)
{
	struct rawpci_irqs *irqs = dev->irqs;
	int r;

	/* A handler may run while its device is being closed. */
	if (irqs->closed)
		return rawpci_fail(dev->ctx, -ESHUTDOWN, "%s: it is being closed", dev->name);
	if (irqs->type >= 0 && irqs->type != (int)route->type)
		return rawpci_fail(dev->ctx, -EBUSY,
				   "%s: interrupts of another type are in use: "
				   "detach their handlers and route their vectors to -1 first",
				   dev->name);
	for (unsigned i = 0; irqs->type >= 0 && i < route->n; i++)
		if (irqs->lines[route->first + i].vector)
			return rawpci_fail(dev->ctx, -EBUSY,
					   "%s: vector %u has a handler: detach "
					   "it first",
					   dev->name, route->first + i);
	r = irqs->type < 0 ? rawpci_irqs_begin_type(dev, route->type) : 0;
	if (r < 0)
		return r;
	exchange(irqs, route);
	if (irqs->in_use > 0) {
		r = rawpci_irq_hw_assign(dev, route->first, route->n);
		/* The vectors are disabled, so the lines are silent already. */
		if (r < 0 && irqs->unarmed && takes_back(irqs, route))
			r = 0;
		if (r < 0)
			restore(dev, route);
		hint(irqs, route, r < 0);
	}
	rawpci_irqs_end_type_if_unused(dev);
	return r;
}

int rawpci_irq_route(struct rawpci_device *dev, enum rawpci_irq_type type, unsigned first,
		     unsigned n, const int *eventfds)
{
	struct route route = { .type = type, .first = first, .n = n, .eventfds = eventfds };
	struct rawpci_call call;
	int r = rawpci_enter(&call, dev);

	if (r < 0)
		return r;
	r = check(dev, &route);
	if (r == 0)
		r = copy_descriptors(dev, &route);
	if (r < 0)
		return rawpci_leave(&call, r);
	(void)pthread_mutex_lock(&dev->lock);
	(void)pthread_mutex_lock(&dev->irqs->lock);
	r = apply(dev, &route);
	(void)pthread_mutex_unlock(&dev->irqs->lock);
	(void)pthread_mutex_unlock(&dev->lock);
	close_all(route.fds, n);
	free(route.fds);
	if (r == 0)
		atomic_store(&dev->touched, true);
	return rawpci_leave(&call, r);
}
