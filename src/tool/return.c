/* SPDX-License-Identifier: MIT */
/* rawpci return: return devices to their host drivers. */
#include <stdio.h>

#include "handing/kept.h"
#include "handing/signals.h"
#include "handing/taking.h"
#include "show/output.h"
#include "tool.h"

enum { ALL = 1 };

static const struct option options[] = {
	{ "all", no_argument, NULL, ALL },
	{ NULL, 0, NULL, 0 },
};

static int take_option(struct tool *tool, void *all, int letter, const char *value)
{
	(void)tool;
	(void)letter;
	(void)value;
	*(bool *)all = true;
	return TOOL_DONE;
}

static void print_one(struct json *json, const struct rawpci_kept *device)
{
	const char *driver = device->host_driver[0] ? device->host_driver : NULL;
	char address[RAWPCI_ADDRESS_TEXT], line[sizeof(device->host_driver) + 64];

	(void)rawpci_address_format(&device->address, address);
	if (json) {
		json_object(json, NULL);
		json_string(json, "address", address);
		json_string(json, "driver", driver);
		json_end_object(json);
		return;
	}
	(void)snprintf(line, sizeof(line), "%s: returned%s%s", address,
		       driver ? " to " : ", bound to no driver as before", driver ? driver : "");
	(void)output_text(stdout, line, 0, OUTPUT_PLAIN, false);
	(void)putchar('\n');
}

/* Those that were kept before and are not kept any more. */
static int report(const struct tool *tool, struct rawpci *ctx, const struct kept *before)
{
	struct json json = { .to = stdout };
	struct kept after;
	int r = kept_read(tool, ctx, &after);

	if (r >= 0)
		return r;
	if (tool->json)
		json_array(&json, NULL);
	for (size_t i = 0; i < before->count; i++)
		if (!kept_find(&after, &before->devices[i].address))
			print_one(tool->json ? &json : NULL, &before->devices[i]);
	if (tool->json)
		json_end_array(&json);
	kept_finish(&after);
	return TOOL_DONE;
}

/* count 0: all. */
static int return_them(struct tool *tool, const char *const *addresses, unsigned count)
{
	struct rawpci *ctx;
	struct kept before;
	int status, r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);

	if (r >= 0)
		return r;
	status = kept_read(tool, ctx, &before);
	if (status < 0) {
		r = rawpci_return(ctx, count ? addresses : NULL, count);
		if (r < 0)
			status = taking_failed(tool, r);
		r = report(tool, ctx, &before);
		status = status < 0 ? r : status;
		kept_finish(&before);
	}
	(void)rawpci_destroy(ctx);
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	bool all = false;
	struct signals signals;
	int operands, r = tool_options(tool, argc, argv, take_option, &all, &operands);

	if (r >= 0)
		return r;
	if (all && operands < argc)
		return tool_wrong(tool, "\"%s\": --all returns all devices; leave the address out",
				  argv[operands]);
	if (!all && operands == argc)
		return tool_wrong(tool, "write an address, or --all: rawpci return ADDRESS...");
	r = tool_addresses(tool, argv + operands, (unsigned)(argc - operands));
	if (r >= 0)
		return r;
	signals_take(&signals);
	r = return_them(tool, (const char *const *)argv + operands, (unsigned)(argc - operands));
	(void)fflush(stdout);
	signals_give(&signals);
	return r;
}

const struct subcommand tool_return = {
	.name = "return",
	.line = "return devices to their host drivers",
	.help = "usage: rawpci return ADDRESS...\n"
		"       rawpci return --all\n"
		"Returns devices to the host that rawpci take has taken.\n\n"
		"  --all             all of them\n",
	.options = options,
	.without = TOOL_WITHOUT_BACKEND,
	.run = run,
};
