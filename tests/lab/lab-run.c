/* SPDX-License-Identifier: MIT */
/*
 * Kills "rawpci run" at moments spread over its length: the command, rawpci, or both. Each time the
 * keeper returns the device to its host driver, and no process is left. If the keeper is killed,
 * too, "rawpci recover" returns it.
 *
 * usage: lab-run RAWPCI BDF KILLS [NODE]
 *   RAWPCI  the command; it is where this program is
 *   NODE    the disk, from which the host must read each time what it has written: a file in a file
 *           system, if the kernel has ext4
 *
 *        lab-run open BDF MS
 *   The command that is run: it opens the device by VFIO, as QEMU does, for so many milliseconds.
 */
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "check.h"
#include "open-vfio.h"

#define SAID "/tmp/lab-run.said"
#define PATTERN "the host's own data"
#define MOUNTED "/tmp/lab-run.disk"
#define MOUNTED_FILE MOUNTED "/file"
#define PATIENCE_MS 10000
#define OPEN_MS "80" /* that the command has the device open */
#define ALONE 8      /* kills of all three processes */

enum { COMMAND = 1, RAWPCI = 2, KEEPER = 4 }; /* which are killed */

struct lab {
	char rawpci[256], self[256];
	const char *bdf, *node;
	char driver[64];  /* the host driver */
	bool file_system; /* there is one on the node */
	unsigned left;    /* kills after which the device was not back yet */
};

static long now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Starts the command rawpci. What it says goes to a file. */
static pid_t start(const struct lab *lab, const char *subcommand)
{
	pid_t child = fork();
	int said;

	if (child != 0)
		return child;
	said = open(SAID, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dup2(said, STDOUT_FILENO);
	dup2(said, STDERR_FILENO);
	if (strcmp(subcommand, "run") == 0)
		execl(lab->rawpci, "rawpci", "run", lab->bdf, "--", lab->self, "open", lab->bdf,
		      OPEN_MS, (char *)NULL);
	else
		execl(lab->rawpci, "rawpci", subcommand, (char *)NULL);
	_exit(99);
}

/* The status as a shell has it. */
static int wait_for(pid_t child)
{
	int status = 0;

	waitpid(child, &status, 0);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A child of the process: the keeper, or the other one. 0: there is none. */
static pid_t child_of(pid_t parent, bool keeper)
{
	DIR *proc = opendir("/proc");
	pid_t found = 0;

	for (struct dirent *e; proc && found == 0 && (e = readdir(proc)) != NULL;) {
		char path[300], name[32] = "";
		int process = 0, above = 0;
		FILE *file;

		snprintf(path, sizeof(path), "/proc/%s/stat", e->d_name);
		file = e->d_name[0] >= '1' && e->d_name[0] <= '9' ? fopen(path, "re") : NULL;
		if (!file)
			continue;
		if (fscanf(file, "%d (%31[^)]) %*c %d", &process, name, &above) == 3 &&
		    above == parent && (strcmp(name, "rawpci-keeper") == 0) == keeper)
			found = process;
		fclose(file);
	}
	if (proc)
		closedir(proc);
	return found;
}

/* Processes that have lost their parent are this one's. */
static bool is_process_left(void)
{
	pid_t child;

	do
		child = waitpid(-1, NULL, WNOHANG);
	while (child > 0);
	return child == 0;
}

static bool reads(const char *path)
{
	char block[sizeof(PATTERN)];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool good = fd >= 0 && read(fd, block, sizeof(block)) == (ssize_t)sizeof(block) &&
		    memcmp(block, PATTERN, sizeof(block)) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool writes(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	bool good = fd >= 0 && write(fd, PATTERN, sizeof(PATTERN)) == (ssize_t)sizeof(PATTERN) &&
		    fsync(fd) == 0;

	if (fd >= 0)
		close(fd);
	return good;
}

static bool mounts(const struct lab *lab)
{
	return mount(lab->node, MOUNTED, "ext4", 0, NULL) == 0;
}

/* What was written to the disk is read from it. A disk that has come back has no page in memory. */
static bool disk_reads(const struct lab *lab)
{
	bool good;

	if (!lab->file_system)
		return reads(lab->node);
	if (!mounts(lab))
		return false;
	good = reads(MOUNTED_FILE);
	return umount(MOUNTED) == 0 && good;
}

static bool kernel_has(const char *file_system)
{
	char line[64];
	bool found = false;
	FILE *file = fopen("/proc/filesystems", "re");

	while (file && !found && fgets(line, sizeof(line), file))
		found = strstr(line, file_system) != NULL;
	if (file)
		fclose(file);
	return found;
}

/* While its file system is mounted, the disk is not taken. */
static bool is_kept_while_mounted(struct lab *lab)
{
	char command[512];
	int status;

	snprintf(command, sizeof(command), "mke2fs -F %s >/dev/null 2>&1", lab->node);
	mkdir(MOUNTED, 0700);
	if (!check(system(command) == 0 && mounts(lab), "a file system on %s", lab->node))
		return false;
	check(writes(MOUNTED_FILE), "the host has written a file");
	status = wait_for(start(lab, "run"));
	check(status == 125 && strcmp(host_driver(lab->bdf), lab->driver) == 0,
	      "it is not taken while the file system is mounted: status %d, bound to '%s'", status,
	      host_driver(lab->bdf));
	return check(reads(MOUNTED_FILE) && umount(MOUNTED) == 0, "nothing has happened to it");
}

static bool write_disk(struct lab *lab)
{
	lab->file_system = kernel_has("\text4\n");
	return lab->file_system ? is_kept_while_mounted(lab)
				: check(writes(lab->node), "the host has written to the disk");
}

static bool host_has_it(const struct lab *lab)
{
	char path[128], override[16] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/driver_override", lab->bdf);
	file = fopen(path, "re");
	if (file && !fgets(override, sizeof(override), file))
		override[0] = '\0';
	if (file)
		fclose(file);
	snprintf(path, sizeof(path), "/run/rawpci/%s", lab->bdf);
	return strcmp(host_driver(lab->bdf), lab->driver) == 0 &&
	       strcmp(override, "(null)\n") == 0 && access(path, F_OK) < 0;
}

/* The disk's node comes a moment after its driver. */
static bool is_as_before(const struct lab *lab, long patience_ms)
{
	long end = now_ms() + patience_ms;

	while (!host_has_it(lab) || is_process_left() || (lab->node && !disk_reads(lab))) {
		if (now_ms() > end)
			return false;
		sleep_ms(5);
	}
	return true;
}

static void show_said(void)
{
	char line[512];
	FILE *file = fopen(SAID, "re");

	while (file && fgets(line, sizeof(line), file))
		printf("#   %s", line);
	if (file)
		fclose(file);
}

/* Kills while there is something to kill. Returns false after a failed check. */
static bool kill_after(struct lab *lab, long ms, int which)
{
	pid_t rawpci, command, keeper;
	bool good;

	unlink(SAID);
	rawpci = start(lab, "run");
	sleep_ms(ms);
	command = child_of(rawpci, false);
	keeper = child_of(rawpci, true);
	if ((which & KEEPER) && keeper)
		kill(keeper, SIGKILL);
	if ((which & RAWPCI) || !command)
		kill(rawpci, SIGKILL);
	if ((which & COMMAND) && command)
		kill(command, SIGKILL);
	wait_for(rawpci);
	lab->left += !host_has_it(lab);
	if (which & KEEPER) {
		while (is_process_left())
			sleep_ms(1);
		wait_for(start(lab, "recover"));
	}
	good = is_as_before(lab, PATIENCE_MS);
	if (good && access(SAID, F_OK) == 0)
		return true;
	check(false, "kill after %ld ms, of %d: driver '%s'", ms, which, host_driver(lab->bdf));
	show_said();
	wait_for(start(lab, "recover"));
	return is_as_before(lab, PATIENCE_MS) && false;
}

static void kill_at_times(struct lab *lab, long length, int kills)
{
	static const int which[] = { COMMAND, RAWPCI, COMMAND | RAWPCI };
	long began = now_ms();
	int good = 0;

	for (int i = 0; i < kills; i++)
		good += kill_after(lab, length * i / kills, which[i % 3]);
	check(good == kills && lab->left > 0,
	      "%d kills spread over %ld ms: all as before in %d cases, in %u by the keeper, %ld s",
	      kills, length, good, lab->left, (now_ms() - began) / 1000);
	lab->left = 0;
	good = 0;
	for (int i = 0; i < ALONE; i++)
		good += kill_after(lab, length * i / ALONE, COMMAND | RAWPCI | KEEPER);
	check(good == ALONE && lab->left > 0,
	      "%d kills of all three: all as before in %d cases, in %u by rawpci recover", ALONE,
	      good, lab->left);
}

int main(int argc, char **argv)
{
	struct lab lab = { .bdf = argv[2] };
	long began, length = 0;
	int status = 0;

	if (argc == 4 && strcmp(argv[1], "open") == 0)
		return open_vfio(argv[2], strtol(argv[3], NULL, 10));
	if (argc < 4)
		return 2;
	lab.node = argc > 4 ? argv[4] : NULL;
	snprintf(lab.rawpci, sizeof(lab.rawpci), "/lab/bin/%s", argv[1]);
	snprintf(lab.self, sizeof(lab.self), "%s", argv[0]);
	snprintf(lab.driver, sizeof(lab.driver), "%s", host_driver(lab.bdf));
	prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (lab.node && !write_disk(&lab))
		return check_end();
	if (!check(is_as_before(&lab, PATIENCE_MS), "it is bound to '%s'", lab.driver))
		return check_end();
	/* The first run reads the programs from the disk, and takes longer. */
	for (int i = 0; i < 2 && status == 0; i++) {
		unlink(SAID);
		began = now_ms();
		status = wait_for(start(&lab, "run"));
		length = now_ms() - began;
		show_said();
		if (!is_as_before(&lab, PATIENCE_MS))
			status = -1;
	}
	if (check(status == 0, "not killed: status %d, %ld ms", status, length))
		kill_at_times(&lab, length, (int)strtol(argv[3], NULL, 10));
	return check_end();
}
