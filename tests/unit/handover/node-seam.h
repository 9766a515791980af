/* SPDX-License-Identifier: MIT */
/* A device with a real node, for which the kernel has no driver. Something happens at a chosen step: this
 * process ends, another one opens the node, udev applies a rule, or a call fails. */
#ifndef RAWPCI_TESTS_NODE_SEAM_H
#define RAWPCI_TESTS_NODE_SEAM_H

#include <rawpci/context.h>
#include <rawpci/handover.h>
#include <rawpci/recover.h>
#include <sys/resource.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>

#include "os/sys.h"
#include "unit/handover/host-seam.h"

#define RECORD "run/" BDF

static const char *const device[] = { BDF };
static const char *const both[] = { BDF, PEER };
static struct rawpci *ctx;

static int lists_fail;   /* with this error: listing /proc */
static int cdevs_left;   /* listings of the device's nodes until one fails; 0: none */
static int udev_left;    /* syncs until udev applies its rule to the node; 0: none */
static int end_at;       /* 1: at the change of a node's mode, 2: of its owner */
static int open_at;      /* as end_at: another program opens the node there */
static unsigned to_end;  /* so many changes later */
static unsigned refused; /* the change of an owner that fails, from 1 on; 0: none */
static bool no_proc;     /* chmod() of /proc/self/fd/N fails */
static int stay = -1;
static pid_t user;

int __real_rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name),
			   void *opaque);
int __wrap_rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name),
			   void *opaque);
int __real_rawpci_sys_sync(int fd);
int __wrap_rawpci_sys_sync(int fd);
int __real_chmod(const char *path, mode_t mode);
int __wrap_chmod(const char *path, mode_t mode);
int __real_fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags);
int __wrap_fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags);

int __wrap_rawpci_sys_list(const char *path, int (*each)(void *opaque, const char *name),
			   void *opaque)
{
	if (lists_fail < 0 && strcmp(path, "/proc") == 0)
		return lists_fail;
	if (cdevs_left > 0 && strcmp(strrchr(path, '/'), "/vfio-dev") == 0 && --cdevs_left == 0)
		return -EMFILE;
	return __real_rawpci_sys_list(path, each, opaque);
}

int __wrap_rawpci_sys_sync(int fd)
{
	char path[512];

	if (udev_left > 0 && --udev_left == 0) {
		tree_path(&host.tree, path, "nodes/7");
		ck_assert_int_eq(chown(path, 0, 78), 0);
		ck_assert_int_eq(__real_chmod(path, 0660), 0);
	}
	return __real_rawpci_sys_sync(fd);
}

static inline void open_node(const char *node)
{
	char path[512], byte;
	int ready[2], gate[2];

	ck_assert_int_eq(pipe(ready), 0);
	ck_assert_int_eq(pipe(gate), 0);
	user = fork();
	if (user == 0) {
		for (int fd = 3; fd < 64; fd++)
			if (fd != ready[1] && fd != gate[0])
				(void)close(fd);
		/* O_PATH: the kernel has no driver for the node. */
		byte = open(tree_path(&host.tree, path, node), O_PATH) >= 0;
		(void)!write(ready[1], &byte, 1);
		(void)!read(gate[0], &byte, 1);
		host_exit(0);
	}
	(void)close(gate[0]);
	(void)close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	ck_assert_int_eq(byte, 1);
	(void)close(ready[0]);
	stay = gate[1];
}

static inline void close_node(void)
{
	(void)close(stay);
	ck_assert_int_eq(waitpid(user, NULL, 0), user);
}

static inline void at(int what)
{
	if (end_at == what && to_end-- == 0)
		host_exit(0);
	if (open_at == what) {
		open_at = 0;
		open_node("nodes/7");
	}
}

int __wrap_chmod(const char *path, mode_t mode)
{
	if (strncmp(path, "/proc/self/fd/", 14) == 0)
		at(1);
	if (no_proc) {
		errno = ENOENT;
		return -1;
	}
	return __real_chmod(path, mode);
}

int __wrap_fchownat(int fd, const char *path, uid_t uid, gid_t gid, int flags)
{
	at(2);
	if (refused > 0 && --refused == 0) {
		at(3);
		errno = EPERM;
		return -1;
	}
	return __real_fchownat(fd, path, uid, gid, flags);
}

static inline struct rawpci *create(void)
{
	char run[600], sysfs[600], vfio[600], uio[600];
	const char *settings[] = { run, sysfs, vfio, uio, NULL };
	const struct rawpci_options options = { .size = sizeof(options), .settings = settings };
	struct rawpci *out;

	(void)snprintf(run, sizeof(run), "run.dir=%s/run", host.tree.root);
	(void)snprintf(sysfs, sizeof(sysfs), "sysfs.dir=%s", host.tree.root);
	(void)snprintf(vfio, sizeof(vfio), "vfio.dir=%s/nodes", host.tree.root);
	(void)snprintf(uio, sizeof(uio), "uio.dir=%s/dev", host.tree.root);
	ck_assert_int_eq(rawpci_create(&options, &out), 0);
	return out;
}

/* A real node, of a group whose node stays when a driver goes, as it does while another device of
 * the group has one. */
static inline void make_node(void)
{
	char path[512];

	tree_link(&host.tree, DEVICE "iommu_group", "../../../../kernel/iommu_groups/7");
	tree_directory(&host.tree, "kernel/iommu_groups/7/devices/" BDF);
	tree_write(&host.tree, "class/vfio/7/dev", "240:7\n");
	ck_assert_int_eq(mknod(tree_path(&host.tree, path, "nodes/7"), S_IFCHR | 0600,
			       makedev(240, 7)),
			 0);
}

static inline bool node_is(unsigned uid, unsigned gid, unsigned mode)
{
	char path[512];
	struct stat is;

	ck_assert_int_eq(stat(tree_path(&host.tree, path, "nodes/7"), &is), 0);
	if (is.st_uid == uid && is.st_gid == gid && (is.st_mode & 0777) == mode)
		return true;
	(void)fprintf(stderr, "# nodes/7 is %u:%u %o\n", is.st_uid, is.st_gid, is.st_mode & 0777);
	return false;
}

static inline void setup(void)
{
	lists_fail = cdevs_left = udev_left = end_at = open_at = 0;
	to_end = refused = 0;
	no_proc = false;
	host_create();
	host_bind("e1000e");
	make_node();
	ctx = create();
}

static inline void teardown(void)
{
	ck_assert_int_eq(rawpci_destroy(ctx), 0);
	tree_destroy(&host.tree);
}

static inline int take_for(const char *const *addresses, unsigned n, uint32_t uid, uint32_t gid,
			   struct rawpci_taken **taken)
{
	struct rawpci_take_options options = RAWPCI_TAKE_OPTIONS_DEFAULT;

	options.driver = "pci-stub";
	options.uid = uid;
	options.gid = gid;
	return rawpci_take(ctx, addresses, n, &options, taken);
}

static inline void keep(void)
{
	struct rawpci_taken *taken = NULL;

	ck_assert_int_eq(take_for(device, 1, RAWPCI_TAKE_NO_ID, RAWPCI_TAKE_NO_ID, &taken), 0);
	ck_assert_int_eq(rawpci_taken_keep(taken), 0);
}

#endif
