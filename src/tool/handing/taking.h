/* SPDX-License-Identifier: MIT */
/* What "run" and "take" share: which devices are taken, and how. */
#ifndef RAWPCI_TOOL_TAKING_H
#define RAWPCI_TOOL_TAKING_H

#include <stdbool.h>

#include <rawpci/handover.h>

#include "owner.h"
#include "../tool.h"

struct taking {
	const char *driver; /* --driver; NULL: the library chooses */
	bool insist;        /* --insist */
	struct owner owner; /* --user */
	const char **addresses;
	unsigned count;
};

#define TAKING_NONE                                                                                \
	((struct taking){ .owner = { .uid = RAWPCI_TAKE_NO_ID, .gid = RAWPCI_TAKE_NO_ID } })

/* Their options, for struct subcommand, and the function that takes them, for tool_options(). */
extern const struct option taking_options[];
int taking_option(struct tool *tool, void *taking, int letter, const char *value);

/* Their lines for --help. */
#define TAKING_HELP                                                                                \
	"  --driver NAME     bind them to this one, not vfio-pci or uio_pci_generic\n"             \
	"  --user USER[:GROUP]\n"                                                                  \
	"                    this user may open their nodes meanwhile\n"                           \
	"  --insist          also if the host uses them: a mounted disk, a network\n"

/* Checks the addresses, of which each may be given once. Returns -1 to go on, or TOOL_USAGE. */
int tool_addresses(const struct tool *tool, char *const *addresses, unsigned count);

/* Takes them. Returns what rawpci_take() does. */
int taking_take(const struct taking *taking, struct rawpci *ctx, struct rawpci_taken **taken);

/* Says why the library could not take or return. The arguments were checked before, so it is never
 * one of them that is wrong: returns TOOL_FAILED. */
int taking_failed(const struct tool *tool, int error);

#endif
