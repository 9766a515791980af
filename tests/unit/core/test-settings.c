/* SPDX-License-Identifier: MIT */
/* Settings: defaults, values, and the sentences that refuse a wrong one. */
#include <errno.h>
#include <stdio.h>

#include <rawpci/backend.h>
#include <rawpci/context.h>
#include <rawpci/log.h>

#include "core/context.h"

#include "harness.h"

static int create(const char *setting, struct rawpci **ctx)
{
	const char *const settings[] = { setting, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };

	return rawpci_create(&options, ctx);
}

static const struct {
	const char *name, *initial, *other;
} known[] = {
	{ "driver.timeout_ms", "10000", "3600000" },
	{ "ids.file", "", "/some/pci.ids" },
	{ "irq.engine", "auto", "epoll" },
	{ "run.dir", "/run/rawpci", "/some/run" },
	{ "sysfs.dir", "/sys", "" },
	{ "uio.dir", "/dev", "/some=where" },
	{ "vfio.dir", "/dev/vfio", "/some/vfio" },
	{ "vfio.iommu", "/dev/iommu", "/some/iommu" },
	{ "vfio.noiommu", "no", "yes" },
	{ "vfio.via", "auto", "group" },
};

START_TEST(each_setting_has_a_default_and_takes_a_value)
{
	struct rawpci *ctx;
	char setting[64];

	ck_assert_int_eq(create(NULL, &ctx), 0);
	ck_assert_str_eq(rawpci_backend_setting(ctx, known[_i].name), known[_i].initial);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);

	(void)snprintf(setting, sizeof(setting), "%s=%s", known[_i].name, known[_i].other);
	ck_assert_int_eq(create(setting, &ctx), 0);
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		ck_assert_str_eq(rawpci_backend_setting(ctx, known[i].name),
				 (int)i == _i ? known[i].other : known[i].initial);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

START_TEST(numbers_are_kept_as_numbers)
{
	struct rawpci *ctx;

	ck_assert_int_eq(create("driver.timeout_ms=250", &ctx), 0);
	ck_assert_uint_eq(ctx->driver_timeout_ms, 250);
	ck_assert_int_eq(ctx->engine_kind, RAWPCI_ENGINE_AUTO);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	ck_assert_int_eq(create("irq.engine=uring", &ctx), 0);
	ck_assert_uint_eq(ctx->driver_timeout_ms, 10000);
	ck_assert_int_eq(ctx->engine_kind, RAWPCI_ENGINE_URING);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

#define NAMES                                                                                      \
	"driver.timeout_ms=, ids.file=, irq.engine=, run.dir=, sysfs.dir=, uio.dir=, vfio.dir=, "  \
	"vfio.iommu=, vfio.noiommu= or vfio.via="

static const struct {
	const char *setting, *sentence;
} wrong[] = {
	{ "colour=red", "unknown setting \"colour=red\": use one of " NAMES },
	{ "sysfs.dir", "setting \"sysfs.dir\" has no value: write \"sysfs.dir=/sys\"" },
	{ "irq.engine", "setting \"irq.engine\" has no value: write \"irq.engine=auto\"" },
	{ "irq.engin", "unknown setting \"irq.engin\": use one of " NAMES },
	{ "sysfs.di=/sys", "unknown setting \"sysfs.di=/sys\": use one of " NAMES },
	{ "sysfs.dirs=/sys", "unknown setting \"sysfs.dirs=/sys\": use one of " NAMES },
	{ "=", "unknown setting \"=\": use one of " NAMES },
	{ "irq.engine=poll", "setting irq.engine=poll: use auto, uring or epoll" },
	{ "vfio.via=", "setting vfio.via=: use auto, cdev or group" },
	{ "vfio.noiommu=y", "setting vfio.noiommu=y: use no or yes" },
	{ "driver.timeout_ms=0", "setting driver.timeout_ms=0: use 1 to 3600000" },
	{ "driver.timeout_ms=3600001", "setting driver.timeout_ms=3600001: use 1 to 3600000" },
	{ "driver.timeout_ms=-1", "setting driver.timeout_ms=-1: use 1 to 3600000" },
	{ "driver.timeout_ms=5s", "setting driver.timeout_ms=5s: use 1 to 3600000" },
};

START_TEST(a_wrong_setting_is_refused_with_a_remedy)
{
	struct rawpci *ctx = NULL;

	ck_assert_int_eq(create(wrong[_i].setting, &ctx), -EINVAL);
	ck_assert_ptr_null(ctx);
	ck_assert_str_eq(rawpci_last_error(), wrong[_i].sentence);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("settings");
	TCase *tcase = tcase_create("settings");

	tcase_add_loop_test(tcase, each_setting_has_a_default_and_takes_a_value, 0,
			    (int)(sizeof(known) / sizeof(known[0])));
	tcase_add_test(tcase, numbers_are_kept_as_numbers);
	tcase_add_loop_test(tcase, a_wrong_setting_is_refused_with_a_remedy, 0,
			    (int)(sizeof(wrong) / sizeof(wrong[0])));
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
