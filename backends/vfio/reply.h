/* SPDX-License-Identifier: MIT */
/* Replies of the kernel with a chain of capabilities (reply.c). Keeps no state. */
#ifndef RAWPCI_VFIO_REPLY_H
#define RAWPCI_VFIO_REPLY_H

#include <stdint.h>

#include <rawpci/backend.h>

/**
 * Makes a request whose reply may be longer than its fixed part, into memory of the right size.
 * @fixed: the argument's fixed part, argsz first
 * @reply: receives size bytes that the caller frees
 */
int rawpci_vfio_query(int fd, unsigned long request, const void *fixed, uint32_t fixed_size,
		      void **reply, uint32_t *size);

/**
 * Finds a capability (struct vfio_info_cap_header) in the chain behind a reply.
 * @first: offset of the chain's first one; 0: none
 * @minimum: bytes the capability must have
 * @offset: receives where it starts
 *
 * Returns 0, -ENOENT, or -EIO for a chain that leaves the reply, overlaps its fixed part or does
 * not end.
 */
int rawpci_vfio_cap_find(const void *reply, uint32_t size, uint32_t fixed_size, uint32_t first,
			 uint16_t id, uint32_t minimum, uint32_t *offset);

/* Copies count pairs of 64-bit addresses, first and last, into limits. The kernel promises that
 * they ascend and do not overlap; otherwise none is copied. */
void rawpci_vfio_copy_ranges(const unsigned char *from, uint32_t count,
			     struct rawpci_dma_limits *limits);

#endif
