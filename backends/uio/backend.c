/* SPDX-License-Identifier: MIT */
/*
 * Devices through the uio_pci_generic driver: what sysfs gives, and INTx through /dev/uioN (Linux
 * Documentation/driver-api/uio-howto.rst, "Things to know about uio_pci_generic"). The node's own
 * memory maps are not used, because they leave out prefetchable and 64-bit BARs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "sysdev/obstacles.h"
#include "sysdev/refusal.h"
#include "sysdev/sysdev.h"

#define DRIVER "uio_pci_generic"
#define COUNTER 4 /* bytes of the node's running total of interrupts */

#define SAY RAWPCI_SYSDEV_SAY

/* sysdev is the first member, because its operations take this for a struct rawpci_sysdev. */
struct rawpci_uio_device {
	struct rawpci_sysdev sysdev;
	int fd;
	bool intx;
};

static int uio_create(struct rawpci *ctx, void **instance)
{
	*instance = ctx;
	return 0;
}

static void uio_destroy(void *instance)
{
	(void)instance;
}

static bool find_no_module(struct rawpci *ctx, const struct rawpci_address *address,
			   struct rawpci_finding *finding)
{
	(void)address;
	if (rawpci_sysfs_has_driver(rawpci_sysdev_root(ctx), DRIVER) != -ENODEV)
		return false;
	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_MODULE,
		.blocks = true,
		.error = -EOPNOTSUPP,
		.driver = DRIVER,
		.cause = "the kernel module " DRIVER " is not loaded",
		.remedy = "modprobe " DRIVER,
		.commands = "modprobe " DRIVER "\n",
	};
	return true;
}

static bool find_function(struct rawpci *ctx, const struct rawpci_address *address,
			  struct rawpci_finding *finding)
{
	if (!rawpci_sysfs_is_vf(rawpci_sysdev_root(ctx), address))
		return false;
	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_OTHER,
		.blocks = true,
		.error = -EOPNOTSUPP,
		.cause = "it is a virtual function, which has no INTx and which " DRIVER " refuses",
		.remedy = "use VFIO or sysfs",
	};
	return true;
}

/* "uio3"; very old kernels said "uio:uio3". */
static int take_name(void *opaque, const char *file)
{
	char *name = opaque;
	const char *last = strrchr(file, ':');

	(void)snprintf(name, RAWPCI_SYSFS_NAME, "%s", last ? last + 1 : file);
	return 1;
}

/* Finds the node of a device that the driver has. Where there is none, path is the one at which the
 * search ended. Returns 0; -ENODATA: the driver has made none; or another negative errno. */
static int find_path(struct rawpci *ctx, const struct rawpci_address *address,
		     char path[RAWPCI_SYSFS_PATH])
{
	char node[RAWPCI_SYSFS_NAME] = "";
	int n, r = rawpci_sysfs_path(rawpci_sysdev_root(ctx), address, "uio", path,
				     RAWPCI_SYSFS_PATH);

	if (r == 0)
		r = rawpci_sys_list(path, take_name, node);
	if (r == 0 || r == -ENOENT)
		return -ENODATA;
	if (r < 0)
		return r;
	n = snprintf(path, RAWPCI_SYSFS_PATH, "%s/%s", rawpci_backend_setting(ctx, "uio.dir"),
		     node);
	return n < 0 || n >= RAWPCI_SYSFS_PATH ? -ENAMETOOLONG : 0;
}

/* Why the node cannot be opened. */
static void refuse_node(const char *path, int error, struct rawpci_finding *finding)
{
	char text[128];

	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_OTHER,
		.blocks = true,
		.error = -ENODEV,
	};
	if (error == -ENODATA) {
		SAY(finding->cause, DRIVER " made no node for it (no entry in %.256s)", path);
		SAY(finding->remedy, "read the kernel log (dmesg)");
	} else if (error == -EACCES || error == -EPERM) {
		finding->obstacle = RAWPCI_OBSTACLE_PERMISSION;
		finding->error = error;
		SAY(finding->path, "%.127s", path);
		SAY(finding->cause, "no permission to open %.256s", path);
		SAY(finding->remedy, "run as root, or allow this process to open the node");
	} else if (error == -ENOENT) {
		SAY(finding->cause, "the node %.256s is not there", path);
		SAY(finding->remedy,
		    "add the node to the /dev of the container or of this process");
	} else if (error == -ENAMETOOLONG) {
		finding->error = -EINVAL;
		SAY(finding->cause, "the setting uio.dir is too long");
	} else {
		finding->error = rawpci_sys_result(error, -EIO);
		SAY(finding->cause, "%.200s: %s", path,
		    rawpci_sys_error_text(error, text, sizeof(text)));
	}
}

/* A device of another driver has no node yet. */
static bool find_no_node(struct rawpci *ctx, const struct rawpci_address *address,
			 struct rawpci_finding *finding)
{
	char path[RAWPCI_SYSFS_PATH], driver[RAWPCI_SYSFS_NAME];
	int r;

	if (rawpci_sysfs_driver(rawpci_sysdev_root(ctx), address, driver) < 0 ||
	    strcmp(driver, DRIVER) != 0)
		return false;
	r = find_path(ctx, address, path);
	if (r == 0)
		r = rawpci_sys_access(path, R_OK | W_OK);
	if (r < 0)
		refuse_node(path, r, finding);
	return r < 0;
}

static const struct rawpci_sysdev_obstacle obstacles[] = {
	{ rawpci_sysdev_find_absent },
	{ find_no_module },
	{ find_function },
	{ rawpci_sysdev_find_unwritable },
	{ rawpci_sysdev_find_bridge },
	{ rawpci_sysdev_find_short },
	{ rawpci_sysdev_find_lockdown },
	{ find_no_node },
	{ NULL },
};

static int uio_probe(void *instance, const struct rawpci_address *address)
{
	return rawpci_sysdev_probe(instance, address, obstacles);
}

static int uio_explain(void *instance, const struct rawpci_address *address, uint64_t memory,
		       struct rawpci_findings *to)
{
	(void)memory;
	return rawpci_sysdev_explain(instance, address, obstacles, to);
}

static int open_node(struct rawpci_uio_device *device)
{
	struct rawpci *ctx = device->sysdev.ctx;
	const struct rawpci_address *address = &device->sysdev.address;
	struct rawpci_finding finding;
	char path[RAWPCI_SYSFS_PATH];
	int r = find_path(ctx, address, path);

	if (r == 0)
		r = rawpci_sys_open(path, O_RDWR | O_NONBLOCK);
	if (r >= 0) {
		device->fd = r;
		return 0;
	}
	refuse_node(path, r, &finding);
	return rawpci_sysdev_fail_with(ctx, address, &finding);
}

/* The device has the pin, and the kernel has a line for it. */
static bool has_intx(const struct rawpci_uio_device *device)
{
	const struct rawpci_sysdev *sysdev = &device->sysdev;
	char path[RAWPCI_SYSFS_PATH], text[32];
	uint32_t pin;

	return rawpci_sysdev_raw_read(sysdev, RAWPCI_CFG_INTERRUPT_PIN, 1, &pin) == 0 && pin != 0 &&
	       rawpci_sysdev_path(sysdev, "irq", path) == 0 &&
	       rawpci_sys_read_file(path, text, sizeof(text)) > 0 && strtoul(text, NULL, 10) > 0;
}

/* The node stays open to the end, because closing it turns bus mastering off. */
static int uio_open(void *instance, const struct rawpci_address *address, void *space, void **out)
{
	struct rawpci_uio_device *device = malloc(sizeof(*device));
	int r;

	(void)space;
	if (!device)
		return rawpci_backend_fail(instance, -ENOMEM, "uio: no memory");
	device->fd = -1;
	r = rawpci_sysdev_init(&device->sysdev, instance, address, DRIVER);
	if (r < 0)
		goto undo_alloc;
	r = open_node(device);
	if (r < 0)
		goto undo_init;
	device->intx = has_intx(device);
	*out = device;
	return 0;

undo_init:
	rawpci_sysdev_finish(&device->sysdev);
undo_alloc:
	free(device);
	return r;
}

static void uio_close(void *opaque)
{
	struct rawpci_uio_device *device = opaque;

	rawpci_sys_close(&device->fd);
	rawpci_sysdev_finish(&device->sysdev);
	free(device);
}

static int uio_info(void *opaque, struct rawpci_backend_info *out)
{
	const struct rawpci_uio_device *device = opaque;
	int r = rawpci_sysdev_info(opaque, out);

	if (r == 0)
		out->irq_count[RAWPCI_IRQ_INTX] = device->intx ? 1 : 0;
	return r;
}

static int uio_irq_source(void *opaque, enum rawpci_irq_type type, int *fd, unsigned *read_size)
{
	const struct rawpci_uio_device *device = opaque;

	(void)type;
	*fd = device->fd;
	*read_size = COUNTER;
	return 0;
}

static int uio_irq_enable(void *device, enum rawpci_irq_type type, unsigned n, const int *eventfds)
{
	(void)type;
	(void)n;
	(void)eventfds;
	return rawpci_sysdev_intx(device, true);
}

static void uio_irq_disable(void *opaque, enum rawpci_irq_type type)
{
	struct rawpci_uio_device *device = opaque;

	(void)type;
	if (rawpci_sysdev_intx(&device->sysdev, false) < 0)
		rawpci_backend_log(device->sysdev.ctx, RAWPCI_LOG_WARNING,
				   "%s: INTx could not be "
				   "masked",
				   device->sysdev.name);
}

/* The kernel set Interrupt Disable before it made the node readable. */
static int uio_irq_unmask(void *device)
{
	return rawpci_sysdev_intx(device, true);
}

const struct rawpci_backend rawpci_backend_uio = {
	.version = RAWPCI_BACKEND_VERSION,
	.name = "uio",
	.help = "uio_pci_generic: registers, ports, ROM and INTx; no MSI, no DMA",
	.rank = 20,
	.driver = DRIVER,
	.bare = true,
	.create = uio_create,
	.destroy = uio_destroy,
	.probe = uio_probe,
	.open = uio_open,
	.close = uio_close,
	.info = uio_info,
	.cfg_read = rawpci_sysdev_cfg_read,
	.cfg_write = rawpci_sysdev_cfg_write,
	.region_info = rawpci_sysdev_region_info,
	.region_map = rawpci_sysdev_region_map,
	.region_map_wc = rawpci_sysdev_region_map_wc,
	.region_read = rawpci_sysdev_region_read,
	.region_write = rawpci_sysdev_region_write,
	.irq_enable = uio_irq_enable,
	.irq_source = uio_irq_source,
	.irq_disable = uio_irq_disable,
	.irq_unmask = uio_irq_unmask,
	.reset = rawpci_sysdev_reset,
	.ready = rawpci_sysdev_ready,
	.explain = uio_explain,
};
