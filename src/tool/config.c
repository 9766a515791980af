/* SPDX-License-Identifier: MIT */
/* rawpci config: read and write config space. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_config = {
	.name = "config",
	.line = "read and write config space",
	.help = "usage: rawpci config\n",
	.run = run,
};
