/* SPDX-License-Identifier: MIT */
/*
 * A process that had taken a device is killed; another program, which does not use this library, then
 * opens the device by VFIO, as QEMU would: it is bound to vfio-pci. It is given back when that program
 * has ended, and not before.
 *   lab-other BDF
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>
#include <rawpci/recover.h>

#include "check.h"

static void say(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	fprintf(stderr, "# %s\n", message);
}

static struct rawpci *context(void)
{
	const char *const settings[] = { "driver.timeout_ms=2000", NULL };
	const struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = say,
		.settings = settings,
	};
	struct rawpci *ctx = NULL;

	(void)rawpci_create(&options, &ctx);
	return ctx;
}

static void leave(const char *bdf)
{
	struct rawpci_device *dev = NULL;
	int status;
	pid_t child = fork();

	if (child == 0) {
		(void)rawpci_device_open(context(), NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER,
					 &dev);
		(void)raise(SIGKILL);
	}
	waitpid(child, &status, 0);
	check(strcmp(host_driver(bdf), "vfio-pci") == 0, "left bound to %s", host_driver(bdf));
}

static int open_as_others_do(const char *bdf, int *group_out, int *container_out)
{
	char link[256], target[256] = "/", node[64];
	int group, container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	*container_out = container;
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	(void)!readlink(link, target, sizeof(target) - 1);
	snprintf(node, sizeof(node), "/dev/vfio/%.20s", strrchr(target, '/') + 1);
	group = open(node, O_RDWR | O_CLOEXEC);
	*group_out = group;
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return -1;
	return ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
}

int main(int argc, char **argv)
{
	pid_t child, ended = 0;
	int device, group = -1, container = -1, status = 0;
	char driver[64];

	if (argc != 2)
		return 2;
	snprintf(driver, sizeof(driver), "%s", host_driver(argv[1]));
	leave(argv[1]);
	device = open_as_others_do(argv[1], &group, &container);
	check(device >= 0, "open in another program");
	child = fork();
	if (child == 0) {
		close(device);
		status = rawpci_recover(context());
		fprintf(stderr, "# rawpci_recover(): %d: %s\n", status, rawpci_last_error());
		_exit(status == 0 ? 0 : 1);
	}
	for (int i = 0; ended == 0 && i < 100; i++) {
		sleep_ms(100);
		ended = waitpid(child, &status, WNOHANG);
	}
	check(ended == child, "recovering ends within 10 s, with a limit of 2");
	check(ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "it left it alone");
	check(!kernel_said("blocked until released"), "the kernel was not asked to take it away");
	close(device);
	close(group);
	close(container);
	status = rawpci_recover(context());
	check(status == 1 && strcmp(host_driver(argv[1]), driver) == 0, "then it is back: %d, %s",
	      status, host_driver(argv[1]));
	return check_end();
}
