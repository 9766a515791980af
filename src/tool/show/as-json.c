/* SPDX-License-Identifier: MIT */
/* The library's structures in JSON. */
#include "as-json.h"

#include <inttypes.h>
#include <stdlib.h>

#include <rawpci/irq.h>

#include "names.h"
#include "words.h"

void json_address(struct json *json, const char *name, const struct rawpci_address *address)
{
	char text[RAWPCI_ADDRESS_TEXT];

	json_string(json, name, rawpci_address_format(address, text));
}

/* Of the library, "" is nothing. */
static void optional(struct json *json, const char *name, const char *text)
{
	json_string(json, name, text[0] ? text : NULL);
}

void json_words(struct json *json, const char *name, const char *text, const char *address)
{
	char *words = text && text[0] ? words_of(text, address) : NULL;

	json_string(json, name, words);
	free(words);
}

static void ids(struct json *json, const struct rawpci_host_device *d)
{
	json_format(json, "vendor_id", "%04x", d->vendor_id);
	json_format(json, "device_id", "%04x", d->device_id);
	json_format(json, "subsystem_vendor_id", "%04x", d->subsystem_vendor_id);
	json_format(json, "subsystem_id", "%04x", d->subsystem_id);
	json_format(json, "class_code", "%06x", d->class_code);
	json_format(json, "revision", "%02x", d->revision);
	json_string(json, "vendor_name", names_vendor(d->vendor_id));
	json_string(json, "device_name", names_device(d->vendor_id, d->device_id));
	json_string(json, "class_name", names_class(d->class_code));
}

static void regions(struct json *json, const struct rawpci_host_device *d)
{
	json_array(json, "regions");
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++) {
		const struct rawpci_host_region *region = &d->regions[i];

		if (region->size == 0)
			continue;
		json_object(json, NULL);
		if (i == RAWPCI_REGION_ROM)
			json_string(json, "region", "rom");
		else
			json_format(json, "region", "bar%u", i);
		json_format(json, "address", "0x%" PRIx64, region->address);
		json_unsigned(json, "size", region->size);
		json_bool(json, "is_io", (region->flags & RAWPCI_REGION_IO) != 0);
		json_bool(json, "is_64bit", (region->flags & RAWPCI_REGION_64BIT) != 0);
		json_bool(json, "is_prefetchable", (region->flags & RAWPCI_REGION_PREFETCH) != 0);
		json_end_object(json);
	}
	json_end_array(json);
}

static void resets(struct json *json, unsigned methods)
{
	static const struct {
		unsigned method;
		const char *name;
	} known[] = {
		{ RAWPCI_RESET_DEVICE_SPECIFIC, "device_specific" },
		{ RAWPCI_RESET_ACPI, "acpi" },
		{ RAWPCI_RESET_FLR, "flr" },
		{ RAWPCI_RESET_AF_FLR, "af_flr" },
		{ RAWPCI_RESET_PM, "pm" },
		{ RAWPCI_RESET_BUS, "bus" },
		{ RAWPCI_RESET_CXL_BUS, "cxl_bus" },
	};

	json_array(json, "reset_methods");
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (methods & known[i].method)
			json_string(json, NULL, known[i].name);
	json_end_array(json);
}

/* What its capabilities say. */
static void abilities(struct json *json, const struct rawpci_host_device *d)
{
	static const char *const states[] = { NULL, "D1", "D2", "D3hot" };

	json_bool(json, "capabilities_known", d->capabilities_known);
	json_object(json, "irq_count");
	json_unsigned(json, "intx", d->irq_count[RAWPCI_IRQ_INTX]);
	json_unsigned(json, "msi", d->irq_count[RAWPCI_IRQ_MSI]);
	json_unsigned(json, "msix", d->irq_count[RAWPCI_IRQ_MSIX]);
	json_end_object(json);
	json_array(json, "power_states");
	for (unsigned i = 1; i < sizeof(states) / sizeof(states[0]); i++)
		if (d->power_states & 1u << i)
			json_string(json, NULL, states[i]);
	json_end_array(json);
	json_bool(json, "express", d->express);
}

void json_host_device(struct json *json, const struct rawpci_host_device *d)
{
	json_address(json, "address", &d->address);
	ids(json, d);
	optional(json, "driver", d->driver);
	if (d->iommu_group >= 0)
		json_number(json, "iommu_group", d->iommu_group);
	else
		json_string(json, "iommu_group", NULL);
	optional(json, "iommu_type", d->iommu_type);
	regions(json, d);
	json_bool(json, "gone", d->gone);
	json_bool(json, "bridge", d->bridge);
	json_bool(json, "boot_vga", d->boot_vga);
	json_bool(json, "virtual_function", d->virtual_function);
	json_unsigned(json, "vfs", d->vfs);
	json_unsigned(json, "total_vfs", d->total_vfs);
	json_unsigned(json, "config_size", d->config_size);
	resets(json, d->reset_methods);
	optional(json, "power", d->power);
	abilities(json, d);
}

void json_ways(struct json *json, const char *address, const struct rawpci_way *way)
{
	json_array(json, "ways");
	for (; way; way = way->next) {
		json_object(json, NULL);
		json_string(json, "backend", way->backend);
		json_bool(json, "works", way->works);
		json_bool(json, "interrupts", way->interrupts);
		json_bool(json, "dma", way->dma);
		json_words(json, "reason", way->reason, address);
		json_end_object(json);
	}
	json_end_array(json);
}

/* Has the finding a device in its way? Its address is else zero, which is an address, too. */
static bool has_blocker(const struct rawpci_finding *f)
{
	return f->obstacle == RAWPCI_OBSTACLE_GROUP || f->obstacle == RAWPCI_OBSTACLE_HOST_DRIVER;
}

void json_findings(struct json *json, const char *address, const struct rawpci_finding *f)
{
	json_array(json, "findings");
	for (; f; f = f->next) {
		json_object(json, NULL);
		json_string(json, "obstacle", rawpci_obstacle_name(f->obstacle));
		json_bool(json, "blocks", f->blocks);
		json_number(json, "error", f->error);
		optional(json, "backend", f->backend);
		if (has_blocker(f))
			json_address(json, "blocker", &f->blocker);
		else
			json_string(json, "blocker", NULL);
		optional(json, "driver", f->driver);
		optional(json, "path", f->path);
		json_unsigned(json, "needed", f->needed);
		json_unsigned(json, "allowed", f->allowed);
		json_unsigned(json, "used", f->used);
		json_unsigned(json, "group", f->group);
		json_unsigned(json, "number", f->number);
		json_words(json, "cause", f->cause, address);
		json_words(json, "remedy", f->remedy, address);
		optional(json, "commands", f->commands);
		json_end_object(json);
	}
	json_end_array(json);
}
