/* SPDX-License-Identifier: MIT */
/* Why a device cannot be opened, from what can be read without privileges. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/inuse.h"
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

int rawpci_vfio_explain_no_group(struct rawpci_vfio *vfio, const char *name, int error)
{
	char text[128];
	bool intel_on;

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
				   "uses no IOMMU: %s", name,
				   rawpci_vfio_no_iommu_remedy(vfio, &intel_on));
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
	return rawpci_backend_fail(vfio->ctx, rawpci_sys_result(error, -EIO), "%s: %s: %s", who,
				   path, rawpci_sys_error_text(error, text, sizeof(text)));
}

int rawpci_vfio_explain_bridge(struct rawpci_vfio *vfio, const struct rawpci_address *address,
			       const char *name)
{
	if (!rawpci_vfio_is_bridge(rawpci_vfio_sysfs(vfio), address))
		return 0;
	return rawpci_backend_fail(vfio->ctx, -EOPNOTSUPP, "%s: it is a bridge, which vfio-pci does "
				   "not take: open the devices behind it", name);
}

int rawpci_vfio_explain_functions(struct rawpci_vfio *vfio, const struct rawpci_address *address,
				  const char *name)
{
	unsigned count = rawpci_vfio_functions(rawpci_vfio_sysfs(vfio), address);

	if (count == 0)
		return 0;
	return rawpci_backend_fail(vfio->ctx, -EBUSY, "%s: it has %u virtual functions enabled, and "
				   "vfio-pci does not take it so: open one of those; or, once "
				   "nothing uses them, write 0 to its sriov_numvfs", name, count);
}

struct blockers {
	const char *sysfs;
	const struct rawpci_address *self;
	char text[320];
	size_t length;
	bool used; /* the host uses one of them */
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

bool rawpci_vfio_is_bridge(const char *sysfs, const struct rawpci_address *address)
{
	return rawpci_sysfs_number(sysfs, address, "class") >> 8 == CLASS_PCI_BRIDGE;
}

/* Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_register_device: it refuses to be bound
 * then; virtual functions that it has enabled itself come later. */
unsigned rawpci_vfio_functions(const char *sysfs, const struct rawpci_address *address)
{
	char driver[RAWPCI_SYSFS_NAME];

	if (rawpci_sysfs_driver(sysfs, address, driver) == 0 &&
	    (ends_with(driver, "vfio-pci") || ends_with(driver, "vfio_pci")))
		return 0;
	return (unsigned)rawpci_sysfs_number(sysfs, address, "sriov_numvfs");
}

/* The device itself is moved to vfio-pci before it is opened. */
bool rawpci_vfio_blocks(const char *sysfs, const struct rawpci_address *self,
			const struct rawpci_address *address, char driver[RAWPCI_SYSFS_NAME])
{
	return rawpci_address_compare(address, self) != 0 &&
	       rawpci_sysfs_driver(sysfs, address, driver) == 0 && !harmless_driver(driver) &&
	       !rawpci_vfio_is_bridge(sysfs, address);
}

static int add_blocker(void *opaque, const struct rawpci_address *address)
{
	struct blockers *found = opaque;
	const struct rawpci_inuse_host host = {.sys = found->sysfs, .proc = "/proc"};
	size_t room = sizeof(found->text) - found->length;
	char driver[RAWPCI_SYSFS_NAME];
	char name[RAWPCI_ADDRESS_TEXT], use[RAWPCI_INUSE_TEXT] = "";
	int n;

	if (!rawpci_vfio_blocks(found->sysfs, found->self, address, driver))
		return 0;
	rawpci_address_format(address, name);
	(void)rawpci_inuse_find(&host, address, use);
	found->used = found->used || use[0] != '\0';
	n = snprintf(found->text + found->length, room, "%s%s is bound to %s%s%s%s",
		     found->length > 0 ? ", " : "", name, driver, use[0] ? " (" : "", use,
		     use[0] ? ")" : "");
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
				   "%sunbind what is in this group from its drivers, or bind it to "
				   "vfio-pci", rawpci_address_format(address, name), group,
				   found.text,
				   found.used ? "stop what the host does with it; then " : "");
}
