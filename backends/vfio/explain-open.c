/* SPDX-License-Identifier: MIT */
/* Why the kernel refused a step of opening a device. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/vfio.h"

/* Looks for the process that has a file open, as far as this one may look into others. */
struct holder {
	const char *path; /* the file */
	char directory[64];
	const char *process;
	char found[32]; /* its number; "" */
};

static int check_descriptor(void *opaque, const char *name)
{
	struct holder *holder = opaque;
	char link[sizeof(holder->directory) + 32];
	char target[RAWPCI_VFIO_PATH];
	int n = snprintf(link, sizeof(link), "%s/%s", holder->directory, name);

	return n >= 0 && (size_t)n < sizeof(link) &&
	       rawpci_sys_read_link(link, target, sizeof(target)) > 0 &&
	       strcmp(target, holder->path) == 0;
}

static int check_process(void *opaque, const char *name)
{
	struct holder *holder = opaque;
	int n;

	if (name[0] < '0' || name[0] > '9')
		return 0;
	n = snprintf(holder->directory, sizeof(holder->directory), "/proc/%s/fd", name);
	if (n < 0 || (size_t)n >= sizeof(holder->directory) ||
	    rawpci_sys_list(holder->directory, check_descriptor, holder) != 1)
		return 0;
	(void)snprintf(holder->found, sizeof(holder->found), "%s", name);
	return 1;
}

int rawpci_vfio_explain_busy(const struct rawpci_vfio_device *device, const char *path)
{
	struct holder holder = {.path = path};
	char file[64];
	char name[32];

	(void)rawpci_sys_list("/proc", check_process, &holder);
	if (holder.found[0] == '\0')
		return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: %s is held by another "
					   "process, or a device of its group is open in another "
					   "way, by cdev", device->name, path);
	(void)snprintf(file, sizeof(file), "/proc/%s/comm", holder.found);
	if (rawpci_sys_read_file(file, name, sizeof(name)) < 0)
		name[0] = '\0';
	return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: %s is held by process %s (%s)",
				   device->name, path, holder.found, name);
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

int rawpci_vfio_explain_node(const struct rawpci_vfio_device *device, unsigned group,
			     const char *path, int error)
{
	struct rawpci *ctx = device->vfio->ctx;
	char text[128];

	switch (error) {
	case -ENOENT:
		return explain_no_node(device, group, path);
	case -EBUSY:
		return rawpci_vfio_explain_busy(device, path);
	case -EACCES:
		return rawpci_backend_fail(ctx, error, "%s: no permission to open %s: chown it to "
					   "the user of this program, or have a udev rule for "
					   "SUBSYSTEM==\"vfio\" do it", device->name, path);
	case -EPERM:
		return rawpci_backend_fail(ctx, error, "%s: opening %s is forbidden although its "
					   "mode may allow it: the device cgroup of this container "
					   "or service has to list it", device->name, path);
	case -ENODEV:
		return rawpci_backend_fail(ctx, error, "%s: IOMMU group %u is gone", device->name,
					   group);
	default:
		return rawpci_backend_fail(ctx, error == -ENOMEM ? error : -EIO, "%s: %s: %s",
					   device->name, path,
					   rawpci_sys_error_text(error, text, sizeof(text)));
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
	if (error == -EPERM) {
		rawpci_vfio_parameter(vfio, module, "allow_unsafe_interrupts", text, sizeof(text));
		return rawpci_backend_fail(vfio->ctx, error, "%s: the kernel does not give IOMMU "
					   "group %u away: this host cannot remap interrupts, and "
					   "%s.allow_unsafe_interrupts is %s: enable interrupt "
					   "remapping (x2APIC) in the firmware, or set that "
					   "parameter to Y if every guest is trusted",
					   device->name, group, module, text[0] ? text : "unknown");
	}
	rawpci_sys_error_text(error, text, sizeof(text));
	return rawpci_backend_fail(vfio->ctx, error == -ENOMEM || error == -EBUSY ? error : -EIO,
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
	return rawpci_backend_fail(ctx, error == -ENOMEM || error == -ENODEV || error == -EBUSY ?
				   error : -EIO, "%s: VFIO does not give it out: %s", device->name,
				   text);
}
