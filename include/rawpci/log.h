/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in words. Every failed call leaves one sentence with the cause and, where there
 * is one, the remedy: it goes to the context's log callback at RAWPCI_LOG_ERROR and can be asked
 * for afterwards.
 */
#ifndef RAWPCI_LOG_H
#define RAWPCI_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum rawpci_log_level {
	RAWPCI_LOG_ERROR = 0,   /* a call failed; exactly one line for each failed call */
	RAWPCI_LOG_WARNING = 1, /* it went on, but with less than was asked for */
	RAWPCI_LOG_INFO = 2,    /* choices made: backends tried, fallbacks, drivers moved */
	RAWPCI_LOG_DEBUG = 3,   /* each step */
};

/**
 * The sentence of the last call that failed in this thread.
 *
 * Set by every failing call of the library, also by those that have no context to log to, except
 * rawpci_address_parse(); a call that succeeds leaves it alone.
 *
 * Any thread, any time.
 * Returns a string without line break that stays valid until the thread's next failing call; an
 * empty string when none has failed yet. Never NULL.
 */
const char *rawpci_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
