/* SPDX-License-Identifier: MIT */
/* A device of the host, as list and explain show it. */
#ifndef RAWPCI_TOOL_DEVICE_H
#define RAWPCI_TOOL_DEVICE_H

#include <rawpci/enumerate.h>

#include "../tool.h"

#define DEVICE_WORDS 512

/* Did the host boot with this display? */
bool device_is_boot_display(const struct tool *tool, const struct rawpci_host_device *device);

/* "Ethernet controller: Intel Corporation 82574L", as far as there are names. Returns words. */
char *device_words(const struct tool *tool, const struct rawpci_host_device *device,
		   char words[DEVICE_WORDS]);

#endif
