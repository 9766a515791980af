/* SPDX-License-Identifier: MIT */
/* Does an IOMMU keep the device from the host's memory? A group alone is no answer. */
#include <rawpci/explain.h>

#include "unit/sysdev/plain.h"

#define GROUP "kernel/iommu_groups/7"
#define OTHER "0000:03:00.1"

static char said[2048];

static void on_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	if (level == RAWPCI_LOG_WARNING && strstr(message, "memory") != NULL)
		(void)snprintf(said, sizeof(said), "%s", message);
}

static void set_up(void)
{
	const struct rawpci_options options = {
		.backend = "sysfs",
		.log = on_log,
		.log_level = RAWPCI_LOG_WARNING,
	};

	said[0] = '\0';
	tree_create(&tree);
	make_device();
	ctx = create_context(options, "run", NULL);
}

/* type: of the group; NULL: the kernel does not tell. */
static void join_group(const char *type)
{
	tree_link(&tree, DEVICE "iommu_group", "../../../../" GROUP);
	tree_link(&tree, GROUP "/devices/" BDF, "../../../../bus/pci/devices/" BDF);
	if (type)
		tree_write(&tree, GROUP "/type", type);
}

/* words: a part of the warning, in the log and in the diagnosis; NULL: there is no warning. */
static void check_warning(const char *words, enum rawpci_obstacle obstacle)
{
	const struct rawpci_finding *found = NULL;
	struct rawpci_explanation *explanation;

	open_device();
	close_device();
	ck_assert_int_eq(rawpci_explain(ctx, BDF, NULL, &explanation), 0);
	ck_assert(explanation->openable);
	for (const struct rawpci_finding *f = explanation->findings; f; f = f->next)
		if (strcmp(f->backend, "sysfs") == 0)
			found = f;
	if (words) {
		ck_assert_msg(strstr(said, words) != NULL, "'%s' and not '%s'", said, words);
		ck_assert_ptr_nonnull(found);
		ck_assert(found->obstacle == obstacle && !found->blocks && found->error == 0);
		ck_assert_ptr_nonnull(strstr(found->cause, words));
		ck_assert_str_ne(found->remedy, "");
		ck_assert_ptr_nonnull(strstr(explanation->text, "sysfs can open it now, but "));
	} else {
		ck_assert_str_eq(said, "");
		ck_assert_ptr_null(found);
	}
	rawpci_explanation_destroy(explanation);
}

START_TEST(without_a_group)
{
	check_warning("no IOMMU protects", RAWPCI_OBSTACLE_NO_IOMMU);
}
END_TEST

START_TEST(by_type)
{
	static const struct {
		const char *type, *words;
	} rows[] = {
		{ "DMA\n", NULL },
		{ "DMA-FQ\n", NULL },
		{ "blocked\n", NULL },
		{ "identity\n", "is passed through" },
		{ "unmanaged\n", "another program uses" },
		{ "unknown\n", "does not say" },
		{ "auto\n", "does not say" },
		{ NULL, "does not say" },
	};

	join_group(rows[_i].type);
	check_warning(rows[_i].words, RAWPCI_OBSTACLE_NO_IOMMU);
}
END_TEST

/* The kernel maps a driver's memory for the whole group. */
START_TEST(beside_a_driver)
{
	static const char *const drivers[] = { "e1000e", "pci-stub", NULL };
	char target[128];

	join_group("DMA\n");
	tree_link(&tree, GROUP "/devices/" OTHER, "../../../../bus/pci/devices/" OTHER);
	tree_directory(&tree, "bus/pci/devices/" OTHER);
	(void)snprintf(target, sizeof(target), "../../drivers/%s", drivers[_i] ? drivers[_i] : "");
	if (drivers[_i])
		tree_link(&tree, "bus/pci/devices/" OTHER "/driver", target);
	check_warning(_i == 0 ? OTHER " of its IOMMU group is bound to e1000e" : NULL,
		      RAWPCI_OBSTACLE_GROUP);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sysdev-protection");
	TCase *tcase = tcase_create("sysdev-protection");

	tcase_add_checked_fixture(tcase, set_up, finish);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, without_a_group);
	tcase_add_loop_test(tcase, by_type, 0, 8);
	tcase_add_loop_test(tcase, beside_a_driver, 0, 3);
	suite_add_tcase(suite, tcase);
	return harness_run(suite);
}
