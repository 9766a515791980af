/* SPDX-License-Identifier: MIT */
/* What sysfs says about PCI devices, in a tree that stands in for sysfs. */
#include <errno.h>

#include "harness.h"
#include "os/sysfs.h"
#include "unit/os/tree.h"

#define DEVICE "bus/pci/devices/0000:03:00.1/"

static const struct rawpci_address address = { 0, 3, 0, 1 };
static const struct rawpci_address absent = { 0, 4, 0, 0 };
static struct tree tree;

static void setup(void)
{
	tree_create(&tree);
	tree_directory(&tree, "bus/pci/devices/0000:03:00.1");
}

static void teardown(void)
{
	tree_destroy(&tree);
}

START_TEST(paths_are_built_and_checked_for_length)
{
	char path[RAWPCI_SYSFS_PATH];

	ck_assert_int_eq(rawpci_sysfs_path("/sys", &address, NULL, path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/sys/bus/pci/devices/0000:03:00.1");
	ck_assert_int_eq(rawpci_sysfs_path("/sys", &address, "config", path, sizeof(path)), 0);
	ck_assert_str_eq(path, "/sys/bus/pci/devices/0000:03:00.1/config");
	ck_assert_int_eq(rawpci_sysfs_path("/sys", &address, "config", path, 41), 0);
	ck_assert_int_eq(rawpci_sysfs_path("/sys", &address, "config", path, 40), -ENAMETOOLONG);
}
END_TEST

START_TEST(a_device_is_present_or_not)
{
	ck_assert_int_eq(rawpci_sysfs_present(tree.root, &address), 0);
	ck_assert_int_eq(rawpci_sysfs_present(tree.root, &absent), -ENODEV);
}
END_TEST

/* Where a directory may not be searched, nothing says that the device is absent. */
START_TEST(a_look_that_is_forbidden_is_no_absence)
{
	static const char *const above[] = { "bus", "bus/pci/devices",
					     "bus/pci/devices/0000:03:00.1" };
	char name[RAWPCI_SYSFS_NAME], path[512];
	struct rawpci_finding finding;
	unsigned group;

	ck_assert(rawpci_sysfs_find_absent(tree.root, &absent, &finding));
	ck_assert_int_eq(finding.obstacle, RAWPCI_OBSTACLE_NO_DEVICE);
	ck_assert_int_eq(finding.error, -ENODEV);
	ck_assert(!rawpci_sysfs_find_absent(tree.root, &address, &finding));
	for (int i = 0; i < 3; i++) {
		tree_bar(&tree, above[i], 0);
		ck_assert_int_eq(rawpci_sysfs_present(tree.root, &address), -EACCES);
		ck_assert_int_eq(rawpci_sysfs_driver(tree.root, &address, name), -EACCES);
		ck_assert_int_eq(rawpci_sysfs_group(tree.root, &address, &group), -EACCES);
		ck_assert(rawpci_sysfs_find_absent(tree.root, &address, &finding));
		ck_assert_int_eq(finding.obstacle, RAWPCI_OBSTACLE_PERMISSION);
		ck_assert(finding.blocks);
		ck_assert_int_eq(finding.error, -EACCES);
		(void)snprintf(path, sizeof(path), "%s/%s", tree.root, above[i]);
		ck_assert_str_eq(finding.path, path);
		ck_assert_ptr_nonnull(strstr(finding.cause, "has no permission to search /"));
		ck_assert_ptr_nonnull(strstr(finding.remedy, path));
		if (i == 0)
			ck_assert_int_eq(rawpci_sysfs_has_driver(tree.root, "uio"), -EACCES);
		tree_unbar(&tree, above[i]);
	}
	ck_assert_int_eq(rawpci_sysfs_has_driver(tree.root, "uio"), -ENODEV);
}
END_TEST

START_TEST(the_bound_driver_is_read)
{
	char name[RAWPCI_SYSFS_NAME] = "unset";

	ck_assert_int_eq(rawpci_sysfs_driver(tree.root, &absent, name), -ENODEV);
	ck_assert_str_eq(name, "unset");
	ck_assert_int_eq(rawpci_sysfs_driver(tree.root, &address, name), 0);
	ck_assert_str_eq(name, "");
	tree_link(&tree, DEVICE "driver", "../../../bus/pci/drivers/snd_hda_intel");
	ck_assert_int_eq(rawpci_sysfs_driver(tree.root, &address, name), 0);
	ck_assert_str_eq(name, "snd_hda_intel");
}
END_TEST

START_TEST(the_group_number_is_read)
{
	static const char *const garbage[] = { "../groups/", "../groups/1x", "../groups/-1",
					       "../groups/4294967296" };
	unsigned number = 77;

	ck_assert_int_eq(rawpci_sysfs_group(tree.root, &absent, &number), -ENODEV);
	ck_assert_int_eq(rawpci_sysfs_group(tree.root, &address, &number), -ENOENT);
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		tree_link(&tree, DEVICE "iommu_group", garbage[i]);
		ck_assert_int_eq(rawpci_sysfs_group(tree.root, &address, &number), -EIO);
	}
	ck_assert_uint_eq(number, 77);
	tree_link(&tree, DEVICE "iommu_group", "../../../kernel/iommu_groups/14");
	ck_assert_int_eq(rawpci_sysfs_group(tree.root, &address, &number), 0);
	ck_assert_uint_eq(number, 14);
}
END_TEST

static int count_members(void *opaque, const struct rawpci_address *member)
{
	unsigned *count = opaque;

	ck_assert_uint_eq(member->bus, 3);
	return ++*count == 2 ? 42 : 0;
}

START_TEST(the_devices_of_a_group_are_listed)
{
	unsigned count = 0;

	ck_assert_int_eq(rawpci_sysfs_group_each(tree.root, 14, count_members, &count), -ENOENT);
	tree_directory(&tree, "kernel/iommu_groups/14/devices/0000:03:00.0");
	tree_directory(&tree, "kernel/iommu_groups/14/devices/platform-thing");
	ck_assert_int_eq(rawpci_sysfs_group_each(tree.root, 14, count_members, &count), 0);
	ck_assert_uint_eq(count, 1);
	tree_directory(&tree, "kernel/iommu_groups/14/devices/0000:03:00.1");
	tree_directory(&tree, "kernel/iommu_groups/14/devices/0000:03:00.2");
	count = 0;
	ck_assert_int_eq(rawpci_sysfs_group_each(tree.root, 14, count_members, &count), 42);
	ck_assert_uint_eq(count, 2);
}
END_TEST

START_TEST(resource_lines_are_read)
{
	uint64_t first = 1, last = 1, flags = 1;

	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 0, &first, &last, &flags),
			 -ENOENT);
	tree_write(&tree, DEVICE "resource",
		   "0x00000000f7c00000 0x00000000f7c1ffff 0x0000000000040200\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x0000003800000000 0x0000003fffffffff 0x000000000014220c\n"
		   "0x000000000000f020 0x000000000000f03f\n"
		   "f020 0x000000000000f03f 0x0000000000040101\n");
	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 3, &first, &last, &flags),
			 -EIO);
	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 4, &first, &last, &flags),
			 -EIO);
	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 6, &first, &last, &flags),
			 -ERANGE);
	ck_assert_uint_eq(first + last + flags, 3);
	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 0, &first, &last, &flags), 0);
	ck_assert_uint_eq(first, 0xf7c00000);
	ck_assert_uint_eq(last, 0xf7c1ffff);
	ck_assert_uint_eq(flags, 0x40200);
	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 1, &first, &last, &flags), 0);
	ck_assert_uint_eq(first + last + flags, 0);
	ck_assert_int_eq(rawpci_sysfs_resource(tree.root, &address, 2, &first, &last, &flags), 0);
	ck_assert_uint_eq(first, 0x3800000000);
	ck_assert_uint_eq(last, 0x3fffffffff);
	ck_assert_uint_eq(flags, 0x14220c);
}
END_TEST

START_TEST(a_virtual_function_is_recognised)
{
	ck_assert(!rawpci_sysfs_is_vf(tree.root, &address));
	tree_link(&tree, DEVICE "physfn", "../0000:03:00.1");
	ck_assert(rawpci_sysfs_is_vf(tree.root, &address));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysfs");
	TCase *tests = tcase_create("sysfs");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, paths_are_built_and_checked_for_length);
	tcase_add_test(tests, a_device_is_present_or_not);
	tcase_add_test(tests, a_look_that_is_forbidden_is_no_absence);
	tcase_add_test(tests, the_bound_driver_is_read);
	tcase_add_test(tests, the_group_number_is_read);
	tcase_add_test(tests, the_devices_of_a_group_are_listed);
	tcase_add_test(tests, resource_lines_are_read);
	tcase_add_test(tests, a_virtual_function_is_recognised);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
