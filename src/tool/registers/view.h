/* SPDX-License-Identifier: MIT */
/*
 * A view of a device's config space: the host's, which reads sysfs and leaves the device alone, or
 * that of a device that was opened through the library.
 */
#ifndef RAWPCI_TOOL_VIEW_H
#define RAWPCI_TOOL_VIEW_H

#include <stdint.h>

#include "registers.h"

#define VIEW_MOST 4096 /* bytes of config space */

struct view {
	const char *address;       /* in its full form */
	struct rawpci_device *dev; /* NULL: the host's view */
	int file;                  /* of the host's view */
	uint32_t size;             /* bytes of config space */
};

/* Looks at the device of the host. insist: also if that wakes it. Returns -1, or an exit status. */
int view_of_host(const struct tool *tool, struct rawpci *ctx, const char *address, bool insist,
		 struct view *out);

/* Looks at the opened device. Returns as view_of_host(). */
int view_of_device(const struct tool *tool, struct rawpci_device *dev, const char *address,
		   struct view *out);

/* Ends the view. The device stays open. */
void view_finish(struct view *view);

/* Reads or writes 1, 2 or 4 bytes inside the config space. Says what failed. Returns as
 * view_of_host(). */
int view_read(const struct tool *tool, const struct view *view, uint32_t at, unsigned width,
	      uint32_t *value);
int view_write(const struct tool *tool, const struct view *view, uint32_t at, unsigned width,
	       uint32_t value);

/* Reads all that this process may see. Returns as view_of_host(). */
int view_read_all(const struct tool *tool, const struct view *view, unsigned char bytes[VIEW_MOST],
		  uint32_t *count);

/* Finds where the field is, by the device's capabilities if it lies in one. Says if it is not
 * there. Returns as view_of_host(). */
int view_find(const struct tool *tool, const struct view *view, const struct field *field,
	      uint32_t *at);

#endif
