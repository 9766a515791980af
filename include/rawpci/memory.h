/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: what devices of a VM may reach by DMA.
 *
 * A VM's map says which guest range lies at which address of this process. It is kept independent
 * of devices: ranges announced before the first device is open are mapped when one is powered on.
 * Ranges that continue each other on both sides become one, so that memory announced page by page
 * costs a handful of kernel mappings.
 *
 * What the caller promises for every range, from the call that maps it until the one that unmaps
 * it returns: the memory stays where it is. The kernel pins the pages when it maps them for a
 * device, so madvise(MADV_DONTNEED), a balloon, hole punching, truncation, mremap() or copy-on-write
 * after fork() would leave the device on other pages than the process. Give such memory
 * madvise(MADV_DONTFORK), and unmap here first. (Linux Documentation/driver-api/vfio.rst)
 */
#ifndef RAWPCI_MEMORY_H
#define RAWPCI_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;
struct rawpci_vm;

/* An address as devices put it on the bus: for a VM, the guest physical address. */
typedef uint64_t rawpci_iova_t;

/**
 * Creates an empty VM.
 * @out: written on success only; rawpci_vm_destroy() frees it
 *
 * Returns 0, -EFAULT (a NULL) or -ENOMEM.
 */
int rawpci_vm_create(struct rawpci *ctx, struct rawpci_vm **out);

/**
 * Destroys a VM.
 * @vm: may be NULL
 *
 * Returns 0, or -EBUSY: a session or device uses it; nothing changed.
 */
int rawpci_vm_destroy(struct rawpci_vm *vm);

/**
 * Adds guest memory.
 * @guest: guest physical address, bytes
 * @host: where these bytes are in this process, readable and writable
 * @size: bytes, at least 1
 *
 * That the memory is there and writable is found out when it is mapped for a device: by this call
 * where one is on, else by the power-on, which then fails and says which range it was.
 *
 * All three are aligned to the smallest page of the IOMMU (of the host, while no device is open).
 * What is mapped already and alike is left alone. When it returns on a VM with a device powered on,
 * all such devices reach the memory. Where the kernel has no DMA entry left then, mappings that
 * continue each other are made one, and devices may miss their memory while that runs.
 *
 * Any thread. Cost: logarithmic in the number of runs, and while a device is on, a system call.
 * Returns 0, or
 *   -EFAULT      vm or host is NULL
 *   -EINVAL      size is 0
 *   -EDOM        misaligned
 *   -ERANGE      the range has bytes behind the last guest address (2^64 - 1; that one is valid), or
 *                host + size wraps; or, with a device on, the range is outside what the IOMMU can
 *                translate (the message names the valid ranges)
 *   -EADDRINUSE  part of the range is mapped to other memory
 *   -ENOSPC      DMA entries or locked-memory allowance exhausted (the message says which, what was
 *                needed, and how to raise it)
 *   -EADDRNOTAVAIL  the kernel refused the mapping
 *   -ENOMEM      no memory
 */
int rawpci_memory_map(struct rawpci_vm *vm, rawpci_iova_t guest, void *host, uint64_t size);

/**
 * Takes guest memory away.
 *
 * The range may cover parts of one or several mappings and the gaps between them. When it returns,
 * no device of the VM reaches any page of it. Pages that stay are reachable again when it returns;
 * while it runs a device may miss those that shared a kernel mapping with the range.
 *
 * Returns 0, or
 *   -EFAULT  vm is NULL
 *   -EINVAL, -EDOM, -ERANGE  as rawpci_memory_map()
 *   -ENOENT  nothing is mapped in the range
 *   -ENOMEM, -ENOSPC, -EADDRNOTAVAIL, -EIO  what stays could not be mapped again; nothing changed
 */
int rawpci_memory_unmap(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size);

struct rawpci_memory_stats {
	uint64_t bytes;           /* of guest memory announced */
	uint64_t runs;            /* after coalescing */
	uint64_t kernel_mappings; /* made for devices at present */
};

/**
 * Counts.
 * @size: sizeof(struct rawpci_memory_stats) as the program was compiled with
 *
 * Returns 0, -EFAULT (a NULL) or -EINVAL (size is 0 or larger than the library's).
 */
int rawpci_memory_stats(struct rawpci_vm *vm, size_t size, struct rawpci_memory_stats *out);

#ifdef __cplusplus
}
#endif

#endif
