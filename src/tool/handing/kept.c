/* SPDX-License-Identifier: MIT */
/* The devices that "take" has taken. */
#include "kept.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int add(void *opaque, const struct rawpci_kept *device)
{
	struct kept *kept = opaque;

	if (kept->count == kept->room) {
		size_t room = kept->room ? 2 * kept->room : 8;
		struct rawpci_kept *more = realloc(kept->devices, room * sizeof(*more));

		if (!more)
			return -ENOMEM;
		kept->devices = more;
		kept->room = room;
	}
	kept->devices[kept->count++] = *device;
	return 0;
}

int kept_read(const struct tool *tool, struct rawpci *ctx, struct kept *kept)
{
	int r;

	*kept = KEPT_NONE;
	r = rawpci_kept_each(ctx, sizeof(struct rawpci_kept), add, kept);
	if (r == 0)
		return -1;
	kept_finish(kept);
	return r == -ENOMEM ? tool_failed(tool, "no memory") : tool_library_failed(tool, r);
}

const struct rawpci_kept *kept_find(const struct kept *kept, const struct rawpci_address *address)
{
	char wanted[RAWPCI_ADDRESS_TEXT], text[RAWPCI_ADDRESS_TEXT];

	(void)rawpci_address_format(address, wanted);
	for (size_t i = 0; i < kept->count; i++) {
		(void)rawpci_address_format(&kept->devices[i].address, text);
		if (strcmp(text, wanted) == 0)
			return &kept->devices[i];
	}
	return NULL;
}

void kept_finish(struct kept *kept)
{
	free(kept->devices);
	*kept = KEPT_NONE;
}
