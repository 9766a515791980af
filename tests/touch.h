/* SPDX-License-Identifier: MIT */
/* Loads that may raise a signal. One thread of a process at a time. */
#ifndef RAWPCI_TESTS_TOUCH_H
#define RAWPCI_TESTS_TOUCH_H

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

static sigjmp_buf touch_back;

static inline void touch_caught(int signal)
{
	siglongjmp(touch_back, signal);
}

/* Loads 4 bytes. Returns 0, or the signal that it raised. */
static inline int touch(const volatile void *at, uint32_t *value)
{
	struct sigaction action, bus, segv;
	int raised;

	memset(&action, 0, sizeof(action));
	action.sa_handler = touch_caught;
	(void)sigaction(SIGBUS, &action, &bus);
	(void)sigaction(SIGSEGV, &action, &segv);
	raised = sigsetjmp(touch_back, 1);
	if (raised == 0)
		*value = *(const volatile uint32_t *)at;
	(void)sigaction(SIGBUS, &bus, NULL);
	(void)sigaction(SIGSEGV, &segv, NULL);
	return raised;
}

#endif
