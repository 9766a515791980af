/* SPDX-License-Identifier: MIT */
/* Looks through the descriptors of every process in /proc. */
#include "os/opener.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"

#define PLACE 64 /* room for "/proc/<number>" */

struct search {
	const char *proc, *path;
	const char *name; /* the last part of path */
	bool locked;
	char process[PLACE]; /* the directory of the process in hand */
	char number[16];
};

/* fdinfo lists the locks of the open file itself (Linux fs/locks.c, show_fd_locks()). */
static bool has_lock(const struct search *search, const char *descriptor)
{
	char path[PLACE + 64], text[2048];
	int n = snprintf(path, sizeof(path), "%s/fdinfo/%s", search->process, descriptor);

	return n >= 0 && (size_t)n < sizeof(path) &&
	       rawpci_sys_read_file(path, text, sizeof(text)) > 0 &&
	       strstr(text, "\nlock:") != NULL;
}

/* Compares names first: stat() of a file on a network can hang. */
static int check_descriptor(void *opaque, const char *descriptor)
{
	const struct search *search = opaque;
	char link[PLACE + 64], target[PATH_MAX];
	const char *last;
	int n = snprintf(link, sizeof(link), "%s/fd/%s", search->process, descriptor);

	if (n < 0 || (size_t)n >= sizeof(link) ||
	    rawpci_sys_read_link(link, target, sizeof(target)) < 0)
		return 0;
	last = strrchr(target, '/');
	if (!last || strcmp(last + 1, search->name) != 0 ||
	    !rawpci_sys_same_path(link, search->path))
		return 0;
	return !search->locked || has_lock(search, descriptor);
}

/* A process that has ended, or may not be looked at, is none. */
static int lack(int r)
{
	return rawpci_sys_result(r, 0) < 0 ? r : 0;
}

static int check_process(void *opaque, const char *name)
{
	struct search *search = opaque;
	char path[PLACE + 8];
	int n;

	if (name[0] < '0' || name[0] > '9' || strlen(name) >= sizeof(search->number))
		return 0;
	n = snprintf(search->process, sizeof(search->process), "%s/%s", search->proc, name);
	if (n < 0 || (size_t)n >= sizeof(search->process))
		return 0;
	(void)snprintf(path, sizeof(path), "%s/fd", search->process);
	n = rawpci_sys_list(path, check_descriptor, search);
	if (n != 1)
		return lack(n);
	(void)snprintf(search->number, sizeof(search->number), "%s", name);
	return 1;
}

static void say(struct rawpci_opener *out, const struct search *search)
{
	char file[PLACE + 8], program[32];

	(void)snprintf(file, sizeof(file), "%s/comm", search->process);
	if (rawpci_sys_read_file(file, program, sizeof(program)) < 0)
		(void)snprintf(program, sizeof(program), "its name is not known");
	(void)snprintf(out->text, sizeof(out->text), "process %u (%s)", out->process, program);
}

void rawpci_opener_find(const char *proc, const char *path, bool locked, struct rawpci_opener *out)
{
	const char *slash = strrchr(path, '/');
	struct search search = {
		.proc = proc,
		.path = path,
		.name = slash ? slash + 1 : path,
		.locked = locked,
	};
	char file[PLACE + 8], self[16];
	int r;

	memset(out, 0, sizeof(*out));
	r = rawpci_sys_list(proc, check_process, &search);
	if (r != 1) {
		out->error = lack(r);
		(void)snprintf(out->text, sizeof(out->text),
			       "another process (in another "
			       "container, of another user, or just ending)");
		return;
	}
	out->process = (unsigned)strtoul(search.number, NULL, 10);
	/* self is a number of the same PID namespace as the other numbers in this /proc. */
	(void)snprintf(file, sizeof(file), "%.*s/self", PLACE - 1, proc);
	out->self = rawpci_sys_link_name(file, self, sizeof(self)) > 0 &&
		    strcmp(self, search.number) == 0;
	say(out, &search);
}
