/* SPDX-License-Identifier: MIT */
/*
 * A program that is out of descriptors: one more is allowed each time, until a device can be opened,
 * mapped and powered on. Every failure on the way says so, and leaves nothing behind.
 *   lab-lack BDF BACKEND [SETTING...]
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#include "check.h"

enum { MOST = 60 };

static void ignore(void *opaque, int32_t irq)
{
	(void)opaque;
	(void)irq;
}

/* 0, or what the first step that failed returned. */
static int live(struct rawpci *ctx, const char *bdf, struct rawpci_device **dev)
{
	struct rawpci_mapping mapping;
	bool interrupts = false;
	int r = rawpci_device_open(ctx, NULL, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, dev);

	if (r < 0)
		return r;
	for (int type = RAWPCI_IRQ_INTX; type <= RAWPCI_IRQ_MSIX; type++)
		interrupts |= rawpci_irq_count(*dev, (enum rawpci_irq_type)type) > 0;
	r = rawpci_region_map(*dev, 0, 0, 4096, &mapping);
	if (r == 0)
		r = rawpci_device_power(*dev, RAWPCI_POWER_ON);
	if (r == 0 && interrupts)
		r = rawpci_irq_attach(*dev, ignore, NULL, 1);
	if (r > 0)
		r = 0;
	if (r == 0)
		r = rawpci_device_power(*dev, RAWPCI_POWER_OFF);
	return r;
}

static rlim_t lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return (rlim_t)fd;
}

int main(int argc, char **argv)
{
	struct rawpci_options options = { .size = sizeof(options), .log_level = RAWPCI_LOG_INFO };
	struct rlimit before, limit;
	unsigned failures = 0;
	char driver[64];
	int r = -1;

	if (argc < 3)
		return 2;
	options.backend = argv[2];
	options.settings = argc > 3 ? (const char *const *)argv + 3 : NULL;
	snprintf(driver, sizeof(driver), "%s", host_driver(argv[1]));
	getrlimit(RLIMIT_NOFILE, &before);
	limit = before;
	for (rlim_t extra = 0; r != 0 && extra < MOST; extra++) {
		struct rawpci_device *dev = NULL;
		struct rawpci *ctx = NULL;
		int descriptors = open_descriptors();

		check(rawpci_create(&options, &ctx) == 0, "a context");
		limit.rlim_cur = lowest_free() + extra;
		setrlimit(RLIMIT_NOFILE, &limit);
		r = live(ctx, argv[1], &dev);
		setrlimit(RLIMIT_NOFILE, &before);
		if (r < 0) {
			failures++;
			check(r == -ENOSPC && strstr(rawpci_last_error(), "Too many open files"),
			      "%u descriptors: %d: %s", (unsigned)extra, r, rawpci_last_error());
		} else {
			check(true, "%u descriptors are enough", (unsigned)extra);
		}
		check(rawpci_device_close(dev) == 0 && rawpci_destroy(ctx) == 0, "closed");
		check(open_descriptors() == descriptors, "no descriptor is left");
		check(strcmp(host_driver(argv[1]), driver) == 0, "driver '%s', as before",
		      host_driver(argv[1]));
	}
	check(r == 0 && failures >= 3, "%u failures before", failures);
	return check_end();
}
