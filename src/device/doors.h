/* SPDX-License-Identifier: MIT */
/*
 * What the ABI's doors call. A handle names a device open in a context for one owner (a session or
 * a port); the functions that take a device are called between rawpci_enter_handle() and
 * rawpci_leave(), the others stand alone. Errors are those of the native API.
 */
#ifndef RAWPCI_DEVICE_DOORS_H
#define RAWPCI_DEVICE_DOORS_H

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

struct rawpci;
struct rawpci_vm;
struct rawpci_factory;

/* A call on a device, from outside: inside its life gate. */
struct rawpci_call {
	struct rawpci *ctx;
	struct rawpci_device *dev;
	atomic_uint *counter;
};

/* By pointer. -EFAULT when dev is NULL. After a failure there is nothing to leave. */
int rawpci_enter(struct rawpci_call *call, struct rawpci_device *dev);
/* By handle. -EBADF. */
int rawpci_enter_handle(struct rawpci_call *call, struct rawpci *ctx, const void *owner,
			uint32_t handle);
/* Ends the call, says what there is to say, and returns result. */
int rawpci_leave(struct rawpci_call *call, int result);
/* The first part of it: the device may go now. rawpci_call_end() is the rest. */
void rawpci_out(struct rawpci_call *call, int result);

/* Around public calls without a device; ctx may be NULL. */
void rawpci_call_begin(void);
int rawpci_call_end(struct rawpci *ctx, int result);
/* The same for a call whose failure a guest may have caused: counted, and not logged as an error. */
int rawpci_call_refused(struct rawpci *ctx, int result);
int rawpci_fail_list(struct rawpci *ctx, int error, const char *format, va_list arguments)
	__attribute__((__format__(__printf__, 3, 0)));
int rawpci_fail(struct rawpci *ctx, int error, const char *format, ...)
	__attribute__((__format__(__printf__, 3, 4)));

/* Standing alone. */
int rawpci_core_open(struct rawpci *ctx, const void *owner, struct rawpci_vm *vm,
		     const struct rawpci_address *address, unsigned flags, uint32_t *handle,
		     struct rawpci_device **dev);
bool rawpci_core_is_open(struct rawpci *ctx, const void *owner, uint32_t handle);
int rawpci_core_close(struct rawpci *ctx, const void *owner, uint32_t handle);
void rawpci_core_close_all(struct rawpci *ctx, const void *owner);
int rawpci_core_irq_detach(struct rawpci *ctx, const void *owner, uint32_t handle, int32_t irq);
/* The long way of MMIO: every kind of access, every check. Doubt: all ones were read the short way. */
int rawpci_core_mmio_read(struct rawpci *ctx, const void *owner, uint32_t handle,
			  const void *address, unsigned width, uint64_t *value);
int rawpci_core_mmio_doubt(struct rawpci *ctx, const void *owner, uint32_t handle, unsigned width,
			   uint64_t *value);
int rawpci_core_mmio_write(struct rawpci *ctx, const void *owner, uint32_t handle, void *address,
			   unsigned width, uint64_t value);

/* Inside a call. */
/* Its address, as sentences begin with it. */
const char *rawpci_core_name(const struct rawpci_device *dev);
void rawpci_core_info(const struct rawpci_device *dev, struct rawpci_device_info *out);
int rawpci_core_region_info(struct rawpci_device *dev, unsigned region,
			    struct rawpci_region_info *out);
int rawpci_core_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset,
			   uint64_t size, struct rawpci_mapping *out);
/* All of it must be the mapping's. */
int rawpci_core_region_unmap(struct rawpci_device *dev, unsigned region, uint64_t offset,
			     const struct rawpci_mapping *mapping);
/* What the mapping that starts at base has as .cpu: -ENOENT. */
int rawpci_core_mapping_cpu(struct rawpci_device *dev, const void *base, void **cpu);
int rawpci_core_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset,
			    unsigned width, uint64_t *value);
int rawpci_core_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset,
			     unsigned width, uint64_t value);
int rawpci_core_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width,
			    uint32_t *value);
int rawpci_core_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width,
			     uint32_t value);
int rawpci_core_irq_attach(struct rawpci_device *dev, void (*handler)(void *opaque, int32_t irq),
			   void *opaque, int32_t guest_irq);
int rawpci_core_power(struct rawpci_device *dev, enum rawpci_power state);

/* A user keeps the context from being destroyed. */
void rawpci_core_retain(struct rawpci *ctx);
void rawpci_core_release(struct rawpci *ctx);

/* VMs. */
int rawpci_core_vm_hold(struct rawpci *ctx, struct rawpci_vm *vm);
bool rawpci_core_vm_known(struct rawpci *ctx, const struct rawpci_vm *vm);
void rawpci_core_vm_release(struct rawpci_vm *vm);
struct rawpci *rawpci_core_vm_context(const struct rawpci_vm *vm);
/* The guest's side of a range: size, alignment, wrapping. */
int rawpci_core_memory_check(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size);
/* The embedder's host address as an address of this process; -EFAULT when it is refused. */
int rawpci_core_translate(struct rawpci *ctx, uint64_t host_start, uint64_t size, void **host);

/* The one factory of a context, which destroy() frees when the context goes. */
struct rawpci_factory *rawpci_core_factory(struct rawpci *ctx,
					   struct rawpci_factory *(*create)(struct rawpci *ctx),
					   void (*destroy)(struct rawpci_factory *factory));

#endif
