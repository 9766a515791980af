/* SPDX-License-Identifier: MIT */
/* Who may open a device node. The node itself is never opened: that could touch the device. */
#include "os/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MODE_BITS 0777u

/* Returns a descriptor with which the node's owner can be read and changed. */
static int open_node(const char *path, unsigned major, unsigned minor,
		     struct rawpci_node_owner *owner)
{
	struct stat is;
	int fd = rawpci_sys_open(path, O_PATH | O_NOFOLLOW);

	if (fd < 0)
		return fd;
	if (fstat(fd, &is) < 0 || !S_ISCHR(is.st_mode) || is.st_rdev != makedev(major, minor)) {
		rawpci_sys_close(&fd);
		return -ENODEV;
	}
	owner->uid = is.st_uid;
	owner->gid = is.st_gid;
	owner->mode = is.st_mode & MODE_BITS;
	return fd;
}

int rawpci_sys_node_owner(const char *path, unsigned major, unsigned minor,
			  struct rawpci_node_owner *owner)
{
	int fd = open_node(path, major, minor, owner);

	if (fd < 0)
		return fd;
	rawpci_sys_close(&fd);
	return 0;
}

/* fchmod() does not take such a descriptor. */
static int change_mode(int fd, unsigned mode)
{
	char link[64];

	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	return chmod(link, mode) < 0 ? -errno : 0;
}

/* The fewest users may open the node in between. */
int rawpci_sys_node_change(const char *path, unsigned major, unsigned minor,
			   const struct rawpci_node_owner *from, const struct rawpci_node_owner *to)
{
	struct rawpci_node_owner now;
	int fd = open_node(path, major, minor, &now);
	int r = 0;

	if (fd < 0)
		return fd;
	if (now.uid != from->uid || now.gid != from->gid || now.mode != from->mode)
		r = -ESTALE;
	if (r == 0 && (now.mode & to->mode) != now.mode)
		r = change_mode(fd, now.mode & to->mode);
	if (r == 0 && fchownat(fd, "", to->uid, to->gid, AT_EMPTY_PATH) < 0)
		r = -errno;
	if (r == 0 && (now.mode & to->mode) != to->mode)
		r = change_mode(fd, to->mode);
	rawpci_sys_close(&fd);
	return r;
}
