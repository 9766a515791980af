/* SPDX-License-Identifier: MIT */
/*
 * A device that no driver holds is opened by sysfs, and while it is open
 *   loaded BDF        its host driver is loaded, which looks for devices
 *   forced BDF NODE   its host driver is bound to it by force, and goes on after the close
 *   removed BDF       it is removed
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>
#include <rawpci/region.h>

#include "check.h"

static void say(void *opaque, enum rawpci_log_level level, const char *message)
{
	(void)opaque;
	(void)level;
	fprintf(stderr, "# %s\n", message);
}

static bool put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	close(fd);
	return ok;
}

static bool put_own(const char *bdf, const char *file, const char *text)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	return put(path, text);
}

static bool happens(const char *what, const char *bdf, const char *driver)
{
	if (strcmp(what, "removed") == 0)
		return put_own(bdf, "remove", "1");
	return (strcmp(what, "forced") != 0 || put_own(bdf, "driver_override", driver)) &&
	       put("/sys/bus/pci/drivers_probe", bdf);
}

/* In a process of its own, which an access may end. Returns its exit status. */
static int use(const char *what, const char *bdf, const char *driver)
{
	const struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "sysfs",
		.log_level = RAWPCI_LOG_INFO,
		.log = say,
	};
	struct rawpci_region_info region;
	struct rawpci_mapping bar;
	struct rawpci_device *dev;
	struct rawpci *ctx;
	uint64_t value = 0;
	int r = 0;

	if (rawpci_create(&options, &ctx) < 0 || rawpci_device_open(ctx, NULL, bdf, 0, &dev) < 0 ||
	    rawpci_device_power(dev, RAWPCI_POWER_ON) < 0 ||
	    rawpci_region_info(dev, 0, sizeof(region), &region) < 0 ||
	    rawpci_region_map(dev, 0, 0, region.size, &bar) < 0 ||
	    rawpci_mmio_read(dev, bar.base, 4, &value) < 0 || !happens(what, bdf, driver))
		return 1;
	fprintf(stderr, "# host driver: '%s'\n", host_driver(bdf));
	if (strcmp(what, "forced") != 0)
		r = rawpci_mmio_read(dev, bar.base, 4, &value);
	fprintf(stderr, "# read: %d, %#llx\n", r, (unsigned long long)value);
	if (strcmp(what, "loaded") == 0 && (r < 0 || host_driver(bdf)[0]))
		return 2;
	(void)rawpci_device_close(dev);
	return rawpci_destroy(ctx) < 0;
}

static bool disk_reads(const char *node)
{
	void *page = NULL;
	int fd = open(node, O_RDONLY | O_DIRECT | O_CLOEXEC);
	bool ok = fd >= 0 && posix_memalign(&page, 4096, 4096) == 0 && read(fd, page, 4096) == 4096;

	fprintf(stderr, "# %s: %s\n", node, ok ? "read" : strerror(errno));
	free(page);
	close(fd);
	return ok;
}

/* A read of a disk whose controller was reset under its driver takes longer than that. */
static void check_disk(const char *node)
{
	int done = 0;
	pid_t reader, ended = 0;

	check(wait_for_path(node, true), "%s is there", node);
	reader = fork();
	if (reader == 0)
		_exit(disk_reads(node) ? 0 : 1);
	for (int i = 0; i < 200 && ended == 0; i++) {
		ended = waitpid(reader, &done, WNOHANG);
		sleep_ms(100);
	}
	check(ended > 0 && WIFEXITED(done) && WEXITSTATUS(done) == 0, "its disk reads");
	if (ended == 0)
		kill(reader, SIGKILL);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "", *bdf = argc > 2 ? argv[2] : "";
	char driver[64];
	pid_t child;
	int status;

	if (argc < 3)
		return 2;
	snprintf(driver, sizeof(driver), "%s", host_driver(bdf));
	if (driver[0])
		check(put_own(bdf, "driver/unbind", bdf), "%s: unbound", bdf);
	child = fork();
	if (child == 0)
		_exit(use(what, bdf, driver));
	waitpid(child, &status, 0);
	check(!WIFSIGNALED(status), "no signal (%d)", WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	check(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "exit %d", WEXITSTATUS(status));
	if (strcmp(what, "loaded") == 0) {
		check(put("/sys/bus/pci/drivers_probe", bdf), "it is looked for again");
		check(strcmp(host_driver(bdf), driver) == 0, "bound to %s", host_driver(bdf));
	}
	if (strcmp(what, "forced") == 0 && argc > 3) {
		check_disk(argv[3]);
		check(put_own(bdf, "driver_override", "\n"), "the override is as before");
	}
	return check_end();
}
