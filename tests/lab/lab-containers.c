/* SPDX-License-Identifier: MIT */
/*
 * A device that sysfs has open, and a second program with a /run of its own: with the same network
 * namespace it is kept out by the lock in sysfs. With another one and a sysfs of its own the kernel
 * shows it another inode of the same file, so that it sees no lock (Linux fs/kernfs/mount.c).
 *   lab-containers BDF
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>

#include "check.h"

static int use(const char *bdf, struct rawpci **ctx, struct rawpci_device **dev)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = "sysfs" };
	int r = rawpci_create(&options, ctx);

	return r < 0 ? r : rawpci_device_open(*ctx, NULL, bdf, 0, dev);
}

/* What a program in a container gets. */
static int inside(const char *bdf, int namespaces)
{
	struct rawpci_device *dev = NULL;
	struct rawpci *ctx = NULL;
	int status = 0;
	pid_t child = fork();

	if (child == 0) {
		if (unshare(namespaces) < 0 ||
		    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0 ||
		    ((namespaces & CLONE_NEWNET) && mount("sysfs", "/sys", "sysfs", 0, NULL) < 0))
			_exit(200);
		_exit(-use(bdf, &ctx, &dev));
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
		       ? -WEXITSTATUS(status)
		       : -1;
}

int main(int argc, char **argv)
{
	struct rawpci_device *dev = NULL;
	struct rawpci *ctx = NULL;
	int r;

	if (argc != 2)
		return 2;
	r = use(argv[1], &ctx, &dev);
	check(r == 0, "open: %d: %s", r, rawpci_last_error());
	r = inside(argv[1], CLONE_NEWNS);
	check(r == -EBUSY, "with another /run: %d", r);
	r = inside(argv[1], CLONE_NEWNS | CLONE_NEWNET);
	printf("# with another /run and another sysfs: %d\n", r);
	check(rawpci_device_close(dev) == 0, "closed");
	r = inside(argv[1], CLONE_NEWNS);
	check(r == 0, "then it can be had there: %d", r);
	check(rawpci_destroy(ctx) == 0, "destroyed");
	return check_end();
}
