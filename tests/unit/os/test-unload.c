/* SPDX-License-Identifier: MIT */
/* A plugin unloads the library while a thread of src/os/slow.c still runs its code. The plugin
 * loads the library, lets an open time out, destroys the context and unloads the library. A FIFO
 * stands in for a file of sysfs that hangs. */
#include <dlfcn.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"
#include "unit/os/tree.h"

static struct tree tree;

static void plugin(void)
{
	char sysfs[128], run[128], path[512];
	const char *settings[] = { sysfs, run, "driver.timeout_ms=100", NULL };
	struct rawpci_options options = { .size = sizeof(options), .backend = "sysfs" };
	void *library = dlopen(RAWPCI_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	int (*create)(const struct rawpci_options *, struct rawpci **);
	int (*destroy)(struct rawpci *);
	int (*open_device)(struct rawpci *, struct rawpci_vm *, const char *, unsigned,
			   struct rawpci_device **);
	const struct timespec while_it_returns = { 1, 0 };
	struct rawpci_device *dev;
	struct rawpci *ctx;
	int fd;

	if (!library)
		_exit(2);
	*(void **)&create = dlsym(library, "rawpci_create");
	*(void **)&destroy = dlsym(library, "rawpci_destroy");
	*(void **)&open_device = dlsym(library, "rawpci_device_open");
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", tree.root);
	(void)snprintf(run, sizeof(run), "run.dir=%s/run", tree.root);
	options.settings = settings;
	if (create(&options, &ctx) < 0 || open_device(ctx, NULL, "0000:03:00.0", 0, &dev) != -110 ||
	    destroy(ctx) < 0)
		_exit(3);
	(void)dlclose(library);
	fd = open(tree_path(&tree, path, "bus/pci/devices/0000:03:00.0/driver_override"), O_RDWR);
	(void)nanosleep(&while_it_returns, NULL);
	close(fd);
	_exit(0);
}

START_TEST(the_library_can_be_unloaded_during_a_late_write)
{
	char path[512];
	pid_t child;
	int status;

	tree_create(&tree);
	tree_directory(&tree, "bus/pci/devices/0000:03:00.0");
	ck_assert_int_eq(mkfifo(tree_path(&tree, path,
					  "bus/pci/devices/0000:03:00.0/"
					  "driver_override"),
				0600),
			 0);
	{
		static const unsigned char config[256] = { 0x86, 0x80, 0xd3, 0x10 };
		FILE *stream = fopen(tree_path(&tree, path, "bus/pci/devices/0000:03:00.0/config"),
				     "w");

		ck_assert_uint_eq(fwrite(config, 1, sizeof(config), stream), sizeof(config));
		(void)fclose(stream);
	}
	child = fork();
	if (child == 0)
		plugin();
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	tree_destroy(&tree);
	ck_assert_msg(!WIFSIGNALED(status), "signal %d", WTERMSIG(status));
	ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unload");
	TCase *tests = tcase_create("unload");

	tcase_set_timeout(tests, 30);
	tcase_add_test(tests, the_library_can_be_unloaded_during_a_late_write);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
