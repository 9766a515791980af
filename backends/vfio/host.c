/* SPDX-License-Identifier: MIT */
/* Why the kernel uses no IOMMU, from what the firmware and the processor say. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/sys.h"
#include "vfio/vfio.h"

#define CPUINFO_SIZE 4096 /* the first processor says it */

static int any_name(void *opaque, const char *name)
{
	(void)opaque;
	(void)name;
	return 1;
}

bool rawpci_vfio_has_iommu(const struct rawpci_vfio *vfio)
{
	char path[RAWPCI_VFIO_PATH];
	int n = snprintf(path, sizeof(path), "%s/class/iommu", rawpci_vfio_sysfs(vfio));

	return n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_list(path, any_name, NULL) == 1;
}

/* Only root may read the tables of the firmware; everybody sees which there are. */
static bool has_table(const struct rawpci_vfio *vfio, const char *name)
{
	char path[RAWPCI_VFIO_PATH];
	int n = snprintf(path, sizeof(path), "%s/firmware/acpi/tables/%s", rawpci_vfio_sysfs(vfio),
			 name);

	return n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_access(path, F_OK) == 0;
}

const char *rawpci_vfio_iommu_remedy(const char *cpuinfo, bool dmar, bool ivrs, bool *intel_on)
{
	*intel_on = dmar;
	if (dmar)
		return "boot the kernel with intel_iommu=on";
	if (ivrs)
		return "the firmware offers one (AMD-Vi): boot the kernel without amd_iommu=off "
		       "and iommu=off";
	if (strstr(cpuinfo, " hypervisor"))
		return "this is a virtual machine, whose hypervisor has to give it an IOMMU (QEMU: "
		       "-device intel-iommu)";
	if (strstr(cpuinfo, "AuthenticAMD") || strstr(cpuinfo, "HygonGenuine"))
		return "enable it in the firmware (AMD-Vi, often just called IOMMU); the kernel "
		       "needs no parameter";
	*intel_on = strstr(cpuinfo, "GenuineIntel") != NULL;
	return *intel_on ? "enable it in the firmware (VT-d), and boot the kernel with "
			   "intel_iommu=on" : "enable it in the firmware";
}

const char *rawpci_vfio_no_iommu_remedy(const struct rawpci_vfio *vfio, bool *intel_on)
{
	char cpuinfo[CPUINFO_SIZE] = "";
	int fd = rawpci_sys_open("/proc/cpuinfo", O_RDONLY);
	int n = fd < 0 ? fd : rawpci_sys_pread(fd, cpuinfo, sizeof(cpuinfo) - 1, 0);

	rawpci_sys_close(&fd);
	cpuinfo[n > 0 ? n : 0] = '\0';
	return rawpci_vfio_iommu_remedy(cpuinfo, has_table(vfio, "DMAR"), has_table(vfio, "IVRS"),
					intel_on);
}
