/* SPDX-License-Identifier: MIT */
/* Backends of the program's own. */
#include "bench.h"
#include "unit/device/blank-backend.h"

static unsigned destroyed;

static int create(struct rawpci *ctx, void **instance)
{
	*instance = ctx;
	return 0;
}

static int create_fails(struct rawpci *ctx, void **instance)
{
	(void)instance;
	return rawpci_backend_fail(ctx, -ENOMEM, "own: not today");
}

static void destroy(void *instance)
{
	ck_assert_ptr_eq(instance, bench.ctx);
	destroyed++;
}

static int probe(void *instance, const struct rawpci_address *address)
{
	(void)address;
	return rawpci_backend_fail(instance, -EACCES, "own: the door is locked");
}

static int open_device(void *instance, const struct rawpci_address *address, void *space,
		       void **device)
{
	(void)address;
	(void)space;
	(void)device;
	return rawpci_backend_fail(instance, -EIO, "own: never");
}

static struct rawpci_backend good;

static void make_good(void)
{
	good = blank_backend("own", 1000);
	good.create = create;
	good.destroy = destroy;
	good.probe = probe;
	good.open = open_device;
}

#define CASE(name, want, change)                                                                   \
	START_TEST(name)                                                                           \
	{                                                                                          \
		static struct rawpci_backend b;                                                    \
		void *instance = &b;                                                               \
                                                                                                   \
		b = good;                                                                          \
		change;                                                                            \
		REFUSED(want, rawpci_backend_register(bench.ctx, &b));                             \
		ck_assert_int_eq(rawpci_backend_instance(bench.ctx, "own", &instance), -ENOENT);   \
		ck_assert_ptr_eq(instance, &b);                                                    \
		ck_assert_uint_eq(destroyed, 0);                                                   \
	}                                                                                          \
	END_TEST

#define CASES(X)                                                                                   \
	X(version_zero, -EPROTONOSUPPORT, b.version = 0)                                           \
	X(version_next, -EPROTONOSUPPORT, b.version = RAWPCI_BACKEND_VERSION + 1)                  \
	X(name_missing, -EINVAL, b.name = NULL)                                                    \
	X(help_missing, -EINVAL, b.help = NULL)                                                    \
	X(probe_missing, -EINVAL, b.probe = NULL)                                                  \
	X(open_missing, -EINVAL, b.open = NULL)                                                    \
	X(close_missing, -EINVAL, b.close = NULL)                                                  \
	X(info_missing, -EINVAL, b.info = NULL)                                                    \
	X(config_read_missing, -EINVAL, b.cfg_read = NULL)                                         \
	X(config_write_missing, -EINVAL, b.cfg_write = NULL)                                       \
	X(region_info_missing, -EINVAL, b.region_info = NULL)                                      \
	X(region_read_missing, -EINVAL, b.region_read = NULL)                                      \
	X(region_write_missing, -EINVAL, b.region_write = NULL)                                    \
	X(destroy_missing, -EINVAL, b.destroy = NULL)                                              \
	X(create_missing, -EINVAL, b.create = NULL)                                                \
	X(half_of_interrupts, -EINVAL, b.irq_swap = blank_irq_swap)                                \
	X(half_of_dma, -EINVAL, b.space_create = blank_space_create)                               \
	X(name_of_a_built_in, -EEXIST, b.name = "fake")                                            \
	X(create_that_fails, -ENOMEM, b.create = create_fails)

CASES(CASE)

START_TEST(null)
{
	REFUSED(-EFAULT, rawpci_backend_register(bench.ctx, NULL));
	ck_assert_int_eq(rawpci_backend_register(NULL, &good), -EFAULT);
}
END_TEST

/* A table of version 1 ends before ready(): what is behind it is not looked at. */
static int must_not_be_asked(void *device)
{
	(void)device;
	ck_abort_msg("ready() of a table of version 1");
	return -EIO;
}

static int open_any(void *instance, const struct rawpci_address *address, void *space,
		    void **device)
{
	(void)address;
	(void)space;
	*device = instance;
	return 0;
}

static int write_any(void *device, uint32_t offset, unsigned width, uint32_t value)
{
	(void)device;
	(void)offset;
	(void)width;
	(void)value;
	return 0;
}

START_TEST(version_one)
{
	struct rawpci_device *dev;

	good.version = 1;
	good.pretend = true;
	good.ready = must_not_be_asked;
	good.probe = blank_probe;
	good.open = open_any;
	blank_add_device(&good);
	good.cfg_write = write_any;
	ck_assert_int_eq(rawpci_backend_register(bench.ctx, &good), 0);
	ck_assert_int_eq(rawpci_backend_choose(bench.ctx, "own"), 0);
	ck_assert_int_eq(rawpci_device_open(bench.ctx, NULL, "0000:7f:00.0", 0, &dev), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_ON), 0);
	ck_assert_int_eq(rawpci_device_power(dev, RAWPCI_POWER_OFF), 0);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
}
END_TEST

START_TEST(twice)
{
	void *instance = NULL;

	ck_assert_int_eq(rawpci_backend_register(bench.ctx, &good), 0);
	ck_assert_int_eq(rawpci_backend_instance(bench.ctx, "own", &instance), 0);
	ck_assert_ptr_eq(instance, bench.ctx);
	REFUSED(-EEXIST, rawpci_backend_register(bench.ctx, &good));
}
END_TEST

START_TEST(too_many)
{
	static struct rawpci_backend many[8];
	static const char *const names[] = { "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7" };
	unsigned n = 0;
	int r = 0;

	for (; n < 8 && r == 0; n++) {
		many[n] = good;
		many[n].name = names[n];
		r = rawpci_backend_register(bench.ctx, &many[n]);
	}
	ck_assert_int_eq(r, -ENOSPC);
}
END_TEST

START_TEST(while_a_device_is_open)
{
	DONE(bench_reopen());
	REFUSED(-EBUSY, rawpci_backend_register(bench.ctx, &good));
}
END_TEST

/* Tried before the others, and its reason is the one that is told. */
static void setup_automatic(void)
{
	bench.backend = NULL;
	bench_start();
	ck_assert_int_eq(rawpci_backend_register(bench.ctx, &good), 0);
}

static void end_automatic(void)
{
	bench_end();
	ck_assert_uint_eq(destroyed, 1);
}

START_TEST(highest_rank_first)
{
	REFUSED(VERR_ACCESS_DENIED, bench_reopen());
	ck_assert_ptr_nonnull(strstr(rawpci_last_error(), "the door is locked"));
	ck_assert_uint_ge(atomic_load(&bench.lines[RAWPCI_LOG_INFO]), 1);
}
END_TEST

void add_backends(Suite *suite)
{
	TCase *tcase = tcase_create("backends");

	make_good();
	tcase_add_checked_fixture(tcase, bench_start, bench_end);
	CASES(ADD_ROW)
	tcase_add_test(tcase, null);
	tcase_add_test(tcase, twice);
	tcase_add_test(tcase, version_one);
	tcase_add_test(tcase, too_many);
	tcase_add_test(tcase, while_a_device_is_open);
	suite_add_tcase(suite, tcase);
	if (!bench.fake)
		return;
	tcase = tcase_create("automatic");
	tcase_add_checked_fixture(tcase, setup_automatic, end_automatic);
	tcase_add_test(tcase, highest_rank_first);
	suite_add_tcase(suite, tcase);
}
