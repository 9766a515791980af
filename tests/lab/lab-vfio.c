/* SPDX-License-Identifier: MIT */
/*
 * What only a real kernel can show, one topic a run, through the native API.
 *
 * usage: lab-vfio TOPIC BDF [BACKEND] [SETTING...]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lab.h"

const char *const *lab_settings;
static const char *backend = "vfio";

static void print_log(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	printf("# %s: %s\n", level == RAWPCI_LOG_ERROR ? "error" : "note", message);
	fflush(stdout);
}

const char *lab_backend(void)
{
	return backend;
}

struct rawpci *lab_context(void)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = strcmp(backend, "auto") == 0 ? NULL : backend,
		.log_level = RAWPCI_LOG_INFO,
		.log = print_log,
		.settings = lab_settings,
	};
	struct rawpci *ctx = NULL;
	int ret = rawpci_create(&options, &ctx);

	check(ret == 0, "a context: %d", ret);
	return ctx;
}

bool lab_open(struct lab *lab, const char *bdf, bool on)
{
	struct rawpci_region_info info;
	int ret;

	memset(lab, 0, sizeof(*lab));
	sem_init(&lab->arrived, 0, 0);
	lab->ctx = lab_context();
	if (!lab->ctx)
		return false;
	ret = rawpci_vm_create(lab->ctx, &lab->vm);
	if (!check(ret == 0, "a VM: %d", ret))
		return false;
	ret = rawpci_device_open(lab->ctx, lab->vm, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &lab->dev);
	if (!check(ret == 0, "open: %d", ret))
		return false;
	ret = rawpci_region_info(lab->dev, 0, sizeof(info), &info);
	if (!check(ret == 0 && info.present && !(info.flags & RAWPCI_REGION_IO),
		   "BAR 0: %d, %llu bytes", ret, (unsigned long long)info.size))
		return false;
	ret = rawpci_region_map(lab->dev, 0, 0, info.size, &lab->bar);
	if (!check(ret == 0 && lab->bar.cpu == lab->bar.base, "BAR 0 mapped: %d", ret))
		return false;
	if (!on)
		return true;
	ret = rawpci_device_power(lab->dev, RAWPCI_POWER_ON);
	return check(ret == 0, "power on: %d", ret);
}

void lab_close(struct lab *lab)
{
	int ret = rawpci_device_close(lab->dev);

	check(ret == 0, "close: %d", ret);
	if (lab->vm) {
		ret = rawpci_vm_destroy(lab->vm);
		check(ret == 0, "VM destroyed: %d", ret);
	}
	ret = rawpci_destroy(lab->ctx);
	check(ret == 0, "context destroyed: %d", ret);
	sem_destroy(&lab->arrived);
}

uint32_t lab_read(struct lab *lab, uint32_t offset)
{
	uint64_t value = UINT32_MAX;
	int ret = rawpci_mmio_read(lab->dev, (uint8_t *)lab->bar.base + offset, 4, &value);

	if (ret < 0)
		check(false, "reading register 0x%x: %d", offset, ret);
	return (uint32_t)value;
}

void lab_write(struct lab *lab, uint32_t offset, uint32_t value)
{
	int ret = rawpci_mmio_write(lab->dev, (uint8_t *)lab->bar.base + offset, 4, value);

	if (ret < 0)
		check(false, "writing register 0x%x: %d", offset, ret);
}

bool lab_wait(struct lab *lab)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 10;
	return sem_timedwait(&lab->arrived, &limit) == 0;
}

uint32_t lab_capability(struct lab *lab, uint8_t id)
{
	uint32_t at = 0, header = 0;

	if (rawpci_config_read(lab->dev, 0x34, 1, &at) < 0)
		return 0;
	for (int i = 0; i < 48 && at >= 0x40; i++) {
		if (rawpci_config_read(lab->dev, at & 0xfc, 2, &header) < 0)
			return 0;
		if ((header & 0xff) == id)
			return at & 0xfc;
		at = header >> 8;
	}
	return 0;
}

/* Kernels that cannot do it are not tested. */
static void need_way(void)
{
	if (lab_settings && strcmp(lab_settings[0], "vfio.via=cdev") == 0 &&
	    access("/dev/iommu", F_OK) < 0) {
		printf("this kernel has no iommufd\n");
		exit(77);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *bdf);
	} topics[] = {
		{ "intx", edu_intx },
		{ "decode", edu_decode },
		{ "power", edu_power },
		{ "busy", edu_busy },
		{ "group", edu_group },
		{ "coalesce", memory_coalesce },
		{ "limits", memory_limits },
		{ "locked", memory_locked },
		{ "last-page", last_page },
		{ "net-intx", net_intx },
		{ "net-msix", net_msix },
		{ "net-config", net_config },
		{ "nvme-regions", nvme_regions },
		{ "nvme-commands", nvme_commands },
		{ "nvme-routes", nvme_routes },
		{ "nvme-handover", nvme_handover },
		{ "ports", ports },
		{ "via", via },
		{ "shared", via_shared },
		{ "noiommu", noiommu },
		{ "off-master", off_master },
		{ "off-sleep", off_sleep },
		{ "off-idle", off_idle },
		{ "config", plain_config },
		{ "refusals", plain_refusals },
		{ "sleep", plain_sleep },
		{ "combining", plain_combining },
		{ "uio-intx", uio_intx },
		{ "uio-master", uio_master },
		{ "choice", choice },
		{ "fallback", fallback },
		{ "gone", plain_gone },
		{ "direct", direct },
		{ "ones", ones },
		{ "protection", protection },
	};
	const char *topic = argc >= 3 ? argv[1] : "";
	int settings = argc > 3 && !strchr(argv[3], '=') ? 4 : 3;
	int before, after;
	char driver[64];

	if (settings == 4)
		backend = argv[3];
	lab_settings = argc > settings ? (const char *const *)(argv + settings) : NULL;
	if (strcmp(topic, "busy-child") == 0)
		return edu_busy_child(argv[2]);
	for (size_t i = 0; i < sizeof(topics) / sizeof(topics[0]); i++) {
		if (strcmp(topic, topics[i].name) != 0)
			continue;
		need_way();
		snprintf(driver, sizeof(driver), "%s", host_driver(argv[2]));
		before = open_descriptors();
		topics[i].run(argv[2]);
		after = open_descriptors();
		check(after == before, "descriptors: %d before, %d after", before, after);
		check(strcmp(driver, host_driver(argv[2])) == 0,
		      "host driver: '%s' before, '%s' after", driver, host_driver(argv[2]));
		return check_end();
	}
	fprintf(stderr, "usage: lab-vfio TOPIC BDF [BACKEND] [SETTING...]\n");
	return 2;
}
