/* SPDX-License-Identifier: MIT */
/* rawpci SUBCOMMAND: finds the subcommand. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "show/output.h"
#include "tool.h"

static const struct subcommand *const subcommands[] = {
	&tool_list,    &tool_explain, &tool_run,  &tool_take, &tool_return,
	&tool_recover, &tool_config,  &tool_mmio, &tool_irq,
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void print_help(FILE *to)
{
	(void)fputs("usage: rawpci SUBCOMMAND [OPTION]... [ARGUMENT]...\n"
		    "Works with the PCI devices of this host.\n\n",
		    to);
	for (size_t i = 0; i < SUBCOMMANDS; i++)
		(void)fprintf(to, "  %-9s %s\n", subcommands[i]->name, subcommands[i]->line);
	(void)fputs(
		"\nrawpci SUBCOMMAND --help says more, and so does the manual page rawpci(1).\n",
		to);
}

/* What could not be printed is a failure, too: a script would take half an output for all of it. */
static int flush(int status)
{
	int r = ferror(stdout) ? EOF : 0;

	errno = EIO;
	if (fflush(stdout) == 0 && r == 0)
		return status;
	(void)fprintf(stderr, "rawpci: standard output: %s\n", strerror(errno));
	return status == TOOL_DONE ? TOOL_FAILED : status;
}

/* Nothing that is opened later gets the numbers of standard input, output or error, if they are
 * closed. To write there still fails. The command of "run" has them closed, too. */
static void fill_standard(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

int main(int argc, char **argv)
{
	struct tool tool = { .backend = getenv("RAWPCI_BACKEND") };

	fill_standard();
	if (argc < 2) {
		print_help(stderr);
		return TOOL_USAGE;
	}
	if (argc > 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "--version") == 0)) {
		(void)fprintf(stderr, "rawpci: \"%s\" is too much: %s stands alone\n",
			      output_one_line(argv[2]), argv[1]);
		return TOOL_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0) {
		print_help(stdout);
		return flush(TOOL_DONE);
	}
	if (strcmp(argv[1], "--version") == 0) {
		(void)printf("rawpci %s\n", RAWPCI_TOOL_VERSION);
		return flush(TOOL_DONE);
	}
	for (size_t i = 0; i < SUBCOMMANDS; i++) {
		if (strcmp(argv[1], subcommands[i]->name) != 0)
			continue;
		tool.subcommand = subcommands[i];
		return flush(subcommands[i]->run(&tool, argc - 1, argv + 1));
	}
	(void)fprintf(stderr, "rawpci: there is no subcommand \"%s\": rawpci --help lists them\n",
		      output_one_line(argv[1]));
	return TOOL_USAGE;
}
