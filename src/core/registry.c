/* SPDX-License-Identifier: MIT */
/* The backends of a context: the built-in ones, and those that the program registers. */
#include <errno.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "core/registry.h"
#include "core/handle.h"

#define RAWPCI_BACKEND_ROW(name) extern const struct rawpci_backend rawpci_backend_##name;
#include "rawpci-backend-rows.h"
#undef RAWPCI_BACKEND_ROW

#define RAWPCI_BACKEND_ROW(name) &rawpci_backend_##name,
static const struct rawpci_backend *const built_in[] = {
#include "rawpci-backend-rows.h"
};
#undef RAWPCI_BACKEND_ROW

#define BUILT_IN (sizeof(built_in) / sizeof(built_in[0]))

static bool all_or_none(int present, int of)
{
	return present == 0 || present == of;
}

static bool complete(const struct rawpci_backend *b)
{
	int irq = !!b->irq_enable + !!b->irq_disable + !!b->irq_unmask;
	bool signals = !!b->irq_swap != !!b->irq_source;
	int dma = !!b->space_create + !!b->space_destroy + !!b->space_limits + !!b->dma_map +
		  !!b->dma_unmap;

	return b->name && b->help && b->probe && b->open && b->close && b->info && b->cfg_read &&
	       b->cfg_write && b->region_info && b->region_read && b->region_write &&
	       !b->create == !b->destroy && all_or_none(irq, 3) &&
	       (irq ? signals : !b->irq_swap && !b->irq_source) && all_or_none(dma, 5);
}

/* Higher ranks first; of equal ranks, the one that was added last. */
static int add(struct rawpci *ctx, const struct rawpci_backend *backend)
{
	void *instance = NULL;
	unsigned at = 0;
	int r;

	if (backend->create) {
		r = backend->create(ctx, &instance);
		if (r < 0)
			return r;
	}
	while (at < ctx->backend_count && ctx->backends[at].backend->rank > backend->rank)
		at++;
	memmove(&ctx->backends[at + 1], &ctx->backends[at],
		(ctx->backend_count - at) * sizeof(ctx->backends[0]));
	ctx->backends[at].backend = backend;
	ctx->backends[at].instance = instance;
	ctx->backend_count++;
	return 0;
}

int rawpci_registry_init(struct rawpci *ctx)
{
	_Static_assert(BUILT_IN <= RAWPCI_BACKENDS, "room for the built-in backends");
	int r = 0;

	for (size_t i = 0; i < BUILT_IN && r == 0; i++)
		r = add(ctx, built_in[i]);
	return r;
}

void rawpci_registry_finish(struct rawpci *ctx)
{
	while (ctx->backend_count > 0) {
		const struct rawpci_registered *last = &ctx->backends[--ctx->backend_count];

		if (last->backend->destroy)
			last->backend->destroy(last->instance);
	}
}

const struct rawpci_backend *rawpci_registry_find(struct rawpci *ctx, const char *name)
{
	for (unsigned i = 0; i < ctx->backend_count; i++)
		if (strcmp(ctx->backends[i].backend->name, name) == 0)
			return ctx->backends[i].backend;
	return NULL;
}

bool rawpci_registry_owns(const struct rawpci *ctx)
{
	const struct rawpci_backend *chosen = atomic_load(&ctx->chosen);

	for (unsigned i = 0; i < ctx->backend_count; i++) {
		const struct rawpci_backend *backend = ctx->backends[i].backend;

		if (rawpci_registry_offers(chosen, backend) && !backend->pretend)
			return true;
	}
	return false;
}

int rawpci_registry_check_owns(struct rawpci *ctx)
{
	if (rawpci_registry_owns(ctx))
		return 0;
	return rawpci_fail(ctx, -EOPNOTSUPP,
			   "the backend of this context has devices of its own, not the host's: "
			   "choose another backend");
}

static int check(struct rawpci *ctx, const struct rawpci_backend *backend)
{
	if (backend->version < 1 || backend->version > RAWPCI_BACKEND_VERSION)
		return rawpci_fail(ctx, -EPROTONOSUPPORT,
				   "the backend has version %u of the contract, and this library "
				   "knows 1 to %d: rebuild the backend",
				   backend->version, RAWPCI_BACKEND_VERSION);
	if (!complete(backend))
		return rawpci_fail(ctx, -EINVAL,
				   "backend \"%s\" is not complete: set its name, "
				   "its help, each required operation, and all members of a group "
				   "or none",
				   backend->name ? backend->name : "");
	if (rawpci_registry_find(ctx, backend->name))
		return rawpci_fail(ctx, -EEXIST, "there is a backend \"%s\" already",
				   backend->name);
	for (unsigned i = 1; i <= RAWPCI_SLOTS; i++) {
		struct rawpci_slot *slot = atomic_load(&ctx->slots[i]);

		if (slot && slot->used)
			return rawpci_fail(ctx, -EBUSY,
					   "a device is open: register backends "
					   "before you open devices");
	}
	if (ctx->backend_count == RAWPCI_BACKENDS)
		return rawpci_fail(ctx, -ENOSPC, "a context has at most %d backends",
				   RAWPCI_BACKENDS);
	return 0;
}

int rawpci_backend_register(struct rawpci *ctx, const struct rawpci_backend *backend)
{
	int r;

	rawpci_call_begin();
	if (!ctx || !backend)
		return rawpci_call_end(ctx, rawpci_fail(ctx, -EFAULT,
							"rawpci_backend_register: %s is NULL",
							ctx ? "backend" : "the context"));
	(void)pthread_mutex_lock(&ctx->lock);
	r = check(ctx, backend);
	if (r == 0)
		r = add(ctx, backend);
	(void)pthread_mutex_unlock(&ctx->lock);
	return rawpci_call_end(ctx, r);
}

int rawpci_backend_choose(struct rawpci *ctx, const char *name)
{
	const struct rawpci_backend *backend = NULL;
	int r = 0;

	rawpci_call_begin();
	if (!ctx)
		return rawpci_call_end(NULL,
				       rawpci_fail(NULL, -EFAULT,
						   "rawpci_backend_choose: the context is NULL"));
	(void)pthread_mutex_lock(&ctx->lock);
	if (name) {
		backend = rawpci_registry_find(ctx, name);
		if (!backend)
			r = rawpci_fail(ctx, -ENOENT,
					"there is no backend \"%s\": register it "
					"first",
					name);
	}
	if (r == 0)
		atomic_store(&ctx->chosen, backend);
	(void)pthread_mutex_unlock(&ctx->lock);
	return rawpci_call_end(ctx, r);
}

/* Takes no lock: the list does not change while devices are open. */
int rawpci_backend_instance(struct rawpci *ctx, const char *name, void **instance)
{
	if (!ctx || !name || !instance)
		return rawpci_fail(
			ctx, -EFAULT,
			"rawpci_backend_instance: the context, name or instance is NULL");
	for (unsigned i = 0; i < ctx->backend_count; i++) {
		if (strcmp(ctx->backends[i].backend->name, name) != 0)
			continue;
		*instance = ctx->backends[i].instance;
		return 0;
	}
	return rawpci_fail(ctx, -ENOENT, "there is no backend \"%s\"", name);
}
