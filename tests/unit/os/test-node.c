/* SPDX-License-Identifier: MIT */
/* Who may open a device node: only a node of the very device is looked at and changed. */
#include <errno.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/os/tree.h"

static struct tree tree;

static void setup(void)
{
	tree_create(&tree);
}

static void teardown(void)
{
	tree_destroy(&tree);
}

/* /dev/null is 1:3 on every Linux. */
START_TEST(only_that_node)
{
	struct rawpci_node_owner owner = { 77, 77, 77 };
	char path[512];

	tree_link(&tree, "link", "/dev/null");
	tree_write(&tree, "file", "");
	ck_assert_int_eq(rawpci_sys_node_owner("/dev/null", 1, 3, &owner), 0);
	ck_assert_uint_eq(owner.uid, 0);
	ck_assert_uint_eq(owner.mode & 0600, 0600);
	ck_assert_int_eq(rawpci_sys_node_owner("/dev/null", 1, 5, &owner), -ENODEV);
	ck_assert_int_eq(rawpci_sys_node_owner("/dev/null", 2, 3, &owner), -ENODEV);
	ck_assert_int_eq(rawpci_sys_node_owner(tree_path(&tree, path, "link"), 1, 3, &owner),
			 -ENODEV);
	ck_assert_int_eq(rawpci_sys_node_owner(tree_path(&tree, path, "file"), 0, 0, &owner),
			 -ENODEV);
	ck_assert_int_eq(rawpci_sys_node_owner(tree_path(&tree, path, "none"), 1, 3, &owner),
			 -ENOENT);
}
END_TEST

START_TEST(not_changed)
{
	struct rawpci_node_owner now, other;

	ck_assert_int_eq(rawpci_sys_node_owner("/dev/null", 1, 3, &now), 0);
	other = now;
	other.mode ^= 0007;
	ck_assert_int_eq(rawpci_sys_node_change("/dev/null", 1, 3, &other, &now), -ESTALE);
	other = now;
	other.uid++;
	ck_assert_int_eq(rawpci_sys_node_change("/dev/null", 1, 3, &other, &now), -ESTALE);
	ck_assert_int_eq(rawpci_sys_node_change("/dev/null", 1, 5, &now, &now), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node");
	TCase *tests = tcase_create("node");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, only_that_node);
	tcase_add_test(tests, not_changed);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
