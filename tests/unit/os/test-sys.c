/* SPDX-License-Identifier: MIT */
/* The seam to the kernel: the functions of sys.h that do more than one call. */
#include <errno.h>
#include <fcntl.h>
#include <libintl.h>
#include <linux/kcmp.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness.h"
#include "os/sys.h"
#include "unit/os/tree.h"

/* Is this page mapped? A mapping that may not replace another one finds out. */
static bool taken(void *where)
{
	void *at = mmap(where, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
			0);

	if (at != MAP_FAILED)
		(void)munmap(at, 1);
	return at == MAP_FAILED && errno == EEXIST;
}

START_TEST(a_file_is_mapped_over_reserved_space)
{
	uint64_t page = rawpci_sys_page_size();
	int fd = rawpci_sys_memfd("test", page);
	unsigned char byte = 7;
	void *where;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rawpci_sys_pwrite(fd, &byte, 1, 5), 1);
	ck_assert_int_eq(rawpci_sys_reserve(3 * page, 0, &where), 0);
	ck_assert_int_eq(rawpci_sys_map((unsigned char *)where + page, page, fd, 0, true), 0);
	ck_assert_uint_eq(((volatile unsigned char *)where)[page + 5], 7);
	((volatile unsigned char *)where)[page + 6] = 9;
	ck_assert_int_eq(rawpci_sys_pread(fd, &byte, 1, 6), 1);
	ck_assert_uint_eq(byte, 9);
	rawpci_sys_unmap(where, 3 * page);
	rawpci_sys_close(&fd);
}
END_TEST

/* A socket refuses a mapping late, as a driver does: the kernel has already made room for it. */
START_TEST(a_failed_mapping_leaves_the_space_reserved)
{
	uint64_t page = rawpci_sys_page_size();
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	void *where;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(rawpci_sys_reserve(page, 0, &where), 0);
	ck_assert(taken(where));
	ck_assert_int_lt(rawpci_sys_map(where, page, fd, 0, false), 0);
	ck_assert(taken(where));
	rawpci_sys_unmap(where, page);
	ck_assert(!taken(where));
	rawpci_sys_close(&fd);
}
END_TEST

START_TEST(links_are_read)
{
	char path[] = "/tmp/rawpci-link-XXXXXX";
	char text[32];

	ck_assert_ptr_nonnull(mkdtemp(path));
	ck_assert_int_eq(rmdir(path), 0);
	ck_assert_int_eq(rawpci_sys_read_link(path, text, sizeof(text)), -ENOENT);
	ck_assert_int_eq(symlink("/a/target", path), 0);
	ck_assert_int_eq(rawpci_sys_read_link(path, text, sizeof(text)), 9);
	ck_assert_str_eq(text, "/a/target");
	ck_assert_int_eq(rawpci_sys_read_link(path, text, 9), -ENOBUFS);
	ck_assert_int_eq(rawpci_sys_link_name(path, text, sizeof(text)), 6);
	ck_assert_str_eq(text, "target");
	ck_assert_int_eq(rawpci_sys_link_name(path, text, 6), -ENOBUFS);
	ck_assert_int_eq(unlink(path), 0);
}
END_TEST

START_TEST(an_error_has_words)
{
	char text[64];

	ck_assert_str_eq(rawpci_sys_error_text(-ENOENT, text, sizeof(text)), strerror(ENOENT));
	ck_assert_int_eq(rawpci_sys_access("/proc/self/status", R_OK), 0);
	ck_assert_int_eq(rawpci_sys_access("/proc/self/nothing", F_OK), -ENOENT);
}
END_TEST

/* Translates one text of the C library (GNU gettext, "MO files"). */
static void translate(const struct tree *tree, const char *from, const char *to)
{
	const uint32_t n = (uint32_t)strlen(from), m = (uint32_t)strlen(to);
	const uint32_t head[] = { 0x950412de, 0, 1, 28, 36, 0, 0, n, 44, m, 44 + n + 1 };
	char path[512];
	FILE *stream = fopen(tree_path(tree, path, "xx/LC_MESSAGES/libc.mo"), "w");

	ck_assert_ptr_nonnull(stream);
	ck_assert_uint_eq(fwrite(head, sizeof(head), 1, stream), 1);
	ck_assert_uint_eq(fwrite(from, n + 1, 1, stream), 1);
	ck_assert_uint_eq(fwrite(to, m + 1, 1, stream), 1);
	ck_assert_int_eq(fclose(stream), 0);
	ck_assert_ptr_nonnull(bindtextdomain("libc", tree->root));
	ck_assert_int_eq(setenv("LANGUAGE", "xx", 1), 0);
}

START_TEST(words_are_english_in_every_locale)
{
	const char *english = "No such file or directory";
	char text[64];
	struct tree tree;

	tree_create(&tree);
	translate(&tree, english, "Kein Eintrag");
	if (setlocale(LC_ALL, "C.UTF-8") && strcmp(strerror(ENOENT), "Kein Eintrag") != 0)
		(void)puts("this C library cannot be made to use another language");
	ck_assert_str_eq(rawpci_sys_error_text(-ENOENT, text, sizeof(text)), english);
	tree_destroy(&tree);
}
END_TEST

START_TEST(copies_of_a_descriptor_are_the_same_file)
{
	int fd = rawpci_sys_open("/dev/null", O_RDWR);
	int other = rawpci_sys_open("/dev/null", O_RDWR);
	int copy = rawpci_sys_dup(fd);

	ck_assert(rawpci_sys_same_file(fd, copy));
	/* Without kcmp(), forbidden or absent, every two files count as the same. */
	if (syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, fd, copy) == 0)
		ck_assert(!rawpci_sys_same_file(fd, other));
	rawpci_sys_close(&copy);
	rawpci_sys_close(&other);
	rawpci_sys_close(&fd);
}
END_TEST

START_TEST(a_device_node_has_its_numbers)
{
	int fd = rawpci_sys_open("/dev/null", O_RDWR);
	int plain = rawpci_sys_memfd("test", 1);
	unsigned major = 77, minor = 77;

	ck_assert_int_eq(rawpci_sys_device_number(plain, &major, &minor), -ENODEV);
	ck_assert_int_eq(rawpci_sys_device_number(-1, &major, &minor), -EBADF);
	ck_assert_uint_eq(major, 77);
	ck_assert_int_eq(rawpci_sys_device_number(fd, &major, &minor), 0);
	ck_assert_uint_eq(major, 1);
	ck_assert_uint_eq(minor, 3);
	rawpci_sys_close(&plain);
	rawpci_sys_close(&fd);
}
END_TEST

START_TEST(a_timer_signals_once_after_each_start)
{
	unsigned char bytes[RAWPCI_SYS_TIMER_SIZE];
	int fd = rawpci_sys_timer();

	ck_assert_int_ge(fd, 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(rawpci_sys_read_event(fd, bytes, sizeof(bytes)), -EAGAIN);
		ck_assert_int_eq(rawpci_sys_timer_start(fd, 1), 0);
		ck_assert_int_eq(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, -1), 1);
		ck_assert_int_eq(rawpci_sys_read_event(fd, bytes, sizeof(bytes)), 0);
	}
	ck_assert_int_eq(rawpci_sys_timer_start(fd, 1000000), 0);
	ck_assert_int_eq(poll(&(struct pollfd){ .fd = fd, .events = POLLIN }, 1, 0), 0);
	rawpci_sys_close(&fd);
	ck_assert_int_eq(rawpci_sys_timer_start(fd, 1), -EBADF);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("sys");
	TCase *tests = tcase_create("sys");

	tcase_add_test(tests, a_file_is_mapped_over_reserved_space);
	tcase_add_test(tests, a_failed_mapping_leaves_the_space_reserved);
	tcase_add_test(tests, links_are_read);
	tcase_add_test(tests, an_error_has_words);
	tcase_add_test(tests, words_are_english_in_every_locale);
	tcase_add_test(tests, copies_of_a_descriptor_are_the_same_file);
	tcase_add_test(tests, a_device_node_has_its_numbers);
	tcase_add_test(tests, a_timer_signals_once_after_each_start);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
