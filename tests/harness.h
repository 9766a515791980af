/* SPDX-License-Identifier: MIT */
/* Shared by all Check programs: the run with TAP on stdout, and a count of descriptors. */
#ifndef RAWPCI_TESTS_HARNESS_H
#define RAWPCI_TESTS_HARNESS_H

#include <check.h>
#include <dirent.h>

/* How many descriptors this process has open, give or take a constant. */
static inline unsigned harness_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	(void)closedir(dir);
	return n;
}

/* Runs the suite with one TAP line a test on stdout. Returns the exit status. */
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
