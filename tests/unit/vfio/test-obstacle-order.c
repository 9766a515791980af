/* SPDX-License-Identifier: MIT */
/* The first obstacle that probe() meets. */
#include "unit/vfio/host-of-vfio.h"

extern const struct rawpci_backend rawpci_backend_vfio;

static int probe(void)
{
	rawpci_call_begin();
	return rawpci_backend_vfio.probe(instance, &address);
}

START_TEST(nothing_wrong)
{
	tree_write(&tree, "iommu", "");
	ck_assert_int_eq(probe(), 0);
	ck_assert_str_eq(rawpci_reason(), "");
}
END_TEST

START_TEST(absent)
{
	static const struct rawpci_address other = { 0, 4, 0, 0 };

	ck_assert_int_eq(rawpci_backend_vfio.probe(instance, &other), -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0000:04:00.0: there is no such device"));
}
END_TEST

START_TEST(no_group)
{
	tree_unlink(&tree, DEVICES "0000:03:00.0/iommu_group");
	ck_assert_int_eq(probe(), -EOPNOTSUPP);
	check_words("no IOMMU of this host covers it");
	ck_assert_ptr_null(strstr(rawpci_reason(), "intel_iommu=on"));
}
END_TEST

START_TEST(no_iommu)
{
	char path[512];

	tree_unlink(&tree, DEVICES "0000:03:00.0/iommu_group");
	ck_assert_int_eq(rmdir(tree_path(&tree, path, "sys/class/iommu/dmar0")), 0);
	ck_assert_int_eq(probe(), -EOPNOTSUPP);
	check_words("the kernel uses no IOMMU: ");
	ck_assert_int_eq(rmdir(tree_path(&tree, path, "sys/class/iommu")), 0);
	tree_write(&tree, "sys/firmware/acpi/tables/DMAR", "");
	ck_assert_int_eq(probe(), -EOPNOTSUPP);
	check_words("the kernel uses no IOMMU: boot the kernel with intel_iommu=on");
}
END_TEST

/* Before anything is bound, which vfio-pci would refuse. */
START_TEST(not_to_be_bound)
{
	tree_write(&tree, DEVICES "0000:03:00.0/sriov_numvfs", "4\n");
	ck_assert_int_eq(probe(), -EBUSY);
	check_words("vfio-pci refuses a device with enabled virtual functions (4)");
	/* It has enabled them itself. */
	tree_link(&tree, DEVICES "0000:03:00.0/driver", "../../drivers/vfio-pci");
	ck_assert_int_eq(probe(), 0);
	tree_write(&tree, DEVICES "0000:03:00.0/class", "0x060400\n");
	ck_assert_int_eq(probe(), -EOPNOTSUPP);
	check_words("it is a bridge");
}
END_TEST

START_TEST(no_driver)
{
	char path[512];

	ck_assert_int_eq(rmdir(tree_path(&tree, path, "sys/bus/pci/drivers/vfio-pci")), 0);
	ck_assert_int_eq(probe(), -EOPNOTSUPP);
	check_words("modprobe vfio-pci");
}
END_TEST

START_TEST(no_container)
{
	tree_unlink(&tree, "vfio/vfio");
	ck_assert_int_eq(probe(), -EOPNOTSUPP);
	check_words("vfio/vfio is not there");
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "modprobe vfio-pci"));
	tree_write(&tree, "iommu", "");
	ck_assert_int_eq(probe(), 0);
}
END_TEST

START_TEST(harmless_neighbours)
{
	add_device("0000:03:00.1", "0x040300\n", NULL);
	add_device("0000:03:00.2", "0x040300\n", "pci-stub");
	add_device("0000:03:00.3", "0x040300\n", "vfio-pci");
	add_device("0000:03:00.4", "0x040300\n", "mlx5-vfio-pci");
	add_device("0000:00:01.0", "0x060400\n", "pcieport");
	add_device("0000:00:02.0", "0x060400\n", "shpchp");
	ck_assert_int_eq(probe(), 0);
}
END_TEST

START_TEST(blocking_neighbours)
{
	add_device("0000:03:00.1", "0x040300\n", "snd_hda_intel");
	add_device("0000:03:00.2", "0x040300\n", NULL);
	ck_assert_int_eq(probe(), -EBUSY);
	check_words("VFIO cannot have IOMMU group 14, because 0000:03:00.1 of that group is bound "
		    "to snd_hda_intel: unbind 0000:03:00.1 from snd_hda_intel");
	add_device("0000:03:00.3", "0x0c0330\n", "xhci_hcd");
	ck_assert_int_eq(probe(), -EBUSY);
	check_words("0000:03:00.1 of that group is bound to snd_hda_intel");
	check_words("0000:03:00.3 of that group is bound to xhci_hcd");
}
END_TEST

START_TEST(many_blocking_neighbours)
{
	char name[RAWPCI_ADDRESS_TEXT];
	int i;

	for (i = 0; i < 32; i++) {
		(void)snprintf(name, sizeof(name), "0000:05:%02x.0", i);
		add_device(name, "0x040300\n", "a_driver_with_quite_a_long_name");
	}
	ck_assert_int_eq(probe(), -EBUSY);
	check_words("is bound to a_driver_with_quite_a_long_name: unbind");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-checks");
	TCase *tests = tcase_create("checks");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_wrong);
	tcase_add_test(tests, absent);
	tcase_add_test(tests, no_group);
	tcase_add_test(tests, no_iommu);
	tcase_add_test(tests, not_to_be_bound);
	tcase_add_test(tests, no_driver);
	tcase_add_test(tests, no_container);
	tcase_add_test(tests, harmless_neighbours);
	tcase_add_test(tests, blocking_neighbours);
	tcase_add_test(tests, many_blocking_neighbours);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
