/* SPDX-License-Identifier: MIT */
/* What a device's capabilities announce. */
#include <rawpci/enumerate.h>
#include <rawpci/irq.h>

#include "harness.h"
#include "pci/pci.h"
#include "unit/pci/space.h"

#define PM 0x40
#define MSI 0x50
#define MSIX 0x70
#define EXPRESS 0x80
#define AF 0xc0

static struct space space;

static void setup(void)
{
	space_init(&space, PM);
	space.bytes[RAWPCI_CFG_INTERRUPT_PIN] = 2;
	space_put(&space, PM, RAWPCI_CAP_PM, MSI);
	space.bytes[PM + 3] = 0x06; /* D1, D2 */
	space.bytes[PM + 4] = 0x08; /* no soft reset */
	space_put(&space, MSI, RAWPCI_CAP_MSI, MSIX);
	space.bytes[MSI + 2] = 0x86; /* eight vectors */
	space_put(&space, MSIX, RAWPCI_CAP_MSIX, EXPRESS);
	space.bytes[MSIX + 2] = 0x40; /* 65 */
	space_put(&space, EXPRESS, RAWPCI_CAP_EXPRESS, AF);
	space.bytes[EXPRESS + 7] = 0x10; /* function level reset */
	space_put(&space, AF, RAWPCI_CAP_AF, 0);
	space.bytes[AF + 3] = 0x03;
}

static int read_all(struct rawpci_abilities *out)
{
	const struct rawpci_config_reader reader = { space_read, &space };

	return rawpci_abilities_read(&reader, out);
}

START_TEST(every_ability_is_read)
{
	struct rawpci_abilities a;

	ck_assert_int_eq(read_all(&a), 0);
	ck_assert(a.known);
	ck_assert(a.express);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_INTX], 1);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_MSI], 8);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_MSIX], 65);
	ck_assert_uint_eq(a.power_states, 0xe);
	ck_assert_uint_eq(a.reset_methods, RAWPCI_RESET_FLR | RAWPCI_RESET_AF_FLR);
}
END_TEST

START_TEST(a_reset_by_power_state_is_read)
{
	struct rawpci_abilities a;

	space.bytes[PM + 3] = 0;
	space.bytes[PM + 4] = 0;
	space.bytes[EXPRESS + 7] = 0;
	space.bytes[AF + 3] = 0x02; /* a reset without the transactions pending bit is of no use */
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert_uint_eq(a.power_states, 0x8);
	ck_assert_uint_eq(a.reset_methods, RAWPCI_RESET_PM);
}
END_TEST

START_TEST(a_device_without_capabilities_has_no_abilities)
{
	struct rawpci_abilities a;

	space.bytes[RAWPCI_CFG_STATUS] = 0;
	space.bytes[RAWPCI_CFG_INTERRUPT_PIN] = 0;
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert(a.known);
	ck_assert(!a.express);
	ck_assert_uint_eq(a.irq_count[0] + a.irq_count[1] + a.irq_count[2], 0);
	ck_assert_uint_eq(a.power_states, 0);
	ck_assert_uint_eq(a.reset_methods, 0);
}
END_TEST

START_TEST(reserved_values_are_taken_for_known_ones)
{
	struct rawpci_abilities a;

	space.bytes[RAWPCI_CFG_INTERRUPT_PIN] = 5;
	space.bytes[MSI + 2] = 0x0e;
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_INTX], 0);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_MSI], 32);
}
END_TEST

/* The kernel shows an unprivileged user no more (without CAP_SYS_ADMIN). */
START_TEST(a_readable_header_alone_tells_intx)
{
	struct rawpci_abilities a;

	space.size = 64;
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert(!a.known);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_INTX], 1);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_MSI], 0);
	ck_assert_uint_eq(a.power_states, 0);
	space.size = EXPRESS;
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert(!a.known);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_MSIX], 0);
}
END_TEST

START_TEST(errors_are_returned_and_nothing_is_written)
{
	struct rawpci_abilities a = { .power_states = 77 };

	space.size = 64;
	space.error = -EIO;
	ck_assert_int_eq(read_all(&a), -EIO);
	space.size = 0;
	ck_assert_int_eq(read_all(&a), -EIO);
	ck_assert_uint_eq(a.power_states, 77);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("abilities");
	TCase *tests = tcase_create("abilities");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, every_ability_is_read);
	tcase_add_test(tests, a_reset_by_power_state_is_read);
	tcase_add_test(tests, a_device_without_capabilities_has_no_abilities);
	tcase_add_test(tests, reserved_values_are_taken_for_known_ones);
	tcase_add_test(tests, a_readable_header_alone_tells_intx);
	tcase_add_test(tests, errors_are_returned_and_nothing_is_written);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
