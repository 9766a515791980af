/* SPDX-License-Identifier: MIT */
/* Bus addresses of the fake devices. */
#include "fixture.h"

#include <stdio.h>

static const char *name_of(unsigned i, char text[RAWPCI_ADDRESS_TEXT])
{
	const struct rawpci_address at = {
		.bus = (uint8_t)(1 + i / 256),
		.device = i / 8 % 32,
		.function = i % 8,
	};

	return rawpci_address_format(&at, text);
}

/* Adds devices with one region each, all of one size. Returns how many fit. */
static unsigned fill(const struct rawpci_fake_bar *bar, uint64_t *addresses, unsigned most)
{
	unsigned n;

	for (n = 0; n < most; n++) {
		char text[RAWPCI_ADDRESS_TEXT];
		struct rawpci_fake_config config = {
			.size = sizeof(config),
			.address = name_of(n, text),
			.bars = { *bar },
		};
		struct rawpci_region_info info;
		struct rawpci_fake *fake;
		int r = rawpci_fake_add(ctx, &config, &fake);

		if (r == -ENOSPC)
			break;
		ck_assert_int_eq(r, 0);
		ck_assert_int_eq(ops->region_info(fake, 0, &info), 0);
		addresses[n] = info.address;
	}
	return n;
}

static void check_apart(const uint64_t *addresses, unsigned n, uint64_t size)
{
	for (unsigned i = 0; i < n; i++) {
		ck_assert_uint_eq(addresses[i] % size, 0);
		for (unsigned k = 0; k < i; k++)
			ck_assert_uint_ne(addresses[i], addresses[k]);
	}
}

START_TEST(memory_fills_up)
{
	const struct rawpci_fake_bar bar = { .size = 0x4000000 };
	uint64_t addresses[64];
	unsigned n = fill(&bar, addresses, 64);

	/* Pieces of 64 MiB from 2 GiB to the I/O APIC; the edu is in one of them. */
	ck_assert_uint_eq(n, 30);
	ck_assert_uint_eq(addresses[0], 0xe4000000);
	check_apart(addresses, n, bar.size);
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_lt(addresses[i], 0xfec00000);
}
END_TEST

START_TEST(ports_fill_up)
{
	const struct rawpci_fake_bar bar = { .size = 0x100, .flags = RAWPCI_REGION_IO };
	uint64_t addresses[256];
	unsigned n = fill(&bar, addresses, 256);

	ck_assert_uint_eq(n, 64);
	check_apart(addresses, n, bar.size);
	for (unsigned i = 0; i < n; i++)
		ck_assert(addresses[i] >= 0xc000 && addresses[i] < 0x10000);
}
END_TEST

START_TEST(large_bars_are_high)
{
	const struct rawpci_fake_bar bar = { .size = (uint64_t)1 << 36,
					     .flags = RAWPCI_REGION_64BIT };
	uint64_t addresses[8];

	ck_assert_uint_eq(fill(&bar, addresses, 8), 8);
	check_apart(addresses, 8, bar.size);
	ck_assert_uint_ge(addresses[0], 0x380000000000);
}
END_TEST

START_TEST(too_large)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.bars = { { .size = (uint64_t)1 << 63, .flags = RAWPCI_REGION_64BIT } },
	};

	ck_assert_int_eq(rawpci_fake_add(ctx, &config, NULL), -ENOSPC);
	config.bars[0] = (struct rawpci_fake_bar){ .size = (uint64_t)1 << 31 };
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, NULL), -ENOSPC);
	config.bars[0].size = 1 << 30;
	ck_assert_int_eq(rawpci_fake_add(ctx, &config, NULL), 0);
}
END_TEST

/* A device that is unplugged and closed returns its addresses. */
START_TEST(addresses_are_used_again)
{
	struct rawpci_fake_config config = {
		.size = sizeof(config),
		.address = ADDRESS,
		.bars = { { .size = 0x10000000 } },
	};

	for (unsigned i = 0; i < 100; i++) {
		struct rawpci_fake *fake;

		ck_assert_int_eq(rawpci_fake_add(ctx, &config, &fake), 0);
		ck_assert_int_eq(rawpci_fake_unplug(fake), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
		memory_fills_up,          ports_fill_up, large_bars_are_high, too_large,
		addresses_are_used_again,
	};

	return harness_run(SUITE_OF("fake-bus", tests));
}
