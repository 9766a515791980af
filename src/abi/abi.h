/* SPDX-License-Identifier: MIT */
/*
 * Private to src/abi: sessions, ports, the factory, and status codes. No other room uses it. It
 * owns the sessions, and ctx->factory. core/context.h lists its locks with all others.
 *
 * The files, each of which uses only those before it:
 *   status.c                            errno values as status codes
 *   vm.c arguments.c                    the ABI's arguments as the native API has them
 *   port.c                              a device by a table of functions
 *   session.c request.c                 a device by requests
 *   factory.c                           where a program that has the ABI alone starts
 */
#ifndef RAWPCI_ABI_ABI_H
#define RAWPCI_ABI_ABI_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <rawpci/abi.h>

#include "core/call.h"
#include "core/device.h"
#include "core/handle.h"
#include "device/device.h"
#include "irq/irq.h"
#include "memory/vm.h"

#define RAWPCI_SESSION_MAGIC UINT32_C(0x72617753)
#define RAWPCI_PORT_MAGIC UINT32_C(0x72617750)

/* A session's ports. */
struct rawpci_ports {
	pthread_mutex_t lock;
	struct rawpci_port *first;
};

/* A device by a table of functions. The session owns the device of its port. A port that the
 * factory made is itself the owner. */
struct rawpci_port {
	RAWPCIDEVPORT table; /* first: the embedder's pointer is to this */
	uint32_t magic;
	struct rawpci *ctx;
	const void *owner;          /* of the device: the session, or the port itself */
	struct rawpci_ports *ports; /* the session's; NULL: the factory made the port */
	struct rawpci_vm *vm;
	struct rawpci_address address;
	pthread_mutex_t lock;     /* init and deinit */
	_Atomic uint32_t handle;  /* 0: not initialised */
	struct rawpci_port *next; /* in the session's list */
};

struct SUPDRVSESSION {
	uint32_t magic;
	struct rawpci *ctx;
	struct rawpci_vm *vm;
	struct rawpci_ports ports;
};

/* status.c: the only translation of errno values; 0 and counts become VINF_SUCCESS. */
int rawpci_status_from_errno(int r);

/* A call that fails before it reaches a device: both set its sentence and return the status. Refuse
 * is for calls whose failure a guest may have caused, fail for all others. */
int rawpci_abi_fail(struct rawpci *ctx, int error, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));
int rawpci_abi_refuse(struct rawpci *ctx, int error, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* port.c. session: NULL for the factory, whose port then holds the context, and takes over vm. */
int rawpci_port_create(struct rawpci *ctx, PSUPDRVSESSION session, struct rawpci_vm *vm,
		       const struct rawpci_address *address, uint32_t handle,
		       struct rawpci_port **out);
void rawpci_port_free(struct rawpci_port *port);

/* vm.c. Holds the VM that pfnInitVm has put into data; data NULL: *vm is NULL. -EINVAL: it has put
 * none there. */
int rawpci_abi_vm(struct rawpci *ctx, PRAWPCIVM data, struct rawpci_vm **vm);
int rawpci_abi_init_vm(struct rawpci *ctx, PRAWPCIVM data);
void rawpci_abi_deinit_vm(struct rawpci *ctx, PRAWPCIVM data);

/* arguments.c: what ports and requests share, with errno values. Inside a call on the device. */
struct rawpci_abi_range {
	int32_t region;
	uint64_t start; /* on the host's bus */
	uint64_t size;
};
int rawpci_abi_map(struct rawpci_device *dev, const struct rawpci_abi_range *range, uint32_t flags,
		   struct rawpci_mapping *out);
/* *cpu must be the mapping's address for direct accesses; cpu NULL: it is not compared. */
int rawpci_abi_unmap(struct rawpci_device *dev, const struct rawpci_abi_range *range, void *base,
		     void *const *cpu);
int rawpci_abi_config_read(struct rawpci_device *dev, uint32_t offset, PCIRAWMEMLOC *value);
int rawpci_abi_config_write(struct rawpci_device *dev, uint32_t offset, const PCIRAWMEMLOC *value);
uint64_t rawpci_abi_value(const PCIRAWMEMLOC *value);

#endif
