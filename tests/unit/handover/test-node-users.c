/* SPDX-License-Identifier: MIT */
/* Nodes and their users, when a process ends, or another one comes, between two steps. */
#include "harness.h"
#include "unit/handover/node-seam.h"

/* A process is killed between two changes of a node: while it gives (0) or gives back (1, 2). */
START_TEST(killed_between_owner_and_mode)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rawpci_taken *taken = NULL;

		end_at = _i == 1 ? 2 : 1;
		to_end = _i == 0 ? 0 : 1;
		if (take_for(device, 1, 1000, 1000, &taken) == 0)
			(void)rawpci_taken_return(taken);
		host_exit(7);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("e1000e", "(null)");
	ck_assert(node_is(0, 0, 0600));
}
END_TEST

static void make_peer(void)
{
	host_create_peer("e1000e");
	tree_link(&host.tree, PEER_DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" PEER);
}

/* Two devices of a group are taken for two users, one after the other. Both are returned. */
START_TEST(group_of_two_users)
{
	struct rawpci_taken *first = NULL, *second = NULL;

	make_peer();
	ck_assert_int_eq(take_for(both, 1, 1000, RAWPCI_TAKE_NO_ID, &first), 0);
	ck_assert_int_eq(take_for(both + 1, 1, 2000, RAWPCI_TAKE_NO_ID, &second), 0);
	ck_assert_int_eq(rawpci_taken_return(_i == 0 ? first : second), 0);
	ck_assert_int_eq(rawpci_taken_return(_i == 0 ? second : first), 0);
	ck_assert(node_is(0, 0, 0600));
}
END_TEST

/* The first of the two is killed between two changes of the node. */
START_TEST(group_of_a_killed_user)
{
	struct rawpci_taken *taken = NULL;
	pid_t child;

	make_peer();
	child = fork();
	if (child == 0) {
		end_at = 1;
		(void)take_for(both, 1, 1000, 1000, &taken);
		host_exit(7);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert(node_is(1000, 1000, 0600));
	ck_assert_int_eq(take_for(both + 1, 1, 2000, RAWPCI_TAKE_NO_ID, &taken), 0);
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	ck_assert(node_is(2000, 1000, 0600));
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	ck_assert(node_is(0, 0, 0600));
}
END_TEST

/* handover.h: "it gets its former owner back with the first device that is returned". */
START_TEST(group_of_two_kept)
{
	struct rawpci_taken *taken = NULL;

	make_peer();
	ck_assert_int_eq(take_for(both, 2, 1000, RAWPCI_TAKE_NO_ID, &taken), 0);
	ck_assert_int_eq(rawpci_taken_keep(taken), 0);
	ck_assert_int_eq(rawpci_return(ctx, both + 1 - _i, 1), 0);
	ck_assert(node_is(0, 0, 0600));
	ck_assert_int_eq(rawpci_return(ctx, both + _i, 1), 0);
}
END_TEST

/* A program has the node open, and /proc cannot be read for lack of a descriptor. */
START_TEST(user_not_found)
{
	struct rawpci_taken *taken = NULL;
	int r;

	ck_assert_int_eq(take_for(device, 1, RAWPCI_TAKE_NO_ID, RAWPCI_TAKE_NO_ID, &taken), 0);
	if (_i > 0)
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
	open_node("nodes/7");
	lists_fail = -EMFILE;
	r = _i > 0 ? rawpci_return(ctx, device, 1) : rawpci_taken_return(taken);
	lists_fail = 0;
	close_node();
	ck_assert_int_lt(r, 0);
	host_check("pci-stub", "pci-stub");
}
END_TEST

/* The user that may open the node does so after the look for users, and before that right ends. */
START_TEST(opened_while_returned)
{
	struct rawpci_taken *taken = NULL;
	int r;

	ck_assert_int_eq(take_for(device, 1, 1000, RAWPCI_TAKE_NO_ID, &taken), 0);
	if (_i > 0)
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
	open_at = 2;
	r = _i > 0 ? rawpci_return(ctx, device, 1) : rawpci_taken_return(taken);
	close_node();
	ck_assert_int_eq(r, -EBUSY);
	host_check("pci-stub", "pci-stub");
}
END_TEST

/* The first device's node is given, and a program opens it. The second one cannot be given. */
START_TEST(opened_while_taken)
{
	struct rawpci_taken *taken = NULL;
	char path[512];

	host_create_peer("e1000e");
	tree_link(&host.tree, PEER_DEVICE "iommu_group", "../../../../kernel/iommu_groups/8");
	tree_directory(&host.tree, "kernel/iommu_groups/8/devices/" PEER);
	tree_write(&host.tree, "class/vfio/8/dev", "240:8\n");
	ck_assert_int_eq(mknod(tree_path(&host.tree, path, "nodes/8"), S_IFCHR | 0600,
			       makedev(240, 8)),
			 0);
	refused = 2;
	open_at = 3;
	ck_assert_int_eq(take_for(both, 2, 1000, RAWPCI_TAKE_NO_ID, &taken), -EACCES);
	close_node();
	host_check("pci-stub", "pci-stub");
	ck_assert_int_eq(rawpci_recover(ctx), 1);
}
END_TEST

/* udev applies its rule while the record is written: that owner is the former one. */
START_TEST(udev_while_given)
{
	struct rawpci_taken *taken = NULL;
	int r;

	udev_left = 5 + _i;
	r = take_for(device, 1, 1000, RAWPCI_TAKE_NO_ID, &taken);
	ck_assert_int_eq(r, 0);
	ck_assert_int_eq(udev_left, 0);
	ck_assert(node_is(1000, 78, 0660));
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	ck_assert(node_is(0, 78, 0660));
}
END_TEST

/* Its nodes cannot be listed for a moment while it is returned. */
START_TEST(node_not_given_back)
{
	struct rawpci_taken *taken = NULL;

	ck_assert_int_eq(take_for(device, 1, 1000, RAWPCI_TAKE_NO_ID, &taken), 0);
	cdevs_left = 2;
	(void)rawpci_taken_return(taken);
	ck_assert_int_eq(cdevs_left, 0);
	(void)rawpci_recover(ctx);
	host_check("e1000e", "(null)");
	ck_assert(node_is(0, 0, 0600));
}
END_TEST

/* The owner of the node changes, and its mode cannot: the call fails. */
START_TEST(mode_cannot_be_given)
{
	struct rawpci_taken *taken = NULL;

	no_proc = true;
	ck_assert_int_eq(take_for(device, 1, 1000, 1000, &taken), -EACCES);
	no_proc = false;
	host_check("e1000e", "(null)");
	ck_assert(node_is(0, 0, 0600));
}
END_TEST

/* With so many descriptors. */
static void limit(unsigned n)
{
	struct rlimit limit;

	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The device has a disk. Without a descriptor the call fails with -ENOSPC, and has changed nothing. */
START_TEST(taken_without_descriptors)
{
	unsigned wrong = 0;
	int r = -1;

	tree_write(&host.tree, DEVICE "block/zero/dev", "1:5\n");
	tree_link(&host.tree, "class/block/zero", "../../" DEVICE "block/zero");
	for (unsigned n = 3; n < 40 && r != 0; n++) {
		struct rawpci_taken *taken = NULL;
		char text[512];

		limit(n);
		r = take_for(device, 1, 1000, RAWPCI_TAKE_NO_ID, &taken);
		(void)snprintf(text, sizeof(text), "%s", r < 0 ? rawpci_last_error() : "");
		limit(256);
		if (r != 0 && r != -ENOSPC) {
			(void)fprintf(stderr, "# %u descriptors: %d: %s\n", n, r, text);
			wrong++;
		}
		if (r == 0)
			ck_assert_int_eq(rawpci_taken_return(taken), 0);
		if (!host_is(DEVICE "driver_override", "(null)") || !node_is(0, 0, 0600) ||
		    access(tree_path(&host.tree, text, RECORD), F_OK) == 0) {
			(void)fprintf(stderr, "# %u descriptors: %d, and changed\n", n, r);
			wrong++;
			(void)rawpci_recover(ctx);
		}
		host_check("e1000e", "(null)");
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

/* A program uses the device, which this process cannot see for lack of a descriptor. */
START_TEST(used_without_descriptors)
{
	unsigned wrong = 0;
	char path[512];

	tree_write(&host.tree, DEVICE "vfio-dev/vfio3/dev", "241:3\n");
	tree_path(&host.tree, path, "nodes/devices/vfio3");
	ck_assert_int_eq(mknod(path, S_IFCHR | 0600, makedev(241, 3)), 0);
	for (unsigned n = 3; n < 24; n++) {
		char now[RAWPCI_SYSFS_NAME];
		int r;

		keep();
		host_configure(4, host_config(4) | 0x4);
		open_node("nodes/devices/vfio3");
		limit(n);
		r = rawpci_return(ctx, device, 1);
		limit(256);
		close_node();
		ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &host.address, now), 0);
		if (strcmp(now, "pci-stub") != 0 || !(host_config(4) & 0x4)) {
			(void)fprintf(stderr, "# %u descriptors: %d, bound to %s, COMMAND %#x\n", n,
				      r, now, host_config(4));
			wrong++;
		}
		(void)rawpci_return(ctx, device, 1);
		host_check("e1000e", "(null)");
	}
	ck_assert_uint_eq(wrong, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("node-users");
	TCase *tests = tcase_create("node-users");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, killed_between_owner_and_mode, 0, 3);
	tcase_add_loop_test(tests, group_of_two_users, 0, 2);
	tcase_add_test(tests, group_of_a_killed_user);
	tcase_add_loop_test(tests, group_of_two_kept, 0, 2);
	tcase_add_loop_test(tests, user_not_found, 0, 2);
	tcase_add_loop_test(tests, opened_while_returned, 0, 2);
	tcase_add_test(tests, opened_while_taken);
	tcase_add_loop_test(tests, udev_while_given, 0, 2);
	tcase_add_test(tests, node_not_given_back);
	tcase_add_test(tests, mode_cannot_be_given);
	tcase_add_test(tests, taken_without_descriptors);
	tcase_add_test(tests, used_without_descriptors);
	suite_add_tcase(suite, tests);
	if (geteuid() != 0) {
		(void)printf("1..0 # SKIP only root can make nodes\n");
		return 77;
	}
	return harness_run(suite);
}
