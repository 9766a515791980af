/* SPDX-License-Identifier: MIT */
/*
 * What the device decodes, as the device itself says it, and whether MMIO and ports may be accessed
 * then. COMMAND and the power state decide.
 */
#include "device/config.h"

#include "core/log.h"
#include "device/maps.h"
#include "pci/pci.h"

int rawpci_decode_read(struct rawpci_device *dev, struct rawpci_decode *out)
{
	struct rawpci_decode decode = { 0, 0 };
	int r;

	r = rawpci_config_peek(dev, RAWPCI_CFG_COMMAND, 2, &decode.command);
	if (r == 0 && dev->reach.pm_cap)
		r = rawpci_config_peek(dev, dev->reach.pm_cap + RAWPCI_PM_CONTROL, 2,
				       &decode.control);
	if (r < 0)
		return r;
	if (decode.command == 0xffff && rawpci_device_gone(dev))
		return rawpci_access_check(dev, RAWPCI_ACCESS_PRESENT);
	*out = decode;
	return 0;
}

void rawpci_decode_apply(struct rawpci_device *dev, const struct rawpci_decode *decode)
{
	unsigned bits = 0;

	atomic_store(&dev->reach.asleep, (decode->control & RAWPCI_PM_STATE) != 0);
	if ((decode->control & RAWPCI_PM_STATE) == 0) {
		if (dev->caps.memory_always_on || (decode->command & RAWPCI_COMMAND_MEMORY))
			bits |= RAWPCI_ACCESS_MEMORY;
		if (decode->command & RAWPCI_COMMAND_IO)
			bits |= RAWPCI_ACCESS_IO;
	}
	rawpci_access_stop(dev, ~bits & (RAWPCI_ACCESS_MEMORY | RAWPCI_ACCESS_IO));
	rawpci_access_start(dev, bits);
}

void rawpci_decode_follow(struct rawpci_device *dev)
{
	/* As if asleep: then even a virtual function decodes nothing. */
	struct rawpci_decode now = { 0, RAWPCI_PM_D3HOT };
	struct rawpci_reason reason;

	rawpci_reason_keep(&reason);
	if (rawpci_decode_read(dev, &now) < 0) {
		rawpci_say(dev->ctx, RAWPCI_LOG_WARNING,
			   "%s: its COMMAND or power state cannot be "
			   "read, so accesses to its regions fail until COMMAND is written: %s",
			   dev->name, rawpci_reason());
		rawpci_reason_restore(&reason);
	}
	rawpci_decode_apply(dev, &now);
}
