/* SPDX-License-Identifier: MIT */
/* rawpci mmio: read and write registers of a BAR. */
#include <stdio.h>
#include <stdlib.h>

#include "registers/registers.h"

struct mmio {
	char address[RAWPCI_ADDRESS_TEXT];
	unsigned flags;
	unsigned count;
	struct bar_field *fields;
};

static int take(struct tool *tool, void *opaque, int letter, const char *value)
{
	struct mmio *mmio = opaque;

	(void)tool;
	(void)value;
	mmio->flags |= letter == OPENED_DETACH ? RAWPCI_OPEN_DETACH_HOST_DRIVER
					       : RAWPCI_OPEN_INSIST;
	return TOOL_DONE;
}

static int parse(const struct tool *tool, char **operands, struct mmio *mmio)
{
	unsigned bar;
	int r = opened_address(tool, operands[0], mmio->address);

	if (r < 0)
		r = bar_parse(tool, operands[1], &bar);
	for (unsigned i = 0; i < mmio->count && r < 0; i++) {
		mmio->fields[i].bar = bar;
		r = bar_field_parse(tool, operands[2 + i], &mmio->fields[i]);
	}
	return r;
}

static int access_field(const struct tool *tool, struct rawpci_device *dev,
			const struct bar_field *at, struct json *json)
{
	uint64_t value;
	int r;

	if (at->field.values) {
		r = bar_field_write(dev, at);
		return r < 0 ? tool_library_failed(tool, r) : TOOL_DONE;
	}
	r = bar_read(dev, at->bar, at->field.offset, at->field.width, &value);
	if (r < 0)
		return tool_library_failed(tool, r);
	if (tool->json)
		field_print_json(json, &at->field, at->field.offset, value);
	else
		field_print(at->field.width, value);
	return TOOL_DONE;
}

/* JSON is complete also after a failure. */
static int access_all(const struct tool *tool, struct rawpci_device *dev, const struct mmio *mmio)
{
	struct json json = { .to = stdout };
	int r = rawpci_device_power(dev, RAWPCI_POWER_ON);

	if (r < 0)
		return tool_library_failed(tool, r);
	if (tool->json) {
		json_object(&json, NULL);
		json_string(&json, "address", mmio->address);
		json_unsigned(&json, "bar", mmio->fields[0].bar);
		json_array(&json, "registers");
	}
	r = TOOL_DONE;
	for (unsigned i = 0; i < mmio->count && r == TOOL_DONE; i++)
		r = access_field(tool, dev, &mmio->fields[i], &json);
	if (tool->json) {
		json_end_array(&json);
		json_end_object(&json);
	}
	return r;
}

static int open_and_access(struct tool *tool, const struct mmio *mmio)
{
	struct opened opened;
	struct rawpci *ctx;
	int r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);

	if (r >= 0)
		return r;
	r = bar_check_host(tool, ctx, mmio->address, mmio->fields, mmio->count);
	if (r >= 0) {
		(void)rawpci_destroy(ctx);
		return r;
	}
	r = opened_open_in(tool, ctx, mmio->address, mmio->flags, &opened);
	if (r >= 0)
		return r;
	r = bar_check(tool, opened.dev, mmio->fields, mmio->count);
	if (r < 0)
		r = access_all(tool, opened.dev, mmio);
	return opened_close(tool, &opened, r);
}

static int run(struct tool *tool, int argc, char **argv)
{
	static const char *const missing[] = { "an address", "a BAR", "an offset" };
	struct mmio mmio = { 0 };
	int operands, r = tool_options(tool, argc, argv, take, &mmio, &operands);

	if (r >= 0)
		return r;
	if (argc - operands < 3)
		return tool_wrong(tool,
				  "%s is missing: write rawpci mmio ADDRESS BAR "
				  "OFFSET[.WIDTH][=VALUE]...",
				  missing[argc - operands]);
	mmio.count = (unsigned)(argc - operands - 2);
	mmio.fields = calloc(mmio.count, sizeof(*mmio.fields));
	if (!mmio.fields)
		return tool_failed(tool, "no memory");
	r = parse(tool, argv + operands, &mmio);
	if (r < 0)
		r = open_and_access(tool, &mmio);
	free(mmio.fields);
	return r;
}

static const struct option options[] = {
	{ "detach", no_argument, NULL, OPENED_DETACH },
	{ "insist", no_argument, NULL, OPENED_INSIST },
	{ 0 },
};

const struct subcommand tool_mmio = {
	.name = "mmio",
	.line = "read and write a register of a BAR",
	.help = "usage: rawpci mmio [OPTION]... ADDRESS BAR OFFSET[.WIDTH][=VALUE]...\n"
		"Opens the device, powers it on, and reads and writes registers of a BAR in the\n"
		"order given. Opening and closing reset the device where they can: what belongs\n"
		"together goes into one command.\n"
		"  BAR     0 to 5, or rom; of memory or of I/O ports\n"
		"  OFFSET  from the BAR's start. All numbers are hexadecimal\n"
		"  WIDTH   B, W, L or Q: 1, 2, 4 or 8 bytes; without it L\n"
		"  VALUE   VALUE:MASK changes the bits of MASK; VALUE,VALUE writes neighbours\n" OPENED_HELP,
	.options = options,
	.run = run,
};
