/* SPDX-License-Identifier: MIT */
/* Sessions: a program's devices, and their ports. */
#include <errno.h>
#include <stdlib.h>

#include "abi/abi.h"

static int create(struct rawpci *ctx, PRAWPCIVM data, PSUPDRVSESSION *out)
{
	PSUPDRVSESSION session;
	struct rawpci_vm *vm;
	int r = rawpci_abi_vm(ctx, data, &vm);

	if (r < 0)
		return r;
	session = calloc(1, sizeof(*session));
	if (!session) {
		if (vm)
			rawpci_vm_release(vm);
		return rawpci_fail(ctx, -ENOMEM, "no memory");
	}
	session->magic = RAWPCI_SESSION_MAGIC;
	session->ctx = ctx;
	session->vm = vm;
	(void)pthread_mutex_init(&session->ports.lock, NULL);
	rawpci_context_retain(ctx);
	*out = session;
	return 0;
}

int rawpci_session_create(struct rawpci *ctx, PRAWPCIVM vm, PSUPDRVSESSION *session)
{
	if (!ctx || !session)
		return rawpci_abi_fail(ctx, -EFAULT, "rawpci_session_create: %s is NULL",
				       ctx ? "session" : "the context");
	rawpci_call_begin();
	return rawpci_status_from_errno(rawpci_call_end(ctx, create(ctx, vm, session)));
}

int rawpci_session_destroy(PSUPDRVSESSION session)
{
	struct rawpci *ctx;

	if (!session)
		return VINF_SUCCESS;
	if (session->magic != RAWPCI_SESSION_MAGIC)
		return rawpci_abi_fail(NULL, -EBADMSG, "this is no session");
	ctx = session->ctx;
	rawpci_call_begin();
	rawpci_do_close_all(ctx, session);
	while (session->ports.first) {
		struct rawpci_port *port = session->ports.first;

		session->ports.first = port->next;
		rawpci_port_free(port);
	}
	if (session->vm)
		rawpci_vm_release(session->vm);
	session->magic = 0;
	(void)pthread_mutex_destroy(&session->ports.lock);
	free(session);
	(void)rawpci_call_end(ctx, 0);
	rawpci_context_release(ctx);
	return VINF_SUCCESS;
}

/* Requires ports->lock. */
static int find_or_create(PSUPDRVSESSION session, struct rawpci_device *dev, uint32_t handle,
			  struct rawpci_port **out)
{
	struct rawpci_device_info info;
	struct rawpci_port *port;
	int r;

	for (port = session->ports.first; port; port = port->next) {
		if (atomic_load(&port->handle) == handle) {
			*out = port;
			return 0;
		}
	}
	rawpci_do_info(dev, &info);
	r = rawpci_port_create(session->ctx, session, session->vm, &info.address, handle, &port);
	if (r < 0)
		return r;
	port->next = session->ports.first;
	session->ports.first = port;
	*out = port;
	return 0;
}

int rawpci_session_port(PSUPDRVSESSION session, PCIRAWDEVHANDLE handle, PRAWPCIDEVPORT *port)
{
	struct rawpci_port *found = NULL;
	struct rawpci_call call;
	int r;

	if (!session || !port)
		return rawpci_abi_fail(NULL, -EFAULT, "rawpci_session_port: %s is NULL",
				       session ? "port" : "the session");
	if (session->magic != RAWPCI_SESSION_MAGIC)
		return rawpci_abi_fail(NULL, -EBADMSG, "this is no session");
	r = rawpci_enter_handle(&call, session->ctx, session, handle);
	if (r < 0)
		return rawpci_status_from_errno(r);
	(void)pthread_mutex_lock(&session->ports.lock);
	r = find_or_create(session, call.dev, handle, &found);
	(void)pthread_mutex_unlock(&session->ports.lock);
	if (r == 0)
		*port = &found->table;
	return rawpci_status_from_errno(rawpci_leave(&call, r));
}
