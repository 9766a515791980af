/* SPDX-License-Identifier: MIT */
/* Accesses to config space, and what a write sets off: an interrupt, or a reset. */
#include "fake/internal.h"

#include "pci/pci.h"

int rawpci_fake_cfg_read(void *device, uint32_t offset, unsigned width, uint32_t *value)
{
	struct rawpci_fake *fake = device;
	uint32_t result = 0;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_CFG_READ);

	if (r < 0)
		return r;
	if (!rawpci_fake_lock(fake))
		result = 0xffffffffu >> (32 - 8 * width);
	else if (offset < RAWPCI_FAKE_CONFIG)
		for (unsigned i = 0; i < width; i++)
			result |= (uint32_t)fake->config[offset + i] << (8 * i);
	rawpci_fake_unlock(fake);
	*value = result;
	return 0;
}

/* A write of a power state that the device does not have is dropped (PCI Bus Power Management 1.2,
 * section 3.2.4). */
static void settle_power(struct rawpci_fake *fake, uint8_t before)
{
	uint8_t *control = &fake->config[fake->cap_pm + RAWPCI_PM_CONTROL];
	uint8_t state = *control & RAWPCI_PM_STATE;

	if (fake->cap_pm != 0 && state != 0 && state != RAWPCI_PM_D3HOT)
		*control = before;
}

int rawpci_fake_cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
	struct rawpci_fake *fake = device;
	bool reset = false;
	int r = rawpci_fake_enter(fake->instance, RAWPCI_FAKE_CFG_WRITE);

	if (r < 0)
		return r;
	if (rawpci_fake_lock(fake) && offset < RAWPCI_FAKE_CONFIG) {
		uint8_t power = fake->config[fake->cap_pm + RAWPCI_PM_CONTROL];

		for (unsigned i = 0; i < width; i++) {
			uint8_t mask = fake->writable[offset + i];
			uint8_t byte = (uint8_t)(value >> (8 * i));
			uint8_t *old = &fake->config[offset + i];

			*old = (uint8_t)((*old & ~mask) | (byte & mask));
		}
		settle_power(fake, power);
		reset = rawpci_resets_start(&fake->resets, offset, width, value);
		rawpci_fake_intx_deliver(fake); /* INTx may have become possible */
	}
	rawpci_fake_unlock(fake);
	if (reset)
		rawpci_fake_device_reset(fake);
	return 0;
}
