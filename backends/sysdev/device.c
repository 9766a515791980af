/* SPDX-License-Identifier: MIT */
/* The device as a whole. Taken down in this order: mappings, config space as it was, descriptors. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <fcntl.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "sysdev/sysdev.h"

#define HEADER_KIND 0x7f /* of the header type register; the rest says multifunction */

static const char *root_of(struct rawpci *ctx)
{
	return rawpci_backend_setting(ctx, "sysfs.dir");
}

int rawpci_sysdev_fail(const struct rawpci_sysdev *device, const char *doing, const char *file,
		       int error)
{
	char text[128];

	if (error == -EACCES)
		return rawpci_backend_fail(device->ctx, error, "%s: %s needs write permission to "
					   "its file %s in sysfs: run as root, or give this "
					   "process the file", device->name, doing, file);
	if (error == -EPERM)
		return rawpci_backend_fail(device->ctx, error, "%s: the kernel forbids %s: it needs "
					   "CAP_SYS_ADMIN and a kernel that is not locked down "
					   "(see /sys/kernel/security/lockdown; Secure Boot does "
					   "that)", device->name, doing);
	if (error == -EROFS)
		return rawpci_backend_fail(device->ctx, -EACCES, "%s: %s: sysfs is mounted "
					   "read-only here, as in a container: mount it writable, "
					   "or run outside", device->name, doing);
	if (error == -ENOENT)
		return rawpci_backend_fail(device->ctx, -EOPNOTSUPP, "%s: %s: sysfs has no file %s "
					   "for it", device->name, doing, file);
	return rawpci_backend_fail(device->ctx, rawpci_sys_result(error, -EIO),
				   "%s: %s failed: %s (file %s)", device->name, doing,
				   rawpci_sys_error_text(error, text, sizeof(text)), file);
}

static int open_config(struct rawpci_sysdev *device, int flags)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root_of(device->ctx), &device->address, "config", path,
				  sizeof(path));

	if (r == 0)
		r = rawpci_sys_open(path, flags);
	if (r < 0)
		return rawpci_sysdev_fail(device, "writing its config space", "config", r);
	device->config = r;
	return 0;
}

/* A bridge's user could redirect what is behind it. */
static int check_kind(const struct rawpci_sysdev *device)
{
	uint32_t type;
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_HEADER_TYPE, 1, &type);

	if (r == 0 && type != 0xff && (type & HEADER_KIND) != 0)
		return rawpci_backend_fail(device->ctx, -EOPNOTSUPP, "%s: it is a bridge (header "
					   "type %u), which is not given away", device->name,
					   type & HEADER_KIND);
	return r;
}

int rawpci_sysdev_probe(struct rawpci *ctx, const struct rawpci_address *address)
{
	struct rawpci_sysdev device = { .ctx = ctx, .address = *address, .config = -1 };
	int r;

	rawpci_address_format(address, device.name);
	if (rawpci_sysfs_present(root_of(ctx), address) < 0)
		return rawpci_backend_fail(ctx, -ENODEV, "%s: there is no such device (no entry in "
					   "%s/bus/pci/devices)", device.name, root_of(ctx));
	r = open_config(&device, O_RDWR);
	if (r == 0)
		r = check_kind(&device);
	rawpci_sys_close(&device.config);
	return r;
}

/* Before anything is written: what is read of COMMAND would be written back with all bits on, and a
 * device whose link comes back just then would master the bus. */
static int check_answers(const struct rawpci_sysdev *device)
{
	uint32_t class_revision = 0; /* the ids of a virtual function are all ones in any case */
	int r = rawpci_sysdev_raw_read(device, RAWPCI_CFG_CLASS_REVISION, 4, &class_revision);

	if (r == 0 && class_revision == UINT32_MAX)
		return rawpci_backend_fail(device->ctx, -ENODEV, "%s: it does not answer (config "
					   "space reads as all ones): it is powered down or gone",
					   device->name);
	return r;
}

/* The kernel counts: whoever enables disables. */
static int enable(struct rawpci_sysdev *device)
{
	int r = rawpci_sysdev_write_file(device, "enable", "1");

	if (r == -ETIMEDOUT)
		return r;
	if (r == -EBUSY)
		return rawpci_backend_fail(device->ctx, r, "%s: a driver took it in the meantime",
					   device->name);
	if (r < 0)
		return rawpci_sysdev_fail(device, "enabling it", "enable", r);
	device->enabled = true;
	return 0;
}

bool rawpci_sysdev_is_lost(const struct rawpci_sysdev *device)
{
	const char *root = root_of(device->ctx);
	char now[RAWPCI_SYSFS_NAME];

	if (rawpci_sysfs_present(root, &device->address) < 0)
		return true;
	return rawpci_sysfs_driver(root, &device->address, now) == 0 && now[0] != '\0' &&
	       strcmp(now, device->driver) != 0;
}

/* Disabling leaves decoding as it is and turns bus mastering off; what was before is in COMMAND. */
static void put_back(struct rawpci_sysdev *device)
{
	uint32_t command = device->command & ~(uint32_t)RAWPCI_COMMAND_MASTER;
	uint32_t status = 0;
	int r = 0;

	if (rawpci_sysdev_leave(device) || rawpci_sysdev_is_lost(device))
		return;
	if (device->enabled)
		r = rawpci_sysdev_write_file(device, "enable", "0");
	if (rawpci_sysdev_leave(device))
		return;
	/* An interrupt that nobody serves would cost all who share its line theirs: it stays
	 * disabled until a driver enables it. */
	if (rawpci_sysdev_raw_read(device, RAWPCI_CFG_STATUS, 2, &status) == 0 &&
	    (status & RAWPCI_STATUS_INTERRUPT))
		command |= RAWPCI_COMMAND_INTX_DISABLE;
	(void)pthread_mutex_lock(&device->lock);
	if (rawpci_sysdev_put_listed(device) < 0 && r == 0)
		r = -EIO;
	(void)pthread_mutex_unlock(&device->lock);
	if (rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2, command) < 0 || r < 0)
		rawpci_backend_log(device->ctx, RAWPCI_LOG_WARNING, "%s: its registers or its "
				   "enabling could not be put back", device->name);
	(void)rawpci_sysdev_leave(device);
}

/* Nothing is mapped for it, and yet it masters the bus once it is on. */
static void warn_of_dma(const struct rawpci_sysdev *device)
{
	struct rawpci_finding finding;

	if (rawpci_sysdev_unprotected(device->ctx, &device->address, &finding))
		rawpci_backend_log(device->ctx, RAWPCI_LOG_WARNING, "%s: %s: %s", device->name,
				   finding.cause, finding.remedy);
}

int rawpci_sysdev_init(struct rawpci_sysdev *device, struct rawpci *ctx,
		       const struct rawpci_address *address, const char *driver)
{
	int r;

	memset(device, 0, sizeof(*device));
	device->ctx = ctx;
	device->address = *address;
	device->driver = driver;
	device->config = -1;
	rawpci_address_format(address, device->name);
	device->vf = rawpci_sysfs_is_vf(root_of(ctx), address);
	device->ids = (uint32_t)rawpci_sysfs_number(root_of(ctx), address, "vendor") |
		      (uint32_t)rawpci_sysfs_number(root_of(ctx), address, "device") << 16;
	r = rawpci_sysdev_locks_init(device);
	if (r < 0)
		return rawpci_backend_fail(ctx, -ENOMEM, "%s: no memory", device->name);
	r = open_config(device, O_RDWR);
	if (r < 0)
		goto undo_lock;
	r = check_answers(device);
	if (r == 0)
		r = rawpci_sysdev_regions_init(device);
	if (r < 0)
		goto undo_config;
	r = rawpci_sysdev_config_init(device);
	if (r == 0 && driver[0] == '\0')
		r = enable(device);
	if (r < 0)
		goto undo_regions;
	r = rawpci_sysdev_intx(device, false);
	if (r == 0) {
		warn_of_dma(device);
		return 0;
	}
	put_back(device);
undo_regions:
	(void)rawpci_sysdev_leave(device);
	rawpci_sysdev_regions_finish(device);
undo_config:
	rawpci_sys_close(&device->config);
undo_lock:
	rawpci_sysdev_locks_finish(device);
	return r;
}

void rawpci_sysdev_finish(struct rawpci_sysdev *device)
{
	rawpci_sysdev_regions_finish(device);
	put_back(device);
	rawpci_sys_close(&device->config);
	rawpci_sysdev_locks_finish(device);
}

int rawpci_sysdev_info(void *opaque, struct rawpci_backend_info *out)
{
	const struct rawpci_sysdev *device = opaque;
	char path[RAWPCI_SYSFS_PATH];
	bool reset = rawpci_sysfs_path(root_of(device->ctx), &device->address, "reset", path,
				       sizeof(path)) == 0 &&
		     rawpci_sys_access(path, W_OK) == 0;

	*out = (struct rawpci_backend_info) {
		.config_size = device->config_size,
		.can_reset = reset,
		.memory_always_on = device->vf,
		.wide_access = sizeof(void *) == 8,
		.mappings_stay = true,
	};
	return 0;
}
