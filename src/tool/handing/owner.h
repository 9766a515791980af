/* SPDX-License-Identifier: MIT */
/* A user and a group of the command line, by name or number. */
#ifndef RAWPCI_TOOL_OWNER_H
#define RAWPCI_TOOL_OWNER_H

#include <stdint.h>

#include "../tool.h"

struct owner {
	uint32_t uid, gid; /* RAWPCI_TAKE_NO_ID: no change */
};

/* Reads USER, or USER:GROUP. Names come first, as for chown(1). Returns TOOL_DONE, or TOOL_USAGE
 * after it has said what is wrong. */
int owner_read(const struct tool *tool, const char *text, struct owner *owner);

#endif
