/* SPDX-License-Identifier: MIT */
/* What every Check program ends with: one TAP line a test on stdout, for meson to count. */
#ifndef RAWPCI_TESTS_HARNESS_H
#define RAWPCI_TESTS_HARNESS_H

#include <check.h>

static inline int harness_run(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? 0 : 1;
}

#endif
