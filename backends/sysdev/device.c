/* SPDX-License-Identifier: MIT */
/* The device as a whole. Closing undoes in this order: mappings, config space, descriptors. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "pci/pci.h"
#include "sysdev/obstacles.h"
#include "sysdev/refusal.h"
#include "sysdev/sysdev.h"

static int locks_init(struct rawpci_sysdev *device)
{
	pthread_mutex_t *const locks[] = { &device->config.lock, &device->command.lock,
					   &device->vpd.lock, &device->rom_lock };
	int r = 0;

	for (unsigned i = 0; i < sizeof(locks) / sizeof(locks[0]); i++) {
		r = -pthread_mutex_init(locks[i], NULL);
		while (r < 0 && i-- > 0)
			(void)pthread_mutex_destroy(locks[i]);
		if (r < 0)
			break;
	}
	return r;
}

static void locks_finish(struct rawpci_sysdev *device)
{
	(void)pthread_mutex_destroy(&device->rom_lock);
	(void)pthread_mutex_destroy(&device->vpd.lock);
	(void)pthread_mutex_destroy(&device->command.lock);
	(void)pthread_mutex_destroy(&device->config.lock);
}

/* Before anything is written: COMMAND of a device that does not answer would be written back with
 * all bits on. If its link came back just then, the device would master the bus. */
static int check_answers(const struct rawpci_sysdev *device)
{
	struct rawpci_finding finding;

	if (!rawpci_sysdev_find_gone(device->ctx, &device->address, &finding))
		return 0;
	return rawpci_sysdev_fail_with(device->ctx, &device->address, &finding);
}

/* The kernel counts: each program that enables the device disables it again. */
static int enable(struct rawpci_sysdev *device)
{
	int r = rawpci_sysdev_write_file(device, "enable", "1");

	if (r == -ETIMEDOUT)
		return r;
	if (r == -EBUSY)
		return rawpci_backend_fail(device->ctx, r,
					   "%s: a driver took it in the meantime: "
					   "unbind that driver",
					   device->name);
	if (r < 0)
		return rawpci_sysdev_fail(device, "enabling it", "enable", r);
	device->enabled = true;
	return 0;
}

/* Disabling turns bus mastering off and leaves decoding as it is: the old COMMAND has that. */
static void put_back(struct rawpci_sysdev *device)
{
	uint32_t command = device->command.before & ~(uint32_t)RAWPCI_COMMAND_MASTER;
	uint32_t status = 0;
	int r = 0;

	if (rawpci_sysdev_leave(device) || rawpci_sysdev_is_lost(device))
		return;
	if (device->enabled)
		r = rawpci_sysdev_write_file(device, "enable", "0");
	if (rawpci_sysdev_leave(device))
		return;
	/* An interrupt without a handler would cost all devices on its line theirs. It stays
	 * disabled until a driver enables it. */
	if (rawpci_sysdev_raw_read(device, RAWPCI_CFG_STATUS, 2, &status) == 0 &&
	    (status & RAWPCI_STATUS_INTERRUPT))
		command |= RAWPCI_COMMAND_INTX_DISABLE;
	(void)pthread_mutex_lock(&device->config.lock);
	if (rawpci_sysdev_put_listed(device) < 0 && r == 0)
		r = -EIO;
	(void)pthread_mutex_unlock(&device->config.lock);
	if (rawpci_sysdev_raw_write(device, RAWPCI_CFG_COMMAND, 2, command) < 0 || r < 0)
		rawpci_backend_log(device->ctx, RAWPCI_LOG_WARNING,
				   "%s: its registers or its file "
				   "enable could not be restored",
				   device->name);
	(void)rawpci_sysdev_leave(device);
}

/* sysfs and uio map nothing for the device, and yet it masters the bus once it is on. */
static void warn_of_dma(const struct rawpci_sysdev *device)
{
	struct rawpci_finding finding;

	if (rawpci_sysdev_find_unprotected(device->ctx, &device->address, &finding))
		rawpci_backend_log(device->ctx, RAWPCI_LOG_WARNING, "%s: %s: %s", device->name,
				   finding.cause, finding.remedy);
}

static void describe(struct rawpci_sysdev *device, struct rawpci *ctx,
		     const struct rawpci_address *address, const char *driver)
{
	const char *root = rawpci_sysdev_root(ctx);

	memset(device, 0, sizeof(*device));
	device->ctx = ctx;
	device->address = *address;
	device->driver = driver;
	device->fd = -1;
	rawpci_address_format(address, device->name);
	device->vf = rawpci_sysfs_is_vf(root, address);
	device->config.ids = (uint32_t)rawpci_sysfs_number(root, address, "vendor") |
			     (uint32_t)rawpci_sysfs_number(root, address, "device") << 16;
}

int rawpci_sysdev_init(struct rawpci_sysdev *device, struct rawpci *ctx,
		       const struct rawpci_address *address, const char *driver)
{
	int r;

	describe(device, ctx, address, driver);
	r = locks_init(device);
	if (r < 0)
		return rawpci_backend_fail(ctx, -ENOMEM, "%s: no memory", device->name);
	r = rawpci_sysdev_config_open(device);
	if (r < 0)
		goto undo_locks;
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
	rawpci_sys_close(&device->fd);
undo_locks:
	locks_finish(device);
	return r;
}

void rawpci_sysdev_finish(struct rawpci_sysdev *device)
{
	rawpci_sysdev_regions_finish(device);
	put_back(device);
	rawpci_sys_close(&device->fd);
	locks_finish(device);
}

int rawpci_sysdev_info(void *opaque, struct rawpci_backend_info *out)
{
	const struct rawpci_sysdev *device = opaque;
	char path[RAWPCI_SYSFS_PATH];

	*out = (struct rawpci_backend_info){
		.config_size = device->config.size,
		.can_reset = rawpci_sysdev_path(device, "reset", path) == 0 &&
			     rawpci_sys_access(path, W_OK) == 0,
		.memory_always_on = device->vf,
		.wide_access = sizeof(void *) == 8,
		.mappings_stay = true,
	};
	return 0;
}
