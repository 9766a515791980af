/* SPDX-License-Identifier: MIT */
/* Why the kernel refuses a file of the device, as one finding with cause and remedy. */
#include <errno.h>
#include <string.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "sysdev/refusal.h"

#define SAY RAWPCI_SYSDEV_SAY

int rawpci_sysdev_fail_with(struct rawpci *ctx, const struct rawpci_address *address,
			    const struct rawpci_finding *finding)
{
	char name[RAWPCI_ADDRESS_TEXT];

	return rawpci_backend_fail(ctx, finding->error, "%s: %s%s%s",
				   rawpci_address_format(address, name), finding->cause,
				   finding->remedy[0] ? ": " : "", finding->remedy);
}

bool rawpci_sysdev_find_lockdown(struct rawpci *ctx, const struct rawpci_address *address,
				 struct rawpci_finding *finding)
{
	char path[RAWPCI_SYSFS_PATH], text[64];
	int n = snprintf(path, sizeof(path), "%s/kernel/security/lockdown",
			 rawpci_backend_setting(ctx, "sysfs.dir"));

	(void)address;
	if (n < 0 || (size_t)n >= sizeof(path) ||
	    rawpci_sys_read_file(path, text, sizeof(text)) < 0 || strstr(text, "[none]"))
		return false;
	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_LOCKDOWN,
		.blocks = true,
		.error = -EPERM,
	};
	SAY(finding->path, "%.127s", path);
	SAY(finding->cause,
	    "the kernel is locked down (%s), which forbids access to devices by "
	    "sysfs and uio",
	    text);
	SAY(finding->remedy, "use VFIO, or boot without lockdown (Secure Boot off, no lockdown= "
			     "on the kernel's command line)");
	return true;
}

static void forbid(struct rawpci_finding *finding, int error)
{
	finding->obstacle = RAWPCI_OBSTACLE_PERMISSION;
	finding->error = error;
}

void rawpci_sysdev_set_refusal(struct rawpci *ctx, const struct rawpci_address *address,
			       const struct rawpci_sysdev_attempt *attempt,
			       struct rawpci_finding *finding)
{
	const char *doing = attempt->doing, *file = attempt->file;
	const int error = attempt->error;
	char text[128];

	if (error == -EPERM && rawpci_sysdev_find_lockdown(ctx, address, finding))
		return;
	*finding = (struct rawpci_finding){ .obstacle = RAWPCI_OBSTACLE_OTHER, .blocks = true };
	if (error == -EACCES) {
		forbid(finding, -EACCES);
		SAY(finding->cause, "%s needs write permission to its file %s in sysfs", doing,
		    file);
		SAY(finding->remedy, "run as root, or allow this process to write the file");
	} else if (error == -EPERM) {
		forbid(finding, -EPERM);
		SAY(finding->cause, "the kernel forbids %s", doing);
		SAY(finding->remedy,
		    "give this process CAP_SYS_ADMIN, and check "
		    "/sys/kernel/security/lockdown: Secure Boot may lock the kernel down");
	} else if (error == -EROFS) {
		forbid(finding, -EACCES);
		SAY(finding->cause, "%s failed, because sysfs is mounted read-only", doing);
		SAY(finding->remedy, "mount sysfs writable, or run outside the container");
	} else if (error == -ENOENT) {
		finding->error = -EOPNOTSUPP;
		SAY(finding->cause, "%s failed, because sysfs has no file %s for it", doing, file);
	} else {
		finding->error = rawpci_sys_result(error, -EIO);
		SAY(finding->cause, "%s failed: %s (file %s)", doing,
		    rawpci_sys_error_text(error, text, sizeof(text)), file);
	}
}

void rawpci_sysdev_set_short(struct rawpci_finding *finding)
{
	*finding = (struct rawpci_finding){
		.obstacle = RAWPCI_OBSTACLE_PERMISSION,
		.blocks = true,
		.error = -EPERM,
	};
	SAY(finding->cause, "the kernel shows this process only 64 bytes of its config space");
	SAY(finding->remedy, "give this process CAP_SYS_ADMIN");
}
