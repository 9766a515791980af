/* SPDX-License-Identifier: MIT */
/* The nodes of a device that is taken get another owner, and their former one with its return. */
#include <rawpci/context.h>
#include <rawpci/handover.h>
#include <rawpci/recover.h>
#include <sys/wait.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/handover/host-seam.h"

#define RECORD "run/" BDF

static const char *const device[] = { BDF };
static struct rawpci *ctx;

/* Nodes that stand in for those in /dev. A group's stays when the driver goes. */
static struct node {
	const char *path;
	unsigned major, minor;
	struct rawpci_node_owner owner;
	bool there;
} nodes[3];
static const struct rawpci_node_owner roots = { 0, 0, 0600 };
static int refuses; /* with this error, the second node to be changed */
static unsigned changes;

int __wrap_rawpci_sys_node_owner(const char *path, unsigned major, unsigned minor,
				 struct rawpci_node_owner *owner);
int __wrap_rawpci_sys_node_change(const char *path, unsigned major, unsigned minor,
				  const struct rawpci_node_owner *from,
				  const struct rawpci_node_owner *to);

static struct node *find(const char *path, unsigned major, unsigned minor)
{
	for (int i = 0; i < 3; i++)
		if (nodes[i].there && strcmp(path + strlen(host.tree.root), nodes[i].path) == 0 &&
		    major == nodes[i].major && minor == nodes[i].minor)
			return &nodes[i];
	return NULL;
}

int __wrap_rawpci_sys_node_owner(const char *path, unsigned major, unsigned minor,
				 struct rawpci_node_owner *owner)
{
	const struct node *node = find(path, major, minor);

	if (!node)
		return -ENOENT;
	*owner = node->owner;
	return 0;
}

static bool is(const struct rawpci_node_owner *a, const struct rawpci_node_owner *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->mode == b->mode;
}

int __wrap_rawpci_sys_node_change(const char *path, unsigned major, unsigned minor,
				  const struct rawpci_node_owner *from,
				  const struct rawpci_node_owner *to)
{
	struct node *node = find(path, major, minor);

	if (!node)
		return -ENOENT;
	if (!is(&node->owner, from))
		return -ESTALE;
	if (++changes == 2 && refuses < 0)
		return refuses;
	node->owner = *to;
	return 0;
}

static void setup(void)
{
	char run[600], sysfs[600], vfio[600], uio[600];
	const char *settings[] = { run, sysfs, vfio, uio, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };

	host_create();
	tree_directory(&host.tree, "bus/pci/drivers/uio_pci_generic");
	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	tree_write(&host.tree, "class/vfio/7/dev", "240:7\n");
	tree_write(&host.tree, DEVICE "vfio-dev/vfio3/dev", "241:3\n");
	tree_write(&host.tree, DEVICE "uio/uio5/dev", "242:5\n");
	nodes[0] = (struct node){ "/nodes/7", 240, 7, roots, true };
	nodes[1] = (struct node){ "/nodes/devices/vfio3", 241, 3, roots, true };
	nodes[2] = (struct node){ "/dev/uio5", 242, 5, roots, false };
	refuses = 0;
	changes = 0;
	host_bind("e1000e");
	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host.tree.root);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(vfio, sizeof(vfio), "vfio.dir=%s/nodes", host.tree.root);
	(void)snprintf(uio, sizeof(uio), "uio.dir=%s/dev", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&host.tree);
}

/* pci-stub stands in for a driver with nodes: no backend has further demands for it. */
static int take(uint32_t uid, uint32_t gid, struct rawpci_taken **taken)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;

	options.driver = "pci-stub";
	options.uid = uid;
	options.gid = gid;
	return rawpci_take(ctx, device, 1, &options, taken);
}

static bool are(unsigned uid, unsigned gid, unsigned mode)
{
	const struct rawpci_node_owner owner = { uid, gid, mode };

	for (int i = 0; i < 3; i++)
		if (!is(&nodes[i].owner, nodes[i].there ? &owner : &roots))
			return false;
	return true;
}

static void check_untouched(void)
{
	char path[512];

	host_check("e1000e", "(null)");
	ck_assert_int_lt(access(tree_path(&host.tree, path, RECORD), F_OK), 0);
}

START_TEST(given_and_returned)
{
	static const struct {
		uint32_t uid, gid;
		unsigned as[3];
	} ways[] = {
		{ 1000, RAWPCI_TAKE_NO_ID, { 1000, 0, 0600 } },
		{ RAWPCI_TAKE_NO_ID, 2000, { 0, 2000, 0660 } },
		{ 1000, 2000, { 1000, 2000, 0660 } },
		{ RAWPCI_TAKE_NO_ID, RAWPCI_TAKE_NO_ID, { 0, 0, 0600 } },
	};
	struct rawpci_taken *taken = NULL;

	nodes[_i & 4 ? 0 : 2].there = _i & 4;
	nodes[1].there = !(_i & 4);
	nodes[2].there = _i & 4;
	ck_assert_int_eq(take(ways[_i & 3].uid, ways[_i & 3].gid, &taken), 0);
	ck_assert(are(ways[_i & 3].as[0], ways[_i & 3].as[1], ways[_i & 3].as[2]));
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	ck_assert(are(0, 0, 0600));
	check_untouched();
}
END_TEST

/* A killed process's nodes, and those of a device that was kept. */
START_TEST(given_and_left)
{
	pid_t child;
	int status;

	/* The child's memory is its own: the nodes change here, too. */
	child = fork();
	if (child == 0) {
		struct rawpci_taken *taken = NULL;
		int r = take(1000, RAWPCI_TAKE_NO_ID, &taken);

		if (r == 0 && _i == 1)
			r = rawpci_taken_keep(taken);
		host_exit(r < 0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	nodes[0].owner.uid = nodes[1].owner.uid = 1000;
	ck_assert_int_eq(_i == 1 ? rawpci_return(ctx, NULL, 0) : rawpci_recover(ctx), 1 - _i);
	ck_assert(are(0, 0, 0600));
	check_untouched();
}
END_TEST

/* Another program has changed the owner since, or the node is another device's, or another
 * group's. */
START_TEST(others_change)
{
	struct rawpci_taken *taken = NULL;

	ck_assert_int_eq(take(1000, RAWPCI_TAKE_NO_ID, &taken), 0);
	if (_i == 0) {
		nodes[0].owner.gid = 5;
	} else {
		nodes[2] = (struct node){ "/nodes/8", 240, 8, roots, true };
		tree_write(&host.tree, "class/vfio/8/dev", "240:8\n");
		tree_unlink(&host.tree, DEVICE "iommu_group");
		tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/8");
	}
	tree_write(&host.tree, DEVICE "vfio-dev/vfio4/dev", "241:4\n");
	ck_assert_int_eq(unlink(tree_path(&host.tree, (char[512]){ 0 },
					  DEVICE "vfio-dev/vfio3/dev")),
			 0);
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	ck_assert_uint_eq(nodes[0].owner.uid, 1000);
	ck_assert_uint_eq(nodes[1].owner.uid, 1000);
	check_untouched();
}
END_TEST

START_TEST(none_there)
{
	struct rawpci_taken *taken = NULL;

	nodes[0].there = nodes[1].there = false;
	ck_assert_int_eq(take(1000, 1000, &taken), -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "no node"));
	check_untouched();
}
END_TEST

/* The second node cannot be given: the first one is put back. */
START_TEST(cannot_be_given)
{
	struct rawpci_taken *taken = NULL;

	refuses = -EPERM;
	ck_assert_int_eq(take(1000, 1000, &taken), -EACCES);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "devices/vfio3"));
	ck_assert_ptr_null(taken);
	ck_assert(are(0, 0, 0600));
	check_untouched();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("nodes");
	TCase *tests = tcase_create("nodes");

	tcase_set_timeout(tests, 60);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, given_and_returned, 0, 8);
	tcase_add_loop_test(tests, given_and_left, 0, 2);
	tcase_add_loop_test(tests, others_change, 0, 2);
	tcase_add_test(tests, none_there);
	tcase_add_test(tests, cannot_be_given);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
