/* SPDX-License-Identifier: MIT */
/* rawpci return: return devices to their host drivers. */
#include <stdio.h>
#include <string.h>

#include <rawpci/enumerate.h>
#include <rawpci/explain.h>

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

/* A device that was not kept: a killed program has left it. Its driver is the one that it has now. */
static int print_left(const struct tool *tool, struct rawpci *ctx, struct json *json,
		      const char *address)
{
	struct rawpci_explanation *explanation;
	struct rawpci_kept device = { .driver = "" };
	char text[RAWPCI_ADDRESS_TEXT];
	int r = rawpci_explain(ctx, address, NULL, &explanation);

	if (r < 0)
		return tool_library_failed(tool, r);
	device.address = explanation->address;
	if (explanation->device)
		(void)snprintf(device.host_driver, sizeof(device.host_driver), "%s",
			       explanation->device->driver);
	if (explanation->device || json)
		print_one(json, &device);
	else
		(void)printf("%s: it is gone, and its record is removed\n",
			     rawpci_address_format(&device.address, text));
	rawpci_explanation_destroy(explanation);
	return TOOL_DONE;
}

/* All have been returned. */
static int report_named(const struct tool *tool, struct rawpci *ctx, struct json *json,
			const char *const *addresses, unsigned count, const struct kept *before)
{
	struct rawpci_address address;
	int r = TOOL_DONE;

	for (unsigned i = 0; i < count && r == TOOL_DONE; i++) {
		const struct rawpci_kept *kept;

		(void)rawpci_address_parse(addresses[i], &address);
		kept = kept_find(before, &address);
		if (kept)
			print_one(json, kept);
		else
			r = print_left(tool, ctx, json, addresses[i]);
	}
	return r;
}

/* A return that failed half-way leaves a device that is not kept, and not with its driver either. */
static bool has_host_driver(struct rawpci *ctx, const struct rawpci_kept *kept)
{
	struct rawpci_host_device device;
	char address[RAWPCI_ADDRESS_TEXT];

	return rawpci_host_device(ctx, rawpci_address_format(&kept->address, address),
				  sizeof(device), &device) == 0 &&
	       strcmp(device.driver, kept->host_driver) == 0;
}

/* Those that were kept before, and that the host has again. */
static int report_kept(const struct tool *tool, struct rawpci *ctx, struct json *json,
		       const struct kept *before)
{
	struct kept after;
	int r = kept_read(tool, ctx, &after);

	if (r >= 0)
		return r;
	for (size_t i = 0; i < before->count; i++)
		if (!kept_find(&after, &before->devices[i].address) &&
		    has_host_driver(ctx, &before->devices[i]))
			print_one(json, &before->devices[i]);
	kept_finish(&after);
	return TOOL_DONE;
}

/* count 0: all. */
static int return_them(struct tool *tool, const char *const *addresses, unsigned count)
{
	struct json json = { .to = stdout }, *to = tool->json ? &json : NULL;
	struct rawpci *ctx;
	struct kept before;
	int done, status, r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);

	if (r >= 0)
		return r;
	status = kept_read(tool, ctx, &before);
	if (status < 0) {
		done = rawpci_return(ctx, count ? addresses : NULL, count);
		if (done < 0)
			status = taking_failed(tool, done);
		if (to)
			json_array(to, NULL);
		r = done == 0 && count > 0 ? report_named(tool, ctx, to, addresses, count, &before)
					   : report_kept(tool, ctx, to, &before);
		if (to)
			json_end_array(to);
		else if (done == 0 && count == 0 && before.count == 0)
			(void)puts("0 devices returned");
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
		"Returns devices to the host that rawpci take has taken, or that a killed program\n"
		"has left.\n\n"
		"  --all             all that rawpci take has taken\n",
	.options = options,
	.without = TOOL_WITHOUT_BACKEND,
	.run = run,
};
