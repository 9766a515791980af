/* SPDX-License-Identifier: MIT */
/* Contexts: making one of the program's options, its end, and what keeps it from ending. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "core/registry.h"
#include "core/settings.h"
#include "core/handle.h"
#include "os/sys.h"

static void free_context(struct rawpci *ctx)
{
	rawpci_registry_finish(ctx);
	rawpci_slots_destroy(ctx);
	if (ctx->factory)
		ctx->factory_destroy(ctx->factory);
	(void)pthread_mutex_destroy(&ctx->bare_spaces.lock);
	(void)pthread_mutex_destroy(&ctx->engine_lock);
	(void)pthread_mutex_destroy(&ctx->lock);
	rawpci_settings_free(ctx);
	free(ctx);
}

/* Copies the program's options. Fields that the program's structure lacks are zero. */
static int take_options(const struct rawpci_options *given, struct rawpci_options *options)
{
	size_t size;

	memset(options, 0, sizeof(*options));
	if (!given)
		return 0;
	size = given->size;
	/* Also an older structure ends after a whole field. */
	if (size < sizeof(given->size) || (size < sizeof(*given) && size % sizeof(void *) != 0))
		return rawpci_fail(NULL, -EINVAL,
				   "options.size is %zu: set it to "
				   "sizeof(struct rawpci_options)",
				   size);
	memcpy(options, given, size < sizeof(*options) ? size : sizeof(*options));
	if (options->irq_mode != RAWPCI_IRQ_MODE_THREAD &&
	    options->irq_mode != RAWPCI_IRQ_MODE_EMBEDDER)
		return rawpci_fail(NULL, -EINVAL, "options.irq_mode is %d, which is no mode",
				   (int)options->irq_mode);
	if ((unsigned)options->log_level > RAWPCI_LOG_DEBUG)
		return rawpci_fail(NULL, -EINVAL,
				   "options.log_level is %d: use 0 (errors alone) "
				   "to 3",
				   (int)options->log_level);
	return 0;
}

/* Handles of different contexts rarely have the same value. So the library finds out when a program
 * uses a handle with a session of another context. */
static uint32_t scatter(const struct rawpci *ctx)
{
	uint64_t bits = (uint64_t)(uintptr_t)ctx ^ rawpci_sys_now_ms() << 20;

	return (uint32_t)(bits * UINT64_C(0x9e3779b97f4a7c15) >> 42);
}

static int start(struct rawpci *ctx, const struct rawpci_options *options)
{
	int r;

	ctx->irq_mode = options->irq_mode;
	ctx->log_level = options->log_level;
	ctx->log = options->log;
	ctx->log_opaque = options->log_opaque;
	ctx->translate = options->translate;
	ctx->translate_opaque = options->translate_opaque;
	ctx->first_generation = scatter(ctx);
	r = rawpci_settings_apply(ctx, options->settings);
	if (r < 0)
		return r;
	r = rawpci_registry_init(ctx);
	if (r < 0)
		return r;
	if (!options->backend)
		return 0;
	atomic_store(&ctx->chosen, rawpci_registry_find(ctx, options->backend));
	if (!atomic_load(&ctx->chosen))
		return rawpci_fail(ctx, -ENOENT,
				   "there is no backend \"%s\": leave "
				   "options.backend NULL for the best one",
				   options->backend);
	return 0;
}

int rawpci_create(const struct rawpci_options *given, struct rawpci **out)
{
	struct rawpci_options options;
	struct rawpci *ctx;
	int r;

	rawpci_call_begin();
	if (!out)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -EFAULT, "out is NULL"));
	r = take_options(given, &options);
	if (r < 0)
		return rawpci_call_end(NULL, r);
	ctx = calloc(1, sizeof(*ctx));
	if (!ctx)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -ENOMEM, "no memory"));
	rawpci_told_init(&ctx->told, ctx, "");
	(void)pthread_mutex_init(&ctx->lock, NULL);
	(void)pthread_mutex_init(&ctx->engine_lock, NULL);
	(void)pthread_mutex_init(&ctx->bare_spaces.lock, NULL);
	r = start(ctx, &options);
	r = rawpci_call_end(ctx, r);
	if (r < 0) {
		rawpci_told_finish(&ctx->told);
		free_context(ctx);
		return r;
	}
	*out = ctx;
	return 0;
}

/* -EBUSY, with a list of what is still open. Under ctx->lock. */
static int check_unused(struct rawpci *ctx)
{
	char first[RAWPCI_ADDRESS_TEXT] = "";
	unsigned devices = 0;

	if (ctx->users == 0 && !ctx->vms)
		return 0;
	for (unsigned i = 1; i <= RAWPCI_SLOTS; i++) {
		struct rawpci_slot *slot = atomic_load(&ctx->slots[i]);

		if (slot && slot->used && devices++ == 0)
			rawpci_address_format(&slot->address, first);
	}
	return rawpci_fail(ctx, -EBUSY,
			   "the context still has %u devices open or taken%s%s%s, %u sessions, "
			   "ports and factory references, and %u VMs: close or destroy them first",
			   devices, devices ? " (" : "", first, devices ? ")" : "",
			   ctx->users - devices, ctx->vm_count);
}

int rawpci_destroy(struct rawpci *ctx)
{
	int r;

	if (!ctx)
		return 0;
	rawpci_call_begin();
	(void)pthread_mutex_lock(&ctx->lock);
	r = check_unused(ctx);
	(void)pthread_mutex_unlock(&ctx->lock);
	if (r < 0)
		return rawpci_call_end(ctx, r);
	rawpci_engine_destroy(atomic_load(&ctx->engine));
	rawpci_told_finish(&ctx->told);
	(void)rawpci_call_end(ctx, 0);
	free_context(ctx);
	return 0;
}

void rawpci_context_retain(struct rawpci *ctx)
{
	(void)pthread_mutex_lock(&ctx->lock);
	ctx->users++;
	(void)pthread_mutex_unlock(&ctx->lock);
}

void rawpci_context_release(struct rawpci *ctx)
{
	(void)pthread_mutex_lock(&ctx->lock);
	ctx->users--;
	(void)pthread_mutex_unlock(&ctx->lock);
}

struct rawpci_factory *rawpci_context_factory(struct rawpci *ctx,
					      struct rawpci_factory *(*create)(struct rawpci *ctx),
					      void (*destroy)(struct rawpci_factory *factory))
{
	(void)pthread_mutex_lock(&ctx->lock);
	if (!ctx->factory) {
		ctx->factory = create(ctx);
		ctx->factory_destroy = destroy;
	}
	(void)pthread_mutex_unlock(&ctx->lock);
	return ctx->factory;
}

int rawpci_translate(struct rawpci *ctx, uint64_t host_start, uint64_t size, void **host)
{
	void *at = (void *)(uintptr_t)host_start;

	if (!ctx->translate && host_start > UINTPTR_MAX)
		return rawpci_fail(ctx, -EFAULT, "host address %#llx does not fit in %zu bits",
				   (unsigned long long)host_start, 8 * sizeof(at));
	if (ctx->translate)
		at = ctx->translate(ctx->translate_opaque, host_start, size);
	if (!at)
		return rawpci_fail(ctx, -EFAULT, "host address %#llx: %s",
				   (unsigned long long)host_start,
				   ctx->translate ? "refused by the embedder's translation"
						  : "NULL is no memory of this process");
	*host = at;
	return 0;
}
