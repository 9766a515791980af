/* SPDX-License-Identifier: MIT */
/*
 * Interrupts, power states and resets that a device's capabilities announce.
 * PCI Local Bus Specification 3.0, 6.8.1 (MSI), 6.8.2 (MSI-X); PCI Express Base Specification,
 * 7.5.3; Advanced Capabilities for Conventional PCI ECN; PCI Power Management 1.2, 3.2.
 */
#include <errno.h>

#include <rawpci/enumerate.h>
#include <rawpci/irq.h>

#include "pci/pci.h"

/* Reads a register inside a capability; 0 if the device has no such capability. */
static int read_in(const struct rawpci_config_reader *reader, uint8_t id, uint32_t offset,
		   unsigned width, bool *there, uint32_t *value)
{
	uint8_t at;
	int r = rawpci_caps_find(reader, id, &at);

	*value = 0;
	*there = r == 0 && at != 0;
	if (!*there)
		return r;
	/* A dword read has to be aligned. Capabilities are. */
	return reader->read(reader->opaque, at + offset, width, value);
}

static int read_interrupts(const struct rawpci_config_reader *reader, struct rawpci_abilities *out)
{
	uint32_t flags;
	bool there;
	int r = read_in(reader, RAWPCI_CAP_MSI, RAWPCI_MSI_FLAGS, 2, &there, &flags);

	if (r == 0 && there) {
		/* Encodings above 5 are reserved. */
		unsigned order = flags >> 1 & 7;

		out->irq_count[RAWPCI_IRQ_MSI] = 1u << (order > 5 ? 5 : order);
	}
	if (r == 0)
		r = read_in(reader, RAWPCI_CAP_MSIX, RAWPCI_MSIX_FLAGS, 2, &there, &flags);
	if (r == 0 && there)
		out->irq_count[RAWPCI_IRQ_MSIX] = (flags & 0x7ff) + 1;
	return r;
}

static int read_resets(const struct rawpci_config_reader *reader, struct rawpci_abilities *out)
{
	struct rawpci_resets resets;
	uint8_t express;
	int r = rawpci_caps_find(reader, RAWPCI_CAP_EXPRESS, &express);

	out->express = r == 0 && express != 0;
	if (r == 0)
		r = rawpci_resets_find(reader, &resets);
	if (r < 0)
		return r;
	if (resets.express)
		out->reset_methods |= RAWPCI_RESET_FLR;
	if (resets.af)
		out->reset_methods |= RAWPCI_RESET_AF_FLR;
	return 0;
}

static int read_power(const struct rawpci_config_reader *reader, struct rawpci_abilities *out)
{
	uint32_t value;
	bool there;
	int r = read_in(reader, RAWPCI_CAP_PM, RAWPCI_PM_CAPABILITIES, 2, &there, &value);

	if (r < 0 || !there)
		return r;
	out->power_states = 1u << 3; /* D3hot is not optional */
	if (value & RAWPCI_PM_D1)
		out->power_states |= 1u << 1;
	if (value & RAWPCI_PM_D2)
		out->power_states |= 1u << 2;
	r = read_in(reader, RAWPCI_CAP_PM, RAWPCI_PM_CONTROL, 2, &there, &value);
	if (r == 0 && !(value & RAWPCI_PM_NO_SOFT_RESET))
		out->reset_methods |= RAWPCI_RESET_PM;
	return r;
}

int rawpci_abilities_read(const struct rawpci_config_reader *reader, struct rawpci_abilities *out)
{
	struct rawpci_abilities found = { .known = true };
	struct rawpci_abilities without = { .known = false };
	uint32_t pin;
	int r = reader->read(reader->opaque, RAWPCI_CFG_INTERRUPT_PIN, 1, &pin);

	if (r < 0)
		return r;
	found.irq_count[RAWPCI_IRQ_INTX] = pin >= 1 && pin <= 4;
	without.irq_count[RAWPCI_IRQ_INTX] = found.irq_count[RAWPCI_IRQ_INTX];
	r = read_interrupts(reader, &found);
	if (r == 0)
		r = read_resets(reader, &found);
	if (r == 0)
		r = read_power(reader, &found);
	if (r < 0 && r != -EPERM)
		return r;
	*out = r < 0 ? without : found;
	return 0;
}
