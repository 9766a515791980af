/* SPDX-License-Identifier: MIT */
/* What the host uses a device for, in a tree that stands in for /sys, /proc and /dev. */
#include <errno.h>
#include <limits.h>
#include <semaphore.h>

#include "harness.h"
#include "os/inuse.h"
#include "unit/os/tree.h"

#define DEVICES "../../devices/pci0000:00/"
#define BDF "0000:03:00.0"
#define ROOT_LINE "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define SWAPS "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

static const struct rawpci_address address = { 0, 3, 0, 0 };
static struct tree tree;
static bool look_only;
static unsigned limit_ms = 10000;
static int gate[2];  /* an open of a node with the text "hung" waits until a byte is there */
static sem_t opened; /* and then says so here */
static int held;     /* how many more opens of a node with the text "held" fail */

/* A file stands in for the node of a disk. Its text says how opening it ends. */
int __real_rawpci_sys_open(const char *path, int flags);
int __wrap_rawpci_sys_open(const char *path, int flags);
int __wrap_rawpci_sys_open(const char *path, int flags)
{
	char said[512] = "";
	const char *file = path + strlen(tree.root) + 1;

	if (strncmp(path, tree.root, strlen(tree.root)) == 0 && strncmp(file, "dev/", 4) == 0) {
		ck_assert(!look_only);
		ck_assert_int_eq(flags, O_RDONLY | O_EXCL | O_NONBLOCK);
		(void)tree_read(&tree, file, said);
		if (strcmp(said, "held") == 0 && held > 0) {
			held--;
			return -EBUSY;
		}
		if (strcmp(said, "hung") == 0) {
			char byte;
			int fd = read(gate[0], &byte, 1) == 1 ? __real_rawpci_sys_open(path, flags)
							      : -EIO;

			ck_assert_int_eq(sem_post(&opened), 0);
			return fd;
		}
		if (strcmp(said, "held") != 0 && said[0] != '\0')
			return -atoi(said);
	}
	return __real_rawpci_sys_open(path, flags);
}

static char stop[RAWPCI_INUSE_STOP];

static int find(char text[RAWPCI_INUSE_TEXT])
{
	char proc[512], dev[512], vfio[512], uio[512];
	struct rawpci_inuse_host host = {
		.sys = tree.root,
		.limit_ms = limit_ms,
		.stop = stop,
		.vfio = tree_path(&tree, vfio, "vfio"),
		.uio = tree_path(&tree, uio, "uio"),
	};

	host.proc = tree_path(&tree, proc, "proc");
	host.dev = look_only ? NULL : tree_path(&tree, dev, "dev");
	return rawpci_inuse_find(&host, &address, text);
}

static void check_found(const char *expected)
{
	char text[RAWPCI_INUSE_TEXT];

	ck_assert_int_eq(find(text), expected ? 1 : 0);
	ck_assert_str_eq(text, expected ? expected : "");
}

static void add_disk(const char *name, const char *number, const char *where)
{
	char file[128], target[256];

	(void)snprintf(target, sizeof(target), "../../devices/%s/%s", where, name);
	(void)snprintf(file, sizeof(file), "class/block/%s", name);
	tree_link(&tree, file, target);
	(void)snprintf(file, sizeof(file), "devices/%s/%s/dev", where, name);
	tree_write(&tree, file, number);
	(void)snprintf(file, sizeof(file), "dev/%s", name);
	tree_write(&tree, file, "");
}

static void add_partition(const char *name, const char *number, const char *where)
{
	char file[256];

	add_disk(name, number, where);
	(void)snprintf(file, sizeof(file), "devices/%s/%s/partition", where, name);
	tree_write(&tree, file, "1\n");
}

static void hold(const char *node)
{
	held = INT_MAX;
	tree_write(&tree, node, "held");
}

static void add_holder(const char *disk, const char *holder)
{
	char file[256];

	(void)snprintf(file, sizeof(file), "%s/holders/%s", disk, holder);
	tree_link(&tree, file, "../anywhere");
}

#define DISK "pci0000:00/0000:00:1c.0/" BDF "/nvme/nvme0"

static void setup(void)
{
	tree_create(&tree);
	look_only = false;
	tree_directory(&tree, "dev");
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE);
	tree_write(&tree, "proc/swaps", SWAPS);
	tree_directory(&tree, "class/net");
	add_disk("sda", "8:0", "pci0000:00/0000:00:1f.2/host0");
	add_partition("sda1", "8:1", "pci0000:00/0000:00:1f.2/host0/sda");
	add_disk("nvme0n1", "259:0", DISK);
	add_partition("nvme0n1p1", "259:1", DISK "/nvme0n1");
}

static void teardown(void)
{
	tree_destroy(&tree);
}

START_TEST(an_unused_device_is_not_in_use)
{
	check_found(NULL);
}
END_TEST

/* The host needs a bridge even if no driver is bound to it. */
START_TEST(a_bridge_is_in_use)
{
	static const struct {
		const char *class, *expected;
	} kinds[] = {
		{ "0x060000\n", "it is a bridge of class 0600, a part of the host's chipset" },
		{ "0x060100\n", "it is a bridge of class 0601, a part of the host's chipset" },
		{ "0x060400\n", "it is a bridge, through which the host reaches other devices" },
		{ "0x060980\n", "it is a bridge, through which the host reaches other devices" },
		{ "0x020000\n", NULL },
		{ "0x000600\n", NULL },
	};
	char text[RAWPCI_INUSE_TEXT];

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		tree_write(&tree, "bus/pci/devices/" BDF "/class", kinds[i].class);
		check_found(kinds[i].expected);
		ck_assert_int_eq(rawpci_inuse_bridge(tree.root, &address, text),
				 kinds[i].expected ? 1 : 0);
	}
}
END_TEST

START_TEST(a_mounted_partition_is_a_use)
{
	tree_write(&tree, "proc/self/mountinfo",
		   ROOT_LINE "40 21 259:1 / /srv rw,relatime shared:2 - ext4 /dev/nvme0n1p1 rw\n");
	check_found("nvme0n1p1 is mounted on /srv");
	ck_assert_str_eq(stop, "umount /srv");
}
END_TEST

/* btrfs has numbers of its own, so the disk's number is not in mountinfo. */
START_TEST(a_mount_is_found_by_name)
{
	tree_write(&tree, "proc/self/mountinfo",
		   ROOT_LINE "40 21 0:35 /@ /data rw - btrfs /dev/nvme0n1 rw,space_cache\n");
	check_found("nvme0n1 is mounted on /data");
}
END_TEST

/* mountinfo has only the first disk of a btrfs. */
START_TEST(every_disk_of_a_mounted_btrfs_is_in_use)
{
	look_only = true;
	tree_directory(&tree, "fs/btrfs/features");
	tree_link(&tree, "fs/btrfs/6d7ec6a4/devices/sda1", "../../../../devices/sda1");
	check_found(NULL);
	tree_write(&tree, "fs/btrfs/6d7ec6a4/devices/nvme0n1p1", "");
	check_found("nvme0n1p1 is part of a btrfs that is mounted");
}
END_TEST

#define HELD " is in use: mounted elsewhere (in a container?), or part of a pool or an array"

/* The holder may be in another mount namespace, or ZFS. */
START_TEST(a_partition_that_is_held_is_in_use)
{
	hold("dev/nvme0n1"); /* true if a partition is held, so the partitions are tried instead */
	check_found(NULL);
	hold("dev/sda1"); /* a disk of another device */
	check_found(NULL);
	hold("dev/nvme0n1p1");
	check_found("nvme0n1p1" HELD);
	look_only = true;
	check_found(NULL);
}
END_TEST

START_TEST(a_disk_that_is_held_is_in_use)
{
	tree_unlink(&tree, "class/block/nvme0n1p1");
	tree_unlink(&tree, "devices/" DISK "/nvme0n1/nvme0n1p1/partition");
	hold("dev/nvme0n1");
	check_found("nvme0n1" HELD);
	held = 1; /* for a moment, as by this library in another process */
	check_found(NULL);
}
END_TEST

START_TEST(a_volume_that_is_held_is_in_use)
{
	add_disk("dm-0", "253:0", "virtual/block");
	add_holder("devices/" DISK "/nvme0n1/nvme0n1p1", "dm-0");
	hold("dev/nvme0n1p1"); /* by a volume that is not in use */
	check_found(NULL);
	hold("dev/dm-0");
	check_found("dm-0" HELD);
}
END_TEST

static void open_in_process_77(const char *node)
{
	char target[512];

	tree_write(&tree, node, "");
	tree_write(&tree, "proc/77/comm", "qemu\n");
	tree_directory(&tree, "proc/77/fd");
	tree_link(&tree, "proc/77/fd/5", tree_path(&tree, target, node));
}

static const struct {
	const char *entry, *node;
} users[] = {
	{ "vfio-dev/vfio3", "vfio/devices/vfio3" },
	{ "uio/uio1", "uio/uio1" },
	{ NULL, "vfio/14" },
};

START_TEST(a_program_with_an_open_node_is_a_use)
{
	char entry[128], expected[600], path[512];

	if (users[_i].entry) {
		(void)snprintf(entry, sizeof(entry), "bus/pci/devices/" BDF "/%s", users[_i].entry);
		tree_directory(&tree, entry);
	} else {
		tree_directory(&tree, "kernel/iommu_groups/14");
		tree_link(&tree, "bus/pci/devices/" BDF "/iommu_group",
			  "../../../../kernel/iommu_groups/14");
	}
	tree_write(&tree, users[_i].node, "");
	check_found(NULL);
	open_in_process_77(users[_i].node);
	(void)snprintf(expected, sizeof(expected), "process 77 (qemu) has %s open",
		       tree_path(&tree, path, users[_i].node));
	check_found(expected);
}
END_TEST

START_TEST(a_node_in_a_directory_is_found)
{
	tree_link(&tree, "class/block/cciss!c0d0", DEVICES BDF "/cciss!c0d0");
	tree_write(&tree, "devices/pci0000:00/" BDF "/cciss!c0d0/dev", "104:0\n");
	hold("dev/cciss/c0d0");
	check_found("cciss!c0d0" HELD);
}
END_TEST

START_TEST(a_node_that_cannot_be_opened_is_an_error)
{
	char number[16], text[RAWPCI_INUSE_TEXT];

	(void)snprintf(number, sizeof(number), "%d", ENOMEDIUM);
	tree_write(&tree, "dev/nvme0n1p1", number);
	check_found(NULL);
	(void)snprintf(number, sizeof(number), "%d", EACCES);
	tree_write(&tree, "dev/nvme0n1p1", number);
	ck_assert_int_eq(find(text), -EACCES);
	ck_assert_ptr_nonnull(strstr(text, "whether the host uses nvme0n1p1 cannot be found out"));
	ck_assert_ptr_nonnull(strstr(text, "dev/nvme0n1p1: Permission denied"));
	tree_unlink(&tree, "dev/nvme0n1p1");
	ck_assert_int_eq(find(text), -ENOENT);
	tree_write(&tree, "proc/self/mountinfo",
		   ROOT_LINE "40 21 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	check_found("nvme0n1p1 is mounted on /srv");
}
END_TEST

START_TEST(swap_is_a_use)
{
	tree_write(&tree, "proc/swaps",
		   SWAPS "/dev/nvme0n1p1                          partition\t4\t0\t-2\n");
	check_found("the host swaps to nvme0n1p1");
	ck_assert_str_eq(stop, "swapoff /dev/nvme0n1p1");
}
END_TEST

/* A volume is built on an array, and the array on the partition. */
START_TEST(a_mounted_volume_on_an_array_is_a_use)
{
	add_disk("md0", "9:0", "virtual/block");
	add_disk("dm-0", "253:0", "virtual/block");
	add_holder("devices/" DISK "/nvme0n1/nvme0n1p1", "md0");
	add_holder("devices/virtual/block/md0", "dm-0");
	tree_write(&tree, "devices/virtual/block/dm-0/dm/name", "vg-home\n");
	check_found(NULL);
	tree_write(&tree, "proc/self/mountinfo",
		   ROOT_LINE "40 21 253:0 / /home rw - xfs /dev/mapper/vg-home rw\n");
	check_found("dm-0 is mounted on /home");
	tree_write(&tree, "proc/self/mountinfo",
		   ROOT_LINE "40 21 0:40 / /home rw - btrfs /dev/mapper/vg-home rw\n");
	check_found("dm-0 is mounted on /home");
}
END_TEST

START_TEST(volumes_in_a_ring_are_an_error)
{
	char text[RAWPCI_INUSE_TEXT];

	add_disk("md0", "9:0", "virtual/block");
	add_holder("devices/" DISK "/nvme0n1", "md0");
	add_holder("devices/virtual/block/md0", "md0");
	ck_assert_int_eq(find(text), -ELOOP);
}
END_TEST

START_TEST(a_disk_behind_several_paths_is_found)
{
	add_disk("nvme0c3n1", "259:9", DISK);
	tree_unlink(&tree, "dev/nvme0c3n1");
	tree_unlink(&tree, "devices/" DISK "/nvme0c3n1/dev");
	tree_unlink(&tree, "class/block/nvme0n1");
	tree_unlink(&tree, "class/block/nvme0n1p1");
	add_disk("nvme0n1", "259:0", "virtual/nvme-subsystem/nvme-subsys0");
	add_partition("nvme0n1p1", "259:1", "virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
	check_found(NULL);
	tree_write(&tree, "proc/self/mountinfo",
		   ROOT_LINE "40 21 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	check_found("nvme0n1p1 is mounted on /srv");
}
END_TEST

START_TEST(an_interface_that_is_up_is_a_use)
{
	char text[RAWPCI_INUSE_TEXT];

	tree_link(&tree, "class/net/lo", "../../devices/virtual/net/lo");
	tree_write(&tree, "devices/virtual/net/lo/flags", "0x9\n");
	tree_link(&tree, "class/net/eth0", DEVICES BDF "/virtio0/net/eth0");
	tree_write(&tree, "devices/pci0000:00/" BDF "/virtio0/net/eth0/flags", "0x1002\n");
	check_found(NULL);
	tree_write(&tree, "devices/pci0000:00/" BDF "/virtio0/net/eth0/flags", "0x1003\n");
	check_found("the network interface eth0 is up");
	ck_assert_str_eq(stop, "ip link set eth0 down");
	tree_unlink(&tree, "class/net/eth0");
	tree_link(&tree, "class/net/eth$0", DEVICES BDF "/virtio0/net/eth0");
	ck_assert_int_eq(find(text), 1);
	ck_assert_str_eq(stop, "");
}
END_TEST

#define ELSEWHERE "one of its network interfaces is in another network namespace"

START_TEST(an_interface_in_another_namespace_is_a_use)
{
	tree_directory(&tree, "bus/pci/devices/" BDF "/net/eth0");
	tree_directory(&tree, "devices/virtfn/net");
	tree_link(&tree, "bus/pci/devices/" BDF "/virtfn0", "../../../../devices/virtfn");
	check_found(NULL);
	tree_directory(&tree, "bus/pci/devices/" BDF "/virtio0/net");
	check_found(ELSEWHERE);
	tree_directory(&tree, "bus/pci/devices/" BDF "/virtio0/net/eth1");
	check_found(NULL);
	(void)rmdir(tree_path(&tree, (char[512]){ 0 }, "bus/pci/devices/" BDF "/net/eth0"));
	check_found(ELSEWHERE);
}
END_TEST

START_TEST(the_boot_display_is_a_use)
{
	tree_write(&tree, "bus/pci/devices/" BDF "/boot_vga", "0\n");
	check_found(NULL);
	tree_write(&tree, "bus/pci/devices/" BDF "/boot_vga", "1\n");
	check_found("it is the display that the host was started with");
}
END_TEST

START_TEST(enabled_virtual_functions_are_a_use)
{
	tree_write(&tree, "bus/pci/devices/" BDF "/sriov_numvfs", "0\n");
	check_found(NULL);
	tree_write(&tree, "bus/pci/devices/" BDF "/sriov_numvfs", "2\n");
	check_found("2 of its virtual functions are enabled");
}
END_TEST

START_TEST(a_missing_list_of_mounts_is_an_error)
{
	char text[RAWPCI_INUSE_TEXT];

	tree_unlink(&tree, "proc/swaps"); /* a kernel without swap */
	check_found(NULL);
	tree_unlink(&tree, "proc/self/mountinfo");
	ck_assert_int_eq(find(text), -ENOENT);
	ck_assert_str_eq(text, "what the host does with it cannot be found out: "
			       "No such file or directory");
}
END_TEST

/* A disk that does not answer keeps its open waiting. Once the kernel has returned, the disk is not
 * held any more. */
START_TEST(a_disk_that_hangs)
{
	char text[RAWPCI_INUSE_TEXT];
	unsigned before;

	ck_assert_int_eq(pipe(gate), 0);
	ck_assert_int_eq(sem_init(&opened, 0, 0), 0);
	add_disk("nvme0n1", "259:0", "pci0000:00/" BDF "/nvme/nvme0");
	tree_write(&tree, "dev/nvme0n1", "hung");
	before = harness_descriptors();
	limit_ms = 50;
	ck_assert_int_eq(find(text), -ETIMEDOUT);
	ck_assert_str_eq(text,
			 "whether the host uses the disk nvme0n1 cannot be found out, because "
			 "the disk hangs: the kernel has not opened it in 50 ms");
	ck_assert_int_eq(write(gate[1], "", 1), 1);
	ck_assert_int_eq(sem_wait(&opened), 0);
	for (int i = 0; i < 1000 && harness_descriptors() != before; i++)
		(void)usleep(1000);
	ck_assert_uint_eq(harness_descriptors(), before);
	limit_ms = 10000;
	ck_assert_int_eq(write(gate[1], "", 1), 1);
	check_found(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inuse");
	TCase *tests = tcase_create("inuse");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_unused_device_is_not_in_use);
	tcase_add_test(tests, a_mounted_partition_is_a_use);
	tcase_add_test(tests, a_mount_is_found_by_name);
	tcase_add_test(tests, every_disk_of_a_mounted_btrfs_is_in_use);
	tcase_add_test(tests, a_partition_that_is_held_is_in_use);
	tcase_add_test(tests, a_disk_that_is_held_is_in_use);
	tcase_add_test(tests, a_volume_that_is_held_is_in_use);
	tcase_add_loop_test(tests, a_program_with_an_open_node_is_a_use, 0, 3);
	tcase_add_test(tests, a_node_in_a_directory_is_found);
	tcase_add_test(tests, a_node_that_cannot_be_opened_is_an_error);
	tcase_add_test(tests, swap_is_a_use);
	tcase_add_test(tests, a_mounted_volume_on_an_array_is_a_use);
	tcase_add_test(tests, volumes_in_a_ring_are_an_error);
	tcase_add_test(tests, a_disk_behind_several_paths_is_found);
	tcase_add_test(tests, an_interface_that_is_up_is_a_use);
	tcase_add_test(tests, an_interface_in_another_namespace_is_a_use);
	tcase_add_test(tests, the_boot_display_is_a_use);
	tcase_add_test(tests, enabled_virtual_functions_are_a_use);
	tcase_add_test(tests, a_bridge_is_in_use);
	tcase_add_test(tests, a_missing_list_of_mounts_is_an_error);
	tcase_add_test(tests, a_disk_that_hangs);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
