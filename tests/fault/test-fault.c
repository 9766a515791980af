/* SPDX-License-Identifier: MIT */
/* Every call of the backend, the allocator and the kernel that a life makes fails once, alone and
 * with all after it. Nothing may be left behind, and the next life is a whole one. */
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "harness.h"
#include "life.h"
#include "seams.h"

static const char *const with_epoll[] = { "irq.engine=epoll", NULL };
static const char *const with_any[] = {
	"irq.engine=auto",
	"sysfs.dir=/nowhere",
	"sysfs.dir=/sys",
	NULL,
};

static void whole_life(const char *const *settings)
{
	struct life life = { .settings = settings };

	life_run(&life);
	ck_assert_msg(life.failures == 0, "a healthy life: %s", rawpci_last_error());
}

/* What to arm once everything is measured. */
static struct {
	bool on;
	enum seam seam;
	unsigned skip;
	bool all;
	int error;
} plan;

/* Lives, and compares what is out before and after. */
static void live_and_look(struct life *life, const char *what, unsigned k)
{
	unsigned fds = harness_descriptors();
	long allocations = seams_allocations(), reservations = seams_reservations();

	if (plan.on)
		seams_arm(plan.seam, plan.skip, plan.all, plan.error);
	life_run(life);
	(void)seams_disarm();
	ck_assert_msg(harness_descriptors() == fds, "%s %u: %u descriptors became %u", what, k, fds,
		      harness_descriptors());
	ck_assert_msg(seams_allocations() == allocations, "%s %u: %ld allocations left", what, k,
		      seams_allocations() - allocations);
	ck_assert_msg(seams_reservations() == reservations, "%s %u: %ld reservations left", what, k,
		      seams_reservations() - reservations);
}

static enum rawpci_fake_point point;
static unsigned skip, count;

static void order(struct rawpci *ctx)
{
	ck_assert_int_eq(rawpci_fake_fail(ctx, point, skip, count, -EIO), 0);
}

START_TEST(healthy)
{
	struct life life = { .settings = _i ? with_epoll : with_any };

	live_and_look(&life, "healthy", 0);
	ck_assert_uint_eq(life.failures, 0);
	life.keep_open = true;
	live_and_look(&life, "healthy", 1);
	ck_assert_uint_eq(life.failures, 0);
}
END_TEST

START_TEST(every_backend_call)
{
	struct life life = { .settings = with_epoll };
	uint64_t calls;

	point = (enum rawpci_fake_point)_i;
	whole_life(with_epoll);
	life_run(&life);
	calls = life.calls[point];
	life.created = order;
	for (skip = 0; skip < calls; skip++) {
		for (count = 1; count != 0; count = count == 1 ? UINT_MAX : 0) {
			life.keep_open = skip % 2;
			live_and_look(&life, "call", skip);
		}
	}
	whole_life(with_epoll);
}
END_TEST

static const int errors[] = { EMFILE, ENOMEM, EIO, EPERM };

static void every_call_of(enum seam seam, bool all, int error, const char *const *settings)
{
	for (unsigned k = 0;; k++) {
		struct life life = { .settings = settings, .keep_open = k % 2 };

		plan.on = true;
		plan.seam = seam;
		plan.skip = k;
		plan.all = all;
		plan.error = error;
		live_and_look(&life, seam_names[seam], k);
		if (!seams_failed())
			break;
		ck_assert_uint_lt(k, 2000);
	}
	plan.on = false;
	whole_life(settings);
}

START_TEST(every_allocation)
{
	every_call_of(SEAM_ALLOCATE, _i & 1, ENOMEM, _i & 2 ? with_any : with_epoll);
}
END_TEST

START_TEST(every_kernel_call)
{
	for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		every_call_of((enum seam)_i, false, errors[i], with_epoll);
		every_call_of((enum seam)_i, true, errors[i], with_any);
	}
}
END_TEST

/* What failed for want of memory says so, and nothing else. */
START_TEST(allocation_failures_are_called_that)
{
	for (unsigned k = 0;; k++) {
		struct life life = { .settings = with_epoll, .only = VERR_NO_MEMORY };

		seams_arm(SEAM_ALLOCATE, k, false, ENOMEM);
		life_run(&life);
		(void)seams_disarm();
		if (!seams_failed())
			break;
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fault");
	TCase *tcase = tcase_create("fault");

	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, healthy, 0, 2);
	tcase_add_loop_test(tcase, every_backend_call, 0, RAWPCI_FAKE_POINTS);
	tcase_add_loop_test(tcase, every_allocation, 0, 4);
	tcase_add_loop_test(tcase, every_kernel_call, SEAM_EVENTFD, SEAMS);
	tcase_add_test(tcase, allocation_failures_are_called_that);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
