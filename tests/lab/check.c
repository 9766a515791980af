/* SPDX-License-Identifier: MIT */
/* Checks as TAP lines, and the host's view of a device. */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <time.h>
#include <unistd.h>

#include "check.h"

enum { SYSLOG_READ_ALL = 3 }; /* syslog(2) */

static unsigned checks, failures;

bool check(bool ok, const char *format, ...)
{
	va_list args;

	printf("%s %u - ", ok ? "ok" : "not ok", ++checks);
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	putchar('\n');
	fflush(stdout);
	failures += !ok;
	return ok;
}

int check_end(void)
{
	printf("1..%u\n", checks);
	return checks > 0 && failures == 0 ? 0 : 1;
}

const char *host_driver(const char *bdf)
{
	static char target[256];
	char path[128];
	ssize_t n;
	char *slash;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver", bdf);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return "";
	target[n] = '\0';
	slash = strrchr(target, '/');
	return slash ? slash + 1 : target;
}

int open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	if (!dir)
		return -1;
	for (struct dirent *e; (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n - 1; /* the directory's own */
}

bool wait_for_path(const char *path, bool there)
{
	for (int i = 0; i < 1000; i++) {
		if ((access(path, F_OK) == 0) == there)
			return true;
		sleep_ms(10);
	}
	return false;
}

bool kernel_said(const char *text)
{
	enum { LOG_SIZE = 1 << 20 };
	char *log = malloc(LOG_SIZE + 1);
	bool found = false;

	for (int i = 0; log && !found && i < 500; i++) {
		int n = klogctl(SYSLOG_READ_ALL, log, LOG_SIZE);

		log[n > 0 ? n : 0] = '\0';
		found = strstr(log, text) != NULL;
		if (!found)
			sleep_ms(10);
	}
	free(log);
	return found;
}

void sleep_ms(long ms)
{
	struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}
