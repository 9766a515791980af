/* SPDX-License-Identifier: MIT */
/* A device that is bound to uio_pci_generic already is opened without asking what the host uses. */
#include "os/opener.h"
#include "os/sys.h"
#include "unit/uio/node.h"

static unsigned searches; /* of all processes */
static bool lacking;      /* they cannot be listed, for lack of descriptors on the host */

void __real_rawpci_opener_find(const char *proc, const char *path, bool locked,
			       struct rawpci_opener *out);
void __wrap_rawpci_opener_find(const char *proc, const char *path, bool locked,
			       struct rawpci_opener *out);
void __wrap_rawpci_opener_find(const char *proc, const char *path, bool locked,
			       struct rawpci_opener *out)
{
	searches++;
	__real_rawpci_opener_find(proc, path, locked, out);
	if (lacking)
		(void)rawpci_sys_note_lack(-ENFILE);
}

static void set_up(void)
{
	searches = 0;
	lacking = false;
	tree_create(&tree);
	make_device();
	make_uio();
	tree_directory(&tree, "class/block");
	make_context(NULL); /* vfio comes first, and is refused for the driver's sake */
}

START_TEST(searches_no_processes)
{
	open_device();
	ck_assert_uint_eq(searches, 0);
	close_device();
}
END_TEST

/* What the refusal of another backend would have said does not keep this one from opening. */
START_TEST(opens_although_the_refusal_lacks_something)
{
	int r;

	lacking = true;
	r = rawpci_device_open(ctx, NULL, BDF, 0, &dev);
	ck_assert_msg(r == 0, "open: %d: %s", r, rawpci_last_error());
	close_device();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("uio-cost");
	TCase *tests = tcase_create("cost");

	tcase_add_checked_fixture(tests, set_up, finish_uio);
	tcase_add_test(tests, searches_no_processes);
	tcase_add_test(tests, opens_although_the_refusal_lacks_something);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
