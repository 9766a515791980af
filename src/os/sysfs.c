/* SPDX-License-Identifier: MIT */
/* The paths, links and files of one device in sysfs. */
#include "os/sysfs.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"

/* A resource file has at most 17 lines of 57 characters. */
#define RESOURCE_FILE 4096

int rawpci_sysfs_path(const char *root, const struct rawpci_address *address, const char *file,
		      char *path, size_t size)
{
	char text[RAWPCI_ADDRESS_TEXT];
	int n = snprintf(path, size, "%s/bus/pci/devices/%s%s%s", root,
			 rawpci_address_format(address, text), file ? "/" : "", file ? file : "");

	return n >= 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

int rawpci_sysfs_class(const char *root, const char *class, const char *name, const char *file,
		       char path[RAWPCI_SYSFS_PATH])
{
	int n = snprintf(path, RAWPCI_SYSFS_PATH, "%s/class/%s/%s%s", root, class, name, file);

	return n >= 0 && n < RAWPCI_SYSFS_PATH ? 0 : -ENAMETOOLONG;
}

int rawpci_sysfs_goes_through(const char *link, const char *directory)
{
	char target[PATH_MAX];
	size_t length = strlen(directory);
	const char *at = target;
	int r = rawpci_sys_read_link(link, target, sizeof(target));

	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR || r == -EINVAL ? 0 : r;
	while ((at = strstr(at, directory)) != NULL) {
		if (at > target && at[-1] == '/' && (at[length] == '/' || at[length] == '\0'))
			return 1;
		at += length;
	}
	return 0;
}

/* A look that fails for another reason does not say that there is nothing. */
static int absent(int looked)
{
	return looked == -ENOENT || looked == -ENOTDIR ? -ENODEV : looked;
}

int rawpci_sysfs_present(const char *root, const struct rawpci_address *address)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root, address, ".", path, sizeof(path));

	return r < 0 ? r : absent(rawpci_sys_access(path, F_OK));
}

/* The last part of a link of the device; -ENOENT: the device has no such link. */
static int device_link(const char *root, const struct rawpci_address *address, const char *file,
		       char *name, size_t size)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root, address, file, path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_link_name(path, name, size);
	if (r == -ENOENT) {
		int present = rawpci_sysfs_present(root, address);

		return present < 0 ? present : r;
	}
	return r < 0 ? r : 0;
}

int rawpci_sysfs_driver(const char *root, const struct rawpci_address *address,
			char name[RAWPCI_SYSFS_NAME])
{
	int r = device_link(root, address, "driver", name, RAWPCI_SYSFS_NAME);

	if (r != -ENOENT)
		return r;
	name[0] = '\0';
	return 0;
}

int rawpci_sysfs_has_driver(const char *root, const char *driver)
{
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", root, driver);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return driver[0] == '\0' ? -ENODEV : absent(rawpci_sys_access(path, F_OK));
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && strcmp(text + n - m, end) == 0;
}

bool rawpci_sysfs_is_vfio(const char *driver)
{
	return ends_with(driver, "vfio-pci") || ends_with(driver, "vfio_pci");
}

bool rawpci_sysfs_is_for_user(const char *driver)
{
	static const char *const names[] = { "vfio-pci", "uio_pci_generic", "igb_uio", "pci-stub" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(driver, names[i]) == 0)
			return true;
	return ends_with(driver, "-vfio-pci") || ends_with(driver, "_vfio_pci");
}

int rawpci_sysfs_group(const char *root, const struct rawpci_address *address, unsigned *group)
{
	char name[RAWPCI_SYSFS_NAME];
	unsigned long number;
	char *end;
	int r = device_link(root, address, "iommu_group", name, sizeof(name));

	if (r < 0)
		return r;
	number = strtoul(name, &end, 10);
	if (name[0] < '0' || name[0] > '9' || *end != '\0' || number > UINT_MAX)
		return -EIO;
	*group = (unsigned)number;
	return 0;
}

void rawpci_sysfs_group_type(const char *root, unsigned group, char type[RAWPCI_SYSFS_NAME])
{
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%u/type", root, group);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    rawpci_sys_read_file(path, type, RAWPCI_SYSFS_NAME) < 0)
		type[0] = '\0';
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

/* Three hexadecimal numbers at the start of a line. */
static int parse_resource(const char *line, uint64_t values[3])
{
	char *end;
	int i;

	for (i = 0; i < 3; i++) {
		while (*line == ' ')
			line++;
		if (line[0] != '0' || line[1] != 'x')
			return -EIO;
		values[i] = strtoull(line, &end, 16);
		if (*end != ' ' && *end != '\n' && *end != '\0')
			return -EIO;
		line = end;
	}
	return *line == ' ' ? -EIO : 0;
}

int rawpci_sysfs_resource(const char *root, const struct rawpci_address *address, unsigned index,
			  uint64_t *first, uint64_t *last, uint64_t *flags)
{
	char path[RAWPCI_SYSFS_PATH];
	char text[RESOURCE_FILE];
	const char *line = text;
	uint64_t values[3];
	int r = rawpci_sysfs_path(root, address, "resource", path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_read_file(path, text, sizeof(text));
	if (r < 0)
		return r;
	for (; index > 0 && line; index--) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line)
		return -ERANGE;
	r = parse_resource(line, values);
	if (r < 0)
		return r;
	*first = values[0];
	*last = values[1];
	*flags = values[2];
	return 0;
}

bool rawpci_sysfs_is_vf(const char *root, const struct rawpci_address *address)
{
	char path[RAWPCI_SYSFS_PATH];

	return rawpci_sysfs_path(root, address, "physfn", path, sizeof(path)) == 0 &&
	       rawpci_sys_access(path, F_OK) == 0;
}
