/* SPDX-License-Identifier: MIT */
/* rawpci run: take devices from the host for the time of a command. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_run = {
	.name = "run",
	.line = "take devices from the host for the time of a command",
	.help = "usage: rawpci run\n",
	.run = run,
};
