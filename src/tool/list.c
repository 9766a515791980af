/* SPDX-License-Identifier: MIT */
/* rawpci list: the PCI devices, and what could open each. */
#include <stdio.h>

#include <rawpci/device.h>
#include <rawpci/enumerate.h>
#include <rawpci/explain.h>

#include "show/as-json.h"
#include "show/device.h"
#include "tool.h"

struct list {
	struct tool *tool;
	struct rawpci *ctx;
	struct table table;
	struct json json;
};

static const struct rawpci_finding *find(const struct rawpci_explanation *explanation,
					 enum rawpci_obstacle obstacle)
{
	const struct rawpci_finding *finding = explanation->findings;

	while (finding && finding->obstacle != obstacle)
		finding = finding->next;
	return finding;
}

/* The name of the first thing in the way; NULL: none is. A host driver can be detached, so the
 * host's use of the device says more. */
static const char *first_obstacle(struct rawpci *ctx, const struct rawpci_explanation *explanation)
{
	const struct rawpci_explain_options options = {
		.size = sizeof(options),
		.flags = RAWPCI_OPEN_DETACH_HOST_DRIVER,
	};
	const struct rawpci_finding *first = explanation->findings;
	struct rawpci_explanation *detached;
	char address[RAWPCI_ADDRESS_TEXT];
	bool in_use;

	if (!first || first->obstacle != RAWPCI_OBSTACLE_HOST_DRIVER)
		return first && first->blocks ? rawpci_obstacle_name(first->obstacle) : NULL;
	if (rawpci_explain(ctx, rawpci_address_format(&explanation->address, address), &options,
			   &detached) < 0)
		return rawpci_obstacle_name(first->obstacle);
	in_use = find(detached, RAWPCI_OBSTACLE_IN_USE) != NULL;
	rawpci_explanation_destroy(detached);
	return rawpci_obstacle_name(in_use ? RAWPCI_OBSTACLE_IN_USE : first->obstacle);
}

/* The backends that could open it now; where there is none, the first thing in the way. */
static void add_ways(struct list *list, const struct rawpci_explanation *explanation)
{
	struct table *table = &list->table;
	const char *obstacle;
	const struct rawpci_way *way;
	char names[256] = "";
	size_t length = 0;

	for (way = explanation->ways; way && length < sizeof(names); way = way->next)
		if (way->works)
			length += (size_t)snprintf(names + length, sizeof(names) - length, "%s%s",
						   length > 0 ? "," : "", way->backend);
	if (length > 0) {
		table_add(table, OUTPUT_GREEN, "%s", names);
		return;
	}
	obstacle = first_obstacle(list->ctx, explanation);
	table_add(table, OUTPUT_YELLOW, "no:%s", obstacle ? obstacle : "no-backend");
}

/* kept: the finding that says so; its driver is the host driver. */
static void add_driver(struct table *table, const struct rawpci_host_device *device,
		       const struct rawpci_finding *kept)
{
	const char *driver = device->driver[0] ? device->driver : "-";

	if (kept)
		table_add(table, OUTPUT_YELLOW, "%s (kept from %s)", driver,
			  kept->driver[0] ? kept->driver : "no driver");
	else
		table_add(table, OUTPUT_PLAIN, "%s", driver);
}

static void add_row(struct list *list, const struct rawpci_host_device *device,
		    const struct rawpci_explanation *explanation)
{
	struct table *table = &list->table;
	char address[RAWPCI_ADDRESS_TEXT], words[DEVICE_WORDS];

	table_add(table, OUTPUT_BOLD, "%s", rawpci_address_format(&explanation->address, address));
	table_add(table, OUTPUT_PLAIN, "%04x:%04x", device->vendor_id, device->device_id);
	if (device->iommu_group >= 0)
		table_add(table, OUTPUT_PLAIN, "%lld", (long long)device->iommu_group);
	else
		table_add(table, OUTPUT_PLAIN, "-");
	add_driver(table, device, find(explanation, RAWPCI_OBSTACLE_KEPT));
	add_ways(list, explanation);
	table_add(table, OUTPUT_PLAIN, "%s", device_words(list->tool, device, words));
}

static void add_object(struct list *list, const struct rawpci_host_device *device,
		       const struct rawpci_explanation *explanation)
{
	struct json *json = &list->json;
	const struct rawpci_finding *kept = find(explanation, RAWPCI_OBSTACLE_KEPT);
	char address[RAWPCI_ADDRESS_TEXT];

	(void)rawpci_address_format(&device->address, address);
	json_object(json, NULL);
	json_host_device(json, device);
	json_bool(json, "boot_display", device_is_boot_display(list->tool, device));
	json_string(json, "kept_from", kept ? kept->driver : NULL);
	json_bool(json, "openable", explanation->openable);
	json_string(json, "obstacle", first_obstacle(list->ctx, explanation));
	json_ways(json, address, explanation->ways);
	json_end_object(json);
}

static int add(void *opaque, const struct rawpci_host_device *device)
{
	struct list *list = opaque;
	char address[RAWPCI_ADDRESS_TEXT];
	struct rawpci_explanation *explanation;
	int r = rawpci_explain(list->ctx, rawpci_address_format(&device->address, address), NULL,
			       &explanation);

	if (r < 0)
		return r;
	if (list->tool->json)
		add_object(list, device, explanation);
	else
		add_row(list, device, explanation);
	rawpci_explanation_destroy(explanation);
	return 0;
}

static int print(struct list *list)
{
	static const char *const titles[] = { "ADDRESS", "IDS",        "GROUP",
					      "DRIVER",  "OPENS WITH", "DEVICE" };
	bool json = list->tool->json;
	int r;

	if (json)
		json_array(&list->json, NULL);
	for (unsigned i = 0; !json && i < list->table.columns; i++)
		table_add(&list->table, OUTPUT_BOLD, "%s", titles[i]);
	r = rawpci_enumerate(list->ctx, sizeof(struct rawpci_host_device), add, list);
	if (json)
		json_end_array(&list->json);
	else if (!table_print(&list->table, stdout))
		return tool_failed(list->tool, "no memory");
	return r < 0 ? tool_library_failed(list->tool, r) : TOOL_DONE;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct list list = { .tool = tool, .table = TABLE(6), .json = { .to = stdout } };
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	if (r >= 0)
		return r;
	if (operands < argc)
		return tool_wrong(tool, "\"%s\" is too much: it lists all devices", argv[operands]);
	r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &list.ctx);
	if (r >= 0)
		return r;
	r = print(&list);
	(void)rawpci_destroy(list.ctx);
	return r;
}

const struct subcommand tool_list = {
	.name = "list",
	.line = "the PCI devices, and what could open each",
	.help = "usage: rawpci list [OPTION]...\n"
		"Lists the PCI devices of this host, and the backends that could open each now;\n"
		"\"no:\" and the first thing in the way where there is none. rawpci explain ADDRESS\n"
		"says more. \"kept\": rawpci take has taken it. Nothing is opened or changed.\n"
		"Lines are cut to the terminal's width.\n"
		"Exit status: 0 printed, 1 the devices could not be read, 2 wrong usage.\n",
	.run = run,
};
