/* SPDX-License-Identifier: MIT */
/* Function level resets. PCI Express Base Specification, 6.6.2 and 7.5.3; ECN "Advanced
 * Capabilities for Conventional PCI". */
#include "pci/pci.h"

static int find(const struct rawpci_config_reader *reader, uint8_t id, uint32_t says,
		unsigned width, uint32_t can, uint8_t *found)
{
	uint32_t value;
	uint8_t at;
	int r = rawpci_caps_find(reader, id, &at);

	if (r < 0 || at == 0 || at + says + width > 256)
		return r;
	r = reader->read(reader->opaque, at + says, width, &value);
	if (r == 0 && (value & can) == can)
		*found = at;
	return r;
}

int rawpci_resets_find(const struct rawpci_config_reader *reader, struct rawpci_resets *out)
{
	struct rawpci_resets found = { 0, 0 };
	int r = find(reader, RAWPCI_CAP_EXPRESS, RAWPCI_EXPRESS_DEVICE, 4,
		     RAWPCI_EXPRESS_DEVICE_RESET, &found.express);

	if (r == 0)
		r = find(reader, RAWPCI_CAP_AF, RAWPCI_AF_CAPABILITIES, 1, RAWPCI_AF_CAN_RESET,
			 &found.af);
	*out = found;
	return r;
}

static bool sets(uint32_t start, uint32_t bit, uint32_t offset, unsigned width, uint32_t value)
{
	return (rawpci_config_merge(0, start, offset, width, value) & bit) != 0;
}

bool rawpci_resets_start(const struct rawpci_resets *resets, uint32_t offset, unsigned width,
			 uint32_t value)
{
	return (resets->express != 0 &&
		sets((uint32_t)resets->express + RAWPCI_EXPRESS_DEVICE_CONTROL,
		     RAWPCI_EXPRESS_RESET, offset, width, value)) ||
	       (resets->af != 0 && sets((uint32_t)resets->af + RAWPCI_AF_CONTROL, RAWPCI_AF_RESET,
					offset, width, value));
}
