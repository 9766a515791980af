/* SPDX-License-Identifier: MIT */
/* rawpci irq: count a device's interrupts, live. */
#include "tool.h"

static int run(struct tool *tool, int argc, char **argv)
{
	int operands, r = tool_options(tool, argc, argv, NULL, NULL, &operands);

	return r >= 0 ? r : tool_failed(tool, "is to come");
}

const struct subcommand tool_irq = {
	.name = "irq",
	.line = "count a device's interrupts, live",
	.help = "usage: rawpci irq\n",
	.run = run,
};
