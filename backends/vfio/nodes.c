/* SPDX-License-Identifier: MIT */
/* Why the kernel gives a group to nobody (EPERM): another owner has its DMA, or the host cannot remap
 * interrupts. Which of the two is looked for,
 * because the remedy of the second makes the host unsafe. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/opener.h"
#include "os/sys.h"
#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/vfio.h"

#define CHUNK 4096
#define OVERLAP 16 /* longer than each word that is looked for */
#define MOST_READ (1u << 22)

/* The chips of an x86 host that remaps interrupts begin with IR- (Linux
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

static int take_name(void *opaque, const char *name)
{
	(void)snprintf(opaque, 32, "%s", name);
	return 1;
}

struct holders {
	const struct rawpci_vfio *vfio;
	const struct rawpci_address *self;
	struct rawpci_vfio_holder *out;
};

static int look_at(const struct holders *holders, const char *file)
{
	struct rawpci_vfio_holder *out = holders->out;

	rawpci_vfio_node(holders->vfio, file, out->path);
	if (rawpci_sys_access(out->path, F_OK) < 0)
		return 0;
	rawpci_opener_find("/proc", out->path, false, &out->opener);
	return out->opener.process != 0;
}

static int look_at_device(void *opaque, const struct rawpci_address *address)
{
	const struct holders *holders = opaque;
	char path[RAWPCI_SYSFS_PATH], name[32] = "", file[64];

	if (rawpci_address_compare(address, holders->self) == 0 ||
	    rawpci_sysfs_path(rawpci_vfio_sysfs(holders->vfio), address, "vfio-dev", path,
			      sizeof(path)) < 0 ||
	    rawpci_sys_list(path, take_name, name) != 1)
		return 0;
	(void)snprintf(file, sizeof(file), "devices/%s", name);
	return look_at(holders, file);
}

bool rawpci_vfio_group_holder(const struct rawpci_vfio *vfio, const struct rawpci_address *self,
			      unsigned group, struct rawpci_vfio_holder *out)
{
	struct holders holders = {.vfio = vfio, .self = self, .out = out};
	char file[16];

	memset(out, 0, sizeof(*out));
	if (rawpci_sysfs_group_each(rawpci_vfio_sysfs(vfio), group, look_at_device, &holders) == 1)
		return true;
	(void)snprintf(file, sizeof(file), "%u", group);
	return look_at(&holders, file) == 1;
}

static int fail_held(const struct rawpci_vfio_device *device, unsigned group,
		     const struct rawpci_vfio_holder *holder)
{
	return rawpci_backend_fail(device->vfio->ctx, -EBUSY, "%s: IOMMU group %u is in use: %s is "
				   "held by %s: devices of one group can only go to one VM",
				   device->name, group, holder->path, holder->opener.self ?
				   "this process, in another VM or context" : holder->opener.text);
}

/* by_cdev: no descriptor of the group's or of another device's is this call's own. */
int rawpci_vfio_explain_forbidden(const struct rawpci_vfio_device *device, unsigned group,
				  const char *module, bool by_cdev)
{
	struct rawpci_vfio *vfio = device->vfio;
	struct rawpci_vfio_holder holder;
	int remaps = rawpci_vfio_remaps(vfio->interrupts);
	char allowed[8];

	if (by_cdev && rawpci_vfio_group_holder(vfio, &device->address, group, &holder))
		return fail_held(device, group, &holder);
	rawpci_vfio_parameter(vfio, module, "allow_unsafe_interrupts", allowed, sizeof(allowed));
	if (remaps == 0 && allowed[0] == 'N')
		return rawpci_backend_fail(vfio->ctx, -EPERM, "%s: the kernel does not give IOMMU "
					   "group %u away: this host does not remap interrupts, and "
					   "%s.allow_unsafe_interrupts is N: enable interrupt "
					   "remapping (x2APIC) in the firmware, or set that "
					   "parameter to Y if every guest is trusted",
					   device->name, group, module);
	if (remaps == 1 || allowed[0] == 'Y')
		return rawpci_backend_fail(vfio->ctx, -EBUSY, "%s: IOMMU group %u is in use: its "
					   "DMA belongs to another program, or to another VM of "
					   "this one: close its other devices there (root sees "
					   "outside of containers who has them open)",
					   device->name, group);
	return rawpci_backend_fail(vfio->ctx, -EPERM, "%s: the kernel does not give IOMMU group %u "
				   "away: its DMA belongs to another program, or the host cannot "
				   "remap interrupts: the kernel log says so in the second case "
				   "(dmesg)", device->name, group);
}
