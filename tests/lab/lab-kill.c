/* SPDX-License-Identifier: MIT */
/*
 * Kills a process that has a device, again and again: at each step of taking it, using it and
 * giving it back, and at any time. After each kill the device is given back by rawpci_recover(), or
 * by the next that opens it; then its host driver is there again and, where it is a disk's, the
 * disk reads.
 *
 * usage: lab-kill BDF STEPS TIMES MS [NODE]
 *   STEPS  kills at a step, evenly over all steps; 0: one at every step
 *   TIMES  kills at a time of up to MS milliseconds after the start
 *   NODE   the disk
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>
#include <rawpci/recover.h>

#include "check.h"
#include "kill.h"

#define LINES 12

struct host {
	const char *bdf, *node;
	char driver[64], override[64]; /* what it has to have */
	struct rawpci *ctx;
	char said[LINES][512]; /* since the last kill */
	unsigned lines;
	unsigned kills, left, recovered; /* left: with another driver than the host's */
};

static void keep_line(void *opaque, enum rawpci_log_level level, const char *message)
{
	struct host *host = opaque;

	(void)level;
	if (host->lines < LINES)
		snprintf(host->said[host->lines++], sizeof(host->said[0]), "%s", message);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The node is there a moment before it can be opened. */
static bool disk_reads(const char *node)
{
	for (int i = 0; i < 1000; i++) {
		char block[512];
		int fd = open(node, O_RDONLY | O_CLOEXEC);
		bool good = fd >= 0 && read(fd, block, sizeof(block)) == (ssize_t)sizeof(block);

		if (fd >= 0)
			close(fd);
		if (good)
			return true;
		sleep_ms(10);
	}
	return false;
}

static void read_override(const char *bdf, char text[64])
{
	char path[128];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", bdf);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, 63);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

static bool host_has_it(const struct host *host)
{
	char path[128], override[64];

	snprintf(path, sizeof(path), "/run/rawpci/%s", host->bdf);
	read_override(host->bdf, override);
	return strcmp(host_driver(host->bdf), host->driver) == 0 &&
	       strcmp(override, host->override) == 0 && access(path, F_OK) < 0 &&
	       (!host->node || disk_reads(host->node));
}

/* By the next open every third time, else by recover. */
static int give_back(struct host *host)
{
	struct rawpci_device *dev = NULL;
	int r;

	if (host->kills % 3 != 0)
		return rawpci_recover(host->ctx);
	r = rawpci_device_open(host->ctx, NULL, host->bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER, &dev);
	return r < 0 ? r : rawpci_device_close(dev);
}

static void after_kill(struct host *host, const char *how, long where)
{
	int r;

	host->kills++;
	host->lines = 0;
	host->left += strcmp(host_driver(host->bdf), host->driver) != 0;
	r = give_back(host);
	if (host->kills % 3 != 0 && r > 0)
		host->recovered += (unsigned)r;
	if (r >= 0 && host_has_it(host))
		return;
	check(false, "kill %u, %s %ld: %d, driver '%s'", host->kills, how, where, r,
	      host_driver(host->bdf));
	for (unsigned i = 0; i < host->lines; i++)
		printf("#   %s\n", host->said[i]);
}

static void kill_at_steps(struct host *host, unsigned wanted)
{
	int total = kill_at_step(host->bdf, 0);
	double start = now();
	unsigned stride, step, before = host->kills;

	if (!check(total > 0, "one cycle, not killed: %d steps", total))
		return;
	stride = wanted > 0 && (unsigned)total > wanted ? (unsigned)total / wanted : 1;
	for (step = 1; step <= (unsigned)total; step += stride) {
		int r = kill_at_step(host->bdf, step);

		if (r < 0 && !check(false, "the child failed before step %u", step))
			break;
		after_kill(host, "at step", (long)step);
	}
	check(host->kills > before, "%u kills at steps 1 to %d: %.1f s", host->kills - before, total,
	      now() - start);
}

static void kill_at_times(struct host *host, unsigned n, long most_ms)
{
	double start = now();

	for (unsigned i = 0; i < n; i++) {
		long ms = rand() % most_ms;

		if (!kill_after(host->bdf, ms))
			break;
		after_kill(host, "at ms", ms);
	}
	check(true, "%u kills at any time: %.1f s", n, now() - start);
}

int main(int argc, char **argv)
{
	struct host host = { 0 };
	struct rawpci_options options = {
		.size = sizeof(options), .backend = "vfio", .log_level = RAWPCI_LOG_INFO,
		.log = keep_line, .log_opaque = &host,
	};

	if (argc < 5) {
		fprintf(stderr, "usage: lab-kill BDF STEPS TIMES MS [NODE]\n");
		return 2;
	}
	host.bdf = argv[1];
	host.node = argc > 5 ? argv[5] : NULL;
	snprintf(host.driver, sizeof(host.driver), "%s", host_driver(host.bdf));
	read_override(host.bdf, host.override);
	if (!check(rawpci_create(&options, &host.ctx) == 0, "a context") ||
	    !check(host.driver[0] && host_has_it(&host), "it is bound to %s", host.driver))
		return check_end();
	srand(1);
	kill_at_steps(&host, (unsigned)strtoul(argv[2], NULL, 10));
	kill_at_times(&host, (unsigned)strtoul(argv[3], NULL, 10), strtol(argv[4], NULL, 10));
	check(host.left > 0, "%u kills, %u of which left it without %s; %u times recover gave it back",
	      host.kills, host.left, host.driver, host.recovered);
	check(rawpci_destroy(host.ctx) == 0, "context destroyed");
	return check_end();
}
