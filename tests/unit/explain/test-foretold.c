/* SPDX-License-Identifier: MIT */
/*
 * rawpci_device_open() fails with the first finding of rawpci_explain(), or succeeds if that says
 * so: tried in many situations of one host, which combine everything that can differ on it.
 */
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/log.h>

#include "harness.h"
#include "unit/device/blank-backend.h"
#include "unit/handover/host-seam.h"

#define NOBODY 65534
#define NETWORK "devices/pci0000:00/" BDF "/net/eth0"

/* Every STRIDE-th situation is tried; 1: all. It has no common factor with any count. */
#define STRIDE 67

enum { ALL_WELL, NO_GROUP, BAD_NEIGHBOUR };
enum { NOTHING, INTERFACE, CHIPSET, BRIDGE, FUNCTIONS, GONE, KINDS };

static const char *const drivers[] = { "", "e1000e", "vfio-pci", "uio_pci_generic" };
static const char *const chosen[] = { NULL, "bound", "vfio", "uio", "sysfs" };
static const int refusals[] = { 0, -EOPNOTSUPP, -EBUSY };

/* The number of a situation is made of these. */
static const struct part {
	const char *name;
	unsigned count;
} parts[] = {
	{ "driver", 4 },     { "flags", 4 },  { "group", 3 },   { "modules", 4 }, { "kind", KINDS },
	{ "unwritable", 2 }, { "nobody", 2 }, { "refusal", 3 }, { "chosen", 5 },
};
enum { DRIVER, FLAGS, GROUP, MODULES, KIND, UNWRITABLE, USER, REFUSAL, CHOSEN, PARTS };

static unsigned is[PARTS];
static struct rawpci *ctx;
static struct rawpci_backend backend;

static int any_probe(void *instance, const struct rawpci_address *address)
{
	int refusal = refusals[is[REFUSAL]];

	(void)instance;
	(void)address;
	return refusal == 0 ? 0 : rawpci_backend_fail(ctx, refusal, "refused");
}

static int any_open(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)instance;
	(void)address;
	(void)space;
	*device = &host;
	return 0;
}

static int any_read(void *device, uint32_t offset, unsigned width, uint32_t *value)
{
	if (is[KIND] != GONE)
		return blank_plain_read(device, offset, width, value);
	*value = UINT32_MAX;
	return 0;
}

static void write_config(void)
{
	unsigned char config[256] = { 0x86, 0x80, 0xd3, 0x10 };
	char path[512];
	FILE *stream = fopen(tree_path(&host.tree, path, DEVICE "config"), "w");

	config[0x0e] = is[KIND] == BRIDGE; /* header type */
	if (is[KIND] == GONE)
		memset(config, 0xff, sizeof(config));
	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(config, 1, sizeof(config), stream), sizeof(config));
	ck_assert_int_eq(fclose(stream), 0);
}

static void add_group(void)
{
	if (is[GROUP] == NO_GROUP)
		return;
	tree_directory(&host.tree, "class/iommu/dmar0");
	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/14");
	tree_directory(&host.tree, "kernel/iommu_groups/14/devices/" BDF);
	if (is[GROUP] != BAD_NEIGHBOUR)
		return;
	tree_directory(&host.tree, "kernel/iommu_groups/14/devices/0000:03:00.1");
	tree_link(&host.tree, "bus/pci/devices/0000:03:00.1/driver", "../../drivers/snd");
}

static void add_kind(void)
{
	static const char *const classes[KINDS] = {
		[CHIPSET] = "0x060100\n",
		[BRIDGE] = "0x060400\n",
	};

	tree_write(&host.tree, DEVICE "class",
		   classes[is[KIND]] ? classes[is[KIND]] : "0x020000\n");
	tree_directory(&host.tree, "class/block");
	if (is[KIND] == FUNCTIONS)
		tree_write(&host.tree, DEVICE "sriov_numvfs", "4\n");
	if (is[KIND] != INTERFACE)
		return;
	tree_link(&host.tree, "class/net/eth0", "../../" NETWORK);
	tree_write(&host.tree, NETWORK "/flags", "0x1003\n");
}

static void add_device(void)
{
	char path[512], lines[256] = "";

	write_config();
	for (unsigned i = 0; i < RAWPCI_REGIONS; i++)
		(void)strcat(lines, "0x0 0x0 0x0\n");
	tree_write(&host.tree, DEVICE "resource", lines);
	add_group();
	add_kind();
	if (is[MODULES] & 1)
		tree_directory(&host.tree, "bus/pci/drivers/uio_pci_generic");
	if (is[MODULES] & 2)
		ck_assert_int_eq(rmdir(tree_path(&host.tree, path, "bus/pci/drivers/vfio-pci")), 0);
	tree_directory(&host.tree, DEVICE "uio/uio7");
	tree_directory(&host.tree, "uio7"); /* which cannot be written to */
	tree_write(&host.tree, "vfio/vfio", "");
	ck_assert_int_eq(chmod(tree_path(&host.tree, path, "vfio/vfio"), 0666), 0);
	ck_assert_int_eq(chmod(host.tree.root, 0755), 0);
	if (is[UNWRITABLE])
		tree_write(&host.tree, "run", "no directory");
	if (drivers[is[DRIVER]][0] == '\0')
		return;
	(void)snprintf(lines, sizeof(lines), "bus/pci/drivers/%s", drivers[is[DRIVER]]);
	tree_directory(&host.tree, lines);
	host_bind(drivers[is[DRIVER]]);
}

static void create(void)
{
	char sysfs[600], run[600], nodes[600], iommu[600], uio[600];
	const char *settings[] = { sysfs, run, nodes, iommu, uio, "irq.engine=epoll", NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };

	host_create();
	add_device();
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host.tree.root);
	(void)snprintf(nodes, sizeof(nodes), "vfio.dir=%s/vfio", host.tree.root);
	(void)snprintf(iommu, sizeof(iommu), "vfio.iommu=%s/iommu", host.tree.root);
	(void)snprintf(uio, sizeof(uio), "uio.dir=%s", host.tree.root);
	backend = blank_backend("bound", 200);
	backend.driver = "vfio-pci";
	backend.probe = any_probe;
	backend.open = any_open;
	blank_add_device(&backend);
	backend.cfg_read = any_read;
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_backend_register(ctx, &backend), 0);
	ck_assert_int_eq(rawpci_backend_choose(ctx, chosen[is[CHOSEN]]), 0);
}

/* The backend "bound" meets the library's own obstacles alone, if it refuses nothing itself. Opening
 * then gives the cause that was foretold. */
static bool in_the_same_words(const struct rawpci_explanation *e)
{
	return is[CHOSEN] != 1 || is[REFUSAL] != 0 || is[KIND] == GONE || e->openable ||
	       strstr(rawpci_last_error(), e->findings->cause) != NULL;
}

/* The tree has no kernel that opens VFIO or UIO. Opening then gets as far as was foretold if it
 * fails with EIO. The same holds for a device that does not answer. */
static bool as_foretold(const struct rawpci_explanation *e, int error)
{
	const struct rawpci_way *way = e->ways;

	if (!e->openable)
		return e->findings &&
		       (error == e->findings->error || (is[KIND] == GONE && error == -EIO));
	while (!way->works)
		way = way->next;
	return error == 0 || (error == -EIO && (strcmp(way->backend, "vfio") == 0 ||
						strcmp(way->backend, "uio") == 0));
}

static void complain(unsigned number, const struct rawpci_explanation *e, int error)
{
	char text[256] = "";
	size_t length = 0;

	for (unsigned i = 0; i < PARTS; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, " %s=%u",
					   parts[i].name, is[i]);
	ck_abort_msg("situation %u:%s: open returns %d (%s), and explain said\n%s", number, text,
		     error, error < 0 ? rawpci_last_error() : "", e->text);
}

/* 1: it cannot be opened, as was foretold. 0: it can, or the tree cannot tell. */
static int compare(unsigned number)
{
	const struct rawpci_explain_options options = { sizeof(options), is[FLAGS], 0 };
	struct rawpci_explanation *e;
	struct rawpci_device *dev;
	bool failed;
	int r;

	if (is[USER])
		ck_assert_int_eq(seteuid(NOBODY), 0);
	ck_assert_int_eq(rawpci_explain(ctx, BDF, &options, &e), 0);
	r = rawpci_device_open(ctx, NULL, BDF, is[FLAGS], &dev);
	if (!as_foretold(e, r) || !in_the_same_words(e))
		complain(number, e, r);
	failed = !e->openable;
	if (r == 0)
		ck_assert_int_eq(rawpci_device_close(dev), 0);
	if (is[USER])
		ck_assert_int_eq(seteuid(0), 0);
	rawpci_explanation_destroy(e);
	return failed ? 1 : 0;
}

START_TEST(first_error)
{
	unsigned all = 1, failed = 0;

	for (unsigned i = 0; i < PARTS; i++)
		all *= parts[i].count;
	for (unsigned number = 0; number < all; number += STRIDE) {
		unsigned rest = number;

		for (unsigned i = 0; i < PARTS; i++) {
			is[i] = rest % parts[i].count;
			rest /= parts[i].count;
		}
		if (is[USER] && getuid() != 0)
			continue;
		create();
		failed += (unsigned)compare(number);
		ck_assert_int_eq(rawpci_destroy(ctx), 0);
		tree_destroy(&host.tree);
	}
	ck_assert_uint_gt(failed, all / STRIDE / 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("foretold");
	TCase *tests = tcase_create("foretold");

	tcase_set_timeout(tests, 180);
	tcase_add_test(tests, first_error);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
