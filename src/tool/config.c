/* SPDX-License-Identifier: MIT */
/* rawpci config: read and write config space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "registers/view.h"

enum { NAMES = OPENED_LETTERS };

struct config {
	char address[RAWPCI_ADDRESS_TEXT];
	unsigned flags;
	bool names; /* --registers */
	unsigned count;
	struct field *fields;
	uint32_t *at; /* where each is */
};

static int take(struct tool *tool, void *opaque, int letter, const char *value)
{
	struct config *config = opaque;

	(void)tool;
	(void)value;
	if (letter == NAMES)
		config->names = true;
	else
		config->flags |= letter == OPENED_DETACH ? RAWPCI_OPEN_DETACH_HOST_DRIVER
							 : RAWPCI_OPEN_INSIST;
	return TOOL_DONE;
}

static int parse(const struct tool *tool, char **operands, struct config *config)
{
	static const struct field_kind kind = { .widths = "BWL", .config = true, .last = 0xfff };
	int r = opened_address(tool, operands[0], config->address);

	for (unsigned i = 0; i < config->count && r < 0; i++) {
		r = field_parse(tool, operands[1 + i], &kind, &config->fields[i]);
		if (r < 0)
			r = field_aligned(tool, &config->fields[i]);
	}
	return r;
}

static void print_rows(const struct view *view, const unsigned char *bytes, uint32_t count)
{
	(void)printf("%s %02x%02x: %02x%02x:%02x%02x (rev %02x)", view->address, bytes[11],
		     bytes[10], bytes[1], bytes[0], bytes[3], bytes[2], bytes[8]);
	for (uint32_t i = 0; i < count; i++) {
		if (i % 16 == 0)
			(void)printf("\n%02x:", i);
		(void)printf(" %02x", bytes[i]);
	}
	(void)puts("\n"); /* an empty line ends the device */
}

static void print_rows_json(const struct view *view, const unsigned char *bytes, uint32_t count)
{
	struct json json = { .to = stdout };
	char digits[2 * VIEW_MOST + 1];

	for (uint32_t i = 0; i < count; i++)
		(void)snprintf(digits + 2 * i, 3, "%02x", bytes[i]);
	json_object(&json, NULL);
	json_string(&json, "address", view->address);
	json_unsigned(&json, "size", view->size);
	json_string(&json, "bytes", digits);
	json_end_object(&json);
}

static int dump(const struct tool *tool, const struct view *view)
{
	unsigned char bytes[VIEW_MOST] = { 0 };
	uint32_t count;
	int r = view_read_all(tool, view, bytes, &count);

	if (r >= 0)
		return r;
	if (count < 64)
		return tool_failed(tool, "%s: its config space ends after %u bytes", view->address,
				   count);
	if (count < view->size)
		(void)tool_failed(tool,
				  "%s: the kernel shows this user only the first %u of %u bytes: "
				  "run it as root for all",
				  view->address, count, view->size);
	if (tool->json)
		print_rows_json(view, bytes, count);
	else
		print_rows(view, bytes, count);
	return TOOL_DONE;
}

static int write_field(const struct tool *tool, const struct view *view, const struct field *field,
		       uint32_t at)
{
	const char *values = field->values;
	uint64_t value, mask;
	uint32_t old = 0;
	int r = -1;

	while (r < 0 && field_next(&values, field->width, &value, &mask)) {
		if (field_masked(field->width, mask)) {
			r = view_read(tool, view, at, field->width, &old);
			value = (old & ~mask) | (value & mask);
		}
		if (r < 0)
			r = view_write(tool, view, at, field->width, (uint32_t)value);
		at += field->width;
	}
	return r;
}

static int access_fields(const struct tool *tool, const struct view *view,
			 const struct config *config, struct json *json)
{
	int r = -1;

	for (unsigned i = 0; i < config->count && r < 0; i++) {
		const struct field *field = &config->fields[i];
		uint32_t value;

		if (field->values) {
			r = write_field(tool, view, field, config->at[i]);
			continue;
		}
		r = view_read(tool, view, config->at[i], field->width, &value);
		if (r < 0 && tool->json)
			field_print_json(json, field, config->at[i], value);
		else if (r < 0)
			field_print(field->width, value);
	}
	return r < 0 ? TOOL_DONE : r;
}

/* Every register is found before the first one is written. JSON is complete also after a failure. */
static int access_view(const struct tool *tool, const struct view *view,
		       const struct config *config)
{
	struct json json = { .to = stdout };
	int r = -1;

	if (config->count == 0)
		return dump(tool, view);
	for (unsigned i = 0; i < config->count && r < 0; i++)
		r = view_find(tool, view, &config->fields[i], &config->at[i]);
	if (r >= 0)
		return r;
	if (tool->json) {
		json_object(&json, NULL);
		json_string(&json, "address", view->address);
		json_array(&json, "registers");
	}
	r = access_fields(tool, view, config, &json);
	if (tool->json) {
		json_end_array(&json);
		json_end_object(&json);
	}
	return r;
}

static int open_and_access(struct tool *tool, const struct config *config)
{
	struct opened opened;
	struct view view;
	int r = opened_open(tool, RAWPCI_IRQ_MODE_EMBEDDER, config->address, config->flags,
			    &opened);

	if (r >= 0)
		return r;
	r = view_of_device(tool, opened.dev, config->address, &view);
	if (r < 0)
		r = access_view(tool, &view, config);
	return opened_close(tool, &opened, r);
}

static int look(struct tool *tool, const struct config *config)
{
	struct rawpci *ctx;
	struct view view;
	int r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);

	if (r >= 0)
		return r;
	r = view_of_host(tool, ctx, config->address, config->flags & RAWPCI_OPEN_INSIST, &view);
	if (r < 0)
		r = access_view(tool, &view, config);
	view_finish(&view);
	(void)rawpci_destroy(ctx);
	return r;
}

/* A pretend device has no other view than the one of opening it. */
static bool must_open(const struct tool *tool, const struct config *config)
{
	for (unsigned i = 0; i < config->count; i++)
		if (config->fields[i].values)
			return true;
	return tool->backend && strcmp(tool->backend, "fake") == 0;
}

static int run_parsed(struct tool *tool, char **operands, struct config *config)
{
	int r = parse(tool, operands, config);

	if (r >= 0)
		return r;
	if ((config->flags & RAWPCI_OPEN_DETACH_HOST_DRIVER) && !must_open(tool, config))
		return tool_wrong(tool, "--detach: nothing is written, so nothing is opened; leave "
					"it out");
	return must_open(tool, config) ? open_and_access(tool, config) : look(tool, config);
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct config config = { 0 };
	int operands, r = tool_options(tool, argc, argv, take, &config, &operands);

	if (r >= 0)
		return r;
	if (config.names) {
		register_names_print();
		return TOOL_DONE;
	}
	if (argc == operands)
		return tool_wrong(
			tool,
			"an address is missing: write rawpci config ADDRESS [REGISTER[.WIDTH][=VALUE]]...");
	config.count = (unsigned)(argc - operands - 1);
	config.fields = calloc(config.count + 1U, sizeof(*config.fields));
	config.at = calloc(config.count + 1U, sizeof(*config.at));
	r = config.fields && config.at ? run_parsed(tool, argv + operands, &config)
				       : tool_failed(tool, "no memory");
	free(config.fields);
	free(config.at);
	return r;
}

static const struct option options[] = {
	{ "detach", no_argument, NULL, OPENED_DETACH },
	{ "insist", no_argument, NULL, OPENED_INSIST },
	{ "registers", no_argument, NULL, NAMES },
	{ 0 },
};

const struct subcommand tool_config = {
	.name = "config",
	.line = "read and write config space",
	.help = "usage: rawpci config [OPTION]... ADDRESS [REGISTER[.WIDTH][=VALUE]]...\n"
		"Reads and writes config space in the order given, with setpci's names. Without\n"
		"REGISTER it prints all of it as lspci -xxxx does; lspci -F reads that back.\n"
		"  REGISTER  number, name, CAP_x, CAPn, ECAP_x or ECAPn, and +OFFSET if wanted;\n"
		"            @N behind the width is the Nth of several, from 0. All numbers are\n"
		"            hexadecimal\n"
		"  WIDTH     B, W or L: 1, 2 or 4 bytes\n"
		"  VALUE     VALUE:MASK changes the bits of MASK; VALUE,VALUE writes neighbours\n"
		"Reading leaves the device alone. Writing opens it, so that no host driver is\n"
		"written beneath. Opening and closing reset it where they can: what is written\n"
		"holds for the rest of the command.\n"
		"  --detach          to write: take it from its host driver until the end\n"
		"  --insist          also if the host uses it, or reading wakes it\n"
		"  --registers       list the names; no ADDRESS is needed\n",
	.options = options,
	.run = run,
};
