/* SPDX-License-Identifier: MIT */
/* Moving a device between drivers, in a tree where write_as_kernel() acts as the kernel. */
#include <errno.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/os/tree.h"

static int write_as_kernel(const char *path, const char *text);

/* Compiled in once more, with the kernel's side of its writes replaced. */
#define rawpci_driver_look tested_look
#define rawpci_driver_move tested_move
#define rawpci_driver_return tested_return
#define rawpci_slow_write(path, text, limit_ms, keep) write_as_kernel(path, text)
#include "handover/driver.c"

#define DEVICE "bus/pci/devices/0000:03:00.0/"
#define BDF "0000:03:00.0"

static const struct rawpci_address address = { 0, 3, 0, 0 };
static struct tree tree;
static enum rawpci_driver_step failed_step;

static struct {
	const char *by_id;    /* the driver that takes the device without an override */
	const char *refusing; /* a driver whose probe fails */
	unsigned writes;
	unsigned fail_at;    /* this write fails; 0: none */
	bool stopped;        /* and all after it */
	const char *hanging; /* writes to this file take effect too late */
} kernel;

static void bind(const char *driver)
{
	char target[128];

	if (!driver || strcmp(driver, NOBODY) == 0 ||
	    (kernel.refusing && strcmp(driver, kernel.refusing) == 0))
		return;
	(void)snprintf(target, sizeof(target), "../../drivers/%s", driver);
	tree_link(&tree, DEVICE "driver", target);
}

static void get(const char *file, char text[512])
{
	tree_read(&tree, file, text);
	text[strcspn(text, "\n")] = '\0';
}

static int write_as_kernel(const char *path, const char *text)
{
	const char *file = path + strlen(tree.root) + 1;
	char override[512], now[RAWPCI_SYSFS_NAME];

	if (++kernel.writes == kernel.fail_at || (kernel.stopped && kernel.writes > kernel.fail_at))
		return -EACCES;
	ck_assert_int_eq(rawpci_sysfs_driver(tree.root, &address, now), 0);
	get(DEVICE "driver_override", override);
	if (strcmp(file, DEVICE "driver_override") == 0) {
		ck_assert_str_ne(text, "(null)");
		tree_write(&tree, file, strcmp(text, "\n") == 0 ? "(null)\n" : text);
		return 0;
	}
	ck_assert_str_eq(text, BDF);
	if (strcmp(file, "bus/pci/drivers_probe") == 0) {
		if (now[0] == '\0')
			bind(strcmp(override, "(null)") == 0 ? kernel.by_id : override);
	} else if (strstr(file, "/unbind")) {
		ck_assert_ptr_nonnull(strstr(file, now));
		tree_unlink(&tree, DEVICE "driver");
		if (kernel.hanging && strstr(file, kernel.hanging))
			return -ETIMEDOUT;
	} else {
		const char *driver = strstr(file, "/e1000e/") ? "e1000e" : "pci-stub";

		ck_assert_ptr_nonnull(strstr(file, "/bind"));
		if (now[0] != '\0')
			return -EBUSY;
		if (strcmp(override, "(null)") != 0 && strcmp(override, driver) != 0)
			return -ENODEV;
		bind(driver);
	}
	return 0;
}

static struct rawpci_binding at(const struct rawpci_address *device)
{
	return (struct rawpci_binding){
		.root = tree.root, .address = *device, .limit_ms = 20000, .keep = RAWPCI_KEEP_NONE
	};
}

/* Look, then move, as driver.h asks of the caller. */
static int tested_take(const struct rawpci_address *device, const char *driver,
		       struct rawpci_driver_hold *hold)
{
	const struct rawpci_binding where = at(device);
	struct rawpci_driver_hold found = { .held = false };
	int r = tested_look(&where, driver, &found);

	if (r == 0 && found.held)
		r = tested_move(&where, &found, found.driver, &failed_step);
	if (r == 0)
		*hold = found;
	else if (found.held && r != -ETIMEDOUT)
		(void)tested_return(&where, &found);
	return r;
}

static int hand_back(struct rawpci_driver_hold *hold)
{
	const struct rawpci_binding where = at(&address);
	int r = hold->held ? tested_return(&where, hold) : 0;

	hold->held = false;
	return r;
}

static void check_state(const char *driver, const char *override)
{
	char now[RAWPCI_SYSFS_NAME], text[512];

	ck_assert_int_eq(rawpci_sysfs_driver(tree.root, &address, now), 0);
	ck_assert_str_eq(now, driver);
	get(DEVICE "driver_override", text);
	ck_assert_str_eq(text, override);
}

static void setup(void)
{
	memset(&kernel, 0, sizeof(kernel));
	tree_create(&tree);
	tree_write(&tree, DEVICE "driver_override", "(null)\n");
	tree_directory(&tree, "bus/pci/drivers/vfio-pci");
	tree_directory(&tree, "bus/pci/drivers/e1000e");
	tree_directory(&tree, "bus/pci/drivers/pci-stub");
}

static void teardown(void)
{
	tree_destroy(&tree);
}

START_TEST(from_no_driver)
{
	struct rawpci_driver_hold hold;

	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	ck_assert(hold.held);
	ck_assert_str_eq(hold.driver, "");
	check_state("vfio-pci", "vfio-pci");
	kernel.by_id = "e1000e"; /* it is loaded in the meantime, and must not bind */
	ck_assert_int_eq(hand_back(&hold), 0);
	ck_assert(!hold.held);
	check_state("", "(null)");
	kernel.writes = 0;
	ck_assert_int_eq(hand_back(&hold), 0);
	ck_assert_uint_eq(kernel.writes, 0);
}
END_TEST

START_TEST(bound_already)
{
	struct rawpci_driver_hold hold = { .held = true };

	bind("vfio-pci");
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	ck_assert(!hold.held);
	ck_assert_int_eq(hand_back(&hold), 0);
	ck_assert_uint_eq(kernel.writes, 0);
	check_state("vfio-pci", "(null)");
}
END_TEST

START_TEST(not_loaded)
{
	struct rawpci_driver_hold hold;

	bind("e1000e");
	ck_assert_int_eq(tested_take(&address, "absent", &hold), -ENODEV);
	ck_assert_uint_eq(kernel.writes, 0);
	ck_assert_int_eq(rawpci_sysfs_present(tree.root, &address), 0);
}
END_TEST

START_TEST(no_device)
{
	static const struct rawpci_address other = { 0, 4, 0, 0 };
	struct rawpci_driver_hold hold;

	ck_assert_int_eq(tested_take(&other, "vfio-pci", &hold), -ENODEV);
	ck_assert_uint_eq(kernel.writes, 0);
}
END_TEST

/* Each row: the binding before, and the driver that binds by id afterwards. */
static const struct {
	const char *driver, *override, *by_id;
} befores[] = {
	{ "e1000e", "(null)", "e1000e" },     /* the ordinary case */
	{ "pci-stub", "pci-stub", "e1000e" }, /* bound by its override only */
	{ "e1000e", "pci-stub", "e1000e" },   /* an override that no bind has followed yet */
	{ "e1000e", "(null)", "pci-stub" },   /* another driver would get it: bind by name */
	{ "e1000e", "(null)", NULL },         /* bound by an id that is gone */
};

static void put_before(int i)
{
	tree_write(&tree, DEVICE "driver_override", befores[i].override);
	kernel.by_id = befores[i].by_id;
	bind(befores[i].driver);
}

START_TEST(to_no_driver_from_none)
{
	const struct rawpci_binding where = at(&address);
	struct rawpci_driver_hold hold;

	kernel.by_id = "e1000e";
	ck_assert_int_eq(tested_take(&address, "", &hold), 0);
	ck_assert(hold.held);
	ck_assert_int_eq(write_bus(&where, "drivers_probe", "", ""), 0); /* the driver is loaded */
	check_state("", "rawpci-nobody");
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state("", "(null)");
}
END_TEST

START_TEST(there_and_back)
{
	struct rawpci_driver_hold hold;

	put_before(_i);
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	ck_assert(hold.held);
	ck_assert_str_eq(hold.driver, befores[_i].driver);
	check_state("vfio-pci", "vfio-pci");
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state(befores[_i].driver, befores[_i].override);
}
END_TEST

START_TEST(each_write_fails)
{
	struct rawpci_driver_hold hold = { .held = false };
	unsigned k;

	put_before(_i);
	for (k = 1; k <= 3; k++) { /* override, unbind, drivers_probe */
		kernel.writes = 0;
		kernel.fail_at = k;
		ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), -EACCES);
		ck_assert(!hold.held);
		check_state(befores[_i].driver, befores[_i].override);
	}
}
END_TEST

START_TEST(driver_refuses)
{
	struct rawpci_driver_hold hold = { .held = false };

	put_before(_i);
	kernel.refusing = "vfio-pci";
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), -ENODEV);
	ck_assert(!hold.held);
	check_state(befores[_i].driver, befores[_i].override);
}
END_TEST

START_TEST(former_driver_refuses)
{
	struct rawpci_driver_hold hold;

	put_before(0);
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	kernel.refusing = "e1000e";
	ck_assert_int_eq(hand_back(&hold), -ENODEV);
	check_state("", "(null)");
	kernel.refusing = NULL; /* its module is loaded again */
	hold.held = true;
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state("e1000e", "(null)");
}
END_TEST

START_TEST(stopped_anywhere)
{
	const struct rawpci_binding where = at(&address);
	struct rawpci_driver_hold hold;
	unsigned k;

	for (k = 1;; k++) { /* fails after k writes, and takes no further step */
		put_before(_i);
		kernel.fail_at = 0;
		ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
		kernel.writes = 0;
		kernel.fail_at = k;
		kernel.stopped = true;
		(void)tested_return(&where, &hold);
		kernel.stopped = false;
		if (kernel.writes < k)
			break;
		kernel.fail_at = 0;
		ck_assert_int_eq(tested_return(&where, &hold), 0);
		check_state(befores[_i].driver, befores[_i].override);
	}
	ck_assert_uint_ge(k, 4);
	check_state(befores[_i].driver, befores[_i].override);
}
END_TEST

START_TEST(to_no_driver)
{
	struct rawpci_driver_hold hold;

	put_before(_i);
	ck_assert_int_eq(tested_take(&address, "", &hold), 0);
	check_state("", "rawpci-nobody");
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state(befores[_i].driver, befores[_i].override);
}
END_TEST

/* A driver comes between look and move. */
START_TEST(another_has_come)
{
	const struct rawpci_binding where = at(&address);
	struct rawpci_driver_hold hold;

	put_before(0);
	ck_assert_int_eq(tested_look(&where, _i ? "" : "vfio-pci", &hold), 0);
	bind("pci-stub");
	ck_assert_int_eq(tested_move(&where, &hold, "e1000e", &failed_step), -EBUSY);
	ck_assert_int_eq(failed_step, RAWPCI_DRIVER_SEEN);
	ck_assert_int_eq(tested_return(&where, &hold), 0);
	check_state("pci-stub", "(null)");
}
END_TEST

START_TEST(hangs)
{
	struct rawpci_driver_hold hold = { .held = false };

	put_before(0);
	kernel.hanging = "/unbind";
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), -ETIMEDOUT);
	ck_assert_int_eq(failed_step, RAWPCI_DRIVER_UNBIND);
	ck_assert_uint_eq(kernel.writes, 2); /* no step after the one that hangs */
	check_state("", "vfio-pci");
	hold = (struct rawpci_driver_hold){ true, "e1000e", "", "vfio-pci" };
	ck_assert_int_eq(hand_back(&hold), 0); /* the kernel has unbound it by now */
	check_state("e1000e", "(null)");
}
END_TEST

START_TEST(another_program_was_faster)
{
	struct rawpci_driver_hold hold;

	put_before(0);
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	bind("pci-stub");
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state("pci-stub", "(null)");
}
END_TEST

START_TEST(another_program_set_an_override)
{
	struct rawpci_driver_hold hold;

	put_before(0);
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	bind("pci-stub");
	tree_write(&tree, DEVICE "driver_override", "pci-stub");
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state("pci-stub", "pci-stub");
}
END_TEST

/* Another program has set the override: return binds that driver, because no other program can. */
START_TEST(override_of_another_program_wins)
{
	struct rawpci_driver_hold hold;

	put_before(0);
	ck_assert_int_eq(tested_take(&address, "vfio-pci", &hold), 0);
	tree_write(&tree, DEVICE "driver_override", "pci-stub");
	ck_assert_int_eq(hand_back(&hold), 0);
	check_state("pci-stub", "pci-stub");
}
END_TEST

int main(void)
{
	const int rows = (int)(sizeof(befores) / sizeof(befores[0]));
	Suite *suite = suite_create("driver");
	TCase *tests = tcase_create("driver");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, from_no_driver);
	tcase_add_test(tests, bound_already);
	tcase_add_test(tests, not_loaded);
	tcase_add_test(tests, no_device);
	tcase_add_loop_test(tests, there_and_back, 0, rows);
	tcase_add_test(tests, to_no_driver_from_none);
	tcase_add_loop_test(tests, each_write_fails, 0, rows);
	tcase_add_loop_test(tests, driver_refuses, 0, rows);
	tcase_add_test(tests, former_driver_refuses);
	tcase_add_test(tests, another_program_was_faster);
	tcase_add_test(tests, another_program_set_an_override);
	tcase_add_test(tests, override_of_another_program_wins);
	tcase_add_loop_test(tests, stopped_anywhere, 0, rows);
	tcase_add_loop_test(tests, to_no_driver, 0, rows);
	tcase_add_loop_test(tests, another_has_come, 0, 2);
	tcase_add_test(tests, hangs);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
