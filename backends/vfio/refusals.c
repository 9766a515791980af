/* SPDX-License-Identifier: MIT */
/* Why the kernel refused a step of opening a device. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/opener.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/vfio.h"

int rawpci_vfio_explain_busy(const struct rawpci_vfio_device *device, const char *path)
{
	struct rawpci_opener opener;

	rawpci_opener_find("/proc", path, false, &opener);
	if (opener.self)
		return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: %s is held by this "
					   "process, in another context", device->name, path);
	if (opener.process != 0)
		return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: %s is held by %s",
					   device->name, path, opener.text);
	return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: %s is held by %s, or a device "
				   "of its group is open in another way, by cdev", device->name,
				   path, opener.text);
}

static int explain_no_node(const struct rawpci_vfio_device *device, unsigned group,
			   const char *path)
{
	struct rawpci_vfio *vfio = device->vfio;
	char driver[RAWPCI_SYSFS_NAME];
	char unsafe[RAWPCI_VFIO_PATH];
	char name[32];

	(void)snprintf(name, sizeof(name), "noiommu-%u", group);
	rawpci_vfio_node(vfio, name, unsafe);
	if (rawpci_sys_access(unsafe, F_OK) == 0)
		return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: there is only %s, VFIO "
					   "without an IOMMU, which would let the device reach all "
					   "of the host's memory: if that is wanted, set "
					   "vfio.noiommu=yes", device->name, unsafe);
	if (rawpci_sysfs_driver(rawpci_vfio_sysfs(vfio), &device->address, driver) < 0)
		return rawpci_vfio_explain_absent(vfio, device->name);
	if (strcmp(driver, "vfio-pci") != 0)
		return rawpci_backend_fail(vfio->ctx, -ENODEV, "%s: %s is not there: the device is "
					   "bound to %s, not to vfio-pci", device->name, path,
					   driver[0] ? driver : "no driver");
	return rawpci_backend_fail(vfio->ctx, -ENODEV, "%s: it is bound to vfio-pci but %s did not "
				   "appear: in a container, %s has to be passed in", device->name,
				   path, path);
}

int rawpci_vfio_explain_node_error(const struct rawpci_vfio_device *device, const char *path,
				   const char *subsystem, int error)
{
	struct rawpci *ctx = device->vfio->ctx;
	char text[128];

	if (error == -EACCES)
		return rawpci_backend_fail(ctx, error, "%s: no permission to open %s: chown it to "
					   "the user of this program, or have a udev rule for "
					   "SUBSYSTEM==\"%s\" do it", device->name, path, subsystem);
	if (error == -EPERM)
		return rawpci_backend_fail(ctx, error, "%s: opening %s is forbidden although its "
					   "mode may allow it: the device cgroup of this container "
					   "or service has to list it", device->name, path);
	return rawpci_backend_fail(ctx, rawpci_sys_result(error, -EIO), "%s: %s: %s", device->name,
				   path, rawpci_sys_error_text(error, text, sizeof(text)));
}

int rawpci_vfio_explain_node(const struct rawpci_vfio_device *device, unsigned group,
			     const char *path, int error)
{
	struct rawpci *ctx = device->vfio->ctx;

	switch (error) {
	case -ENOENT:
		return explain_no_node(device, group, path);
	case -EBUSY:
		return rawpci_vfio_explain_busy(device, path);
	case -ENODEV:
		return rawpci_backend_fail(ctx, error, "%s: IOMMU group %u is gone", device->name,
					   group);
	default:
		return rawpci_vfio_explain_node_error(device, path, "vfio", error);
	}
}

/* Lines "0x... 0x... direct": memory that the firmware wants to keep identity-mapped. */
static bool has_direct_region(const struct rawpci_vfio *vfio, unsigned group)
{
	char path[RAWPCI_VFIO_PATH];
	char text[4096];
	const char *at;
	int n = snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/reserved_regions",
			 rawpci_vfio_sysfs(vfio), group);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    rawpci_sys_read_file(path, text, sizeof(text)) < 0)
		return false;
	for (at = strstr(text, " direct"); at; at = strstr(at + 1, " direct"))
		if (at[7] == '\n' || at[7] == '\0')
			return true;
	return false;
}

/* The kernel reports memory the firmware reserves as EPERM or, since 6.6, as EINVAL. */
int rawpci_vfio_explain_attach(const struct rawpci_vfio_device *device, unsigned group,
			       const char *module, int error)
{
	struct rawpci_vfio *vfio = device->vfio;
	char text[128];

	if ((error == -EPERM || error == -EINVAL) && has_direct_region(vfio, group))
		return rawpci_backend_fail(vfio->ctx, -EPERM, "%s: the firmware keeps memory "
					   "mapped for a device of IOMMU group %u (a region of "
					   "type direct, RMRR): turn off in the firmware what uses "
					   "it", device->name, group);
	if (error == -EPERM)
		return rawpci_vfio_explain_forbidden(device, group, module,
						     strcmp(module, "iommufd") == 0);
	rawpci_sys_error_text(error, text, sizeof(text));
	return rawpci_backend_fail(vfio->ctx,
				   error == -EBUSY ? error : rawpci_sys_result(error, -EIO),
				   "%s: IOMMU group %u cannot be attached to an address space: %s",
				   device->name, group, text);
}

int rawpci_vfio_explain_device(const struct rawpci_vfio_device *device, int error)
{
	struct rawpci *ctx = device->vfio->ctx;
	char driver[RAWPCI_SYSFS_NAME];
	char text[128];

	if (error == -EACCES)
		return rawpci_backend_fail(ctx, error, "%s: it is a virtual function whose "
					   "physical function is on vfio-pci too, and needs that "
					   "one's VF token", device->name);
	if (error == -EAGAIN)
		return rawpci_backend_fail(ctx, -EBUSY, "%s: it could not be locked for its reset, "
					   "something else keeps it busy", device->name);
	if (error == -ENODEV &&
	    rawpci_sysfs_driver(rawpci_vfio_sysfs(device->vfio), &device->address, driver) == 0 &&
	    strcmp(driver, "vfio-pci") != 0)
		return rawpci_backend_fail(ctx, error, "%s: it is bound to %s, not to vfio-pci",
					   device->name, driver[0] ? driver : "no driver");
	rawpci_sys_error_text(error, text, sizeof(text));
	return rawpci_backend_fail(ctx, error == -ENODEV || error == -EBUSY ? error :
				   rawpci_sys_result(error, -EIO), "%s: VFIO does not give it out: "
				   "%s", device->name, text);
}
