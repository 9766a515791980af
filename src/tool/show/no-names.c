/* SPDX-License-Identifier: MIT */
/* The command was built without libpciaccess: devices have ids and no names. */
#include <stddef.h>

#include "names.h"

const char *names_vendor(uint16_t vendor_id)
{
	(void)vendor_id;
	return NULL;
}

const char *names_device(uint16_t vendor_id, uint16_t device_id)
{
	(void)vendor_id;
	(void)device_id;
	return NULL;
}

bool names_is_boot_display(const struct rawpci_address *address)
{
	(void)address;
	return false;
}
