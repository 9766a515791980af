/* SPDX-License-Identifier: MIT */
/* Writes that cover a register of config space in part. */
#include "pci/pci.h"

bool rawpci_config_overlaps(uint32_t offset, unsigned width, uint32_t start, uint32_t length)
{
	return offset < start + length && start < offset + width;
}

uint32_t rawpci_config_merge(uint32_t old, uint32_t start, uint32_t offset, unsigned width,
			     uint32_t value)
{
	for (unsigned i = 0; i < width; i++) {
		uint32_t at = offset + i;
		unsigned shift;

		if (at < start || at - start > 3)
			continue;
		shift = 8 * (at - start);
		old = (old & ~(UINT32_C(0xff) << shift)) | (value >> (8 * i) & 0xff) << shift;
	}
	return old;
}
