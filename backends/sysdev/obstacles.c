/* SPDX-License-Identifier: MIT */
/* What keeps sysfs and uio from a device: each obstacle is looked for without changing anything. */
#include <errno.h>
#include <fcntl.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "sysdev/obstacles.h"
#include "sysdev/refusal.h"

#define SAY RAWPCI_SYSDEV_SAY

static const char *root_of(struct rawpci *ctx)
{
	return rawpci_backend_setting(ctx, "sysfs.dir");
}

bool rawpci_sysdev_find_absent(struct rawpci *ctx, const struct rawpci_address *address,
			       struct rawpci_finding *finding)
{
	return rawpci_sysfs_find_absent(root_of(ctx), address, finding);
}

static int open_config(struct rawpci *ctx, const struct rawpci_address *address, int flags)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root_of(ctx), address, "config", path, sizeof(path));

	return r < 0 ? r : rawpci_sys_open(path, flags);
}

static void refuse(struct rawpci *ctx, const struct rawpci_address *address, const char *doing,
		   int error, struct rawpci_finding *finding)
{
	const struct rawpci_sysdev_attempt attempt = { doing, "config", error };

	rawpci_sysdev_set_refusal(ctx, address, &attempt, finding);
}

bool rawpci_sysdev_find_unwritable(struct rawpci *ctx, const struct rawpci_address *address,
				   struct rawpci_finding *finding)
{
	char path[128];
	int fd = open_config(ctx, address, O_RDWR);
	bool found = fd < 0;

	if (found)
		refuse(ctx, address, "writing its config space", fd, finding);
	if (found && finding->obstacle == RAWPCI_OBSTACLE_PERMISSION &&
	    rawpci_sysfs_path(root_of(ctx), address, "config", path, sizeof(path)) == 0)
		SAY(finding->path, "%s", path);
	rawpci_sys_close(&fd);
	return found;
}

/* Reads config space, all ones from a device that has been removed. Returns the number of bytes. */
static int peek(struct rawpci *ctx, const struct rawpci_address *address, uint32_t offset,
		unsigned char *bytes, unsigned size)
{
	int fd = open_config(ctx, address, O_RDONLY), r;

	if (fd < 0)
		return fd;
	r = rawpci_sys_pread(fd, bytes, size, offset);
	rawpci_sys_close(&fd);
	for (unsigned i = 0; r == -ENODEV && i < size; i++)
		bytes[i] = 0xff;
	return r == -ENODEV ? (int)size : r;
}

bool rawpci_sysdev_find_short(struct rawpci *ctx, const struct rawpci_address *address,
			      struct rawpci_finding *finding)
{
	unsigned char last[4];
	int r = peek(ctx, address, 252, last, sizeof(last));

	if (r < 0 || r == (int)sizeof(last))
		return false;
	rawpci_sysdev_set_short(finding);
	return true;
}

/* The user of a bridge could redirect the accesses to the devices behind it. If the kind of the
 * device cannot be read, that is an obstacle, too. */
bool rawpci_sysdev_find_bridge(struct rawpci *ctx, const struct rawpci_address *address,
			       struct rawpci_finding *finding)
{
	unsigned char type = 0;
	int r = peek(ctx, address, RAWPCI_CFG_HEADER_TYPE, &type, 1);

	/* rawpci_sysdev_find_unwritable() reports these. */
	if (r == -EACCES || r == -ENOENT)
		return false;
	if (r != 1) {
		refuse(ctx, address, "reading its config space", r < 0 ? r : -EIO, finding);
		return true;
	}
	if (type == 0xff || (type & RAWPCI_HEADER_TYPE_MASK) == 0)
		return false;
	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_OTHER,
		.blocks = true,
		.error = -EOPNOTSUPP,
	};
	SAY(finding->cause, "it is a bridge (header type %u), which cannot be opened",
	    (unsigned)type & RAWPCI_HEADER_TYPE_MASK);
	SAY(finding->remedy, "open the devices behind it");
	return true;
}

/* The ids of a virtual function are all ones in any case, so the next register is read. */
bool rawpci_sysdev_find_gone(struct rawpci *ctx, const struct rawpci_address *address,
			     struct rawpci_finding *finding)
{
	unsigned char bytes[4] = { 0 };
	int r = peek(ctx, address, RAWPCI_CFG_CLASS_REVISION, bytes, sizeof(bytes));

	if (r != (int)sizeof(bytes)) {
		refuse(ctx, address, "reading its config space", r < 0 ? r : -EIO, finding);
		return true;
	}
	if ((bytes[0] & bytes[1] & bytes[2] & bytes[3]) != 0xff)
		return false;
	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_GONE,
		.blocks = true,
		.error = -ENODEV,
	};
	SAY(finding->cause, "it does not answer: it has no power, or its link is down");
	SAY(finding->remedy, "remove it (echo 1 > remove in its directory) and rescan the bus, or "
			     "power the machine off and on");
	return true;
}

/* to: NULL: fails with the first obstacle instead. */
static int look_for(struct rawpci *ctx, const struct rawpci_address *address,
		    const struct rawpci_sysdev_obstacle *each, struct rawpci_findings *to)
{
	struct rawpci_finding finding;
	int r = 0;

	for (; r == 0 && each->find; each++) {
		if (!each->find(ctx, address, &finding))
			continue;
		r = to ? rawpci_backend_finding(to, &finding)
		       : rawpci_sysdev_fail_with(ctx, address, &finding);
	}
	return r;
}

int rawpci_sysdev_probe(struct rawpci *ctx, const struct rawpci_address *address,
			const struct rawpci_sysdev_obstacle *obstacles)
{
	return look_for(ctx, address, obstacles, NULL);
}

int rawpci_sysdev_explain(struct rawpci *ctx, const struct rawpci_address *address,
			  const struct rawpci_sysdev_obstacle *obstacles,
			  struct rawpci_findings *to)
{
	static const struct rawpci_sysdev_obstacle price[] = {
		{ rawpci_sysdev_find_unprotected },
		{ NULL },
	};
	int r = look_for(ctx, address, obstacles, to);

	return r < 0 ? r : look_for(ctx, address, price, to);
}
