/* SPDX-License-Identifier: MIT */
/* Which devices there are, and their small files. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"

int rawpci_sysfs_has_driver(const char *root, const char *driver)
{
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", root, driver);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return driver[0] != '\0' && rawpci_sys_access(path, F_OK) == 0 ? 0 : -ENODEV;
}

struct walk {
	int (*each)(void *opaque, const struct rawpci_address *address);
	void *opaque;
};

static int visit(void *opaque, const char *name)
{
	const struct walk *walk = opaque;
	struct rawpci_address address;

	if (rawpci_address_parse(name, &address) < 0)
		return 0;
	return walk->each(walk->opaque, &address);
}

int rawpci_sysfs_each(const char *root,
		      int (*each)(void *opaque, const struct rawpci_address *address), void *opaque)
{
	struct walk walk = {.each = each, .opaque = opaque};
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices", root);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return rawpci_sys_list(path, visit, &walk);
}

void rawpci_sysfs_text(const char *root, const struct rawpci_address *address, const char *file,
		       char *text, size_t size)
{
	char path[RAWPCI_SYSFS_PATH];

	if (rawpci_sysfs_path(root, address, file, path, sizeof(path)) < 0 ||
	    rawpci_sys_read_file(path, text, size) < 0)
		text[0] = '\0';
}

uint64_t rawpci_sysfs_number(const char *root, const struct rawpci_address *address,
			     const char *file)
{
	char text[32];

	rawpci_sysfs_text(root, address, file, text, sizeof(text));
	return strtoull(text, NULL, 0);
}
