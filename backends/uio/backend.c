/* SPDX-License-Identifier: MIT */
/*
 * Devices through the uio_pci_generic driver: what sysfs gives, and INTx through /dev/uioN (Linux
 * Documentation/driver-api/uio-howto.rst, "Things to know about uio_pci_generic"). The node's own
 * memory maps are not used: they leave out prefetchable and 64-bit BARs.
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
#include "sysdev/sysdev.h"

#define DRIVER "uio_pci_generic"
#define COUNTER 4 /* bytes of the node's running total of interrupts */

/* sysdev first: sysfs's operations take it for theirs. */
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

static int uio_probe(void *instance, const struct rawpci_address *address)
{
	struct rawpci *ctx = instance;
	const char *root = rawpci_backend_setting(ctx, "sysfs.dir");
	char path[RAWPCI_SYSFS_PATH], name[RAWPCI_ADDRESS_TEXT];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/drivers/" DRIVER, root);

	rawpci_address_format(address, name);
	if (rawpci_sysfs_present(root, address) == 0 &&
	    (n < 0 || (size_t)n >= sizeof(path) || rawpci_sys_access(path, F_OK) < 0))
		return rawpci_backend_fail(ctx, -EOPNOTSUPP, "%s: the kernel's " DRIVER " module is "
					   "not loaded: modprobe " DRIVER, name);
	if (rawpci_sysfs_is_vf(root, address))
		return rawpci_backend_fail(ctx, -EOPNOTSUPP, "%s: it is a virtual function, which "
					   "has no INTx, and " DRIVER " does not take those", name);
	return rawpci_sysdev_probe(ctx, address);
}

/* "uio3"; very old kernels said "uio:uio3". */
static int take_name(void *opaque, const char *file)
{
	char *name = opaque;
	const char *last = strrchr(file, ':');

	(void)snprintf(name, RAWPCI_SYSFS_NAME, "%s", last ? last + 1 : file);
	return 1;
}

static int open_node(struct rawpci_uio_device *device)
{
	struct rawpci *ctx = device->sysdev.ctx;
	char path[RAWPCI_SYSFS_PATH], node[RAWPCI_SYSFS_NAME] = "";
	char text[128];
	int n, r = rawpci_sysfs_path(rawpci_backend_setting(ctx, "sysfs.dir"),
				     &device->sysdev.address, "uio", path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_list(path, take_name, node);
	if (rawpci_sys_result(r, 0) < 0)
		return rawpci_backend_fail(ctx, r, "%s: %s: %s", device->sysdev.name, path,
					   rawpci_sys_error_text(r, text, sizeof(text)));
	if (r <= 0)
		return rawpci_backend_fail(ctx, -ENODEV, "%s: " DRIVER " made no node for it (no "
					   "entry in %s)", device->sysdev.name, path);
	n = snprintf(path, sizeof(path), "%s/%s", rawpci_backend_setting(ctx, "uio.dir"), node);
	if (n < 0 || (size_t)n >= sizeof(path))
		return rawpci_backend_fail(ctx, -EINVAL, "%s: uio.dir is too long",
					   device->sysdev.name);
	r = rawpci_sys_open(path, O_RDWR | O_NONBLOCK);
	if (r == -EACCES || r == -EPERM)
		return rawpci_backend_fail(ctx, r, "%s: no permission to open %s: run as root, or "
					   "give this process the node", device->sysdev.name, path);
	if (r == -ENOENT)
		return rawpci_backend_fail(ctx, -ENODEV, "%s: the node %s is not there: the "
					   "container or the /dev of this process lacks it",
					   device->sysdev.name, path);
	if (r < 0)
		return rawpci_backend_fail(ctx, rawpci_sys_result(r, -EIO), "%s: %s: %s",
					   device->sysdev.name, path,
					   rawpci_sys_error_text(r, text, sizeof(text)));
	device->fd = r;
	return 0;
}

/* The kernel has a line for it, and it has the pin. */
static bool has_intx(const struct rawpci_uio_device *device)
{
	const struct rawpci_sysdev *sysdev = &device->sysdev;
	char path[RAWPCI_SYSFS_PATH], text[32];
	uint32_t pin;

	return rawpci_sysdev_raw_read(sysdev, RAWPCI_CFG_INTERRUPT_PIN, 1, &pin) == 0 && pin != 0 &&
	       rawpci_sysfs_path(rawpci_backend_setting(sysdev->ctx, "sysfs.dir"), &sysdev->address,
				 "irq", path, sizeof(path)) == 0 &&
	       rawpci_sys_read_file(path, text, sizeof(text)) > 0 && strtoul(text, NULL, 10) > 0;
}

/* The node is kept open to the end, because closing it turns bus mastering off. */
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
		rawpci_backend_log(device->sysdev.ctx, RAWPCI_LOG_WARNING, "%s: INTx could not be "
				   "masked", device->sysdev.name);
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
	.explain = rawpci_sysdev_explain,
};
