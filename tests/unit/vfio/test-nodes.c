/* SPDX-License-Identifier: MIT */
/* Nodes that stand in the way, through rawpci_explain(). */
#include "unit/vfio/explained.h"

START_TEST(container)
{
	const struct rawpci_finding *f;
	uid_t user = geteuid();
	char path[512];

	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/vfio"), 0), 0);
	as_nobody(user);
	f = explain(0);
	as_before(user);
	check(f, RAWPCI_OBSTACLE_PERMISSION, -EACCES, "/vfio/vfio: chmod 0666 ");
	ck_assert_ptr_null(f->next);
}
END_TEST

START_TEST(node)
{
	const struct rawpci_finding *f;
	uid_t user = geteuid();
	char path[512];

	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/vfio"), 0666), 0);
	tree_write(&host.tree, "vfio/14", "");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/14"), 0), 0);
	as_nobody(user);
	f = explain(0);
	as_before(user);
	check(f, RAWPCI_OBSTACLE_PERMISSION, -EACCES, "/vfio/14: chown ");
	ck_assert_str_eq(f->path, path);
	rawpci_explanation_destroy(e);
	/* The device's own node will do, with an iommufd. */
	tree_directory(&host.tree, DEVICES NIC "/vfio-dev/vfio7");
	tree_write(&host.tree, "vfio/devices/vfio7", "");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/devices/vfio7"), 0666), 0);
	as_nobody(user);
	f = explain(0);
	as_before(user);
	check(f, RAWPCI_OBSTACLE_PERMISSION, -EACCES, "/vfio/14: chown ");
	rawpci_explanation_destroy(e);
	tree_write(&host.tree, "iommu", "");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "iommu"), 0666), 0);
	as_nobody(user);
	f = explain(0);
	as_before(user);
	ck_assert_ptr_null(f);
}
END_TEST

/* With a setting that leaves one way only. */
START_TEST(only_cdev)
{
	const struct rawpci_finding *f;
	uid_t user = geteuid();
	char path[512];

	host_destroy(&host);
	host_create(&host, "vfio", "vfio.via=cdev");
	host_add(&host, NIC, 14, NULL);
	tree_directory(&host.tree, "sys/bus/pci/drivers/vfio-pci");
	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	tree_directory(&host.tree, DEVICES NIC "/vfio-dev/vfio7");
	tree_write(&host.tree, "vfio/devices/vfio7", "");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/devices/vfio7"), 0), 0);
	tree_write(&host.tree, "iommu", "");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "iommu"), 0), 0);
	as_nobody(user);
	f = explain(0);
	as_before(user);
	check(f, RAWPCI_OBSTACLE_PERMISSION, -EACCES, "/iommu: chown ");
	ck_assert_str_eq(f->path, path);
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(chmod(path, 0666), 0);
	as_nobody(user);
	f = explain(0);
	as_before(user);
	check(f, RAWPCI_OBSTACLE_PERMISSION, -EACCES, "/vfio/devices/vfio7: chown ");
}
END_TEST

/* By this very process, without which its number would not be known here. */
START_TEST(held)
{
	const struct rawpci_finding *f;
	char path[512];
	int fd;

	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	tree_write(&host.tree, "vfio/14", "");
	ck_assert_ptr_null(explain(0));
	rawpci_explanation_destroy(e);
	fd = open(tree_path(&host.tree, path, "vfio/14"), O_RDWR);
	ck_assert_int_ge(fd, 0);
	f = explain(0);
	check(f, RAWPCI_OBSTACLE_OWNED, -EBUSY, "this process has ");
	check(f, RAWPCI_OBSTACLE_OWNED, -EBUSY, "/vfio/14 open: close it in that process");
	ck_assert_uint_eq(f->number, (unsigned)getpid());
	ck_assert_str_eq(f->path, path);
	rawpci_explanation_destroy(e);
	/* Also where the device would be reached by its own node. */
	tree_directory(&host.tree, DEVICES NIC "/vfio-dev/vfio7");
	tree_write(&host.tree, "vfio/devices/vfio7", "");
	tree_write(&host.tree, "iommu", "");
	check(explain(0), RAWPCI_OBSTACLE_OWNED, -EBUSY, "/vfio/14 open");
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(close(fd), 0);
	fd = open(tree_path(&host.tree, path, "vfio/devices/vfio7"), O_RDWR);
	check(explain(0), RAWPCI_OBSTACLE_OWNED, -EBUSY, "/vfio7 open");
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(close(fd), 0);
	ck_assert_ptr_null(explain(0));
}
END_TEST

/* The devices of one group share its node within a context. */
START_TEST(group_is_open_here)
{
	struct rawpci_vfio_group open_here = { .number = 14, .fd = -1 };
	struct rawpci_vfio *vfio;
	void *instance;
	char path[512];
	int fd;

	ck_assert_int_eq(rawpci_backend_instance(host.ctx, "vfio", &instance), 0);
	vfio = instance;
	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	tree_write(&host.tree, "vfio/14", "");
	fd = open(tree_path(&host.tree, path, "vfio/14"), O_RDWR);
	ck_assert_int_ge(fd, 0);
	vfio->groups = &open_here;
	ck_assert_ptr_null(explain(0));
	rawpci_explanation_destroy(e);
	open_here.number = 15;
	check(explain(0), RAWPCI_OBSTACLE_OWNED, -EBUSY, "/vfio/14 open");
	vfio->groups = NULL;
	ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(no_container)
{
	tree_unlink(&host.tree, "vfio/vfio");
	check(explain(0), RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP, "modprobe vfio-pci");
}
END_TEST

/* A container: the kernel has the device, and only the node is missing. */
START_TEST(node_not_passed_in)
{
	static const char *const of_vfio[] = { "sys/module/vfio", "sys/class/misc/vfio" };
	static const char *const of_iommufd[] = { "sys/module/iommufd", "sys/class/misc/iommu" };
	const char *words = "is not there, although the kernel has that device: add the node";

	ck_assert_int_eq(rawpci_destroy(host.ctx), 0);
	tree_destroy(&host.tree);
	for (int i = 0; i < 4; i++) {
		host_create(&host, "vfio", i < 2 ? "vfio.via=group" : "vfio.via=cdev");
		host_add(&host, NIC, 14, "vfio-pci");
		tree_directory(&host.tree, "sys/bus/pci/drivers/vfio-pci");
		tree_directory(&host.tree, i < 2 ? of_vfio[i] : of_iommufd[i - 2]);
		check(explain(0), RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP, words);
		check(e->findings, RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP,
		      i < 2 ? "/vfio/vfio" : "/iommu");
		ck_assert_msg(!strstr(e->text, "modprobe"), "%s", e->text);
		rawpci_explanation_destroy(e);
		e = NULL;
		if (i < 3)
			host_destroy(&host);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-nodes");
	TCase *tests = tcase_create("nodes");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, container);
	tcase_add_test(tests, node);
	tcase_add_test(tests, only_cdev);
	tcase_add_test(tests, held);
	tcase_add_test(tests, group_is_open_here);
	tcase_add_test(tests, no_container);
	tcase_add_test(tests, node_not_passed_in);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
