/* SPDX-License-Identifier: MIT */
/* What keeps sysfs and uio from a device: explain lists each obstacle, and open fails with the
 * first one before it changes anything. */
#include <sys/stat.h>

#include <rawpci/explain.h>

#include "os/sys.h"
#include "unit/sysdev/plain.h"

enum { NOBODY = 65534 };

static unsigned writes; /* to any file of the device */

int __real_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	writes++;
	return __real_rawpci_sys_pwrite(fd, buffer, size, offset);
}

static void lock_down(void)
{
	tree_write(&tree, "kernel/security/lockdown", "none [integrity] confidentiality\n");
}

static void be_a_bridge(void)
{
	put(0x0e, 1, 0x81);
}

static void be_hidden(void)
{
	char path[512];

	ck_assert_int_eq(truncate(tree_path(&tree, path, DEVICE "config"), 64), 0);
}

static void be_unwritable(void)
{
	char path[512];

	ck_assert_int_eq(chmod(tree_path(&tree, path, DEVICE "config"), 0444), 0);
	ck_assert_int_eq(chmod(tree.root, 0755), 0);
}

static void be_a_function(void)
{
	tree_directory(&tree, DEVICE "physfn");
}

static void unload(void)
{
	char path[512];

	tree_unlink(&tree, DEVICE "driver");
	ck_assert_int_eq(rmdir(tree_path(&tree, path, "bus/pci/drivers/uio_pci_generic")), 0);
}

static void make_no_node(void)
{
	char path[512];

	ck_assert_int_eq(rmdir(tree_path(&tree, path, DEVICE "uio/uio3")), 0);
}

static void lose_the_node(void)
{
	tree_unlink(&tree, "dev/uio3");
}

static const struct {
	const char *backend;
	void (*make)(void);
	enum rawpci_obstacle obstacle;
	int error;
	const char *cause, *remedy;
} rows[] = {
	{ "sysfs", lock_down, RAWPCI_OBSTACLE_LOCKDOWN, -EPERM, "locked down (none [integrity]",
	  "use VFIO" },
	{ "sysfs", be_a_bridge, RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP,
	  "it is a bridge (header type 1)", "behind it" },
	{ "sysfs", be_hidden, RAWPCI_OBSTACLE_PERMISSION, -EPERM, "only 64 bytes",
	  "CAP_SYS_ADMIN" },
	{ "sysfs", be_unwritable, RAWPCI_OBSTACLE_PERMISSION, -EACCES, "write permission",
	  "run as root" },
	{ "uio", lock_down, RAWPCI_OBSTACLE_LOCKDOWN, -EPERM, "locked down", "use VFIO" },
	{ "uio", be_a_bridge, RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP, "it is a bridge", "behind it" },
	{ "uio", be_a_function, RAWPCI_OBSTACLE_OTHER, -EOPNOTSUPP, "it is a virtual function",
	  "use VFIO or sysfs" },
	{ "uio", unload, RAWPCI_OBSTACLE_MODULE, -EOPNOTSUPP, "uio_pci_generic is not loaded",
	  "modprobe uio_pci_generic" },
	{ "uio", make_no_node, RAWPCI_OBSTACLE_OTHER, -ENODEV, "made no node", "log" },
	{ "uio", lose_the_node, RAWPCI_OBSTACLE_OTHER, -ENODEV, "dev/uio3 is not there",
	  "to the /dev of the container" },
};

#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	writes = 0;
}

/* The finding of a row; NULL: it is not there. */
static const struct rawpci_finding *finding_of(const struct rawpci_explanation *explanation,
					       int row)
{
	const struct rawpci_finding *f = explanation->findings;

	while (f && !(f->obstacle == rows[row].obstacle && strstr(f->cause, rows[row].cause)))
		f = f->next;
	return f;
}

static void check_row(int row)
{
	struct rawpci_explanation *explanation;
	const struct rawpci_finding *f;
	int r;

	ck_assert_int_eq(rawpci_explain(ctx, BDF, NULL, &explanation), 0);
	ck_assert(!explanation->openable);
	f = finding_of(explanation, row);
	ck_assert_msg(f != NULL, "not found in\n%s", explanation->text);
	ck_assert(f->blocks && f->error == rows[row].error);
	ck_assert_msg(strstr(f->remedy, rows[row].remedy) != NULL, "%s", f->remedy);
	ck_assert_int_eq(explanation->findings->error, rows[row].error);
	r = rawpci_device_open(ctx, NULL, BDF, 0, &dev);
	ck_assert_msg(r == rows[row].error, "%d: %s", r, rawpci_last_error());
	ck_assert_msg(strstr(rawpci_last_error(), f->cause) != NULL, "%s", rawpci_last_error());
	ck_assert_msg(strstr(rawpci_last_error(), f->remedy) != NULL, "%s", rawpci_last_error());
	rawpci_explanation_destroy(explanation);
}

START_TEST(explain_and_open_say_the_same)
{
	const bool user = rows[_i].make == be_unwritable;
	char text[512];

	if (user && getuid() != 0)
		return;
	if (strcmp(rows[_i].backend, "uio") == 0) {
		bind_to_uio();
		make_node();
	}
	make_context(rows[_i].backend);
	rows[_i].make();
	if (user)
		ck_assert_int_eq(seteuid(NOBODY), 0);
	check_row(_i);
	if (user)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_uint_eq(writes, 0);
	ck_assert_str_eq(tree_read(&tree, DEVICE "enable", text), "0\n");
}
END_TEST

/* The kernel shows the choices, with the one in force in brackets. */
START_TEST(not_locked_down)
{
	tree_write(&tree, "kernel/security/lockdown", "[none] integrity confidentiality\n");
	make_context("sysfs");
	open_device();
	close_device();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-obstacles");
	TCase *tcase = tcase_create("sysdev-obstacles");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, explain_and_open_say_the_same, 0, ROWS);
	tcase_add_test(tcase, not_locked_down);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
