/* SPDX-License-Identifier: MIT */
/* What all subcommands share: options, the context, and how they say what is wrong. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/device.h>

#include "tool.h"

/* Letters of the common options; a subcommand's own are below. */
enum { HELP = 0x100, BACKEND, SET, JSON, VERBOSE };

static const struct option common[] = {
	{ "help", no_argument, NULL, HELP },       { "backend", required_argument, NULL, BACKEND },
	{ "set", required_argument, NULL, SET },   { "json", no_argument, NULL, JSON },
	{ "verbose", no_argument, NULL, VERBOSE },
};

#define COMMON (sizeof(common) / sizeof(common[0]))
#define MOST_OWN 16

static void say(const struct tool *tool, const char *format, va_list arguments)
{
	(void)fprintf(stderr, "rawpci %s: ", tool->subcommand->name);
	(void)vfprintf(stderr, format, arguments);
	(void)fputc('\n', stderr);
}

int tool_wrong(const struct tool *tool, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(tool, format, arguments);
	va_end(arguments);
	return TOOL_USAGE;
}

int tool_failed(const struct tool *tool, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	say(tool, format, arguments);
	va_end(arguments);
	return TOOL_FAILED;
}

int tool_library_failed(const struct tool *tool, int error)
{
	(void)tool_failed(tool, "%s", rawpci_last_error());
	return error == -EINVAL ? TOOL_USAGE : TOOL_FAILED;
}

int tool_address(const struct tool *tool, const char *text)
{
	struct rawpci_address address;

	if (rawpci_address_parse(text, &address) == 0)
		return -1;
	return tool_wrong(tool, "\"%s\" is no PCI address: write 0000:03:00.0 or 03:00.0", text);
}

bool tool_number(const char *text, bool hex, uint64_t limit, uint64_t *number)
{
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	char *end;

	if (text[0] == '\0' || !strchr(digits, text[0]))
		return false;
	errno = 0;
	*number = strtoull(text, &end, hex ? 16 : 0);
	return *end == '\0' && errno == 0 && *number <= limit;
}

static void print_help(const struct tool *tool)
{
	(void)fputs(tool->subcommand->help, stdout);
	(void)fputs("Common options:\n"
		    "  --backend NAME    vfio, uio, sysfs or fake ($RAWPCI_BACKEND)\n"
		    "  --set NAME=VALUE  a setting of the library, such as run.dir=PATH\n"
		    "  --json            for programs\n"
		    "  --verbose         what the library tries\n"
		    "  --help            this text\n",
		    stdout);
}

static int take_common(struct tool *tool, int letter, char *value)
{
	switch (letter) {
	case BACKEND:
		tool->backend = value;
		return TOOL_DONE;
	case SET:
		if (!strchr(value, '='))
			return tool_wrong(tool, "--set %s: write --set NAME=VALUE", value);
		if (tool->setting_count == TOOL_SETTINGS)
			return tool_wrong(tool, "--set %s: at most %d settings", value,
					  TOOL_SETTINGS);
		tool->settings[tool->setting_count++] = value;
		return TOOL_DONE;
	case JSON:
		tool->json = true;
		return TOOL_DONE;
	default:
		tool->verbose = true;
		return TOOL_DONE;
	}
}

int tool_options(struct tool *tool, int argc, char **argv,
		 int (*take)(struct tool *tool, void *opaque, int letter, const char *value),
		 void *opaque, int *operands)
{
	struct option all[MOST_OWN + COMMON + 1] = { { 0 } };
	const struct option *own = tool->subcommand->options;
	size_t count = 0;
	int letter, r = TOOL_DONE;

	while (own && own->name && count < MOST_OWN)
		all[count++] = *own++;
	memcpy(all + count, common, sizeof(common));
	opterr = 0;
	while (r == TOOL_DONE && (letter = getopt_long(argc, argv, ":", all, NULL)) != -1) {
		if (letter == HELP) {
			print_help(tool);
			return TOOL_DONE;
		}
		if (letter == '?')
			return tool_wrong(tool, "unknown option \"%s\": see rawpci %s --help",
					  argv[optind - 1], tool->subcommand->name);
		if (letter == ':')
			return tool_wrong(tool,
					  "the option \"%s\" needs a value: see rawpci %s "
					  "--help",
					  argv[optind - 1], tool->subcommand->name);
		r = letter > HELP ? take_common(tool, letter, optarg)
				  : take(tool, opaque, letter, optarg);
	}
	*operands = optind;
	return r == TOOL_DONE ? -1 : r;
}

static void print_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	const struct tool *tool = opaque;

	(void)level;
	(void)fprintf(stderr, "rawpci %s: %s\n", tool->subcommand->name, message);
}

int tool_context(struct tool *tool, enum rawpci_irq_mode mode, struct rawpci **ctx)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = tool->backend,
		.irq_mode = mode,
		.log_level = tool->verbose ? RAWPCI_LOG_DEBUG : RAWPCI_LOG_WARNING,
		.log = print_log,
		.log_opaque = tool,
		.settings = tool->settings,
	};
	int r = rawpci_create(&options, ctx);

	return r < 0 ? tool_library_failed(tool, r) : -1;
}
