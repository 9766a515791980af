/* SPDX-License-Identifier: MIT */
/*
 * The host removes an edu while it is open: what its user is told, and what is left.
 *
 *   lab-gone BDF BACKEND [SETTING]
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/region.h>

#include "check.h"
#include "edu.h"

static const char *bdf;
static char said[65536];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void note(void *opaque, enum rawpci_log_level level, const char *message)
{
	size_t n;

	(void)opaque;
	pthread_mutex_lock(&lock);
	n = strlen(said);
	snprintf(said + n, sizeof(said) - n, "%s\n", message);
	pthread_mutex_unlock(&lock);
	printf("# %d %s\n", (int)level, message);
}

static bool heard(const char *text)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = strstr(said, text) != NULL;
	pthread_mutex_unlock(&lock);
	return found;
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return done;
}

/* With VFIO the kernel waits here until the device is closed. */
static void *removes(void *opaque)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/remove", bdf);
	*(bool *)opaque = put(path, "1");
	return NULL;
}

static void handler(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

static int read_identity(struct rawpci_device *dev, const struct rawpci_mapping *map,
			 uint64_t *value)
{
	return rawpci_mmio_read(dev, map->base, 4, value);
}

/* sysfs tells nothing by itself: the next call that asks finds out. */
static void by_a_call(struct rawpci_device *dev, const struct rawpci_mapping *map)
{
	uint64_t value = 0;
	int r = read_identity(dev, map, &value);

	printf("# a plain MMIO access: %d, %#llx\n", r, (unsigned long long)value);
	r = rawpci_region_read(dev, 0, 0, 4, &value);
	check(r == -ESHUTDOWN, "a read of the region: %d: %s", r, rawpci_last_error());
}

/* The kernel ends uio's node, which the engine notices. */
static void by_the_node(struct rawpci_device *dev, const struct rawpci_mapping *map)
{
	uint64_t value;
	int r = 0;

	for (int i = 0; i < 1000 && r == 0; i++) {
		sleep_ms(10);
		r = read_identity(dev, map, &value);
	}
	check(r == -ESHUTDOWN, "found out without a call: %d: %s", r, rawpci_last_error());
}

static void use(struct rawpci_device *dev, const char *backend)
{
	const bool vfio = strcmp(backend, "vfio") == 0, uio = strcmp(backend, "uio") == 0;
	struct rawpci_mapping map;
	pthread_t thread;
	bool removed = false;
	uint64_t value = 0;

	check(rawpci_device_power(dev, RAWPCI_POWER_ON) == 0 &&
		      rawpci_region_map(dev, 0, 0, 0x1000, &map) == 0 &&
		      read_identity(dev, &map, &value) == 0 && value == EDU_ID_VALUE,
	      "it works: %#llx", (unsigned long long)value);
	if (uio)
		check(rawpci_irq_attach(dev, handler, NULL, 0) > 0, "a handler is attached");
	pthread_create(&thread, NULL, removes, &removed);
	if (vfio) {
		sleep_ms(500);
	} else {
		pthread_join(thread, NULL);
		check(removed, "removed");
		if (uio)
			by_the_node(dev, &map);
		else
			by_a_call(dev, &map);
		check(read_identity(dev, &map, &value) == -ESHUTDOWN &&
			      rawpci_mmio_write(dev, map.base, 4, 0) == -ESHUTDOWN,
		      "no access gets through: %s", rawpci_last_error());
	}
	check(rawpci_device_close(dev) == 0, "closed");
	if (vfio)
		pthread_join(thread, NULL);
	check(removed, "the kernel has removed it");
}

int main(int argc, char **argv)
{
	const char *const settings[] = { argc > 3 ? argv[3] : NULL, NULL };
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = argc > 2 ? argv[2] : NULL,
		.log = note,
		.log_level = RAWPCI_LOG_DEBUG,
		.settings = settings,
	};
	struct rawpci_device *dev;
	struct rawpci *ctx;
	char path[128];

	if (argc < 3)
		return 2;
	if (settings[0] && strcmp(settings[0], "vfio.via=cdev") == 0 &&
	    access("/dev/iommu", F_OK) < 0) {
		printf("1..0 # SKIP this kernel has no iommufd\n");
		return 77;
	}
	bdf = argv[1];
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	if (!check(rawpci_create(&options, &ctx) == 0, "a context"))
		return check_end();
	if (check(rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev) == 0,
		  "opened: %s", rawpci_last_error()))
		use(dev, argv[2]);
	check(!heard("load that driver") && !heard("could not be returned"),
	      "no advice to load a driver");
	check(wait_for_path(path, false), "the host does not have it");
	check(heard("the host has removed it: nothing to return") || heard(": returned"),
	      "one line says what has become of it");
	snprintf(path, sizeof(path), "/run/rawpci/%s", bdf);
	check(access(path, F_OK) < 0, "its record is gone, too");
	check(rawpci_destroy(ctx) == 0, "destroyed");
	check(put("/sys/bus/pci/rescan", "1"), "the bus is scanned again");
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s", bdf);
	check(wait_for_path(path, true), "the host has it again");
	return check_end();
}
