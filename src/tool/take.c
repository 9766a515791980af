/* SPDX-License-Identifier: MIT */
/* rawpci take: take devices from the host until they are returned. */
#include <stdio.h>

#include "handing/kept.h"
#include "handing/signals.h"
#include "handing/taking.h"
#include "show/output.h"
#include "tool.h"

static void print_json(struct json *json, const char *address, const struct rawpci_kept *device,
		       const struct nodes *nodes)
{
	json_object(json, NULL);
	json_string(json, "address", address);
	json_string(json, "host_driver", device->host_driver[0] ? device->host_driver : NULL);
	json_string(json, "driver", device->driver);
	json_array(json, "nodes");
	for (unsigned i = 0; i < nodes->count; i++)
		json_string(json, NULL, nodes->paths[i]);
	json_end_array(json);
	json_end_object(json);
}

static void print_text(const char *address, const struct rawpci_kept *device,
		       const struct nodes *nodes)
{
	char line[2 * sizeof(device->driver) + RAWPCI_ADDRESS_TEXT + 64];

	(void)snprintf(line, sizeof(line), "%s: taken from %s, bound to %s", address,
		       device->host_driver[0] ? device->host_driver : "no driver", device->driver);
	(void)output_text(stdout, line, 0, OUTPUT_PLAIN, false);
	for (unsigned i = 0; i < nodes->count; i++)
		(void)printf("%s%s", i == 0 ? "; open " : ", ", nodes->paths[i]);
	(void)putchar('\n');
}

/* What was done. */
static int report(const struct tool *tool, struct rawpci *ctx, const struct taking *taking)
{
	struct json json = { .to = stdout };
	struct kept kept;
	int r = kept_read(tool, ctx, &kept);

	if (r >= 0)
		return r;
	if (tool->json)
		json_array(&json, NULL);
	for (unsigned i = 0; i < taking->count; i++) {
		char text[RAWPCI_ADDRESS_TEXT];
		struct rawpci_address address;
		const struct rawpci_kept *device;
		struct nodes nodes;

		(void)rawpci_address_parse(taking->addresses[i], &address);
		device = kept_find(&kept, &address);
		if (!device)
			continue;
		nodes_find(tool, ctx, &address, &nodes);
		(void)rawpci_address_format(&address, text);
		if (tool->json)
			print_json(&json, text, device, &nodes);
		else
			print_text(text, device, &nodes);
	}
	if (tool->json)
		json_end_array(&json);
	kept_finish(&kept);
	return TOOL_DONE;
}

/* A signal before all are taken undoes it. */
static int take_and_keep(struct tool *tool, const struct taking *taking, struct rawpci *ctx)
{
	struct rawpci_taken *taken;
	int ended, status = TOOL_FAILED, r = taking_take(taking, ctx, &taken);

	if (r < 0)
		return taking_failed(tool, r);
	ended = signals_end();
	if (!ended) {
		r = rawpci_taken_keep(taken);
		if (r == 0)
			return report(tool, ctx, taking);
		status = taking_failed(tool, r);
	}
	r = rawpci_taken_return(taken);
	if (ended && r < 0)
		status = taking_failed(tool, r);
	if (ended)
		(void)raise(ended); /* it acts when signals are given back */
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct taking taking = TAKING_NONE;
	struct signals signals;
	struct rawpci *ctx;
	int operands, r = tool_options(tool, argc, argv, taking_option, &taking, &operands);

	if (r >= 0)
		return r;
	if (operands == argc)
		return tool_wrong(tool, "write an address: rawpci take ADDRESS...");
	taking.addresses = (const char **)argv + operands;
	taking.count = (unsigned)(argc - operands);
	r = tool_addresses(tool, argv + operands, taking.count);
	if (r < 0)
		r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);
	if (r >= 0)
		return r;
	signals_take(&signals);
	r = take_and_keep(tool, &taking, ctx);
	(void)rawpci_destroy(ctx);
	(void)fflush(stdout);
	signals_give(&signals);
	return r;
}

const struct subcommand tool_take = {
	.name = "take",
	.line = "take devices from the host until they are returned",
	.help = "usage: rawpci take [OPTION]... ADDRESS...\n"
		"Takes the devices from the host, all or none. They stay taken when rawpci has\n"
		"ended, until rawpci return. Prints the nodes by which a program opens them.\n\n" //
	TAKING_HELP,
	.options = taking_options,
	.without = TOOL_WITHOUT_BACKEND,
	.run = run,
};
