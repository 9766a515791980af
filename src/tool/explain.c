/* SPDX-License-Identifier: MIT */
/* rawpci explain: what is in the way of opening a device, and what helps. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_explain = {
	.name = "explain",
	.line = "what is in the way of opening a device, and what helps",
	.help = "usage: rawpci explain\n",
	.run = run,
};
