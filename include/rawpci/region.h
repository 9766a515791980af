/* SPDX-License-Identifier: MIT */
/*
 * Regions: the six BARs (0-5) and the expansion ROM (6) of a device.
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

#define RAWPCI_REGIONS 7
#define RAWPCI_REGION_ROM 6

/* A region can be mapped in at most this many pieces; the rest of it is reached by trapping. */
#define RAWPCI_REGION_AREAS 8

enum rawpci_region_flags { /* the values of PCIRAWADDRESSSPACE */
	RAWPCI_REGION_IO = 1,
	RAWPCI_REGION_64BIT = 4,
	RAWPCI_REGION_PREFETCH = 8,
};

/* A part of a region that the kernel maps into the process. */
struct rawpci_region_area {
	uint64_t offset; /* bytes from the region's start, page-aligned */
	uint64_t size;   /* bytes, whole pages */
};

struct rawpci_region_info {
	bool present;     /* false: absent, or the upper half of a 64-bit BAR; the rest is zero */
	uint32_t flags;   /* enum rawpci_region_flags */
	uint64_t address; /* on the host's bus: physical address, or first port. An identification:
			     it cannot be accessed with it */
	uint64_t size;    /* bytes */
	unsigned area_count;
	struct rawpci_region_area areas[RAWPCI_REGION_AREAS]; /* ascending, apart */
};

/**
 * Describes a region.
 * @region: 0 to 6
 * @size: sizeof(struct rawpci_region_info) as the program was compiled with
 * @out: size bytes, filled on success only
 *
 * Any thread.
 * Returns 0, -EFAULT (a NULL) or -EINVAL (region or size).
 */
int rawpci_region_info(struct rawpci_device *dev, unsigned region, size_t size,
		       struct rawpci_region_info *out);

/*
 * A live mapping.
 *
 * The library does not see loads and stores through .cpu. While the device does not answer they
 * raise SIGBUS, with every backend, and nothing goes out on the bus: while memory decoding is off
 * (COMMAND), while the device is in D3hot, and during a reset. rawpci_mmio_read() and _write()
 * return -ESHUTDOWN then and raise no signal.
 *
 * With VFIO the kernel does that. With sysfs and uio the library maps other pages over the mapping,
 * and maps the region again when the device answers; for a large region that takes time at each
 * change. It does so in D1 and D2 too, while a device without D3hot is suspended, and once it knows
 * that the device is gone. (A process that has no descriptor to spare when it opens the device gets
 * SIGSEGV instead; the log says so.)
 *
 * If the kernel does not map a piece again, the log says so. rawpci_mmio_*() trap there from then
 * on. .cpu stays as it is, and accesses to the piece through it go on raising SIGBUS.
 *
 * A hypervisor that gives .cpu to its guest as memory (KVM: KVM_SET_USER_MEMORY_REGION) has to take
 * that memory slot away before it forwards a write that turns decoding off or puts the device to
 * sleep, and before a reset or suspension. It sets the slot again afterwards. KVM follows the change
 * of the mapping by itself (MMU notifier), so the guest never reaches the device. But with the slot
 * still there KVM finds no page for it, and KVM_RUN fails with EFAULT: a guest could stop its own
 * hypervisor. Without the slot the access is an MMIO exit: reads get all ones, writes are dropped.
 * A hypervisor may also keep the device's decoding on, keep the guest's bit itself, and let the slot
 * alone decide (examples/passthrough/bus.c).
 */
struct rawpci_mapping {
	void *base; /* names the mapping; [base, base + size) is what rawpci_mmio_*() take */
	void *cpu;  /* base where some of it can be loaded from and stored to, else NULL. Outside
		       the region's areas such an access raises SIGSEGV */
	uint64_t size; /* bytes */
};

/**
 * Maps a part of a memory region.
 * @region: 0 to 6, not an I/O region
 * @offset: bytes from the region's start, page-aligned
 * @size: bytes, at least 1; offset + size is at most the region's size
 * @out: written on success only; the mapping lives until unmapped or the device is closed
 *
 * A region may be mapped any number of times. Address space is reserved at once and aligned to what
 * huge page tables need; where the kernel refuses to map a piece, that piece is trapped. A mapping
 * made while the device does not answer can be accessed directly once it does.
 *
 * Any thread.
 * Returns 0, or
 *   -EFAULT      a NULL
 *   -EINVAL      region, or size is 0
 *   -EOPNOTSUPP  an I/O region: use rawpci_region_read() and rawpci_region_write()
 *   -EDOM        offset is not page-aligned
 *   -ERANGE      beyond the region, or the region is absent
 *   -ESHUTDOWN   suspended, or the device is gone
 *   -EADDRNOTAVAIL  no address space
 *   -ENOMEM      no memory
 */
int rawpci_region_map(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
		      struct rawpci_mapping *out);

/**
 * Maps a part of a prefetchable region write-combining: stores are gathered and leave late, in
 * bursts and in any order. For frame buffers and the like, not for registers: rawpci_mmio_write()
 * through such a mapping is not one access on the bus either.
 *
 * As rawpci_region_map(), and:
 *   -EOPNOTSUPP  the region is not prefetchable, or the backend has no such mappings (the kernel
 *                offers them through sysfs only: the backends sysfs and uio). Asked beforehand:
 *                can_map_wc of struct rawpci_device_info, RAWPCI_REGION_PREFETCH in the region's
 *                flags
 */
int rawpci_region_map_wc(struct rawpci_device *dev, unsigned region, uint64_t offset, uint64_t size,
			 struct rawpci_mapping *out);

/**
 * Unmaps a mapping.
 * @base: as rawpci_region_map() returned it
 *
 * Waits for MMIO accesses under way in other threads. Not to be called while another thread uses
 * the mapping directly.
 * Returns 0, -ENOENT (no such mapping of this device) or -ENOMEM (nothing changed).
 */
int rawpci_region_unmap(struct rawpci_device *dev, void *base);

/**
 * Reads a register in a live mapping: exactly one bus access of exactly that width.
 * @address: inside [base, base + size) of a mapping of this device, a multiple of width
 * @width: 1, 2, 4 or 8 bytes
 * @value: host-endian (PCI registers are little-endian), zero-extended; written on success only
 *
 * Takes no lock and makes no system call where the address is mapped. An all-ones result is checked
 * by reading the vendor id: a device that is gone is reported, not read.
 *
 * Any thread.
 * Returns 0, or
 *   -EFAULT      a NULL, or the address is in no live mapping of this device
 *   -EINVAL      width
 *   -EDOM        address is not a multiple of width
 *   -ERANGE      the access leaves the mapping
 *   -ESHUTDOWN   memory decoding is off, suspended, or the device is gone
 *   -EOPNOTSUPP  8 bytes where the access is trapped and the backend could only make two of it
 *   -EIO         the kernel failed the access
 */
int rawpci_mmio_read(struct rawpci_device *dev, const void *address, unsigned width,
		     uint64_t *value);

/** Writes a register; as rawpci_mmio_read(). Bits of value beyond width are ignored. */
int rawpci_mmio_write(struct rawpci_device *dev, void *address, unsigned width, uint64_t value);

/**
 * Reads from a region, of memory or I/O, without a mapping (a system call with most backends).
 * @offset: bytes from the region's start, a multiple of width for memory; I/O ports need not align
 * @width: 1, 2, 4, and for memory 8 bytes
 *
 * Any thread.
 * Returns 0, or the errors of rawpci_mmio_read(); -ERANGE where [offset, offset + width) is not
 * inside the region or the region is absent; -ESHUTDOWN also when I/O decoding is off.
 */
int rawpci_region_read(struct rawpci_device *dev, unsigned region, uint64_t offset, unsigned width,
		       uint64_t *value);

/** Writes to a region without a mapping; as rawpci_region_read(). */
int rawpci_region_write(struct rawpci_device *dev, unsigned region, uint64_t offset,
			unsigned width, uint64_t value);

#ifdef __cplusplus
}
#endif

#endif
