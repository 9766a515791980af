/* SPDX-License-Identifier: MIT */
/* rawpci take: take devices from the host until they are returned. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_take = {
	.name = "take",
	.line = "take devices from the host until they are returned",
	.help = "usage: rawpci take\n",
	.run = run,
};
