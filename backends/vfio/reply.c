/* SPDX-License-Identifier: MIT */
/* Replies that carry a chain of capabilities (linux/vfio.h, "VFIO_REGION_INFO_FLAG_CAPS"). */
#include "vfio/reply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <linux/vfio.h>

#include "os/sys.h"

#define QUERY_LIMIT (1U << 20) /* bytes; the longest known reply has a few hundred */
#define QUERY_TRIES 4
#define CHAIN_LIMIT 64

/* The reply may be longer when it is asked for again: another device was added. */
int rawpci_vfio_query(int fd, unsigned long request, const void *fixed, uint32_t fixed_size,
		      void **reply, uint32_t *size)
{
	uint32_t room = fixed_size;
	uint32_t needed;
	unsigned char *buffer;
	int i, r;

	for (i = 0; i < QUERY_TRIES; i++) {
		buffer = calloc(1, room);
		if (!buffer)
			return -ENOMEM;
		memcpy(buffer, fixed, fixed_size);
		memcpy(buffer, &room, sizeof(room)); /* argsz */
		r = rawpci_sys_ioctl(fd, request, buffer);
		memcpy(&needed, buffer, sizeof(needed));
		if (r >= 0 && needed <= room) {
			*reply = buffer;
			*size = room;
			return 0;
		}
		free(buffer);
		if (r < 0)
			return r;
		if (needed > QUERY_LIMIT)
			return -EIO;
		room = needed;
	}
	return -EIO;
}

int rawpci_vfio_cap_find(const void *reply, uint32_t size, uint32_t fixed_size, uint32_t first,
			 uint16_t id, uint32_t minimum, uint32_t *offset)
{
	struct vfio_info_cap_header header;
	uint32_t at = first;
	int i;

	for (i = 0; at != 0; i++) {
		if (i == CHAIN_LIMIT || at < fixed_size || at > size || size - at < sizeof(header))
			return -EIO;
		/* Kernels differ in how they align capabilities. */
		memcpy(&header, (const unsigned char *)reply + at, sizeof(header));
		if (header.id == id) {
			if (size - at < minimum)
				return -EIO;
			*offset = at;
			return 0;
		}
		at = header.next;
	}
	return -ENOENT;
}

void rawpci_vfio_copy_ranges(const unsigned char *from, uint32_t count,
			     struct rawpci_dma_limits *limits)
{
	struct vfio_iova_range range;
	uint32_t i;

	if (count > RAWPCI_DMA_RANGES)
		return;
	for (i = 0; i < count; i++) {
		memcpy(&range, from + i * sizeof(range), sizeof(range));
		if (range.start > range.end || (i > 0 && range.start <= limits->ranges[i - 1].last))
			return;
		limits->ranges[i].first = range.start;
		limits->ranges[i].last = range.end;
	}
	limits->range_count = count;
}
