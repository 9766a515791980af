/* SPDX-License-Identifier: MIT */
/* Private to src/abi: sessions, ports, the factory, and status codes. */
#ifndef RAWPCI_ABI_ABI_H
#define RAWPCI_ABI_ABI_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include <rawpci/abi.h>

#include "core/call.h"
#include "core/device.h"
#include "core/slot.h"
#include "device/device.h"
#include "irq/irq.h"
#include "memory/vm.h"

#define RAWPCI_SESSION_MAGIC UINT32_C(0x72617753)
#define RAWPCI_PORT_MAGIC UINT32_C(0x72617750)

/* A device through its function table. The session's ports are its device's second door; a port of
 * the factory's is itself the owner of its device. */
struct rawpci_port {
	RAWPCIDEVPORT table; /* first: the embedder's pointer is to this */
	uint32_t magic;
	struct rawpci *ctx;
	PSUPDRVSESSION session; /* NULL: of the factory's */
	struct rawpci_vm *vm;
	struct rawpci_address address;
	pthread_mutex_t lock;    /* init and deinit */
	_Atomic uint32_t handle; /* 0: not initialised */
	struct rawpci_port *next; /* in the session's list */
};

struct SUPDRVSESSION {
	uint32_t magic;
	struct rawpci *ctx;
	struct rawpci_vm *vm;
	pthread_mutex_t lock;
	struct rawpci_port *ports;
};

/* The one translation from errno values; 0 and counts become VINF_SUCCESS. */
int rawpci_status_from_errno(int r);

/* Both end a call that failed before it reached core: they say why, and return the status. The first is
 * for calls that the program makes for itself, the second for what a guest may have caused. */
int rawpci_abi_fail(struct rawpci *ctx, int error, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));
int rawpci_abi_refuse(struct rawpci *ctx, int error, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* port.c */
int rawpci_port_create(struct rawpci *ctx, PSUPDRVSESSION session, struct rawpci_vm *vm,
		       const struct rawpci_address *address, uint32_t handle,
		       struct rawpci_port **out);
void rawpci_port_free(struct rawpci_port *port);
/* Forgets a port that is being destroyed. */
void rawpci_session_forget_port(PSUPDRVSESSION session, struct rawpci_port *port);

/* vm.c: what pfnInitVm put into a RAWPCIVM; NULL stays NULL. -EINVAL. */
int rawpci_abi_vm(struct rawpci *ctx, PRAWPCIVM data, struct rawpci_vm **vm);
int rawpci_abi_init_vm(struct rawpci *ctx, PRAWPCIVM data);
void rawpci_abi_deinit_vm(struct rawpci *ctx, PRAWPCIVM data);

/* The region operations both doors have, in the ABI's terms. Inside a call; errno values. */
struct rawpci_abi_range {
	int32_t region;
	uint64_t start; /* on the host's bus */
	uint64_t size;
};
int rawpci_abi_map(struct rawpci_device *dev, const struct rawpci_abi_range *range, uint32_t flags,
		   struct rawpci_mapping *out);
/* cpu: NULL: not asked for. */
int rawpci_abi_unmap(struct rawpci_device *dev, const struct rawpci_abi_range *range, void *base,
		     void *const *cpu);
/* Config accesses with the value in a PCIRAWMEMLOC. */
int rawpci_abi_config_read(struct rawpci_device *dev, uint32_t offset, PCIRAWMEMLOC *value);
int rawpci_abi_config_write(struct rawpci_device *dev, uint32_t offset, const PCIRAWMEMLOC *value);
uint64_t rawpci_abi_value(const PCIRAWMEMLOC *value);

#endif
