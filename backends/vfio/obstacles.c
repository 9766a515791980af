/* SPDX-License-Identifier: MIT */
/* What stands in the way: the device itself, its group, the memory that may be locked for it. */
#include "vfio/obstacles.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/inuse.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"

#define CLASS_PCI_BRIDGE 0x0604

static bool is_bridge(const char *sysfs, const struct rawpci_address *address)
{
	return rawpci_sysfs_number(sysfs, address, "class") >> 8 == CLASS_PCI_BRIDGE;
}

int rawpci_vfio_find_absent(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding;

	if (!rawpci_sysfs_find_absent(q->sysfs, q->address, &finding))
		return 0;
	return rawpci_vfio_found(q, &finding);
}

/* vfio-pci takes functions with a type 0 header only (Linux drivers/vfio/pci/vfio_pci_core.c,
 * vfio_pci_core_register_device). */
int rawpci_vfio_find_bridge(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_BRIDGE, -EOPNOTSUPP);

	if (!is_bridge(q->sysfs, q->address))
		return 0;
	rawpci_vfio_say(&finding, "it is a bridge, which vfio-pci does not take\n"
				  "open the devices behind it");
	return rawpci_vfio_found(q, &finding);
}

static int find_no_iommu(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_NO_IOMMU, -EOPNOTSUPP);
	bool intel_on;

	if (rawpci_vfio_has_iommu(q->ctx)) {
		finding.obstacle = RAWPCI_OBSTACLE_NO_GROUP;
		rawpci_vfio_say(&finding, "it has no IOMMU group, because no IOMMU of this host "
					  "covers it\nput it into another slot");
		return rawpci_vfio_found(q, &finding);
	}
	rawpci_vfio_say(&finding, "it has no IOMMU group, because the kernel uses no IOMMU\n%s",
			rawpci_vfio_no_iommu_remedy(q->ctx, &intel_on));
	if (intel_on)
		(void)snprintf(finding.commands, sizeof(finding.commands),
			       "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on /' "
			       "/etc/default/grub\nupdate-grub && reboot\n");
	return rawpci_vfio_found(q, &finding);
}

int rawpci_vfio_find_why_no_group(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OTHER, q->grouped);
	char text[128];

	if (q->grouped == 0)
		return 0;
	if (q->grouped == -ENOENT)
		return find_no_iommu(q);
	if (q->grouped == -EACCES || q->grouped == -EPERM)
		finding.obstacle = RAWPCI_OBSTACLE_PERMISSION;
	rawpci_vfio_say(&finding, "its IOMMU group cannot be read: %s",
			rawpci_sys_error_text(q->grouped, text, sizeof(text)));
	return rawpci_vfio_found(q, &finding);
}

/* Without an IOMMU, VFIO makes up a group when the device is bound. */
int rawpci_vfio_find_no_group(struct rawpci_vfio_question *q)
{
	return rawpci_vfio_noiommu_wanted(q->ctx) ? 0 : rawpci_vfio_find_why_no_group(q);
}

int rawpci_vfio_find_no_module(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_MODULE, -EOPNOTSUPP);

	if (q->loaded)
		return 0;
	(void)snprintf(finding.driver, sizeof(finding.driver), "vfio-pci");
	rawpci_vfio_say(&finding, "the kernel module vfio-pci is not loaded\nmodprobe vfio-pci");
	return rawpci_vfio_found(q, &finding);
}

/* Linux drivers/vfio/pci/vfio_pci_core.c, vfio_pci_core_register_device: vfio-pci refuses to be
 * bound to such a device. It may enable functions itself once it is bound. */
int rawpci_vfio_find_functions(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_VFS, -EBUSY);
	char driver[RAWPCI_SYSFS_NAME];

	finding.number = (unsigned)rawpci_sysfs_number(q->sysfs, q->address, "sriov_numvfs");
	if (finding.number == 0 || (rawpci_sysfs_driver(q->sysfs, q->address, driver) == 0 &&
				    rawpci_sysfs_is_vfio(driver)))
		return 0;
	rawpci_vfio_say(&finding,
			"vfio-pci refuses a device with enabled virtual functions (%u)\n"
			"open one of them; or, once nothing uses them, write 0 to its sriov_numvfs",
			finding.number);
	return rawpci_vfio_found(q, &finding);
}

/* Does a device of the group keep the group from being viable? VFIO's drivers do not, and the
 * kernel exempts two more. The device itself is bound to vfio-pci before it is opened. Others may
 * be taken with it. */
static bool blocks(const struct rawpci_vfio_question *q, const struct rawpci_address *address,
		   char driver[RAWPCI_SYSFS_NAME])
{
	return rawpci_address_compare(address, q->address) != 0 &&
	       (rawpci_backend_taken(q->ctx, address, driver) ||
		rawpci_sysfs_driver(q->sysfs, address, driver) == 0) &&
	       driver[0] != '\0' && !rawpci_sysfs_is_vfio(driver) &&
	       strcmp(driver, "pci-stub") != 0 && strcmp(driver, "pcieport") != 0 &&
	       !is_bridge(q->sysfs, address);
}

static int find_blocker(void *opaque, const struct rawpci_address *address)
{
	struct rawpci_vfio_question *q = opaque;
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_GROUP, -EBUSY);
	char name[RAWPCI_ADDRESS_TEXT], use[RAWPCI_INUSE_TEXT] = "", stop[RAWPCI_INUSE_STOP] = "";
	const struct rawpci_inuse_host host = { .sys = q->sysfs, .proc = "/proc", .stop = stop };
	char remedy[320];

	if (!blocks(q, address, finding.driver))
		return 0;
	finding.blocker = *address;
	finding.group = q->group;
	rawpci_address_format(address, name);
	(void)rawpci_inuse_find(&host, address, use);
	if (use[0] != '\0' && rawpci_inuse_bridge(q->sysfs, address, use) != 0)
		(void)snprintf(remedy, sizeof(remedy),
			       "leave it to the host, and this group with "
			       "it");
	else
		(void)snprintf(remedy, sizeof(remedy),
			       "%s%s%s%s%sunbind %s from %s, or bind it to "
			       "vfio-pci too",
			       use[0] ? "stop that" : "", stop[0] ? " (" : "", stop,
			       stop[0] ? ")" : "", use[0] ? "; then " : "", name, finding.driver);
	rawpci_vfio_say(&finding,
			"VFIO cannot have IOMMU group %u, because %s of that group is "
			"bound to %s%s%.200s\n%s",
			q->group, name, finding.driver, use[0] ? ", and " : "", use, remedy);
	/* No command takes from the host what it uses. */
	if (use[0] == '\0')
		(void)snprintf(finding.commands, sizeof(finding.commands),
			       "echo vfio-pci > %.64s/bus/pci/devices/%s/driver_override\n"
			       "echo %s > %.64s/bus/pci/drivers/%s/unbind\n"
			       "echo %s > %.64s/bus/pci/drivers_probe\n",
			       q->sysfs, name, name, q->sysfs, finding.driver, name, q->sysfs);
	return rawpci_vfio_found(q, &finding);
}

/* A group that cannot be listed is no finding. */
int rawpci_vfio_find_blockers(struct rawpci_vfio_question *q)
{
	int r = 0;

	if (q->grouped == 0)
		r = rawpci_sysfs_group_each(q->sysfs, q->group, find_blocker, q);
	return r > 0 || r == -ENOMEM ? r : 0;
}

bool rawpci_vfio_describe_lock_limit(uint64_t size, bool by_user, struct rawpci_finding *finding)
{
	char counted[64] = "for all processes of this user together";
	unsigned long long wanted;
	uint64_t allowed, used;

	if (!rawpci_vfio_lock_limit(&allowed, &used) ||
	    (!by_user && used <= allowed && size <= allowed - used))
		return false;
	*finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_LOCKED_MEMORY, -ENOSPC);
	finding->needed = size;
	finding->allowed = allowed;
	finding->used = used;
	wanted = (size + used + 1023) / 1024;
	if (!by_user)
		(void)snprintf(counted, sizeof(counted), "of which %llu KiB are used",
			       (unsigned long long)(used / 1024));
	rawpci_vfio_say(finding,
			"the limit of locked memory is too low for DMA: %llu KiB needed, "
			"%llu KiB allowed %s\nraise it with prlimit --memlock=%llu --pid PID where "
			"the program runs already, with LimitMEMLOCK=%lluK in its systemd unit, or "
			"in limits.conf for the next login of its user; or give the program "
			"CAP_IPC_LOCK",
			(unsigned long long)(size / 1024), (unsigned long long)(allowed / 1024),
			counted, wanted * 1024, wanted);
	(void)snprintf(finding->commands, sizeof(finding->commands),
		       "echo ':%u - memlock %llu' > "
		       "/etc/security/limits.d/rawpci-%u.conf\n",
		       rawpci_sys_user(), wanted, rawpci_sys_user());
	return true;
}

int rawpci_vfio_find_lock_limit(struct rawpci_vfio_question *q)
{
	struct rawpci_finding finding;

	if (q->grouped != 0 || !rawpci_vfio_describe_lock_limit(q->memory, false, &finding))
		return 0;
	return rawpci_vfio_found(q, &finding);
}
