/* SPDX-License-Identifier: MIT */
/* Choosing between cdev and group, and descriptors from outside, as far as no kernel is needed. */
#include <errno.h>

#include <rawpci/context.h>
#include <rawpci/log.h>

#include "core/call.h"
#include "harness.h"
#include "unit/os/tree.h"

#define DEVICE "sys/bus/pci/devices/0000:03:00.0/"
#define BDF "0000:03:00.0"

static struct tree tree;
static char logged[8192];

static void keep(void *opaque, enum rawpci_log_level level, const char *message)
{
	size_t length = strlen(logged);

	(void)opaque;
	(void)level;
	(void)snprintf(logged + length, sizeof(logged) - length, "%s\n", message);
}

static struct rawpci *context(const char *backend, const char *setting)
{
	char sysfs[128], nodes[128], iommu[128], run[128];
	const char *const settings[] = { sysfs, nodes, iommu, run, setting, NULL };
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = backend,
		.settings = settings,
		.log = keep,
		.log_level = RAWPCI_LOG_INFO,
	};
	struct rawpci *ctx;

	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s/sys", tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/vfio", tree.root);
	(void)snprintf(iommu, sizeof(iommu), "vfio.iommu=%s/iommu", tree.root);
	(void)snprintf(run, sizeof(run), "run.dir=%s/run", tree.root);
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	return ctx;
}

/* A device that is on vfio-pci, with all nodes, none of which is one. */
static void setup(void)
{
	tree_create(&tree);
	tree_write(&tree, DEVICE "class", "0x020000\n");
	tree_link(&tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/14");
	tree_link(&tree, DEVICE "driver", "../../drivers/vfio-pci");
	tree_directory(&tree, "sys/kernel/iommu_groups/14/devices/" BDF);
	tree_directory(&tree, "sys/bus/pci/drivers/vfio-pci");
	tree_write(&tree, "vfio/vfio", "");
	tree_write(&tree, "vfio/14", "");
	tree_write(&tree, "iommu", "");
	logged[0] = '\0';
}

static void teardown(void)
{
	tree_destroy(&tree);
}

/* Opening fails with error; nothing stays open. */
static void open_fails(const char *setting, int error)
{
	struct rawpci *ctx = context("vfio", setting);
	struct rawpci_device *dev = NULL;
	unsigned before = harness_descriptors();

	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, 0, &dev), error);
	ck_assert_ptr_null(dev);
	ck_assert_uint_eq(harness_descriptors(), before);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

START_TEST(automatic)
{
	open_fails("vfio.via=auto", -EIO);
	ck_assert_ptr_nonnull(
		strstr(logged, "trying group, because cdev does not work: " BDF ": "));
	ck_assert_ptr_nonnull(strstr(logged, "iommu: "));
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "/vfio/vfio: "));
}
END_TEST

START_TEST(only_cdev)
{
	open_fails("vfio.via=cdev", -EIO);
	ck_assert_ptr_null(strstr(logged, "group"));
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "/iommu: "));
	tree_unlink(&tree, "iommu");
	open_fails("vfio.via=cdev", -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "/iommu is not there"));
}
END_TEST

START_TEST(only_group)
{
	open_fails("vfio.via=group", -EIO);
	ck_assert_ptr_null(strstr(logged, "cdev"));
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "/vfio/vfio: "));
}
END_TEST

START_TEST(without_iommu)
{
	tree_unlink(&tree, DEVICE "iommu_group");
	open_fails("vfio.noiommu=no", -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "no IOMMU group"));
	open_fails("vfio.noiommu=yes", -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "/module/vfio/parameters/"
							  "enable_unsafe_noiommu_mode"));
}
END_TEST

START_TEST(settings)
{
	static const char *const wrong[] = { "vfio.via=both", "vfio.via=", "vfio.noiommu=1" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *const list[] = { wrong[i], NULL };
		struct rawpci_options options = { .size = sizeof(options), .settings = list };
		struct rawpci *ctx = NULL;

		ck_assert_int_eq(rawpci_create(&options, &ctx), -EINVAL);
		ck_assert_ptr_null(ctx);
		ck_assert_ptr_nonnull(strstr(rawpci_last_error(), wrong[i]));
	}
}
END_TEST

static int open_with(struct rawpci *ctx, int group, int container, int cdev, int iommufd)
{
	const struct rawpci_device_fds fds = { sizeof(fds), group, container, cdev, iommufd };
	struct rawpci_device *dev = NULL;
	unsigned before = harness_descriptors();
	int r = rawpci_device_open_fds(ctx, NULL, BDF, 0, &fds, &dev);

	ck_assert_ptr_null(dev);
	ck_assert_uint_eq(harness_descriptors(), before);
	return r;
}

START_TEST(wrong_descriptors)
{
	struct rawpci *ctx = context(NULL, NULL);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	ck_assert_int_eq(open_with(ctx, -1, -1, -1, -1), -EINVAL);
	ck_assert_int_eq(open_with(ctx, null, -1, null, -1), -EINVAL);
	ck_assert_int_eq(open_with(ctx, -1, null, -1, null), -EINVAL);
	ck_assert_int_eq(open_with(ctx, null, null, -1, -1), -EINVAL);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "not a VFIO container"));
	ck_assert_int_eq(open_with(ctx, -1, -1, null, null), -EINVAL);
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "not an iommufd"));
	ck_assert_int_eq(open_with(ctx, 12345, 12345, -1, -1), -EINVAL);
	ck_assert_int_eq(open_with(ctx, -1, -1, -1, 12345), -EINVAL);
	/* The caller's is still open. */
	ck_assert_int_ge(fcntl(null, F_GETFD), 0);
	(void)close(null);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

START_TEST(wrong_calls)
{
	struct rawpci *ctx = context(NULL, NULL);
	struct rawpci *fake = context("fake", NULL);
	struct rawpci_device_fds fds = { sizeof(fds), 0, -1, -1, -1 };
	struct rawpci_device *dev = NULL;

	ck_assert_int_eq(rawpci_device_open_fds(ctx, NULL, BDF, 0, NULL, &dev), -EFAULT);
	ck_assert_int_eq(rawpci_device_open_fds(ctx, NULL, BDF, 0, &fds, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_device_open_fds(NULL, NULL, BDF, 0, &fds, &dev), -EFAULT);
	ck_assert_int_eq(rawpci_device_open_fds(ctx, NULL, BDF, 1, &fds, &dev), -EBADRQC);
	ck_assert_int_eq(rawpci_device_open_fds(ctx, NULL, "none", 0, &fds, &dev), -EINVAL);
	ck_assert_int_eq(rawpci_device_open_fds(fake, NULL, "0000:00:04.0", 0, &fds, &dev),
			 -EOPNOTSUPP);
	fds.size = sizeof(fds.size); /* an older program's: it has no descriptors */
	ck_assert_int_eq(rawpci_device_open_fds(ctx, NULL, BDF, 0, &fds, &dev), -EINVAL);
	fds.size = sizeof(fds.size) - 1;
	ck_assert_int_eq(rawpci_device_open_fds(ctx, NULL, BDF, 0, &fds, &dev), -EINVAL);
	ck_assert_ptr_null(dev);
	ck_assert_int_eq(rawpci_destroy(fake), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("transport");
	TCase *tests = tcase_create("transport");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, automatic);
	tcase_add_test(tests, only_cdev);
	tcase_add_test(tests, only_group);
	tcase_add_test(tests, without_iommu);
	tcase_add_test(tests, settings);
	tcase_add_test(tests, wrong_descriptors);
	tcase_add_test(tests, wrong_calls);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
