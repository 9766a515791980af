/* SPDX-License-Identifier: MIT */
/* rawpci mmio: read and write a register of a BAR. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_mmio = {
	.name = "mmio",
	.line = "read and write a register of a BAR",
	.help = "usage: rawpci mmio\n",
	.run = run,
};
