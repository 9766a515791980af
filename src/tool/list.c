/* SPDX-License-Identifier: MIT */
/* rawpci list: the PCI devices, and what could open each. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_list = {
	.name = "list",
	.line = "the PCI devices, and what could open each",
	.help = "usage: rawpci list\n",
	.run = run,
};
