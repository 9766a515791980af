/* SPDX-License-Identifier: MIT */
/*
 * What went wrong, in words. Every failed call leaves one sentence with the cause and, where there
 * is one, the remedy. rawpci_last_error() has it after the call; the context's log callback gets it
 * at one of two levels.
 *
 * RAWPCI_LOG_ERROR: the call belongs to the program, such as opening or closing a device, or creating
 * a session or a VM. Each failed call is one line.
 *
 * RAWPCI_LOG_WARNING: a guest can be the cause, because the program passes on what the guest does.
 * These are all calls on an open device, all requests but those that open a device, and the calls
 * that map and unmap guest memory. Such lines are counted for each device, or for the context where
 * no device is named. The first line of a kind is logged in full. The lines of a kind differ in
 * numbers only. Later lines of the kind are not logged; a sum is, when there have been 10, 100, 1000
 * and so on:
 *
 *	0000:03:00.0: 1000 times so far: an access of 3 bytes: use 1, 2, 4 or 8
 *
 * When the device is closed, or the context destroyed, the number of each kind that has grown since
 * its last line is logged once more, as "1234 times in all". A sum repeats the first line of its kind
 * with the numbers that were in it. Where several threads are refused at once, the order of the lines
 * is not kept. Other lines about an open device are counted in the same way at their level, except
 * those at RAWPCI_LOG_DEBUG.
 */
#ifndef RAWPCI_LOG_H
#define RAWPCI_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

enum rawpci_log_level {
	RAWPCI_LOG_ERROR = 0,   /* a call of the program failed */
	RAWPCI_LOG_WARNING = 1, /* what a guest may have caused; or it went on, but with less */
	RAWPCI_LOG_INFO = 2,    /* choices made: backends tried, fallbacks, drivers moved */
	RAWPCI_LOG_DEBUG = 3,   /* details, for finding a fault */
};

/**
 * The sentence of the last call that failed in this thread.
 *
 * Set by every failing call of the library, also by those that have no context to log to, except
 * rawpci_address_parse(); a call that succeeds leaves it alone. Calls that a log callback makes do not
 * change the sentence of the call that it is called from.
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
