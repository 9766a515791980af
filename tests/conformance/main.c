/* SPDX-License-Identifier: MIT */
/* usage: conformance BACKEND [ADDRESS]. Real backends need a device, also as RAWPCI_TEST_BDF. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct rawpci_address address;
	Suite *suite;

	bench.backend = argc > 1 ? argv[1] : "fake";
	bench.fake = strcmp(bench.backend, "fake") == 0;
	bench.address = argc > 2     ? argv[2]
			: bench.fake ? "0000:00:05.0"
				     : getenv("RAWPCI_TEST_BDF");
	if (!bench.address) {
		(void)puts("1..0 # SKIP RAWPCI_TEST_BDF names no device");
		return 0;
	}
	if (rawpci_address_parse(bench.address, &address) < 0) {
		(void)printf("Bail out! \"%s\" is no address\n", bench.address);
		return 1;
	}
	suite = suite_create(bench.backend);
	add_door(suite);
	add_handles(suite);
	add_regions(suite);
	add_access(suite);
	add_direct(suite);
	add_power(suite);
	add_ports(suite);
	add_port_life(suite);
	add_memory(suite);
	add_irqs(suite);
	add_callbacks(suite);
	add_contexts(suite);
	add_backends(suite);
	if (bench.fake) {
		add_exact(suite);
		add_gone(suite);
		add_dma(suite);
		add_irq_ends(suite);
		add_codes(suite);
		add_power_failures(suite);
		add_concurrency(suite);
		add_handlers(suite);
		add_flood(suite);
	}
	return harness_run(suite);
}
