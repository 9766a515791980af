/* SPDX-License-Identifier: MIT */
/* rawpci explain: what is in the way of opening a device, and what helps. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/device.h>
#include <rawpci/explain.h>

#include "show/as-json.h"
#include "show/device.h"
#include "show/words.h"
#include "tool.h"

/* Prints a line break, or a character of UTF-8. Returns its length. */
static size_t print_character(const char *text)
{
	char one[5] = { text[0] };
	size_t length = 1;

	for (; length < sizeof(one) - 1 && (text[length] & 0xc0) == 0x80; length++)
		one[length] = text[length];
	(void)fputs(text[0] == '\n' ? one : output_one_line(one), stdout);
	return length;
}

static void print_lines(const char *text, size_t length)
{
	const char *end = text + length;

	while (text < end)
		text += print_character(text);
}

/* Names, which the library does not know, go below its first line. */
static void print_text(const struct tool *tool, const struct rawpci_explanation *explanation,
		       const char *text)
{
	size_t first = strcspn(text, "\n");
	char words[DEVICE_WORDS];

	first += text[first] == '\n';
	print_lines(text, first);
	if (explanation->device && device_words(tool, explanation->device, words)[0] != '\0')
		(void)printf("  name        %s\n", output_one_line(words));
	print_lines(text + first, strlen(text + first));
}

static void print_json(const struct tool *tool, const struct rawpci_explanation *explanation,
		       const char *text)
{
	struct json json = { .to = stdout };
	const struct rawpci_host_device *device = explanation->device;
	char address[RAWPCI_ADDRESS_TEXT];

	(void)rawpci_address_format(&explanation->address, address);
	json_object(&json, NULL);
	json_address(&json, "address", &explanation->address);
	json_bool(&json, "openable", explanation->openable);
	json_bool(&json, "boot_display", device && device_is_boot_display(tool, device));
	if (device) {
		json_object(&json, "device");
		json_host_device(&json, device);
		json_end_object(&json);
	} else {
		json_string(&json, "device", NULL);
	}
	json_ways(&json, address, explanation->ways);
	json_findings(&json, address, explanation->findings);
	json_string(&json, "text", text);
	json_end_object(&json);
}

static int explain(const struct tool *tool, struct rawpci *ctx, const char *address,
		   const struct rawpci_explain_options *options)
{
	struct rawpci_explanation *explanation;
	char name[RAWPCI_ADDRESS_TEXT], *text;
	int r = rawpci_explain(ctx, address, options, &explanation);

	if (r < 0)
		return tool_library_failed(tool, r);
	text = words_of(explanation->text, rawpci_address_format(&explanation->address, name));
	if (!text)
		r = tool_failed(tool, "no memory");
	else if (tool->json)
		print_json(tool, explanation, text);
	else
		print_text(tool, explanation, text);
	if (text)
		r = explanation->openable ? TOOL_DONE : TOOL_FAILED;
	free(text);
	rawpci_explanation_destroy(explanation);
	return r;
}

/* Bytes, or with K, M, G or T. False: not a size. */
static bool parse_size(const char *text, uint64_t *size)
{
	static const char units[] = "KMGT";
	char digits[32];
	const char *unit;
	unsigned shift = 0;
	size_t length = strlen(text);

	if (length == 0 || length >= sizeof(digits))
		return false;
	memcpy(digits, text, length + 1);
	unit = strchr(units, text[length - 1]);
	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		digits[length - 1] = '\0';
	}
	if (!tool_number(digits, false, UINT64_MAX >> shift, size))
		return false;
	*size <<= shift;
	return true;
}

enum { DETACH = 1, INSIST, MEMORY };

static const struct option own_options[] = {
	{ "detach", no_argument, NULL, DETACH },
	{ "insist", no_argument, NULL, INSIST },
	{ "memory", required_argument, NULL, MEMORY },
	{ NULL, 0, NULL, 0 },
};

static int take(struct tool *tool, void *opaque, int letter, const char *value)
{
	struct rawpci_explain_options *options = opaque;

	switch (letter) {
	case DETACH:
		options->flags |= RAWPCI_OPEN_DETACH_HOST_DRIVER;
		return TOOL_DONE;
	case INSIST:
		options->flags |= RAWPCI_OPEN_INSIST;
		return TOOL_DONE;
	default:
		if (parse_size(value, &options->memory))
			return TOOL_DONE;
		return tool_wrong(
			tool,
			"--memory %s is no size: write bytes, or a number with K, M, G or "
			"T, such as 4G",
			value);
	}
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct rawpci_explain_options options = { .size = sizeof(options) };
	struct rawpci *ctx;
	int operands, r = tool_options(tool, argc, argv, take, &options, &operands);

	if (r >= 0)
		return r;
	if (operands == argc)
		return tool_wrong(tool, "an address is missing: write rawpci explain 0000:03:00.0; "
					"rawpci list lists the devices");
	if (operands + 1 < argc)
		return tool_wrong(tool, "\"%s\" is too much: write one address",
				  argv[operands + 1]);
	r = tool_address(tool, argv[operands]);
	if (r < 0)
		r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);
	if (r >= 0)
		return r;
	r = explain(tool, ctx, argv[operands], &options);
	(void)rawpci_destroy(ctx);
	return r;
}

const struct subcommand tool_explain = {
	.name = "explain",
	.line = "what is in the way of opening a device, and what helps",
	.help = "usage: rawpci explain [OPTION]... ADDRESS\n"
		"Says what is in the way of opening a PCI device (0000:03:00.0), and what helps.\n"
		"It looks as this user, opens nothing and changes nothing.\n"
		"Exit status: 0 it could be opened now, 1 something is in the way, 2 wrong usage.\n"
		"Options:\n"
		"  --detach          its host driver would be detached\n"
		"  --insist          also where the host uses the device\n"
		"  --memory SIZE     so much memory would be mapped for DMA (4G)\n",
	.options = own_options,
	.run = run,
};
