/* SPDX-License-Identifier: MIT */
/* Why a device cannot be opened, from what can be read without privileges. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/vfio.h"

#define CLASS_PCI_BRIDGE 0x0604

int rawpci_vfio_explain_absent(struct rawpci_vfio *vfio, const char *name)
{
	return rawpci_backend_fail(vfio->ctx, -ENODEV, "%s: there is no such device in "
				   "%s/bus/pci/devices", name, rawpci_vfio_sysfs(vfio));
}

static int any_name(void *opaque, const char *name)
{
	(void)opaque;
	(void)name;
	return 1;
}

bool rawpci_vfio_has_iommu(const struct rawpci_vfio *vfio)
{
	char path[RAWPCI_VFIO_PATH];
	int n = snprintf(path, sizeof(path), "%s/class/iommu", rawpci_vfio_sysfs(vfio));

	return n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_list(path, any_name, NULL) == 1;
}

int rawpci_vfio_explain_no_group(struct rawpci_vfio *vfio, const char *name, int error)
{
	char text[128];

	if (error == -ENODEV)
		return rawpci_vfio_explain_absent(vfio, name);
	if (error != -ENOENT)
		return rawpci_backend_fail(vfio->ctx, error, "%s: its IOMMU group cannot be read: "
					   "%s", name,
					   rawpci_sys_error_text(error, text, sizeof(text)));
	if (rawpci_vfio_has_iommu(vfio))
		return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: it has no IOMMU group: no "
					   "IOMMU of this host covers it", name);
	return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: it has no IOMMU group, the kernel "
				   "uses no IOMMU: enable it in the firmware, and with "
				   "intel_iommu=on or amd_iommu=on on its command line", name);
}

int rawpci_vfio_explain_no_driver(struct rawpci_vfio *vfio, const char *name)
{
	return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: the kernel driver vfio-pci is not "
				   "loaded: modprobe vfio-pci", name);
}

int rawpci_vfio_explain_container(struct rawpci_vfio *vfio, const char *who, const char *path,
				  int error)
{
	char text[128];

	if (error == -ENOENT || error == -ENODEV || error == -ENXIO)
		return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: %s is not there, the "
					   "kernel's vfio module is not loaded: modprobe vfio-pci",
					   who, path);
	if (error == -EACCES)
		return rawpci_backend_fail(vfio->ctx, error, "%s: no permission to open %s: chmod "
					   "0666 it, as udev does by default: that gives access to "
					   "no device", who, path);
	if (error == -EPERM)
		return rawpci_backend_fail(vfio->ctx, error, "%s: opening %s is forbidden although "
					   "its mode may allow it: give the container or service "
					   "the device", who, path);
	return rawpci_backend_fail(vfio->ctx, error == -ENOMEM ? error : -EIO, "%s: %s: %s", who,
				   path, rawpci_sys_error_text(error, text, sizeof(text)));
}

struct blockers {
	const char *sysfs;
	const struct rawpci_address *self;
	char text[256];
	size_t length;
};

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

/* Drivers that leave DMA alone: VFIO's own with its variants, and those the kernel exempts. */
static bool harmless_driver(const char *driver)
{
	return driver[0] == '\0' || ends_with(driver, "vfio-pci") ||
	       ends_with(driver, "vfio_pci") || strcmp(driver, "pci-stub") == 0 ||
	       strcmp(driver, "pcieport") == 0;
}

static bool is_bridge(const char *sysfs, const struct rawpci_address *address)
{
	char path[RAWPCI_SYSFS_PATH];
	char text[32];

	return rawpci_sysfs_path(sysfs, address, "class", path, sizeof(path)) == 0 &&
	       rawpci_sys_read_file(path, text, sizeof(text)) > 0 &&
	       strtoul(text, NULL, 16) >> 8 == CLASS_PCI_BRIDGE;
}

/* The device itself is moved to vfio-pci before it is opened. */
bool rawpci_vfio_blocks(const char *sysfs, const struct rawpci_address *self,
			const struct rawpci_address *address, char driver[RAWPCI_SYSFS_NAME])
{
	return rawpci_address_compare(address, self) != 0 &&
	       rawpci_sysfs_driver(sysfs, address, driver) == 0 && !harmless_driver(driver) &&
	       !is_bridge(sysfs, address);
}

static int add_blocker(void *opaque, const struct rawpci_address *address)
{
	struct blockers *found = opaque;
	size_t room = sizeof(found->text) - found->length;
	char driver[RAWPCI_SYSFS_NAME];
	char name[RAWPCI_ADDRESS_TEXT];
	int n;

	if (!rawpci_vfio_blocks(found->sysfs, found->self, address, driver))
		return 0;
	n = snprintf(found->text + found->length, room, "%s%s is bound to %s",
		     found->length > 0 ? ", " : "", rawpci_address_format(address, name), driver);
	if (n < 0 || (size_t)n >= room) {
		found->text[found->length] = '\0';
		return 1;
	}
	found->length += (size_t)n;
	return 0;
}

int rawpci_vfio_explain_blockers(struct rawpci_vfio *vfio, const struct rawpci_address *address,
				 unsigned group)
{
	struct blockers found = {.sysfs = rawpci_vfio_sysfs(vfio), .self = address};
	char name[RAWPCI_ADDRESS_TEXT];

	(void)rawpci_sysfs_group_each(found.sysfs, group, add_blocker, &found);
	if (found.length == 0)
		return 0;
	return rawpci_backend_fail(vfio->ctx, -EBUSY, "%s: IOMMU group %u is not viable: %s: "
				   "unbind what is in this group from its drivers, or bind it to "
				   "vfio-pci", rawpci_address_format(address, name), group,
				   found.text);
}
