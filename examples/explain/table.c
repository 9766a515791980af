/* SPDX-License-Identifier: MIT */
/* All devices, and what each could be used with. */
#include "explain.h"

#include <stdio.h>
#include <string.h>

struct table {
	struct rawpci *ctx;
	const struct rawpci_explain_options *options;
};

/* The backends that could open it now; where there is none, the first thing in the way. */
static void print_ways(const struct rawpci_explanation *explanation)
{
	const struct rawpci_finding *first = explanation->findings;
	const struct rawpci_way *way;
	const char *before = "";

	for (way = explanation->ways; way; way = way->next) {
		if (!way->works)
			continue;
		(void)printf("%s%s", before, way->backend);
		before = ",";
	}
	if (before[0] == '\0')
		(void)printf("no:%s", first ? rawpci_obstacle_name(first->obstacle) : "no-backend");
}

static int print_device(void *opaque, const struct rawpci_host_device *device)
{
	const struct table *table = opaque;
	struct rawpci_explanation *explanation;
	char address[RAWPCI_ADDRESS_TEXT];
	char group[24] = "-";
	int r;

	rawpci_address_format(&device->address, address);
	r = rawpci_explain(table->ctx, address, table->options, &explanation);
	if (r < 0)
		return r;
	if (device->iommu_group >= 0)
		(void)snprintf(group, sizeof(group), "%lld", (long long)device->iommu_group);
	(void)printf("%-12s  %04x:%04x  %-5s  %-15s  ", address, device->vendor_id,
		     device->device_id, group, device->driver[0] ? device->driver : "-");
	print_ways(explanation);
	(void)printf("  %s%s%s\n", device->class_name, device->device_name[0] ? ": " : "",
		     device->device_name);
	rawpci_explanation_destroy(explanation);
	return 0;
}

int print_table(struct rawpci *ctx, const struct rawpci_explain_options *options)
{
	struct table table = { .ctx = ctx, .options = options };

	(void)printf("%-12s  %-9s  %-5s  %-15s  %s\n", "address", "ids", "group", "driver",
		     "could be opened now with");
	return rawpci_enumerate(ctx, sizeof(struct rawpci_host_device), print_device, &table);
}
