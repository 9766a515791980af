/* SPDX-License-Identifier: MIT */
/* The context's interrupt engine, made when first needed, and the calls that dispatch
 * interrupts. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "irq/vector.h"
#include "os/sys.h"

/* While the engine is being made, this runs inside a call, whose end says the line. Later it runs
 * in the engine's thread, which holds no lock and says it at once. */
static void note(void *opaque, int level, const char *message)
{
	struct rawpci *ctx = opaque;

	rawpci_say(ctx, (enum rawpci_log_level)level, "%s", message);
	if (atomic_load(&ctx->engine))
		rawpci_call_flush();
}

static void batch_end(void *opaque)
{
	(void)opaque;
	rawpci_call_flush();
}

static int make(struct rawpci *ctx)
{
	struct rawpci_engine_options options = {
		.kind = ctx->engine_kind,
		.embedder = ctx->irq_mode == RAWPCI_IRQ_MODE_EMBEDDER,
		.note = note,
		.batch_end = batch_end,
		.opaque = ctx,
	};
	struct rawpci_engine *engine;
	char text[128];
	int r = rawpci_engine_create(&options, &engine);

	if (r < 0)
		return rawpci_fail(ctx, r, "the interrupt engine could not be started: %s",
				   rawpci_sys_error_text(r, text, sizeof(text)));
	atomic_store(&ctx->engine, engine);
	return 0;
}

int rawpci_engine_get(struct rawpci *ctx, struct rawpci_engine **out)
{
	int r = 0;

	(void)pthread_mutex_lock(&ctx->engine_lock);
	if (!atomic_load(&ctx->engine))
		r = make(ctx);
	if (r == 0) {
		ctx->engine_users++;
		*out = atomic_load(&ctx->engine);
	}
	(void)pthread_mutex_unlock(&ctx->engine_lock);
	return r;
}

/* Ends the engine if no call has used it. The engine's own thread cannot end it: a log callback
 * there may get here. Then the engine stays, unused. */
void rawpci_engine_put_unused(struct rawpci *ctx)
{
	struct rawpci_engine *engine = NULL;

	(void)pthread_mutex_lock(&ctx->engine_lock);
	if (--ctx->engine_users == 0 && !rawpci_engine_is_owner(atomic_load(&ctx->engine))) {
		engine = atomic_load(&ctx->engine);
		atomic_store(&ctx->engine, NULL);
	}
	(void)pthread_mutex_unlock(&ctx->engine_lock);
	rawpci_engine_destroy(engine);
}

static int get_embedders(struct rawpci *ctx, const char *function, struct rawpci_engine **engine)
{
	if (!ctx)
		return rawpci_fail(NULL, -EFAULT, "%s: the context is NULL", function);
	if (ctx->irq_mode != RAWPCI_IRQ_MODE_EMBEDDER)
		return rawpci_fail(ctx, -EOPNOTSUPP,
				   "the context has a thread of its own for "
				   "interrupts: create the context with RAWPCI_IRQ_MODE_EMBEDDER");
	return rawpci_engine_get(ctx, engine);
}

int rawpci_irq_fd(struct rawpci *ctx)
{
	struct rawpci_engine *engine;
	int r;

	rawpci_call_begin();
	r = get_embedders(ctx, __func__, &engine);
	if (r == 0)
		r = rawpci_engine_fd(engine);
	return rawpci_call_end(ctx, r);
}

static const char *reason_of(int error, char *text, size_t size)
{
	if (error == -EPERM)
		return "another thread dispatches for this context";
	if (error == -EDEADLK)
		return "called from a handler";
	return rawpci_sys_error_text(error, text, size);
}

int rawpci_irq_dispatch(struct rawpci *ctx, int timeout_ms)
{
	struct rawpci_engine *engine;
	char text[128];
	int r;

	rawpci_call_begin();
	r = get_embedders(ctx, __func__, &engine);
	if (r < 0)
		return rawpci_call_end(ctx, r);
	r = rawpci_engine_dispatch(engine, timeout_ms);
	if (r < 0)
		r = rawpci_fail(ctx, r, "interrupts were not dispatched: %s",
				reason_of(r, text, sizeof(text)));
	return rawpci_call_end(ctx, r);
}

int rawpci_irq_stats(struct rawpci *ctx, size_t size, struct rawpci_irq_stats *out)
{
	struct rawpci_irq_stats stats;
	struct rawpci_engine_stats counts;
	struct rawpci_engine *engine;
	int r;

	rawpci_call_begin();
	if (!ctx || !out)
		return rawpci_call_end(ctx,
				       rawpci_fail(ctx, -EFAULT, "rawpci_irq_stats: %s is NULL",
						   ctx ? "out" : "the context"));
	r = rawpci_check_size(ctx, __func__, "rawpci_irq_stats", size, sizeof(stats));
	if (r < 0)
		return rawpci_call_end(ctx, r);
	memset(&stats, 0, sizeof(stats));
	(void)pthread_mutex_lock(&ctx->engine_lock);
	engine = atomic_load(&ctx->engine);
	if (engine) {
		rawpci_engine_stats(engine, &counts);
		(void)snprintf(stats.engine, sizeof(stats.engine), "%s", counts.name);
		stats.handled = counts.handled;
		stats.waits = counts.waits;
		stats.rearmed = counts.rearmed;
	}
	(void)pthread_mutex_unlock(&ctx->engine_lock);
	memcpy(out, &stats, size);
	return rawpci_call_end(ctx, 0);
}
