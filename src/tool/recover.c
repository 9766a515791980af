/* SPDX-License-Identifier: MIT */
/* rawpci recover: return the devices of killed programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rawpci/recover.h>

#include "output.h"
#include "tool.h"

/* The library's lines of a run with --json. They come in this thread. */
static struct json json;

static const char *name_of(enum rawpci_log_level level)
{
	return level == RAWPCI_LOG_ERROR     ? "error"
	       : level == RAWPCI_LOG_WARNING ? "warning"
	       : level == RAWPCI_LOG_INFO    ? "info"
					     : "debug";
}

static void print_line(void *opaque, enum rawpci_log_level level, const char *message)
{
	const struct tool *tool = opaque;

	if (tool->json) {
		json_object(&json, NULL);
		json_string(&json, "level", name_of(level));
		json_string(&json, "message", message);
		json_end_object(&json);
	} else if (level <= RAWPCI_LOG_WARNING || level >= RAWPCI_LOG_DEBUG) {
		(void)tool_failed(tool, "%s", message);
	} else {
		(void)output_text(stdout, message, 0, OUTPUT_PLAIN, false);
		(void)fputc('\n', stdout);
	}
}

static int recover(const struct tool *tool, struct rawpci *ctx)
{
	int returned;

	if (tool->json) {
		json = (struct json){ .to = stdout };
		json_object(&json, NULL);
		json_array(&json, "log");
	}
	returned = rawpci_recover(ctx);
	if (tool->json) {
		json_end_array(&json);
		if (returned >= 0)
			json_number(&json, "returned", returned);
		else
			json_string(&json, "returned", NULL);
		json_string(&json, "error", returned < 0 ? rawpci_last_error() : NULL);
		json_end_object(&json);
	} else if (returned >= 0) {
		(void)printf("%d device%s returned\n", returned, returned == 1 ? "" : "s");
	}
	return returned < 0 ? TOOL_FAILED : TOOL_DONE;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct rawpci *ctx;
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	if (r >= 0)
		return r;
	if (operands < argc)
		return tool_wrong(tool,
				  "\"%s\" is too much: it returns all devices that have a record",
				  argv[operands]);
	tool->log = print_line;
	r = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &ctx);
	if (r >= 0)
		return r;
	r = recover(tool, ctx);
	(void)rawpci_destroy(ctx);
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
