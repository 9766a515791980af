/* SPDX-License-Identifier: MIT */
/* The factory: where a program that has the ABI alone gets ports and VMs. */
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

#include "abi/abi.h"
#include "pci/pci.h"

struct rawpci_factory {
	RAWPCIFACTORY table; /* first: the embedder's pointer is to this */
	struct rawpci *ctx;
	atomic_uint references;
};

static struct rawpci_factory *of(PRAWPCIFACTORY table)
{
	return (struct rawpci_factory *)table;
}

static void release(PRAWPCIFACTORY table)
{
	struct rawpci_factory *factory = of(table);
	unsigned references;

	if (!table) {
		(void)rawpci_abi_fail(NULL, -EFAULT, "pfnRelease: the factory is NULL");
		return;
	}
	references = atomic_load(&factory->references);
	do {
		if (references == 0) {
			(void)rawpci_abi_fail(factory->ctx, -EPROTO,
					      "the factory was released "
					      "more often than it was asked for");
			return;
		}
	} while (!atomic_compare_exchange_weak(&factory->references, &references, references - 1));
	rawpci_context_release(factory->ctx);
}

static int connect(struct rawpci *ctx, const struct rawpci_address *address, uint32_t flags,
		   PRAWPCIVM data, struct rawpci_port **out)
{
	struct rawpci_port *port;
	struct rawpci_vm *vm;
	uint32_t handle;
	int r;

	if (flags & ~(uint32_t)PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER)
		return rawpci_fail(ctx, -EBADRQC, "open flags %#x: only %#x is defined", flags,
				   PCIRAWDRIVERRFLAG_DETACH_HOST_DRIVER);
	r = rawpci_abi_vm(ctx, data, &vm);
	if (r < 0)
		return r;
	r = rawpci_port_create(ctx, NULL, vm, address, 0, &port);
	if (r < 0) {
		if (vm)
			rawpci_vm_release(vm);
		return r;
	}
	r = rawpci_do_open(ctx, port, vm, address, flags, &handle, NULL);
	if (r < 0) {
		rawpci_port_free(port);
		return r;
	}
	atomic_store(&port->handle, handle);
	*out = port;
	return 0;
}

static int create_and_connect(PRAWPCIFACTORY table, uint32_t host_address, uint32_t flags,
			      PRAWPCIVM data, PRAWPCIDEVPORT *out)
{
	struct rawpci_address address = rawpci_address_from_abi(host_address);
	struct rawpci_port *port = NULL;
	struct rawpci *ctx;
	int r;

	if (!table || !out)
		return rawpci_abi_fail(table ? of(table)->ctx : NULL, -EFAULT,
				       "pfnCreateAndConnect: %s is NULL",
				       table ? "ppDevPort" : "the factory");
	ctx = of(table)->ctx;
	rawpci_call_begin();
	r = connect(ctx, &address, flags, data, &port);
	if (r == 0)
		*out = &port->table;
	return rawpci_status_from_errno(rawpci_call_end(ctx, r));
}

static int init_vm(PRAWPCIFACTORY table, PVM vm, PRAWPCIVM data)
{
	(void)vm;
	if (!table || !data)
		return rawpci_abi_fail(table ? of(table)->ctx : NULL, -EFAULT,
				       "pfnInitVm: %s is NULL", table ? "pPciData" : "the factory");
	return rawpci_abi_init_vm(of(table)->ctx, data);
}

static void deinit_vm(PRAWPCIFACTORY table, PVM vm, PRAWPCIVM data)
{
	(void)vm;
	if (!table)
		(void)rawpci_abi_fail(NULL, -EFAULT, "pfnDeinitVm: the factory is NULL");
	else
		rawpci_abi_deinit_vm(of(table)->ctx, data);
}

static struct rawpci_factory *create(struct rawpci *ctx)
{
	struct rawpci_factory *factory = calloc(1, sizeof(*factory));

	if (!factory)
		return NULL;
	factory->table.pfnRelease = release;
	factory->table.pfnCreateAndConnect = create_and_connect;
	factory->table.pfnInitVm = init_vm;
	factory->table.pfnDeinitVm = deinit_vm;
	factory->ctx = ctx;
	atomic_init(&factory->references, 0);
	return factory;
}

static void destroy(struct rawpci_factory *factory)
{
	free(factory);
}

PRAWPCIFACTORY rawpci_factory(struct rawpci *ctx)
{
	struct rawpci_factory *factory;

	if (!ctx) {
		(void)rawpci_abi_fail(NULL, -EFAULT, "rawpci_factory: the context is NULL");
		return NULL;
	}
	factory = rawpci_context_factory(ctx, create, destroy);
	if (!factory) {
		(void)rawpci_abi_fail(ctx, -ENOMEM, "no memory");
		return NULL;
	}
	rawpci_context_retain(ctx);
	atomic_fetch_add(&factory->references, 1);
	return &factory->table;
}

void *rawpci_query_interface(struct rawpci *ctx, const char *uuid)
{
	if (!ctx || !uuid) {
		(void)rawpci_abi_fail(ctx, -EFAULT,
				      "rawpci_query_interface: the context or the UUID is NULL");
		return NULL;
	}
	if (strcasecmp(uuid, RAWPCIFACTORY_UUID_STR) != 0) {
		(void)rawpci_abi_fail(ctx, -ENOENT, "there is no interface \"%.40s\"", uuid);
		return NULL;
	}
	return rawpci_factory(ctx);
}
