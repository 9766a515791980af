/* SPDX-License-Identifier: MIT */
/* The capability list of any 256 bytes: every access is aligned, inside, and their number bounded;
 * what is found is a capability with that id behind the header. */
#include <errno.h>
#include <stdlib.h>

#include "fuzz.h"
#include "pci/pci.h"

struct space {
	uint8_t config[256];
	unsigned reads;
	unsigned fail_at;
};

static int read_config(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	struct space *space = opaque;

	if ((width != 1 && width != 2 && width != 4) || offset % width != 0 || offset > 256 - width)
		abort();
	/* 48 capabilities fit behind the header. */
	if (++space->reads > 3 * 48 + 8)
		abort();
	if (space->reads == space->fail_at)
		return -EIO;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)space->config[offset + i] << (8 * i);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes bytes = { data, size };
	struct space space = { .reads = 0 };
	const struct rawpci_config_reader reader = { read_config, &space };
	uint8_t id = bytes_one(&bytes), offset = 1;
	int r;

	space.fail_at = bytes_one(&bytes);
	bytes_take(&bytes, space.config, sizeof(space.config));
	if (space.fail_at & 1)
		space.config[RAWPCI_CFG_STATUS] |= RAWPCI_STATUS_CAPABILITIES;
	r = rawpci_caps_find(&reader, id, &offset);
	if (r < 0) {
		if (r != -EIO || space.reads != space.fail_at)
			abort();
		return 0;
	}
	if (offset != 0 && (offset < 0x40 || offset % 4 != 0 || space.config[offset] != id))
		abort();
	return 0;
}
