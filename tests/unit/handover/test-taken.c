/* SPDX-License-Identifier: MIT */
/* Devices that are taken for another program: all or none, returned, kept, and killed at each
 * step. */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/handover.h>
#include <rawpci/recover.h>
#include <sys/wait.h>

#include "harness.h"
#include "handover/record.h"
#include "os/sys.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-seam.h"

#define RECORD "run/" BDF
#define PEER_RECORD "run/" PEER

static const char *const both[] = { BDF, PEER };

static struct rawpci *ctx, *other;
static struct rawpci_backend vfio, uio;

static int any_open(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)instance;
	(void)space;
	(void)address;
	*device = &host;
	return 0;
}

/* vfio-pci must find no device of the group at a host driver that is not taken, too. */
static int group_probe(void *instance, const struct rawpci_address *address)
{
	static const struct rawpci_address peers[] = { { .bus = 3 }, { .bus = 3, .function = 1 } };
	struct rawpci *in = instance;
	char driver[RAWPCI_DRIVER_TEXT];

	(void)address;
	for (int i = 0; i < 2; i++)
		if (!rawpci_backend_taken(in, &peers[i], driver) &&
		    rawpci_sysfs_driver(host.tree.root, &peers[i], driver) == 0 &&
		    strcmp(driver, "e1000e") == 0)
			return rawpci_backend_fail(in, -EBUSY, "the group is not viable");
	return 0;
}

static int keep_context(struct rawpci *in, void **instance)
{
	*instance = in;
	return 0;
}

static void destroy_nothing(void *instance)
{
	(void)instance;
}

static struct rawpci *create(void)
{
	char run[600], sysfs[600], nodes[600], uios[600];
	const char *settings[] = { run, sysfs, nodes, uios, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };
	struct rawpci *out;

	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host.tree.root);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/dev/vfio", host.tree.root);
	(void)snprintf(uios, sizeof(uios), "uio.dir=%s/dev", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	ck_assert_int_eq(rawpci_backend_register(out, &vfio), 0);
	ck_assert_int_eq(rawpci_backend_register(out, &uio), 0);
	return out;
}

static void setup(void)
{
	host_create();
	tree_directory(&host.tree, "bus/pci/drivers/uio_pci_generic");
	host_bind("e1000e");
	vfio = blank_backend("bound", 300);
	vfio.driver = "vfio-pci";
	vfio.create = keep_context;
	vfio.destroy = destroy_nothing;
	vfio.open = any_open;
	blank_add_device(&vfio);
	uio = blank_backend("line", 200);
	uio.driver = "uio_pci_generic";
	uio.bare = true;
	uio.open = any_open;
	blank_add_device(&uio);
	ctx = create();
	other = create();
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
	tree_destroy(&host.tree);
}

static bool there(const char *file)
{
	char path[512];

	return access(tree_path(&host.tree, path, file), F_OK) == 0;
}

static bool says(const char *text)
{
	return strstr(rawpci_last_error(), text) != NULL;
}

static struct rawpci_taken *take(unsigned n, const char *driver)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	int r;

	options.driver = driver;
	r = rawpci_take(ctx, both, n, &options, &taken);
	ck_assert_msg(r == 0, "%d: %s", r, rawpci_last_error());
	return taken;
}

static int fails_to_take(const char *const *addresses, unsigned n,
			 const struct rawpci_take_options *options)
{
	struct rawpci_taken *taken = NULL;
	int r = rawpci_take(ctx, addresses, n, options, &taken);

	ck_assert_ptr_null(taken);
	return r;
}

/* Nothing has happened to it. */
static void check_untouched(void)
{
	host_check("e1000e", "(null)");
	ck_assert(!there(RECORD) && !there(PEER_RECORD));
}

static void check_peer(const char *driver)
{
	const struct rawpci_address peer = { .bus = 3, .function = 1 };
	char now[RAWPCI_SYSFS_NAME];

	ck_assert_int_eq(rawpci_sysfs_driver(host.tree.root, &peer, now), 0);
	ck_assert_str_eq(now, driver);
	ck_assert(host_is(PEER_DEVICE "driver_override", "(null)") ==
		  (strcmp(driver, "e1000e") == 0));
}

START_TEST(taken_and_returned)
{
	struct rawpci_taken *taken = take(1, "vfio-pci");
	struct rawpci_device *dev = NULL;

	host_check("vfio-pci", "vfio-pci");
	ck_assert_str_eq(rawpci_taken_driver(taken), "vfio-pci");
	ck_assert(there(RECORD));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EBUSY);
	ck_assert(says("taken already"));
	ck_assert_int_eq(rawpci_device_open(other, NULL, BDF, 0, &dev), -EBUSY);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	ck_assert_int_eq(rawpci_recover(other), 0);
	ck_assert_int_eq(rawpci_return(other, both, 1), -EBUSY);
	ck_assert(says("this process"));
	host_check("vfio-pci", "vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	ck_assert_int_eq(rawpci_taken_return(NULL), 0);
	ck_assert_ptr_null(rawpci_taken_driver(NULL));
}
END_TEST

START_TEST(wrong_arguments)
{
	const char *const twice[] = { BDF, "03:00.0" }, *const wrong[] = { BDF, "nonsense" };
	const char *const none[] = { BDF, NULL }, *const absent[] = { BDF, "0000:04:00.0" };
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	static const char *const names[] = { "", "..", "a/b", "../drivers/vfio-pci" };

	options.driver = "vfio-pci";
	ck_assert_int_eq(rawpci_take(NULL, both, 1, NULL, &taken), -EFAULT);
	ck_assert_int_eq(rawpci_take(ctx, NULL, 1, NULL, &taken), -EFAULT);
	ck_assert_int_eq(rawpci_take(ctx, both, 1, NULL, NULL), -EFAULT);
	ck_assert_int_eq(fails_to_take(both, 0, &options), -EINVAL);
	ck_assert_int_eq(fails_to_take(both, 256, &options), -EUSERS);
	ck_assert_int_eq(fails_to_take(none, 2, &options), -EFAULT);
	ck_assert_int_eq(fails_to_take(wrong, 2, &options), -EINVAL);
	ck_assert_int_eq(fails_to_take(twice, 2, &options), -EINVAL);
	ck_assert(says("twice"));
	ck_assert_int_eq(fails_to_take(absent, 2, &options), -ENODEV);
	options.flags = RAWPCI_OPEN_DETACH_HOST_DRIVER;
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBADRQC);
	options.flags = 0;
	options.size = 3;
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EINVAL);
	options.size = sizeof(options);
	options.driver = "igb_uio";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -ENODEV);
	ck_assert(says("modprobe igb_uio"));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		options.driver = names[i];
		ck_assert_int_eq(fails_to_take(both, 1, &options), -EINVAL);
	}
	ck_assert_int_eq(rawpci_taken_keep(NULL), -EFAULT);
	check_untouched();
}
END_TEST

START_TEST(chooses_the_driver)
{
	struct rawpci_taken *taken = take(1, NULL);

	ck_assert_str_eq(rawpci_taken_driver(taken), "uio_pci_generic");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	taken = take(1, NULL);
	ck_assert_str_eq(rawpci_taken_driver(taken), "vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	host_create_peer("e1000e");
	taken = take(2, NULL);
	ck_assert_str_eq(rawpci_taken_driver(taken), "vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* A device with an IOMMU group is not taken without its protection, unless the caller says so. */
START_TEST(no_vfio_loaded)
{
	struct rawpci_taken *taken;
	char path[512];

	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	ck_assert_int_eq(rmdir(tree_path(&host.tree, path, "bus/pci/drivers/vfio-pci")), 0);
	ck_assert_int_eq(fails_to_take(both, 1, NULL), -ENODEV);
	ck_assert(says("the kernel module vfio-pci is not loaded: modprobe vfio-pci"));
	check_untouched();
	taken = take(1, "uio_pci_generic");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
}
END_TEST

/* Drivers of the host are none for user space. */
START_TEST(not_for_user_space)
{
	static const char *const names[] = { "nvme", "e1000e", "vfio_pci", "myvfio-pci", "nosuch" };
	static const char *const drivers[] = { "mlx5-vfio-pci", "mlx5_vfio_pci", "igb_uio",
					       "pci-stub" };
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	char path[512];

	tree_directory(&host.tree, "bus/pci/drivers/nvme");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		options.driver = names[i];
		ck_assert_int_eq(fails_to_take(both, 1, &options), -EINVAL);
		ck_assert(says(names[i]) && says("user space") && says("RAWPCI_OPEN_INSIST"));
	}
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
		(void)snprintf(path, sizeof(path), "bus/pci/drivers/%s", drivers[i]);
		tree_directory(&host.tree, path);
		ck_assert_int_eq(rawpci_taken_return(take(1, drivers[i])), 0);
	}
	check_untouched();
	options.driver = "nvme";
	options.flags = RAWPCI_OPEN_INSIST;
	ck_assert_int_eq(rawpci_take(ctx, both, 1, &options, &taken), 0);
	host_check("nvme", "nvme");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
}
END_TEST

/* Its host driver works with it: nothing is taken, and no register is written. */
START_TEST(host_driver_wanted)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	const unsigned command = host_config(4);

	options.driver = "e1000e";
	options.flags = RAWPCI_OPEN_INSIST;
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBUSY);
	ck_assert(says("e1000e is its host driver"));
	check_untouched();
	ck_assert_uint_eq(host_config(4), command);
}
END_TEST

/* A device that is not there is missed before a driver is. */
START_TEST(device_before_driver)
{
	const char *const absent[] = { BDF, "0000:04:00.0" };
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;

	options.driver = "igb_uio";
	ck_assert_int_eq(fails_to_take(absent, 2, &options), -ENODEV);
	ck_assert(says("0000:04:00.0: there is no such device"));
}
END_TEST

/* The second device cannot be bound: the first is returned. */
START_TEST(all_or_none)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	const char *const peer_first[] = { PEER, BDF };

	host_create_peer("e1000e");
	options.driver = "vfio-pci";
	host.refusing = "vfio-pci";
	ck_assert_int_eq(fails_to_take(peer_first, 2, &options), -ENODEV);
	ck_assert(says(BDF));
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* Devices of one call count as taken; another device of the group does not. */
START_TEST(group_of_two)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken;

	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	vfio.probe = group_probe;
	ctx = create();
	host_create_peer("e1000e");
	options.driver = "vfio-pci";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBUSY);
	check_untouched();
	taken = take(2, "vfio-pci");
	host_check("vfio-pci", "vfio-pci");
	check_peer("vfio-pci");
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* It was bound to that driver before, and stays so. */
START_TEST(bound_before)
{
	struct rawpci_taken *taken;

	host_unbind("e1000e");
	host_bind("vfio-pci");
	tree_write(&host.tree, DEVICE "driver_override", "vfio-pci");
	taken = take(1, "vfio-pci");
	ck_assert(there(RECORD));
	if (_i == 0) {
		ck_assert_int_eq(rawpci_taken_return(taken), 0);
	} else {
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
		ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	}
	host_check("vfio-pci", "vfio-pci");
	ck_assert(!there(RECORD));
}
END_TEST

static int count_kept(void *opaque, const struct rawpci_kept *kept)
{
	char name[RAWPCI_ADDRESS_TEXT];

	ck_assert_str_eq(rawpci_address_format(&kept->address, name), BDF);
	ck_assert_str_eq(kept->host_driver, "e1000e");
	(void)snprintf(opaque, RAWPCI_DRIVER_TEXT, "%s", kept->driver);
	return 7;
}

static bool is_kept(const char *driver)
{
	char text[RAWPCI_DRIVER_TEXT] = "";
	int r = rawpci_kept_each(other, sizeof(struct rawpci_kept), count_kept, text);

	ck_assert(r == 0 || r == 7);
	return strcmp(text, driver) == 0;
}

static void keep_it(const char *driver)
{
	ck_assert_int_eq(rawpci_taken_keep(take(1, driver)), 0);
	ck_assert(is_kept(driver));
}

START_TEST(kept)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;

	ck_assert_int_eq(rawpci_kept_each(NULL, 1, count_kept, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_kept_each(ctx, 0, count_kept, NULL), -EINVAL);
	ck_assert_int_eq(rawpci_kept_each(ctx, 4096, count_kept, NULL), -EINVAL);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), -ENOENT);
	ck_assert(is_kept("") && !there("run"));
	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_recover(other), 0);
	host_check("vfio-pci", "vfio-pci");
	options.driver = "vfio-pci";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBUSY);
	ck_assert(says("kept") && says("rawpci_return()"));
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_return(other, _i == 0 ? both : NULL, _i == 0 ? 1 : 0), 0);
	check_untouched();
	ck_assert(is_kept(""));
}
END_TEST

static void swap_in_record(const char *from, const char *to)
{
	char text[512], changed[512];
	const char *at = strstr(tree_read(&host.tree, RECORD, text), from);

	ck_assert_ptr_nonnull(at);
	(void)snprintf(changed, sizeof(changed), "%.*s%s%s", (int)(at - text), text, to,
		       at + strlen(from));
	tree_write(&host.tree, RECORD, changed);
}

/* The record of an older library says that a driver was taken which stays bound: it keeps its
 * registers. */
START_TEST(driver_that_stays)
{
	unsigned command;

	keep_it("pci-stub");
	swap_in_record("pci-stub", "e1000e");
	host_unbind("pci-stub");
	host_bind("e1000e");
	command = host_config(4);
	ck_assert_uint_eq(command & 0x4, 0x4);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	ck_assert_uint_eq(host_config(4), command);
	ck_assert(!there(RECORD));
}
END_TEST

/* The program that had it has left it at work, and no kernel driver puts its registers back. */
START_TEST(left_at_work)
{
	struct rawpci_taken *taken = take(1, _i & 1 ? "uio_pci_generic" : "pci-stub");

	host_configure(4, host_config(4) | 0x7);
	host_configure(0x12, 0x1234);
	host_configure(HOST_PM + 4, 0x3);
	if (_i & 2) {
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
		ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	} else {
		ck_assert_int_eq(rawpci_taken_return(taken), 0);
	}
	check_untouched();
	ck_assert_uint_eq(host_config(0x12), 0xfeb0);
	ck_assert(!there("found at work"));
}
END_TEST

/* A process that has the node of its group open; a file stands in for it. */
static pid_t open_node(int *stay)
{
	char path[512], byte;
	int ready[2], gate[2];
	pid_t child;

	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	tree_write(&host.tree, "dev/vfio/7", "");
	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(gate), 0);
	child = fork();
	if (child == 0) {
		/* The locks, too. */
		for (int fd = 3; fd < 64; fd++)
			if (fd != ready[1] && fd != gate[0])
				(void)close(fd);
		byte = open(tree_path(&host.tree, path, "dev/vfio/7"), O_RDWR) >= 0;
		(void)!write(ready[1], &byte, 1);
		(void)!read(gate[0], &byte, 1);
		host_exit(0);
	}
	(void)close(gate[0]);
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 1);
	(void)close(ready[0]);
	*stay = gate[1];
	return child;
}

static void end(pid_t child, int stay)
{
	(void)close(stay);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
}

/* The other program still has a node open: the device is left alone until that ends. */
START_TEST(returned_too_early)
{
	struct rawpci_taken *taken = take(1, "vfio-pci");
	char process[32];
	int stay;
	pid_t child = open_node(&stay);

	(void)snprintf(process, sizeof(process), "process %d", (int)child);
	ck_assert_int_eq(rawpci_taken_return(taken), -EBUSY);
	ck_assert(says(process));
	ck_assert_int_eq(rawpci_recover(ctx), 0);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), -EBUSY);
	ck_assert(says(process));
	host_check("vfio-pci", "vfio-pci");
	ck_assert(there(RECORD));
	end(child, stay);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	check_untouched();
}
END_TEST

/* It has the driver already, and a program that uses it. */
START_TEST(used_already)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	char process[32];
	int stay;
	pid_t child;

	host_unbind("e1000e");
	host_bind("vfio-pci");
	child = open_node(&stay);
	(void)snprintf(process, sizeof(process), "process %d", (int)child);
	options.driver = "vfio-pci";
	ck_assert_int_eq(fails_to_take(both, 1, &options), -EBUSY);
	ck_assert(says(process));
	end(child, stay);
	host_check("vfio-pci", "(null)");
	ck_assert(!there(RECORD));
}
END_TEST

/* It had no driver before, and has none afterwards. */
START_TEST(without_a_driver)
{
	struct rawpci_taken *taken;

	host_unbind("e1000e");
	tree_write(&host.tree, DEVICE "driver_override", "favourite\n");
	taken = take(1, _i & 1 ? "uio_pci_generic" : "vfio-pci");
	if (_i & 2) {
		ck_assert_int_eq(rawpci_taken_keep(taken), 0);
		ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	} else {
		ck_assert_int_eq(rawpci_taken_return(taken), 0);
	}
	host_check("", "favourite");
	ck_assert(!there(RECORD));
}
END_TEST

/* The last close of its IOMMU group returns other devices, and leaves a kept one alone. */
START_TEST(kept_beside_a_close)
{
	static const char *const groups[] = { DEVICE "iommu_group", PEER_DEVICE "iommu_group" };
	struct rawpci_device *dev = NULL;

	host_create_peer("e1000e");
	for (int i = 0; i < 2; i++)
		tree_link(&host.tree, groups[i], "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" PEER);
	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, PEER, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev),
			 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("vfio-pci", "vfio-pci");
	ck_assert(is_kept("vfio-pci"));
	check_peer("e1000e");
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	check_untouched();
}
END_TEST

/* An open works with the driver that the device is kept for, and leaves it kept. */
START_TEST(kept_and_opened)
{
	const char *driver = _i == 0 ? "vfio-pci" : "uio_pci_generic";
	struct rawpci_device *dev = NULL;
	struct rawpci_device_info info;
	char before[512], after[512];
	unsigned command;

	keep_it(driver);
	tree_read(&host.tree, RECORD, before);
	command = host_config(4);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_info(dev, sizeof(info), &info), 0);
	ck_assert_str_eq(info.backend, _i == 0 ? "bound" : "line");
	ck_assert_str_eq(info.host_driver, "");
	ck_assert_int_eq(rawpci_return(other, both, 1), -EBUSY);
	ck_assert_int_eq(rawpci_return(other, NULL, 0), -EBUSY);
	ck_assert(is_kept(driver));
	host_configure(4, command | 0x7);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	if (_i == 1)
		ck_assert_uint_eq(host_config(4), command);
	host_check(driver, driver);
	ck_assert(is_kept(driver));
	ck_assert_str_eq(tree_read(&host.tree, RECORD, after), before);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	check_untouched();
}
END_TEST

/* An open that fails leaves it kept, too. */
START_TEST(kept_and_not_opened)
{
	struct rawpci_device *dev = NULL;

	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	vfio.open = blank_open;
	ctx = create();
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), -EIO);
	host_check("vfio-pci", "vfio-pci");
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
	check_untouched();
}
END_TEST

/* Another program has unbound it: it gets the driver again that it is kept for. */
START_TEST(kept_and_unbound)
{
	struct rawpci_device *dev = NULL;

	keep_it("vfio-pci");
	host_unbind("vfio-pci");
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	host_check("vfio-pci", "vfio-pci");
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
	check_untouched();
}
END_TEST

/* No backend works with that driver. */
START_TEST(kept_for_another)
{
	struct rawpci_device *dev = NULL;

	keep_it("pci-stub");
	for (unsigned flags = 0; flags < 4; flags++) {
		ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, flags, &dev), -EBUSY);
		ck_assert(says("it is kept for pci-stub") && says("rawpci_return()") &&
			  says("rawpci return " BDF));
	}
	ck_assert_int_eq(rawpci_backend_choose(ctx, "sysfs"), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 2, &dev), -EBUSY);
	ck_assert_msg(says("it is kept for pci-stub, so it cannot be without a driver: return it"),
		      "%s", rawpci_last_error());
	host_check("pci-stub", "pci-stub");
	ck_assert(is_kept("pci-stub"));
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	check_untouched();
}
END_TEST

/* A context of pretend devices leaves the host's alone. */
START_TEST(kept_from_pretenders)
{
	char driver[RAWPCI_DRIVER_TEXT] = "";

	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_backend_choose(other, "fake"), 0);
	ck_assert_int_eq(rawpci_return(other, both, 1), -EOPNOTSUPP);
	ck_assert(says("devices of its own"));
	ck_assert_int_eq(rawpci_return(other, NULL, 0), -EOPNOTSUPP);
	ck_assert_int_eq(rawpci_kept_each(other, sizeof(struct rawpci_kept), count_kept, driver),
			 -EOPNOTSUPP);
	ck_assert_str_eq(driver, "");
	ck_assert_int_eq(rawpci_backend_choose(other, NULL), 0);
	host_check("vfio-pci", "vfio-pci");
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	check_untouched();
}
END_TEST

static const struct rawpci_finding *find_kept(const struct rawpci_finding *f)
{
	while (f && f->obstacle != RAWPCI_OBSTACLE_KEPT)
		f = f->next;
	return f;
}

/* The diagnosis says what an open does. */
START_TEST(kept_and_explained)
{
	static const char *const drivers[] = { "vfio-pci", "pci-stub", "uio_pci_generic" };
	const struct rawpci_explain_options options = {
		.size = sizeof(options),
		.flags = RAWPCI_OPEN_DETACH_HOST_DRIVER,
	};
	const char *driver = drivers[_i];
	struct rawpci_explanation *e;
	const struct rawpci_finding *f;

	keep_it(driver);
	ck_assert_int_eq(rawpci_explain(other, BDF, &options, &e), 0);
	f = find_kept(e->findings);
	ck_assert_ptr_nonnull(f);
	ck_assert_str_eq(f->driver, "e1000e");
	ck_assert(e->openable == (_i != 1));
	ck_assert_msg(e->ways->works == (_i == 0), "%s", e->ways->reason);
	if (_i == 1)
		ck_assert(e->findings == f && f->blocks && f->error == -EBUSY &&
			  strstr(e->text, "rawpci_return()"));
	while (f && f->backend[0] != '\0')
		f = find_kept(f->next);
	ck_assert(f && !f->blocks && strstr(f->cause, driver));
	rawpci_explanation_destroy(e);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
}
END_TEST

/* It is kept also while a program uses it: one with its node open, or one of this library. */
START_TEST(kept_and_owned)
{
	struct rawpci_device *dev = NULL;
	struct rawpci_explanation *e;
	const struct rawpci_finding *f;
	int stay = -1;
	pid_t child = 0;

	keep_it("vfio-pci");
	if (_i == 0)
		child = open_node(&stay);
	else
		ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), 0);
	ck_assert_int_eq(rawpci_explain(other, BDF, NULL, &e), 0);
	ck_assert_int_eq(e->findings->obstacle, RAWPCI_OBSTACLE_OWNED);
	f = find_kept(e->findings);
	ck_assert_ptr_nonnull(f);
	ck_assert(!f->blocks && !e->openable);
	ck_assert_str_eq(f->driver, "e1000e");
	rawpci_explanation_destroy(e);
	if (_i == 0)
		end(child, stay);
	else
		ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	check_untouched();
}
END_TEST

/* After a reboot the mark says nothing. */
START_TEST(kept_until_reboot)
{
	struct rawpci_device *dev = NULL;
	char boot[64], now[512];

	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_sys_read_file("/proc/sys/kernel/random/boot_id", now, sizeof(now)),
			 36);
	(void)snprintf(boot, sizeof(boot), "kept %.40s", now);
	swap_in_record(boot, "kept another-boot");
	ck_assert(is_kept(""));
	if (_i == 0) {
		ck_assert_int_eq(rawpci_recover(ctx), 1);
	} else if (_i == 1) {
		ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
		host_check("vfio-pci", "vfio-pci");
		ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
	} else {
		ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, RAWPCI_OPEN_DETACH_HOST_DRIVER,
						    &dev),
				 0);
		ck_assert_int_eq(rawpci_device_close(dev), 0);
	}
	check_untouched();
}
END_TEST

/* Another program has bound another driver: that one keeps the device. */
START_TEST(kept_no_more)
{
	keep_it("vfio-pci");
	host_unbind("vfio-pci");
	host_bind("pci-stub");
	ck_assert(is_kept(""));
	ck_assert_int_eq(rawpci_recover(ctx), 1);
	host_check("pci-stub", "(null)");
	ck_assert(!there(RECORD));
}
END_TEST

/* A record cannot be written: none is kept, and all are still taken. */
START_TEST(cannot_be_kept)
{
	struct rawpci_taken *taken;
	char path[512];

	host_create_peer("e1000e");
	taken = take(2, "vfio-pci");
	tree_directory(&host.tree, PEER_RECORD ".new");
	ck_assert_int_lt(rawpci_taken_keep(taken), 0);
	ck_assert(says(PEER));
	ck_assert(is_kept(""));
	ck_assert_int_eq(rawpci_return(other, both, 1), -EBUSY);
	ck_assert_int_eq(rmdir(tree_path(&host.tree, path, PEER_RECORD ".new")), 0);
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* All are checked before any is touched. */
START_TEST(returned_all_or_none)
{
	struct rawpci_taken *taken;
	const char *const twice[] = { BDF, BDF }, *const wrong[] = { BDF, "x" };
	const char *const none[] = { BDF, NULL };

	host_create_peer("e1000e");
	keep_it("vfio-pci");
	ck_assert_int_eq(rawpci_return(ctx, both, 2), -ENOENT);
	ck_assert(says(PEER));
	ck_assert_int_eq(rawpci_return(ctx, twice, 2), -EINVAL);
	ck_assert_int_eq(rawpci_return(ctx, wrong, 2), -EINVAL);
	ck_assert_int_eq(rawpci_return(ctx, none, 2), -EFAULT);
	ck_assert_int_eq(rawpci_return(ctx, NULL, 1), -EFAULT);
	ck_assert_int_eq(rawpci_return(NULL, NULL, 0), -EFAULT);
	ck_assert_int_eq(rawpci_take(other, both + 1, 1, NULL, &taken), 0);
	ck_assert_int_eq(rawpci_return(ctx, both, 2), -EBUSY);
	host_check("vfio-pci", "vfio-pci");
	ck_assert(is_kept("vfio-pci"));
	ck_assert_int_eq(rawpci_taken_return(taken), 0);
	ck_assert_int_eq(rawpci_return(ctx, NULL, 0), 0);
	check_untouched();
	check_peer("e1000e");
}
END_TEST

/* Is the child stopped at step k, before it has done all? */
static bool stopped_at(unsigned k, const char *driver, bool keep)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct rawpci_taken *taken;

		host.steps = 0;
		host.stop_at = k;
		taken = take(1, driver);
		if ((keep ? rawpci_taken_keep(taken) : rawpci_taken_return(taken)) < 0)
			host_exit(2);
		host_exit(1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) != 2, "step %u: %#x", k,
		      (unsigned)status);
	return WEXITSTATUS(status) == 0;
}

/* Wherever the process is killed, the device is returned, or it is kept. */
START_TEST(killed_anywhere)
{
	const char *driver = _i & 1 ? "uio_pci_generic" : "vfio-pci";
	unsigned k = 1, marked = 0, changed = 0;

	for (; stopped_at(k, driver, _i & 2); k++) {
		if (is_kept(driver)) {
			marked++;
			ck_assert_int_eq(rawpci_recover(ctx), 0);
			host_check(driver, driver);
			ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
		} else if (there(RECORD) && (k & 1)) {
			changed++;
			ck_assert_int_eq(rawpci_return(ctx, both, 1), 0);
		} else {
			ck_assert_int_ge(rawpci_recover(ctx), 0);
		}
		check_untouched();
	}
	ck_assert_uint_gt(changed, 2);
	ck_assert(_i & 2 ? marked > 0 : marked == 0);
	(void)rawpci_return(ctx, NULL, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("taken");
	TCase *tests = tcase_create("taken");

	tcase_set_timeout(tests, 180);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, taken_and_returned);
	tcase_add_test(tests, wrong_arguments);
	tcase_add_test(tests, chooses_the_driver);
	tcase_add_test(tests, no_vfio_loaded);
	tcase_add_test(tests, not_for_user_space);
	tcase_add_test(tests, host_driver_wanted);
	tcase_add_test(tests, device_before_driver);
	tcase_add_test(tests, driver_that_stays);
	tcase_add_test(tests, all_or_none);
	tcase_add_test(tests, group_of_two);
	tcase_add_loop_test(tests, bound_before, 0, 2);
	tcase_add_loop_test(tests, kept, 0, 2);
	tcase_add_loop_test(tests, left_at_work, 0, 4);
	tcase_add_test(tests, returned_too_early);
	tcase_add_test(tests, used_already);
	tcase_add_loop_test(tests, without_a_driver, 0, 4);
	tcase_add_test(tests, kept_beside_a_close);
	tcase_add_loop_test(tests, kept_and_opened, 0, 2);
	tcase_add_test(tests, kept_and_not_opened);
	tcase_add_test(tests, kept_and_unbound);
	tcase_add_test(tests, kept_for_another);
	tcase_add_test(tests, kept_from_pretenders);
	tcase_add_loop_test(tests, kept_and_explained, 0, 3);
	tcase_add_loop_test(tests, kept_and_owned, 0, 2);
	tcase_add_loop_test(tests, kept_until_reboot, 0, 3);
	tcase_add_test(tests, kept_no_more);
	tcase_add_test(tests, cannot_be_kept);
	tcase_add_test(tests, returned_all_or_none);
	tcase_add_loop_test(tests, killed_anywhere, 0, 4);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
