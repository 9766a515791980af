/* SPDX-License-Identifier: MIT */
/* A device's cdev, with a kernel that answers what the test wants; the node is /dev/null. */
#include <errno.h>
#include <fcntl.h>

#include <rawpci/context.h>

#include "core/call.h"
#include "harness.h"
#include "os/sys.h"
#include "unit/os/tree.h"

static int answer(int fd, unsigned long request, void *argument);

#define rawpci_sys_ioctl answer
#define rawpci_vfio_ioctl_patiently answer
#include "vfio/cdev.c"
#undef rawpci_sys_ioctl
#undef rawpci_vfio_ioctl_patiently

#define DEVICE "sys/bus/pci/devices/0000:03:00.0/"
#define NULL_NUMBER "1:3" /* Linux Documentation/admin-guide/devices.txt */

static struct tree tree;
static struct rawpci *ctx;
static struct rawpci_vfio_space space;
static struct rawpci_vfio_device device;

/* What the kernel answers, and the requests it got, a letter each. */
static struct {
	int info, bind, attach;
	char log[16];
} kernel;

static int note(char letter, int result)
{
	size_t length = strlen(kernel.log);

	ck_assert_uint_lt(length + 1, sizeof(kernel.log));
	kernel.log[length] = letter;
	return result;
}

static int answer(int fd, unsigned long request, void *argument)
{
	ck_assert_int_eq(fd, device.fd);
	switch (request) {
	case VFIO_DEVICE_GET_INFO:
		return note('i', kernel.info);
	case VFIO_DEVICE_BIND_IOMMUFD:
		ck_assert_int_eq(((struct vfio_device_bind_iommufd *)argument)->iommufd, 77);
		return note('b', kernel.bind);
	case VFIO_DEVICE_ATTACH_IOMMUFD_PT:
		ck_assert_uint_eq(((struct vfio_device_attach_iommufd_pt *)argument)->pt_id, 5);
		return note('a', kernel.attach);
	case VFIO_DEVICE_DETACH_IOMMUFD_PT:
		return note('d', 0);
	default:
		ck_abort_msg("request 0x%lx", request);
	}
	return -ENOTTY;
}

static void setup(void)
{
	char sysfs[128], nodes[128];
	const char *const settings[] = { sysfs, nodes, NULL };
	struct rawpci_options options = { .size = sizeof(options), .settings = settings };
	void *instance;

	tree_create(&tree);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s/sys", tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/vfio", tree.root);
	tree_write(&tree, DEVICE "vfio-dev/vfio3/dev", NULL_NUMBER "\n");
	tree_link(&tree, "vfio/devices/vfio3", "/dev/null");
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_backend_instance(ctx, "vfio", &instance), 0);
	space = (struct rawpci_vfio_space){
		.vfio = instance,
		.transport = &rawpci_vfio_transport_cdev,
		.fd = 77,
		.ioas = 5,
	};
	device = (struct rawpci_vfio_device){
		.vfio = instance,
		.space = &space,
		.address = { 0, 3, 0, 0 },
		.fd = -1,
	};
	rawpci_address_format(&device.address, device.name);
	memset(&kernel, 0, sizeof(kernel));
}

static void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}

static void join_fails(int error, const char *words)
{
	unsigned members = space.members;
	unsigned before = harness_descriptors();

	ck_assert_int_eq(cdev_join(&device, &space), error);
	ck_assert_msg(strstr(rawpci_reason(), words) != NULL, "\"%s\" has no \"%s\"",
		      rawpci_reason(), words);
	ck_assert_int_eq(device.fd, -1);
	ck_assert_uint_eq(space.members, members);
	ck_assert_uint_eq(harness_descriptors(), before);
}

START_TEST(opened_here)
{
	unsigned before = harness_descriptors();

	ck_assert_int_eq(cdev_join(&device, &space), 0);
	ck_assert_uint_eq(space.members, 1);
	ck_assert(!device.lent && !device.used);
	cdev_leave(&device);
	ck_assert_str_eq(kernel.log, "bad");
	ck_assert_uint_eq(space.members, 0);
	ck_assert_uint_eq(harness_descriptors(), before);
}
END_TEST

/* EINVAL: the cdev is bound by another descriptor. EBUSY: the group is open. */
START_TEST(not_bound)
{
	char path[512];

	kernel.bind = -EINVAL;
	join_fails(-EBUSY, "another process has ");
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "/vfio/devices/vfio3 open"));
	kernel.bind = -EBUSY;
	join_fails(-EBUSY, "by its IOMMU group");
	kernel.bind = -EPERM;
	tree_write(&tree, "interrupts", " 24: 0 PCI-MSI 65536-edge nvme0q0\n");
	tree_write(&tree, "sys/module/iommufd/parameters/allow_unsafe_interrupts", "N\n");
	space.vfio->interrupts = tree_path(&tree, path, "interrupts");
	join_fails(-EPERM, "iommufd.allow_unsafe_interrupts");
	kernel.bind = -EAGAIN;
	join_fails(-EBUSY, "another program keeps it busy");
	ck_assert_str_eq(kernel.log, "bbbb");
}
END_TEST

/* Another device of the group is open by its cdev, here: its DMA has another owner. */
START_TEST(group_in_use)
{
	char path[512];
	int held;

	tree_link(&tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/9");
	tree_write(&tree, "sys/kernel/iommu_groups/9/devices/0000:03:00.0", "");
	tree_write(&tree, "sys/kernel/iommu_groups/9/devices/0000:03:00.1", "");
	tree_write(&tree, "sys/bus/pci/devices/0000:03:00.1/vfio-dev/vfio4/dev", "1:5\n");
	tree_write(&tree, "vfio/devices/vfio4", "");
	tree_write(&tree, "interrupts", " 24: 0 IR-PCI-MSI 65536-edge nvme0q0\n");
	tree_write(&tree, "sys/module/iommufd/parameters/allow_unsafe_interrupts", "N\n");
	space.vfio->interrupts = tree_path(&tree, path, "interrupts");
	kernel.bind = -EPERM;
	join_fails(-EBUSY, "its DMA belongs to another program");
	held = open(tree_path(&tree, path, "vfio/devices/vfio4"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(held, 0);
	space.vfio->interrupts = "/nowhere";
	join_fails(-EBUSY, "this process has ");
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "/vfio/devices/vfio4 open: "));
	ck_assert_ptr_nonnull(strstr(rawpci_reason(), "group 9"));
	ck_assert_int_eq(close(held), 0);
	join_fails(-EPERM, "or the host cannot remap interrupts");
	ck_assert_ptr_null(strstr(rawpci_reason(), "allow_unsafe_interrupts"));
}
END_TEST

static int refused_node(enum rawpci_vfio_node_kind kind, int error)
{
	return rawpci_vfio_refused_node(&device, kind, "/dev/x", error);
}

/* What looks for the cdev is out of descriptors: that is not a kernel without cdevs. */
START_TEST(no_descriptor)
{
	static const int errors[] = { -EMFILE, -ENFILE, -ENOMEM };

	for (unsigned i = 0; i < 3; i++) {
		int want = errors[i] == -ENOMEM ? -ENOMEM : -ENOSPC;

		ck_assert_int_eq(rawpci_vfio_refused_name(&device, errors[i]), want);
		ck_assert_ptr_null(strstr(rawpci_reason(), "was built without"));
		ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_CDEV, errors[i]), want);
		ck_assert_int_eq(rawpci_vfio_refused_given(&device, "a cdev", errors[i]), want);
		ck_assert_int_eq(rawpci_vfio_refused_device(&device, errors[i]), want);
		ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_IOMMUFD, errors[i]), want);
		ck_assert_int_eq(refused_node(RAWPCI_VFIO_NODE_CONTAINER, errors[i]), want);
		ck_assert_int_eq(rawpci_vfio_refused_attach(&device, 1, "iommufd", errors[i]),
				 want);
		if (want == -ENOSPC)
			ck_assert_ptr_nonnull(strstr(rawpci_reason(), "Too many open files"));
	}
}
END_TEST

START_TEST(not_attached)
{
	kernel.attach = -EINVAL;
	join_fails(-EIO, "cannot be attached");
	space.members = 1;
	join_fails(-EXDEV, "cannot share");
	kernel.attach = -ENOMEM;
	join_fails(-ENOMEM, "cannot be attached");
}
END_TEST

/* Linux 6.1 to 6.5 have the entry, without a node; so have devices without an IOMMU. */
START_TEST(no_cdev)
{
	tree_unlink(&tree, DEVICE "vfio-dev/vfio3/dev");
	join_fails(-EOPNOTSUPP, "VFIO has no cdev for it");
	ck_assert_str_eq(kernel.log, "");
}
END_TEST

START_TEST(no_node)
{
	tree_unlink(&tree, "vfio/devices/vfio3");
	join_fails(-EOPNOTSUPP, "vfio3 did not appear");
}
END_TEST

START_TEST(given)
{
	struct rawpci_device_fds fds = RAWPCI_DEVICE_FDS_NONE;
	unsigned before;

	fds.cdev = open("/dev/null", O_RDWR | O_CLOEXEC);
	device.fds = &fds;
	before = harness_descriptors();
	kernel.info = -EINVAL;
	ck_assert_int_eq(cdev_join(&device, &space), 0);
	ck_assert_int_ne(device.fd, fds.cdev);
	ck_assert(device.lent && !device.used);
	cdev_leave(&device);
	ck_assert_str_eq(kernel.log, "ibad");
	/* Bound already: with the iommufd that belongs to it. */
	kernel.info = 0;
	join_fails(-EINVAL, "give its iommufd, too");
	fds.iommufd = 77;
	memset(kernel.log, 0, sizeof(kernel.log));
	ck_assert_int_eq(cdev_join(&device, &space), 0);
	ck_assert(device.lent && device.used);
	cdev_leave(&device);
	ck_assert_str_eq(kernel.log, "iad");
	ck_assert_uint_eq(harness_descriptors(), before);
	ck_assert_int_ge(fcntl(fds.cdev, F_GETFD), 0);
	(void)close(fds.cdev);
}
END_TEST

START_TEST(another_given)
{
	struct rawpci_device_fds fds = { sizeof(fds), -1, -1, -1, 77 };

	device.fds = &fds;
	fds.cdev = open("/dev/zero", O_RDWR | O_CLOEXEC);
	join_fails(-EINVAL, "not its cdev");
	(void)close(fds.cdev);
	join_fails(-EINVAL, "not its cdev"); /* a number that is no descriptor */
	ck_assert_str_eq(kernel.log, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cdev");
	TCase *tests = tcase_create("cdev");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, opened_here);
	tcase_add_test(tests, not_bound);
	tcase_add_test(tests, group_in_use);
	tcase_add_test(tests, no_descriptor);
	tcase_add_test(tests, not_attached);
	tcase_add_test(tests, no_cdev);
	tcase_add_test(tests, no_node);
	tcase_add_test(tests, given);
	tcase_add_test(tests, another_given);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
