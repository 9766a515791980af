/* SPDX-License-Identifier: MIT */
/* rawpci return: return devices to their host drivers. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_return = {
	.name = "return",
	.line = "return devices to their host drivers",
	.help = "usage: rawpci return\n",
	.run = run,
};
