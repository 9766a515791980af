/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include <rawpci/enumerate.h>
#include <rawpci/irq.h>

#include "harness.h"
#include "pci/pci.h"

#define PM 0x40
#define MSI 0x50
#define MSIX 0x70
#define EXPRESS 0x80
#define AF 0xc0

/* A config space of which only the first size bytes can be read. */
struct space {
	uint8_t bytes[256];
	uint32_t size;
	int error; /* beyond size */
};

static struct space space;

static int read_space(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	const struct space *from = opaque;

	ck_assert_uint_le(offset + width, sizeof(from->bytes));
	ck_assert_uint_eq(offset % width, 0);
	if (offset + width > from->size)
		return from->error;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)from->bytes[offset + i] << (8 * i);
	return 0;
}

static void put(uint8_t at, uint8_t id, uint8_t next)
{
	space.bytes[at] = id;
	space.bytes[at + 1] = next;
}

static void setup(void)
{
	memset(&space, 0, sizeof(space));
	space.size = 256;
	space.error = -EPERM;
	space.bytes[RAWPCI_CFG_STATUS] = RAWPCI_STATUS_CAPABILITIES;
	space.bytes[RAWPCI_CFG_CAPABILITIES] = PM;
	space.bytes[RAWPCI_CFG_INTERRUPT_PIN] = 2;
	put(PM, RAWPCI_CAP_PM, MSI);
	space.bytes[PM + 3] = 0x06; /* D1, D2 */
	space.bytes[PM + 4] = 0x08; /* no soft reset */
	put(MSI, RAWPCI_CAP_MSI, MSIX);
	space.bytes[MSI + 2] = 0x86; /* eight vectors */
	put(MSIX, RAWPCI_CAP_MSIX, EXPRESS);
	space.bytes[MSIX + 2] = 0x40; /* 65 */
	put(EXPRESS, RAWPCI_CAP_EXPRESS, AF);
	space.bytes[EXPRESS + 7] = 0x10; /* function level reset */
	put(AF, RAWPCI_CAP_AF, 0);
	space.bytes[AF + 3] = 0x03;
}

static int read_all(struct rawpci_abilities *out)
{
	const struct rawpci_config_reader reader = {read_space, &space};

	return rawpci_abilities_read(&reader, out);
}

START_TEST(all_of_them)
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

START_TEST(soft_reset)
{
	struct rawpci_abilities a;

	space.bytes[PM + 3] = 0;
	space.bytes[PM + 4] = 0;
	space.bytes[EXPRESS + 7] = 0;
	space.bytes[AF + 3] = 0x02; /* without transactions pending it is of no use */
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert_uint_eq(a.power_states, 0x8);
	ck_assert_uint_eq(a.reset_methods, RAWPCI_RESET_PM);
}
END_TEST

START_TEST(none)
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

START_TEST(reserved_values)
{
	struct rawpci_abilities a;

	space.bytes[RAWPCI_CFG_INTERRUPT_PIN] = 5;
	space.bytes[MSI + 2] = 0x0e;
	ck_assert_int_eq(read_all(&a), 0);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_INTX], 0);
	ck_assert_uint_eq(a.irq_count[RAWPCI_IRQ_MSI], 32);
}
END_TEST

/* As the kernel shows it to those without CAP_SYS_ADMIN. */
START_TEST(header_only)
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

START_TEST(errors)
{
	struct rawpci_abilities a = {.power_states = 77};

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
	tcase_add_test(tests, all_of_them);
	tcase_add_test(tests, soft_reset);
	tcase_add_test(tests, none);
	tcase_add_test(tests, reserved_values);
	tcase_add_test(tests, header_only);
	tcase_add_test(tests, errors);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
