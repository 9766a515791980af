/* SPDX-License-Identifier: MIT */
/* Brings about the situations in which lab-explain asks. */
#include "explain-situations.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/swap.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>

#define NOBODY 65534
#define DISK "/dev/nvme0n1"

const char *address, *sibling;
const char *backend = "vfio";
bool detach;
pid_t holder = -1;

void read_link_name(const char *path, char *name, size_t size)
{
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *last;

	target[n > 0 ? n : 0] = '\0';
	last = strrchr(target, '/');
	(void)snprintf(name, size, "%.*s", (int)size - 1, last ? last + 1 : target);
}

static bool write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		(void)close(fd);
	return done;
}

void device_file(const char *device, const char *file, char path[128])
{
	(void)snprintf(path, 128, "/sys/bus/pci/devices/%s/%s", device, file);
}

/* Takes it from its driver and, where one is named, gives it to that. */
static int bind_to(const char *device, const char *driver)
{
	char path[128], now[64];

	device_file(device, "driver/unbind", path);
	(void)write_text(path, device);
	device_file(device, "driver_override", path);
	(void)write_text(path, driver[0] ? driver : "\n");
	if (driver[0] == '\0')
		return 0;
	(void)write_text("/sys/bus/pci/drivers_probe", device);
	device_file(device, "driver", path);
	read_link_name(path, now, sizeof(now));
	return strcmp(now, driver) == 0 ? 0 : SKIP;
}

void node_of(const char *device, char path[128])
{
	char link[128], group[32];

	device_file(device, "iommu_group", link);
	read_link_name(link, group, sizeof(group));
	(void)snprintf(path, 128, "/dev/vfio/%s", group);
}

int before_nothing(void)
{
	return 0;
}

int before_on_vfio(void)
{
	return bind_to(address, "vfio-pci");
}

int before_on_vfio_of_nobody(void)
{
	char node[128];
	int r = before_on_vfio();

	node_of(address, node);
	return r == 0 && chown(node, NOBODY, NOBODY) == 0 ? 0 : SKIP;
}

/* Starts a process that keeps something open until it is killed. */
static int hold(bool (*keep_open)(void))
{
	int ends[2];
	char byte = 'n';

	if (pipe(ends) < 0)
		return SKIP;
	holder = fork();
	if (holder == 0) {
		(void)!write(ends[1], keep_open() ? "y" : "n", 1);
		(void)pause();
		_exit(0);
	}
	(void)!read(ends[0], &byte, 1);
	(void)close(ends[0]);
	(void)close(ends[1]);
	return byte == 'y' ? 0 : SKIP;
}

static bool keep_device(void)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = "vfio" };
	struct rawpci_device *dev;
	struct rawpci *ctx;

	return rawpci_create(&options, &ctx) == 0 &&
	       rawpci_device_open(ctx, NULL, address, 0, &dev) == 0;
}

static bool keep_node(void)
{
	char node[128];

	node_of(address, node);
	return open(node, O_RDWR | O_CLOEXEC) >= 0;
}

int before_owned(void)
{
	return before_on_vfio() == 0 ? hold(keep_device) : SKIP;
}

int before_node_held(void)
{
	return before_on_vfio() == 0 ? hold(keep_node) : SKIP;
}

static bool take_device(void)
{
	struct rawpci_options options = { .size = sizeof(options), .backend = "vfio" };
	struct rawpci_device *dev;
	struct rawpci *ctx;

	return rawpci_create(&options, &ctx) == 0 &&
	       rawpci_device_open(ctx, NULL, address, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev) == 0;
}

/* By a process that is killed while it has the device, taken from its host driver. */
int before_left(void)
{
	detach = true;
	if (hold(take_device) == SKIP)
		return SKIP;
	(void)kill(holder, SIGKILL);
	(void)waitpid(holder, NULL, 0);
	holder = -1;
	return 0;
}

/* Linux include/linux/swap.h: union swap_header, version 1, in pages of 4096 bytes. */
int before_swapped(void)
{
	static const unsigned pages = 1024;
	unsigned char page[4096] = { [1024] = 1 };
	int fd = open(DISK, O_WRONLY | O_CLOEXEC);
	bool written;

	backend = NULL;
	if (swapon(DISK, 0) == 0 || errno == EBUSY) /* since the situation before */
		return 0;
	memcpy(page + 1028, &(unsigned){ pages - 1 }, 4);
	memcpy(page + sizeof(page) - 10, "SWAPSPACE2", 10);
	written = fd >= 0 && write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) &&
		  fsync(fd) == 0;
	if (fd >= 0)
		(void)close(fd);
	return written && swapon(DISK, 0) == 0 ? 0 : SKIP;
}

int before_swapped_detach(void)
{
	detach = true;
	return before_swapped();
}

int before_to_be_detached(void)
{
	detach = true;
	return 0;
}

int before_unbound(void)
{
	return bind_to(address, "");
}

int before_without_module(void)
{
	(void)bind_to(address, "");
	return syscall(SYS_delete_module, "vfio_pci", O_NONBLOCK) == 0 ? 0 : SKIP;
}

int before_uring_off(void)
{
	return write_text("/proc/sys/kernel/io_uring_disabled", "2") ? 0 : SKIP;
}
