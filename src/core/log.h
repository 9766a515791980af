/* SPDX-License-Identifier: MIT */
/*
 * The log, and the sentence of a failure. Each thread collects its lines, and hands them to the log
 * callback when it leaves the library. So no lock is held while the callback runs.
 */
#ifndef RAWPCI_CORE_LOG_H
#define RAWPCI_CORE_LOG_H

#include <stdarg.h>

#include <rawpci/backend.h>

#include "core/log-count.h"

struct rawpci;

void rawpci_say(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
	RAWPCI_PRINTF(3, 4);

/* Sets the sentence of a failure and returns error. ctx may be NULL. */
int rawpci_fail(struct rawpci *ctx, int error, const char *format, ...) RAWPCI_PRINTF(3, 4);
int rawpci_fail_list(struct rawpci *ctx, int error, const char *format, va_list arguments)
	RAWPCI_PRINTF(3, 0);

/* r is an error of rawpci_sys_lack(): for lack of descriptors or memory some files could not be
 * opened, and counted as missing. So a conclusion from them is not valid, and the call fails. */
int rawpci_fail_lack(struct rawpci *ctx, const char *name, int r);

/* The sentence of the last rawpci_fail() of this call. */
const char *rawpci_reason(void);

/* Keeps the sentence of a failure while steps are undone, because undoing may fail, too. */
struct rawpci_reason {
	char text[RAWPCI_SENTENCE];
};
void rawpci_reason_keep(struct rawpci_reason *kept);
void rawpci_reason_restore(const struct rawpci_reason *kept);

/* Says a line as it is, and does not count it. */
void rawpci_say_line(struct rawpci *ctx, enum rawpci_log_level level, const char *line);

/* The end of told: says the sum for each kind that was counted since its last line. */
void rawpci_told_finish(struct rawpci_told *told);

#endif
