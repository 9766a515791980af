/* SPDX-License-Identifier: MIT */
/* Interrupts and events of a fake device. */
#include "fixture.h"

static void *device;
static struct rawpci_fake *fake;
static int fds[16];

static void open_all(void)
{
	struct rawpci_fake_config config = full_config();

	config.msix_dynamic = true;
	device = open_config(&config, NULL);
	ck_assert_int_eq(rawpci_fake_find(ctx, ADDRESS, &fake), 0);
	for (unsigned i = 0; i < 16; i++)
		fds[i] = new_eventfd();
}

static void master(bool on)
{
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, on ? RAWPCI_COMMAND_MASTER : 0);
}

static bool interrupt_status(void)
{
	return cfg_read(device, RAWPCI_CFG_STATUS, 2) & RAWPCI_STATUS_INTERRUPT;
}

static void raise_vector(unsigned vector)
{
	ck_assert_int_eq(rawpci_fake_raise(fake, vector), 0);
}

START_TEST(counts)
{
	struct rawpci_backend_info info;

	open_all();
	ck_assert_int_eq(ops->info(device, &info), 0);
	ck_assert_uint_eq(info.irq_count[RAWPCI_IRQ_INTX], 1);
	ck_assert_uint_eq(info.irq_count[RAWPCI_IRQ_MSI], 8);
	ck_assert_uint_eq(info.irq_count[RAWPCI_IRQ_MSIX], 64);
	ck_assert(info.irq_dynamic[RAWPCI_IRQ_MSIX]);
	ck_assert(!info.irq_dynamic[RAWPCI_IRQ_MSI]);
}
END_TEST

START_TEST(messages_need_bus_mastering)
{
	unsigned at;

	open_all();
	at = find_cap(device, RAWPCI_CAP_MSIX) + 2u;
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_MSIX, 4, fds), 0);
	ck_assert_uint_eq(cfg_read(device, at, 2), 0x803f);
	raise_vector(2);
	ck_assert(!signalled(fds[2]));
	master(true);
	raise_vector(2);
	ck_assert(signalled(fds[2]));
	ck_assert(!signalled(fds[0]) && !signalled(fds[1]) && !signalled(fds[3]));
	raise_vector(9); /* not enabled: lost */
	ops->irq_disable(device, RAWPCI_IRQ_MSIX);
	ck_assert_uint_eq(cfg_read(device, at, 2), 0x003f);
	ck_assert(!interrupt_status());
	raise_vector(2);
	ck_assert(!signalled(fds[2]));
	ck_assert(interrupt_status()); /* without messages the device asserts INTx */
	ck_assert_int_eq(rawpci_fake_raise(fake, 64), -EINVAL);
}
END_TEST

START_TEST(messages_need_power)
{
	unsigned at;

	open_all();
	at = find_cap(device, RAWPCI_CAP_PM) + RAWPCI_PM_CONTROL;
	master(true);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_MSI, 8, fds), 0);
	cfg_write(device, at, 2, RAWPCI_PM_D3HOT);
	raise_vector(7);
	ck_assert(!signalled(fds[7]));
	cfg_write(device, at, 2, 0);
	raise_vector(7);
	ck_assert(signalled(fds[7]));
}
END_TEST

START_TEST(swapping_a_vector)
{
	open_all();
	master(true);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_MSIX, 2, fds), 0);
	ck_assert_int_eq(ops->irq_swap(device, RAWPCI_IRQ_MSIX, 1, fds[8]), 0);
	raise_vector(0);
	raise_vector(1);
	ck_assert(signalled(fds[0]));
	ck_assert(!signalled(fds[1]));
	ck_assert(signalled(fds[8]));
	ck_assert_int_eq(ops->irq_swap(device, RAWPCI_IRQ_MSIX, 63, fds[9]), 0);
	raise_vector(63);
	ck_assert(signalled(fds[9]));
}
END_TEST

START_TEST(line_masks_itself)
{
	open_all();
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, fds), 0);
	ck_assert(!interrupt_status());
	raise_vector(0);
	ck_assert(interrupt_status());
	ck_assert(signalled(fds[0]));
	raise_vector(0);
	ck_assert(!signalled(fds[0]));
	/* The line is still asserted, and so INTx is delivered again at once. */
	ck_assert_int_eq(ops->irq_unmask(device), 0);
	ck_assert(signalled(fds[0]));
	ck_assert_int_eq(rawpci_fake_lower(fake), 0);
	ck_assert(!interrupt_status());
	ck_assert_int_eq(ops->irq_unmask(device), 0);
	ck_assert(!signalled(fds[0]));
	raise_vector(0);
	ck_assert(signalled(fds[0]));
}
END_TEST

START_TEST(line_can_be_disabled)
{
	open_all();
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, RAWPCI_COMMAND_INTX_DISABLE);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, fds), 0);
	raise_vector(0);
	ck_assert(interrupt_status());
	ck_assert(!signalled(fds[0]));
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, 0);
	ck_assert(signalled(fds[0]));
}
END_TEST

START_TEST(line_asserted_before_enabling)
{
	open_all();
	raise_vector(0);
	ck_assert(interrupt_status());
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, fds), 0);
	ck_assert(signalled(fds[0]));
}
END_TEST

START_TEST(reset_silences)
{
	unsigned at;

	open_all();
	at = find_cap(device, RAWPCI_CAP_EXPRESS) + RAWPCI_EXPRESS_DEVICE_CONTROL;
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, fds), 0);
	raise_vector(0);
	ck_assert(signalled(fds[0]));
	cfg_write(device, at, 2, RAWPCI_EXPRESS_RESET);
	ck_assert(!interrupt_status());
	raise_vector(0);
	ck_assert(!signalled(fds[0]));
	/* The vectors are assigned again, as a kernel does after a reset. */
	ck_assert_int_eq(rawpci_fake_lower(fake), 0);
	cfg_write(device, at, 2, RAWPCI_EXPRESS_RESET);
	ck_assert_int_eq(ops->irq_swap(device, RAWPCI_IRQ_INTX, 0, fds[1]), 0);
	raise_vector(0);
	ck_assert(signalled(fds[1]));
	ops->irq_disable(device, RAWPCI_IRQ_INTX);
	ck_assert_int_eq(ops->reset(device), 0);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_INTX, 1, fds), 0);
	ck_assert(!signalled(fds[0]));
	raise_vector(0);
	ck_assert(signalled(fds[0]));
}
END_TEST

START_TEST(events)
{
	struct rawpci_backend_info info;

	open_all();
	ck_assert_int_eq(ops->info(device, &info), 0);
	ck_assert_uint_eq(info.events, 1u << RAWPCI_EVENT_ERROR | 1u << RAWPCI_EVENT_RELEASE);
	ck_assert_int_eq(rawpci_fake_event(fake, RAWPCI_EVENT_ERROR), 0);
	ck_assert_int_eq(ops->event_set(device, RAWPCI_EVENT_ERROR, fds[0]), 0);
	ck_assert_int_eq(ops->event_set(device, RAWPCI_EVENT_RELEASE, fds[1]), 0);
	ck_assert(!signalled(fds[0]));
	ck_assert_int_eq(rawpci_fake_event(fake, RAWPCI_EVENT_RELEASE), 0);
	ck_assert(!signalled(fds[0]));
	ck_assert(signalled(fds[1]));
	ck_assert_int_eq(rawpci_fake_event(fake, RAWPCI_EVENT_ERROR), 0);
	ck_assert(signalled(fds[0]));
	ck_assert_int_eq(ops->event_set(device, RAWPCI_EVENT_ERROR, -1), 0);
	ck_assert_int_eq(rawpci_fake_event(fake, RAWPCI_EVENT_ERROR), 0);
	ck_assert(!signalled(fds[0]));
	ck_assert_int_eq(rawpci_fake_event(fake, (enum rawpci_event)3), -EINVAL);
}
END_TEST

/* A model whose write hook raises an interrupt. No lock may be held then. */
static void ring(void *opaque, struct rawpci_fake *self, unsigned region, uint64_t offset,
		 unsigned width, uint64_t value)
{
	(void)opaque;
	(void)region;
	(void)offset;
	(void)width;
	ck_assert_int_eq(rawpci_fake_raise(self, (unsigned)value), 0);
}

START_TEST(hooks_may_interrupt)
{
	const struct rawpci_fake_model model = { .write = ring };
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.model = &model,
		.msi = 4,
		.bars = { { .size = 0x1000, .trapped = true } },
	};

	device = open_config(&config, NULL);
	for (unsigned i = 0; i < 4; i++)
		fds[i] = new_eventfd();
	master(true);
	ck_assert_int_eq(ops->irq_enable(device, RAWPCI_IRQ_MSI, 4, fds), 0);
	reg_write(device, 0, 0, 4, 3);
	ck_assert(signalled(fds[3]));
	ck_assert(!signalled(fds[0]));
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		counts,
		messages_need_bus_mastering,
		messages_need_power,
		swapping_a_vector,
		line_masks_itself,
		line_can_be_disabled,
		line_asserted_before_enabling,
		reset_silences,
		events,
		hooks_may_interrupt,
	};

	return harness_run(SUITE_OF("fake-irq", tests));
}
