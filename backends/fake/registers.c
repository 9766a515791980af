/* SPDX-License-Identifier: MIT */
/*
 * The registers of config space, as VFIO presents them: BARs can be sized and written without
 * moving the region. Layout: PCI Local Bus Specification 3.0, chapter 6; PCI Express Base
 * Specification, section 7.5.3; PCI Bus Power Management 1.2, section 3.2.
 */
#include "fake/internal.h"

#include <string.h>

#include "pci/pci.h"

#define CAP_PM_AT 0x40
#define CAP_MSI_AT 0x50
#define CAP_MSIX_AT 0x70
#define CAP_EXPRESS_AT 0x80

#define CACHE_LINE_SIZE 0x0c
#define INTERRUPT_PIN_A 1

#define PM_VERSION_3 0x0003
#define PM_NO_SOFT_RESET 0x0008 /* D3hot keeps the registers */

#define MSI_ENABLE 0x0001
#define MSI_MULTIPLE_ENABLE 0x0070
#define MSI_64BIT 0x0080
#define MSIX_ENABLE 0x8000
#define MSIX_MASK_ALL 0x4000

#define EXPRESS_ENDPOINT_V2 0x0002
#define EXPRESS_ROLE_BASED 0x00008000
#define EXPRESS_CONTROL_INITIAL 0x2810 /* 512-byte reads, no snoop, relaxed ordering */
#define EXPRESS_WRITABLE 0x7dff        /* without phantom functions, as with VFIO, and the reset */
#define EXPRESS_LINK_X1_GEN1 0x0011

static void put(uint8_t *bytes, unsigned offset, unsigned width, uint32_t value)
{
	for (unsigned i = 0; i < width; i++)
		bytes[offset + i] = (uint8_t)(value >> (8 * i));
}

/* Defines a register: its initial value, and the bits that can be written. */
static void define(struct rawpci_fake *fake, unsigned offset, unsigned width, uint32_t value,
		   uint32_t writable)
{
	put(fake->initial, offset, width, value);
	put(fake->writable, offset, width, writable);
}

static void define_bar(struct rawpci_fake *fake, unsigned index)
{
	const struct rawpci_fake_region *region = &fake->regions[index];
	unsigned offset = RAWPCI_CFG_BAR0 + 4 * index;
	uint64_t mask = ~(region->size - 1);
	uint32_t low = (uint32_t)region->address | region->flags;

	if (region->flags & RAWPCI_REGION_IO)
		mask &= 0xfffffffc;
	else
		mask &= ~(uint64_t)0xf;
	define(fake, offset, 4, low, (uint32_t)mask);
	if (region->flags & RAWPCI_REGION_64BIT)
		define(fake, offset + 4, 4, (uint32_t)(region->address >> 32),
		       (uint32_t)(mask >> 32));
}

/* Appends a capability to the list. Returns its offset. */
static uint8_t define_cap(struct rawpci_fake *fake, unsigned *link, uint8_t id, uint8_t offset)
{
	fake->initial[*link] = offset;
	fake->initial[offset] = id;
	*link = offset + 1u;
	return offset;
}

static void define_msi(struct rawpci_fake *fake, unsigned *link)
{
	uint8_t at = fake->cap_msi = define_cap(fake, link, RAWPCI_CAP_MSI, CAP_MSI_AT);
	unsigned log2 = 0;

	while (1u << log2 < fake->is.msi)
		log2++;
	define(fake, at + RAWPCI_MSI_FLAGS, 2, MSI_64BIT | log2 << 1,
	       MSI_ENABLE | MSI_MULTIPLE_ENABLE);
	define(fake, at + 4u, 4, 0, 0xfffffffc);
	define(fake, at + 8u, 4, 0, 0xffffffff);
	define(fake, at + 12u, 2, 0, 0xffff);
}

static void define_msix(struct rawpci_fake *fake, unsigned *link)
{
	uint8_t at = fake->cap_msix = define_cap(fake, link, RAWPCI_CAP_MSIX, CAP_MSIX_AT);
	uint32_t pending = fake->is.msix * RAWPCI_MSIX_ENTRY;

	define(fake, at + RAWPCI_MSIX_FLAGS, 2, fake->is.msix - 1, MSIX_ENABLE | MSIX_MASK_ALL);
	define(fake, at + RAWPCI_MSIX_TABLE, 4, fake->is.msix_bar, 0);
	define(fake, at + 8u, 4, pending | fake->is.msix_bar, 0);
}

static void define_express(struct rawpci_fake *fake, unsigned *link)
{
	uint8_t at = fake->cap_express = define_cap(fake, link, RAWPCI_CAP_EXPRESS, CAP_EXPRESS_AT);
	uint32_t can_reset = fake->is.no_reset ? 0 : RAWPCI_EXPRESS_DEVICE_RESET;

	define(fake, at + 2u, 2, EXPRESS_ENDPOINT_V2, 0);
	define(fake, at + RAWPCI_EXPRESS_DEVICE, 4, EXPRESS_ROLE_BASED | can_reset, 0);
	define(fake, at + RAWPCI_EXPRESS_DEVICE_CONTROL, 2, EXPRESS_CONTROL_INITIAL,
	       EXPRESS_WRITABLE);
	define(fake, at + 12u, 4, EXPRESS_LINK_X1_GEN1, 0);
	define(fake, at + 18u, 2, EXPRESS_LINK_X1_GEN1, 0);
}

static void define_caps(struct rawpci_fake *fake)
{
	unsigned link = RAWPCI_CFG_CAPABILITIES;

	if (fake->is.pm) {
		fake->cap_pm = define_cap(fake, &link, RAWPCI_CAP_PM, CAP_PM_AT);
		define(fake, fake->cap_pm + 2u, 2, PM_VERSION_3, 0);
		define(fake, fake->cap_pm + RAWPCI_PM_CONTROL, 2, PM_NO_SOFT_RESET,
		       RAWPCI_PM_STATE);
	}
	if (fake->is.msi > 0)
		define_msi(fake, &link);
	if (fake->is.msix > 0)
		define_msix(fake, &link);
	if (fake->is.extended)
		define_express(fake, &link);
	if (link != RAWPCI_CFG_CAPABILITIES)
		define(fake, RAWPCI_CFG_STATUS, 2, RAWPCI_STATUS_CAPABILITIES, 0);
}

static int read_initial(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	const struct rawpci_fake *fake = opaque;

	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)fake->initial[offset + i] << (8 * i);
	return 0;
}

void rawpci_fake_config_build(struct rawpci_fake *fake)
{
	const struct rawpci_config_reader reader = { read_initial, fake };
	const struct rawpci_fake_region *rom = &fake->regions[RAWPCI_REGION_ROM];

	define(fake, RAWPCI_CFG_VENDOR, 2, fake->is.vendor_id, 0);
	define(fake, RAWPCI_CFG_DEVICE, 2, fake->is.device_id, 0);
	define(fake, RAWPCI_CFG_COMMAND, 2, 0,
	       RAWPCI_COMMAND_IO | RAWPCI_COMMAND_MEMORY | RAWPCI_COMMAND_MASTER |
		       RAWPCI_COMMAND_INTX_DISABLE);
	define(fake, RAWPCI_CFG_CLASS_REVISION, 4, fake->is.class_code << 8, 0);
	define(fake, CACHE_LINE_SIZE, 1, 0, 0xff);
	define(fake, RAWPCI_CFG_INTERRUPT_LINE, 1, 0, 0xff);
	define(fake, RAWPCI_CFG_INTERRUPT_PIN, 1, fake->is.intx ? INTERRUPT_PIN_A : 0, 0);
	for (unsigned i = 0; i < RAWPCI_REGION_ROM; i++)
		if (fake->regions[i].size > 0)
			define_bar(fake, i);
	if (rom->size > 0)
		define(fake, RAWPCI_CFG_ROM, 4, (uint32_t)rom->address,
		       (uint32_t) ~(rom->size - 1) | 1); /* bit 0: enable */
	define_caps(fake);
	(void)rawpci_resets_find(&reader, &fake->resets);
	memcpy(fake->config, fake->initial, sizeof(fake->config));
}

uint16_t rawpci_fake_config_get16(const struct rawpci_fake *fake, unsigned offset)
{
	return (uint16_t)(fake->config[offset] | fake->config[offset + 1] << 8);
}

void rawpci_fake_config_set16(struct rawpci_fake *fake, unsigned offset, uint16_t value)
{
	put(fake->config, offset, 2, value);
}

bool rawpci_fake_config_awake(const struct rawpci_fake *fake)
{
	return fake->cap_pm == 0 ||
	       (fake->config[fake->cap_pm + RAWPCI_PM_CONTROL] & RAWPCI_PM_STATE) == 0;
}
