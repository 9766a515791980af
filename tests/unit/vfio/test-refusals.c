/* SPDX-License-Identifier: MIT */
/* Reasons, from a tree that stands in for /sys and /dev/vfio. */
#include <errno.h>

#include <rawpci/context.h>

#include "core/core.h"
#include "harness.h"
#include "unit/os/tree.h"
#include "vfio/host.h"
#include "vfio/refusals.h"
#include "vfio/transport.h"

#define DEVICES "sys/bus/pci/devices/"
#define GROUP "sys/kernel/iommu_groups/14/"
#define PARAMETERS "sys/module/vfio_iommu_type1/parameters/"

extern const struct rawpci_backend rawpci_backend_vfio;

static const struct rawpci_address address = {0, 3, 0, 0};
static struct tree tree;
static struct rawpci *ctx;
static void *instance;
static struct rawpci_vfio_space space;
static struct rawpci_vfio_device device;

static void add_device(const char *name, const char *class, const char *driver)
{
	char file[256], target[128];

	(void)snprintf(file, sizeof(file), DEVICES "%s/class", name);
	tree_write(&tree, file, class);
	(void)snprintf(file, sizeof(file), DEVICES "%s/iommu_group", name);
	tree_link(&tree, file, "../../../../kernel/iommu_groups/14");
	(void)snprintf(file, sizeof(file), GROUP "devices/%s", name);
	tree_directory(&tree, file);
	if (!driver)
		return;
	(void)snprintf(file, sizeof(file), DEVICES "%s/driver", name);
	(void)snprintf(target, sizeof(target), "../../drivers/%s", driver);
	tree_link(&tree, file, target);
}

static void setup(void)
{
	char sysfs[128] = "sysfs.dir=", nodes[128] = "vfio.dir=", iommu[128] = "vfio.iommu=";
	const char *const settings[] = {sysfs, nodes, iommu, NULL};
	struct rawpci_options options = {.size = sizeof(options), .settings = settings};

	tree_create(&tree);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s/sys", tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/vfio", tree.root);
	(void)snprintf(iommu, sizeof(iommu), "vfio.iommu=%s/iommu", tree.root);
	add_device("0000:03:00.0", "0x020000\n", "e1000e");
	tree_directory(&tree, "sys/bus/pci/drivers/vfio-pci");
	tree_directory(&tree, "sys/class/iommu/dmar0");
	tree_write(&tree, "vfio/vfio", "");
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_backend_instance(ctx, "vfio", &instance), 0);
	space = (struct rawpci_vfio_space){.vfio = instance, .transport = &rawpci_vfio_transport_group,
					     .fd = -1};
	device = (struct rawpci_vfio_device){.vfio = instance, .address = address, .fd = -1};
	rawpci_address_format(&address, device.name);
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}

static int probe(void)
{
	rawpci_call_begin();
	return rawpci_backend_vfio.probe(instance, &address);
}

/* The sentence begins with the device and has these words. */
static void check_words(const char *words)
{
	const char *said = rawpci_reason();

	ck_assert_msg(strncmp(said, "0000:03:00.0: ", 14) == 0 && strstr(said, words) != NULL,
		      "\"%s\" has no \"%s\"", said, words);
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
	static const struct rawpci_address other = {0, 4, 0, 0};

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

/* What processors and firmware say of themselves. */
START_TEST(iommu_remedies)
{
	static const struct {
		const char *cpuinfo;
		bool dmar, ivrs, intel_on;
		const char *words;
	} hosts[] = {
		{"vendor_id\t: GenuineIntel\nflags\t: fpu vmx\n", false, false, true,
		 "enable it in the firmware (VT-d), and boot the kernel with intel_iommu=on"},
		{"vendor_id\t: GenuineIntel\nflags\t: fpu vmx\n", true, false, true,
		 "boot the kernel with intel_iommu=on"},
		{"vendor_id\t: AuthenticAMD\nflags\t: fpu svm\n", false, false, false,
		 "enable it in the firmware (AMD-Vi"},
		{"vendor_id\t: HygonGenuine\nflags\t: fpu svm\n", false, false, false,
		 "enable it in the firmware (AMD-Vi"},
		{"vendor_id\t: AuthenticAMD\nflags\t: fpu svm\n", false, true, false,
		 "without amd_iommu=off"},
		{"vendor_id\t: AuthenticAMD\nflags\t: fpu hypervisor svm\n", false, false, false,
		 "whose hypervisor has to give it an IOMMU"},
		{"vendor_id\t: GenuineIntel\nflags\t: fpu hypervisor\n", false, false, false,
		 "whose hypervisor has to give it an IOMMU"},
		/* As QEMU makes them up. */
		{"vendor_id\t: AuthenticAMD\nflags\t: fpu hypervisor svm\n", true, false, true,
		 "boot the kernel with intel_iommu=on"},
		{"", false, false, false, "enable it in the firmware"},
	};
	bool intel_on;

	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		const char *said = rawpci_vfio_iommu_remedy(hosts[i].cpuinfo, hosts[i].dmar,
							    hosts[i].ivrs, &intel_on);

		ck_assert_msg(strstr(said, hosts[i].words) != NULL, "%zu: %s", i, said);
		ck_assert(intel_on == hosts[i].intel_on);
		ck_assert(intel_on == (strstr(said, "intel_iommu=on") != NULL));
	}
}
END_TEST

/* Before anything is bound, which vfio-pci would refuse. */
START_TEST(not_to_be_bound)
{
	tree_write(&tree, DEVICES "0000:03:00.0/sriov_numvfs", "4\n");
	ck_assert_int_eq(probe(), -EBUSY);
	check_words("it has 4 virtual functions enabled");
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

static int refused_node(enum rawpci_vfio_node_kind kind, const char *path, int error)
{
	return rawpci_vfio_refused_node(&device, kind, path, error);
}

START_TEST(forbidden_container)
{
	refused_node(RAWPCI_VFIO_NODE_CONTAINER, "/dev/vfio/vfio", -EACCES);
	check_words("no permission to open /dev/vfio/vfio");
	refused_node(RAWPCI_VFIO_NODE_CONTAINER, "/dev/vfio/vfio", -EPERM);
	check_words("forbidden although its mode may allow it");
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
	check_words("IOMMU group 14 is not viable, 0000:03:00.1 of the same group is bound to "
		    "snd_hda_intel: unbind 0000:03:00.1 from snd_hda_intel");
	add_device("0000:03:00.3", "0x0c0330\n", "xhci_hcd");
	ck_assert_int_eq(probe(), -EBUSY);
	check_words("0000:03:00.1 of the same group is bound to snd_hda_intel");
	check_words("0000:03:00.3 of the same group is bound to xhci_hcd");
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
	check_words("/vfio/14 open ");
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
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "a former user of the same container"));
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "close it and open a fresh one"));
	ck_assert_int_eq(map_error(-EFAULT), -EADDRNOTAVAIL);
	ck_assert_int_eq(map_error(-EINVAL), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(status_fields)
{
	static const char status[] = "Name:\tVmLck: 9\nVmLckX:\t7 kB\nVmLck:\t    128 kB\n"
				     "CapEff:\t000001ffffffffff\nEmpty:";
	uint64_t value = 1;

	ck_assert_int_eq(rawpci_vfio_status_field(status, "VmLck", 10, &value), 0);
	ck_assert_uint_eq(value, 128);
	ck_assert_int_eq(rawpci_vfio_status_field(status, "CapEff", 16, &value), 0);
	ck_assert_uint_eq(value, 0x1ffffffffff);
	ck_assert_int_eq(rawpci_vfio_status_field(status, "VmPin", 10, &value), -ENOENT);
	ck_assert_int_eq(rawpci_vfio_status_field(status, "Empty", 10, &value), -EIO);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("vfio-refusals");
	TCase *tests = tcase_create("explain");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing_wrong);
	tcase_add_test(tests, absent);
	tcase_add_test(tests, no_group);
	tcase_add_test(tests, no_iommu);
	tcase_add_test(tests, iommu_remedies);
	tcase_add_test(tests, not_to_be_bound);
	tcase_add_test(tests, no_driver);
	tcase_add_test(tests, no_container);
	tcase_add_test(tests, forbidden_container);
	tcase_add_test(tests, harmless_neighbours);
	tcase_add_test(tests, blocking_neighbours);
	tcase_add_test(tests, many_blocking_neighbours);
	tcase_add_test(tests, node);
	tcase_add_test(tests, node_held);
	tcase_add_test(tests, open_fails);
	tcase_add_test(tests, attach);
	tcase_add_test(tests, mapping);
	tcase_add_test(tests, status_fields);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
