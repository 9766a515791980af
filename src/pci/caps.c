/* SPDX-License-Identifier: MIT */
/* The list of capabilities in config space. */
#include "pci/pci.h"

int rawpci_caps_each(const struct rawpci_config_reader *reader,
		     int (*each)(void *opaque, uint8_t id, uint8_t offset), void *opaque)
{
	uint32_t status, pointer, entry;
	int r;

	r = reader->read(reader->opaque, RAWPCI_CFG_STATUS, 2, &status);
	if (r < 0 || !(status & RAWPCI_STATUS_CAPABILITIES))
		return r;
	r = reader->read(reader->opaque, RAWPCI_CFG_CAPABILITIES, 1, &pointer);
	for (unsigned i = 0; r == 0 && i < RAWPCI_CAPS_MOST; i++) {
		/* PCI 3.0, 6.7: the bottom two bits are reserved and must be masked. */
		pointer &= 0xfc;
		if (pointer < 0x40)
			return 0;
		r = reader->read(reader->opaque, pointer, 2, &entry);
		if (r < 0)
			return r;
		if ((entry & 0xff) == 0xff)
			return 0;
		r = each(opaque, (uint8_t)entry, (uint8_t)pointer);
		pointer = entry >> 8;
	}
	return r;
}

struct search {
	uint8_t id, *offset;
};

static int compare(void *opaque, uint8_t id, uint8_t offset)
{
	const struct search *search = opaque;

	if (id != search->id)
		return 0;
	*search->offset = offset;
	return 1;
}

int rawpci_caps_find(const struct rawpci_config_reader *reader, uint8_t id, uint8_t *offset)
{
	struct search search = { id, offset };
	int r;

	*offset = 0;
	r = rawpci_caps_each(reader, compare, &search);
	return r < 0 ? r : 0;
}
