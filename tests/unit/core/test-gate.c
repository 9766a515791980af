/* SPDX-License-Identifier: MIT */
/* Gates: readers pass without a lock, and a writer waits for those inside. */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "core/gate.h"
#include "harness.h"
#include "os/sys.h"

#define READERS 4
#define ROUNDS 2000

static struct rawpci_gate gate;
static atomic_bool inside, let_go, waited;

static void setup(void)
{
	rawpci_gate_init(&gate);
	atomic_store(&inside, false);
	atomic_store(&let_go, false);
	atomic_store(&waited, false);
}

static void *stay_inside(void *opaque)
{
	atomic_uint *counter = rawpci_gate_enter(&gate);

	atomic_store(&inside, true);
	while (!atomic_load(&let_go))
		rawpci_sys_sleep_ms(1);
	rawpci_gate_leave(counter);
	return opaque;
}

static void *wait_for_readers(void *opaque)
{
	rawpci_gate_wait(&gate);
	atomic_store(&waited, true);
	return opaque;
}

START_TEST(an_empty_gate_is_not_waited_for)
{
	rawpci_gate_wait(&gate);
	rawpci_gate_wait(&gate);
}
END_TEST

START_TEST(the_writer_waits_for_a_reader_inside)
{
	pthread_t reader, writer;

	ck_assert_int_eq(pthread_create(&reader, NULL, stay_inside, NULL), 0);
	while (!atomic_load(&inside))
		rawpci_sys_sleep_ms(1);
	ck_assert_int_eq(pthread_create(&writer, NULL, wait_for_readers, NULL), 0);
	rawpci_sys_sleep_ms(50);
	ck_assert(!atomic_load(&waited));
	atomic_store(&let_go, true);
	ck_assert_int_eq(pthread_join(writer, NULL), 0);
	ck_assert(atomic_load(&waited));
	ck_assert_int_eq(pthread_join(reader, NULL), 0);
}
END_TEST

/* Readers follow each other so closely that the gate is never empty; the writer still returns. */
static void *overlap(void *opaque)
{
	atomic_uint *held = rawpci_gate_enter(&gate);

	while (!atomic_load(&let_go)) {
		atomic_uint *next = rawpci_gate_enter(&gate);

		rawpci_gate_leave(held);
		held = next;
	}
	rawpci_gate_leave(held);
	return opaque;
}

START_TEST(a_stream_of_readers_does_not_hold_the_writer_up)
{
	pthread_t readers[READERS];

	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&readers[i], NULL, overlap, NULL), 0);
	for (unsigned i = 0; i < 50; i++)
		rawpci_gate_wait(&gate);
	atomic_store(&let_go, true);
	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
}
END_TEST

/* The purpose of a gate: after the wait no reader uses the removed thing. */
static _Atomic(int *) thing;

static void *look(void *opaque)
{
	while (!atomic_load(&let_go)) {
		atomic_uint *counter = rawpci_gate_enter(&gate);
		const int *seen = atomic_load(&thing);

		if (seen && *seen != 42)
			atomic_store(&waited, true);
		rawpci_gate_leave(counter);
	}
	return opaque;
}

START_TEST(no_reader_sees_a_thing_that_was_removed)
{
	pthread_t readers[READERS];

	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_create(&readers[i], NULL, look, NULL), 0);
	for (unsigned i = 0; i < ROUNDS; i++) {
		int *next = malloc(sizeof(*next)), *before;

		ck_assert_ptr_nonnull(next);
		*next = 42;
		before = atomic_exchange(&thing, next);
		rawpci_gate_wait(&gate);
		if (before)
			*before = 0;
		/* Time for a reader that wrongly still looks. */
		(void)sched_yield();
		free(before);
	}
	atomic_store(&let_go, true);
	for (unsigned i = 0; i < READERS; i++)
		ck_assert_int_eq(pthread_join(readers[i], NULL), 0);
	ck_assert(!atomic_load(&waited));
	free(atomic_exchange(&thing, NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tcase = tcase_create("gate");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 180);
	tcase_add_test(tcase, an_empty_gate_is_not_waited_for);
	tcase_add_test(tcase, the_writer_waits_for_a_reader_inside);
	tcase_add_test(tcase, a_stream_of_readers_does_not_hold_the_writer_up);
	tcase_add_test(tcase, no_reader_sees_a_thing_that_was_removed);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
