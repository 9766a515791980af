/* SPDX-License-Identifier: MIT */
/*
 * The kernel's side of a tree that stands for sysfs: a library for LD_PRELOAD. What is written to
 * driver_override, unbind and drivers_probe changes the tree, as it changes sysfs. A device that is
 * bound to vfio-pci gets its group's node.
 *
 * RAWPCI_TEST_HOST is the tree. Its files:
 *
 *   match/ADDRESS  the driver that takes the device without an override
 *   real           nodes are character devices, not files
 *   slow           each write takes so many milliseconds
 *   slow-pipe2     so does each call of pipe2(), which is then a line of "written", too
 *   slow-execvp    and of execvp()
 *   refuse         the name of a file of which each write fails with EINVAL
 *   written        what has been written: a line "FILE TEXT" for each
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define PATH 512
#define DEVICES "sys/bus/pci/devices"

/* With 64-bit offsets the C library may call it by another name. */
#ifdef __GLIBC__
#define REAL "pwrite64"
#else
#define REAL "pwrite"
#endif

static char *in_tree(char path[PATH], const char *a, const char *b, const char *c)
{
	(void)snprintf(path, PATH, "%s/%s%s%s%s", getenv("RAWPCI_TEST_HOST"), a, b[0] ? "/" : "", b,
		       c);
	return path;
}

/* A small file's first line; "" if there is none. */
static void read_line(const char *path, char line[64])
{
	FILE *file = fopen(path, "re");

	if (!file || !fgets(line, 64, file))
		line[0] = '\0';
	if (file)
		(void)fclose(file);
	line[strcspn(line, "\n")] = '\0';
}

/* file: says how much. */
static void take_time(const char *file)
{
	char path[PATH], text[64];
	struct timespec time;

	read_line(in_tree(path, file, "", ""), text);
	time = (struct timespec){ .tv_sec = 0, .tv_nsec = atol(text) * 1000000 };
	(void)nanosleep(&time, NULL);
}

static bool link_name(const char *path, char name[64])
{
	char target[PATH];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	if (n < 0)
		return false;
	target[n] = '\0';
	(void)snprintf(name, 64, "%.63s", strrchr(target, '/') + 1);
	return true;
}

/* The node of the device's group; true if it has one. */
static bool node_of(const char *address, char path[PATH])
{
	char group[64];

	if (!link_name(in_tree(path, DEVICES, address, "/iommu_group"), group))
		return false;
	(void)in_tree(path, "dev/vfio", group, "");
	return true;
}

/* A character device is that of /dev/null. */
static void make_node(const char *path)
{
	char real[PATH];

	if (access(in_tree(real, "real", "", ""), F_OK) == 0)
		(void)mknod(path, S_IFCHR | 0600, makedev(1, 3));
	else
		(void)close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
}

static void unbind(const char *address)
{
	char path[PATH];

	if (node_of(address, path))
		(void)unlink(path);
	(void)unlink(in_tree(path, DEVICES, address, "/driver"));
}

static void probe(const char *address)
{
	char path[PATH], driver[64], target[PATH];

	if (access(in_tree(path, DEVICES, address, "/driver"), F_OK) == 0)
		return;
	read_line(in_tree(path, DEVICES, address, "/driver_override"), driver);
	if (strcmp(driver, "(null)") == 0)
		read_line(in_tree(path, "match", address, ""), driver);
	if (driver[0] == '\0' || access(in_tree(path, "sys/bus/pci/drivers", driver, ""), F_OK) < 0)
		return;
	(void)snprintf(target, sizeof(target), "../../drivers/%s", driver);
	(void)symlink(target, in_tree(path, DEVICES, address, "/driver"));
	if (strcmp(driver, "vfio-pci") == 0 && node_of(address, path))
		make_node(path);
}

static void set_override(const char *path, const char *driver)
{
	FILE *file = fopen(path, "we");

	if (!file)
		return;
	(void)fputs(strcmp(driver, "\n") == 0 ? "(null)\n" : driver, file);
	(void)fclose(file);
}

static void note(const char *name, const char *text)
{
	char path[PATH];
	FILE *file = fopen(in_tree(path, "written", "", ""), "ae");

	if (!file)
		return;
	(void)fprintf(file, "%s %.*s\n", name, (int)strcspn(text, "\n"), text);
	(void)fclose(file);
}

/* True: the kernel has taken what was written to the file at path. */
static bool answer(const char *path, const char *text)
{
	const char *name = strrchr(path, '/') + 1;
	bool override = strcmp(name, "driver_override") == 0;

	if (!override && strcmp(name, "unbind") != 0 && strcmp(name, "drivers_probe") != 0)
		return false;
	note(name, text);
	take_time("slow");
	if (override)
		set_override(path, text);
	else if (strcmp(name, "unbind") == 0)
		unbind(text);
	else
		probe(text);
	return true;
}

static bool is_refused(const char *path)
{
	char refuse[PATH], name[64];

	read_line(in_tree(refuse, "refuse", "", ""), name);
	return strcmp(strrchr(path, '/') + 1, name) == 0;
}

/* Returns 1 if the kernel has taken it, 0 if it is not for this host, or -1 and errno. */
static int answered(int fd, const void *buffer, size_t size)
{
	const char *root = getenv("RAWPCI_TEST_HOST");
	char link[64], path[PATH], text[64];
	ssize_t n;

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	if (!root || strncmp(path, root, strlen(root)) != 0 || size >= sizeof(text))
		return 0;
	(void)snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)buffer);
	if (is_refused(path)) {
		errno = EINVAL;
		return -1;
	}
	return answer(path, text);
}

ssize_t pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
	ssize_t (*real)(int, const void *, size_t, off_t);
	int taken = answered(fd, buffer, size);

	if (taken != 0)
		return taken < 0 ? -1 : (ssize_t)size;
	*(void **)&real = dlsym(RTLD_NEXT, REAL);
	return real(fd, buffer, size, offset);
}

static void slow_call(const char *name)
{
	char path[PATH], file[64];

	(void)snprintf(file, sizeof(file), "slow-%s", name);
	if (!getenv("RAWPCI_TEST_HOST") || access(in_tree(path, file, "", ""), F_OK) < 0)
		return;
	note(name, "");
	take_time(file);
}

int pipe2(int ends[2], int flags)
{
	int (*real)(int *, int);

	slow_call("pipe2");
	*(void **)&real = dlsym(RTLD_NEXT, "pipe2");
	return real(ends, flags);
}

int execvp(const char *name, char *const *argv)
{
	int (*real)(const char *, char *const *);

	slow_call("execvp");
	*(void **)&real = dlsym(RTLD_NEXT, "execvp");
	return real(name, argv);
}
