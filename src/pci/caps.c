/* SPDX-License-Identifier: MIT */
#include "pci/pci.h"

/* Capabilities are dwords behind the 64-byte header, so a list without loop has at most 48. */
#define MOST_CAPABILITIES 48

int rawpci_caps_find(const struct rawpci_config_reader *reader, uint8_t id, uint8_t *offset)
{
	uint32_t status, pointer, entry;
	int r;

	*offset = 0;
	r = reader->read(reader->opaque, RAWPCI_CFG_STATUS, 2, &status);
	if (r < 0 || !(status & RAWPCI_STATUS_CAPABILITIES))
		return r;
	r = reader->read(reader->opaque, RAWPCI_CFG_CAPABILITIES, 1, &pointer);
	for (unsigned i = 0; r == 0 && i < MOST_CAPABILITIES; i++) {
		/* PCI 3.0, 6.7: the bottom two bits are reserved and must be masked. */
		pointer &= 0xfc;
		if (pointer < 0x40)
			return 0;
		r = reader->read(reader->opaque, pointer, 2, &entry);
		if (r < 0)
			return r;
		if ((entry & 0xff) == 0xff)
			return 0;
		if ((entry & 0xff) == id) {
			*offset = (uint8_t)pointer;
			return 0;
		}
		pointer = entry >> 8;
	}
	return r;
}
