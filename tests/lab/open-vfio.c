/* SPDX-License-Identifier: MIT */
/* A program that opens a device by VFIO itself, as QEMU does: with no help of this library. */
#include "open-vfio.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "check.h"

enum { STATUS_COMMAND = 4, MASTER = 4 };

static int fail(const char *what)
{
	fprintf(stderr, "open-vfio: %s: %s\n", what, strerror(errno));
	return 1;
}

static int open_group(const char *bdf)
{
	char link[256], target[256] = "/", node[64];

	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", bdf);
	(void)!readlink(link, target, sizeof(target) - 1);
	snprintf(node, sizeof(node), "/dev/vfio/%.20s", strrchr(target, '/') + 1);
	return open(node, O_RDWR | O_CLOEXEC);
}

int open_vfio(const char *bdf, long ms)
{
	struct vfio_region_info config = { .argsz = sizeof(config),
					   .index = VFIO_PCI_CONFIG_REGION_INDEX };
	int container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	int group = open_group(bdf);
	uint16_t command = MASTER;
	int device;

	if (container < 0 || group < 0)
		return fail("the nodes");
	if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) < 0 ||
	    ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) < 0)
		return fail("the container");
	device = ioctl(group, VFIO_GROUP_GET_DEVICE_FD, bdf);
	if (device < 0 || ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &config) < 0)
		return fail("the device");
	if (pwrite(device, &command, sizeof(command), (off_t)config.offset + STATUS_COMMAND) != 2)
		return fail("its config space");
	sleep_ms(ms);
	return 0;
}
