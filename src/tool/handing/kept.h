/* SPDX-License-Identifier: MIT */
/* The devices that "take" has taken, and the nodes by which a program opens them. */
#ifndef RAWPCI_TOOL_KEPT_H
#define RAWPCI_TOOL_KEPT_H

#include <stddef.h>

#include <rawpci/handover.h>

#include "../tool.h"

struct kept {
	struct rawpci_kept *devices;
	size_t count, room;
};

#define KEPT_NONE ((struct kept){ .devices = NULL })

/* Reads which devices are kept. Returns -1, or the exit status after it has said what is wrong. */
int kept_read(const struct tool *tool, struct rawpci *ctx, struct kept *kept);

/* Is the device kept? NULL: no. */
const struct rawpci_kept *kept_find(const struct kept *kept, const struct rawpci_address *address);

void kept_finish(struct kept *kept);

#define NODES 4
#define NODE_PATH 512

struct nodes {
	char paths[NODES][NODE_PATH];
	unsigned count;
};

/* Finds the nodes of a device that is bound to vfio-pci or a UIO driver. */
void nodes_find(const struct tool *tool, struct rawpci *ctx, const struct rawpci_address *address,
		struct nodes *nodes);

#endif
