/* SPDX-License-Identifier: MIT */
/*
 * No interrupt is lost when vectors are disabled and enabled again, or change what they signal. The
 * device sends one at that very moment, inside the call of the backend.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/backend.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/fake.h>
#include <rawpci/irq.h>

#include "harness.h"

#define VECTORS 64u

static struct rawpci *ctx;
static struct rawpci_fake *fake;
static struct rawpci_device *dev;
static int fds[VECTORS];
static atomic_uint runs;

static struct {
	unsigned vector; /* what the device sends in the moment; VECTORS: nothing */
	unsigned moments;
	unsigned fail_swap_of; /* VECTORS: none */
} moment;

void __real_rawpci_fake_irq_disable(void *device, enum rawpci_irq_type type);
void __wrap_rawpci_fake_irq_disable(void *device, enum rawpci_irq_type type);
int __real_rawpci_fake_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int fd);
int __wrap_rawpci_fake_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int fd);

static void send(void)
{
	moment.moments++;
	if (moment.vector < VECTORS)
		(void)rawpci_fake_raise(fake, moment.vector);
}

void __wrap_rawpci_fake_irq_disable(void *device, enum rawpci_irq_type type)
{
	__real_rawpci_fake_irq_disable(device, type);
	send();
}

/* A kernel frees the vector's interrupt and requests it again. */
int __wrap_rawpci_fake_irq_swap(void *device, enum rawpci_irq_type type, unsigned vector, int fd)
{
	int r = __real_rawpci_fake_irq_swap(device, type, vector, -1);

	if (r < 0)
		return r;
	if (vector == moment.vector)
		send();
	if (vector == moment.fail_swap_of) {
		moment.fail_swap_of = VECTORS;
		return -EIO;
	}
	return __real_rawpci_fake_irq_swap(device, type, vector, fd);
}

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
	atomic_fetch_add(&runs, 1);
}

static void set_up_with(bool dynamic)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:05.0",
		.vendor_id = 1,
		.bars = { { .size = 0x1000 }, { .size = 0x1000 } },
		.msix = VECTORS,
		.msix_bar = 1,
		.msix_dynamic = dynamic,
		.pm = true,
	};
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	memset(&moment, 0, sizeof(moment));
	moment.vector = moment.fail_swap_of = VECTORS;
	atomic_store(&runs, 0);
	for (unsigned i = 0; i < VECTORS; i++) {
		fds[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		ck_assert_int_ge(fds[i], 0);
	}
	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, "00:05.0", 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
}

static void set_up(void)
{
	set_up_with(false);
}

static void tear_down(void)
{
	moment.vector = VECTORS;
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	for (unsigned i = 0; i < VECTORS; i++)
		(void)close(fds[i]);
}

static int route(unsigned first, unsigned n, const int *to)
{
	return rawpci_irq_route(dev, RAWPCI_IRQ_MSIX, first, n, to);
}

static bool signalled(int fd)
{
	uint64_t count;

	return read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count);
}

static void wait_for_runs(unsigned n)
{
	while (atomic_load(&runs) < n)
		(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
}

static void works(unsigned vector, int fd)
{
	unsigned sends = moment.vector;

	moment.vector = VECTORS;
	(void)signalled(fd);
	ck_assert_int_eq(rawpci_fake_raise(fake, vector), 0);
	ck_assert_msg(signalled(fd), "vector %u is silent", vector);
	moment.vector = sends;
}

/* One after the other, as a guest's driver does it. */
START_TEST(routing_another)
{
	unsigned before;

	ck_assert_int_eq(route(0, 1, fds), 0);
	moment.vector = 0;
	for (unsigned i = 1; i < VECTORS; i++) {
		before = moment.moments;
		ck_assert_int_eq(route(i, 1, &fds[i]), 0);
		ck_assert_msg(moment.moments == before || signalled(fds[0]),
			      "lost when vector %u was routed", i);
		/* A signal without cause only where there was one to lose. */
		ck_assert(!signalled(fds[i]));
	}
	ck_assert_uint_gt(moment.moments, 4);
	works(0, fds[0]);
}
END_TEST

START_TEST(attaching_another)
{
	ck_assert_int_eq(route(0, 1, fds), 0);
	moment.vector = 0;
	for (unsigned i = 1; i < VECTORS; i++) {
		unsigned before = moment.moments;

		ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 0), 1);
		ck_assert_msg(moment.moments == before || signalled(fds[0]),
			      "lost when handler %u was attached", i);
	}
	ck_assert_uint_gt(moment.moments, 4);
}
END_TEST

/* As it was: handlers lose nothing either. */
START_TEST(a_handler_when_another_is_routed)
{
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 0), 1);
	moment.vector = 0;
	ck_assert_int_eq(route(8, 1, fds), 0);
	ck_assert_uint_eq(moment.moments, 1);
	wait_for_runs(1);
}
END_TEST

START_TEST(another_descriptor)
{
	ck_assert_int_eq(route(0, 4, fds), 0);
	moment.vector = 2;
	ck_assert_int_eq(route(0, 4, &fds[8]), 0);
	ck_assert_msg(signalled(fds[10]), "lost when vector 2 got another descriptor");
	works(2, fds[10]);
}
END_TEST

/* The two in one: the vector that is routed anew is among those that are enabled again. */
START_TEST(another_descriptor_and_more_vectors)
{
	ck_assert_int_eq(route(0, 2, fds), 0);
	moment.vector = (unsigned)_i;
	ck_assert_int_eq(route(1, 20, &fds[20]), 0);
	ck_assert_msg(signalled(_i == 0 ? fds[0] : fds[20]), "vector %d has lost one", _i);
}
END_TEST

/* The others have a moment, too; no vector is added that was not asked for. */
START_TEST(dynamic)
{
	tear_down();
	set_up_with(true);
	ck_assert_int_eq(route(0, 1, fds), 0);
	for (unsigned i = 1; i < VECTORS; i++) {
		ck_assert_int_eq(route(i, 1, &fds[i]), 0);
		works(0, fds[0]);
		works(i, fds[i]);
	}
	moment.vector = 3;
	ck_assert_int_eq(route(3, 1, fds), 0);
	ck_assert(signalled(fds[0]));
}
END_TEST

START_TEST(a_route_that_fails)
{
	ck_assert_int_eq(route(0, 2, fds), 0);
	moment.vector = (unsigned)_i;
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 1, -EIO), 0);
	ck_assert_int_eq(route(1, 20, &fds[20]), -EIO);
	ck_assert_uint_ge(moment.moments, 1);
	ck_assert_msg(signalled(fds[_i]), "vector %d has lost one", _i);
	works(0, fds[0]);
	works(1, fds[1]);
}
END_TEST

/* The first of them has been changed before the second fails. */
START_TEST(a_change_that_fails)
{
	ck_assert_int_eq(route(0, 4, fds), 0);
	moment.vector = (unsigned)_i;
	moment.fail_swap_of = 1;
	ck_assert_int_eq(route(0, 4, &fds[8]), -EIO);
	ck_assert_msg(signalled(fds[_i]), "vector %d has lost one", _i);
	for (unsigned i = 0; i < 4; i++)
		works(i, fds[i]);
}
END_TEST

/* After nothing could be enabled any more, one that works brings all back. */
START_TEST(all_of_them_gone)
{
	ck_assert_int_eq(route(0, 1, fds), 0);
	ck_assert_int_eq(route(9, 1, &fds[9]), 0);
	moment.vector = 9;
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 3, -EIO), 0);
	ck_assert_int_eq(route(20, 1, &fds[20]), -EIO);
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_IRQ_ENABLE, 0, 0, 0), 0);
	(void)signalled(fds[9]);
	ck_assert_int_eq(route(1, 1, &fds[1]), 0);
	ck_assert_msg(signalled(fds[9]), "vector 9 has lost one");
	works(0, fds[0]);
	works(1, fds[1]);
	works(9, fds[9]);
}
END_TEST

/* The device may keep its state while it is suspended, and wait for what it has announced. */
START_TEST(suspending)
{
	ck_assert_int_eq(route(0, 1, fds), 0);
	ck_assert_int_ge(rawpci_irq_attach(dev, handler, NULL, 0), 1);
	moment.vector = 0;
	if (_i == 0)
		ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_CFG_WRITE, 1, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), _i == 0 ? -EIO : 0);
	if (_i == 1)
		ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_RESUME), 0);
	ck_assert(signalled(fds[0]));
	wait_for_runs(1);
	works(0, fds[0]);
}
END_TEST

START_TEST(a_reset_that_fails)
{
	ck_assert_int_eq(route(0, 1, fds), 0);
	moment.vector = 0;
	ck_assert_int_eq(rawpci_fake_fail(ctx, RAWPCI_FAKE_RESET, 0, 1, -EIO), 0);
	ck_assert_int_eq(rawpci_device_reset(dev), -EIO);
	ck_assert(signalled(fds[0]));
}
END_TEST

/* Turning it on resets it: there is nothing that it could have announced. */
START_TEST(no_signal_when_it_is_turned_on)
{
	ck_assert_int_eq(route(0, 1, fds), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert(!signalled(fds[0]));
	works(0, fds[0]);
}
END_TEST

/* Without any arrangement: what the device sends while vectors come and go arrives. */
static atomic_bool stop;
static atomic_uint lost;

static void *sender(void *unused)
{
	(void)unused;
	while (!atomic_load(&stop)) {
		bool arrived = false;

		(void)rawpci_fake_raise(fake, 0);
		for (unsigned i = 0; i < 2000 && !arrived; i++) {
			arrived = signalled(fds[0]);
			if (!arrived)
				(void)nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
		}
		atomic_fetch_add(&lost, !arrived);
	}
	return NULL;
}

START_TEST(in_a_loop)
{
	pthread_t thread;

	atomic_store(&stop, false);
	atomic_store(&lost, 0);
	for (unsigned round = 0; round < 100; round++) {
		ck_assert_int_eq(route(0, 1, fds), 0);
		atomic_store(&stop, false);
		ck_assert_int_eq(pthread_create(&thread, NULL, sender, NULL), 0);
		for (unsigned i = 1; i < VECTORS; i++)
			ck_assert_int_eq(route(i, 1, &fds[i]), 0);
		atomic_store(&stop, true);
		(void)pthread_join(thread, NULL);
		ck_assert_int_eq(route(0, VECTORS, NULL), 0);
	}
	ck_assert_uint_eq(atomic_load(&lost), 0);
}
END_TEST

/* The counter of the embedder's eventfd is at its maximum, and a write to it blocks. */
START_TEST(a_full_eventfd_holds_up_no_call)
{
	uint64_t maximum = UINT64_MAX - 1;
	int fd = eventfd(0, 0);

	ck_assert_int_eq(write(fd, &maximum, sizeof(maximum)), sizeof(maximum));
	ck_assert_int_eq(rawpci_irq_route(dev, RAWPCI_IRQ_MSIX, 0, 1, &fd), 0);
	ck_assert_int_eq(rawpci_device_reset(dev), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("rearm");
	TCase *tests = tcase_create("rearm");

	tcase_add_checked_fixture(tests, set_up, tear_down);
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, routing_another);
	tcase_add_test(tests, attaching_another);
	tcase_add_test(tests, a_handler_when_another_is_routed);
	tcase_add_test(tests, another_descriptor);
	tcase_add_loop_test(tests, another_descriptor_and_more_vectors, 0, 2);
	tcase_add_test(tests, dynamic);
	tcase_add_loop_test(tests, a_route_that_fails, 0, 2);
	tcase_add_loop_test(tests, a_change_that_fails, 0, 4);
	tcase_add_test(tests, all_of_them_gone);
	tcase_add_loop_test(tests, suspending, 0, 2);
	tcase_add_test(tests, a_reset_that_fails);
	tcase_add_test(tests, no_signal_when_it_is_turned_on);
	tcase_add_test(tests, in_a_loop);
	tcase_add_test(tests, a_full_eventfd_holds_up_no_call);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
