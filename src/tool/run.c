/* SPDX-License-Identifier: MIT */
/*
 * rawpci run: take devices from the host for the time of a command.
 *
 * Three processes: this one, its command in the same process group, and the keeper (keeper.h). The
 * order of their making lets each be killed at any time: the keeper is there before a device is
 * taken, and knows the command before the command runs.
 */
#include <errno.h>
#include <string.h>

#include "handing/command.h"
#include "handing/keeper.h"
#include "handing/signals.h"
#include "handing/taking.h"
#include "tool.h"

#define ENDED_BY 128 /* and a signal's number */

struct run {
	struct taking taking;
	char **argv; /* the command and its arguments */
	struct signals signals;
	struct keeper keeper;
	struct command command;
	struct rawpci *ctx;
	bool in_use; /* a program still has a node open: the keeper waits for its end */
};

/* As a status of env(1). 2 is left to the command, but for wrong arguments. */
static int library_failed(const struct tool *tool, int error)
{
	(void)tool_library_failed(tool, error);
	return TOOL_RUN_FAILED;
}

/* The first "--" ends the addresses. getopt(3) would move it. */
static int read_arguments(struct tool *tool, int argc, char **argv, struct run *run)
{
	int end = 1, operands, r;

	while (end < argc && strcmp(argv[end], "--") != 0)
		end++;
	run->argv = end < argc ? argv + end + 1 : NULL;
	argv[end] = NULL;
	r = tool_options(tool, end, argv, taking_option, &run->taking, &operands);
	if (r >= 0)
		return r;
	if (!run->argv)
		return tool_wrong(tool, "write -- before the command: rawpci run ADDRESS... -- "
					"COMMAND [ARGUMENT]...");
	if (!run->argv[0])
		return tool_wrong(tool, "there is no command after --");
	if (operands == end)
		return tool_wrong(tool, "there is no address before --");
	run->taking.addresses = (const char **)argv + operands;
	run->taking.count = (unsigned)(end - operands);
	return tool_addresses(tool, argv + operands, run->taking.count);
}

/* With the devices taken. A signal of the terminal that comes before the command's process is made
 * does not reach that process, so signals are looked for afterwards. */
static int run_command(struct tool *tool, struct run *run)
{
	int ended, r = command_prepare(tool, &run->command, run->argv, &run->signals);

	if (r < 0)
		r = keeper_watch(tool, &run->keeper, run->command.pidfd);
	if (r < 0) {
		ended = signals_end();
		r = ended ? ENDED_BY + ended : -1;
	}
	if (r < 0)
		r = command_run(tool, &run->command, run->argv[0], &run->signals);
	command_finish(&run->command);
	return r;
}

/* With the keeper started. */
static int take_and_run(struct tool *tool, struct run *run)
{
	struct rawpci_taken *taken;
	int r, status = tool_context(tool, RAWPCI_IRQ_MODE_EMBEDDER, &run->ctx);

	if (status >= 0)
		return status == TOOL_USAGE ? status : TOOL_RUN_FAILED;
	r = taking_take(&run->taking, run->ctx, &taken);
	if (r < 0) {
		status = library_failed(tool, r);
	} else {
		status = run_command(tool, run);
		r = rawpci_taken_return(taken);
		if (r < 0)
			status = library_failed(tool, r);
		run->in_use = r == -EBUSY;
		if (run->in_use)
			(void)tool_failed(tool, "the devices are returned when they are free");
	}
	(void)rawpci_destroy(run->ctx);
	return status;
}

static int run(struct tool *tool, int argc, char **argv)
{
	struct run run = { .taking = TAKING_NONE, .command = COMMAND_NONE };
	int r = read_arguments(tool, argc, argv, &run);

	if (r >= 0)
		return r;
	r = command_find(tool, run.argv[0]);
	if (r >= 0)
		return r;
	signals_take(&run.signals);
	r = keeper_start(tool, &run.taking, &run.keeper);
	if (r >= 0)
		return r;
	r = take_and_run(tool, &run);
	if (run.in_use)
		keeper_leave(&run.keeper);
	else
		keeper_end(&run.keeper);
	return r;
}

const struct subcommand tool_run = {
	.name = "run",
	.line = "take devices from the host for the time of a command",
	.help = "usage: rawpci run [OPTION]... ADDRESS... -- COMMAND [ARGUMENT]...\n"
		"Takes the devices from the host, runs the command, and returns them to their\n"
		"host drivers, also if the command or rawpci is killed. The command opens the\n"
		"devices itself, such as QEMU by /dev/vfio.\n"
		"Ends with the command's status; 128+N: signal N has ended it; 125: rawpci\n"
		"failed; 126: the command cannot be executed; 127: there is no such command;\n"
		"2: wrong arguments.\n\n" TAKING_HELP,
	.options = taking_options,
	.without = TOOL_WITHOUT_BACKEND | TOOL_WITHOUT_JSON,
	.run = run,
};
