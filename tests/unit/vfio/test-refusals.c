/* SPDX-License-Identifier: MIT */
/* Why the kernel has refused a step. */
#include "unit/vfio/host-of-vfio.h"

#define PARAMETERS "sys/module/vfio_iommu_type1/parameters/"

extern const struct rawpci_backend rawpci_backend_vfio;

static int refused_node(enum rawpci_vfio_node_kind kind, const char *path, int error)
{
	return rawpci_vfio_refused_node(&device, kind, path, error);
}

START_TEST(forbidden_container)
{
	refused_node(RAWPCI_VFIO_NODE_CONTAINER, "/dev/vfio/vfio", -EACCES);
	check_words("no permission to open /dev/vfio/vfio");
	refused_node(RAWPCI_VFIO_NODE_CONTAINER, "/dev/vfio/vfio", -EPERM);
	check_words("forbids opening /dev/vfio/vfio");
}
END_TEST

START_TEST(node)
{
	char path[512];

	tree_path(&tree, path, "vfio/14");
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -ENOENT), -ENODEV);
	check_words("bound to e1000e, not to vfio-pci");
	tree_link(&tree, DEVICES "0000:03:00.0/driver", "../../drivers/vfio-pci");
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -ENOENT), -ENODEV);
	check_words("did not appear");
	tree_write(&tree, "vfio/noiommu-14", "");
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -ENOENT), -EOPNOTSUPP);
	check_words("without an IOMMU");
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -EACCES), -EACCES);
	check_words("no permission to open ");
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -EPERM), -EPERM);
	check_words("device cgroup");
}
END_TEST

/* Without an IOMMU the node has another name. The sentence is about the node that is missing, which
 * a container has to be given. */
START_TEST(node_without_iommu)
{
	char path[512];

	space.transport = &rawpci_vfio_transport_noiommu;
	tree_link(&tree, DEVICES "0000:03:00.0/driver", "../../drivers/vfio-pci");
	tree_path(&tree, path, "vfio/noiommu-14");
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -ENOENT), -ENODEV);
	check_words("/vfio/noiommu-14 did not appear");
	check_words("/vfio/noiommu-14 has to be passed in");
}
END_TEST

START_TEST(node_held)
{
	char path[512];
	FILE *held;

	tree_write(&tree, "vfio/14", "");
	held = fopen(tree_path(&tree, path, "vfio/14"), "r");
	ck_assert_ptr_nonnull(held);
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -EBUSY), -EBUSY);
	check_words("this process has ");
	check_words("/vfio/14 open: ");
	ck_assert_int_eq(fclose(held), 0);
	ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_GROUP, path, -EBUSY), -EBUSY);
	check_words("another process has ");
	check_words("/vfio/14 open, ");
}
END_TEST

/* Fails at the first request, for this is no container; nothing of the attempt stays. */
START_TEST(open_fails)
{
	void *none = NULL;

	space.transport = NULL;
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(rawpci_backend_vfio.open(instance, &address, &space, &none), -EIO);
		ck_assert_ptr_nonnull(strstr(rawpci_reason(), "/vfio/vfio: "));
	}
	ck_assert_ptr_null(none);
	ck_assert_ptr_null(space.transport);
	ck_assert_int_eq(space.fd, -1);
	ck_assert_uint_eq(space.members, 0);
}
END_TEST

static char interrupts[512];

static int attach_error(int error)
{
	return rawpci_vfio_refused_attach(&device, 14, "vfio_iommu_type1", error);
}

/* What /proc/interrupts has in a line far down. */
static void remapping(const char *line)
{
	char text[8192], path[512];

	memset(text, ' ', sizeof(text));
	(void)snprintf(text + 4090, sizeof(text) - 4090, "%s", line);
	tree_write(&tree, "interrupts", text);
	(void)snprintf(interrupts, sizeof(interrupts), "%s", tree_path(&tree, path, "interrupts"));
	device.vfio->interrupts = interrupts;
}

/* The host that waits for the device keeps it locked. */
START_TEST(reset)
{
	ck_assert_int_eq(rawpci_vfio_refused_reset(&device, -EAGAIN), -EBUSY);
	check_words("the host waits to have it back");
	check_words("close it if the host wants it back");
}
END_TEST

START_TEST(attach)
{
	tree_write(&tree, PARAMETERS "allow_unsafe_interrupts", "N\n");
	tree_write(&tree, GROUP "reserved_regions",
		   "0x00000000000e0000 0x00000000000fffff direct-relaxable\n"
		   "0x00000000fee00000 0x00000000feefffff msi\n");
	remapping(" 24: 0 0 PCI-MSI 65536-edge nvme0q0");
	ck_assert_int_eq(attach_error(-EPERM), -EPERM);
	check_words("allow_unsafe_interrupts is N");
	/* Not the cause, or not seen to be. */
	remapping(" 24: 0 0 IR-PCI-MSI 65536-edge nvme0q0");
	ck_assert_int_eq(attach_error(-EPERM), -EBUSY);
	check_words("its DMA belongs to another program");
	ck_assert_ptr_null(strstr(rawpci_reason(), "allow_unsafe_interrupts"));
	remapping(" 24: 0 0 GICv3 27 Level arch_timer");
	ck_assert_int_eq(attach_error(-EPERM), -EPERM);
	ck_assert_ptr_null(strstr(rawpci_reason(), "allow_unsafe_interrupts"));
	tree_write(&tree, PARAMETERS "allow_unsafe_interrupts", "Y\n");
	ck_assert_int_eq(attach_error(-EPERM), -EBUSY);
	tree_write(&tree, PARAMETERS "allow_unsafe_interrupts", "N\n");
	ck_assert_int_eq(attach_error(-EINVAL), -EIO);
	tree_write(&tree, GROUP "reserved_regions",
		   "0x00000000000e0000 0x00000000000fffff direct\n"
		   "0x00000000fee00000 0x00000000feefffff msi\n");
	ck_assert_int_eq(attach_error(-EINVAL), -EPERM);
	check_words("RMRR");
	ck_assert_int_eq(attach_error(-EPERM), -EPERM);
	check_words("RMRR");
}
END_TEST

static int map_error(int error)
{
	static const struct rawpci_dma_limits limits;

	return rawpci_vfio_refused_map(&space, 0x1000, NULL, 0x1000, &limits, error);
}

START_TEST(mapping)
{
	tree_write(&tree, PARAMETERS "dma_entry_limit", "65535\n");
	ck_assert_int_eq(map_error(-ENOSPC), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "0x1000-0x1fff: too many DMA mappings: "
						      "vfio_iommu_type1.dma_entry_limit is 65535"));
	ck_assert_int_eq(map_error(-EEXIST), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "mapped already in this container"));
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "close it and open a new one"));
	ck_assert_int_eq(map_error(-EFAULT), -EADDRNOTAVAIL);
	ck_assert_int_eq(map_error(-EINVAL), -EADDRNOTAVAIL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-refusals");
	TCase *tests = tcase_create("refusals");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, forbidden_container);
	tcase_add_test(tests, node);
	tcase_add_test(tests, node_without_iommu);
	tcase_add_test(tests, node_held);
	tcase_add_test(tests, open_fails);
	tcase_add_test(tests, reset);
	tcase_add_test(tests, attach);
	tcase_add_test(tests, mapping);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
