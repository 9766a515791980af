/* SPDX-License-Identifier: MIT */
/*
 * Runs a function of the test in a child process under a seccomp filter, to learn which system
 * calls it makes, or to allow it some calls only.
 */
#ifndef RAWPCI_TESTS_MAN_WATCH_H
#define RAWPCI_TESTS_MAN_WATCH_H

#include <stdbool.h>

#define WATCH_CALLS 600 /* system call numbers that are known, at most */

/* A row of the manual page, as calls.sh has read it. */
struct listed_call {
	const char *phase;
	const char
		*where; /* words; "for" stands between those of which one must hold each; "": any */
	const char *name;
	bool perhaps; /* it need not be made */
	int number;
};

extern const struct listed_call listed_calls[];
extern const unsigned listed_count;

/* The name of a system call; NULL: the C library's headers do not have it. */
const char *call_name(int number);

/* What a child leaves. It is memory that the parent shares. */
struct watched {
	bool seen[WATCH_CALLS]; /* the calls that were made under the filter */
	bool entered;           /* the filter was there */
	bool done;              /* the function has returned under it */
	int handled;            /* interrupts, if they were too few */
	int result;             /* what it has returned */
	char words[512];        /* if that is an error: rawpci_last_error() */
	int refused;            /* the call that ended the child; -1: none */
	int signal;             /* that killed the child; 0: none */
};

enum watch_kind {
	WATCH_SEE,     /* allow all, and note it */
	WATCH_ENFORCE, /* end the process at a call that is not allowed */
};

/* Puts the calling thread under the filter, in the child. Threads that it makes later are under it,
 * too. -errno: there is no seccomp here. */
int watch_enter(struct watched *watched, enum watch_kind kind, const bool *allowed);

#endif
