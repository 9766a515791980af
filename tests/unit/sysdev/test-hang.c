/* SPDX-License-Identifier: MIT */
/* Closing while the files "enable" and "reset" wait for the device's lock. A FIFO without a reader
 * stands in for a lock that a driver holds. */
#include <signal.h>
#include <sys/wait.h>

#include "os/sys.h"
#include "unit/sysdev/plain.h"

static const char *const files[] = { "enable", "reset" };

static void in_time(const char *file)
{
	const struct rawpci_options options = { .backend = "sysfs" };
	char path[512];

	ctx = create_context(options, "run", "driver.timeout_ms=100");
	if (rawpci_device_open(ctx, NULL, BDF, 0, &dev) < 0 ||
	    rawpci_device_power(dev, RAWPCI_POWER_ON) < 0)
		_exit(2);
	(void)snprintf(path, sizeof(path), "%s/" DEVICE "%s", tree.root, file);
	(void)unlink(path);
	(void)mkfifo(path, 0600);
	(void)rawpci_device_close(dev);
	_exit(0);
}

START_TEST(closes_in_time)
{
	int status = 0;
	pid_t child, ended = 0;

	tree_create(&tree);
	make_device();
	child = fork();
	if (child == 0)
		in_time(files[_i]);
	for (int i = 0; ended == 0 && i < 5000; i++) {
		rawpci_sys_sleep_ms(1);
		ended = waitpid(child, &status, WNOHANG);
	}
	if (ended == 0) {
		kill(child, SIGKILL);
		(void)waitpid(child, &status, 0);
	}
	tree_destroy(&tree);
	ck_assert_msg(ended == child, "not closed in 5 s, with a limit of 100 ms");
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hang");
	TCase *tests = tcase_create("hang");

	tcase_set_timeout(tests, 30);
	tcase_add_loop_test(tests, closes_in_time, 0, 2);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
