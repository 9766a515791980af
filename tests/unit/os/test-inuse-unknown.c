/* SPDX-License-Identifier: MIT */
/* If a use cannot be found out, the device counts as in use. */
#include <errno.h>

#include "harness.h"
#include "os/inuse.h"
#include "unit/os/tree.h"

#define PCI "devices/pci0000:00/0000:03:00.0/"

static const struct rawpci_address address = { 0, 3, 0, 0 };
static struct tree tree;
static const char *failing; /* opening or reading a path with this end fails */
static int error;           /* the error of that */

static bool is_failing(const char *path)
{
	size_t length = strlen(path), end = strlen(failing);

	return length >= end && strcmp(path + length - end, failing) == 0;
}

int __real_rawpci_sys_open(const char *path, int flags);
int __wrap_rawpci_sys_open(const char *path, int flags);
int __wrap_rawpci_sys_open(const char *path, int flags)
{
	return is_failing(path) ? error : __real_rawpci_sys_open(path, flags);
}

int __real_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size);
int __wrap_rawpci_sys_read_file(const char *path, char *text, size_t size)
{
	return is_failing(path) ? error : __real_rawpci_sys_read_file(path, text, size);
}

static const struct {
	const char *failing;
	int error;
} rows[] = {
	{ "eth0/flags", -EMFILE }, /* the program is out of descriptors for a moment */
	{ "0000:03:00.0/boot_vga", -EMFILE },
	{ "0000:03:00.0/sriov_numvfs", -EMFILE },
	{ "dev/nvme0n1", -ENXIO }, /* a container's /dev has a node whose number is gone */
};

START_TEST(a_use_that_cannot_be_found_out_counts_as_a_use)
{
	char text[RAWPCI_INUSE_TEXT], proc[512], dev[512];
	struct rawpci_inuse_host host;

	tree_create(&tree);
	tree_write(&tree, "proc/self/mountinfo", "21 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n");
	tree_write(&tree, "proc/swaps", "Filename\n");
	tree_directory(&tree, "class/net");
	tree_directory(&tree, "class/block");
	tree_directory(&tree, "bus/pci/devices/0000:03:00.0");
	if (_i == 3) {
		tree_link(&tree, "class/block/nvme0n1", "../../" PCI "nvme/nvme0/nvme0n1");
		tree_write(&tree, PCI "nvme/nvme0/nvme0n1/dev", "259:0\n");
		tree_write(&tree, "dev/nvme0n1", "");
	} else {
		tree_link(&tree, "class/net/eth0", "../../" PCI "net/eth0");
		tree_write(&tree, PCI "net/eth0/flags", _i == 0 ? "0x1003\n" : "0x1002\n");
		tree_write(&tree, "bus/pci/devices/0000:03:00.0/net/eth0/flags", "");
		tree_write(&tree, "bus/pci/devices/0000:03:00.0/boot_vga", "1\n");
		tree_write(&tree, "bus/pci/devices/0000:03:00.0/sriov_numvfs", "4\n");
		if (_i != 1)
			tree_write(&tree, "bus/pci/devices/0000:03:00.0/boot_vga", "0\n");
		if (_i != 2)
			tree_write(&tree, "bus/pci/devices/0000:03:00.0/sriov_numvfs", "0\n");
	}
	host = (struct rawpci_inuse_host){ .sys = tree.root,
					   .limit_ms = 10000,
					   .proc = tree_path(&tree, proc, "proc"),
					   .dev = tree_path(&tree, dev, "dev") };
	failing = rows[_i].failing;
	error = rows[_i].error;
	ck_assert_int_ne(rawpci_inuse_find(&host, &address, text), 0);
	tree_destroy(&tree);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inuse-unknown");
	TCase *tests = tcase_create("inuse-unknown");

	tcase_add_loop_test(tests, a_use_that_cannot_be_found_out_counts_as_a_use, 0,
			    sizeof(rows) / sizeof(rows[0]));
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
