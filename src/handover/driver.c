/* SPDX-License-Identifier: MIT */
/*
 * Moving a device to another kernel driver. The order of the steps matters: driver_override decides
 * which driver may bind, so it is written before the kernel is asked to bind one. (Linux
 * Documentation/ABI/testing/sysfs-bus-pci, driver_override and drivers_probe)
 */
#include "handover/driver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/slow.h"
#include "os/sys.h"

/* No driver has this name, so a driver that is loaded later does not take the device. */
#define NOBODY "rawpci-nobody"

/* The override while the device is taken. */
static const char *override_meanwhile(const struct rawpci_driver_hold *hold)
{
	return hold->taken_by[0] ? hold->taken_by : NOBODY;
}

/* "\n" clears the override. */
static int write_override(const struct rawpci_binding *at, const char *driver)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(at->root, &at->address, "driver_override", path, sizeof(path));

	if (r < 0)
		return r;
	return rawpci_slow_write(path, driver[0] ? driver : "\n", at->limit_ms, &at->keep);
}

int rawpci_driver_override(const struct rawpci_binding *at, char driver[RAWPCI_SYSFS_NAME])
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(at->root, &at->address, "driver_override", path, sizeof(path));

	if (r == 0)
		r = rawpci_slow_read(path, driver, at->limit_ms, &at->keep);
	if (r < 0)
		return r;
	if (strcmp(driver, "(null)") == 0)
		driver[0] = '\0';
	return 0;
}

/* Writes the device's address to a file of the PCI bus: "<directory><driver><file>". */
static int write_bus(const struct rawpci_binding *at, const char *directory, const char *driver,
		     const char *file)
{
	char text[RAWPCI_ADDRESS_TEXT];
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/%s%s%s", at->root, directory, driver,
			 file);

	if (n < 0 || (size_t)n >= sizeof(path))
		return -ENAMETOOLONG;
	return rawpci_slow_write(path, rawpci_address_format(&at->address, text), at->limit_ms,
				 &at->keep);
}

/* Another program may have unbound it in the meantime, which is as good. After a timeout the device
 * looks unbound, too, but is not. */
static int unbind(const struct rawpci_binding *at, const char *driver)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = write_bus(at, "drivers/", driver, "/unbind");

	if (r < 0 && r != -ETIMEDOUT && rawpci_sysfs_driver(at->root, &at->address, now) == 0 &&
	    now[0] == '\0')
		return 0;
	return r;
}

/* drivers_probe succeeds also when the driver's probe fails. */
static int probe(const struct rawpci_binding *at, const char *driver)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = write_bus(at, "drivers_probe", "", "");

	if (r == 0)
		r = rawpci_sysfs_driver(at->root, &at->address, now);
	if (r < 0)
		return r;
	return strcmp(now, driver) == 0 ? 0 : -ENODEV;
}

/* Has this library written the override, or was it there before? 1, 0 or -errno. */
static int override_is_ours(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold)
{
	char override[RAWPCI_SYSFS_NAME];
	int r = rawpci_driver_override(at, override);

	if (r < 0)
		return r;
	return strcmp(override, override_meanwhile(hold)) == 0 ||
	       strcmp(override, hold->override) == 0 ||
	       (hold->driver[0] != '\0' && strcmp(override, hold->driver) == 0);
}

/* The override names the driver, because the kernel itself might choose another one, or none if the
 * id is gone by which the driver was bound. If this process were killed while a wrong driver has
 * the device, the next owner would take that driver for another program's choice. */
static int bind_again(const struct rawpci_binding *at, const char *driver)
{
	int r = write_override(at, driver);

	return r < 0 ? r : probe(at, driver);
}

/* Another program has set the override since: its choice stays. */
static int leave_to_override(const struct rawpci_binding *at)
{
	char override[RAWPCI_SYSFS_NAME];
	int r = rawpci_driver_override(at, override);

	return r < 0 ? r : probe(at, override);
}

/* now: the driver that the device is bound to. */
static bool is_to_go(const struct rawpci_driver_hold *hold, const char *now)
{
	return now[0] != '\0' && strcmp(now, hold->taken_by) == 0 && strcmp(now, hold->driver) != 0;
}

int rawpci_driver_let_go(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = rawpci_sysfs_driver(at->root, &at->address, now);

	return r == 0 && is_to_go(hold, now) ? unbind(at, now) : r;
}

/* A step that fails does not keep the next from being tried. Returns the first error. */
int rawpci_driver_return(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = rawpci_sysfs_driver(at->root, &at->address, now);
	int step;

	if (r < 0)
		return r;
	if (is_to_go(hold, now)) {
		r = unbind(at, now);
		now[0] = '\0';
	}
	if (r == -ETIMEDOUT)
		return r;
	step = override_is_ours(at, hold);
	if (step == 0 && now[0] == '\0' && hold->driver[0] != '\0')
		step = leave_to_override(at);
	if (step <= 0)
		return r < 0 ? r : step;
	if (hold->driver[0] != '\0' && now[0] == '\0') {
		step = bind_again(at, hold->driver);
		if (step == -ETIMEDOUT)
			return step;
		if (r == 0)
			r = step;
	}
	step = write_override(at, hold->override);
	return r < 0 ? r : step;
}

/* Once the override is set, no further driver can bind. A driver that is bound now came first. */
int rawpci_driver_move(const struct rawpci_binding *at, const struct rawpci_driver_hold *hold,
		       const char *seen, enum rawpci_driver_step *step)
{
	char now[RAWPCI_SYSFS_NAME];
	int r = write_override(at, override_meanwhile(hold));

	*step = RAWPCI_DRIVER_OVERRIDE;
	if (r == 0)
		r = rawpci_sysfs_driver(at->root, &at->address, now);
	if (r == 0 && now[0] != '\0' && strcmp(now, seen) != 0 &&
	    strcmp(now, hold->taken_by) != 0) {
		*step = RAWPCI_DRIVER_SEEN;
		return -EBUSY;
	}
	if (r == 0 && now[0] != '\0' && strcmp(now, hold->taken_by) != 0) {
		*step = RAWPCI_DRIVER_UNBIND;
		r = unbind(at, now);
	}
	if (r == 0 && hold->taken_by[0] != '\0' && strcmp(now, hold->taken_by) != 0) {
		*step = RAWPCI_DRIVER_PROBE;
		r = probe(at, hold->taken_by);
	}
	return r;
}

int rawpci_driver_look(const struct rawpci_binding *at, const char *driver,
		       struct rawpci_driver_hold *hold)
{
	struct rawpci_driver_hold found = { .held = true };
	int r;

	if (strlen(driver) >= sizeof(found.taken_by))
		return -ENAMETOOLONG;
	memcpy(found.taken_by, driver, strlen(driver) + 1);
	r = rawpci_sysfs_driver(at->root, &at->address, found.driver);
	if (r < 0)
		return r;
	if (driver[0] != '\0' && strcmp(found.driver, driver) == 0) {
		found.held = false;
		*hold = found;
		return 0;
	}
	r = driver[0] != '\0' ? rawpci_sysfs_has_driver(at->root, driver) : 0;
	if (r == 0)
		r = rawpci_driver_override(at, found.override);
	if (r < 0)
		return r;
	*hold = found;
	return 0;
}
