/* SPDX-License-Identifier: MIT */
/*
 * What the host uses is not taken from it: a disk that it swaps to or has exclusively, a network
 * interface that is up, or that another network namespace has; unless the caller insists.
 *
 * usage: lab-inuse NVME-BDF NODE NET-BDF
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/swap.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>

#include "check.h"

/* Linux include/linux/swap.h: union swap_header, version 1, in pages of 4096 bytes. */
static bool make_swap(const char *node)
{
	static unsigned char page[4096];
	const unsigned pages = 1024;
	int fd = open(node, O_WRONLY | O_CLOEXEC);
	bool good;

	page[1024] = 1; /* version, little-endian */
	memcpy(page + 1028, &(unsigned){ pages - 1 }, 4);
	memcpy(page + sizeof(page) - 10, "SWAPSPACE2", 10);
	good = fd >= 0 && write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) && fsync(fd) == 0;
	if (fd >= 0)
		close(fd);
	return good;
}

/* The interface of a device, and whether it is up. */
static bool set_interface(const char *bdf, bool up, char name[IFNAMSIZ])
{
	struct ifreq request = { 0 };
	char path[128];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = false;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/net", bdf);
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
		if (e->d_name[0] != '.')
			snprintf(name, IFNAMSIZ, "%.15s", e->d_name);
	if (dir)
		closedir(dir);
	memcpy(request.ifr_name, name, IFNAMSIZ);
	if (fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0) {
		request.ifr_flags = (short)(up ? request.ifr_flags | IFF_UP
					       : request.ifr_flags & ~IFF_UP);
		good = ioctl(fd, SIOCSIFFLAGS, &request) == 0;
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static int try_open(struct rawpci *ctx, const char *bdf, unsigned flags)
{
	struct rawpci_device *dev = NULL;
	int r = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER | flags, &dev);

	return r < 0 ? r : rawpci_device_close(dev);
}

static void check_refused(struct rawpci *ctx, const char *bdf, const char *what)
{
	char driver[64];
	int r;

	snprintf(driver, sizeof(driver), "%s", host_driver(bdf));
	r = try_open(ctx, bdf, 0);
	check(r == -EBUSY && strstr(rawpci_last_error(), what), "refused: %d, %s", r,
	      rawpci_last_error());
	check(driver[0] && strcmp(driver, host_driver(bdf)) == 0, "still bound to %s",
	      host_driver(bdf));
}

/* As every file system, array and pool has its disks, wherever it is mounted. */
static void check_held(struct rawpci *ctx, const char *bdf, const char *node)
{
	int fd = open(node, O_RDONLY | O_EXCL | O_CLOEXEC);

	check(fd >= 0, "a process has %s exclusively", node);
	check_refused(ctx, bdf, "nvme0n1 is in use");
	if (fd >= 0)
		close(fd);
}

/* Of a container, which does not see the host's interfaces. */
static int try_in_container(const struct rawpci_options *options, const char *bdf)
{
	struct rawpci *ctx;
	int r;

	if (unshare(CLONE_NEWNET | CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL) < 0 || rawpci_create(options, &ctx) < 0)
		return 2;
	r = try_open(ctx, bdf, 0);
	printf("# from there: %d, %s\n", r, rawpci_last_error());
	r = r == -EBUSY && strstr(rawpci_last_error(), "in another network namespace") ? 0 : 1;
	fflush(stdout);
	return rawpci_destroy(ctx) == 0 ? r : 3;
}

static void check_container(const struct rawpci_options *options, const char *bdf)
{
	int status = 1; /* killed */
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0)
		_exit(try_in_container(options, bdf));
	if (child > 0)
		(void)waitpid(child, &status, 0);
	check(WIFEXITED(status) && WEXITSTATUS(status) == 0,
	      "refused to another network namespace (%x)", (unsigned)status);
}

int main(int argc, char **argv)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = "vfio" };
	char name[IFNAMSIZ] = "", sentence[64];
	struct rawpci *ctx;
	int r;

	if (argc != 4 || rawpci_create(&options, &ctx) < 0) {
		fprintf(stderr, "usage: lab-inuse NVME-BDF NODE NET-BDF\n");
		return 2;
	}
	check(wait_for_path(argv[2], true) && make_swap(argv[2]) && swapon(argv[2], 0) == 0,
	      "the host swaps to %s", argv[2]);
	check_refused(ctx, argv[1], "swaps to nvme0n1");
	check(swapoff(argv[2]) == 0, "no more");
	r = try_open(ctx, argv[1], 0);
	check(r == 0, "then it can be opened: %d", r);
	if (check(wait_for_path(argv[2], true), "%s is back", argv[2]))
		check_held(ctx, argv[1], argv[2]);
	r = try_open(ctx, argv[1], 0);
	check(r == 0, "no more, and it can be opened: %d", r);

	check_container(&options, argv[3]);

	check(set_interface(argv[3], true, name), "%s is up", name);
	snprintf(sentence, sizeof(sentence), "interface %s is up", name);
	check_refused(ctx, argv[3], sentence);
	r = try_open(ctx, argv[3], RAWPCI_OPEN_INSIST);
	check(r == 0, "who insists can open it: %d", r);
	r = try_open(ctx, argv[3], 0);
	check(r == 0, "a new interface is down: %d", r);
	check(rawpci_destroy(ctx) == 0, "context destroyed");
	return check_end();
}
