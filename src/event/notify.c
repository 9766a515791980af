/* SPDX-License-Identifier: MIT */
/* Messages from any thread: a wake-up to the waiting thread, a note to the program. */
#include "event/engine.h"

#include <stdio.h>

#include "os/sys.h"

void rawpci_engine_note(struct rawpci_engine *engine, int level, const char *text, int error)
{
	char message[256], reason[128];

	if (!engine->options.note)
		return;
	snprintf(message, sizeof(message), "%s (%s)", text,
		 rawpci_sys_error_text(error, reason, sizeof(reason)));
	engine->options.note(engine->options.opaque, level, message);
}

bool rawpci_engine_is_owner(struct rawpci_engine *engine)
{
	return atomic_load(&engine->owner) == (uintptr_t)pthread_self();
}

void rawpci_engine_wake(struct rawpci_engine *engine)
{
	atomic_store(&engine->pending, true);
	/* The waiting thread settles after each batch of handlers anyway. */
	if (engine->signalled || (rawpci_engine_is_owner(engine) && engine->dispatching))
		return;
	engine->signalled = true;
	(void)rawpci_sys_signal(engine->command);
}
