/* SPDX-License-Identifier: MIT */
/*
 * A group and its container are handed over by a process that has the device itself open, too, and has
 * used it. The kernel resets a device when it is first opened and last closed, which is neither here:
 * the library does.
 *   lab-used BDF (an nvme, bound to vfio-pci)
 */
#include <fcntl.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "check.h"

/* NVM Express Base Specification, 3.1: a reset clears it, as is seen first. */
#define CSTS 0x1c

static void say(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	fprintf(stderr, "# %s\n", message);
}

static uint64_t offset_of(int device, unsigned index)
{
	struct vfio_region_info info = { .argsz = sizeof(info), .index = index };

	return ioctl(device, VFIO_DEVICE_GET_REGION_INFO, &info) == 0 ? info.offset : 0;
}

static uint32_t csts(int device)
{
	uint32_t value = 0;

	(void)!pread(device, &value, 4, (off_t)(offset_of(device, 0) + CSTS));
	return value;
}

static void set_memory(int device)
{
	const uint16_t memory = 2;

	check(pwrite(device, &memory, 2,
		     (off_t)(offset_of(device, VFIO_PCI_CONFIG_REGION_INDEX) + 4)) == 2,
	      "decoding");
}

/* Enables the controller; no command is given to it. */
static void enable(int device)
{
	static const uint32_t writes[][2] = {
		{ 0x14, 0 },
		{ 0x24, 0x000f000f },
		{ 0x28, 0x1000 },
		{ 0x2c, 0 },
		{ 0x30, 0x2000 },
		{ 0x34, 0 },
		{ 0x14, 6 << 16 | 4 << 20 | 1 },
	};

	set_memory(device);
	for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
		(void)!pwrite(device, &writes[i][1], 4,
			      (off_t)(offset_of(device, 0) + writes[i][0]));
	for (int i = 0; i < 100 && csts(device) != 1; i++)
		sleep_ms(10);
	check(csts(device) == 1, "enabled");
}

int main(int argc, char **argv)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = say,
	};
	struct rawpci_device_fds fds = RAWPCI_DEVICE_FDS_NONE;
	struct rawpci_device_info info = { .can_reset = false };
	struct rawpci_region_info region;
	struct rawpci_mapping bar;
	struct rawpci_device *dev = NULL;
	struct rawpci *ctx = NULL;
	char link[256], target[256] = "", node[64];
	uint64_t value = 0;
	int device, r;

	if (argc != 2)
		return 2;
	snprintf(link, sizeof(link), "/sys/bus/pci/devices/%s/iommu_group", argv[1]);
	check(readlink(link, target, sizeof(target) - 1) > 0, "its group: %s", target);
	snprintf(node, sizeof(node), "/dev/vfio/%.20s", strrchr(target, '/') + 1);
	fds.group = open(node, O_RDWR | O_CLOEXEC);
	fds.container = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);
	check(ioctl(fds.group, VFIO_GROUP_SET_CONTAINER, &fds.container) == 0 &&
		      ioctl(fds.container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) == 0,
	      "a container");
	device = ioctl(fds.group, VFIO_GROUP_GET_DEVICE_FD, argv[1]);
	check(device >= 0, "the device");
	enable(device);
	check(ioctl(device, VFIO_DEVICE_RESET) == 0, "reset");
	set_memory(device);
	check(csts(device) == 0, "a reset clears it: CSTS is %#x", csts(device));
	enable(device);
	check(rawpci_create(&options, &ctx) == 0, "a context");
	r = rawpci_device_open_fds(ctx, NULL, argv[1], 0, &fds, &dev);
	check(r == 0, "open: %d: %s", r, rawpci_last_error());
	check(rawpci_device_info(dev, sizeof(info), &info) == 0 && info.can_reset, "has a reset");
	check(rawpci_device_power(dev, RAWPCI_POWER_ON) == 0, "on");
	check(rawpci_region_info(dev, 0, sizeof(region), &region) == 0 &&
		      rawpci_region_map(dev, 0, 0, region.size, &bar) == 0 &&
		      rawpci_mmio_read(dev, (char *)bar.base + CSTS, 4, &value) == 0,
	      "mapped");
	check(value == 0, "reset when it was powered on: CSTS is %#llx", (unsigned long long)value);
	enable(device);
	check(rawpci_device_close(dev) == 0 && rawpci_destroy(ctx) == 0, "closed");
	set_memory(device);
	check(csts(device) == 0, "reset when it was closed: CSTS is %#x", csts(device));
	close(device);
	return check_end();
}
