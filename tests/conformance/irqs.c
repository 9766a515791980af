/* SPDX-License-Identifier: MIT */
/* Interrupts: who gets which vector, and that they arrive. Fake only, save the refusals. */
#include <stdio.h>

#include "bench.h"

#define ON PCIRAW_POWER_ON

struct counter {
	atomic_uint runs;
	atomic_int irq;
};

/* Counters are static: a handler may still run when its test has returned. */
static void count(void *context, int32_t irq)
{
	struct counter *counter = context;

	atomic_store(&counter->irq, irq);
	atomic_fetch_add(&counter->runs, 1);
}

/* Calls without cause may come after vectors were added; lets them pass. */
static void settle(void)
{
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
}

/* An interrupt leads to a call. */
static void deliver(struct rawpci_fake *fake, unsigned vector, struct counter *counter)
{
	unsigned runs = atomic_load(&counter->runs);

	ck_assert_int_eq(rawpci_fake_raise(fake, vector), 0);
	bench_wait(&counter->runs, runs + 1);
}

static int open_at(const struct rawpci_fake_config *config, struct rawpci_fake **fake)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_OPEN_DEVICE);
	int status;

	ck_assert_int_eq(rawpci_fake_add(bench.ctx, config, fake), 0);
	r.u.aOpenDevice.PciAddress = bench_pci(0, 6, 0);
	status = bench_ask(&r);
	bench.handle = r.u.aOpenDevice.Device;
	return status;
}

START_TEST(null_handler)
{
	PCIRAWSENDREQ r = bench_request(PCIRAWR0_DO_REGISTER_R0_IRQ_HANDLER), same;

	r.u.aRegisterR0IrqHandler.iHostIrq = 77;
	same = r;
	REFUSED(VERR_INVALID_POINTER, bench_ask(&r));
	ck_assert_mem_eq(&r, &same, sizeof(r));
}
END_TEST

static const int32_t unknown[] = { 0, -1, 1, 2, INT32_MAX, INT32_MIN };

START_TEST(unregister_unknown)
{
	REFUSED(VERR_NOT_FOUND, bench_unregister(unknown[_i]));
}
END_TEST

START_TEST(unregister_twice)
{
	static struct counter counter;
	int32_t irq = 0;

	if (bench_register(count, &counter, &irq) != VINF_SUCCESS)
		return;
	ck_assert_int_ge(irq, 1);
	DONE(bench_unregister(irq));
	REFUSED(VERR_NOT_FOUND, bench_unregister(irq));
}
END_TEST

START_TEST(all_vectors_then_none)
{
	static struct counter counters[VECTORS], more;
	int32_t irqs[VECTORS], another = -5;
	unsigned runs;

	for (unsigned i = 0; i < VECTORS; i++) {
		DONE(bench_register(count, &counters[i], &irqs[i]));
		ck_assert_int_ge(irqs[i], 1);
		for (unsigned j = 0; j < i; j++)
			ck_assert_int_ne(irqs[j], irqs[i]);
	}
	REFUSED(VERR_OUT_OF_RESOURCES, bench_register(count, &more, &another));
	ck_assert_int_eq(another, -5);
	DONE(bench_unregister(irqs[3]));
	runs = atomic_load(&counters[3].runs);
	DONE(bench_register(count, &more, &another));
	DONE(bench_power(ON));
	settle();
	deliver(bench.rig, 3, &more);
	ck_assert_int_eq(atomic_load(&more.irq), another);
	ck_assert_uint_eq(atomic_load(&counters[3].runs), runs);
}
END_TEST

/* In order of registration, each with its own number. */
START_TEST(order_of_vectors)
{
	static struct counter counters[VECTORS];
	int32_t irqs[VECTORS];

	for (unsigned i = 0; i < VECTORS; i++)
		DONE(bench_register(count, &counters[i], &irqs[i]));
	DONE(bench_power(ON));
	settle();
	for (unsigned i = 0; i < VECTORS; i++) {
		deliver(bench.rig, i, &counters[i]);
		ck_assert_int_eq(atomic_load(&counters[i].irq), irqs[i]);
	}
}
END_TEST

/* Growing while it is on, step by step: what was attached goes on working. */
static void grow(bool dynamic, unsigned n)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.bars = { { .size = 0x10000 } },
		.msix = 256,
		.msix_dynamic = dynamic,
	};
	static struct counter counters[256];
	struct rawpci_fake *fake;
	int32_t irq;

	DONE(open_at(&config, &fake));
	DONE(bench_power(ON));
	for (unsigned i = 0; i < n; i++) {
		DONE(bench_register(count, &counters[i], &irq));
		for (unsigned j = 0; j <= i; j += 1 + i / 8)
			deliver(fake, j, &counters[j]);
	}
	settle();
	for (unsigned i = 0; i < n; i++)
		deliver(fake, i, &counters[i]);
}

START_TEST(growth_by_enabling_again)
{
	grow(false, 256);
	ck_assert_uint_le(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_IRQ_ENABLE), 16);
}
END_TEST

/* Attaches many handlers one after another to a device whose vectors cannot be added one by one.
 * Returns how often they were called: the device has sent nothing. */
static unsigned calls_of_many(bool master)
{
	enum { MANY = 2048 };
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.bars = { { .size = 0x10000 } },
		.msix = MANY,
	};
	static struct counter counters[MANY];
	unsigned calls = 0, most = 0;
	int32_t irq;

	DONE(open_at(&config, NULL));
	DONE(bench_power(ON));
	if (!master)
		DONE(bench_config_write(4, 2, 0x0003));
	for (unsigned i = 0; i < MANY; i++)
		DONE(bench_register(count, &counters[i], &irq));
	settle();
	for (unsigned i = 0; i < MANY; i++) {
		unsigned n = atomic_load(&counters[i].runs);

		calls += n;
		most = n > most ? n : most;
	}
	(void)printf("# %u calls, at most %u of one handler\n", calls, most);
	return calls;
}

/* Without Bus Master the device cannot send an MSI, so none can be lost. */
START_TEST(no_call_without_cause)
{
	ck_assert_uint_eq(calls_of_many(false), 0);
}
END_TEST

/* Each of the 11 times that the vectors are enabled again may lose one interrupt of each vector that
 * was enabled before, 2,047 in all. When the engine makes room, it calls fewer than that again. */
START_TEST(calls_where_an_interrupt_may_be_lost)
{
	ck_assert_uint_le(calls_of_many(true), 2 * 2047);
}
END_TEST

START_TEST(growth_where_the_kernel_can)
{
	grow(true, 256);
	ck_assert_uint_eq(rawpci_fake_calls(bench.ctx, RAWPCI_FAKE_IRQ_ENABLE), 1);
}
END_TEST

static const struct {
	bool intx;
	unsigned msi, msix;
	const char *what;
} best[] = {
	{ true, 4, 8, "MSI-X" }, { true, 4, 0, "MSI" },  { true, 0, 8, "MSI-X" },
	{ true, 0, 0, "INTx" },  { false, 4, 0, "MSI" }, { false, 0, 1, "MSI-X" },
};

START_TEST(best_type)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
		.bars = { { .size = PAGE } },
		.intx = best[_i].intx,
		.msi = best[_i].msi,
		.msix = best[_i].msix,
	};
	unsigned want = best[_i].msix ? best[_i].msix : best[_i].msi ? best[_i].msi : 1, n = 0;
	static struct counter counter;
	int32_t irq;

	DONE(open_at(&config, NULL));
	while (bench_register(count, &counter, &irq) == VINF_SUCCESS)
		n++;
	ck_assert_msg(n == want, "%s: %u vectors", best[_i].what, n);
	REFUSED(VERR_OUT_OF_RESOURCES, bench_register(count, &counter, &irq));
}
END_TEST

START_TEST(no_interrupts_at_all)
{
	const struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = "0000:00:06.0",
		.vendor_id = 1,
	};
	static struct counter counter;
	int32_t irq = -5;

	DONE(open_at(&config, NULL));
	REFUSED(VERR_NOT_SUPPORTED, bench_register(count, &counter, &irq));
	ck_assert_int_eq(irq, -5);
}
END_TEST

START_TEST(not_before_power_on)
{
	static struct counter counter;
	int32_t irq;

	DONE(bench_register(count, &counter, &irq));
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	DONE(bench_power(ON));
	ck_assert_uint_eq(atomic_load(&counter.runs), 0);
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&counter.runs, 1);
}
END_TEST

START_TEST(handlers_survive_states)
{
	static const PCIRAWPOWERSTATE paths[2][2] = {
		{ PCIRAW_POWER_OFF, PCIRAW_POWER_ON },
		{ PCIRAW_POWER_SUSPEND, PCIRAW_POWER_RESUME },
	};
	static struct counter counters[3];
	int32_t irqs[3];

	for (unsigned i = 0; i < 3; i++)
		DONE(bench_register(count, &counters[i], &irqs[i]));
	DONE(bench_power(ON));
	for (unsigned round = 0; round < 3; round++) {
		DONE(bench_power(paths[_i][0]));
		ck_assert_int_eq(rawpci_fake_raise(bench.rig, 1), 0);
		DONE(bench_power(paths[_i][1]));
		for (unsigned i = 0; i < 3; i++) {
			deliver(bench.rig, i, &counters[i]);
			ck_assert_int_eq(atomic_load(&counters[i].irq), irqs[i]);
		}
	}
}
END_TEST

/* While the device sleeps or is off, no handler is called. */
START_TEST(silent_while_suspended)
{
	static struct counter counter;
	int32_t irq;
	unsigned runs;

	DONE(bench_register(count, &counter, &irq));
	DONE(bench_power(ON));
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&counter.runs, 1);
	DONE(bench_power(_i ? PCIRAW_POWER_SUSPEND : PCIRAW_POWER_OFF));
	runs = atomic_load(&counter.runs);
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	for (unsigned i = 0; i < 20; i++)
		bench_pause();
	ck_assert_uint_eq(atomic_load(&counter.runs), runs);
}
END_TEST

START_TEST(reset_keeps_handlers)
{
	static struct counter counter;
	int32_t irq;
	unsigned runs;

	DONE(bench_register(count, &counter, &irq));
	DONE(bench_power(ON));
	ck_assert_int_eq(rawpci_device_reset(bench.dev), 0);
	runs = atomic_load(&counter.runs);
	ck_assert_int_eq(rawpci_fake_raise(bench.rig, 0), 0);
	bench_wait(&counter.runs, runs + 1);
}
END_TEST

void add_irqs(Suite *suite)
{
	TCase *tcase = tcase_create("irqs");

	tcase_add_checked_fixture(tcase, bench_open, bench_end);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, null_handler);
	tcase_add_loop_test(tcase, unregister_unknown, 0, 6);
	tcase_add_test(tcase, unregister_twice);
	if (bench.fake) {
		tcase_add_test(tcase, all_vectors_then_none);
		tcase_add_test(tcase, order_of_vectors);
		tcase_add_test(tcase, growth_by_enabling_again);
		tcase_add_test(tcase, no_call_without_cause);
		tcase_add_test(tcase, calls_where_an_interrupt_may_be_lost);
		tcase_add_test(tcase, growth_where_the_kernel_can);
		tcase_add_loop_test(tcase, best_type, 0, 6);
		tcase_add_test(tcase, no_interrupts_at_all);
		tcase_add_test(tcase, not_before_power_on);
		tcase_add_loop_test(tcase, handlers_survive_states, 0, 2);
		tcase_add_loop_test(tcase, silent_while_suspended, 0, 2);
		tcase_add_test(tcase, reset_keeps_handlers);
	}
	suite_add_tcase(suite, tcase);
}
