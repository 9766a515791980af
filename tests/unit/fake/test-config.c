/* SPDX-License-Identifier: MIT */
/* Config space of a fake device: registers, capabilities, power states, resets. */
#include "fixture.h"

START_TEST(identity)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);

	ck_assert_uint_eq(cfg_read(device, 0, 4), 0x12341af4);
	ck_assert_uint_eq(cfg_read(device, 2, 2), 0x1234);
	ck_assert_uint_eq(cfg_read(device, 8, 4), 0x02030400);
	ck_assert_uint_eq(cfg_read(device, 11, 1), 0x02);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_HEADER_TYPE, 1), 0);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_INTERRUPT_PIN, 1), 1);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_STATUS, 2), RAWPCI_STATUS_CAPABILITIES);
	cfg_write(device, 0, 4, 0);
	ck_assert_uint_eq(cfg_read(device, 0, 4), 0x12341af4);
}
END_TEST

START_TEST(command_has_four_bits)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);

	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_COMMAND, 2), 0);
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, 0xffff);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_COMMAND, 2), 0x0407);
	/* A driver that clears INTx Disable may write one byte. */
	cfg_write(device, RAWPCI_CFG_COMMAND + 1, 1, 0);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_COMMAND, 2), 0x0007);
}
END_TEST

static void check_sizing(void *device, unsigned offset, uint32_t mask)
{
	uint32_t before = cfg_read(device, offset, 4);

	cfg_write(device, offset, 4, 0xffffffff);
	ck_assert_uint_eq(cfg_read(device, offset, 4), mask);
	cfg_write(device, offset, 4, before);
	ck_assert_uint_eq(cfg_read(device, offset, 4), before);
}

START_TEST(bars_can_be_sized)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);

	check_sizing(device, 0x10, 0xffffc000);
	check_sizing(device, 0x14, 0xffffffe1);
	check_sizing(device, 0x18, 0xffff000c);
	check_sizing(device, 0x1c, 0xffffffff);
	check_sizing(device, 0x20, 0xffffff00);
	check_sizing(device, 0x24, 0);
	check_sizing(device, RAWPCI_CFG_ROM, 0xfffff801);
}
END_TEST

START_TEST(bars_tell_bus_addresses)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	struct rawpci_region_info info;
	uint64_t bar2;

	ck_assert_int_eq(ops->region_info(device, 0, &info), 0);
	ck_assert_uint_eq(cfg_read(device, 0x10, 4), info.address);
	ck_assert_uint_ge(info.address, 0xe0000000);
	ck_assert_uint_eq(info.address % info.size, 0);
	ck_assert_int_eq(ops->region_info(device, 1, &info), 0);
	ck_assert_uint_eq(cfg_read(device, 0x14, 4), info.address | 1);
	ck_assert_uint_ge(info.address, 0xc000);
	ck_assert_uint_le(info.address + info.size, 0x10000);
	ck_assert_int_eq(ops->region_info(device, 2, &info), 0);
	bar2 = cfg_read(device, 0x18, 4) | (uint64_t)cfg_read(device, 0x1c, 4) << 32;
	ck_assert_uint_eq(bar2, info.address | 0xc);
	ck_assert_uint_ge(info.address, 0x380000000000);

	/* A base that is written stays, and moves nothing. */
	cfg_write(device, 0x10, 4, 0x12348000);
	ck_assert_uint_eq(cfg_read(device, 0x10, 4), 0x12348000);
	ck_assert_int_eq(ops->region_info(device, 0, &info), 0);
	ck_assert_uint_ne(info.address, 0x12348000);
}
END_TEST

START_TEST(capabilities_are_listed)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	uint8_t at;

	ck_assert_uint_ne(find_cap(device, RAWPCI_CAP_PM), 0);
	at = find_cap(device, RAWPCI_CAP_MSI);
	ck_assert_uint_ne(at, 0);
	ck_assert_uint_eq(cfg_read(device, at + 2u, 2), 0x0086); /* 64-bit, 8 vectors */
	cfg_write(device, at + 4u, 4, 0xfee00123);
	cfg_write(device, at + 8u, 4, 0x1);
	cfg_write(device, at + 12u, 2, 0x4041);
	ck_assert_uint_eq(cfg_read(device, at + 4u, 4), 0xfee00120);
	ck_assert_uint_eq(cfg_read(device, at + 8u, 4), 0x1);
	ck_assert_uint_eq(cfg_read(device, at + 12u, 2), 0x4041);
	at = find_cap(device, RAWPCI_CAP_MSIX);
	ck_assert_uint_ne(at, 0);
	ck_assert_uint_eq(cfg_read(device, at + 2u, 2), 63);
	ck_assert_uint_eq(cfg_read(device, at + 4u, 4), 0);
	ck_assert_uint_eq(cfg_read(device, at + 8u, 4), 64 * 16);
	at = find_cap(device, RAWPCI_CAP_EXPRESS);
	ck_assert_uint_ne(at, 0);
	ck_assert_uint_ne(cfg_read(device, at + 4u, 4) & 0x10000000, 0);
}
END_TEST

START_TEST(capabilities_are_absent)
{
	struct rawpci_fake_config config = { .size = sizeof(config), .address = ADDRESS };
	void *device = open_config(&config, NULL);

	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_STATUS, 2), 0);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_CAPABILITIES, 1), 0);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_INTERRUPT_PIN, 1), 0);
	for (unsigned at = 0x40; at < 256; at += 4)
		ck_assert_uint_eq(cfg_read(device, at, 4), 0);
}
END_TEST

START_TEST(power_states)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	unsigned at = find_cap(device, RAWPCI_CAP_PM) + RAWPCI_PM_CONTROL;

	ck_assert_uint_eq(cfg_read(device, at, 2) & RAWPCI_PM_STATE, 0);
	cfg_write(device, at, 2, 1); /* D1 does not exist */
	ck_assert_uint_eq(cfg_read(device, at, 2) & RAWPCI_PM_STATE, 0);
	cfg_write(device, at, 2, RAWPCI_PM_D3HOT);
	ck_assert_uint_eq(cfg_read(device, at, 2) & RAWPCI_PM_STATE, RAWPCI_PM_D3HOT);
	cfg_write(device, at, 2, 0);
	ck_assert_uint_eq(cfg_read(device, at, 2) & RAWPCI_PM_STATE, 0);
}
END_TEST

START_TEST(extended_space_is_empty)
{
	struct rawpci_fake_config config = full_config();
	void *device = open_config(&config, NULL);
	struct rawpci_backend_info info;

	ck_assert_int_eq(ops->info(device, &info), 0);
	ck_assert_uint_eq(info.config_size, 4096);
	cfg_write(device, 0xffc, 4, 0xffffffff);
	ck_assert_uint_eq(cfg_read(device, 0xffc, 4), 0);
	ck_assert_uint_eq(cfg_read(device, 0x100, 4), 0);
	ck_assert_uint_eq(cfg_read(device, 0x104, 4), 0);
}
END_TEST

static void count_reset(void *opaque, struct rawpci_fake *fake)
{
	unsigned *resets = opaque;

	/* A model may use the device from its hooks. */
	ck_assert_int_eq(rawpci_fake_lower(fake), 0);
	++*resets;
}

static const struct rawpci_fake_model counting = { .reset = count_reset };

static void spoil(void *device, struct rawpci_fake *fake)
{
	cfg_write(device, RAWPCI_CFG_COMMAND, 2, 0x7);
	cfg_write(device, 0x10, 4, 0x5000000);
	cfg_write(device, fake->cap_pm + 4u, 2, 3);
	cfg_write(device, fake->cap_msi + 2u, 2, 0x31);
	ck_assert_int_eq(rawpci_fake_raise(fake, 0), 0);
	ck_assert_uint_ne(cfg_read(device, RAWPCI_CFG_STATUS, 2) & RAWPCI_STATUS_INTERRUPT, 0);
}

static void check_initial(void *device, struct rawpci_fake *fake)
{
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_COMMAND, 2), 0);
	ck_assert_uint_ge(cfg_read(device, 0x10, 4), 0xe0000000);
	ck_assert_uint_eq(cfg_read(device, fake->cap_pm + 4u, 2) & 3, 0);
	ck_assert_uint_eq(cfg_read(device, fake->cap_msi + 2u, 2), 0x86);
	ck_assert_uint_eq(cfg_read(device, RAWPCI_CFG_STATUS, 2), RAWPCI_STATUS_CAPABILITIES);
}

START_TEST(reset_restores)
{
	struct rawpci_fake_config config = full_config();
	unsigned resets = 0;
	void *device;

	config.model = &counting;
	config.opaque = &resets;
	device = open_config(&config, NULL);
	ck_assert_uint_eq(resets, 1);
	spoil(device, device);
	ck_assert_int_eq(ops->reset(device), 0);
	ck_assert_uint_eq(resets, 2);
	check_initial(device, device);
}
END_TEST

START_TEST(function_level_reset)
{
	struct rawpci_fake_config config = full_config();
	unsigned resets = 0;
	unsigned at;
	void *device;

	config.model = &counting;
	config.opaque = &resets;
	device = open_config(&config, NULL);
	at = find_cap(device, RAWPCI_CAP_EXPRESS) + RAWPCI_EXPRESS_DEVICE_CONTROL;
	spoil(device, device);
	cfg_write(device, at, 2, 0x0010);
	ck_assert_uint_eq(resets, 1);
	cfg_write(device, at, 2, RAWPCI_EXPRESS_RESET);
	ck_assert_uint_eq(resets, 2);
	check_initial(device, device);
	ck_assert_uint_eq(cfg_read(device, at, 2), 0x2810);
}
END_TEST

START_TEST(refused_reset)
{
	struct rawpci_fake_config config = full_config();
	struct rawpci_backend_info info;
	unsigned resets = 0;
	unsigned at;
	void *device;

	config.model = &counting;
	config.opaque = &resets;
	config.no_reset = true;
	device = open_config(&config, NULL);
	ck_assert_int_eq(ops->info(device, &info), 0);
	ck_assert(!info.can_reset);
	ck_assert(!info.fresh);
	ck_assert_int_eq(ops->reset(device), -EOPNOTSUPP);
	at = find_cap(device, RAWPCI_CAP_EXPRESS);
	ck_assert_uint_eq(cfg_read(device, at + 4, 4) & 0x10000000, 0);
	cfg_write(device, at + RAWPCI_EXPRESS_DEVICE_CONTROL, 2, RAWPCI_EXPRESS_RESET);
	ck_assert_uint_eq(resets, 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		identity,
		command_has_four_bits,
		bars_can_be_sized,
		bars_tell_bus_addresses,
		capabilities_are_listed,
		capabilities_are_absent,
		power_states,
		extended_space_is_empty,
		reset_restores,
		function_level_reset,
		refused_reset,
	};

	return harness_run(SUITE_OF("fake-config", tests));
}
