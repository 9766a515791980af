/* SPDX-License-Identifier: MIT */
/**
 * @file memory.h
 * Guest memory: what devices of a VM may reach by DMA.
 *
 * A VM's map says which guest range lies at which address of this process. The map does not depend
 * on devices. Ranges that are mapped before the first device is open get their kernel mappings when
 * a device is powered on. Ranges that continue each other in both kinds of address become one run.
 * So memory that is mapped page by page costs few kernel mappings.
 *
 * @section memory-promise What the caller promises
 *
 * From the call that maps a range until the one that unmaps it returns, the memory stays where it
 * is. The kernel pins the pages when it maps them for a device. madvise(MADV_DONTNEED), a balloon,
 * hole punching, truncation, mremap() or copy-on-write after fork() would leave the device on other
 * pages than the process. Before you do any of these, call rawpci_memory_unmap(). To allow fork(),
 * set madvise(MADV_DONTFORK) on the memory. (Linux Documentation/driver-api/vfio.rst)
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

/** An address as devices put it on the bus: for a VM, the guest physical address. */
typedef uint64_t rawpci_iova_t;

/**
 * Creates an empty VM.
 *
 * @param ctx the context
 * @param out receives the VM, on success only; rawpci_vm_destroy() frees it
 * @retval 0       done
 * @retval -EFAULT ctx or out is NULL
 * @retval -ENOMEM no memory
 */
int rawpci_vm_create(struct rawpci *ctx, struct rawpci_vm **out);

/**
 * Destroys a VM.
 *
 * @param vm may be NULL
 * @retval 0      done
 * @retval -EBUSY a session or device uses it; nothing changed
 */
int rawpci_vm_destroy(struct rawpci_vm *vm);

/**
 * Maps guest memory for the devices of the VM.
 *
 * If a device of the VM is on, this call finds out whether the memory is there and writable. If it
 * is not, the call returns -EADDRNOTAVAIL. If no device is on, the power-on finds out, fails, and
 * says which range it was.
 *
 * Align guest, host and size to the host's page size. While a device is on, align them instead to
 * the smallest page size of its IOMMU. If part of the range is mapped to the same memory already,
 * the call keeps that part and succeeds. When the call returns, all devices of the VM that are on
 * reach the memory.
 *
 * If the kernel has no DMA entry left, the library merges mappings that continue each other. During
 * the merge, devices may get DMA faults on memory that was mapped before.
 *
 * Its cost is logarithmic in the number of runs, and a system call while a device is on.
 *
 * @param vm    the VM
 * @param guest guest physical address, bytes
 * @param host  where these bytes are in this process, readable and writable
 * @param size  bytes, at least 1
 * @retval 0              done
 * @retval -EFAULT        vm or host is NULL
 * @retval -EINVAL        size is 0
 * @retval -EDOM          misaligned
 * @retval -ERANGE        one of these:
 *                        - guest + size is above 2^64
 *                        - host + size wraps
 *                        - a device is on and its IOMMU cannot translate the range
 *                          (rawpci_last_error() names the valid ranges)
 * @retval -EADDRINUSE    part of the range is mapped to other memory
 * @retval -EOPNOTSUPP    a device of the VM is on whose backend cannot map memory for its DMA
 * @retval -ENOSPC        DMA entries or locked memory are exhausted (rawpci_last_error() says
 *                        which, what was needed, and how to raise it)
 * @retval -EADDRNOTAVAIL the kernel refuses the mapping, for example because the memory is not
 *                        there, is not writable, or cannot be pinned
 * @retval -ENOMEM        no memory
 */
int rawpci_memory_map(struct rawpci_vm *vm, rawpci_iova_t guest, void *host, uint64_t size);

/**
 * Unmaps guest memory.
 *
 * The range may cover parts of one or several mappings and the gaps between them. When the call
 * returns, no device reaches the range. If the range cuts a mapping, devices reach the rest of it
 * again. While the call runs, devices may get DMA faults on pages that shared a kernel mapping with
 * the range.
 *
 * @param vm    the VM
 * @param guest guest physical address, bytes
 * @param size  bytes, at least 1
 * @retval 0              done
 * @retval -EFAULT        vm is NULL
 * @retval -EINVAL        as rawpci_memory_map()
 * @retval -EDOM          as rawpci_memory_map()
 * @retval -ERANGE        as rawpci_memory_map()
 * @retval -ENOENT        nothing is mapped in the range
 * @retval -ENOMEM        what stays could not be mapped again: no memory; nothing changed
 * @retval -ENOSPC        what stays could not be mapped again: no DMA entries or locked memory;
 *                        nothing changed
 * @retval -EADDRNOTAVAIL what stays could not be mapped again: the kernel refused; nothing changed
 * @retval -EIO           the kernel failed it; nothing changed
 */
int rawpci_memory_unmap(struct rawpci_vm *vm, rawpci_iova_t guest, uint64_t size);

/** Counts of a VM's memory. It grows at its end. */
struct rawpci_memory_stats {
	uint64_t bytes;           /**< Bytes of guest memory in the map. */
	uint64_t runs;            /**< Ranges after coalescing. */
	uint64_t kernel_mappings; /**< Mappings made for devices at present. */
};

/**
 * Returns counts of a VM's memory.
 *
 * @param vm   the VM
 * @param size sizeof(struct rawpci_memory_stats) as the program was compiled with
 * @param out  receives size bytes, on success only
 * @retval 0       done
 * @retval -EFAULT vm or out is NULL
 * @retval -EINVAL size is 0 or larger than the library's
 */
int rawpci_memory_stats(struct rawpci_vm *vm, size_t size, struct rawpci_memory_stats *out);

#ifdef __cplusplus
}
#endif

#endif
