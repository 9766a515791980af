/* SPDX-License-Identifier: MIT */
/* The host's devices, described from a tree of files that stands for sysfs. */
#include <errno.h>

#include <rawpci/enumerate.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>

#include "harness.h"
#include "unit/handover/host-tree.h"

#define NIC "0000:03:00.0"

static struct host_tree host;

static void setup(void)
{
	host_create(&host, NULL, NULL);
	host_add(&host, NIC, 14, "e1000e");
	host_write(&host, NIC, "vendor", "0x8086\n");
	host_write(&host, NIC, "device", "0x10d3\n");
	host_write(&host, NIC, "subsystem_vendor", "0x1af4\n");
	host_write(&host, NIC, "subsystem_device", "0x1100\n");
	host_write(&host, NIC, "revision", "0x03\n");
}

static void teardown(void)
{
	host_destroy(&host);
}

static struct rawpci_host_device describe(const char *address)
{
	struct rawpci_host_device device;

	memset(&device, 0xee, sizeof(device));
	ck_assert_int_eq(rawpci_host_device(host.ctx, address, sizeof(device), &device), 0);
	return device;
}

START_TEST(identity)
{
	struct rawpci_host_device device;

	device = describe("03:00.0");
	ck_assert_uint_eq(device.address.bus, 3);
	ck_assert_uint_eq(device.vendor_id, 0x8086);
	ck_assert_uint_eq(device.device_id, 0x10d3);
	ck_assert_uint_eq(device.subsystem_vendor_id, 0x1af4);
	ck_assert_uint_eq(device.subsystem_id, 0x1100);
	ck_assert_uint_eq(device.class_code, 0x020000);
	ck_assert_uint_eq(device.revision, 3);
	ck_assert_str_eq(device.vendor_name, "");
	ck_assert_str_eq(device.device_name, "");
	ck_assert_str_eq(device.class_name, "");
	ck_assert_str_eq(device.driver, "e1000e");
	ck_assert_int_eq(device.iommu_group, 14);
	ck_assert(!device.bridge && !device.boot_vga && !device.virtual_function && !device.gone);
}
END_TEST

static int count(void *opaque, const struct rawpci_host_device *device)
{
	(void)device;
	++*(int *)opaque;
	return 0;
}

START_TEST(not_to_be_seen)
{
	static const char *const above[] = { "sys", "sys/bus/pci/devices", DEVICES NIC };
	struct rawpci_host_device device;
	int seen = 0;

	for (int i = 0; i < 3; i++) {
		tree_bar(&host.tree, above[i], 0);
		ck_assert_int_eq(rawpci_host_device(host.ctx, NIC, sizeof(device), &device),
				 -EACCES);
		ck_assert_ptr_nonnull(strstr(rawpci_last_error(), " has no permission to search"));
		ck_assert_int_eq(rawpci_enumerate(host.ctx, sizeof(device), count, &seen), -EACCES);
		ck_assert_ptr_null(strstr(rawpci_last_error(), "mounted"));
		ck_assert_int_eq(seen, 0);
		tree_unbar(&host.tree, above[i]);
	}
	/* A directory that may be read but not searched shows names without devices. */
	tree_bar(&host.tree, "sys/bus/pci/devices", 0444);
	ck_assert_int_eq(rawpci_enumerate(host.ctx, sizeof(device), count, &seen), -EACCES);
	ck_assert_int_eq(seen, 0);
	tree_unbar(&host.tree, "sys/bus/pci/devices");
}
END_TEST

START_TEST(little_known)
{
	struct rawpci_host_device device;

	tree_directory(&host.tree, DEVICES "10000:e0:00.7");
	device = describe("10000:e0:00.7");
	ck_assert_uint_eq(device.address.segment, 0x10000);
	ck_assert_str_eq(device.vendor_name, "");
	ck_assert_str_eq(device.driver, "");
	ck_assert_int_eq(device.iommu_group, -1);
	ck_assert(!device.capabilities_known && !device.gone);
	ck_assert_str_eq(device.power, "");
}
END_TEST

START_TEST(kinds)
{
	struct rawpci_host_device device;

	host_write(&host, NIC, "class", "0x060400\n");
	host_write(&host, NIC, "boot_vga", "1\n");
	host_write(&host, NIC, "sriov_numvfs", "4\n");
	host_write(&host, NIC, "sriov_totalvfs", "16\n");
	host_link(&host, NIC, "physfn", "../" NIC);
	host_write(&host, NIC, "power_state", "D3hot\n");
	device = describe(NIC);
	ck_assert(device.bridge && device.boot_vga && device.virtual_function);
	ck_assert_uint_eq(device.vfs, 4);
	ck_assert_uint_eq(device.total_vfs, 16);
	ck_assert_str_eq(device.power, "D3hot");
	host_write(&host, NIC, "power_state", "unknown\n");
	ck_assert_str_eq(describe(NIC).power, "");
}
END_TEST

START_TEST(regions)
{
	struct rawpci_host_device device;

	host_write(&host, NIC, "resource",
		   "0x00000000f7c00000 0x00000000f7c1ffff 0x0000000000040200\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x0000003800000000 0x0000003fffffffff 0x000000000014220c\n"
		   "0x0000000000000000 0x0000000000000000 0x0000000000000000\n"
		   "0x000000000000f020 0x000000000000f03f 0x0000000000040101\n"
		   "0x0000000000000000 0x0000000000000fff 0x0000000020040200\n"
		   "0x00000000f7c40000 0x00000000f7c7ffff 0x0000000000046200\n");
	device = describe(NIC);
	ck_assert_uint_eq(device.regions[0].address, 0xf7c00000);
	ck_assert_uint_eq(device.regions[0].size, 0x20000);
	ck_assert_uint_eq(device.regions[0].flags, 0);
	ck_assert_uint_eq(device.regions[1].size, 0);
	ck_assert_uint_eq(device.regions[2].size, UINT64_C(0x800000000));
	ck_assert_uint_eq(device.regions[2].flags, RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH);
	ck_assert_uint_eq(device.regions[4].flags, RAWPCI_REGION_IO);
	ck_assert_uint_eq(device.regions[4].size, 32);
	ck_assert_uint_eq(device.regions[5].address, 0);
	ck_assert_uint_eq(device.regions[5].size, 4096);
	ck_assert_uint_eq(device.regions[6].size, 0x40000);
}
END_TEST

/* A header, and MSI with four vectors at 0x40. */
static void fill_config(unsigned char config[4096])
{
	memset(config, 0, 4096);
	config[0] = 0x86;
	config[1] = 0x80;
	config[6] = 0x10;
	config[0x34] = 0x40;
	config[0x3d] = 1;
	config[0x40] = 5;
	config[0x42] = 0x04;
}

START_TEST(capabilities)
{
	unsigned char config[4096];
	struct rawpci_host_device device;

	fill_config(config);
	host_config(&host, NIC, config, 4096);
	device = describe(NIC);
	ck_assert(device.capabilities_known);
	ck_assert_uint_eq(device.config_size, 4096);
	ck_assert_uint_eq(device.irq_count[RAWPCI_IRQ_INTX], 1);
	ck_assert_uint_eq(device.irq_count[RAWPCI_IRQ_MSI], 4);
	ck_assert_uint_eq(device.irq_count[RAWPCI_IRQ_MSIX], 0);
	host_config(&host, NIC, config, 64); /* as much as unprivileged users can read */
	device = describe(NIC);
	ck_assert(!device.capabilities_known);
	ck_assert_uint_eq(device.config_size, 256);
	ck_assert_uint_eq(device.irq_count[RAWPCI_IRQ_INTX], 1);
}
END_TEST

START_TEST(gone)
{
	unsigned char config[4096];

	memset(config, 0xff, sizeof(config));
	host_config(&host, NIC, config, sizeof(config));
	ck_assert(describe(NIC).gone);
	config[8] = 0; /* a virtual function has no ids, but it has a class */
	host_config(&host, NIC, config, sizeof(config));
	ck_assert(!describe(NIC).gone);
}
END_TEST

START_TEST(asleep)
{
	unsigned char config[4096];
	struct rawpci_host_device device;

	fill_config(config);
	host_config(&host, NIC, config, sizeof(config));
	host_write(&host, NIC, "power_state", "D3cold\n");
	device = describe(NIC);
	ck_assert(!device.capabilities_known);
	ck_assert_uint_eq(device.irq_count[RAWPCI_IRQ_INTX], 0);
	ck_assert_uint_eq(device.config_size, 4096);
}
END_TEST

START_TEST(resets)
{
	unsigned char config[4096];

	fill_config(config);
	config[0x40] = 1; /* PM, which resets */
	host_config(&host, NIC, config, sizeof(config));
	ck_assert_uint_eq(describe(NIC).reset_methods, RAWPCI_RESET_PM);
	host_write(&host, NIC, "reset_method", "device_specific af_flr flr bus novel\n");
	ck_assert_uint_eq(describe(NIC).reset_methods, RAWPCI_RESET_DEVICE_SPECIFIC |
							       RAWPCI_RESET_AF_FLR |
							       RAWPCI_RESET_FLR | RAWPCI_RESET_BUS);
}
END_TEST

struct seen {
	char names[256];
	unsigned stop_after;
};

static int see(void *opaque, const struct rawpci_host_device *device)
{
	struct seen *seen = opaque;
	char name[RAWPCI_ADDRESS_TEXT];

	/* The callback may call the library. */
	(void)describe(rawpci_address_format(&device->address, name));
	(void)strcat(strcat(seen->names, name), " ");
	return seen->stop_after > 0 && --seen->stop_after == 0 ? -42 : 0;
}

START_TEST(all_in_order)
{
	static const char *const more[] = { "10000:00:00.0", "0000:03:00.1", "0000:02:1f.7",
					    "name" };
	struct seen seen = { .names = "" }, two = { .names = "", .stop_after = 2 };

	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		host_write(&host, more[i], "class", "0x000000\n");
	ck_assert_int_eq(rawpci_enumerate(host.ctx, sizeof(struct rawpci_host_device), see, &seen),
			 0);
	ck_assert_str_eq(seen.names, "0000:02:1f.7 0000:03:00.0 0000:03:00.1 10000:00:00.0 ");
	ck_assert_int_eq(rawpci_enumerate(host.ctx, sizeof(struct rawpci_host_device), see, &two),
			 -42);
	ck_assert_str_eq(two.names, "0000:02:1f.7 0000:03:00.0 ");
}
END_TEST

/* A context for the fake lists the devices that it pretends, and no other. */
START_TEST(pretend_devices)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:02.0",
		.vendor_id = 0x1234,
		.device_id = 0x5678,
		.class_code = 0x010802,
		.bars = { { .size = 0x4000, .flags = RAWPCI_REGION_64BIT } },
		.msix = 4,
		.msix_bar = 0,
		.pm = true,
	};
	struct rawpci_host_device device;
	struct seen seen = { .names = "" }, none = { .names = "" };
	struct rawpci_fake *fake;

	host_destroy(&host);
	host_create(&host, "fake", NULL);
	host_add(&host, NIC, 14, "e1000e");
	ck_assert_int_eq(rawpci_fake_add(host.ctx, &config, &fake), 0);
	ck_assert_int_eq(rawpci_enumerate(host.ctx, sizeof(device), see, &seen), 0);
	ck_assert_str_eq(seen.names, "0000:00:02.0 0000:00:04.0 ");
	device = describe("00:02.0");
	ck_assert_uint_eq(device.vendor_id, 0x1234);
	ck_assert_uint_eq(device.device_id, 0x5678);
	ck_assert_uint_eq(device.class_code, 0x010802);
	ck_assert_uint_eq(device.regions[0].size, 0x4000);
	ck_assert_uint_eq(device.irq_count[RAWPCI_IRQ_MSIX], 4);
	ck_assert(device.iommu_group == -1 && device.capabilities_known);
	ck_assert_int_eq(rawpci_host_device(host.ctx, NIC, sizeof(device), &device), -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "the backend fake has no such device"));
	ck_assert_int_eq(rawpci_fake_unplug(fake), 0);
	ck_assert_int_eq(rawpci_enumerate(host.ctx, sizeof(device), see, &none), 0);
	ck_assert_str_eq(none.names, "0000:00:04.0 ");
}
END_TEST

START_TEST(wrong_arguments)
{
	struct rawpci_host_device device = { .revision = 77 };
	size_t size = sizeof(device);
	struct seen seen = { .names = "" };

	ck_assert_int_eq(rawpci_host_device(NULL, NIC, size, &device), -EFAULT);
	ck_assert_int_eq(rawpci_host_device(host.ctx, NULL, size, &device), -EFAULT);
	ck_assert_int_eq(rawpci_host_device(host.ctx, NIC, size, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_host_device(host.ctx, NIC, 0, &device), -EINVAL);
	ck_assert_int_eq(rawpci_host_device(host.ctx, NIC, size + 1, &device), -EINVAL);
	ck_assert_int_eq(rawpci_host_device(host.ctx, "03:00", size, &device), -EINVAL);
	ck_assert_int_eq(rawpci_host_device(host.ctx, "04:00.0", size, &device), -ENODEV);
	ck_assert_uint_eq(device.revision, 77);
	ck_assert_int_eq(rawpci_enumerate(NULL, size, see, &seen), -EFAULT);
	ck_assert_int_eq(rawpci_enumerate(host.ctx, size, NULL, &seen), -EFAULT);
	ck_assert_int_eq(rawpci_enumerate(host.ctx, size + 1, see, &seen), -EINVAL);
	ck_assert_str_eq(seen.names, "");
}
END_TEST

/* An older program has a shorter structure. */
START_TEST(shorter_structure)
{
	struct rawpci_host_device device = { .revision = 77 };

	ck_assert_int_eq(rawpci_host_device(host.ctx, NIC, sizeof(device.address), &device), 0);
	ck_assert_uint_eq(device.address.bus, 3);
	ck_assert_uint_eq(device.vendor_id, 0);
	ck_assert_uint_eq(device.revision, 77);
}
END_TEST

START_TEST(no_pci)
{
	static const char *const settings[] = { "sysfs.dir=/nonexistent", NULL };
	struct rawpci_options options = { .size = sizeof(options), .settings = settings };
	struct seen seen = { .names = "" };
	struct rawpci *ctx;

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_enumerate(ctx, sizeof(struct rawpci_host_device), see, &seen),
			 -ENODEV);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "/nonexistent/bus/pci/devices"));
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enumerate");
	TCase *tests = tcase_create("enumerate");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, identity);
	tcase_add_test(tests, not_to_be_seen);
	tcase_add_test(tests, little_known);
	tcase_add_test(tests, kinds);
	tcase_add_test(tests, regions);
	tcase_add_test(tests, capabilities);
	tcase_add_test(tests, gone);
	tcase_add_test(tests, asleep);
	tcase_add_test(tests, resets);
	tcase_add_test(tests, all_in_order);
	tcase_add_test(tests, pretend_devices);
	tcase_add_test(tests, wrong_arguments);
	tcase_add_test(tests, shorter_structure);
	tcase_add_test(tests, no_pci);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
