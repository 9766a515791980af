/* SPDX-License-Identifier: MIT */
/* Why the kernel refused a step of opening a device by its cdev. */
#include <errno.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/vfio.h"

int rawpci_vfio_explain_given(const struct rawpci_vfio_device *device, const char *what, int error)
{
	char text[128];

	(void)rawpci_sys_error_text(error, text, sizeof(text));
	if (rawpci_sys_result(error, 0) < 0)
		return rawpci_backend_fail(device->vfio->ctx, error, "%s: a descriptor that was "
					   "given for it cannot be used: %s", device->name, text);
	return rawpci_backend_fail(device->vfio->ctx, -EINVAL, "%s: a descriptor that was given "
				   "for it is not %s: %s", device->name, what, text);
}

int rawpci_vfio_explain_iommufd(struct rawpci_vfio *vfio, const char *who, const char *path,
				int error)
{
	char text[128];

	switch (error) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: %s is not there: this "
					   "kernel has no iommufd (it came with 6.2), or its "
					   "module is not loaded: modprobe iommufd", who, path);
	case -EACCES:
		return rawpci_backend_fail(vfio->ctx, error, "%s: no permission to open %s: chown "
					   "it to the user of this program", who, path);
	case -EPERM:
		return rawpci_backend_fail(vfio->ctx, error, "%s: opening %s is forbidden although "
					   "its mode may allow it: give the container or service "
					   "the device", who, path);
	default:
		return rawpci_backend_fail(vfio->ctx, rawpci_sys_result(error, -EIO),
					   "%s: %s: %s", who, path,
					   rawpci_sys_error_text(error, text, sizeof(text)));
	}
}

/* path NULL: there is no name for the node. */
int rawpci_vfio_explain_cdev(const struct rawpci_vfio_device *device, const char *path, int error)
{
	struct rawpci *ctx = device->vfio->ctx;
	char text[128];

	if (!path && rawpci_sys_result(error, 0) < 0)
		return rawpci_backend_fail(ctx, error, "%s: its cdev cannot be looked for: %s",
					   device->name,
					   rawpci_sys_error_text(error, text, sizeof(text)));
	if (!path)
		return rawpci_backend_fail(ctx, -EOPNOTSUPP, "%s: VFIO has no cdev for it: this "
					   "kernel was built without them (they came with 6.6), or "
					   "the device is not bound to vfio-pci", device->name);
	if (error == -ENOENT || error == -ENODEV || error == -ENXIO)
		return rawpci_backend_fail(ctx, -EOPNOTSUPP, "%s: %s did not appear: in a "
					   "container, it has to be passed in", device->name, path);
	return rawpci_vfio_explain_node_error(device, path, "vfio-dev", error);
}

/*
 * The kernel says EINVAL when the cdev is in use, EBUSY when the device is open by its group, and
 * EPERM when another owner has the group's DMA or the host cannot remap interrupts.
 */
int rawpci_vfio_explain_bind(const struct rawpci_vfio_device *device, const char *path, int error)
{
	struct rawpci_vfio *vfio = device->vfio;
	unsigned group = 0;
	int r;

	(void)rawpci_sysfs_group(rawpci_vfio_sysfs(vfio), &device->address, &group);
	switch (error) {
	case -EINVAL:
		return rawpci_vfio_explain_busy(device, path);
	case -EBUSY:
		return rawpci_backend_fail(vfio->ctx, error, "%s: it is open by its IOMMU group, "
					   "%u, or the kernel uses a device of that group",
					   device->name, group);
	case -EPERM:
		r = rawpci_vfio_explain_blockers(vfio, &device->address, group);
		return r < 0 ? r : rawpci_vfio_explain_attach(device, group, "iommufd", error);
	default:
		return rawpci_vfio_explain_device(device, error);
	}
}
