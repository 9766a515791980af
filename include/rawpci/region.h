/* SPDX-License-Identifier: MIT */
/**
 * @file region.h
 * Regions: the six BARs (0 to 5) and the expansion ROM (6) of a device.
 *
 * A program reaches a memory region in two ways. An area of it is mapped: loads and stores go
 * straight to the device. Everything else is trapped: the library makes a system call for each
 * access. I/O regions are always trapped.
 */
#ifndef RAWPCI_REGION_H
#define RAWPCI_REGION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci_device;

/** How many regions a device has. */
#define RAWPCI_REGIONS 7
/** The region of the expansion ROM. */
#define RAWPCI_REGION_ROM 6

/** The most areas of a region. The rest of the region is trapped. */
#define RAWPCI_REGION_AREAS 8

/** Flags of a region: the values of PCIRAWADDRESSSPACE. */
enum rawpci_region_flags {
	RAWPCI_REGION_IO = 1,       /**< An I/O region. Without it: a memory region. */
	RAWPCI_REGION_64BIT = 4,    /**< A BAR of 64 bits. */
	RAWPCI_REGION_PREFETCH = 8, /**< The memory is prefetchable. */
};

/** A part of a region that the kernel can map into the process. */
struct rawpci_region_area {
	uint64_t offset; /**< Bytes from the region's start, page-aligned. */
	uint64_t size;   /**< Bytes, whole pages. */
};

/** A description of a region. It grows at its end. */
struct rawpci_region_info {
	/** false: absent, or the upper half of a 64-bit BAR. The rest is zero then. */
	bool present;
	uint32_t flags; /**< Flags of #rawpci_region_flags. */
	/** On the host's bus: physical address, or first port. It identifies the region; nothing
	 * can be accessed with it. */
	uint64_t address;
	uint64_t size;       /**< Bytes. */
	unsigned area_count; /**< How many areas there are. */
	/** The areas, ascending and apart. */
	struct rawpci_region_area areas[RAWPCI_REGION_AREAS];
};

/**
 * Describes a region.
 *
 * @param dev    the device
 * @param region 0 to 6
 * @param size   sizeof(struct rawpci_region_info) as the program was compiled with
 * @param out    receives size bytes, on success only
 * @retval 0       done
 * @retval -EFAULT dev or out is NULL
 * @retval -EINVAL there is no such region, or size is 0 or larger than the library's
 */
int rawpci_region_info(struct rawpci_device *dev, unsigned region, size_t size,
		       struct rawpci_region_info *out);

/**
 * A live mapping.
 *
 * @par Loads and stores through .cpu
 * The library does not see them. The device does not answer while memory decoding is off (COMMAND),
 * while it is in D3hot, and during a reset. Loads and stores then raise SIGBUS, with every backend,
 * and nothing goes out on the bus. rawpci_mmio_read() and rawpci_mmio_write() then return
 * -ESHUTDOWN and raise no signal.
 * @par
 * With VFIO the kernel does that. With sysfs and uio the library maps other pages over the mapping,
 * and maps the region again when the device answers. For a large region this takes time at each
 * reset and each change of decoding. The library does so in D1 and D2 too, while a device without
 * D3hot is suspended, and once it knows that the device is gone. If the open finds no free
 * descriptor for this, such accesses raise SIGSEGV instead of SIGBUS, and the log says so.
 * @par
 * If the kernel refuses to map an area again, the log says so. MMIO calls are trapped there from
 * then on. .cpu does not change, and loads and stores through it keep raising SIGBUS there.
 *
 * @par What a hypervisor has to do
 * A hypervisor may give .cpu to its guest as memory (KVM: KVM_SET_USER_MEMORY_REGION). It then has
 * to remove that memory slot before a reset or suspension. The same holds before it forwards a
 * write that turns decoding off or puts the device to sleep. Afterwards it sets the slot again.
 * @par
 * KVM follows the change of the mapping by itself (MMU notifier), so the guest never reaches the
 * device. But if the slot is still there, KVM finds no page for it, and KVM_RUN fails with EFAULT.
 * A guest could so stop its own hypervisor. Without the slot the access is an MMIO exit. The
 * hypervisor answers reads with all ones and drops writes.
 * @par
 * A hypervisor may also keep the device's decoding on, keep the guest's bit itself, and let the
 * slot alone decide (examples/passthrough/bus.c).
 */
struct rawpci_mapping {
	/** Names the mapping. rawpci_mmio_read() and rawpci_mmio_write() take
	 * [base, base + size). */
	void *base;
	/** Equal to base if at least one area of the mapping is mapped, else NULL. Loads and stores
	 * outside the region's areas raise SIGSEGV. */
	void *cpu;
	uint64_t size; /**< Bytes. */
};

/**
 * Maps a part of a memory region.
 *
 * A region may be mapped any number of times. A mapping is one continuous range of addresses. It
 * may include parts that are trapped; rawpci_mmio_read() and rawpci_mmio_write() reach them, too.
 * If the kernel refuses to map an area, that area is trapped, and the log says so. A mapping made
 * while memory decoding is off works directly once decoding is on.
 *
 * @param dev    the device
 * @param region 0 to 6, not an I/O region
 * @param offset bytes from the region's start, page-aligned
 * @param size   bytes, at least 1; offset + size is at most the region's size
 * @param out    receives the mapping, on success only. It lives until it is unmapped or the device
 *               is closed
 * @retval 0              done
 * @retval -EFAULT        dev or out is NULL
 * @retval -EINVAL        there is no such region, or size is 0
 * @retval -EOPNOTSUPP    an I/O region: use rawpci_region_read() and rawpci_region_write()
 * @retval -EDOM          offset is not page-aligned
 * @retval -ERANGE        beyond the region, or the region is absent
 * @retval -ESHUTDOWN     the device is suspended or gone
 * @retval -EADDRNOTAVAIL no address space
 * @retval -ENOMEM        no memory
 */
int rawpci_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		      struct rawpci_mapping *out);

/**
 * Maps a part of a prefetchable region write-combining.
 *
 * Stores are gathered and leave late, in bursts and in any order. That is for frame buffers and the
 * like, not for registers. A rawpci_mmio_write() through such a mapping is not one access on the
 * bus.
 *
 * A program can ask beforehand: can_map_wc of struct rawpci_device_info, and
 * #RAWPCI_REGION_PREFETCH in the region's flags.
 *
 * @param dev    the device
 * @param region as for rawpci_region_map()
 * @param offset as for rawpci_region_map()
 * @param size   as for rawpci_region_map()
 * @param out    as for rawpci_region_map()
 * @return what rawpci_region_map() returns, or
 * @retval -EOPNOTSUPP the region is not prefetchable, the kernel refuses, or the backend has no
 *                     such mappings. The kernel offers them through sysfs only: to the backends
 *                     sysfs and uio
 */
int rawpci_region_map_wc(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			 struct rawpci_mapping *out);

/**
 * Unmaps a mapping.
 *
 * @param dev  the device
 * @param base as rawpci_region_map() returned it
 * @retval 0       done
 * @retval -EFAULT dev is NULL
 * @retval -ENOENT this device has no such mapping
 * @retval -ENOMEM no memory; nothing changed
 * @par Threads
 * The call waits for MMIO accesses under way in other threads. The caller first stops all loads and
 * stores through .cpu, also those of other threads.
 */
int rawpci_region_unmap(struct rawpci_device *dev, void *base);

/**
 * Reads a register in a live mapping.
 *
 * The register gets exactly one access of exactly that width. If the address is in an area, the
 * call takes no lock and makes no system call. If the value is all ones, the call also reads the
 * vendor id. If the device is gone, the call returns -ESHUTDOWN and writes no value.
 *
 * @param dev     the device
 * @param address inside [base, base + size) of a mapping of this device, a multiple of width
 * @param width   1, 2, 4 or 8 bytes
 * @param value   receives the value, host-endian (PCI registers are little-endian) and
 *                zero-extended, on success only
 * @retval 0           done
 * @retval -EFAULT     dev or value is NULL, or the address is in no live mapping of this device
 * @retval -EINVAL     width is none of these
 * @retval -EDOM       address is not a multiple of width
 * @retval -ERANGE     the access leaves the mapping
 * @retval -ESHUTDOWN  memory decoding is off, or the device is suspended or gone
 * @retval -EOPNOTSUPP 8 bytes, the access is trapped, and the backend could only make two of it
 * @retval -EIO        the kernel failed the access
 */
int rawpci_mmio_read(struct rawpci_device *dev, const void *address, unsigned width,
		     uint64_t *value);

/**
 * Writes a register in a live mapping.
 *
 * The register gets exactly one access of exactly that width, except through a mapping of
 * rawpci_region_map_wc().
 *
 * @param dev     the device
 * @param address as for rawpci_mmio_read()
 * @param width   as for rawpci_mmio_read()
 * @param value   host-endian. Bits beyond width are ignored, unlike in rawpci_config_write()
 * @return what rawpci_mmio_read() returns, or
 * @retval -EOPNOTSUPP also for the ROM with sysfs and uio, where it can only be read
 */
int rawpci_mmio_write(struct rawpci_device *dev, void *address, unsigned width, uint64_t value);

/**
 * Reads from a region, of memory or I/O, without a mapping.
 *
 * The access is trapped: with most backends it makes a system call.
 *
 * @param dev    the device
 * @param region 0 to 6
 * @param offset bytes from the region's start. For memory a multiple of width; I/O ports need not
 *               align
 * @param width  1, 2, 4, and for memory 8 bytes
 * @param value  receives the value, host-endian and zero-extended, on success only
 * @return what rawpci_mmio_read() returns, or
 * @retval -ERANGE    [offset, offset + width) is not inside the region, or the region is absent
 * @retval -ESHUTDOWN also if I/O decoding is off
 */
int rawpci_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset, unsigned width,
		       uint64_t *value);

/**
 * Writes to a region, of memory or I/O, without a mapping.
 *
 * @param dev    the device
 * @param region as for rawpci_region_read()
 * @param offset as for rawpci_region_read()
 * @param width  as for rawpci_region_read()
 * @param value  host-endian; bits beyond width are ignored
 * @return what rawpci_region_read() returns, or
 * @retval -EOPNOTSUPP also for the ROM with sysfs and uio, where it can only be read
 */
int rawpci_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset, unsigned width,
			uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
