/* SPDX-License-Identifier: MIT */
/*
 * What the parts of the program have in common: the options and the ways it can end.
 */
#ifndef PASSTHROUGH_H
#define PASSTHROUGH_H

#include <stdbool.h>

/* Exit statuses. */
enum ending {
	ENDING_RIGHT = 0,  /* the device did all that was asked of it */
	ENDING_WRONG = 1,  /* it did not, or the run could not be made or finished */
	ENDING_USAGE = 2,  /* the command line makes no sense */
	ENDING_NO_KVM = 3, /* --kvm insists on a guest, and this machine cannot run it */
};

/* Does a guest do the steps, or the host? */
enum guest {
	GUEST_IF_POSSIBLE, /* a guest; without a usable /dev/kvm the host */
	GUEST_ALWAYS,      /* --kvm */
	GUEST_NEVER,       /* --no-kvm */
};

struct options {
	const char *backend; /* NULL: the library chooses */
	const char *address; /* "0000:03:00.0" */
	bool detach;         /* take the device away from its host driver */
	bool verbose;        /* print the library's log */
	enum guest guest;
	unsigned seconds; /* the run ends after so many */
};

/* Runs the built-in guest with the device (guest.c). On a machine that cannot run it this says why,
 * and returns ENDING_NO_KVM; the device has not been opened. */
enum ending run_guest(const struct options *options);

/* Does the guest's steps from the host (host.c). */
enum ending run_host(const struct options *options);

/* Says why this machine cannot run the guest, and what happens now. Returns ENDING_NO_KVM. */
enum ending no_guest(const struct options *options, const char *why);

#endif
