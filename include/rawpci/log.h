/* SPDX-License-Identifier: MIT */
/**
 * @file log.h
 * What went wrong, in words.
 *
 * Every failed call leaves one sentence: the cause and, if there is one, the remedy.
 * rawpci_last_error() returns the sentence after the call. The context's log callback gets it at
 * one of two levels.
 *
 * #RAWPCI_LOG_ERROR: only the program can cause the failure, not a guest. Examples are opening and
 * closing a device, and creating a session or a VM. Each failed call is one line.
 *
 * #RAWPCI_LOG_WARNING: a guest can be the cause, because the program passes on what the guest does.
 * These are all calls on an open device but rawpci_device_close(), all requests but those that open
 * a device, and the calls that map and unmap guest memory. The library counts such lines for each
 * device, or for the context if the call names no device. Lines that differ only in numbers are of
 * one kind. The library logs the first line of a kind in full. In place of the later lines it logs
 * a sum when there have been 10, 100, 1000 and so on:
 *
 *     0000:03:00.0: 1000 times so far: an access of 3 bytes: use 1, 2, 4 or 8
 *
 * When the device is closed, or the context destroyed, the library logs a total, as "1234 times in
 * all". It does so for each kind whose number has grown since its last line. A sum repeats the
 * first line of its kind with the numbers that were in it. If calls in several threads fail at
 * once, the order of the lines is not kept. Other lines about an open device are counted in the
 * same way at their level, except those at #RAWPCI_LOG_DEBUG.
 */
#ifndef RAWPCI_LOG_H
#define RAWPCI_LOG_H

#ifdef __cplusplus
extern "C" {
#endif

/** Levels of messages, the most important first. */
enum rawpci_log_level {
	RAWPCI_LOG_ERROR = 0, /**< A call of the program failed. */
	/** A call failed, and a guest may be the cause. Or a call succeeded without something that
	 * it wanted. */
	RAWPCI_LOG_WARNING = 1,
	RAWPCI_LOG_INFO = 2,  /**< Choices: backends tried, ways chosen, drivers changed. */
	RAWPCI_LOG_DEBUG = 3, /**< Details, for finding a fault. */
};

/**
 * Returns the sentence of the last call that failed in this thread.
 *
 * Every failing call of the library sets it, also one that has no context to log to. The exceptions
 * are rawpci_address_parse(), the functions of <rawpci/fake.h>, and those that <rawpci/backend.h>
 * offers to a backend. A call that succeeds leaves it alone. A log callback may call the library.
 * That does not change the sentence that the outer call leaves.
 *
 * @return a string without line break; an empty one if no call has failed yet. Never NULL. It stays
 *         valid until the thread's next failing call
 */
const char *rawpci_last_error(void);

#ifdef __cplusplus
}
#endif

#endif
