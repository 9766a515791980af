/* SPDX-License-Identifier: MIT */
#include <errno.h>

#include "harness.h"
#include "os/inuse.h"
#include "unit/os/tree.h"

#define DEVICES "../../devices/pci0000:00/"
#define BDF "0000:03:00.0"
#define ROOT_LINE "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
#define SWAPS "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"

static const struct rawpci_address address = {0, 3, 0, 0};
static struct tree tree;

static int find(char text[RAWPCI_INUSE_TEXT])
{
	char proc[512];

	text[0] = '\0';
	return rawpci_inuse_find(tree.root, tree_path(&tree, proc, "proc"), &address, text);
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
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE);
	tree_write(&tree, "proc/swaps", SWAPS);
	tree_directory(&tree, "class/net");
	add_disk("sda", "8:0", "pci0000:00/0000:00:1f.2/host0");
	add_disk("sda1", "8:1", "pci0000:00/0000:00:1f.2/host0/sda");
	add_disk("nvme0n1", "259:0", DISK);
	add_disk("nvme0n1p1", "259:1", DISK "/nvme0n1");
}

static void teardown(void)
{
	tree_destroy(&tree);
}

START_TEST(nothing)
{
	check_found(NULL);
}
END_TEST

START_TEST(mounted_partition)
{
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE
		   "40 21 259:1 / /srv rw,relatime shared:2 - ext4 /dev/nvme0n1p1 rw\n");
	check_found("nvme0n1p1 is mounted on /srv");
}
END_TEST

/* btrfs has numbers of its own. */
START_TEST(mounted_by_name)
{
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE
		   "40 21 0:35 /@ /data rw - btrfs /dev/nvme0n1 rw,space_cache\n");
	check_found("nvme0n1 is mounted on /data");
}
END_TEST

START_TEST(swap)
{
	tree_write(&tree, "proc/swaps", SWAPS
		   "/dev/nvme0n1p1                          partition\t4\t0\t-2\n");
	check_found("the host swaps to nvme0n1p1");
}
END_TEST

/* A volume on md on the partition. */
START_TEST(holders)
{
	add_disk("md0", "9:0", "virtual/block");
	add_disk("dm-0", "253:0", "virtual/block");
	add_holder("devices/" DISK "/nvme0n1/nvme0n1p1", "md0");
	add_holder("devices/virtual/block/md0", "dm-0");
	tree_write(&tree, "devices/virtual/block/dm-0/dm/name", "vg-home\n");
	check_found(NULL);
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE
		   "40 21 253:0 / /home rw - xfs /dev/mapper/vg-home rw\n");
	check_found("dm-0 is mounted on /home");
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE
		   "40 21 0:40 / /home rw - btrfs /dev/mapper/vg-home rw\n");
	check_found("dm-0 is mounted on /home");
}
END_TEST

START_TEST(holders_in_a_ring)
{
	char text[RAWPCI_INUSE_TEXT];

	add_disk("md0", "9:0", "virtual/block");
	add_holder("devices/" DISK "/nvme0n1", "md0");
	add_holder("devices/virtual/block/md0", "md0");
	ck_assert_int_eq(find(text), -ELOOP);
}
END_TEST

START_TEST(multipath)
{
	add_disk("nvme0c3n1", "259:9", DISK);
	tree_unlink(&tree, "class/block/nvme0n1");
	tree_unlink(&tree, "class/block/nvme0n1p1");
	add_disk("nvme0n1", "259:0", "virtual/nvme-subsystem/nvme-subsys0");
	add_disk("nvme0n1p1", "259:1", "virtual/nvme-subsystem/nvme-subsys0/nvme0n1");
	tree_write(&tree, "proc/self/mountinfo", ROOT_LINE
		   "40 21 259:1 / /srv rw - ext4 /dev/nvme0n1p1 rw\n");
	check_found("nvme0n1p1 is mounted on /srv");
}
END_TEST

START_TEST(interface)
{
	tree_link(&tree, "class/net/lo", "../../devices/virtual/net/lo");
	tree_write(&tree, "devices/virtual/net/lo/flags", "0x9\n");
	tree_link(&tree, "class/net/eth0", DEVICES BDF "/virtio0/net/eth0");
	tree_write(&tree, "devices/pci0000:00/" BDF "/virtio0/net/eth0/flags", "0x1002\n");
	check_found(NULL);
	tree_write(&tree, "devices/pci0000:00/" BDF "/virtio0/net/eth0/flags", "0x1003\n");
	check_found("the network interface eth0 is up");
}
END_TEST

START_TEST(display)
{
	tree_write(&tree, "bus/pci/devices/" BDF "/boot_vga", "0\n");
	check_found(NULL);
	tree_write(&tree, "bus/pci/devices/" BDF "/boot_vga", "1\n");
	check_found("it is the display that the host was started with");
}
END_TEST

START_TEST(virtual_functions)
{
	tree_write(&tree, "bus/pci/devices/" BDF "/sriov_numvfs", "0\n");
	check_found(NULL);
	tree_write(&tree, "bus/pci/devices/" BDF "/sriov_numvfs", "2\n");
	check_found("2 of its virtual functions are enabled");
}
END_TEST

START_TEST(unknown)
{
	char text[RAWPCI_INUSE_TEXT];

	tree_unlink(&tree, "proc/swaps"); /* a kernel without swap */
	check_found(NULL);
	tree_unlink(&tree, "proc/self/mountinfo");
	ck_assert_int_eq(find(text), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inuse");
	TCase *tests = tcase_create("inuse");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, nothing);
	tcase_add_test(tests, mounted_partition);
	tcase_add_test(tests, mounted_by_name);
	tcase_add_test(tests, swap);
	tcase_add_test(tests, holders);
	tcase_add_test(tests, holders_in_a_ring);
	tcase_add_test(tests, multipath);
	tcase_add_test(tests, interface);
	tcase_add_test(tests, display);
	tcase_add_test(tests, virtual_functions);
	tcase_add_test(tests, unknown);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
