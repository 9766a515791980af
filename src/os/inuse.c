/* SPDX-License-Identifier: MIT */
/*
 * Finds what the host uses a device for. Each bus puts a device's disks elsewhere below the device
 * in sysfs. The other direction is the same for all: /sys/class/block and /sys/class/net have a
 * link to every disk and interface, and the link's target goes through the device.
 */
#include "os/inuse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"
#include "os/sysfs.h"

/* Of class codes (PCI Code and ID Assignment Specification). */
#define BASE_BRIDGE 0x06
#define CLASS_PCI_BRIDGE 0x0604
#define CLASS_HALF_TRANSPARENT_BRIDGE 0x0609

struct search {
	const char *root;
	const char *name; /* of the device's directory */
	char *text, *stop;
};

void rawpci_inuse_stop(char *stop, const char *before, const char *name, const char *behind)
{
	const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._:@-";
	int n = 0;

	if (!stop)
		return;
	if (name[0] != '-' && name[strspn(name, plain)] == '\0')
		n = snprintf(stop, RAWPCI_INUSE_STOP, "%s%s%s", before, name, behind);
	if (n <= 0 || n >= RAWPCI_INUSE_STOP)
		stop[0] = '\0';
}

static int visit_interface(void *opaque, const char *name)
{
	const struct search *search = opaque;
	char path[RAWPCI_SYSFS_PATH], flags[32];
	int r;

	if (rawpci_sysfs_class(search->root, "net", name, "", path) < 0)
		return 0;
	r = rawpci_sysfs_goes_through(path, search->name);
	if (r <= 0)
		return r;
	r = rawpci_sysfs_class(search->root, "net", name, "/flags", path);
	if (r == 0)
		r = rawpci_sys_read_file(path, flags, sizeof(flags));
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* IFF_UP of <linux/if.h> */
	if (!(strtoul(flags, NULL, 16) & 1))
		return 0;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "the network interface %.64s is up", name);
	rawpci_inuse_stop(search->stop, "ip link set ", name, " down");
	return 1;
}

static int find_interfaces(const struct search *search)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_class(search->root, "net", "", "", path);

	if (r == 0)
		r = rawpci_sys_list(path, visit_interface, (void *)(uintptr_t)search);
	return r == -ENOENT ? 0 : r;
}

static int stop(void *opaque, const char *name)
{
	(void)opaque;
	(void)name;
	return 1;
}

/* True: the directory has a directory net that seems empty. sysfs shows net in every network
 * namespace, but an interface only in its own (Linux fs/kernfs/dir.c). */
static bool has_moved(const char *directory)
{
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/net", directory);

	return n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_list(path, stop, NULL) == 0;
}

/* A child of the device may have interfaces too (virtio0). A link leads to another device. */
static int visit_child(void *opaque, const char *name)
{
	const char *device = opaque;
	char path[RAWPCI_SYSFS_PATH], target[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/%s", device, name);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    rawpci_sys_read_link(path, target, sizeof(target)) != -EINVAL)
		return 0;
	return has_moved(path);
}

static int find_moved(const struct search *search, const struct rawpci_address *address)
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(search->root, address, NULL, path, sizeof(path));

	if (r == 0)
		r = has_moved(path) ? 1 : rawpci_sys_list(path, visit_child, path);
	if (r == 1)
		(void)snprintf(search->text, RAWPCI_INUSE_TEXT,
			       "one of its network interfaces is in another network namespace");
	return r == -ENOENT ? 0 : r;
}

/* Reads a file of the device; "0" if the device has no such file. */
static int read_flag(const struct search *search, const struct rawpci_address *address,
		     const char *file, char value[8])
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(search->root, address, file, path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_read_file(path, value, 8);
	if (r == -ENOENT)
		memcpy(value, "0", 2);
	return r < 0 && r != -ENOENT ? r : 0;
}

static int find_display(const struct search *search, const struct rawpci_address *address)
{
	char value[8];
	int r = read_flag(search, address, "boot_vga", value);

	if (r < 0 || strcmp(value, "1") != 0)
		return r;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT,
		       "it is the display that the host was started with");
	return 1;
}

/* The virtual functions would lose the driver of their physical function, and vfio-pci refuses a
 * physical function that has any. */
static int find_functions(const struct search *search, const struct rawpci_address *address)
{
	char value[8], path[RAWPCI_SYSFS_PATH];
	int r = read_flag(search, address, "sriov_numvfs", value);

	if (r < 0 || strcmp(value, "0") == 0)
		return r;
	(void)snprintf(search->text, RAWPCI_INUSE_TEXT, "%s of its virtual functions are enabled",
		       value);
	if (rawpci_sysfs_path(search->root, address, "sriov_numvfs", path, sizeof(path)) == 0)
		rawpci_inuse_stop(search->stop, "echo 0 > ", path, "");
	return 1;
}

int rawpci_inuse_bridge(const char *sys, const struct rawpci_address *address, char *text)
{
	uint64_t class = rawpci_sysfs_number(sys, address, "class") >> 8;

	if (class >> 8 != BASE_BRIDGE)
		return 0;
	if (class == CLASS_PCI_BRIDGE || class == CLASS_HALF_TRANSPARENT_BRIDGE)
		(void)snprintf(text, RAWPCI_INUSE_TEXT,
			       "it is a bridge, through which the host reaches other devices");
	else
		(void)snprintf(text, RAWPCI_INUSE_TEXT,
			       "it is a bridge of class %04x, a part of the host's chipset",
			       (unsigned)class);
	return 1;
}

int rawpci_inuse_find(const struct rawpci_inuse_host *host, const struct rawpci_address *address,
		      char *text)
{
	char name[RAWPCI_ADDRESS_TEXT], error[64];
	struct search search = { .root = host->sys,
				 .text = text,
				 .stop = host->stop,
				 .name = rawpci_address_format(address, name) };
	int r;

	text[0] = '\0';
	if (host->stop)
		host->stop[0] = '\0';
	r = rawpci_inuse_disks(host, name, text);
	if (r == 0)
		r = rawpci_inuse_user(host, address, text);
	if (r == 0)
		r = find_interfaces(&search);
	if (r == 0)
		r = find_moved(&search, address);
	if (r == 0)
		r = find_display(&search, address);
	if (r == 0)
		r = find_functions(&search, address);
	if (r == 0)
		r = rawpci_inuse_bridge(host->sys, address, text);
	if (r < 0 && text[0] == '\0')
		(void)snprintf(text, RAWPCI_INUSE_TEXT,
			       "what the host does with it cannot be "
			       "found out: %s",
			       rawpci_sys_error_text(r, error, sizeof(error)));
	return r;
}
