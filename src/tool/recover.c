/* SPDX-License-Identifier: MIT */
/* rawpci recover: return the devices of killed programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/recover.h>

#include "handing/signals.h"
#include "show/as-json.h"
#include "show/output.h"
#include "tool.h"

/* What the library says, in this thread. */
struct said {
	struct tool tool; /* first: the log gets it */
	struct json json;
	FILE *warnings;
	char *text; /* of the warnings */
	size_t length;
};

static const char *name_of(enum rawpci_log_level level)
{
	return level == RAWPCI_LOG_WARNING ? "warning"
	       : level == RAWPCI_LOG_INFO  ? "info"
					   : "debug";
}

static void print_line(void *opaque, enum rawpci_log_level level, const char *message)
{
	struct said *said = opaque;

	/* That is the call's own, which is told at its end. */
	if (level == RAWPCI_LOG_ERROR)
		return;
	if (level == RAWPCI_LOG_WARNING)
		(void)fprintf(said->warnings, "%s\n", message);
	if (said->tool.json) {
		json_object(&said->json, NULL);
		json_string(&said->json, "level", name_of(level));
		json_words(&said->json, "message", message, NULL);
		json_end_object(&said->json);
	} else if (level == RAWPCI_LOG_INFO) {
		(void)output_text(stdout, message, 0, OUTPUT_PLAIN, false);
		(void)fputc('\n', stdout);
	} else {
		(void)tool_failed(&said->tool, "%s", message);
	}
}

static void print_json_end(struct said *said, int returned)
{
	json_end_array(&said->json);
	if (returned >= 0)
		json_number(&said->json, "returned", returned);
	else
		json_string(&said->json, "returned", NULL);
	json_words(&said->json, "error", returned < 0 ? rawpci_last_error() : NULL, NULL);
	json_end_object(&said->json);
}

/* A call that failed for a device has warned of it. */
static void print_end(struct said *said, int returned)
{
	if (returned >= 0)
		(void)printf("%d device%s returned\n", returned, returned == 1 ? "" : "s");
	else if (!strstr(said->text, rawpci_last_error()))
		(void)tool_failed(&said->tool, "%s", rawpci_last_error());
}

static int recover(struct said *said)
{
	struct rawpci *ctx;
	int returned, r = tool_context(&said->tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);

	if (r >= 0)
		return r;
	if (said->tool.json) {
		json_object(&said->json, NULL);
		json_array(&said->json, "log");
	}
	returned = rawpci_recover(ctx);
	(void)fflush(said->warnings);
	if (said->tool.json)
		print_json_end(said, returned);
	else
		print_end(said, returned);
	(void)rawpci_destroy(ctx);
	return returned < 0 ? TOOL_FAILED : TOOL_DONE;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct signals signals;
	struct said said = { .json = { .to = stdout } };
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	if (r >= 0)
		return r;
	if (operands < argc)
		return tool_wrong(tool,
				  "\"%s\" is too much: it returns all devices that have a record",
				  argv[operands]);
	said.warnings = open_memstream(&said.text, &said.length);
	if (!said.warnings)
		return tool_failed(tool, "no memory");
	said.tool = *tool;
	said.tool.log = print_line;
	signals_take(&signals);
	r = recover(&said);
	(void)fflush(stdout);
	signals_give(&signals);
	(void)fclose(said.warnings);
	free(said.text);
	return r;
}

const struct subcommand tool_recover = {
	.name = "recover",
	.line = "return the devices of killed programs",
	.help = "usage: rawpci recover [OPTION]...\n"
		"Returns to their host drivers the PCI devices that killed programs have left\n"
		"without, as the records in /run/rawpci say. Devices that are in use are left\n"
		"alone. It writes to sysfs, as root may. A service manager can run it at boot and\n"
		"after a crash.\n"
		"Exit status: 0 every device was returned, 1 one was not, 2 wrong usage.\n"
		"With programs that keep their records elsewhere: --set run.dir=PATH.\n",
	.without = TOOL_WITHOUT_BACKEND,
	.run = run,
};
