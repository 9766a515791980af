/* SPDX-License-Identifier: MIT */
/* What VFIO's explain() finds, through rawpci_explain(). */
#include <errno.h>
#include <sys/resource.h>

#include <rawpci/explain.h>

#include "harness.h"
#include "unit/handover/host-tree.h"
#include "vfio/device.h"

#define NIC "0000:03:00.0"
#define SOUND "0000:03:00.1"

static struct host_tree host;
static struct rawpci_explanation *e;

static void setup(void)
{
	e = NULL;
	host_create(&host, "vfio", "irq.engine=epoll");
	host_add(&host, NIC, 14, NULL);
	tree_directory(&host.tree, "sys/bus/pci/drivers/vfio-pci");
	tree_directory(&host.tree, "sys/class/iommu/dmar0");
	tree_write(&host.tree, "vfio/vfio", "");
}

static void teardown(void)
{
	rawpci_explanation_destroy(e);
	host_destroy(&host);
}

static const struct rawpci_finding *explain(uint64_t memory)
{
	const struct rawpci_explain_options options = {.size = sizeof(options), .memory = memory};

	ck_assert_int_eq(rawpci_explain(host.ctx, NIC, &options, &e), 0);
	ck_assert_str_eq(e->ways->backend, "vfio");
	ck_assert_ptr_null(e->ways->next);
	return e->findings;
}

/* The one finding, in the first line. */
static void check(const struct rawpci_finding *f, enum rawpci_obstacle obstacle, int error,
		  const char *words)
{
	const char *found = strstr(e->text, words);

	ck_assert_ptr_nonnull(f);
	ck_assert_msg(f->obstacle == obstacle, "%s and not %s", rawpci_obstacle_name(f->obstacle),
		      rawpci_obstacle_name(obstacle));
	ck_assert_int_eq(f->error, error);
	ck_assert(f->blocks && !e->openable);
	ck_assert_msg(found && found < strchr(e->text, '\n'), "no \"%s\" in the first line of\n%s",
		      words, e->text);
}

/* Runs as a user without privileges. */
static void as_nobody(uid_t user)
{
	ck_assert_int_eq(chmod(host.tree.root, 0755), 0);
	if (user == 0)
		ck_assert_int_eq(seteuid(65534), 0);
}

static void as_before(uid_t user)
{
	if (user == 0)
		ck_assert_int_eq(seteuid(0), 0);
}

START_TEST(nothing_found)
{
	ck_assert_ptr_null(explain(0));
	ck_assert(e->openable);
}
END_TEST

START_TEST(no_iommu)
{
	char path[512];

	tree_unlink(&host.tree, DEVICES NIC "/iommu_group");
	check(explain(0), RAWPCI_OBSTACLE_NO_GROUP, -EOPNOTSUPP, "no IOMMU of this host covers it");
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rmdir(tree_path(&host.tree, path, "sys/class/iommu/dmar0")), 0);
	tree_write(&host.tree, "sys/firmware/acpi/tables/DMAR", "");
	check(explain(0), RAWPCI_OBSTACLE_NO_IOMMU, -EOPNOTSUPP,
	      "the kernel uses no IOMMU: boot the kernel with intel_iommu=on");
	ck_assert_ptr_nonnull(strstr(e->findings->commands, "intel_iommu=on"));
	rawpci_explanation_destroy(e);
	tree_unlink(&host.tree, "sys/firmware/acpi/tables/DMAR");
	tree_write(&host.tree, "sys/firmware/acpi/tables/IVRS", "");
	check(explain(0), RAWPCI_OBSTACLE_NO_IOMMU, -EOPNOTSUPP, "without amd_iommu=off");
	ck_assert_str_eq(e->findings->commands, "");
}
END_TEST

START_TEST(group)
{
	const struct rawpci_finding *f;

	host_add(&host, SOUND, 14, "snd_hda_intel");
	host_add(&host, "0000:03:00.2", 14, "vfio-pci");
	f = explain(0);
	check(f, RAWPCI_OBSTACLE_GROUP, -EBUSY, "IOMMU group 14 is not viable, 0000:03:00.1 of the "
	      "same group is bound to snd_hda_intel: unbind 0000:03:00.1 from snd_hda_intel");
	ck_assert_str_eq(f->driver, "snd_hda_intel");
	ck_assert_uint_eq(f->group, 14);
	ck_assert_uint_eq(f->blocker.function, 1);
	ck_assert_ptr_null(f->next);
	ck_assert_ptr_nonnull(strstr(f->commands, "/drivers/snd_hda_intel/unbind\n"));
}
END_TEST

/* What the host uses of the group is not to be torn from it by a command that is printed. */
START_TEST(group_in_use)
{
	const struct rawpci_finding *f;

	host_add(&host, SOUND, 14, "e1000e");
	tree_link(&host.tree, "sys/class/net/eth7", "../../devices/pci0000:00/" SOUND "/net/eth7");
	tree_write(&host.tree, "sys/devices/pci0000:00/" SOUND "/net/eth7/flags", "0x1003\n");
	f = explain(0);
	check(f, RAWPCI_OBSTACLE_GROUP, -EBUSY, "0000:03:00.1 of the same group is bound to e1000e, "
	      "and the network interface eth7 is up: stop that; then unbind 0000:03:00.1");
	ck_assert_str_eq(f->commands, "");
	rawpci_explanation_destroy(e);
	tree_unlink(&host.tree, "sys/class/net/eth7");
	host_write(&host, SOUND, "class", "0x060100\n");
	f = explain(0);
	check(f, RAWPCI_OBSTACLE_GROUP, -EBUSY, "a part of the host's chipset: leave it to the host");
	ck_assert_str_eq(f->commands, "");
}
END_TEST

START_TEST(bridge)
{
	host_write(&host, NIC, "class", "0x060400\n");
	host_add(&host, SOUND, 14, "snd_hda_intel");
	check(explain(0), RAWPCI_OBSTACLE_BRIDGE, -EOPNOTSUPP, "open the devices behind it");
	ck_assert_ptr_null(e->findings->next);
}
END_TEST

START_TEST(virtual_functions)
{
	host_write(&host, NIC, "sriov_numvfs", "4\n");
	check(explain(0), RAWPCI_OBSTACLE_VFS, -EBUSY, "it has 4 virtual functions enabled");
	ck_assert_uint_eq(e->findings->number, 4);
	rawpci_explanation_destroy(e);
	host_write(&host, NIC, "sriov_numvfs", "0\n");
	ck_assert_ptr_null(explain(0));
	rawpci_explanation_destroy(e);
	/* Enabled by vfio-pci itself. */
	host_write(&host, NIC, "sriov_numvfs", "4\n");
	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	ck_assert_ptr_null(explain(0));
}
END_TEST

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
	check(f, RAWPCI_OBSTACLE_OWNED, -EBUSY, "/vfio/14 open: close it there");
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
	struct rawpci_vfio_group open_here = {.number = 14, .fd = -1};
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

START_TEST(locked_memory)
{
	const struct rawpci_finding *f;
	struct rlimit limit, before;
	uid_t user = geteuid();
	char path[512];

	host_link(&host, NIC, "driver", "../../drivers/vfio-pci");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/vfio"), 0666), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_MEMLOCK, &before), 0);
	limit = before;
	limit.rlim_cur = 64 * 1024;
	ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &limit), 0);
	as_nobody(user);
	ck_assert_ptr_null(explain(64 * 1024));
	rawpci_explanation_destroy(e);
	f = explain(64 * 1024 + 4096);
	as_before(user);
	check(f, RAWPCI_OBSTACLE_LOCKED_MEMORY, -ENOSPC, "68 KiB needed, 64 KiB allowed");
	check(f, RAWPCI_OBSTACLE_LOCKED_MEMORY, -ENOSPC, "prlimit --memlock=69632 --pid PID");
	check(f, RAWPCI_OBSTACLE_LOCKED_MEMORY, -ENOSPC, "LimitMEMLOCK=68K");
	ck_assert_ptr_null(strstr(f->commands, "ulimit"));
	if (user == 0)
		ck_assert_str_eq(f->commands, "echo ':65534 - memlock 68' > "
				 "/etc/security/limits.d/rawpci-65534.conf\n");
	ck_assert_uint_eq(f->needed, 68 * 1024);
	ck_assert_uint_eq(f->allowed, 64 * 1024);
	ck_assert_uint_eq(f->used, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-obstacles");
	TCase *tests = tcase_create("diagnose");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_found);
	tcase_add_test(tests, no_iommu);
	tcase_add_test(tests, group);
	tcase_add_test(tests, group_in_use);
	tcase_add_test(tests, bridge);
	tcase_add_test(tests, virtual_functions);
	tcase_add_test(tests, container);
	tcase_add_test(tests, node);
	tcase_add_test(tests, only_cdev);
	tcase_add_test(tests, held);
	tcase_add_test(tests, group_is_open_here);
	tcase_add_test(tests, no_container);
	tcase_add_test(tests, locked_memory);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
