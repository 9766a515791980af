/* SPDX-License-Identifier: MIT */
/* Topics on devices without VFIO in between (sysfs, uio): what is kept from them, and refused. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "edu.h"
#include "lab.h"

enum {
	COMMAND = 0x04,
	COMMAND_MASTER = 0x04,
	BAR0 = 0x10,
	INTERRUPT_LINE = 0x3c,
	CAP_MSI = 0x05,
	CAP_MSIX = 0x11,
};

static uint32_t config(struct lab *lab, uint32_t offset, unsigned width)
{
	uint32_t value = 0;
	int ret = rawpci_config_read(lab->dev, offset, width, &value);

	if (ret < 0)
		check(false, "reading config 0x%x: %d", offset, ret);
	return value;
}

static void set_config(struct lab *lab, uint32_t offset, unsigned width, uint32_t value)
{
	int ret = rawpci_config_write(lab->dev, offset, width, value);

	if (ret < 0)
		check(false, "writing config 0x%x: %d", offset, ret);
}

/* What the device itself has, past the library. */
static uint32_t really(const char *bdf, uint32_t offset, unsigned width)
{
	char path[128];
	uint32_t value = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &value, width, offset) != (ssize_t)width)
		check(false, "reading %s at 0x%x", path, offset);
	close(fd);
	return value;
}

static void move_bar(struct lab *lab, const char *bdf)
{
	uint32_t before = really(bdf, BAR0, 4), sized;
	struct rawpci_region_info info;

	rawpci_region_info(lab->dev, 0, sizeof(info), &info);
	check(config(lab, BAR0, 4) == before, "BAR 0: 0x%08x", before);
	set_config(lab, BAR0, 4, UINT32_MAX);
	sized = config(lab, BAR0, 4);
	check((uint32_t)(~(sized & ~0xfu) + 1) == info.size, "sized: 0x%08x", sized);
	set_config(lab, BAR0, 4, 0xc0000000);
	check(config(lab, BAR0, 4) == (0xc0000000 | (before & 0xf)), "moved: 0x%08x",
	      config(lab, BAR0, 4));
	check(really(bdf, BAR0, 4) == before, "and has not moved really: 0x%08x",
	      really(bdf, BAR0, 4));
}

void plain_config(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t before, at;

	if (lab_open(&lab, bdf, true)) {
		move_bar(&lab, bdf);
		before = really(bdf, INTERRUPT_LINE, 1);
		set_config(&lab, INTERRUPT_LINE, 1, 0x5a);
		check(config(&lab, INTERRUPT_LINE, 1) == 0x5a &&
			      really(bdf, INTERRUPT_LINE, 1) == before,
		      "interrupt line: a copy");
		at = lab_capability(&lab, CAP_MSI);
		if (check(at != 0, "MSI at 0x%02x", at)) {
			set_config(&lab, at + 2, 2, config(&lab, at + 2, 2) | 1);
			check(!(really(bdf, at + 2, 2) & 1), "MSI cannot be enabled by hand");
			set_config(&lab, at + 4, 4, 0xfee00000);
			check(really(bdf, at + 4, 4) == 0, "nor be given an address");
		}
		at = lab_capability(&lab, CAP_MSIX);
		if (at != 0) {
			set_config(&lab, at + 2, 2, 0x8000);
			check(!(really(bdf, at + 2, 2) & 0x8000),
			      "MSI-X cannot be enabled by hand");
		}
		check(really(bdf, COMMAND, 2) & COMMAND_MASTER, "bus mastering while on");
	}
	lab_close(&lab);
	check(!(really(bdf, COMMAND, 2) & COMMAND_MASTER), "none afterwards: COMMAND 0x%04x",
	      really(bdf, COMMAND, 2));
}

static void nothing(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

void plain_refusals(const char *bdf)
{
	bool uio = strcmp(lab_backend(), "uio") == 0;
	void *ram = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct rawpci_mapping map;
	struct lab lab = { 0 };
	uint64_t value = 0;
	int fd = 0, ret;

	if (lab_open(&lab, bdf, false)) {
		ret = rawpci_irq_route(lab.dev, RAWPCI_IRQ_MSI, 0, 1, &fd);
		check(ret == -EOPNOTSUPP, "MSI: %d: %s", ret, rawpci_last_error());
		if (!uio) {
			ret = rawpci_irq_attach(lab.dev, nothing, NULL, 1);
			check(ret == -EOPNOTSUPP, "a handler: %d: %s", ret, rawpci_last_error());
		}
		ret = rawpci_region_map_wc(lab.dev, 0, 0, 4096, &map);
		check(ret == -EOPNOTSUPP, "write-combining registers: %d: %s", ret,
		      rawpci_last_error());
		ret = rawpci_memory_map(lab.vm, 0, ram, 1 << 20);
		check(ret == 0, "memory for a device that is off: %d", ret);
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_ON);
		check(ret == -EOPNOTSUPP, "power on with it: %d: %s", ret, rawpci_last_error());
		ret = rawpci_memory_unmap(lab.vm, 0, 1 << 20);
		check(ret == 0 && rawpci_device_power(lab.dev, RAWPCI_POWER_ON) == 0,
		      "and without it");
		ret = rawpci_region_read(lab.dev, 0, 0, 4, &value);
		check(ret == 0 && value == EDU_ID_VALUE, "a register by trapping: %d, 0x%llx", ret,
		      (unsigned long long)value);
	}
	lab_close(&lab);
	munmap(ram, 1 << 20);
}

/* The device, e1000e, has the power management capability: its config space survives. */
void plain_sleep(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t bar = really(bdf, BAR0, 4), status;
	int ret;

	if (lab_open(&lab, bdf, true)) {
		status = lab_read(&lab, 8);
		check(status != UINT32_MAX, "status register: 0x%08x", status);
		for (int i = 0; i < 3; i++) {
			ret = rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND);
			check(ret == 0, "suspend: %d", ret);
			ret = rawpci_device_power(lab.dev, RAWPCI_POWER_RESUME);
			check(ret == 0 && really(bdf, BAR0, 4) == bar, "resume: %d, BAR 0 0x%08x",
			      ret, really(bdf, BAR0, 4));
			check(lab_read(&lab, 8) != UINT32_MAX, "status register: 0x%08x",
			      lab_read(&lab, 8));
		}
		ret = rawpci_device_reset(lab.dev);
		check(ret == 0 || ret == -EOPNOTSUPP, "reset: %d", ret);
		check(really(bdf, BAR0, 4) == bar && lab_read(&lab, 8) != UINT32_MAX,
		      "works after it: 0x%08x", lab_read(&lab, 8));
	}
	lab_close(&lab);
}

static bool has_combining(const char *bdf)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2_wc", bdf);
	return access(path, F_OK) == 0;
}

/* ivshmem-plain: BAR 0 has 256 bytes of registers, BAR 2 is memory, 64-bit prefetchable. */
void plain_combining(const char *bdf)
{
	struct rawpci_region_info info = { 0 };
	struct rawpci_device_info device = { 0 };
	struct rawpci_mapping plain, wc;
	struct lab lab = { 0 };
	uint64_t value = 0;
	int ret;

	lab.ctx = lab_context();
	ret = rawpci_device_open(lab.ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &lab.dev);
	if (!check(ret == 0, "open: %d", ret))
		goto out;
	check(rawpci_device_power(lab.dev, RAWPCI_POWER_ON) == 0, "power on");
	ret = rawpci_region_info(lab.dev, 0, sizeof(info), &info);
	check(ret == 0 && info.size == 256 && info.area_count == 0, "BAR 0: %llu bytes, not mapped",
	      (unsigned long long)info.size);
	ret = rawpci_region_read(lab.dev, 0, 8, 4, &value);
	check(ret == 0, "a register of it by trapping: %d, 0x%llx", ret, (unsigned long long)value);
	check(rawpci_device_info(lab.dev, sizeof(device), &device) == 0 && device.can_map_wc,
	      "it says that it can");
	ret = rawpci_region_info(lab.dev, 2, sizeof(info), &info);
	check(ret == 0 && info.flags == (RAWPCI_REGION_64BIT | RAWPCI_REGION_PREFETCH),
	      "BAR 2: %llu bytes, flags 0x%x", (unsigned long long)info.size, info.flags);
	ret = rawpci_region_map_wc(lab.dev, 2, 0, info.size, &wc);
	/* Kernels that were built without page attributes have no such files. */
	if (!has_combining(bdf))
		check(ret == -EOPNOTSUPP, "no mapping of that kind: %d", ret);
	else if (check(ret == 0 && wc.cpu, "mapped write-combining: %d", ret) &&
		 check(rawpci_region_map(lab.dev, 2, 0, info.size, &plain) == 0, "and plainly")) {
		memset(wc.cpu, 0xa5, 4096);
		ret = rawpci_mmio_read(lab.dev, (uint8_t *)plain.base + 4088, 8, &value);
		check(ret == 0 && value == 0xa5a5a5a5a5a5a5a5, "written there, read here: %d", ret);
		ret = rawpci_region_read(lab.dev, 2, 0, 8, &value);
		check(ret == 0 && value == 0xa5a5a5a5a5a5a5a5, "8 bytes by trapping: %d", ret);
		ret = rawpci_region_unmap(lab.dev, wc.base);
		check(ret == 0, "unmapped: %d", ret);
	}
	check(rawpci_device_close(lab.dev) == 0, "close");
out:
	check(rawpci_destroy(lab.ctx) == 0, "context destroyed");
}

/* The device is removed while it is open. */
void plain_gone(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t value = 0;
	char path[128];
	int fd, ret;

	if (lab_open(&lab, bdf, true)) {
		snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
		fd = open(path, O_WRONLY | O_CLOEXEC);
		check(fd >= 0 && write(fd, "1", 1) == 1, "removed");
		close(fd);
		ret = rawpci_config_read(lab.dev, 0, 4, &value);
		check(ret == -ESHUTDOWN, "config space: %d: %s", ret, rawpci_last_error());
		ret = rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND);
		check(ret == -ESHUTDOWN, "suspend: %d", ret);
	}
	lab_close(&lab);
}
