/* SPDX-License-Identifier: MIT */
/*
 * Finds a use of the disks below a device: a mount, swap, or an exclusive open. It first reads what
 * the kernel lists, because that has names. Then it tries to open each disk exclusively. That also
 * finds a use that the kernel does not list (ZFS), or not for this process (another mount
 * namespace).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/inuse.h"
#include "os/slow.h"
#include "os/sys.h"
#include "os/sysfs.h"

#define DEPTH 8 /* of volumes that are built on each other */
#define TABLE_LIMIT (4u << 20)
#define NUMBER_TEXT 32

struct search {
	const char *root;
	const char *nodes;    /* directory of the disks' nodes, to open them; NULL: only look */
	unsigned limit_ms;    /* for each open */
	char *mounts, *swaps; /* whole files */
	const char *below;    /* name of a directory in the path of each disk */
	char *text, *stop;
	unsigned depth;
};

struct member {
	const struct search *search;
	const char *name;
	bool held; /* a volume is built on it */
};

static int find_disks(const struct search *search, const char *below);

/* Counts an absent directory as empty. A directory that may not be read is an error, and so is
 * -ENOENT of each(). */
static int list(const char *path, int (*each)(void *opaque, const char *name), void *opaque)
{
	return rawpci_sys_access(path, F_OK) == -ENOENT ? 0 : rawpci_sys_list(path, each, opaque);
}

/* Reads a file of unknown size. */
static int read_table(const char *proc, const char *file, char **out)
{
	char path[RAWPCI_SYSFS_PATH];
	size_t size = 16384;
	int n = snprintf(path, sizeof(path), "%s/%s", proc, file);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	for (;;) {
		char *text = malloc(size);
		int r = text ? rawpci_sys_read_file(path, text, size) : -ENOMEM;

		if (r >= 0) {
			*out = text;
			return 0;
		}
		free(text);
		size *= 4;
		if (r != -ENOBUFS || size > TABLE_LIMIT)
			return r;
	}
}

/* A word of a line, counted from 0, and its length; NULL: the line has fewer words. */
static const char *word(const char *line, unsigned index, size_t *length)
{
	for (; index > 0; index--) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	*length = strcspn(line, " \t\n");
	return *length > 0 ? line : NULL;
}

static bool word_is(const char *line, unsigned index, const char *text)
{
	size_t length;
	const char *found = word(line, index, &length);

	return found && text[0] != '\0' && strlen(text) == length &&
	       strncmp(found, text, length) == 0;
}

static const char *next_line(const char *line)
{
	line = strchr(line, '\n');
	return line && line[1] != '\0' ? line + 1 : NULL;
}

/* The words after the line's " - ": type, source, options (proc_pid_mountinfo(5)). */
static const char *after_dash(const char *line)
{
	const char *dash = strstr(line, " - ");
	const char *end = strchr(line, '\n');

	return dash && (!end || dash < end) ? dash + 3 : "";
}

/* "/" cannot be unmounted. */
static void say_umount(const struct search *search, const char *where, size_t length)
{
	char path[RAWPCI_INUSE_STOP];

	if (length <= 1 || length >= sizeof(path))
		return;
	memcpy(path, where, length);
	path[length] = '\0';
	rawpci_inuse_stop(search->stop, "umount ", path, "");
}

/* Compares numbers, and names because some file systems have numbers of their own (btrfs). */
static bool mounted(const struct search *search, const char *name, const char *number,
		    const char nodes[2][RAWPCI_SYSFS_NAME * 2])
{
	const char *line;
	size_t length;

	for (line = search->mounts; line; line = next_line(line)) {
		const char *source = after_dash(line);
		const char *where = word(line, 4, &length);

		if (!where || (!word_is(line, 2, number) && !word_is(source, 1, nodes[0]) &&
			       !word_is(source, 1, nodes[1])))
			continue;
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "%s is mounted on %.*s", name,
			       (int)(length < 128 ? length : 128), where);
		say_umount(search, where, length);
		return true;
	}
	for (line = search->swaps; line; line = next_line(line)) {
		if (!word_is(line, 0, nodes[0]) && !word_is(line, 0, nodes[1]))
			continue;
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "the host swaps to %s", name);
		rawpci_inuse_stop(search->stop, "swapoff ", nodes[0], "");
		return true;
	}
	return false;
}

static int visit_btrfs(void *opaque, const char *id)
{
	const struct member *member = opaque;
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/fs/btrfs/%s/devices/%s", member->search->root, id,
			 member->name);

	return n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_access(path, F_OK) == 0;
}

/* mountinfo names one of a file system's disks. While the file system is mounted anywhere, sysfs
 * has all of them. */
static bool in_btrfs(const struct search *search, const char *name)
{
	struct member member = { .search = search, .name = name };
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/fs/btrfs", search->root);

	if (n < 0 || (size_t)n >= sizeof(path) || list(path, visit_btrfs, &member) != 1)
		return false;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "%s is part of a btrfs that is mounted",
		       name);
	return true;
}

static int visit_holder(void *opaque, const char *name)
{
	struct member *member = opaque;

	member->held = true;
	return find_disks(member->search, name);
}

static int visit_partition(void *opaque, const char *name)
{
	struct member *member = opaque;
	char path[RAWPCI_SYSFS_PATH], file[RAWPCI_SYSFS_NAME + 16];

	(void)snprintf(file, sizeof(file), "/%.64s/partition", name);
	return rawpci_sysfs_class(member->search->root, "block", member->name, file, path) == 0 &&
	       rawpci_sys_access(path, F_OK) == 0;
}

/* nvme0c1n1 is a path to nvme0n1, and sysfs has nvme0n1 below none of its controllers. */
static int find_head(const struct search *search, const char *name)
{
	char head[RAWPCI_SYSFS_NAME];
	unsigned subsystem, controller, space;
	char end;

	if (sscanf(name, "nvme%uc%un%u%c", &subsystem, &controller, &space, &end) != 3)
		return 0;
	(void)snprintf(head, sizeof(head), "nvme%un%u", subsystem, space);
	return find_disks(search, head);
}

/* Tries for a moment: the node may be about to appear, and a claim may be as short as this one. */
static int claim(const char *node, unsigned limit_ms)
{
	const int flags = O_RDONLY | O_EXCL | O_NONBLOCK;
	int r = rawpci_slow_claim(node, flags, limit_ms);

	for (int i = 0; i < 10 && (r == -ENOENT || r == -EBUSY); i++) {
		rawpci_sys_sleep_ms(10);
		r = rawpci_slow_claim(node, flags, limit_ms);
	}
	return r;
}

/* O_EXCL without O_CREAT claims a block device for one user. Every file system, swap, array, volume
 * and pool claims its disks, in any namespace (Linux block/bdev.c, bd_may_claim()). A claim on a
 * partition also refuses a claim on the disk. */
static int check_claim(const struct search *search, const char *name)
{
	char node[RAWPCI_SYSFS_PATH], error[64];
	int n = snprintf(node, sizeof(node), "%s/%s", search->nodes, name);
	int r;

	if (n < 0 || (size_t)n >= sizeof(node))
		return -ENAMETOOLONG;
	for (char *at = node; (at = strchr(at, '!')) != NULL;)
		*at = '/';
	r = claim(node, search->limit_ms);
	if (r == 0 || r == -ENOMEDIUM)
		return 0;
	if (r == -EBUSY) {
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT,
			       "%s is in use: mounted elsewhere "
			       "(in a container?), or part of a pool or an array",
			       name);
		return 1;
	}
	if (r == -ETIMEDOUT)
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT,
			       "whether the host uses the disk %s cannot be found out, because the "
			       "disk hangs: the kernel has not opened it in %u ms",
			       name, search->limit_ms);
	else
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT,
			       "whether the host uses %s cannot be found out: %.128s: %s", name,
			       node, rawpci_sys_error_text(r, error, sizeof(error)));
	return r;
}

/* If volumes are built on the disk, looks at them instead: the disk is in use if one of them is. */
static int check_parts(const struct search *search, const char *name, const char *number)
{
	struct member member = { .search = search, .name = name };
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_class(search->root, "block", name, "/holders", path);

	if (r == 0)
		r = list(path, visit_holder, &member);
	if (r == 0)
		r = find_head(search, name);
	/* A disk without a number has no node: it is one of several paths to a disk. */
	if (r != 0 || !search->nodes || number[0] == '\0' || member.held)
		return r;
	r = rawpci_sysfs_class(search->root, "block", name, "", path);
	if (r == 0)
		r = list(path, visit_partition, &member);
	return r == 0 ? check_claim(search, name) : r == 1 ? 0 : r;
}

static int check_disk(const struct search *search, const char *name)
{
	char nodes[2][RAWPCI_SYSFS_NAME * 2] = { "", "" };
	char path[RAWPCI_SYSFS_PATH];
	char mapper[RAWPCI_SYSFS_NAME + 32], number[NUMBER_TEXT] = "";

	(void)snprintf(nodes[0], sizeof(nodes[0]), "/dev/%.64s", name);
	if (rawpci_sysfs_class(search->root, "block", name, "/dm/name", path) == 0 &&
	    rawpci_sys_read_file(path, mapper, sizeof(mapper)) > 0)
		(void)snprintf(nodes[1], sizeof(nodes[1]), "/dev/mapper/%s", mapper);
	if (rawpci_sysfs_class(search->root, "block", name, "/dev", path) == 0)
		(void)rawpci_sys_read_file(path, number, sizeof(number));
	if (mounted(search, name, number, (const char(*)[RAWPCI_SYSFS_NAME * 2]) nodes) ||
	    in_btrfs(search, name))
		return 1;
	return check_parts(search, name, number);
}

static int visit_disk(void *opaque, const char *name)
{
	const struct search *search = opaque;
	char path[RAWPCI_SYSFS_PATH];

	int r = rawpci_sysfs_class(search->root, "block", name, "", path);

	if (r < 0)
		return 0;
	r = rawpci_sysfs_goes_through(path, search->below);
	return r == 1 ? check_disk(search, name) : r;
}

/* The disks and partitions whose path goes through a directory. */
static int find_disks(const struct search *search, const char *below)
{
	struct search deeper = *search;
	char path[RAWPCI_SYSFS_PATH];
	int r;

	if (search->depth == DEPTH)
		return -ELOOP;
	deeper.depth++;
	deeper.below = below;
	r = rawpci_sysfs_class(search->root, "block", "", "", path);
	if (r == 0)
		r = list(path, visit_disk, &deeper);
	return r;
}

/* Looks at the lists first, because they have names. */
int rawpci_inuse_disks(const struct rawpci_inuse_host *host, const char *below, char *text)
{
	struct search search = {
		.root = host->sys, .text = text, .stop = host->stop, .limit_ms = host->limit_ms
	};
	int r = read_table(host->proc, "self/mountinfo", &search.mounts);

	if (r == 0)
		r = read_table(host->proc, "swaps", &search.swaps);
	if (r == -ENOENT && search.mounts) /* a kernel without swap */
		r = 0;
	if (r == 0)
		r = find_disks(&search, below);
	search.nodes = host->dev;
	if (r == 0 && search.nodes)
		r = find_disks(&search, below);
	free(search.mounts);
	free(search.swaps);
	return r;
}
