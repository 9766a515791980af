/* SPDX-License-Identifier: MIT */
/*
 * Stands in for guest.c on machines that are not x86.
 */
#include "passthrough.h"

enum ending run_guest(const struct options *options)
{
	return no_guest(options, "its code is x86, which this machine's KVM cannot run");
}
