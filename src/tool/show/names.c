/* SPDX-License-Identifier: MIT */
/* Names of vendors and devices, and the host's first display, by libpciaccess. */
#include "names.h"

#include <pciaccess.h>
#include <stdlib.h>

static struct pci_id_match match_of(uint16_t vendor_id, uint32_t device_id)
{
	return (struct pci_id_match){
		.vendor_id = vendor_id,
		.device_id = device_id,
		.subvendor_id = PCI_MATCH_ANY,
		.subdevice_id = PCI_MATCH_ANY,
	};
}

const char *names_vendor(uint16_t vendor_id)
{
	const struct pci_id_match match = match_of(vendor_id, PCI_MATCH_ANY);
	const char *name = NULL;

	pci_get_strings(&match, NULL, &name, NULL, NULL);
	return name;
}

const char *names_device(uint16_t vendor_id, uint16_t device_id)
{
	const struct pci_id_match match = match_of(vendor_id, device_id);
	const char *name = NULL;

	pci_get_strings(&match, &name, NULL, NULL, NULL);
	return name;
}

bool names_is_boot_display(const struct rawpci_address *address)
{
	static enum { NOT_ASKED, READY, FAILED } state;
	struct pci_device *device;

	if (state == NOT_ASKED) {
		state = pci_system_init() == 0 ? READY : FAILED;
		if (state == READY)
			(void)atexit(pci_system_cleanup);
	}
	if (state == FAILED)
		return false;
	device = pci_device_find_by_slot(address->segment, address->bus, address->device,
					 address->function);
	return device && pci_device_is_boot_vga(device) > 0;
}
