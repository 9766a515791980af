/* SPDX-License-Identifier: MIT */
/* A context's settings. rawpci_backend_setting() gives them to backends. */
#ifndef RAWPCI_CORE_SETTINGS_H
#define RAWPCI_CORE_SETTINGS_H

struct rawpci;

/* Sets the defaults, then the program's "name=value" strings (NULL-terminated; may be NULL). */
int rawpci_settings_apply(struct rawpci *ctx, const char *const *settings);
void rawpci_settings_free(struct rawpci *ctx);

#endif
