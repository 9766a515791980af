/* SPDX-License-Identifier: MIT */
/* A context whose fake backend is called through its table, past the library's own checks. */
#ifndef RAWPCI_TESTS_FAKE_FIXTURE_H
#define RAWPCI_TESTS_FAKE_FIXTURE_H

#include <check.h>
#include <errno.h>
#include <rawpci/context.h>
#include <rawpci/fake.h>

#include "fake/internal.h"
#include "harness.h"
#include "os/sys.h"
#include "pci/pci.h"

static const struct rawpci_backend *const ops = &rawpci_backend_fake;
static struct rawpci *ctx;
static void *instance;

static inline void set_up(void)
{
	const struct rawpci_options options = { .size = sizeof(options), .backend = "fake" };

	ck_assert_int_eq(rawpci_create(&options, &ctx), 0);
	ck_assert_int_eq(rawpci_backend_instance(ctx, "fake", &instance), 0);
}

static inline void tear_down(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}

static inline void *open_at(const char *address, void *space)
{
	struct rawpci_address at;
	void *device;

	ck_assert_int_eq(rawpci_address_parse(address, &at), 0);
	ck_assert_int_eq(ops->open(instance, &at, space, &device), 0);
	return device;
}

#define ADDRESS "0000:00:05.0"

/* A memory BAR, an I/O BAR, a 64-bit BAR, a ROM, all capabilities. */
static inline struct rawpci_fake_config full_config(void)
{
	return (struct rawpci_fake_config) {
		.size = sizeof(struct rawpci_fake_config),
		.address = ADDRESS,
		.vendor_id = 0x1af4,
		.device_id = 0x1234,
		.class_code = 0x020304,
		.bars = {
			[0] = { .size = 0x4000 },
			[1] = { .size = 0x20, .flags = RAWPCI_REGION_IO },
			[2] = { .size = 0x10000,
				.flags = RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH },
			[4] = { .size = 0x100 },
		},
		.rom_size = 0x800,
		.intx = true,
		.msi = 8,
		.msix = 64,
		.msix_bar = 0,
		.extended = true,
		.pm = true,
	};
}

/* Adds a device and opens it. */
static inline void *open_config(const struct rawpci_fake_config *config, void *space)
{
	ck_assert_int_eq(rawpci_fake_add(ctx, config, NULL), 0);
	return open_at(config->address, space);
}

static inline uint32_t cfg_read(void *device, uint32_t offset, unsigned width)
{
	uint32_t value;

	ck_assert_int_eq(ops->cfg_read(device, offset, width, &value), 0);
	return value;
}

static inline void cfg_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
	ck_assert_int_eq(ops->cfg_write(device, offset, width, value), 0);
}

static inline uint64_t reg_read(void *device, unsigned region, uint64_t offset, unsigned width)
{
	uint64_t value;

	ck_assert_int_eq(ops->region_read(device, region, offset, width, &value), 0);
	return value;
}

static inline void reg_write(void *device, unsigned region, uint64_t offset, unsigned width,
			     uint64_t value)
{
	ck_assert_int_eq(ops->region_write(device, region, offset, width, value), 0);
}

static int config_read(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	return ops->cfg_read(opaque, offset, width, value);
}

/* Where a capability is; 0: the device has none. */
static inline uint8_t find_cap(void *device, uint8_t id)
{
	const struct rawpci_config_reader reader = { config_read, device };
	uint8_t offset;

	ck_assert_int_eq(rawpci_caps_find(&reader, id, &offset), 0);
	return offset;
}

static inline int new_eventfd(void)
{
	int fd = rawpci_sys_eventfd();

	ck_assert_int_ge(fd, 0);
	return fd;
}

/* Has the eventfd been signalled since the last call? */
static inline bool signalled(int fd)
{
	return rawpci_sys_drain(fd) == 1;
}

/* Runs a suite of one case with this fixture. */
static inline Suite *suite_of(const char *name, const TTest *const *tests, size_t n)
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 30);
	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	suite_add_tcase(suite, tcase);
	return suite;
}

#define SUITE_OF(name, tests) suite_of(name, tests, sizeof(tests) / sizeof((tests)[0]))

#endif
