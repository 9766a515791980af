/* SPDX-License-Identifier: MIT */
/* rawpci recover: return the devices of killed programs. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_recover = {
	.name = "recover",
	.line = "return the devices of killed programs",
	.help = "usage: rawpci recover\n",
	.run = run,
};
