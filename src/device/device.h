/* SPDX-License-Identifier: MIT */
/*
 * What others may use of the device room: opening and closing a device, config space, regions,
 * accesses, power. Each rawpci_do_x() does the work of both the ABI's operation and the native
 * API's rawpci_x(), and returns the native API's errors. Two more headers are for others: mmio.h,
 * the fast path of MMIO, for src/abi, and choice.h, how a backend is chosen, for src/explain.
 *
 * The room owns of struct rawpci_device: regions, mappings and maps (maps->lock), config
 * (config->lock), powering (under dev->lock); and it puts the parts of all rooms together (life.h).
 *
 * Its files, each of which uses only those before it:
 *   map-table.c sigbus.c maps.c region.c      mappings of regions
 *   decode.c command.c                   what the device decodes, and COMMAND
 *   reset.c suspend.c power.c config.c   what changes that
 *   access.c                             MMIO, and accesses by the backend
 *   attach.c choice.c open.c             the way in, and out again
 *   taken.c                              devices for other programs, without opening them
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

/* By handle. A handle names a device that is open in a context for one owner: a session or a
 * port. */
int rawpci_do_open(struct rawpci *ctx, const void *owner, struct rawpci_vm *vm,
		   const struct rawpci_address *address, unsigned flags, uint32_t *handle,
		   struct rawpci_device **dev);
int rawpci_do_close(struct rawpci *ctx, const void *owner, uint32_t handle);
void rawpci_do_close_all(struct rawpci *ctx, const void *owner);
/* The slow path of MMIO: every kind of access, with every check. */
int rawpci_do_mmio_read(struct rawpci *ctx, const void *owner, uint32_t handle, const void *address,
			unsigned width, uint64_t *value);
int rawpci_do_mmio_write(struct rawpci *ctx, const void *owner, uint32_t handle, void *address,
			 unsigned width, uint64_t value);
/* The fast path has read all ones: is the device gone? If not, the value is all ones. */
int rawpci_do_mmio_doubt(struct rawpci *ctx, const void *owner, uint32_t handle, unsigned width,
			 uint64_t *value);

/* By pointer, between rawpci_enter_handle() and rawpci_leave(). */
void rawpci_do_info(const struct rawpci_device *dev, struct rawpci_device_info *out);
int rawpci_do_region_info(struct rawpci_device *dev, unsigned region,
			  struct rawpci_region_info *out);
int rawpci_do_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			 struct rawpci_mapping *out);
/* Every field of mapping must be the one that mapping the region gave. */
int rawpci_do_region_unmap(struct rawpci_device *dev, unsigned region, uint64_t offset,
			   const struct rawpci_mapping *mapping);
/* The .cpu of the mapping that starts at base. -ENOENT: there is none. */
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
