/* SPDX-License-Identifier: MIT */
/*
 * Downwards in sysfs a device's disks are found in ways that differ with every bus; upwards there
 * is one: /sys/class/block and /sys/class/net list links to all there are, and the path in the link
 * goes through the device.
 */
#include "os/inuse.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"
#include "os/sysfs.h"

#define DEPTH 8 /* of things that are built of each other */
#define TABLE_LIMIT (4u << 20)
#define NUMBER_TEXT 32

struct search {
	const char *root;
	char *mounts, *swaps; /* whole files */
	const char *below;    /* name of a directory in the path of what is looked for */
	char *text;
	unsigned depth;
};

static int find_disks(const struct search *search, const char *below);

static int class_path(const struct search *search, const char *name, const char *file,
		      char path[RAWPCI_SYSFS_PATH])
{
	int n = snprintf(path, RAWPCI_SYSFS_PATH, "%s/class/%s%s", search->root, name, file);

	return n >= 0 && n < RAWPCI_SYSFS_PATH ? 0 : -ENAMETOOLONG;
}

/* Is directory one of the directories of a link's path? */
static bool goes_through(const char *link, const char *directory)
{
	char target[PATH_MAX];
	size_t length = strlen(directory);
	const char *at = target;

	if (rawpci_sys_read_link(link, target, sizeof(target)) < 0)
		return false;
	while ((at = strstr(at, directory)) != NULL) {
		if (at > target && at[-1] == '/' && (at[length] == '/' || at[length] == '\0'))
			return true;
		at += length;
	}
	return false;
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

/* A word of a line, counted from 0, and how long it is; NULL: the line has fewer. */
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

/* By number, or by name where a file system has numbers of its own (btrfs). */
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
		return true;
	}
	for (line = search->swaps; line; line = next_line(line)) {
		if (!word_is(line, 0, nodes[0]) && !word_is(line, 0, nodes[1]))
			continue;
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "the host swaps to %s", name);
		return true;
	}
	return false;
}

/* What is built of the disk: its files, and its partitions. */
static int visit_holder(void *opaque, const char *name)
{
	return find_disks(opaque, name);
}

/* nvme0c1n1 is one of the paths to nvme0n1, which is below none of the controllers. */
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

static int check_disk(const struct search *search, const char *name)
{
	char nodes[2][RAWPCI_SYSFS_NAME * 2] = {"", ""};
	char path[RAWPCI_SYSFS_PATH], file[RAWPCI_SYSFS_NAME + 16];
	char mapper[RAWPCI_SYSFS_NAME + 32], number[NUMBER_TEXT] = "";
	int r;

	(void)snprintf(nodes[0], sizeof(nodes[0]), "/dev/%.64s", name);
	(void)snprintf(file, sizeof(file), "block/%.64s", name);
	if (class_path(search, file, "/dm/name", path) == 0 &&
	    rawpci_sys_read_file(path, mapper, sizeof(mapper)) > 0)
		(void)snprintf(nodes[1], sizeof(nodes[1]), "/dev/mapper/%s", mapper);
	if (class_path(search, file, "/dev", path) == 0)
		(void)rawpci_sys_read_file(path, number, sizeof(number));
	if (mounted(search, name, number, (const char (*)[RAWPCI_SYSFS_NAME * 2])nodes))
		return 1;
	r = class_path(search, file, "/holders", path);
	if (r == 0)
		r = rawpci_sys_list(path, visit_holder, (void *)(uintptr_t)search);
	if (r < 0 && r != -ENOENT)
		return r;
	return r > 0 ? r : find_head(search, name);
}

static int visit_disk(void *opaque, const char *name)
{
	const struct search *search = opaque;
	char file[RAWPCI_SYSFS_NAME + 16], path[RAWPCI_SYSFS_PATH];

	(void)snprintf(file, sizeof(file), "block/%.64s", name);
	if (class_path(search, file, "", path) < 0 || !goes_through(path, search->below))
		return 0;
	return check_disk(search, name);
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
	r = class_path(search, "block", "", path);
	if (r == 0)
		r = rawpci_sys_list(path, visit_disk, &deeper);
	return r == -ENOENT ? 0 : r;
}

static int visit_interface(void *opaque, const char *name)
{
	const struct search *search = opaque;
	char file[RAWPCI_SYSFS_NAME + 16], path[RAWPCI_SYSFS_PATH], flags[NUMBER_TEXT];

	(void)snprintf(file, sizeof(file), "net/%.64s", name);
	if (class_path(search, file, "", path) < 0 || !goes_through(path, search->below))
		return 0;
	/* IFF_UP of <linux/if.h> */
	if (class_path(search, file, "/flags", path) < 0 ||
	    rawpci_sys_read_file(path, flags, sizeof(flags)) < 0 ||
	    !(strtoul(flags, NULL, 16) & 1))
		return 0;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "the network interface %.64s is up", name);
	return 1;
}

static int find_interfaces(const struct search *search)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = class_path(search, "net", "", path);

	if (r == 0)
		r = rawpci_sys_list(path, visit_interface, (void *)(uintptr_t)search);
	return r == -ENOENT ? 0 : r;
}

static int find_display(const struct search *search, const struct rawpci_address *address)
{
	char path[RAWPCI_SYSFS_PATH], value[8];

	if (rawpci_sysfs_path(search->root, address, "boot_vga", path, sizeof(path)) < 0 ||
	    rawpci_sys_read_file(path, value, sizeof(value)) < 0 || strcmp(value, "1") != 0)
		return 0;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT,
		       "it is the display that the host was started with");
	return 1;
}

/* They would lose their physical function's driver, and vfio-pci does not take one that has them. */
static int find_functions(struct search *search, const struct rawpci_address *address)
{
	char path[RAWPCI_SYSFS_PATH], value[8];

	if (rawpci_sysfs_path(search->root, address, "sriov_numvfs", path, sizeof(path)) < 0 ||
	    rawpci_sys_read_file(path, value, sizeof(value)) < 0 || strcmp(value, "0") == 0)
		return 0;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "%s of its virtual functions are enabled",
		       value);
	return 1;
}

int rawpci_inuse_find(const char *root, const char *proc, const struct rawpci_address *address,
		      char *text)
{
	char name[RAWPCI_ADDRESS_TEXT];
	struct search search = {.root = root, .text = text,
				.below = rawpci_address_format(address, name)};
	int r = read_table(proc, "self/mountinfo", &search.mounts);

	if (r == 0)
		r = read_table(proc, "swaps", &search.swaps);
	if (r == -ENOENT && search.mounts) /* a kernel without swap */
		r = 0;
	if (r == 0)
		r = find_disks(&search, name);
	if (r == 0)
		r = find_interfaces(&search);
	if (r == 0)
		r = find_display(&search, address);
	if (r == 0)
		r = find_functions(&search, address);
	free(search.mounts);
	free(search.swaps);
	return r;
}
