/* SPDX-License-Identifier: MIT */
/*
 * Stands in for guest.c on machines that are not x86.
 */
#include <stdio.h>

#include "passthrough.h"

enum ending run_guest(const struct options *options)
{
	(void)options;
	fprintf(stderr, "passthrough: the guest is x86 code, which this machine's KVM cannot run; "
			"--no-kvm does the same steps from the host, without a guest\n");
	return ENDING_NO_KVM;
}
