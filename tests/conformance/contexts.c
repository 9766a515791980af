/* SPDX-License-Identifier: MIT */
/* Contexts: their options, the factory, and what keeps them alive. */
#include "bench.h"

#include <stdlib.h>

static int create(const struct rawpci_options *options)
{
	struct rawpci *ctx = NULL;
	int r = rawpci_create(options, &ctx);

	if (r == 0) {
		ck_assert_int_eq(rawpci_destroy(ctx), 0);
	} else {
		ck_assert_ptr_null(ctx);
		ck_assert_str_ne(rawpci_last_error(), "");
	}
	return r;
}

static const char *const no_settings[] = { NULL };
static const char *const good_settings[] = {
	"irq.engine=epoll", "irq.engine=auto", "vfio.dir=/nowhere", "sysfs.dir=/nowhere", NULL,
};
static const char *const unknown_setting[] = { "irq.engine=auto", "colour=blue", NULL };
static const char *const malformed[] = { "irq.engine", NULL };
static const char *const empty[] = { "", NULL };
static const char *const unknown_engine[] = { "irq.engine=select", NULL };

#define SIZE sizeof(struct rawpci_options)
static const struct {
	struct rawpci_options options;
	int want;
} rows[] = {
	{ { .size = SIZE }, 0 },
	{ { .size = SIZE, .backend = "fake" }, 0 },
	{ { .size = SIZE, .backend = "vfio" }, 0 },
	{ { .size = SIZE, .backend = "Fake" }, -ENOENT },
	{ { .size = SIZE, .backend = "" }, -ENOENT },
	{ { .size = SIZE, .backend = "no such backend" }, -ENOENT },
	{ { .size = 0 }, -EINVAL },
	{ { .size = sizeof(size_t) - 1 }, -EINVAL },
	{ { .size = SIZE, .irq_mode = RAWPCI_IRQ_MODE_EMBEDDER }, 0 },
	{ { .size = SIZE, .irq_mode = (enum rawpci_irq_mode)2 }, -EINVAL },
	{ { .size = SIZE, .irq_mode = (enum rawpci_irq_mode) - 1 }, -EINVAL },
	{ { .size = SIZE, .log_level = RAWPCI_LOG_DEBUG }, 0 },
	{ { .size = SIZE, .log_level = (enum rawpci_log_level)4 }, -EINVAL },
	{ { .size = SIZE, .log_level = (enum rawpci_log_level) - 1 }, -EINVAL },
	{ { .size = SIZE, .settings = no_settings }, 0 },
	{ { .size = SIZE, .settings = good_settings }, 0 },
	{ { .size = SIZE, .settings = unknown_setting }, -EINVAL },
	{ { .size = SIZE, .settings = malformed }, -EINVAL },
	{ { .size = SIZE, .settings = empty }, -EINVAL },
	{ { .size = SIZE, .settings = unknown_engine }, -EINVAL },
};
#define ROWS ((int)(sizeof(rows) / sizeof(rows[0])))

START_TEST(each_option)
{
	unsigned fds = harness_descriptors();

	ck_assert_int_eq(create(&rows[_i].options), rows[_i].want);
	ck_assert_uint_eq(harness_descriptors(), fds);
}
END_TEST

START_TEST(null_arguments)
{
	ck_assert_int_eq(create(NULL), 0);
	ck_assert_int_eq(rawpci_create(NULL, NULL), -EFAULT);
	ck_assert_int_eq(rawpci_destroy(NULL), 0);
}
END_TEST

/* A program compiled with an older header: what lies behind its structure is not looked at. */
START_TEST(smaller_options)
{
	struct rawpci_options options;

	memset(&options, 0xff, sizeof(options));
	options.size = sizeof(options.size);
	ck_assert_int_eq(create(&options), 0);
	options.backend = "no such backend";
	options.size = offsetof(struct rawpci_options, backend) + sizeof(options.backend);
	ck_assert_int_eq(create(&options), -ENOENT);
}
END_TEST

/* And one with a newer header, with fields this library does not know. */
START_TEST(larger_options)
{
	struct {
		struct rawpci_options known;
		void *newer[4];
	} options = { .known = { .size = sizeof(options), .backend = "fake" } };

	ck_assert_int_eq(create(&options.known), 0);
}
END_TEST

START_TEST(settings_are_copied)
{
	char *text = strdup("sysfs.dir=/some/where");
	const char *settings[] = { text, NULL };
	struct rawpci_options with = { .size = sizeof(with), .settings = settings };
	struct rawpci *ctx;

	ck_assert_int_eq(rawpci_create(&with, &ctx), 0);
	memset(text, 'x', strlen(text));
	free(text);
	ck_assert_str_eq(rawpci_backend_setting(ctx, "sysfs.dir"), "/some/where");
	ck_assert_str_eq(rawpci_backend_setting(ctx, "vfio.dir"), "/dev/vfio");
	ck_assert_ptr_null(rawpci_backend_setting(ctx, "colour"));
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

START_TEST(the_fake_is_never_picked_unasked)
{
	struct rawpci_options with = { .size = sizeof(with) };
	const char *const settings[] = { "sysfs.dir=/nonexistent", NULL };
	struct rawpci_device *dev = NULL;
	struct rawpci *ctx;

	with.settings = settings;
	ck_assert_int_eq(rawpci_create(&with, &ctx), 0);
	ck_assert_int_lt(rawpci_device_open(ctx, NULL, "0000:00:04.0", 0, &dev), 0);
	ck_assert_ptr_null(dev);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

static const char *const uuids[] = {
	RAWPCIFACTORY_UUID_STR,
	"EA089839-4171-476F-ADFB-9E7AB1CBD0FB",
	"eA089839-4171-476F-aDfB-9e7Ab1cBd0Fb",
};
static const char *const other_uuids[] = {
	"",
	"ea089839-4171-476f-adfb-9e7ab1cbd0f",
	"ea089839-4171-476f-adfb-9e7ab1cbd0fb0",
	"ea089839-4171-476f-adfb-9e7ab1cbd0fc",
	" ea089839-4171-476f-adfb-9e7ab1cbd0fb",
	"{ea089839-4171-476f-adfb-9e7ab1cbd0fb}",
	"ea0898394171476fadfb9e7ab1cbd0fb",
};

START_TEST(interface_by_uuid)
{
	PRAWPCIFACTORY found = rawpci_query_interface(bench.ctx, uuids[_i]);

	ck_assert_ptr_eq(found, bench.factory);
	found->pfnRelease(found);
}
END_TEST

START_TEST(no_other_interface)
{
	ck_assert_ptr_null(rawpci_query_interface(bench.ctx, other_uuids[_i]));
	ck_assert_uint_eq(bench_failures(), 1);
}
END_TEST

START_TEST(interface_null)
{
	ck_assert_ptr_null(rawpci_query_interface(NULL, RAWPCIFACTORY_UUID_STR));
	ck_assert_ptr_null(rawpci_query_interface(bench.ctx, NULL));
	ck_assert_ptr_null(rawpci_factory(NULL));
}
END_TEST

/* What each thing that is still there does to destroy. */
START_TEST(destroy_is_refused)
{
	struct rawpci *ctx = NULL;
	struct rawpci_options with = { .size = sizeof(with), .backend = "fake" };
	struct rawpci_device *dev;
	struct rawpci_vm *vm;
	PSUPDRVSESSION session;
	PRAWPCIFACTORY first, second;
	PRAWPCIDEVPORT port;

	ck_assert_int_eq(rawpci_create(&with, &ctx), 0);
	first = rawpci_factory(ctx);
	second = rawpci_factory(ctx);
	ck_assert_ptr_eq(first, second);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	first->pfnRelease(first);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	DONE(second->pfnCreateAndConnect(second, bench_pci(0, 4, 0), 0, NULL, &port));
	second->pfnRelease(second);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	DONE(port->pfnDestroy(port));
	DONE(rawpci_session_create(ctx, NULL, &session));
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	DONE(rawpci_session_destroy(session));
	ck_assert_int_eq(rawpci_vm_create(ctx, &vm), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	ck_assert_int_eq(rawpci_vm_destroy(vm), 0);
	ck_assert_int_eq(rawpci_device_open(ctx, NULL, "00:04.0", 0, &dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), -EBUSY);
	ck_assert_int_eq(rawpci_device_close(dev), 0);
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
}
END_TEST

/* A release too many does not take another owner's reference. */
START_TEST(release_too_often)
{
	PRAWPCIFACTORY factory = bench.factory;

	factory->pfnRelease(factory);
	factory->pfnRelease(factory);
	ck_assert_uint_eq(bench_failures(), 1);
	factory->pfnRelease(NULL);
	ck_assert_int_eq(rawpci_destroy(bench.ctx), -EBUSY);
	ck_assert_ptr_eq(rawpci_factory(bench.ctx), factory);
}
END_TEST

START_TEST(contexts_share_nothing)
{
	struct rawpci_options with = { .size = sizeof(with), .backend = "fake" };
	struct rawpci *other;
	struct rawpci_device *one, *two;
	PSUPDRVSESSION session = NULL;

	ck_assert_int_eq(rawpci_create(&with, &other), 0);
	ck_assert_int_eq(rawpci_device_open(bench.ctx, NULL, "00:04.0", 0, &one), 0);
	ck_assert_int_eq(rawpci_device_open(other, NULL, "00:04.0", 0, &two), 0);
	REFUSED(-EINVAL, rawpci_device_open(bench.ctx, NULL, "nonsense", 0, &one));
	ck_assert_int_eq(rawpci_session_create(other, &bench.vm, &session), VERR_INVALID_PARAMETER);
	ck_assert_ptr_null(session);
	ck_assert_int_eq(rawpci_device_close(one), 0);
	ck_assert_int_eq(rawpci_device_close(two), 0);
	ck_assert_int_eq(rawpci_destroy(other), 0);
}
END_TEST

void add_contexts(Suite *suite)
{
	TCase *tcase = tcase_create("options");

	tcase_add_loop_test(tcase, each_option, 0, ROWS);
	tcase_add_test(tcase, null_arguments);
	tcase_add_test(tcase, smaller_options);
	tcase_add_test(tcase, larger_options);
	tcase_add_test(tcase, settings_are_copied);
	tcase_add_test(tcase, the_fake_is_never_picked_unasked);
	tcase_add_test(tcase, destroy_is_refused);
	suite_add_tcase(suite, tcase);
	tcase = tcase_create("factory");
	tcase_add_checked_fixture(tcase, bench_start, bench_end);
	tcase_add_loop_test(tcase, interface_by_uuid, 0, 3);
	tcase_add_loop_test(tcase, no_other_interface, 0, 7);
	tcase_add_test(tcase, interface_null);
	tcase_add_test(tcase, release_too_often);
	if (bench.fake)
		tcase_add_test(tcase, contexts_share_nothing);
	suite_add_tcase(suite, tcase);
}
