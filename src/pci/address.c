/* SPDX-License-Identifier: MIT */
/* Addresses of devices: reading, writing, comparing and unpacking them. */
#include <errno.h>
#include <stdio.h>

#include "pci/pci.h"

/* Reads 1 to most hexadecimal digits. Returns their number; 0 for none or too many. */
static unsigned hex(const char *text, unsigned most, uint32_t *value)
{
	unsigned n = 0;

	*value = 0;
	for (;; n++) {
		char c = text[n];
		uint32_t digit;

		if (c >= '0' && c <= '9')
			digit = (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			digit = (uint32_t)(c - 'a') + 10;
		else if (c >= 'A' && c <= 'F')
			digit = (uint32_t)(c - 'A') + 10;
		else
			return n;
		if (n == most)
			return 0;
		*value = *value << 4 | digit;
	}
}

int rawpci_address_parse(const char *text, struct rawpci_address *out)
{
	uint32_t segment = 0, bus, device, function;
	unsigned n;

	if (!text || !out)
		return -EFAULT;
	n = hex(text, 8, &bus);
	if (n == 0 || text[n] != ':')
		return -EINVAL;
	text += n + 1;
	n = hex(text, 2, &device);
	if (n == 0)
		return -EINVAL;
	if (text[n] == ':') {
		segment = bus;
		bus = device;
		text += n + 1;
		n = hex(text, 2, &device);
	}
	if (n == 0 || text[n] != '.' || bus > 0xff || device > 31)
		return -EINVAL;
	text += n + 1;
	n = hex(text, 1, &function);
	if (n == 0 || text[n] != '\0' || function > 7)
		return -EINVAL;
	out->segment = segment;
	out->bus = (uint8_t)bus;
	out->device = (uint8_t)device;
	out->function = (uint8_t)function;
	return 0;
}

char *rawpci_address_format(const struct rawpci_address *address, char *text)
{
	(void)snprintf(text, RAWPCI_ADDRESS_TEXT, "%04x:%02x:%02x.%x", address->segment,
		       address->bus, address->device & 31u, address->function & 7u);
	return text;
}

int rawpci_address_compare(const struct rawpci_address *a, const struct rawpci_address *b)
{
	uint32_t left = (uint32_t)a->bus << 16 | (uint32_t)a->device << 8 | a->function;
	uint32_t right = (uint32_t)b->bus << 16 | (uint32_t)b->device << 8 | b->function;

	if (a->segment != b->segment)
		return a->segment < b->segment ? -1 : 1;
	return left < right ? -1 : left > right;
}

struct rawpci_address rawpci_address_from_abi(uint32_t address)
{
	return (struct rawpci_address){
		.segment = address >> 16,
		.bus = (uint8_t)(address >> 8),
		.device = (uint8_t)(address >> 3 & 31),
		.function = (uint8_t)(address & 7),
	};
}
