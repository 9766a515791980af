/* SPDX-License-Identifier: MIT */
/*
 * The command rawpci. A subcommand is a file with a struct subcommand; main.c lists them. The
 * command uses the library through its installed headers only.
 *
 * Every argument is checked before any device is touched. What is wrong is said in one line on
 * stderr, "rawpci SUBCOMMAND: ...".
 */
#ifndef RAWPCI_TOOL_TOOL_H
#define RAWPCI_TOOL_TOOL_H

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/context.h>
#include <rawpci/log.h>

#define TOOL_SETTINGS 16

/* Exit statuses. "run" ends with its command's status, or with those of TOOL_RUN_... */
enum tool_status {
	TOOL_DONE = 0,
	TOOL_FAILED = 1,           /* it could not be done, or the answer is no */
	TOOL_USAGE = 2,            /* wrong arguments; nothing has happened */
	TOOL_RUN_FAILED = 125,     /* rawpci itself failed, as of env(1) */
	TOOL_RUN_NO_EXEC = 126,    /* the command cannot be executed */
	TOOL_RUN_NO_COMMAND = 127, /* there is no such command */
};

struct tool;

/* Common options that a subcommand does not take. */
enum tool_without {
	TOOL_WITHOUT_BACKEND = 1, /* $RAWPCI_BACKEND does not count either */
	TOOL_WITHOUT_JSON = 2,
};

struct subcommand {
	const char *name;
	const char *line; /* what it does, in at most 60 characters */
	const char *help; /* for --help: usage and own options; the common ones are added */
	/* Own options: long ones, ended by a zeroed one. val is the letter that take gets. NULL: none. */
	const struct option *options;
	unsigned without; /* flags of enum tool_without; they are refused, and not in the help */
	/* argv[0] is the subcommand's name. Returns an exit status. */
	int (*run)(struct tool *tool, int argc, char **argv);
};

extern const struct subcommand tool_list, tool_explain, tool_run, tool_take, tool_return,
	tool_recover, tool_config, tool_mmio, tool_irq;

/* What the common options say. */
struct tool {
	const struct subcommand *subcommand;
	const char *backend;                     /* --backend, else $RAWPCI_BACKEND, else NULL */
	const char *settings[TOOL_SETTINGS + 1]; /* --set */
	unsigned setting_count;
	bool json;    /* --json */
	bool verbose; /* --verbose: the library's log at level debug */
	/* Set by a subcommand that wants the library's log for itself, from level info on. opaque is
	 * the struct tool. NULL: warnings go to stderr. */
	void (*log)(void *opaque, enum rawpci_log_level level, const char *message);
};

/* options.c */

/*
 * Reads the options in argv. The common ones go into tool; take() gets the subcommand's own, and
 * returns TOOL_DONE or what tool_wrong() has returned. take may be NULL if there are none.
 *
 * Returns -1 to go on: *operands is the index of the first operand in argv. Otherwise returns the
 * exit status: 0 after --help, 2 after a wrong option.
 */
int tool_options(struct tool *tool, int argc, char **argv,
		 int (*take)(struct tool *tool, void *opaque, int letter, const char *value),
		 void *opaque, int *operands);

/* Creates a context. Warnings of the library go to stderr. Returns -1 to go on, or the exit status
 * after it has said what is wrong. */
int tool_context(struct tool *tool, enum rawpci_irq_mode mode, struct rawpci **ctx);

/* Says what is wrong with an argument, in one line, and returns TOOL_USAGE. Control characters of
 * the text are shown as "?". */
int tool_wrong(const struct tool *tool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Says what failed, in one line, and returns TOOL_FAILED. */
int tool_failed(const struct tool *tool, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Says rawpci_last_error(). error: what the call returned. Returns TOOL_USAGE if an argument is
 * wrong (-EINVAL), else TOOL_FAILED. */
int tool_library_failed(const struct tool *tool, int error);

/* What --set says of a setting, else what is given as its default. */
const char *tool_setting(const struct tool *tool, const char *name, const char *otherwise);

/* Is the text a PCI address? If not, says so and returns TOOL_USAGE; else returns -1. */
int tool_address(const struct tool *tool, const char *text);

/* A number: decimal, also with zeros in front, 0x... or, if hex is set, hexadecimal with or without
 * 0x; nothing may follow. False: it is none, or it is more than limit. */
bool tool_number(const char *text, bool hex, uint64_t limit, uint64_t *number);

#endif
