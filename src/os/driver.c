/* SPDX-License-Identifier: MIT */
/*
 * The order matters throughout: the override decides who may bind, so it is written before anybody
 * is asked to. (Linux Documentation/ABI/testing/sysfs-bus-pci, driver_override and drivers_probe)
 */
#include "os/driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"

/* An override that keeps drivers away which are loaded later: none has this name. */
#define NOBODY "rawpci-nobody"

static int write_device(const char *root, const struct rawpci_address *address, const char *file,
			const char *text)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root, address, file, path, sizeof(path));

	return r < 0 ? r : rawpci_sys_write_file(path, text);
}

/* "\n" is how the kernel is told that there is no override. */
static int write_override(const char *root, const struct rawpci_address *address,
			  const char *driver)
{
	return write_device(root, address, "driver_override", driver[0] ? driver : "\n");
}

static int read_override(const char *root, const struct rawpci_address *address,
			 char driver[RAWPCI_SYSFS_NAME])
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(root, address, "driver_override", path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_read_file(path, driver, RAWPCI_SYSFS_NAME);
	if (r < 0)
		return r;
	if (strcmp(driver, "(null)") == 0)
		driver[0] = '\0';
	return 0;
}

/* Writes the device's address to a file of the PCI bus. */
static int write_bus(const char *root, const struct rawpci_address *address, const char *directory,
		     const char *file)
{
	char text[RAWPCI_ADDRESS_TEXT];
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/%s%s", root, directory, file);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return rawpci_sys_write_file(path, rawpci_address_format(address, text));
}

static int driver_file(const char *root, const struct rawpci_address *address, const char *driver,
		       const char *file)
{
	char directory[RAWPCI_SYSFS_NAME + sizeof("drivers/")];
	int n = snprintf(directory, sizeof(directory), "drivers/%s", driver);

	if (n < 0 || (size_t)n >= sizeof(directory))
		return -ENAMETOOLONG;
	return write_bus(root, address, directory, file);
}

/* Somebody else may have unbound it in the meantime, which is as good. */
static int unbind(const char *root, const struct rawpci_address *address, const char *driver)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = driver_file(root, address, driver, "/unbind");

	if (r < 0 && rawpci_sysfs_driver(root, address, now) == 0 && now[0] == '\0')
		return 0;
	return r;
}

/* 0 if the device is bound to driver. drivers_probe succeeds also when the driver's probe fails. */
static int check_bound(const char *root, const struct rawpci_address *address, const char *driver)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = rawpci_sysfs_driver(root, address, now);

	if (r < 0)
		return r;
	return strcmp(now, driver) == 0 ? 0 : -ENODEV;
}

/* The kernel's own choice may fall on another driver than the one it was taken from. */
static int bind_again(const char *root, const struct rawpci_address *address, const char *driver)
{
	char now[RAWPCI_SYSFS_NAME];
	int r;

	(void)write_bus(root, address, "drivers_probe", "");
	r = rawpci_sysfs_driver(root, address, now);
	if (r < 0 || strcmp(now, driver) == 0)
		return r;
	if (now[0] != '\0')
		r = unbind(root, address, now);
	if (r == 0)
		r = driver_file(root, address, driver, "/bind");
	return r < 0 ? r : check_bound(root, address, driver);
}

/* Everything is tried, whatever fails on the way; the first error is what is returned. */
static int put_back(const char *root, const struct rawpci_address *address,
		    const struct rawpci_driver_hold *hold)
{
	char now[RAWPCI_SYSFS_NAME];
	/* With an override the kernel asks no other driver: the former one gets its turn first. */
	bool steer = hold->driver[0] != '\0' && hold->override[0] != '\0' &&
		     strcmp(hold->driver, hold->override) != 0;
	int r = rawpci_sysfs_driver(root, address, now);
	int step;

	if (r < 0)
		return r;
	if (now[0] != '\0' && strcmp(now, hold->taken_by) == 0) {
		r = unbind(root, address, now);
		now[0] = '\0';
	}
	step = write_override(root, address, steer ? hold->driver : hold->override);
	if (r == 0)
		r = step;
	if (hold->driver[0] != '\0' && now[0] == '\0') {
		step = bind_again(root, address, hold->driver);
		if (r == 0)
			r = step;
	}
	if (steer) {
		step = write_override(root, address, hold->override);
		if (r == 0)
			r = step;
	}
	return r;
}

static int move(const char *root, const struct rawpci_address *address,
		const struct rawpci_driver_hold *hold)
{
	bool none = hold->taken_by[0] == '\0';
	int r = write_override(root, address, none ? NOBODY : hold->taken_by);

	if (r < 0)
		return r;
	if (hold->driver[0] != '\0')
		r = unbind(root, address, hold->driver);
	if (r == 0 && !none)
		r = write_bus(root, address, "drivers_probe", "");
	return r < 0 ? r : check_bound(root, address, hold->taken_by);
}

int rawpci_driver_take(const char *root, const struct rawpci_address *address, const char *driver,
		       struct rawpci_driver_hold *hold)
{
	struct rawpci_driver_hold found = {.held = true};
	char path[RAWPCI_SYSFS_PATH];
	int n, r;

	if (strlen(driver) >= sizeof(found.taken_by))
		return -ENAMETOOLONG;
	memcpy(found.taken_by, driver, strlen(driver) + 1);
	r = rawpci_sysfs_driver(root, address, found.driver);
	if (r < 0)
		return r;
	if (strcmp(found.driver, driver) == 0) {
		found.held = false;
		*hold = found;
		return 0;
	}
	n = snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", root, driver);
	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	if (rawpci_sys_access(path, F_OK) < 0)
		return -ENODEV;
	r = read_override(root, address, found.override);
	if (r < 0)
		return r;
	r = move(root, address, &found);
	if (r < 0) {
		(void)put_back(root, address, &found);
		return r;
	}
	*hold = found;
	return 0;
}

int rawpci_driver_give_back(const char *root, const struct rawpci_address *address,
			    struct rawpci_driver_hold *hold)
{
	int r;

	if (!hold->held)
		return 0;
	r = put_back(root, address, hold);
	hold->held = false;
	return r;
}
