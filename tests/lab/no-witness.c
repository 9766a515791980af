/* SPDX-License-Identifier: MIT */
/* lab-witness where it was built without libpciaccess. */
#include <stdio.h>

int main(void)
{
	(void)puts("built without libpciaccess (package libpciaccess-dev)");
	return 77;
}
