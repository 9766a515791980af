/* SPDX-License-Identifier: MIT */
/* Where the fields are that every MMIO access reads: together, and apart from those that accesses
 * write, which would take the cache line away from other processors. */
#include <stddef.h>

#include "core/device.h"
#include "harness.h"

#define LINE 64

static size_t distance(size_t a, size_t b)
{
	return a > b ? a - b : b - a;
}

START_TEST(mmio_reads_one_line)
{
	ck_assert_uint_lt(distance(offsetof(struct rawpci_device, reach.access),
				   offsetof(struct rawpci_device, mappings)),
			  LINE / 2);
}
END_TEST

/* Each write to config space, to ports or to a region writes it. */
START_TEST(touched_is_elsewhere)
{
	ck_assert_uint_ge(distance(offsetof(struct rawpci_device, reach.access),
				   offsetof(struct rawpci_device, touched)),
			  LINE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layout");
	TCase *tests = tcase_create("layout");

	tcase_add_test(tests, mmio_reads_one_line);
	tcase_add_test(tests, touched_is_elsewhere);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
