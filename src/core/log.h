/* SPDX-License-Identifier: MIT */
/*
 * What the library says. Each thread collects what it has to say, and says it when it leaves the
 * library: no lock is held while the log callback runs.
 */
#ifndef RAWPCI_CORE_LOG_H
#define RAWPCI_CORE_LOG_H

#include <stdarg.h>

#include <rawpci/backend.h>

#include "core/told.h"

struct rawpci;

void rawpci_say(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
	RAWPCI_PRINTF(3, 4);

/* Sets the sentence of a failure and returns error. ctx may be NULL. */
int rawpci_fail(struct rawpci *ctx, int error, const char *format, ...) RAWPCI_PRINTF(3, 4);
int rawpci_fail_list(struct rawpci *ctx, int error, const char *format, va_list arguments)
	RAWPCI_PRINTF(3, 0);

/* r, an error of rawpci_sys_lack(): files could not be opened for lack of descriptors or memory, and
 * were taken for files that do not exist. What was concluded from them does not count. */
int rawpci_fail_lack(struct rawpci *ctx, const char *name, int r);

/* The sentence of the last rawpci_fail() of this call. */
const char *rawpci_reason(void);

/* Keeps the sentence of a failure while its steps are undone. Undoing may fail, too. */
struct rawpci_reason {
	char text[RAWPCI_SENTENCE];
};
void rawpci_reason_keep(struct rawpci_reason *kept);
void rawpci_reason_restore(const struct rawpci_reason *kept);

/* Says a line as it is, uncounted. */
void rawpci_say_line(struct rawpci *ctx, enum rawpci_log_level level, const char *line);

#endif
