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
#define MASTER 0x4u
#define INTX_DISABLE 0x400u

struct host {
	struct kill_target target;
	const char *node;
	char driver[64], override[64]; /* what it has to have */
	unsigned command, enables;
	struct rawpci *ctx;
	char said[LINES][512]; /* since the last kill */
	unsigned lines;
	unsigned kills, recovered;
	unsigned left, changed, mastering; /* with another driver, other registers, bus mastering */
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

static void read_text(const char *bdf, const char *file, char text[64])
{
	char path[128];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", bdf, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, text, 63);
		close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
}

static unsigned enables_of(const struct host *host)
{
	char text[64];

	read_text(host->target.bdf, "enable", text);
	return (unsigned)strtoul(text, NULL, 10);
}

/* With uio Interrupt Disable is left out: it stays set for an interrupt that is still raised, as it
 * is in a device that has no reset. */
static unsigned command_of(const struct host *host)
{
	char bytes[64];
	unsigned command;

	read_text(host->target.bdf, "config", bytes);
	command = (unsigned char)bytes[4] | (unsigned)(unsigned char)bytes[5] << 8;
	return strcmp(host->target.backend, "uio") == 0 ? command & ~INTX_DISABLE : command;
}

static bool host_has_it(const struct host *host)
{
	char path[128], override[64];

	snprintf(path, sizeof(path), "/run/rawpci/%s", host->target.bdf);
	read_text(host->target.bdf, "driver_override", override);
	return strcmp(host_driver(host->target.bdf), host->driver) == 0 &&
	       strcmp(override, host->override) == 0 && access(path, F_OK) < 0 &&
	       (!host->node || disk_reads(host->node)) && command_of(host) == host->command &&
	       enables_of(host) == host->enables;
}

/* By the next open every third time, else by recover. */
static int give_back(struct host *host)
{
	struct rawpci_device *dev = NULL;
	int r;

	if (host->kills % 3 != 0)
		return rawpci_recover(host->ctx);
	r = rawpci_device_open(host->ctx, NULL, host->target.bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER,
			       &dev);
	return r < 0 ? r : rawpci_device_close(dev);
}

static void after_kill(struct host *host, const char *how, long where)
{
	int r;

	host->kills++;
	host->lines = 0;
	host->left += strcmp(host_driver(host->target.bdf), host->driver) != 0;
	host->changed += command_of(host) != host->command || enables_of(host) != host->enables;
	host->mastering += strcmp(host_driver(host->target.bdf), "") == 0 &&
			   (command_of(host) & MASTER) != 0;
	r = give_back(host);
	if (host->kills % 3 != 0 && r > 0)
		host->recovered += (unsigned)r;
	if (r >= 0 && host_has_it(host))
		return;
	check(false, "kill %u, %s %ld: %d, driver '%s', command 0x%x, enabled %u", host->kills, how,
	      where, r, host_driver(host->target.bdf), command_of(host), enables_of(host));
	for (unsigned i = 0; i < host->lines; i++)
		printf("#   %s\n", host->said[i]);
}

static void kill_at_steps(struct host *host, unsigned wanted)
{
	int total = kill_at_step(&host->target, 0);
	double start = now();
	unsigned stride, step, before = host->kills;

	if (!check(total > 0, "one cycle, not killed: %d steps", total))
		return;
	stride = wanted > 0 && (unsigned)total > wanted ? (unsigned)total / wanted : 1;
	for (step = 1; step <= (unsigned)total; step += stride) {
		int r = kill_at_step(&host->target, step);

		if (r < 0 && !check(false, "the child failed before step %u", step))
			break;
		after_kill(host, "at step", (long)step);
	}
	check(host->kills > before, "%u kills at steps 1 to %d: %.1f s", host->kills - before,
	      total, now() - start);
}

static void kill_at_times(struct host *host, unsigned n, long most_ms)
{
	double start = now();

	for (unsigned i = 0; i < n; i++) {
		long ms = rand() % most_ms;

		if (!kill_after(&host->target, ms))
			break;
		after_kill(host, "at ms", ms);
	}
	check(true, "%u kills at any time: %.1f s", n, now() - start);
}

static void sum_up(const struct host *host)
{
	bool bare = strcmp(host->target.backend, "vfio") != 0;

	check(host->left > 0 || (bare && host->changed > 0),
	      "%u kills, %u of which left it without its driver ('%s'), %u with other registers; %u "
	      "times recover gave it back",
	      host->kills, host->left, host->driver, host->changed, host->recovered);
	if (strcmp(host->target.backend, "sysfs") == 0)
		check(host->mastering > 0, "%u of which left it mastering the bus",
		      host->mastering);
}

int main(int argc, char **argv)
{
	struct host host = { 0 };
	struct rawpci_options options = {
		.size = sizeof(options),
		.log_level = RAWPCI_LOG_INFO,
		.log = keep_line,
		.log_opaque = &host,
	};

	if (argc < 6) {
		fprintf(stderr, "usage: lab-kill BACKEND BDF STEPS TIMES MS [NODE]\n");
		return 2;
	}
	host.target = (struct kill_target){ .backend = argv[1], .bdf = argv[2] };
	options.backend = argv[1];
	host.node = argc > 6 ? argv[6] : NULL;
	snprintf(host.driver, sizeof(host.driver), "%s", host_driver(host.target.bdf));
	read_text(host.target.bdf, "driver_override", host.override);
	host.command = command_of(&host);
	host.enables = enables_of(&host);
	if (!check(rawpci_create(&options, &host.ctx) == 0, "a context") ||
	    !check(host_has_it(&host), "it is bound to '%s', command 0x%x, enabled %u", host.driver,
		   host.command, host.enables))
		return check_end();
	srand(1);
	kill_at_steps(&host, (unsigned)strtoul(argv[3], NULL, 10));
	kill_at_times(&host, (unsigned)strtoul(argv[4], NULL, 10), strtol(argv[5], NULL, 10));
	sum_up(&host);
	check(rawpci_destroy(host.ctx) == 0, "context destroyed");
	return check_end();
}
