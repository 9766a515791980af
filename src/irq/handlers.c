/* SPDX-License-Identifier: MIT */
/* Counting a device's handlers that run, and waiting for them. */
#include <stdlib.h>

#include "irq/vector.h"
#include "os/sys.h"

/* The handler that this thread is in. */
static _Thread_local struct rawpci_handler_call *innermost;

struct rawpci_handlers *rawpci_handlers_create(void)
{
	struct rawpci_handlers *handlers = malloc(sizeof(*handlers));

	if (!handlers)
		return NULL;
	atomic_init(&handlers->users, 1);
	atomic_init(&handlers->running, 0);
	return handlers;
}

struct rawpci_handlers *rawpci_handlers_hold(struct rawpci_handlers *handlers)
{
	atomic_fetch_add(&handlers->users, 1);
	return handlers;
}

void rawpci_handlers_release(struct rawpci_handlers *handlers)
{
	if (handlers && atomic_fetch_sub(&handlers->users, 1) == 1)
		free(handlers);
}

/* Counts itself before it looks at anything. Closing first detaches everything and then waits for
 * the count. */
void rawpci_handler_enter(struct rawpci_handler_call *call, struct rawpci_handlers *handlers)
{
	atomic_fetch_add(&handlers->running, 1);
	call->handlers = handlers;
	call->innermost = &innermost;
	call->outer = innermost;
	innermost = call;
}

void rawpci_handler_leave(struct rawpci_handler_call *call)
{
	*call->innermost = call->outer;
	atomic_fetch_sub(&call->handlers->running, 1);
}

void rawpci_handlers_wait(const struct rawpci_handlers *handlers)
{
	unsigned own = 0;

	for (const struct rawpci_handler_call *call = innermost; call; call = call->outer)
		own += call->handlers == handlers;
	while (atomic_load(&handlers->running) > own)
		rawpci_sys_sleep_ms(1);
}
