/* SPDX-License-Identifier: MIT */
/*
 * The independent witness: for every PCI device of the machine, what libpciaccess reads equals what
 * the library says: ids, class, BARs, ROM, and all of config space.
 *
 * Config space is read through the device where it can be opened without taking it from a driver.
 * In any case the file config of sysfs, as the library enumerates from it, is compared.
 *
 * usage: lab-witness [NAME=VALUE]...   settings of the library
 */
#include <pciaccess.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/enumerate.h>
#include <rawpci/region.h>

#include "check.h"

#define CONFIG_MOST 4096
/* While sysfs has a device open, the device's Interrupt Disable is set: the program sees its own. */
#define COMMAND_HIGH 5
#define INTX_DISABLE 4
#define ROM_REGISTER 0x30
#define BRIDGE_ROM_REGISTER 0x38
#define ROM_ADDRESS 0xfffff800u

struct witness {
	struct rawpci *ctx; /* of the backend sysfs */
	unsigned devices, opened;
};

static char name[RAWPCI_ADDRESS_TEXT]; /* of the device that is looked at */

static void compare(const char *what, uint64_t witness, uint64_t library)
{
	check(witness == library, "%s: %s: libpciaccess %#llx, rawpci %#llx", name, what,
	      (unsigned long long)witness, (unsigned long long)library);
}

static void compare_ids(const struct pci_device *p, const struct rawpci_host_device *d)
{
	compare("vendor", p->vendor_id, d->vendor_id);
	compare("device", p->device_id, d->device_id);
	compare("subsystem vendor", p->subvendor_id, d->subsystem_vendor_id);
	compare("subsystem", p->subdevice_id, d->subsystem_id);
	compare("class", p->device_class, d->class_code);
	compare("revision", p->revision, d->revision);
}

static void compare_regions(const struct pci_device *p, const struct rawpci_host_device *d)
{
	char what[32];

	for (unsigned i = 0; i < 6; i++) {
		const struct pci_mem_region *is = &p->regions[i];
		const uint32_t flags = (is->is_IO ? RAWPCI_REGION_IO : 0u) |
				       (is->is_64 ? RAWPCI_REGION_64BIT : 0u) |
				       (is->is_prefetchable ? RAWPCI_REGION_PREFETCH : 0u);

		(void)snprintf(what, sizeof(what), "BAR %u: address", i);
		compare(what, is->base_addr, d->regions[i].address);
		(void)snprintf(what, sizeof(what), "BAR %u: size", i);
		compare(what, is->size, d->regions[i].size);
		(void)snprintf(what, sizeof(what), "BAR %u: flags", i);
		compare(what, flags, d->regions[i].flags);
	}
	compare("ROM: size", p->rom_size, d->regions[RAWPCI_REGION_ROM].size);
}

/* libpciaccess has no field for the ROM's address: its register has it, where it is decoded. */
static void compare_rom(struct pci_device *p, const struct rawpci_host_device *d)
{
	uint32_t value = 0;

	if (d->regions[RAWPCI_REGION_ROM].size == 0)
		return;
	if (!check(pci_device_cfg_read_u32(p, &value,
					   d->bridge ? BRIDGE_ROM_REGISTER : ROM_REGISTER) == 0,
		   "%s: libpciaccess reads the ROM's register", name))
		return;
	/* The kernel says where the ROM of the host's display is shadowed. */
	if ((value & ROM_ADDRESS) && !pci_device_is_boot_vga(p))
		compare("ROM: address", value & ROM_ADDRESS, d->regions[RAWPCI_REGION_ROM].address);
}

/* How many bytes of config space libpciaccess reads; 0: none. */
static unsigned read_by_witness(struct pci_device *p, uint8_t bytes[CONFIG_MOST])
{
	pciaddr_t n = 0;

	memset(bytes, 0, CONFIG_MOST);
	return pci_device_cfg_read(p, bytes, 0, CONFIG_MOST, &n) == 0 ? (unsigned)n : 0;
}

static bool read_by_library(struct rawpci_device *dev, uint8_t *bytes, unsigned size)
{
	for (unsigned i = 0; i < size; i += 4) {
		uint32_t value;

		if (rawpci_config_read(dev, i, 4, &value) < 0)
			return false;
		for (unsigned b = 0; b < 4; b++)
			bytes[i + b] = (uint8_t)(value >> 8 * b);
	}
	return true;
}

static void compare_bytes(const char *how, const uint8_t *witness, const uint8_t *library,
			  unsigned size)
{
	unsigned i = 0;

	while (i < size && witness[i] == library[i])
		i++;
	check(i == size,
	      i == size
		      ? "%s: %s: %u bytes of config space are equal"
		      : "%s: %s: of %u bytes of config space byte %#x differs: libpciaccess %02x, "
			"rawpci %02x",
	      name, how, size, i, witness[i < size ? i : 0], library[i < size ? i : 0]);
}

/* Opening enables the device and closing puts its COMMAND back, so the witness reads meanwhile. */
static void compare_open(struct witness *w, struct pci_device *p, unsigned size)
{
	uint8_t witness[CONFIG_MOST], library[CONFIG_MOST];
	struct rawpci_device *dev;

	if (rawpci_device_open(w->ctx, NULL, name, 0, &dev) < 0) {
		printf("# not opened: %s\n", rawpci_last_error());
		return;
	}
	w->opened++;
	check(read_by_witness(p, witness) == size && read_by_library(dev, library, size),
	      "%s: both read %u bytes of config space while it is open", name, size);
	witness[COMMAND_HIGH] &= (uint8_t)~INTX_DISABLE;
	library[COMMAND_HIGH] &= (uint8_t)~INTX_DISABLE;
	compare_bytes("open", witness, library, size);
	check(rawpci_device_close(dev) == 0, "%s: closed", name);
}

static struct pci_device *find(const struct rawpci_address *a)
{
	return pci_device_find_by_slot(a->segment, a->bus, a->device, a->function);
}

/* The address has a hole, which may hold anything. */
static bool is_same(const struct rawpci_host_device *a, const struct rawpci_host_device *b)
{
	const size_t from = offsetof(struct rawpci_host_device, vendor_id);

	return memcmp((const char *)a + from, (const char *)b + from, sizeof(*a) - from) == 0;
}

static int compare_device(void *opaque, const struct rawpci_host_device *enumerated)
{
	struct witness *w = opaque;
	struct pci_device *p = find(&enumerated->address);
	struct rawpci_host_device d;
	uint8_t witness[CONFIG_MOST];
	unsigned size;

	(void)rawpci_address_format(&enumerated->address, name);
	if (!check(p && pci_device_probe(p) == 0, "%s: libpciaccess has it, too", name))
		return 0;
	w->devices++;
	check(rawpci_host_device(w->ctx, name, sizeof(d), &d) == 0 && is_same(&d, enumerated),
	      "%s: described as it was listed", name);
	compare_ids(p, enumerated);
	compare_regions(p, enumerated);
	compare_rom(p, enumerated);
	size = read_by_witness(p, witness);
	compare("config space: size", size, enumerated->config_size);
	if (size > 0)
		compare_open(w, p, size);
	return 0;
}

/* Does the library list every device that libpciaccess has? */
static unsigned count_devices(void)
{
	struct pci_device_iterator *all = pci_slot_match_iterator_create(NULL);
	unsigned n = 0;

	while (all && pci_device_next(all))
		n++;
	pci_iterator_destroy(all);
	return n;
}

int main(int argc, char **argv)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "sysfs",
		.settings = (const char *const *)(argv + (argc > 0)),
	};
	struct witness w = { NULL, 0, 0 };

	if (!check(rawpci_create(&options, &w.ctx) == 0, "a context: %s", rawpci_last_error()) ||
	    !check(pci_system_init() == 0, "libpciaccess starts"))
		return check_end();
	check(rawpci_enumerate(w.ctx, sizeof(struct rawpci_host_device), compare_device, &w) == 0,
	      "all devices are listed");
	name[0] = '\0';
	check(w.devices > 0 && count_devices() == w.devices, "both have %u devices", w.devices);
	printf("# %u of %u were opened, too\n", w.opened, w.devices);
	check(rawpci_destroy(w.ctx) == 0, "the context ends");
	pci_system_cleanup();
	return check_end();
}
