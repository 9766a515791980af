/* SPDX-License-Identifier: MIT */
/* Slow writes in a program with large thread-local variables, as allocators and runtimes have them:
 * glibc takes them off the stack of each thread, which is small for a thread of src/os/slow.c. */
#include "harness.h"
#include "os/slow.h"
#include "unit/os/tree.h"

static _Thread_local volatile char large[256 * 1024];

START_TEST(a_write_works_with_large_thread_local_variables)
{
	char path[512], text[512];
	struct tree tree;

	large[sizeof(large) - 1] = 1;
	tree_create(&tree);
	tree_write(&tree, "file", "");
	ck_assert_int_eq(rawpci_slow_write(tree_path(&tree, path, "file"), "text", 20000,
					   &RAWPCI_KEEP_NONE),
			 0);
	ck_assert_str_eq(tree_read(&tree, "file", text), "text");
	tree_destroy(&tree);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tls");
	TCase *tests = tcase_create("tls");

	tcase_add_test(tests, a_write_works_with_large_thread_local_variables);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
