/* SPDX-License-Identifier: MIT */
/* The host changes between two looks at it: what was found to be in use stays with the host. */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <sys/stat.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-seam.h"

#define DETACH RAWPCI_OPEN_DETACH_HOST_DRIVER

static struct rawpci *ctx;
static struct rawpci_backend backend;
static unsigned looks;          /* at the list of drivers */
static void (*at_second)(void); /* what happens before the second one */

int __real_rawpci_sysfs_has_driver(const char *root, const char *driver);
int __wrap_rawpci_sysfs_has_driver(const char *root, const char *driver);
int __wrap_rawpci_sysfs_has_driver(const char *root, const char *driver)
{
	if (++looks == 2 && at_second)
		at_second();
	return __real_rawpci_sysfs_has_driver(root, driver);
}

static int any_open(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)instance;
	(void)address;
	(void)space;
	*device = &host;
	return 0;
}

static struct rawpci *create(const char *run)
{
	char runs[600], sysfs[600];
	const char *settings[] = { runs, sysfs, NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = NULL,
		.settings = settings,
	};
	struct rawpci *out;

	(void)snprintf(runs, sizeof(runs), "run.dir=%s/%s", host.tree.root, run);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	ck_assert_int_eq(rawpci_backend_register(out, &backend), 0);
	ck_assert_int_eq(rawpci_backend_choose(out, "bound"), 0);
	return out;
}

static void setup(void)
{
	host_create();
	backend = blank_backend("bound", 200);
	backend.driver = "vfio-pci";
	backend.open = any_open;
	blank_add_device(&backend);
	tree_directory(&host.tree, "class/block");
	host_bind("e1000e");
	ctx = create("run");
	looks = 0;
	at_second = NULL;
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&host.tree);
}

static void unload(void)
{
	char path[512];

	ck_assert_int_eq(rmdir(tree_path(&host.tree, path, "bus/pci/drivers/vfio-pci")), 0);
	host.refusing = "vfio-pci";
}

/* vfio-pci is unloaded in the middle of the open. The interface is up: it must not lose its
 * driver, not even for a moment. */
START_TEST(in_use_while_the_module_is_unloaded)
{
	struct rawpci_device *dev = NULL;
	int r;

	tree_link(&host.tree, "class/net/eth0", "../../devices/pci0000:00/" BDF "/net/eth0");
	tree_write(&host.tree, "devices/pci0000:00/" BDF "/net/eth0/flags", "0x1003\n");
	tree_write(&host.tree, "found at work", "0\n");
	at_second = unload;
	host.steps = 0;
	r = rawpci_device_open(ctx, NULL, BDF, DETACH, &dev);
	ck_assert_ptr_null(dev);
	ck_assert_msg(atomic_load(&host.steps) == 0 && (r == -EBUSY || r == -ENODEV),
		      "%u steps changed the host; %d: %s", atomic_load(&host.steps), r,
		      rawpci_last_error());
}
END_TEST

/* A directory's name is said in full. */
START_TEST(long_run_directory)
{
	struct rawpci_device *dev = NULL;
	struct rawpci *blind;
	char name[160];

	memset(name, 'r', sizeof(name) - 1);
	(void)strcpy(name + sizeof(name) - 5, ".end");
	tree_write(&host.tree, name, "");
	blind = create(name);
	ck_assert_int_eq(rawpci_device_open(blind, NULL, BDF, DETACH, &dev), -EACCES);
	ck_assert_msg(strstr(rawpci_last_error(), "rrr.end") != NULL, "%s", rawpci_last_error());
	ck_assert_int_eq(rawpci_destroy(blind), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("check");
	TCase *tests = tcase_create("check");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, in_use_while_the_module_is_unloaded);
	tcase_add_test(tests, long_run_directory);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
