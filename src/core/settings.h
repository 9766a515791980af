/* SPDX-License-Identifier: MIT */
#ifndef RAWPCI_CORE_SETTINGS_H
#define RAWPCI_CORE_SETTINGS_H

struct rawpci;

/* Sets defaults, then what the program gave as "name=value" (NULL-terminated, may be NULL). */
int rawpci_settings_apply(struct rawpci *ctx, const char *const *settings);

#endif
