/* SPDX-License-Identifier: MIT */
/* A config space in memory, of which some reads may fail. */
#ifndef RAWPCI_TESTS_PCI_SPACE_H
#define RAWPCI_TESTS_PCI_SPACE_H

#include <check.h>
#include <errno.h>
#include <string.h>

#include "pci/pci.h"

struct space {
	uint8_t bytes[256];
	uint32_t size;  /* bytes that can be read */
	int error;      /* the error of a read beyond size */
	unsigned reads; /* how many reads there were */
	unsigned fails; /* the read that fails with -EIO, 1 is the first; 0: none */
};

/* An empty list of capabilities, all readable; reads behind it fail as for an unprivileged user. */
static inline void space_init(struct space *space, uint8_t first_capability)
{
	memset(space, 0, sizeof(*space));
	space->size = sizeof(space->bytes);
	space->error = -EPERM;
	space->bytes[RAWPCI_CFG_STATUS] = RAWPCI_STATUS_CAPABILITIES;
	space->bytes[RAWPCI_CFG_CAPABILITIES] = first_capability;
}

static inline void space_put(struct space *space, uint8_t at, uint8_t id, uint8_t next)
{
	space->bytes[at] = id;
	space->bytes[at + 1] = next;
}

static inline int space_read(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	struct space *space = opaque;

	ck_assert_uint_le(offset + width, sizeof(space->bytes));
	ck_assert_uint_eq(offset % width, 0);
	if (++space->reads == space->fails)
		return -EIO;
	if (offset + width > space->size)
		return space->error;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)space->bytes[offset + i] << (8 * i);
	return 0;
}

#endif
