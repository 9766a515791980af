/* SPDX-License-Identifier: MIT */
/* What stands in the way of a device, its group and its memory, through rawpci_explain(). */
#include "unit/vfio/explained.h"

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
	check(explain(0), RAWPCI_OBSTACLE_NO_IOMMU, -EOPNOTSUPP, "remove amd_iommu=off");
	ck_assert_str_eq(e->findings->commands, "");
}
END_TEST

START_TEST(group)
{
	const struct rawpci_finding *f;

	host_add(&host, SOUND, 14, "snd_hda_intel");
	host_add(&host, "0000:03:00.2", 14, "vfio-pci");
	f = explain(0);
	check(f, RAWPCI_OBSTACLE_GROUP, -EBUSY,
	      "VFIO cannot have IOMMU group 14, because "
	      "0000:03:00.1 of that group is bound to snd_hda_intel: unbind 0000:03:00.1 from "
	      "snd_hda_intel");
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
	check(f, RAWPCI_OBSTACLE_GROUP, -EBUSY,
	      "0000:03:00.1 of that group is bound to e1000e, "
	      "and the network interface eth7 is up: stop that (ip link set eth7 down); "
	      "then unbind 0000:03:00.1");
	ck_assert_str_eq(f->commands, "");
	rawpci_explanation_destroy(e);
	tree_unlink(&host.tree, "sys/class/net/eth7");
	host_write(&host, SOUND, "class", "0x060100\n");
	f = explain(0);
	check(f, RAWPCI_OBSTACLE_GROUP, -EBUSY,
	      "a part of the host's chipset: leave it to the host");
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
	check(explain(0), RAWPCI_OBSTACLE_VFS, -EBUSY,
	      "vfio-pci refuses a device with enabled virtual functions (4)");
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
	TCase *tests = tcase_create("obstacles");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_found);
	tcase_add_test(tests, no_iommu);
	tcase_add_test(tests, group);
	tcase_add_test(tests, group_in_use);
	tcase_add_test(tests, bridge);
	tcase_add_test(tests, virtual_functions);
	tcase_add_test(tests, locked_memory);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
