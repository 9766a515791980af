/* SPDX-License-Identifier: MIT */
/*
 * Brings about a situation in which a device cannot be opened, runs rawpci explain in it, and
 * checks that its first line has the cause and the remedy. Then tries to open the device under the
 * same restrictions: what explain says has to be what happens.
 *
 * usage: lab-explain SITUATION ADDRESS [SIBLING]
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rawpci/context.h>
#include <rawpci/device.h>
#include <rawpci/log.h>

#include "explain-situations.h"

#define NOBODY 65534
#define WORDS 5

/* Then: in the process that explains, and in the one that opens. */
static bool unrestricted(void)
{
	return true;
}

static bool as_nobody(void)
{
	return setgid(NOBODY) == 0 && setuid(NOBODY) == 0;
}

static bool as_nobody_locking_little(void)
{
	struct rlimit limit = { 64 * 1024, 64 * 1024 };

	return setrlimit(RLIMIT_MEMLOCK, &limit) == 0 && as_nobody();
}

static bool without_uring(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_io_uring_setup, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(filter) / sizeof(filter[0]), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* As in a container: records may not be written. */
static bool with_run_readonly(void)
{
	(void)mkdir("/run/rawpci", 0700);
	return unshare(CLONE_NEWNS) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("none", "/run/rawpci", "tmpfs", MS_RDONLY, "mode=0700") == 0;
}

static const struct situation {
	const char *name;
	int (*before)(void);
	bool (*then)(void);
	const char *memory;
	int status;               /* of explain */
	bool agrees;              /* opening succeeds exactly when status is 0 */
	const char *words[WORDS]; /* %d: the sibling's driver; %s: the sibling; %n: the node */
} situations[] = {
	{ "open",
	  before_on_vfio,
	  unrestricted,
	  "16M",
	  0,
	  true,
	  { "nothing stands in the way", "vfio can open it now" } },
	{ "no-iommu",
	  before_nothing,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "the kernel uses no IOMMU", "intel_iommu=on" } },
	{ "group",
	  before_unbound,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "VFIO cannot have IOMMU group", "because %s of that group is bound to %d",
	    "unbind %s from %d" } },
	{ "host-driver",
	  before_nothing,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "the host driver nvme holds it", "rawpci run 0000:00:06.0 -- COMMAND or rawpci take",
	    "bind it to vfio-pci" } },
	{ "module",
	  before_without_module,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "the kernel module vfio-pci is not loaded", "modprobe vfio-pci" } },
	{ "permission",
	  before_on_vfio,
	  as_nobody,
	  NULL,
	  1,
	  true,
	  { "user 65534 has no permission to open %n", "chown 65534 %n" } },
	{ "permission-to-bind",
	  before_unbound,
	  as_nobody,
	  NULL,
	  1,
	  true,
	  { "cannot be bound to vfio-pci", "user 65534 may not write", "let root bind it" } },
	{ "nobody",
	  before_on_vfio_of_nobody,
	  as_nobody,
	  NULL,
	  0,
	  true,
	  { "nothing stands in the way", "vfio can open it now" } },
	{ "memlock",
	  before_on_vfio_of_nobody,
	  as_nobody_locking_little,
	  "256M",
	  1,
	  false,
	  { "the limit of locked memory is too low", "262144 KiB needed, 64 KiB allowed",
	    "prlimit --memlock=268435456 --pid", "LimitMEMLOCK=262144K" } },
	{ "seccomp",
	  before_on_vfio,
	  without_uring,
	  NULL,
	  0,
	  true,
	  { "vfio can open it now, but io_uring is forbidden by a seccomp filter",
	    "allow io_uring_setup" } },
	{ "uring-disabled",
	  before_uring_off,
	  unrestricted,
	  NULL,
	  0,
	  false,
	  { "io_uring is forbidden (kernel.io_uring_disabled is 2)",
	    "sysctl kernel.io_uring_disabled=0" } },
	{ "owned",
	  before_owned,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "process ",
	    " (lab-explain) has opened or taken it: close or return it in that process" } },
	{ "node-held",
	  before_node_held,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "process ", " (lab-explain) has %n open: close it in that process" } },
	{ "left",
	  before_left,
	  unrestricted,
	  NULL,
	  0,
	  true,
	  { "vfio can open it now, but it was taken from nvme and has not been returned",
	    "run rawpci recover" } },
	{ "swapped",
	  before_swapped,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "the host driver nvme holds it, and the host swaps to nvme0n1",
	    "stop that (swapoff /dev/nvme0n1); then" } },
	{ "swapped-detach",
	  before_swapped_detach,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { ": the host swaps to nvme0n1: stop that first (swapoff /dev/nvme0n1), or insist" } },
	{ "chipset",
	  before_nothing,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "it is a bridge of class 0601, a part of the host's chipset",
	    "leave it to the host" } },
	{ "run-readonly",
	  before_to_be_detached,
	  with_run_readonly,
	  NULL,
	  1,
	  true,
	  { "no record of its driver can be written to /run/rawpci (Read-only file system)",
	    "bind it to vfio-pci first", "setting run.dir" } },
	{ "bridge",
	  before_nothing,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "it is a bridge", "open the devices behind it" } },
	{ "absent",
	  before_nothing,
	  unrestricted,
	  NULL,
	  1,
	  true,
	  { "there is no such device", "lspci -D" } },
};

static void exec_explain(const struct situation *s)
{
	const char *words[10] = { "rawpci", "explain", address };
	unsigned n = 3;

	if (backend) {
		words[n++] = "--backend";
		words[n++] = backend;
	}
	if (s->memory) {
		words[n++] = "--memory";
		words[n++] = s->memory;
	}
	if (detach)
		words[n++] = "--detach";
	(void)execvp("rawpci", (char *const *)(uintptr_t)words);
}

/* Runs explain and keeps what it says. Its exit status, -1: it had none. */
static int explain(const struct situation *s, char *said, size_t size)
{
	int ends[2], status;
	size_t length = 0;
	ssize_t n;
	pid_t child;

	if (pipe(ends) < 0)
		return -1;
	child = fork();
	if (child == 0) {
		if (!s->then() || dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(99);
		exec_explain(s);
		_exit(98);
	}
	(void)close(ends[1]);
	while ((n = read(ends[0], said + length, size - 1 - length)) > 0)
		length += (size_t)n;
	said[length] = '\0';
	(void)close(ends[0]);
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status)
		       ? WEXITSTATUS(status)
		       : -1;
}

/* Does opening succeed? */
static bool opens(const struct situation *s)
{
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct rawpci_options options = { .size = sizeof(options), .backend = backend };
		struct rawpci_device *dev;
		struct rawpci *ctx;
		int r;

		if (!s->then() || rawpci_create(&options, &ctx) < 0)
			_exit(99);
		r = rawpci_device_open(ctx, NULL, address,
				       detach ? RAWPCI_OPEN_DETACH_HOST_DRIVER : 0, &dev);
		if (r == 0)
			(void)rawpci_device_close(dev);
		else
			(void)printf("open: %s\n", rawpci_last_error());
		(void)fflush(stdout);
		_exit(r == 0 ? 0 : 1);
	}
	return child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

/* A word with what it stands for put in. */
static void fill_in(const char *word, char *text, size_t size)
{
	char path[128], driver[64], node[128];
	size_t length = 0;

	device_file(sibling, "driver", path);
	read_link_name(path, driver, sizeof(driver));
	node_of(address, node);
	for (; *word != '\0' && length + 1 < size; word++) {
		const char *is = word[0] != '%'   ? NULL
				 : word[1] == 'd' ? driver
				 : word[1] == 's' ? sibling
						  : node;

		if (!is) {
			text[length++] = *word;
			continue;
		}
		length += (size_t)snprintf(text + length, size - length, "%s", is);
		word++;
	}
	text[length < size ? length : size - 1] = '\0';
}

static int check(const struct situation *s)
{
	char said[16384], first[1024], word[256];
	int failed = 0, status = explain(s, said, sizeof(said));
	bool opened;

	(void)printf("%s", said);
	(void)snprintf(first, sizeof(first), "%.*s", (int)strcspn(said, "\n"), said);
	(void)printf("FIRST LINE (%s): %s\n", s->name, first);
	if (status != s->status) {
		(void)printf("explain ended with %d and not with %d\n", status, s->status);
		failed++;
	}
	for (unsigned i = 0; i < WORDS && s->words[i]; i++) {
		fill_in(s->words[i], word, sizeof(word));
		if (strstr(first, word) == NULL) {
			(void)printf("the first line has no \"%s\"\n", word);
			failed++;
		}
	}
	(void)fflush(stdout);
	opened = opens(s);
	if (s->agrees && opened != (status == 0)) {
		(void)printf("it %s be opened\n", opened ? "could" : "could not");
		failed++;
	}
	return failed > 0;
}

static int run(const struct situation *s)
{
	int r = s->before();

	if (r == SKIP)
		(void)printf("this kernel cannot be brought into the situation %s\n", s->name);
	else
		r = check(s);
	if (holder > 0) {
		(void)kill(holder, SIGKILL);
		(void)waitpid(holder, NULL, 0);
	}
	return r;
}

int main(int count, char **words)
{
	if (count < 3)
		return 2;
	address = words[2];
	sibling = count > 3 ? words[3] : address;
	for (size_t i = 0; i < sizeof(situations) / sizeof(situations[0]); i++) {
		const struct situation *s = &situations[i];

		if (strcmp(s->name, words[1]) == 0)
			return run(s);
	}
	return 2;
}
