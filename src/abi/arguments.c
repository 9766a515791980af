/* SPDX-License-Identifier: MIT */
/* The ABI's arguments as the native API has them: parts of regions, and values in PCIRAWMEMLOC. */
#include <errno.h>

#include "abi/abi.h"

/* The ABI names a part of a region by its address on the host's bus, the native API by its offset.
 * A start below the region gives an offset beyond its end, which is refused later. */
static int offset_of(struct rawpci_device *dev, const struct rawpci_abi_range *range,
		     uint64_t *offset)
{
	struct rawpci_region_info info;
	int r;

	if (range->region < 0)
		return rawpci_fail(NULL, -EINVAL,
				   "%s: %d is no region number: use 0 to 5 for the "
				   "BARs, 6 for the expansion ROM",
				   dev->name, range->region);
	r = rawpci_do_region_info(dev, (unsigned)range->region, &info);
	if (r < 0)
		return r;
	*offset = range->start - info.address;
	return 0;
}

int rawpci_abi_map(struct rawpci_device *dev, const struct rawpci_abi_range *range, uint32_t flags,
		   struct rawpci_mapping *out)
{
	uint64_t offset = 0;
	int r = offset_of(dev, range, &offset);

	if (r < 0)
		return r;
	if (flags != 0)
		return rawpci_fail(NULL, -EBADRQC, "%s: mapping flags %#x: none are defined",
				   dev->name, flags);
	return rawpci_do_region_map(dev, (unsigned)range->region, offset, range->size, out);
}

int rawpci_abi_unmap(struct rawpci_device *dev, const struct rawpci_abi_range *range, void *base,
		     void *const *cpu)
{
	struct rawpci_mapping mapping = { .base = base, .size = range->size };
	uint64_t offset = 0;
	int r = offset_of(dev, range, &offset);

	if (r == 0 && cpu)
		mapping.cpu = *cpu;
	else if (r == 0)
		r = rawpci_do_mapping_cpu(dev, base, &mapping.cpu);
	if (r < 0)
		return r;
	return rawpci_do_region_unmap(dev, (unsigned)range->region, offset, &mapping);
}

uint64_t rawpci_abi_value(const PCIRAWMEMLOC *value)
{
	switch (value->cb) {
	case 1:
		return value->u.u8;
	case 2:
		return value->u.u16;
	case 4:
		return value->u.u32;
	default:
		return value->u.u64;
	}
}

int rawpci_abi_config_read(struct rawpci_device *dev, uint32_t offset, PCIRAWMEMLOC *value)
{
	uint32_t result;
	int r = rawpci_do_config_read(dev, offset, value->cb, &result);

	if (r == 0)
		value->u.u64 = result;
	return r;
}

int rawpci_abi_config_write(struct rawpci_device *dev, uint32_t offset, const PCIRAWMEMLOC *value)
{
	/* The native call refuses a width that config space does not have. */
	return rawpci_do_config_write(dev, offset, value->cb, (uint32_t)rawpci_abi_value(value));
}
