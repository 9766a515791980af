/* SPDX-License-Identifier: MIT */
/* A device that forgets config space when it wakes up, and what its user leaves in config space. */
#include "os/sys.h"
#include "unit/sysdev/plain.h"

#define ASLEEP 3
#define LTR 0x100
#define REBAR 0x110
#define ACS 0x140
#define VC 0x160
#define SRIOV 0x180
#define CXL 0x200

enum { PCIX = 0xd0, VENDOR = 0xe0 };

static bool forgets, decodes; /* decodes: COMMAND alone is not forgotten */

/* Writes to config space since it woke up. */
static struct {
	uint32_t at, command;
} written[128];
static unsigned writes;

/* A device that wakes without No_Soft_Reset is as after a reset (PCI Power Management 1.2,
 * 5.4.1). */
static void forget(void)
{
	writes = 0;
	put(RAWPCI_CFG_COMMAND, 2, decodes ? RAWPCI_COMMAND_MEMORY : 0);
	put(0x10, 4, 0x0000000c);
	put(0x14, 4, 0);
	put(SRIOV + 8, 2, 0);
	put(VC + 0x14, 4, 0x800000ff);
	put(EXPRESS + 8, 2, 0);
	put(EXPRESS + 0x28, 2, 0);
	put(PCIX + 2, 2, 0);
	put(LTR + 4, 4, 0);
	put(REBAR + 8, 4, 0x0a20); /* the default: 1 GiB */
	put(ACS + 6, 2, 0);
}

int __real_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset);
int __wrap_rawpci_sys_pwrite(int fd, const void *buffer, size_t size, uint64_t offset)
{
	const unsigned char *bytes = buffer;

	if (offset == PM + RAWPCI_PM_CONTROL && forgets && (bytes[0] & 3) == 0 &&
	    (config(PM + RAWPCI_PM_CONTROL, 2) & 3) == ASLEEP)
		forget();
	if (writes < sizeof(written) / sizeof(written[0])) {
		written[writes].at = (uint32_t)offset;
		written[writes++].command = config(RAWPCI_CFG_COMMAND, 2);
	}
	return __real_rawpci_sys_pwrite(fd, buffer, size, offset);
}

static void set_up(void)
{
	tree_create(&tree);
	make_device();
	put(AF, 4, RAWPCI_CAP_AF | PCIX << 8);
	put(PCIX, 4, 0x07 | VENDOR << 8 | 0x0031u << 16);
	put(VENDOR, 4, 0x00100009);
	put(LTR, 4, 0x00010018 | (uint32_t)REBAR << 20);
	put(LTR + 4, 4, 0x10031003);
	put(REBAR, 4, 0x00010015 | (uint32_t)ACS << 20);
	put(REBAR + 4, 4, 0x00fffff0);
	put(REBAR + 8, 4, 0x0020); /* 1 MiB, as the host made it */
	put(ACS, 4, 0x0001000d | (uint32_t)VC << 20);
	put(VC, 4, 0x00010002 | (uint32_t)SRIOV << 20);
	put(VC + 0x14, 4, 0x80000001);
	put(SRIOV, 4, 0x00010010 | (uint32_t)CXL << 20);
	put(SRIOV + 8, 2, 0x0010); /* ARI */
	put(CXL + 4, 2, 0x1af4);   /* another vendor's */
	/* Another capability of the same kind, and a loop. */
	put(CXL, 4, 0x00010023 | (uint32_t)0x220 << 20);
	put(0x220, 4, 0x00010018 | (uint32_t)LTR << 20);
	put(0x224, 4, 0x5aa55aa5);
	put(ACS + 6, 2, 0x001d);
	put(EXPRESS + 0x28, 2, 0x0400); /* LTR enabled */
	make_context("sysfs");
	forgets = true;
	decodes = false;
}

static const struct {
	const char *name;
	long at;
	unsigned width;
	uint32_t value;
} kept[] = {
	{ "payload size", EXPRESS + 8, 2, 0x0020 },
	{ "LTR enable", EXPRESS + 0x28, 2, 0x0400 },
	{ "PCI-X command", PCIX + 2, 2, 0x0031 },
	{ "latencies", LTR + 4, 4, 0x10031003 },
	{ "size of the BAR", REBAR + 8, 4, 0x0020 },
	{ "access control", ACS + 6, 2, 0x001d },
	{ "virtual channel", VC + 0x14, 4, 0x80000001 },
	{ "control of virtual functions", SRIOV + 8, 2, 0x0010 },
	{ "another one of its kind", 0x224, 4, 0x5aa55aa5 },
};

#define KEPT ((int)(sizeof(kept) / sizeof(kept[0])))

START_TEST(wakes_as_the_host_had_it)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(PM + 4, 2, 0);
	ck_assert_msg(config(kept[_i].at, kept[_i].width) == kept[_i].value,
		      "%s awake: %#x instead of %#x", kept[_i].name,
		      config(kept[_i].at, kept[_i].width), kept[_i].value);
	close_device();
}
END_TEST

START_TEST(closes_as_the_host_had_it)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(PM + 4, 2, 0);
	close_device();
	ck_assert_msg(config(kept[_i].at, kept[_i].width) == kept[_i].value,
		      "%s closed: %#x instead of %#x", kept[_i].name,
		      config(kept[_i].at, kept[_i].width), kept[_i].value);
}
END_TEST

/* The device forgets these registers. Some bits the user has set, others the device has changed. */
START_TEST(wakes_as_its_user_had_it)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(EXPRESS + 8, 2, 0x2810);
	cfg_write(PCIX + 2, 2, 0x0042);
	put(EXPRESS + 8, 2, config(EXPRESS + 8, 2) | 0x0040);
	put(REBAR + 8, 4, 0x0720);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(PM + 4, 2, 0);
	ck_assert_uint_eq(config(EXPRESS + 8, 2), 0x2830);
	ck_assert_uint_eq(config(PCIX + 2, 2), 0x0042);
	ck_assert_uint_eq(config(REBAR + 8, 4), 0x0020);
	close_device();
}
END_TEST

/* The place of the first write to a register since the device woke up. */
static unsigned turn(uint32_t at)
{
	for (unsigned i = 0; i < writes; i++)
		if (written[i].at == at)
			return i;
	ck_abort_msg("%#x was not written", at);
}

/* Latencies come before they are enabled. Sizes come before addresses, while nothing decodes. */
START_TEST(wakes_in_order)
{
	decodes = _i;
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, ASLEEP);
	cfg_write(PM + 4, 2, 0);
	ck_assert_uint_lt(turn(LTR + 4), turn(EXPRESS + 0x28));
	ck_assert_uint_lt(turn(REBAR + 8), turn(0x14));
	ck_assert_uint_eq(written[turn(REBAR + 8)].command & RAWPCI_COMMAND_MEMORY, 0);
	for (unsigned i = 0; i < writes; i++)
		ck_assert_msg(written[i].at == RAWPCI_CFG_COMMAND ||
				      !(written[i].command & RAWPCI_COMMAND_MASTER),
			      "the bus at %#x", written[i].at);
	ck_assert_uint_eq(written[writes - 1].at, RAWPCI_CFG_COMMAND);
	ck_assert_uint_eq(config(RAWPCI_CFG_COMMAND, 1) & 7, 7);
	close_device();
}
END_TEST

/* State that nothing restores. */
static const struct {
	const char *name;
	long at;
	unsigned width;
	uint32_t value;
} lost[] = {
	{ "several channels", VC + 4, 4, 1 },
	{ "virtual functions that are there", SRIOV + 8, 2, 0x0011 },
	{ "CXL", CXL + 4, 2, 0x1e98 },
	{ "keys", CXL, 4, 0x00010030 },
};

#define LOST ((int)(sizeof(lost) / sizeof(lost[0])))

/* State that cannot be restored keeps the device awake, unless the device forgets nothing. */
START_TEST(stays_awake)
{
	const int which = _i % LOST;
	const bool tells = _i >= LOST;
	const uint32_t sleeps = tells ? ASLEEP : 0;

	forgets = !tells;
	put(lost[which].at, lost[which].width, lost[which].value);
	put(PM + 4, 2, tells ? RAWPCI_PM_NO_SOFT_RESET : 0);
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, 0x0400 | ASLEEP);
	ck_assert_msg((config(PM + 4, 2) & 3) == sleeps, "%s", lost[which].name);
	ck_assert_uint_eq(cfg_read(PM + 4, 2) & 3, sleeps);
	ck_assert_uint_eq(config(PM + 4, 2) & 0x1e00, 0x0400);
	cfg_write(PM + 4, 2, 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_SUSPEND), 0);
	ck_assert_uint_eq(config(PM + 4, 2) & 3, sleeps);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_RESUME), 0);
	close_device();
}
END_TEST

/* Nothing is read beyond the end of config space. */
START_TEST(ends_in_the_middle)
{
	static const uint32_t ids[] = { 0x10, 0x15, 0x02, 0x23, 0x0d, 0x18 };

	put(CXL, 4, 0x00010023 | 0xffcu << 20);
	put(0xffc, 4, 0x00010000 | ids[_i]);
	if (ids[_i] == 0x10)
		put(SRIOV, 4, 0x00010003 | (uint32_t)CXL << 20);
	if (ids[_i] == 0x15)
		put(REBAR, 4, 0x00010003 | (uint32_t)ACS << 20);
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(PM + 4, 2, ASLEEP);
	ck_assert_uint_eq(config(PM + 4, 2) & 3, ASLEEP);
	cfg_write(PM + 4, 2, 0);
	ck_assert_uint_eq(config(LTR + 4, 4), 0x10031003);
	close_device();
}
END_TEST

/* The next user finds nothing of the last one. */
START_TEST(leaves_nothing_in_config_space)
{
	open_device();
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	cfg_write(VENDOR + 4, 4, 0x0badcafe);
	cfg_write(VENDOR + 3, 1, 0x5a);
	cfg_write(VENDOR + 0xc, 4, 0x0badcafe);
	close_device();
	ck_assert_uint_eq(config(VENDOR + 4, 4), 0);
	for (long at = VENDOR; at < VENDOR + 0x10; at += 4)
		ck_assert_uint_eq(config(at, 4), at == VENDOR ? 0x00100009 : 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-wake");
	TCase *tcase = tcase_create("sysdev-wake");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 30);
	tcase_add_loop_test(tcase, wakes_as_the_host_had_it, 0, KEPT);
	tcase_add_loop_test(tcase, closes_as_the_host_had_it, 0, KEPT);
	tcase_add_test(tcase, wakes_as_its_user_had_it);
	tcase_add_loop_test(tcase, wakes_in_order, 0, 2);
	tcase_add_loop_test(tcase, stays_awake, 0, 2 * LOST);
	tcase_add_loop_test(tcase, ends_in_the_middle, 0, 6);
	tcase_add_test(tcase, leaves_nothing_in_config_space);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
