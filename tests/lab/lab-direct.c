/* SPDX-License-Identifier: MIT */
/* Topics on what a guest could do to the host past the library: direct accesses while the device
 * does not answer, every bit of config space, and DMA without VFIO. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rawpci/explain.h>

#include "../touch.h"
#include "lab.h"

enum {
	COMMAND = 0x04,
	COMMAND_MEMORY = 0x02,
	STATUS = 0x06,
	CAP_PM = 0x01,
	CAP_EXPRESS = 0x10,
	PM_CONTROL = 4,
	EXPRESS_STATUS = 0x0a,
	CONFIG_SIZE = 4096,
};

static void set(struct lab *lab, uint32_t offset, uint32_t value)
{
	int ret = rawpci_config_write(lab->dev, offset, 2, value);

	if (ret < 0)
		check(false, "writing config 0x%x: %d: %s", offset, ret, rawpci_last_error());
}

static uint32_t get(struct lab *lab, uint32_t offset)
{
	uint32_t value = 0;
	int ret = rawpci_config_read(lab->dev, offset, 2, &value);

	if (ret < 0)
		check(false, "reading config 0x%x: %d: %s", offset, ret, rawpci_last_error());
	return value;
}

static void expect(struct lab *lab, int raises, const char *when)
{
	uint32_t value = 0;
	int raised = touch(lab->bar.cpu, &value);

	check(raised == raises, "a load %s: signal %d, 0x%08x", when, raised, value);
}

void direct(const char *bdf)
{
	struct lab lab = { 0 };
	uint32_t pm, command;

	if (lab_open(&lab, bdf, true)) {
		command = get(&lab, COMMAND);
		expect(&lab, 0, "while on");
		set(&lab, COMMAND, command & ~(uint32_t)COMMAND_MEMORY);
		expect(&lab, SIGBUS, "with decoding off");
		set(&lab, COMMAND, command);
		expect(&lab, 0, "with decoding on again");
		pm = lab_capability(&lab, CAP_PM);
		if (pm != 0) {
			set(&lab, pm + PM_CONTROL, 3);
			expect(&lab, SIGBUS, "in D3hot");
			set(&lab, pm + PM_CONTROL, 0);
			sleep_ms(20);
			set(&lab, COMMAND, command);
			expect(&lab, 0, "in D0 again");
			check(rawpci_device_power(lab.dev, RAWPCI_POWER_SUSPEND) == 0, "suspend");
			expect(&lab, SIGBUS, "suspended");
			check(rawpci_device_power(lab.dev, RAWPCI_POWER_RESUME) == 0, "resume");
			expect(&lab, 0, "resumed");
		}
	}
	lab_close(&lab);
}

static void read_all(const char *bdf, uint8_t config[CONFIG_SIZE])
{
	char path[128];
	int fd;

	memset(config, 0, CONFIG_SIZE);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/config", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	check(fd >= 0 && pread(fd, config, CONFIG_SIZE, 0) >= 256, "config space read");
	close(fd);
}

/* Errors that have been seen are cleared by it. */
static bool is_status(uint32_t at, uint32_t express)
{
	return at / 2 == STATUS / 2 || (express && at / 2 == (express + EXPRESS_STATUS) / 2);
}

/* Everything is as before, whatever was written. The device, e1000e, has the common capabilities. */
void ones(const char *bdf)
{
	static uint8_t before[CONFIG_SIZE], after[CONFIG_SIZE];
	struct rawpci_device_info info = { 0 };
	struct lab lab = { 0 };
	uint32_t express = 0, pm = 0;
	int different = 0;

	read_all(bdf, before);
	if (lab_open(&lab, bdf, false)) {
		express = lab_capability(&lab, CAP_EXPRESS);
		pm = lab_capability(&lab, CAP_PM);
		check(express != 0 && pm != 0, "PM at 0x%02x, Express at 0x%02x", pm, express);
		(void)rawpci_device_info(lab.dev, sizeof(info), &info);
		for (uint32_t at = 0; at < info.config_size; at += 4)
			if (rawpci_config_write(lab.dev, at, 4, UINT32_MAX) < 0)
				check(false, "writing 0x%x: %s", at, rawpci_last_error());
		read_all(bdf, after);
		check(pm != 0 && !(after[pm + PM_CONTROL + 1] & 1), "PME is not enabled");
		check(memcmp(before, after, 4) == 0, "the ids have stayed");
	}
	lab_close(&lab);
	read_all(bdf, after);
	for (uint32_t at = 0; at < CONFIG_SIZE; at++) {
		if (before[at] == after[at] || is_status(at, express))
			continue;
		printf("# 0x%03x: 0x%02x became 0x%02x\n", at, before[at], after[at]);
		different++;
	}
	check(different == 0, "config space is as before, %d bytes are not", different);
}

static int warned;

static void count_warnings(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	printf("# %s\n", message);
	if (level == RAWPCI_LOG_WARNING && strstr(message, "memory") &&
	    strstr(message, "it can reach all host memory"))
		warned++;
}

static bool on_command_line(const char *word)
{
	char text[1024] = "";
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	close(fd);
	return n > 0 && strstr(text, word) != NULL;
}

/* A warning where no IOMMU is in the way, in the log and in the diagnosis, and none elsewhere. */
void protection(const char *bdf)
{
	bool open_to_all = on_command_line("iommu=pt") || on_command_line("intel_iommu=off");
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = lab_backend(),
		.log = count_warnings,
		.log_level = RAWPCI_LOG_WARNING,
	};
	struct rawpci_explain_options flags = {
		.size = sizeof(flags),
		.flags = RAWPCI_OPEN_DETACH_HOST_DRIVER,
	};
	struct rawpci_explanation *explanation = NULL;
	struct rawpci_device *dev = NULL;
	struct rawpci *ctx = NULL;
	int found = 0, ret;

	check(rawpci_create(&options, &ctx) == 0, "a context");
	ret = rawpci_explain(ctx, bdf, &flags, &explanation);
	if (check(ret == 0 && explanation->openable, "explained: %d", ret)) {
		for (const struct rawpci_finding *f = explanation->findings; f; f = f->next)
			if (f->obstacle == RAWPCI_OBSTACLE_NO_IOMMU && !f->blocks)
				found++;
		printf("# %.*s\n", (int)strcspn(explanation->text, "\n"), explanation->text);
		check(found == (open_to_all ? 1 : 0), "findings: %d; group type '%s'", found,
		      explanation->device->iommu_type);
	}
	rawpci_explanation_destroy(explanation);
	ret = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);
	check(ret == 0 && warned == (open_to_all ? 1 : 0), "open: %d, %d warnings", ret, warned);
	check(rawpci_device_close(dev) == 0, "close");
	check(rawpci_destroy(ctx) == 0, "context destroyed");
}
