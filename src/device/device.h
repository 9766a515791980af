/* SPDX-License-Identifier: MIT */
/*
 * What the ABI and the native API both call. A handle names a device open in a context for one owner
 * (a session or a port). The functions that take a device are called between rawpci_enter_handle()
 * and rawpci_leave(); the others stand alone. Errors are those of the native API.
 */
#ifndef RAWPCI_DEVICE_DEVICE_H
#define RAWPCI_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

struct rawpci;
struct rawpci_vm;

/* Standing alone. */
int rawpci_do_open(struct rawpci *ctx, const void *owner, struct rawpci_vm *vm,
		     const struct rawpci_address *address, unsigned flags, uint32_t *handle,
		     struct rawpci_device **dev);
int rawpci_do_close(struct rawpci *ctx, const void *owner, uint32_t handle);
void rawpci_do_close_all(struct rawpci *ctx, const void *owner);
/* The long way of MMIO: every kind of access, every check. Doubt: all ones were read the short way. */
int rawpci_do_mmio_read(struct rawpci *ctx, const void *owner, uint32_t handle,
			  const void *address, unsigned width, uint64_t *value);
int rawpci_do_mmio_doubt(struct rawpci *ctx, const void *owner, uint32_t handle, unsigned width,
			   uint64_t *value);
int rawpci_do_mmio_write(struct rawpci *ctx, const void *owner, uint32_t handle, void *address,
			   unsigned width, uint64_t value);

/* Inside a call. */
void rawpci_do_info(const struct rawpci_device *dev, struct rawpci_device_info *out);
int rawpci_do_region_info(struct rawpci_device *dev, unsigned region,
			    struct rawpci_region_info *out);
int rawpci_do_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset,
			   uint64_t size, struct rawpci_mapping *out);
/* All of it must be the mapping's. */
int rawpci_do_region_unmap(struct rawpci_device *dev, unsigned region, uint64_t offset,
			     const struct rawpci_mapping *mapping);
/* What the mapping that starts at base has as .cpu: -ENOENT. */
int rawpci_do_mapping_cpu(struct rawpci_device *dev, const void *base, void **cpu);
int rawpci_do_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset,
			    unsigned width, uint64_t *value);
int rawpci_do_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset,
			     unsigned width, uint64_t value);
int rawpci_do_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width,
			    uint32_t *value);
int rawpci_do_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width,
			     uint32_t value);
int rawpci_do_power(struct rawpci_device *dev, enum rawpci_power state);

#endif
