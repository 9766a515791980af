/* SPDX-License-Identifier: MIT */
/* Everything that keeps VFIO from a device, found before anyone tries to open it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/inuse.h"
#include "os/opener.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/vfio.h"

/* Formats into an array, cut where it is too long. */
#define SAY(array, ...) ((void)snprintf(array, sizeof(array), __VA_ARGS__))

struct diagnosis {
	struct rawpci_vfio *vfio;
	const char *sysfs;
	const struct rawpci_address *address;
	char name[RAWPCI_ADDRESS_TEXT];
	unsigned group;
	struct rawpci_findings *to;
};

/* vfio-pci takes functions with a type 0 header only (Linux drivers/vfio/pci/vfio_pci_core.c,
 * vfio_pci_core_register_device). */
static int find_bridge(const struct diagnosis *d)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_BRIDGE,
		.blocks = true,
		.error = -EOPNOTSUPP,
	};

	SAY(finding.cause, "it is a bridge, which vfio-pci does not take");
	SAY(finding.remedy, "open the devices behind it");
	return rawpci_backend_finding(d->to, &finding);
}

static int check_functions(const struct diagnosis *d)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_VFS,
		.blocks = true,
		.error = -EBUSY,
		.number = rawpci_vfio_functions(d->sysfs, d->address),
	};

	if (finding.number == 0)
		return 0;
	SAY(finding.cause, "it has %u virtual functions enabled, and vfio-pci does not take it so",
	    finding.number);
	SAY(finding.remedy, "open one of those; or, once nothing uses them, write 0 to its "
	    "sriov_numvfs");
	return rawpci_backend_finding(d->to, &finding);
}

static int find_no_iommu(const struct diagnosis *d)
{
	bool running = rawpci_vfio_has_iommu(d->vfio);
	struct rawpci_finding finding = {
		.obstacle = running ? RAWPCI_OBSTACLE_NO_GROUP : RAWPCI_OBSTACLE_NO_IOMMU,
		.blocks = true,
		.error = -EOPNOTSUPP,
	};
	bool intel_on;

	if (running) {
		SAY(finding.cause, "no IOMMU of this host covers it");
		SAY(finding.remedy, "put it into another slot");
		return rawpci_backend_finding(d->to, &finding);
	}
	SAY(finding.cause, "the kernel uses no IOMMU");
	SAY(finding.remedy, "%s", rawpci_vfio_no_iommu_remedy(d->vfio, &intel_on));
	if (intel_on)
		SAY(finding.commands,
		    "sed -i 's/^GRUB_CMDLINE_LINUX=\"/&intel_iommu=on /' /etc/default/grub\n"
		    "update-grub && reboot\n");
	return rawpci_backend_finding(d->to, &finding);
}

static int find_blocker(void *opaque, const struct rawpci_address *address)
{
	const struct diagnosis *d = opaque;
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_GROUP,
		.blocks = true,
		.error = -EBUSY,
		.blocker = *address,
		.group = d->group,
	};
	const struct rawpci_inuse_host host = {.sys = d->sysfs, .proc = "/proc"};
	char name[RAWPCI_ADDRESS_TEXT], use[RAWPCI_INUSE_TEXT] = "";

	if (!rawpci_vfio_blocks(d->sysfs, d->address, address, finding.driver))
		return 0;
	rawpci_address_format(address, name);
	(void)rawpci_inuse_find(&host, address, use);
	SAY(finding.cause, "IOMMU group %u is not viable, %s of the same group is bound to "
	    "%s%s%.200s", d->group, name, finding.driver, use[0] ? ", and " : "", use);
	/* No command that would take from the host what it uses. */
	if (use[0] != '\0') {
		if (rawpci_inuse_bridge(d->sysfs, address, use) != 0)
			SAY(finding.remedy, "leave it to the host, and this group with it");
		else
			SAY(finding.remedy, "stop that; then unbind %s from %s, or bind it to "
			    "vfio-pci too", name, finding.driver);
		return rawpci_backend_finding(d->to, &finding);
	}
	SAY(finding.remedy, "unbind %s from %s, or bind it to vfio-pci too", name, finding.driver);
	SAY(finding.commands,
	    "echo vfio-pci > %.64s/bus/pci/devices/%s/driver_override\n"
	    "echo %s > %.64s/bus/pci/drivers/%s/unbind\n"
	    "echo %s > %.64s/bus/pci/drivers_probe\n",
	    d->sysfs, name, name, d->sysfs, finding.driver, name, d->sysfs);
	return rawpci_backend_finding(d->to, &finding);
}

/* rule: how udev knows the node; NULL: it gives access to no device by itself. */
static int find_forbidden(const struct diagnosis *d, const char *path, int error, const char *rule)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_PERMISSION,
		.blocks = true,
		.error = error,
	};

	SAY(finding.path, "%.127s", path);
	SAY(finding.cause, "user %u has no permission to open %s", rawpci_sys_user(),
	    finding.path);
	if (error == -EPERM) {
		SAY(finding.remedy, "its mode is not what forbids it: see what guards this process "
		    "(a security module, a sandbox)");
	} else if (!rule) {
		SAY(finding.remedy, "chmod 0666 %s, as udev does: that gives access to no device",
		    finding.path);
		SAY(finding.commands, "chmod 0666 %s\n", finding.path);
	} else {
		SAY(finding.remedy, "chown %u %s, or have a udev rule for %s do it",
		    rawpci_sys_user(), finding.path, rule);
		SAY(finding.commands, "chown %u %s\n", rawpci_sys_user(), finding.path);
	}
	return rawpci_backend_finding(d->to, &finding);
}

static bool forbidden(int error)
{
	return error == -EACCES || error == -EPERM;
}

static int take_name(void *opaque, const char *name)
{
	(void)snprintf(opaque, 32, "%s", name);
	return 1;
}

/* Can it be reached by its cdev and an iommufd? 0, or an error with the node that it is about. The
 * cdev is not there before the device is bound to vfio-pci. */
static int try_cdev(const struct diagnosis *d, char node[RAWPCI_VFIO_PATH], const char **rule)
{
	char path[RAWPCI_SYSFS_PATH], name[32] = "", file[64];
	int r = rawpci_sysfs_path(d->sysfs, d->address, "vfio-dev", path, sizeof(path));

	(void)snprintf(node, RAWPCI_VFIO_PATH, "%s", rawpci_vfio_iommu(d->vfio));
	*rule = "KERNEL==\"iommu\"";
	if (r == 0)
		r = rawpci_sys_access(node, R_OK | W_OK);
	if (r < 0)
		return r;
	if (rawpci_sys_list(path, take_name, name) != 1)
		return -ENOENT;
	SAY(file, "devices/%s", name);
	rawpci_vfio_node(d->vfio, file, node);
	*rule = "SUBSYSTEM==\"vfio-dev\"";
	return rawpci_sys_access(node, R_OK | W_OK);
}

/* Only one may have it open. To open it would tell, and keep somebody else out meanwhile. */
static int find_held(const struct diagnosis *d, const char *node)
{
	struct rawpci_opener opener;
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_OWNED,
		.blocks = true,
		.error = -EBUSY,
		.group = d->group,
	};

	rawpci_opener_find("/proc", node, false, &opener);
	if (opener.process == 0)
		return 0;
	finding.number = opener.process;
	SAY(finding.path, "%.127s", node);
	SAY(finding.cause, "%s has %s open", opener.self ? "this process" : opener.text,
	    finding.path);
	SAY(finding.remedy, "close it there, or end that process");
	return rawpci_backend_finding(d->to, &finding);
}

/* The kernel gives the devices of a group to one owner only. What this process has may be of the VM
 * that the device is for. */
static int check_sibling_held(const struct diagnosis *d)
{
	struct rawpci_vfio_holder holder;
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_OWNED,
		.blocks = true,
		.error = -EBUSY,
		.group = d->group,
	};

	if (!rawpci_vfio_group_holder(d->vfio, d->address, d->group, &holder) ||
	    holder.opener.self || !strstr(holder.path, "/devices/"))
		return 0;
	finding.number = holder.opener.process;
	SAY(finding.path, "%.127s", holder.path);
	SAY(finding.cause, "IOMMU group %u is in use: %s has %s open", d->group,
	    holder.opener.text, finding.path);
	SAY(finding.remedy, "close it there, or end that process");
	return rawpci_backend_finding(d->to, &finding);
}

/* The devices of a group that this context has open already share its node. */
static int check_group_held(const struct diagnosis *d)
{
	char node[RAWPCI_VFIO_PATH], file[64];

	SAY(file, "%u", d->group);
	rawpci_vfio_node(d->vfio, file, node);
	if (rawpci_sys_access(node, F_OK) < 0 || rawpci_vfio_group_used(d->vfio, d->group))
		return 0;
	return find_held(d, node);
}

/* The group's node is not there before the device is bound to vfio-pci. */
static int check_group(const struct diagnosis *d)
{
	char node[RAWPCI_VFIO_PATH], file[64];
	int r, found;

	rawpci_vfio_node(d->vfio, "vfio", node);
	r = rawpci_sys_access(node, R_OK | W_OK);
	found = forbidden(r) ? find_forbidden(d, node, r, NULL) : 0;
	if (found < 0)
		return found;
	SAY(file, "%u", d->group);
	rawpci_vfio_node(d->vfio, file, node);
	r = rawpci_sys_access(node, R_OK | W_OK);
	return forbidden(r) ? find_forbidden(d, node, r, "SUBSYSTEM==\"vfio\"") :
	       check_group_held(d);
}

/* One of the two ways to reach it is enough, where there is a choice. */
static int check_nodes(const struct diagnosis *d)
{
	const char *via = rawpci_backend_setting(d->vfio->ctx, "vfio.via");
	char node[RAWPCI_VFIO_PATH];
	const char *rule;
	int r;

	if (strcmp(via, "group") == 0)
		return check_group(d);
	r = try_cdev(d, node, &rule);
	if (r == 0) {
		r = find_held(d, node);
		return r < 0 ? r : check_group_held(d);
	}
	if (strcmp(via, "cdev") == 0)
		return forbidden(r) ? find_forbidden(d, node, r, rule) : 0;
	return check_group(d);
}

static int check_memory(const struct diagnosis *d, uint64_t memory)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_LOCKED_MEMORY,
		.blocks = true,
		.error = -ENOSPC,
		.needed = memory,
	};
	unsigned long long wanted;

	if (!rawpci_vfio_lock_limit(&finding.allowed, &finding.used) ||
	    (finding.used <= finding.allowed && memory <= finding.allowed - finding.used))
		return 0;
	wanted = (memory + finding.used + 1023) / 1024;
	SAY(finding.cause, "the limit of locked memory is too low for DMA: %llu KiB needed, %llu "
	    "KiB allowed of which %llu KiB are used", (unsigned long long)(memory / 1024),
	    (unsigned long long)(finding.allowed / 1024),
	    (unsigned long long)(finding.used / 1024));
	SAY(finding.remedy, "raise it with prlimit --memlock=%llu --pid PID where the program runs "
	    "already, with LimitMEMLOCK=%lluK in its systemd unit, or in limits.conf for the next "
	    "login of its user; or give the program CAP_IPC_LOCK", wanted * 1024, wanted);
	SAY(finding.commands, "echo ':%u - memlock %llu' > /etc/security/limits.d/rawpci-%u.conf\n",
	    rawpci_sys_user(), wanted, rawpci_sys_user());
	return rawpci_backend_finding(d->to, &finding);
}

int rawpci_vfio_diagnose(void *instance, const struct rawpci_address *address, uint64_t memory,
			 struct rawpci_findings *to)
{
	struct diagnosis d = {
		.vfio = instance,
		.sysfs = rawpci_vfio_sysfs(instance),
		.address = address,
		.to = to,
	};
	int r;

	rawpci_address_format(address, d.name);
	if (rawpci_vfio_is_bridge(d.sysfs, address))
		return find_bridge(&d);
	r = check_functions(&d);
	if (r < 0)
		return r;
	r = rawpci_sysfs_group(d.sysfs, address, &d.group);
	if (r == -ENOENT)
		return rawpci_vfio_noiommu_wanted(instance) ? 0 : find_no_iommu(&d);
	if (r < 0)
		return 0;
	r = rawpci_sysfs_group_each(d.sysfs, d.group, find_blocker, &d);
	/* A group that cannot be listed is nothing that was found. */
	if (r != -ENOMEM)
		r = check_sibling_held(&d);
	if (r == 0)
		r = check_nodes(&d);
	return r == 0 ? check_memory(&d, memory) : r;
}
