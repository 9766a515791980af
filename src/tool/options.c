/* SPDX-License-Identifier: MIT */
/* What all subcommands share: options, the context, and how they say what is wrong. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <rawpci/device.h>

#include "show/output.h"
#include "show/words.h"
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

/* The last line that the library has logged in this thread. */
static _Thread_local char logged[2048];

/* A context that cannot be created: tool_context() says why, in the command's own words. */
static _Thread_local bool creating;

static __attribute__((format(printf, 2, 0))) void say(const struct tool *tool, const char *format,
						      va_list arguments)
{
	char *text, *words;

	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	words = text ? words_of(text, NULL) : NULL;
	(void)fprintf(stderr, "rawpci %s: %s\n", tool->subcommand->name,
		      words ? output_one_line(words) : "no memory");
	free(words);
	free(text);
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
	/* The log has the sentence of a failed call already, unless there was no context. */
	if (strcmp(logged, rawpci_last_error()) != 0)
		(void)tool_failed(tool, "%s", rawpci_last_error());
	return error == -EINVAL ? TOOL_USAGE : TOOL_FAILED;
}

int tool_address(const struct tool *tool, const char *text)
{
	struct rawpci_address address;

	if (rawpci_address_parse(text, &address) == 0)
		return -1;
	return tool_wrong(tool,
			  "\"%s\" is no PCI address: write 0000:03:00.0 or 03:00.0; the device is "
			  "00 to 1f, the function 0 to 7",
			  text);
}

bool tool_number(const char *text, bool hex, uint64_t limit, uint64_t *number)
{
	const char *digits = hex ? "0123456789abcdefABCDEF" : "0123456789";
	char *end;

	if (text[0] == '\0' || !strchr(digits, text[0]))
		return false;
	errno = 0;
	*number = strtoull(text, &end, hex || strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
	return *end == '\0' && errno == 0 && *number <= limit;
}

const char *tool_setting(const struct tool *tool, const char *name, const char *otherwise)
{
	size_t length = strlen(name);

	for (unsigned i = tool->setting_count; i-- > 0;)
		if (strncmp(tool->settings[i], name, length) == 0 &&
		    tool->settings[i][length] == '=')
			return tool->settings[i] + length + 1;
	return otherwise;
}

static void print_help(const struct tool *tool)
{
	unsigned without = tool->subcommand->without;

	(void)fputs(tool->subcommand->help, stdout);
	(void)fputs("Common options:\n", stdout);
	if (!(without & TOOL_WITHOUT_BACKEND))
		(void)fputs("  --backend NAME    vfio, uio, sysfs or fake ($RAWPCI_BACKEND)\n",
			    stdout);
	(void)fputs("  --set NAME=VALUE  a setting of the library, such as run.dir=PATH\n", stdout);
	if (!(without & TOOL_WITHOUT_JSON))
		(void)fputs("  --json            for programs\n", stdout);
	(void)fputs("  --verbose         what the library tries\n"
		    "  --help            this text\n",
		    stdout);
}

static int wrong_backend(const struct tool *tool, const char *value)
{
	const struct option *own = tool->subcommand->options;

	while (own && own->name && strcmp(own->name, "driver") != 0)
		own++;
	if (own && own->name)
		return tool_wrong(tool,
				  "--backend %s: nothing is opened here; write --driver and the "
				  "driver, such as vfio-pci or uio_pci_generic",
				  value);
	return tool_wrong(tool, "--backend %s: the backend does not matter here; leave it out",
			  value);
}

static int take_common(struct tool *tool, int letter, char *value)
{
	unsigned without = tool->subcommand->without;

	switch (letter) {
	case BACKEND:
		if (without & TOOL_WITHOUT_BACKEND)
			return wrong_backend(tool, value);
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
		if (without & TOOL_WITHOUT_JSON)
			return tool_wrong(tool, "--json: it prints nothing for programs; leave "
						"it out");
		tool->json = true;
		return TOOL_DONE;
	default:
		tool->verbose = true;
		return TOOL_DONE;
	}
}

/* Options are long ones, so a single letter is always unknown. optopt is then the letter; it is the
 * option's own where that has a value that it does not take. */
static int wrong_option(const struct tool *tool, int letter, const char *word)
{
	const char *name = tool->subcommand->name;

	if (letter == ':')
		return tool_wrong(tool, "the option \"%s\" needs a value: see rawpci %s --help",
				  word, name);
	if (optopt > 0 && optopt < HELP && (optopt > MOST_OWN || strncmp(word, "--", 2) != 0))
		return tool_wrong(tool, "unknown option \"-%c\": see rawpci %s --help", optopt,
				  name);
	if (optopt > 0)
		return tool_wrong(tool, "the option \"%s\" takes no value: see rawpci %s --help",
				  word, name);
	return tool_wrong(tool, "unknown option \"%s\": see rawpci %s --help", word, name);
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
	if (tool->subcommand->without & TOOL_WITHOUT_BACKEND)
		tool->backend = NULL;
	opterr = 0;
	while (r == TOOL_DONE && (letter = getopt_long(argc, argv, ":", all, NULL)) != -1) {
		if (letter == HELP) {
			print_help(tool);
			return TOOL_DONE;
		}
		if (letter == '?' || letter == ':')
			return wrong_option(tool, letter, argv[optind - 1]);
		r = letter > HELP ? take_common(tool, letter, optarg)
				  : take(tool, opaque, letter, optarg);
	}
	*operands = optind;
	return r == TOOL_DONE ? -1 : r;
}

static void print_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	const struct tool *tool = opaque;

	if (creating && level == RAWPCI_LOG_ERROR)
		return;
	(void)snprintf(logged, sizeof(logged), "%s", message);
	(void)tool_failed(tool, "%s", message);
}

int tool_context(struct tool *tool, enum rawpci_irq_mode mode, struct rawpci **ctx)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = tool->backend,
		.irq_mode = mode,
		.log_level = tool->verbose ? RAWPCI_LOG_DEBUG
			     : tool->log   ? RAWPCI_LOG_INFO
					   : RAWPCI_LOG_WARNING,
		.log = tool->log ? tool->log : print_log,
		.log_opaque = tool,
		.settings = tool->settings,
	};
	int r;

	creating = true;
	r = rawpci_create(&options, ctx);
	creating = false;
	if (r == -ENOENT)
		return tool_wrong(tool,
				  "there is no backend \"%s\": write vfio, uio, sysfs or fake",
				  tool->backend);
	return r < 0 ? tool_library_failed(tool, r) : -1;
}
