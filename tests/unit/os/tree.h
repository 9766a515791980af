/* SPDX-License-Identifier: MIT */
/* A directory tree that stands in for sysfs. */
#ifndef RAWPCI_TESTS_TREE_H
#define RAWPCI_TESTS_TREE_H

#include <check.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char root[64];
};

static inline void tree_create(struct tree *tree)
{
	/* In memory if possible: records are synced, and a busy disk takes long for that. */
	(void)snprintf(tree->root, sizeof(tree->root), "%s/rawpci-tree-XXXXXX",
		       access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
	ck_assert_ptr_nonnull(mkdtemp(tree->root));
}

static inline int tree_remove_one(const char *path, const struct stat *info, int kind,
				  struct FTW *where)
{
	(void)info;
	(void)kind;
	(void)where;
	return remove(path);
}

/* Gives a directory of the tree a mode, such as 0 so that it may not be searched, and makes this
 * process another user if it is root. Each test has a process of its own. */
static inline void tree_bar(const struct tree *tree, const char *directory, mode_t mode)
{
	char path[512];

	ck_assert_int_lt(snprintf(path, sizeof(path), "%s/%s", tree->root, directory), 512);
	ck_assert_int_eq(chmod(tree->root, 0755), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
	if (geteuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
}

/* After tree_bar(), so that the tree can be removed. */
static inline void tree_unbar(const struct tree *tree, const char *directory)
{
	char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", tree->root, directory);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert_int_eq(chmod(path, 0755), 0);
}

static inline void tree_destroy(struct tree *tree)
{
	(void)nftw(tree->root, tree_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* The full path of a file. Makes the directories above it. */
static inline const char *tree_path(const struct tree *tree, char path[512], const char *file)
{
	char *at;

	ck_assert_int_lt(snprintf(path, 512, "%s/%s", tree->root, file), 512);
	for (at = path + strlen(tree->root) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(path, 0755);
		*at = '/';
	}
	return path;
}

static inline void tree_write(const struct tree *tree, const char *file, const char *text)
{
	char path[512];
	FILE *stream = fopen(tree_path(tree, path, file), "w");

	ck_assert_ptr_nonnull(stream);
	ck_assert_int_ge(fputs(text, stream), 0);
	ck_assert_int_eq(fclose(stream), 0);
}

/* The text of a file; "" if there is no such file. */
static inline const char *tree_read(const struct tree *tree, const char *file, char text[512])
{
	char path[512];
	FILE *stream = fopen(tree_path(tree, path, file), "r");
	size_t n = stream ? fread(text, 1, 511, stream) : 0;

	text[n] = '\0';
	if (stream)
		(void)fclose(stream);
	return text;
}

static inline void tree_directory(const struct tree *tree, const char *file)
{
	char path[512];

	(void)mkdir(tree_path(tree, path, file), 0755);
}

static inline void tree_link(const struct tree *tree, const char *file, const char *target)
{
	char path[512];

	(void)unlink(tree_path(tree, path, file));
	ck_assert_int_eq(symlink(target, path), 0);
}

static inline void tree_unlink(const struct tree *tree, const char *file)
{
	char path[512];

	ck_assert_int_eq(unlink(tree_path(tree, path, file)), 0);
}

#endif
