/* SPDX-License-Identifier: MIT */
/* What is read of the host: settings, nodes' names, module parameters, limits, the IOMMU. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "os/sysfs.h"
#include "vfio/host.h"

#define CPUINFO_SIZE 4096 /* the first processor's entry is enough */
#define STATUS_SIZE 8192
#define CHUNK 4096
#define OVERLAP 16 /* longer than each word that is looked for */
#define MOST_READ (1u << 22)
#define CAP_IPC_LOCK_BIT 14 /* linux/capability.h */

const char *rawpci_vfio_sysfs(struct rawpci *ctx)
{
	return rawpci_backend_setting(ctx, "sysfs.dir");
}

const char *rawpci_vfio_iommu(struct rawpci *ctx)
{
	return rawpci_backend_setting(ctx, "vfio.iommu");
}

bool rawpci_vfio_noiommu_wanted(struct rawpci *ctx)
{
	return strcmp(rawpci_backend_setting(ctx, "vfio.noiommu"), "yes") == 0;
}

unsigned rawpci_vfio_ways(struct rawpci *ctx)
{
	const char *via = rawpci_backend_setting(ctx, "vfio.via");

	if (strcmp(via, "cdev") == 0)
		return RAWPCI_VFIO_BY_CDEV;
	return (strcmp(via, "group") == 0 ? 0 : RAWPCI_VFIO_BY_CDEV) | RAWPCI_VFIO_BY_GROUP |
	       (rawpci_vfio_noiommu_wanted(ctx) ? RAWPCI_VFIO_BY_NOIOMMU : 0);
}

void rawpci_vfio_node(struct rawpci *ctx, const char *name, char path[RAWPCI_VFIO_PATH])
{
	int n = snprintf(path, RAWPCI_VFIO_PATH, "%s/%s", rawpci_backend_setting(ctx, "vfio.dir"),
			 name);

	if (n < 0 || n >= RAWPCI_VFIO_PATH)
		path[0] = '\0';
}

void rawpci_vfio_group_node(struct rawpci *ctx, unsigned group, bool unsafe,
			    char path[RAWPCI_VFIO_PATH])
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%s%u", unsafe ? "noiommu-" : "", group);
	rawpci_vfio_node(ctx, name, path);
}

static int take_cdev(void *opaque, const char *name)
{
	if (strncmp(name, "vfio", 4) != 0 || strlen(name) >= RAWPCI_VFIO_CDEV)
		return 0;
	(void)snprintf(opaque, RAWPCI_VFIO_CDEV, "%s", name);
	return 1;
}

int rawpci_vfio_cdev_name(struct rawpci *ctx, const struct rawpci_address *address,
			  char name[RAWPCI_VFIO_CDEV])
{
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(rawpci_vfio_sysfs(ctx), address, "vfio-dev", path, sizeof(path));

	if (r == 0)
		r = rawpci_sys_list(path, take_cdev, name);
	return r == 1 ? 0 : r < 0 ? r : -ENOENT;
}

void rawpci_vfio_cdev_node(struct rawpci *ctx, const char *name, char path[RAWPCI_VFIO_PATH])
{
	char file[64];

	(void)snprintf(file, sizeof(file), "devices/%s", name);
	rawpci_vfio_node(ctx, file, path);
}

/* Writes "<sysfs.dir>/<directory>/<name>"; what does not fit gives a path that does not exist. */
static void sysfs_file(struct rawpci *ctx, const char *directory, const char *name,
		       char path[RAWPCI_VFIO_PATH])
{
	int n = snprintf(path, RAWPCI_VFIO_PATH, "%s/%s/%s", rawpci_vfio_sysfs(ctx), directory,
			 name);

	if (n < 0 || n >= RAWPCI_VFIO_PATH)
		path[0] = '\0';
}

void rawpci_vfio_parameter(struct rawpci *ctx, const char *module, const char *name, char *text,
			   size_t size)
{
	char path[RAWPCI_VFIO_PATH], directory[128];

	(void)snprintf(directory, sizeof(directory), "module/%s/parameters", module);
	sysfs_file(ctx, directory, name, path);
	if (rawpci_sys_read_file(path, text, size) < 0)
		text[0] = '\0';
}

static int any_name(void *opaque, const char *name)
{
	(void)opaque;
	(void)name;
	return 1;
}

bool rawpci_vfio_has_iommu(struct rawpci *ctx)
{
	char path[RAWPCI_VFIO_PATH];

	sysfs_file(ctx, "class", "iommu", path);
	return rawpci_sys_list(path, any_name, NULL) == 1;
}

/* Only root may read the firmware's tables; every user sees which there are. */
static bool has_table(struct rawpci *ctx, const char *name)
{
	char path[RAWPCI_VFIO_PATH];

	sysfs_file(ctx, "firmware/acpi/tables", name, path);
	return rawpci_sys_access(path, F_OK) == 0;
}

const char *rawpci_vfio_iommu_remedy(const char *cpuinfo, bool dmar, bool ivrs, bool *intel_on)
{
	*intel_on = dmar;
	if (dmar)
		return "boot the kernel with intel_iommu=on";
	if (ivrs)
		return "remove amd_iommu=off and iommu=off from the kernel's command line (the "
		       "firmware offers AMD-Vi)";
	if (strstr(cpuinfo, " hypervisor"))
		return "this is a virtual machine, whose hypervisor has to give it an IOMMU (QEMU: "
		       "-device intel-iommu)";
	if (strstr(cpuinfo, "AuthenticAMD") || strstr(cpuinfo, "HygonGenuine"))
		return "enable it in the firmware (AMD-Vi, often just called IOMMU); the kernel "
		       "needs no parameter";
	*intel_on = strstr(cpuinfo, "GenuineIntel") != NULL;
	return *intel_on ? "enable it in the firmware (VT-d), and boot the kernel with "
			   "intel_iommu=on"
			 : "enable it in the firmware";
}

const char *rawpci_vfio_no_iommu_remedy(struct rawpci *ctx, bool *intel_on)
{
	char cpuinfo[CPUINFO_SIZE] = "";
	int fd = rawpci_sys_open("/proc/cpuinfo", O_RDONLY);
	int n = fd < 0 ? fd : rawpci_sys_pread(fd, cpuinfo, sizeof(cpuinfo) - 1, 0);

	rawpci_sys_close(&fd);
	cpuinfo[n > 0 ? n : 0] = '\0';
	return rawpci_vfio_iommu_remedy(cpuinfo, has_table(ctx, "DMAR"), has_table(ctx, "IVRS"),
					intel_on);
}

/* Lines "0x... 0x... direct"; there is a type direct-relaxable, too. */
bool rawpci_vfio_has_direct_region(struct rawpci *ctx, unsigned group)
{
	char path[RAWPCI_VFIO_PATH], directory[64];
	char text[4096];
	const char *at;

	(void)snprintf(directory, sizeof(directory), "kernel/iommu_groups/%u", group);
	sysfs_file(ctx, directory, "reserved_regions", path);
	if (rawpci_sys_read_file(path, text, sizeof(text)) < 0)
		return false;
	for (at = strstr(text, " direct"); at; at = strstr(at + 1, " direct"))
		if (at[7] == '\n' || at[7] == '\0')
			return true;
	return false;
}

/* The names of an x86 host's interrupt chips begin with IR- if it remaps interrupts (Linux
 * drivers/iommu/intel/irq_remapping.c, drivers/iommu/amd/iommu.c). */
int rawpci_vfio_remaps(const char *path)
{
	char text[CHUNK + 1];
	uint64_t at = 0;
	int remaps = -ENOENT, n = 0;
	int fd = rawpci_sys_open(path, O_RDONLY);

	if (fd < 0)
		return fd;
	for (; at < MOST_READ && remaps != 1; at += (uint64_t)n - OVERLAP) {
		n = rawpci_sys_pread(fd, text, CHUNK, at);
		text[n > 0 ? n : 0] = '\0';
		if (strstr(text, " IR-"))
			remaps = 1;
		else if (strstr(text, " IO-APIC") || strstr(text, " PCI-MSI"))
			remaps = 0;
		if (n <= OVERLAP)
			break;
	}
	rawpci_sys_close(&fd);
	return remaps;
}

int rawpci_vfio_status_field(const char *status, const char *field, int base, uint64_t *value)
{
	size_t length = strlen(field);
	const char *line = status;
	char *end;

	while (strncmp(line, field, length) != 0 || line[length] != ':') {
		line = strchr(line, '\n');
		if (!line)
			return -ENOENT;
		line++;
	}
	line += length + 1;
	*value = strtoull(line, &end, base);
	return end == line ? -EIO : 0;
}

/* The kernel's check ignores a capability inside a user namespace. */
static bool may_lock_everything(const char *status)
{
	unsigned long long first, outside, count;
	uint64_t capabilities;
	char map[256];

	return rawpci_vfio_status_field(status, "CapEff", 16, &capabilities) == 0 &&
	       (capabilities >> CAP_IPC_LOCK_BIT & 1) != 0 &&
	       rawpci_sys_read_file("/proc/self/uid_map", map, sizeof(map)) > 0 &&
	       sscanf(map, "%llu %llu %llu", &first, &outside, &count) == 3 && first == 0 &&
	       outside == 0 && count == UINT32_MAX;
}

bool rawpci_vfio_lock_limit(uint64_t *allowed, uint64_t *used)
{
	char *status = malloc(STATUS_SIZE);
	uint64_t kibibytes;
	bool limited = status && rawpci_sys_memlock_limit(allowed) == 0 && *allowed != UINT64_MAX &&
		       rawpci_sys_read_file("/proc/self/status", status, STATUS_SIZE) > 0 &&
		       rawpci_vfio_status_field(status, "VmLck", 10, &kibibytes) == 0 &&
		       !may_lock_everything(status);

	free(status);
	if (limited)
		*used = kibibytes * 1024;
	return limited;
}
