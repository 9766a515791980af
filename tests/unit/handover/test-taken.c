/* SPDX-License-Identifier: MIT */
/* Devices that are taken for another program: all or none, returned, kept, and killed at each
 * step. */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/handover.h>
#include <rawpci/recover.h>
#include <sys/wait.h>

#include "harness.h"
#include "handover/record.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-seam.h"

#define RECORD "run/" BDF
#define PEER_RECORD "run/" PEER

static const char *const both[] = { BDF, PEER };

static struct rawpci *ctx, *other;
static struct rawpci_backend vfio, uio;

static int any_open(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)instance;
	(void)space;
	(void)address;
	*device = &host;
	return 0;
}

/* vfio-pci must find no device of the group at a host driver that is not taken, too. */
static int group_probe(void *instance, const struct rawpci_address *address)
{
	static const struct rawpci_address peers[] = { { .bus = 3 }, { .bus = 3, .function = 1 } };
	struct rawpci *in = instance;
	char driver[RAWPCI_DRIVER_TEXT];

	(void)address;
	for (int i = 0; i < 2; i++)
		if (!rawpci_backend_taken(in, &peers[i], driver) &&
		    rawpci_sysfs_driver(host.tree.root, &peers[i], driver) == 0 &&
		    strcmp(driver, "e1000e") == 0)
			return rawpci_backend_fail(in, -EBUSY, "the group is not viable");
	return 0;
}

static int keep_context(struct rawpci *in, void **instance)
{
	*instance = in;
	return 0;
}

static void destroy_nothing(void *instance)
{
	(void)instance;
}

static struct rawpci *create(void)
{
	char run[600], sysfs[600], nodes[600], uios[600];
	const char *settings[] = { run, sysfs, nodes, uios, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };
	struct rawpci *out;

	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host.tree.root);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/dev/vfio", host.tree.root);
	(void)snprintf(uios, sizeof(uios), "uio.dir=%s/dev", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	ck_assert_int_eq(rawpci_backend_register(out, &vfio), 0);
	ck_assert_int_eq(rawpci_backend_register(out, &uio), 0);
	return out;
}

static void setup(void)
{
	host_create();
	tree_directory(&host.tree, "bus/pci/drivers/uio_pci_generic");
	host_bind("e1000e");
	vfio = blank_backend("bound", 300);
	vfio.driver = "vfio-pci";
	vfio.create = keep_context;
	vfio.destroy = destroy_nothing;
	vfio.open = any_open;
	blank_add_device(&vfio);
	uio = blank_backend("line", 200);
	uio.driver = "uio_pci_generic";
	uio.bare = true;
	uio.open = any_open;
	blank_add_device(&uio);
	ctx = create();
	other = create();
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
	tree_destroy(&host.tree);
}

static bool there(const char *file)
{
	char path[512];

	return access(tree_path(&host.tree, path, file), F_OK) == 0;
}

static bool says(const char *text)
{
	return strstr(rawpci_last_error(), text) != NULL;
}

static struct rawpci_taken *take(unsigned n, const char *driver)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	int r;

	options.driver = driver;
	r = rawpci_take(ctx, both, n, &options, &taken);
	ck_assert_msg(r == 0, "%d: %s", r, rawpci_last_error());
	return taken;
}

static int fails_to_take(const char *const *addresses, unsigned n,
			 const struct rawpci_take_options *options)
{
	struct rawpci_taken *taken = NULL;
	int r = rawpci_take(ctx, addresses, n, options, &taken);

	ck_assert_ptr_null(taken);
	return r;
}

/* Nothing has happened to it. */
static void check_untouched(void)
{
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD) && !there(PEER_RECORD));
}

static void check_peer(const char *driver)
{
	const struct rawpci_address peer = { .bus = 3, .function = 1 };
	char now[RAWPCI_SYSFS_NAME];

	ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &peer, now), 0);
	ck_assert_str_eq(now, driver);
	ck_assert(host_is(PEER_DEVICE "driver_override", "(null)") ==
		  (strcmp(driver, "e1000e") == 0));
}

START_TEST(taken_and_returned)
{
	struct rawpci_taken *taken = take(1, "vfio-pci");
	struct rawpci_device *dev = NULL;

	host_check("vfio-pci", "vfio-pci");
	ck_assert_str_eq(rawpci_taken_driver(taken), "vfio-pci");
	ck_assert(there(RECORD));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EBUSY);
	ck_assert(says("taken already"));
	ck_assert_int_eq(rawpci_device_open(other, NULL, BDF, 0, &dev), -EBUSY);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	ck_assert_int_eq(rawpci_recover(other), 0);
	ck_assert_int_eq(rawpci_return(other, both, 1), -EBUSY);
	ck_assert(says("this process"));
	host_check("vfio-pci", "vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	ck_assert_int_eq(rawpci_taken_return(NULL), 0);
	ck_assert_ptr_null(rawpci_taken_driver(NULL));
}
END_TEST

START_TEST(wrong_arguments)
{
	const char *const twice[] = { BDF, "03:00.0" }, *const wrong[] = { BDF, "nonsense" };
	const char *const none[] = { BDF, NULL }, *const absent[] = { BDF, "0000:04:00.0" };
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	static const char *const names[] = { "", "..", "a/b", "../drivers/vfio-pci" };

	options.driver = "vfio-pci";
	ck_assert_int_eq(rawpci_take(NULL, both, 1, NULL, &taken), -EFAULT);
	ck_assert_int_eq(rawpci_take(ctx, NULL, 1, NULL, &taken), -EFAULT);
	ck_assert_int_eq(rawpci_take(ctx, both, 1, NULL, NULL), -EFAULT);
	ck_assert_int_eq(fails_to_take(both, 0, &options), -EINVAL);
	ck_assert_int_eq(fails_to_take(both, 256, &options), -EUSERS);
	ck_assert_int_eq(fails_to_take(none, 2, &options), -EFAULT);
	ck_assert_int_eq(fails_to_take(wrong, 2, &options), -EINVAL);
	ck_assert_int_eq(fails_to_take(twice, 2, &options), -EINVAL);
	ck_assert(says("twice"));
	ck_assert_int_eq(fails_to_take(absent, 2, &options), -ENODEV);
	options.flags = RAWPCI_OPEN_DETACH_HOST_DRIVER;
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBADRQC);
	options.flags = 0;
	options.size = 3;
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EINVAL);
	options.size = sizeof(options);
	options.driver = "igb_uio";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -ENODEV);
	ck_assert(says("modprobe igb_uio"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		options.driver = names[i];
		ck_assert_int_eq(fails_to_take(both, 1, &options), -EINVAL);
	}
	ck_assert_int_eq(rawpci_taken_keep(NULL), -EFAULT);
	check_untouched();
}
END_TEST

START_TEST(chooses_the_driver)
{
	struct rawpci_taken *taken = take(1, NULL);

	ck_assert_str_eq(rawpci_taken_driver(taken), "uio_pci_generic");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	taken = take(1, NULL);
	ck_assert_str_eq(rawpci_taken_driver(taken), "vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	host_create_peer("e1000e");
	taken = take(2, NULL);
	ck_assert_str_eq(rawpci_taken_driver(taken), "uio_pci_generic");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* The second device cannot be bound: the first is returned. */
START_TEST(all_or_none)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	const char *const peer_first[] = { PEER, BDF };

	host_create_peer("e1000e");
	options.driver = "vfio-pci";
	host.refusing = "vfio-pci";
	ck_assert_int_eq(fails_to_take(peer_first, 2, &options), -ENODEV);
	ck_assert(says(BDF));
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* Devices of one call count as taken; another device of the group does not. */
START_TEST(group_of_two)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken;

	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	vfio.probe = group_probe;
	ctx = create();
	host_create_peer("e1000e");
	options.driver = "vfio-pci";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBUSY);
	check_untouched();
	taken = take(2, "vfio-pci");
	host_check("vfio-pci", "vfio-pci");
	check_peer("vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* It was bound to that driver before, and stays so. */
START_TEST(bound_before)
{
	struct rawpci_taken *taken;

	host_unbind("e1000e");
	host_bind("vfio-pci");
	tree_write(&host.tree, DEVICE "driver_override", "vfio-pci");
	taken = take(1, "vfio-pci");
	ck_assert(there(RECORD));
	if (_i == 0) {
		ck_assert_int_eq(rawpci_taken_return(taken), 0);
	} else {
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
		ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	}
	host_check("vfio-pci", "vfio-pci");
	ck_assert(!there(RECORD));
}
END_TEST

static int count_kept(void *opaque, const struct rawpci_kept *kept)
{
	char name[RAWPCI_ADDRESS_TEXT];

	ck_assert_str_eq(rawpci_address_format(&kept->address, name), BDF);
	ck_assert_str_eq(kept->host_driver, "e1000e");
	(void)snprintf(opaque, RAWPCI_DRIVER_TEXT, "%s", kept->driver);
	return 7;
}

static bool is_kept(const char *driver)
{
	char text[RAWPCI_DRIVER_TEXT] = "";
	int r = rawpci_kept_each(other, sizeof(struct rawpci_kept), count_kept, text);

	ck_assert(r == 0 || r == 7);
	return strcmp(text, driver) == 0;
}

static void keep_it(const char *driver)
{
	ck_assert_int_eq(rawpci_taken_keep(take(1, driver)), 0);
	ck_assert(is_kept(driver));
}

START_TEST(kept)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;

	ck_assert_int_eq(rawpci_kept_each(NULL, 1, count_kept, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_kept_each(ctx, 0, count_kept, NULL), -EINVAL);
	ck_assert_int_eq(rawpci_kept_each(ctx, 4096, count_kept, NULL), -EINVAL);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), -ENOENT);
	ck_assert(is_kept("") && !there("run"));
	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_recover(other), 0);
	host_check("vfio-pci", "vfio-pci");
	options.driver = "vfio-pci";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBUSY);
	ck_assert(says("kept") && says("rawpci_return()"));
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_return(other, _i == 0 ? both : NULL, _i == 0 ? 1 : 0), 0);
	check_untouched();
	ck_assert(is_kept(""));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("taken");
	TCase *tests = tcase_create("taken");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, taken_and_returned);
	tcase_add_test(tests, wrong_arguments);
	tcase_add_test(tests, chooses_the_driver);
	tcase_add_test(tests, all_or_none);
	tcase_add_test(tests, group_of_two);
	tcase_add_loop_test(tests, bound_before, 0, 2);
	tcase_add_loop_test(tests, kept, 0, 2);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
