/* SPDX-License-Identifier: MIT */
/*
 * Devices that are taken for another program: a user without rights opens their nodes meanwhile.
 * They are returned, kept and returned, and returned after the taker was killed.
 *
 * usage: lab-take vfio-pci|uio_pci_generic BDF...
 *
 * A first BDF that is a disk must be nvme0n1.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/backend.h>
#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/handover.h>
#include <rawpci/log.h>
#include <rawpci/recover.h>

#include "check.h"

#define NOBODY 65534
#define DISK "/dev/nvme0n1"

enum { DEVICES = 4 };

static struct lab {
	struct rawpci *ctx;
	const char *driver; /* to take the devices for */
	const char *const *bdf;
	unsigned n;
	char host[DEVICES][64]; /* drivers */
} lab;

static void print_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	printf("# %d: %s\n", (int)level, message);
	fflush(stdout);
}

static bool is_vfio(void)
{
	return strcmp(lab.driver, "vfio-pci") == 0;
}

/* "<directory><last part of the link, or first name in the directory>". */
static bool find_node(const char *bdf, char node[256])
{
	char command[256], name[64] = "";
	FILE *stream;

	snprintf(command, sizeof(command),
		 is_vfio() ? "basename $(readlink /sys/bus/pci/devices/%s/iommu_group)"
			   : "ls /sys/bus/pci/devices/%s/uio",
		 bdf);
	stream = popen(command, "r");
	if (!stream || !fgets(name, sizeof(name), stream))
		name[0] = '\0';
	if (stream)
		pclose(stream);
	name[strcspn(name, "\n")] = '\0';
	snprintf(node, 256, "%s/%s", is_vfio() ? "/dev/vfio" : "/dev", name);
	return name[0] != '\0' && access(node, F_OK) == 0;
}

static void check_drivers(const char *when, bool taken)
{
	for (unsigned i = 0; i < lab.n; i++) {
		const char *wanted = taken ? lab.driver : lab.host[i];

		check(strcmp(host_driver(lab.bdf[i]), wanted) == 0, "%s: %s is bound to %s", when,
		      lab.bdf[i], host_driver(lab.bdf[i]));
	}
}

static struct rawpci_taken *take(uint32_t uid)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	int r;

	options.driver = lab.driver;
	options.uid = uid;
	r = rawpci_take(lab.ctx, lab.bdf, lab.n, &options, &taken);
	check(r == 0, "taken: %d%s%s", r, r ? ": " : "", r ? rawpci_last_error() : "");
	check_drivers("taken", r == 0);
	return taken;
}

/* A user without rights has the nodes open until its standard input ends. */
static pid_t open_as_nobody(int *stay)
{
	struct vfio_group_status status = { .argsz = sizeof(status) };
	char node[256], byte = 'n';
	int ready[2], gate[2];
	pid_t child;

	if (pipe(ready) < 0 || pipe(gate) < 0)
		exit(2);
	child = fork();
	if (child == 0) {
		/* Also the locks, as a program that is executed does. */
		for (int fd = 3; fd < 1024; fd++)
			if (fd != ready[1] && fd != gate[0])
				close(fd);
		if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
			_exit(1);
		byte = 'y';
		for (unsigned i = 0; i < lab.n; i++) {
			int fd = find_node(lab.bdf[i], node) ? open(node, O_RDWR) : -1;

			if (fd < 0 ||
			    (is_vfio() && (ioctl(fd, VFIO_GROUP_GET_STATUS, &status) < 0 ||
					   !(status.flags & VFIO_GROUP_FLAGS_VIABLE))))
				byte = 'n';
		}
		(void)!write(ready[1], &byte, 1);
		(void)!read(gate[0], &byte, 1);
		_exit(0);
	}
	close(ready[1]);
	close(gate[0]);
	check(read(ready[0], &byte, 1) == 1 && byte == 'y', "nobody has opened the nodes");
	close(ready[0]);
	*stay = gate[1];
	return child;
}

static void check_shared_node(void)
{
	struct stat is = { .st_uid = NOBODY };

	if (!is_vfio())
		return;
	(void)stat("/dev/vfio/vfio", &is);
	check(is.st_uid == 0, "/dev/vfio/vfio is still user %u's", (unsigned)is.st_uid);
}

/* Where the kernel has device cdevs. */
static void check_cdev(const char *bdf)
{
	char path[256], name[64] = "";
	struct stat is;
	DIR *dir;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/vfio-dev", bdf);
	dir = opendir(path);
	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
		if (strncmp(e->d_name, "vfio", 4) == 0)
			snprintf(name, sizeof(name), "%.60s", e->d_name);
	if (dir)
		closedir(dir);
	snprintf(path, sizeof(path), "/dev/vfio/devices/%s", name);
	if (name[0] != '\0' && stat(path, &is) == 0)
		check(is.st_uid == NOBODY && (is.st_mode & 0777) == 0600,
		      "%s is user %u's, mode %o", path, (unsigned)is.st_uid,
		      (unsigned)is.st_mode & 0777);
}

static void used_and_returned(void)
{
	struct rawpci_taken *taken = take(NOBODY);
	int stay, r;
	pid_t child;

	if (!taken)
		return;
	check_shared_node();
	for (unsigned i = 0; i < lab.n; i++)
		check_cdev(lab.bdf[i]);
	child = open_as_nobody(&stay);
	close(stay);
	waitpid(child, NULL, 0);
	r = rawpci_taken_return(taken);
	check(r == 0, "returned: %d", r);
	check_drivers("returned", false);
}

/* The other program still has the nodes open. */
static void returned_too_early(void)
{
	struct rawpci_taken *taken = take(NOBODY);
	char process[32];
	int stay, r;
	pid_t child;

	if (!taken)
		return;
	child = open_as_nobody(&stay);
	snprintf(process, sizeof(process), "process %d", (int)child);
	r = rawpci_taken_return(taken);
	check(r == -EBUSY && strstr(rawpci_last_error(), process),
	      "returned while it is used: %d: %s", r, rawpci_last_error());
	check_drivers("still used", true);
	r = rawpci_recover(lab.ctx);
	check(r == 0, "recovered while it is used: %d", r);
	r = rawpci_return(lab.ctx, lab.bdf, lab.n);
	check(r == -EBUSY && strstr(rawpci_last_error(), process), "returned again: %d: %s", r,
	      rawpci_last_error());
	close(stay);
	waitpid(child, NULL, 0);
	r = rawpci_recover(lab.ctx);
	check(r == (int)lab.n, "recovered: %d", r);
	check_drivers("recovered", false);
}

/* In a process of its own, which ends without returning them. */
static void take_in_child(bool keep)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct rawpci_taken *taken = take(NOBODY);

		if (keep)
			check(rawpci_taken_keep(taken) == 0, "kept");
		raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	check(WIFSIGNALED(status), "the process that took them is killed");
	check_drivers("killed", true);
}

static void killed(void)
{
	int r;

	take_in_child(false);
	r = rawpci_recover(lab.ctx);
	check(r == (int)lab.n, "recovered: %d", r);
	check_drivers("recovered", false);
}

static int count(void *opaque, const struct rawpci_kept *kept)
{
	unsigned *n = opaque;
	char name[RAWPCI_ADDRESS_TEXT];

	printf("# kept: %s of %s for %s\n", rawpci_address_format(&kept->address, name),
	       kept->host_driver, kept->driver);
	++*n;
	return 0;
}

static unsigned count_kept(void)
{
	unsigned n = 0;

	rawpci_kept_each(lab.ctx, sizeof(struct rawpci_kept), count, &n);
	return n;
}

/* It says the same as an open does. */
static void check_explained(const char *bdf, bool openable)
{
	struct rawpci_explanation *e = NULL;
	const struct rawpci_finding *f = NULL;

	if (rawpci_explain(lab.ctx, bdf, NULL, &e) == 0)
		f = e->findings;
	while (f && f->obstacle != RAWPCI_OBSTACLE_KEPT)
		f = f->next;
	check(f && e->openable == openable, "explained: %s", f ? f->cause : "not as kept");
	rawpci_explanation_destroy(e);
}

static void open_kept(const char *backend, bool works)
{
	struct rawpci_device *dev = NULL;
	int r;

	rawpci_backend_choose(lab.ctx, backend);
	check_explained(lab.bdf[0], works);
	r = rawpci_device_open(lab.ctx, NULL, lab.bdf[0], RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);
	check(works ? r == 0 : r == -EBUSY && strstr(rawpci_last_error(), "rawpci_return()"),
	      "opened by %s: %d%s%s", backend, r, r ? ": " : "", r ? rawpci_last_error() : "");
	if (works) {
		r = rawpci_return(lab.ctx, NULL, 0);
		check(r == -EBUSY, "returned while it is open: %d: %s", r, rawpci_last_error());
	}
	r = rawpci_device_close(dev);
	check(r == 0, "closed: %d", r);
	rawpci_backend_choose(lab.ctx, NULL);
	check_drivers("closed", true);
	check(count_kept() == lab.n, "%u are kept", lab.n);
}

static void kept(void)
{
	int r;

	take_in_child(true);
	check(count_kept() == lab.n, "%u are kept", lab.n);
	r = rawpci_recover(lab.ctx);
	check(r == 0, "recovery leaves them alone: %d", r);
	check_drivers("kept", true);
	open_kept(is_vfio() ? "vfio" : "uio", true);
	open_kept(is_vfio() ? "uio" : "vfio", false);
	open_kept("sysfs", false);
	r = rawpci_return(lab.ctx, lab.bdf, lab.n);
	check(r == 0, "returned: %d%s%s", r, r ? ": " : "", r ? rawpci_last_error() : "");
	check_drivers("returned", false);
	check(count_kept() == 0, "none is kept");
	r = rawpci_return(lab.ctx, lab.bdf, lab.n);
	check(r == -ENOENT, "returned again: %d: %s", r, rawpci_last_error());
}

/* Another program has the disk: no device is touched. */
static void in_use(void)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;
	struct rawpci_taken *taken = NULL;
	const char *turned[DEVICES];
	int disk, r;

	if (!wait_for_path(DISK, true))
		return;
	for (unsigned i = 0; i < lab.n; i++)
		turned[i] = lab.bdf[lab.n - 1 - i];
	disk = open(DISK, O_RDONLY | O_EXCL);
	options.driver = lab.driver;
	r = rawpci_take(lab.ctx, turned, lab.n, &options, &taken);
	check(r == -EBUSY && !taken, "in use: %d: %s", r, rawpci_last_error());
	check_drivers("in use", false);
	close(disk);
}

int main(int argc, char **argv)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.log = print_log,
		.log_level = RAWPCI_LOG_INFO,
	};
	int before = open_descriptors(), after;
	char path[128];

	if (argc < 3 || argc > 2 + DEVICES) {
		fprintf(stderr, "usage: lab-take DRIVER BDF...\n");
		return 2;
	}
	lab.driver = argv[1];
	lab.bdf = (const char *const *)(argv + 2);
	lab.n = (unsigned)argc - 2;
	snprintf(path, sizeof(path), "/sys/bus/pci/drivers/%s", lab.driver);
	if (access(path, F_OK) < 0) {
		printf("this kernel has no %s\n", lab.driver);
		return 77;
	}
	for (unsigned i = 0; i < lab.n; i++) {
		snprintf(lab.host[i], sizeof(lab.host[i]), "%s", host_driver(lab.bdf[i]));
		check(lab.host[i][0] != '\0', "%s has the driver %s", lab.bdf[i], lab.host[i]);
	}
	if (rawpci_create(&options, &lab.ctx) < 0)
		return 2;
	in_use();
	used_and_returned();
	returned_too_early();
	killed();
	kept();
	check(rawpci_destroy(lab.ctx) == 0, "the context is destroyed");
	after = open_descriptors();
	check(after == before, "descriptors: %d before, %d after", before, after);
	return check_end();
}
