/* SPDX-License-Identifier: MIT */
/*
 * Two devices of one IOMMU group for one VM: the first is taken from its host driver, the second had
 * none. They are closed in the order of opening. The kernel refuses the host driver while
 * the group is user space's (Linux drivers/iommu/iommu.c, iommu_device_use_default_domain()): closing
 * the second gives the first back.
 *   lab-siblings FIRST SECOND
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/recover.h>

#include "check.h"

static bool told_to_load;

static void say(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	fprintf(stderr, "# %s\n", message);
	if (strstr(message, "load that driver"))
		told_to_load = true;
}

static void unbind(const char *bdf)
{
	char path[128];
	int fd;

	if (host_driver(bdf)[0] == '\0')
		return;
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver/unbind", bdf);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	check(fd >= 0 && write(fd, bdf, strlen(bdf)) == (ssize_t)strlen(bdf), "%s: unbound", bdf);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "vfio",
		.log_level = RAWPCI_LOG_INFO,
		.log = say,
	};
	struct rawpci_device *first = NULL, *second = NULL;
	struct rawpci_vm *vm = NULL;
	struct rawpci *ctx = NULL;
	char driver[64];
	int r;

	if (argc != 3)
		return 2;
	unbind(argv[2]);
	snprintf(driver, sizeof(driver), "%s", host_driver(argv[1]));
	check(driver[0] != '\0', "%s: %s", argv[1], driver);
	check(rawpci_create(&options, &ctx) == 0 && rawpci_vm_create(ctx, &vm) == 0, "created");
	r = rawpci_device_open(ctx, vm, argv[1], RAWPCI_OPEN_DETACH_HOST_DRIVER, &first);
	check(r == 0, "open: %d: %s", r, rawpci_last_error());
	r = rawpci_device_open(ctx, vm, argv[2], 0, &second);
	check(r == 0, "open: %d: %s", r, rawpci_last_error());
	check(rawpci_device_close(first) == 0, "the first closed");
	check(host_driver(argv[1])[0] == '\0' && rawpci_recover(ctx) == -EBUSY, "not before: %s",
	      rawpci_last_error());
	check(rawpci_device_close(second) == 0, "the second closed");
	check(strcmp(host_driver(argv[1]), driver) == 0, "%s: '%s' has it again", argv[1],
	      host_driver(argv[1]));
	check(!told_to_load, "no message asks for a driver that is loaded");
	r = rawpci_recover(ctx);
	check(r == 0, "nothing is left to recover: %d", r);
	check(rawpci_vm_destroy(vm) == 0 && rawpci_destroy(ctx) == 0, "destroyed");
	return check_end();
}
