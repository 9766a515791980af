/* SPDX-License-Identifier: MIT */
/* Why a device is not to be seen in sysfs: it is absent, or a directory may not be searched. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"

#define SAY(array, ...) ((void)snprintf(array, sizeof(array), __VA_ARGS__))

static void set(struct rawpci_finding *finding, enum rawpci_obstacle obstacle, int error)
{
	memset(finding, 0, sizeof(*finding));
	finding->obstacle = obstacle;
	finding->blocks = true;
	finding->error = error;
}

static void set_absent(const char *root, struct rawpci_finding *finding)
{
	set(finding, RAWPCI_OBSTACLE_NO_DEVICE, -ENODEV);
	SAY(finding->cause, "there is no such device in %.256s/bus/pci/devices", root);
	SAY(finding->remedy, "lspci -D lists all devices; one that was removed comes back with "
			     "echo 1 > /sys/bus/pci/rescan");
}

/* Shortens path to the first directory on its way that this process may not search. False: there is
 * none, and path is as it was. */
static bool first_barred(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (rawpci_sys_access(path, X_OK) < 0)
			return true;
		*slash = '/';
	}
	return false;
}

static void set_forbidden(const char *root, const struct rawpci_address *address, int error,
			  struct rawpci_finding *finding)
{
	char path[RAWPCI_SYSFS_PATH] = "";

	set(finding, RAWPCI_OBSTACLE_PERMISSION, error);
	(void)rawpci_sysfs_path(root, address, ".", path, sizeof(path));
	if (first_barred(path)) {
		SAY(finding->commands, "chmod a+x %.480s\n", path);
		SAY(finding->remedy, "run as root, or chmod a+x %.240s", path);
	} else {
		SAY(finding->remedy,
		    "run as root, or allow this process to search %.200s and "
		    "where it leads to",
		    path);
	}
	SAY(finding->path, "%.127s", path);
	SAY(finding->cause, "user %u has no permission to search %.200s, so no device can be seen",
	    rawpci_sys_user(), path);
}

bool rawpci_sysfs_find_absent(const char *root, const struct rawpci_address *address,
			      struct rawpci_finding *finding)
{
	const int r = rawpci_sysfs_present(root, address);
	char text[128];

	if (r == 0)
		return false;
	if (r == -ENODEV) {
		set_absent(root, finding);
	} else if (r == -EACCES || r == -EPERM) {
		set_forbidden(root, address, r, finding);
	} else {
		set(finding, RAWPCI_OBSTACLE_OTHER, rawpci_sys_result(r, -EIO));
		SAY(finding->cause, "it cannot be looked for in %.200s/bus/pci/devices: %s", root,
		    rawpci_sys_error_text(r, text, sizeof(text)));
	}
	return true;
}
