/* SPDX-License-Identifier: MIT */
/*
 * Two functions of one IOMMU group: while another VM, of this process and then of another one, has the
 * first, the second is refused with the owner's name, and nothing that makes the host unsafe is
 * advised.
 *   lab-owner FIRST SECOND [SETTING...]
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/memory.h>

#include "check.h"

struct user {
	struct rawpci *ctx;
	struct rawpci_vm *vm;
	struct rawpci_device *dev;
};

static const char *const *settings;

static int use(struct user *user, const char *bdf)
{
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "vfio",
		.settings = settings,
	};
	int r;

	memset(user, 0, sizeof(*user));
	r = rawpci_create(&options, &user->ctx);
	if (r == 0)
		r = rawpci_vm_create(user->ctx, &user->vm);
	if (r == 0)
		r = rawpci_device_open(user->ctx, user->vm, bdf, RAWPCI_OPEN_DETACH_HOST_DRIVER,
				       &user->dev);
	return r;
}

static void leave(struct user *user)
{
	rawpci_device_close(user->dev);
	rawpci_vm_destroy(user->vm);
	check(rawpci_destroy(user->ctx) == 0, "left");
}

static void refused(const char *bdf, const char *who)
{
	struct user user;
	int r = use(&user, bdf);

	check(r == -EBUSY, "the second: %d: %s", r, rawpci_last_error());
	check(strstr(rawpci_last_error(), who) != NULL, "it names the owner: %s", who);
	check(!strstr(rawpci_last_error(), "unsafe"), "it advises nothing unsafe");
	leave(&user);
}

/* Another process has the first until the pipe is closed. */
static pid_t start_other(const char *bdf, int *hold)
{
	int ready[2], end[2];
	struct user user;
	char byte = 0;
	pid_t child;

	if (pipe(ready) < 0 || pipe(end) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		close(end[1]);
		byte = use(&user, bdf) == 0 ? 'y' : 'n';
		if (write(ready[1], &byte, 1) == 1 && read(end[0], &byte, 1) < 0)
			_exit(1);
		rawpci_device_close(user.dev);
		_exit(0);
	}
	close(ready[1]);
	close(end[0]);
	check(child > 0 && read(ready[0], &byte, 1) == 1 && byte == 'y', "another process has it");
	close(ready[0]);
	*hold = end[1];
	return child;
}

static void foretold(const char *bdf, const char *who)
{
	struct rawpci_explanation *explanation = NULL;
	struct user user;
	struct rawpci_options options = {
		.size = sizeof(options),
		.backend = "vfio",
		.settings = settings,
	};

	memset(&user, 0, sizeof(user));
	check(rawpci_create(&options, &user.ctx) == 0 &&
		      rawpci_explain(user.ctx, bdf, NULL, &explanation) == 0,
	      "explained");
	check(!explanation->openable && strstr(explanation->text, who), "foretold: %.300s",
	      explanation->text);
	rawpci_explanation_destroy(explanation);
	leave(&user);
}

int main(int argc, char **argv)
{
	struct user first;
	char who[32];
	pid_t child;
	int hold = -1, status = 0, r;

	if (argc < 3)
		return 2;
	settings = argc > 3 ? (const char *const *)argv + 3 : NULL;
	r = use(&first, argv[1]);
	check(r == 0, "the first: %d: %s", r, rawpci_last_error());
	refused(argv[2], "this process");
	leave(&first);
	child = start_other(argv[1], &hold);
	snprintf(who, sizeof(who), "process %d", (int)child);
	refused(argv[2], who);
	foretold(argv[2], who);
	close(hold);
	check(waitpid(child, &status, 0) == child && status == 0, "the other process has ended");
	r = use(&first, argv[2]);
	check(r == 0, "then it can be had: %d: %s", r, rawpci_last_error());
	leave(&first);
	return check_end();
}
