/* SPDX-License-Identifier: MIT */
/* Which backend a device is opened with: pretended ones, on a tree where nothing can be bound. */
#include "unit/sysdev/plain.h"

#include "unit/device/blank-backend.h"

static struct {
	int result[3];  /* each probe returns one */
	char asked[16]; /* the names of the backends that were asked, in order */
} pretended;

static int probe_as(unsigned which)
{
	size_t n = strlen(pretended.asked);

	pretended.asked[n] = (char)('a' + which);
	pretended.asked[n + 1] = '\0';
	return rawpci_backend_fail(ctx, pretended.result[which], "reason of %c", 'a' + (int)which);
}

static int probe_a(void *instance, const struct rawpci_address *address)
{
	(void)instance;
	(void)address;
	return probe_as(0);
}

static int probe_b(void *instance, const struct rawpci_address *address)
{
	(void)instance;
	(void)address;
	return probe_as(1);
}

static int probe_c(void *instance, const struct rawpci_address *address)
{
	(void)instance;
	(void)address;
	return probe_as(2);
}

static int say_open(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)instance;
	(void)address;
	(void)space;
	(void)device;
	return rawpci_backend_fail(ctx, -EIO, "cannot be opened");
}

static struct rawpci_backend a, b, c;

static struct rawpci_backend pretend(const char *name, int rank,
				     int (*probe)(void *, const struct rawpci_address *))
{
	struct rawpci_backend backend = blank_backend(name, rank);

	backend.probe = probe;
	backend.open = say_open;
	return backend;
}

static void set_up(void)
{
	a = pretend("a", 900, probe_a);
	a.driver = "a-driver";
	b = pretend("b", 800, probe_b);
	b.driver = "b-driver";
	c = pretend("c", 700, probe_c);
	c.unbound = true;
	tree_create(&tree);
	tree_write(&tree, DEVICE "driver_override", "(null)\n");
	make_context(NULL);
	ck_assert_int_eq(rawpci_backend_register(ctx, &c), 0);
	ck_assert_int_eq(rawpci_backend_register(ctx, &b), 0);
	ck_assert_int_eq(rawpci_backend_register(ctx, &a), 0);
	for (unsigned i = 0; i < 3; i++)
		pretended.result[i] = -EOPNOTSUPP;
	pretended.asked[0] = '\0';
}

static void tear_down(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&tree);
}

static void check_open(unsigned flags, const char *asked, int error, const char *word)
{
	pretended.asked[0] = '\0';
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, BDF, flags, &dev), error);
	ck_assert_str_eq(pretended.asked, asked);
	ck_assert_msg(strstr(rawpci_last_error(), word) != NULL, "'%s' says nothing of '%s'",
		      rawpci_last_error(), word);
}

START_TEST(unbound_goes_by_rank)
{
	check_open(0, "abc", -EOPNOTSUPP, "reason of a");
	pretended.result[1] = -EACCES;
	check_open(0, "ab", -EACCES, "reason of b");
	pretended.result[0] = -EBUSY;
	check_open(0, "a", -EBUSY, "reason of a");
}
END_TEST

START_TEST(bound_decides)
{
	tree_link(&tree, DEVICE "driver", "../../drivers/b-driver");
	check_open(0, "b", -EOPNOTSUPP, "reason of b");
	pretended.result[1] = 0;
	check_open(0, "b", -EIO, "cannot be opened");
	tree_link(&tree, DEVICE "driver", "../../drivers/e1000e");
	check_open(0, "", -EBUSY, "e1000e");
}
END_TEST

START_TEST(detaching_goes_by_rank)
{
	tree_link(&tree, DEVICE "driver", "../../drivers/b-driver");
	check_open(RAWPCI_OPEN_DETACH_HOST_DRIVER, "abc", -EOPNOTSUPP, "reason of a");
	pretended.result[0] = -EBUSY;
	check_open(RAWPCI_OPEN_DETACH_HOST_DRIVER, "a", -EBUSY, "reason of a");
}
END_TEST

/* The driver a-driver does not exist, so the next backend is tried. */
START_TEST(driver_that_is_not_loaded)
{
	pretended.result[0] = 0;
	check_open(0, "abc", -ENODEV, "a-driver");
	pretended.result[2] = 0;
	check_open(0, "abc", -EIO, "cannot be opened");
}
END_TEST

START_TEST(interrupts_swap_or_have_a_source)
{
	static struct rawpci_backend d;

	d = blank_backend("d", 1);
	d.irq_source = blank_irq_source;
	ck_assert_int_eq(rawpci_backend_register(ctx, &d), -EINVAL);
	blank_add_interrupts(&d);
	d.irq_swap = blank_irq_swap;
	ck_assert_int_eq(rawpci_backend_register(ctx, &d), -EINVAL);
	d.irq_source = NULL;
	d.irq_swap = NULL;
	ck_assert_int_eq(rawpci_backend_register(ctx, &d), -EINVAL);
	d.irq_source = blank_irq_source;
	d.irq_unmask = NULL;
	ck_assert_int_eq(rawpci_backend_register(ctx, &d), -EINVAL);
	d.irq_unmask = blank_irq_unmask;
	ck_assert_int_eq(rawpci_backend_register(ctx, &d), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("choice");
	TCase *tcase = tcase_create("choice");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, unbound_goes_by_rank);
	tcase_add_test(tcase, bound_decides);
	tcase_add_test(tcase, detaching_goes_by_rank);
	tcase_add_test(tcase, driver_that_is_not_loaded);
	tcase_add_test(tcase, interrupts_swap_or_have_a_source);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
