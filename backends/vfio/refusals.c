/* SPDX-License-Identifier: MIT */
/* The kernel has refused a step of opening or using a device: why. */
#include "vfio/refusals.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/sys.h"
#include "os/sysfs.h"

int rawpci_vfio_refuse(const struct rawpci_vfio_device *device, int error, int reason,
		       const char *format, ...)
{
	va_list list;
	int r;

	va_start(list, format);
	r = rawpci_vfio_fail_words(device->vfio->ctx, device->name, error, reason, format, list);
	va_end(list);
	return r;
}

static int ask(const struct rawpci_vfio_device *device, int (*look)(struct rawpci_vfio_question *q))
{
	return rawpci_vfio_fail_if(device->vfio->ctx, &device->address, NULL, look);
}

int rawpci_vfio_refused_number(const struct rawpci_vfio_device *device, int error)
{
	int r = ask(device, rawpci_vfio_find_absent);

	if (r == 0)
		r = ask(device, rawpci_vfio_find_why_no_group);
	return r < 0 ? r
		     : rawpci_vfio_refuse(device, error == -ENOENT ? -EOPNOTSUPP : error, error,
					  "its IOMMU group cannot be read");
}

int rawpci_vfio_refused_name(const struct rawpci_vfio_device *device, int error)
{
	if (rawpci_sys_result(error, 0) < 0)
		return rawpci_vfio_refuse(device, error, error, "its cdev cannot be looked for");
	return rawpci_vfio_refuse(device, -EOPNOTSUPP, 0,
				  "VFIO has no cdev for it, since this "
				  "kernel was built without them (they came with 6.6), or the "
				  "device is not bound to vfio-pci\nbind it to vfio-pci, or open "
				  "it by its group");
}

/* Only one process can have the node open. */
static int refused_held(const struct rawpci_vfio_device *device, const char *path)
{
	struct rawpci_finding finding;

	if (rawpci_vfio_describe_holder(path, &finding))
		return rawpci_vfio_fail(device->vfio->ctx, device->name, &finding);
	return rawpci_vfio_refuse(device, -EBUSY, 0,
				  "another process has %s open, or a device of "
				  "its group by cdev\nclose it in that process (outside of "
				  "containers root sees which: fuser -v %s)",
				  path, path);
}

int rawpci_vfio_refused_node(const struct rawpci_vfio_device *device,
			     enum rawpci_vfio_node_kind kind, const char *path, int error)
{
	struct rawpci_finding finding;
	int r = 0;

	if (kind == RAWPCI_VFIO_NODE_GROUP && error == -EBUSY)
		return refused_held(device, path);
	if (kind == RAWPCI_VFIO_NODE_GROUP && error == -ENOENT)
		r = rawpci_vfio_fail_if(device->vfio->ctx, &device->address, path,
					rawpci_vfio_find_missing_node);
	if (r < 0)
		return r;
	rawpci_vfio_describe_node(device->vfio->ctx, kind, path, error, &finding);
	return rawpci_vfio_fail(device->vfio->ctx, device->name, &finding);
}

int rawpci_vfio_refused_given(const struct rawpci_vfio_device *device, const char *what, int error)
{
	if (rawpci_sys_result(error, 0) < 0)
		return rawpci_vfio_refuse(device, error, error,
					  "a descriptor that was given for "
					  "it cannot be used");
	return rawpci_vfio_refuse(device, -EINVAL, error,
				  "a descriptor that was given for it is "
				  "not %s",
				  what);
}

int rawpci_vfio_refused_viability(const struct rawpci_vfio_device *device, unsigned group)
{
	int r = ask(device, rawpci_vfio_find_blockers);

	return r < 0 ? r
		     : rawpci_vfio_refuse(device, -EBUSY, 0,
					  "the kernel itself uses a device "
					  "of IOMMU group %u, so VFIO cannot have the group\n"
					  "leave the group to the host",
					  group);
}

/* EPERM: another owner has the group's DMA, or the host cannot remap interrupts. It is found out
 * which, because the remedy of the second makes the host unsafe. Of a container's group this call
 * itself has the node open; by cdev a node that is open is another owner's. */
static int refused_owner(const struct rawpci_vfio_device *device, unsigned group,
			 const char *module)
{
	int remaps = rawpci_vfio_remaps(device->vfio->interrupts);
	char allowed[8];
	int r = 0;

	if (strcmp(module, RAWPCI_VFIO_TYPE1) != 0)
		r = ask(device, rawpci_vfio_find_group_holder);
	if (r < 0)
		return r;
	rawpci_vfio_parameter(device->vfio->ctx, module, "allow_unsafe_interrupts", allowed,
			      sizeof(allowed));
	if (remaps == 0 && allowed[0] == 'N')
		return rawpci_vfio_refuse(device, -EPERM, 0,
					  "the kernel refuses IOMMU group %u: "
					  "this host does not remap interrupts, and "
					  "%s.allow_unsafe_interrupts is N\nenable interrupt "
					  "remapping (x2APIC) in the firmware, or set that "
					  "parameter to Y if every guest is trusted",
					  group, module);
	if (remaps == 1 || allowed[0] == 'Y')
		return rawpci_vfio_refuse(device, -EBUSY, 0,
					  "IOMMU group %u is in use: its DMA "
					  "belongs to another program, or to another VM of this "
					  "program\nclose the group's other devices there (outside "
					  "of containers root sees which process has them open)",
					  group);
	return rawpci_vfio_refuse(device, -EPERM, 0,
				  "the kernel refuses IOMMU group %u: its DMA "
				  "belongs to another program, or the host cannot remap "
				  "interrupts\nclose the group's other devices; if the kernel log "
				  "(dmesg) names interrupt remapping, enable it in the firmware",
				  group);
}

/* The kernel reports memory that the firmware reserves as EPERM or, since 6.6, as EINVAL. */
int rawpci_vfio_refused_attach(const struct rawpci_vfio_device *device, unsigned group,
			       const char *module, int error)
{
	if ((error == -EPERM || error == -EINVAL) &&
	    rawpci_vfio_has_direct_region(device->vfio->ctx, group))
		return rawpci_vfio_refuse(device, -EPERM, 0,
					  "the firmware keeps memory mapped for "
					  "a device of IOMMU group %u (a region of type direct, "
					  "RMRR)\nturn off the firmware feature that uses this "
					  "memory",
					  group);
	if (error == -EPERM)
		return refused_owner(device, group, module);
	return rawpci_vfio_refuse(device, error == -EBUSY ? error : rawpci_sys_result(error, -EIO),
				  error, "IOMMU group %u cannot be attached to an address space",
				  group);
}

/*
 * The kernel says EINVAL when the cdev is in use, EBUSY when the device is open by its group, and
 * EPERM when another owner has the group's DMA or the host cannot remap interrupts.
 */
int rawpci_vfio_refused_bind(const struct rawpci_vfio_device *device, const char *path, int error)
{
	unsigned group = 0;
	int r;

	(void)rawpci_sysfs_group(rawpci_vfio_sysfs(device->vfio->ctx), &device->address, &group);
	switch (error) {
	case -EINVAL:
		return refused_held(device, path);
	case -EBUSY:
		return rawpci_vfio_refuse(device, error, 0,
					  "it is open by its IOMMU group, %u, or "
					  "the kernel uses a device of that group\nclose it there",
					  group);
	case -EPERM:
		r = ask(device, rawpci_vfio_find_blockers);
		return r < 0 ? r : rawpci_vfio_refused_attach(device, group, "iommufd", error);
	default:
		return rawpci_vfio_refused_device(device, error);
	}
}

int rawpci_vfio_refused_device(const struct rawpci_vfio_device *device, int error)
{
	char driver[RAWPCI_SYSFS_NAME];

	if (error == -EACCES)
		return rawpci_vfio_refuse(device, error, 0,
					  "it needs the VF token of its physical "
					  "function, which is on vfio-pci too\nbind the physical "
					  "function to its host driver");
	if (error == -EAGAIN)
		return rawpci_vfio_refuse(device, -EBUSY, 0,
					  "the kernel or another program keeps "
					  "it busy\ntry again");
	if (error == -ENODEV &&
	    rawpci_sysfs_driver(rawpci_vfio_sysfs(device->vfio->ctx), &device->address, driver) ==
		    0 &&
	    strcmp(driver, "vfio-pci") != 0)
		return rawpci_vfio_refuse(device, error, 0,
					  "it is bound to %s, not to vfio-pci\n"
					  "bind it to vfio-pci",
					  driver[0] ? driver : "no driver");
	return rawpci_vfio_refuse(device,
				  error == -ENODEV || error == -EBUSY
					  ? error
					  : rawpci_sys_result(error, -EIO),
				  error, "VFIO does not open it");
}

int rawpci_vfio_refused_reset(const struct rawpci_vfio_device *device, int error)
{
	if (error == -EINVAL || error == -ENOTTY)
		return rawpci_vfio_refuse(device, -EOPNOTSUPP, 0,
					  "it has no reset that leaves its "
					  "neighbours alone");
	/* The kernel only tries to lock the device. */
	if (error == -EAGAIN)
		return rawpci_vfio_refuse(device, -EBUSY, 0,
					  "the reset failed, because the host waits to have it "
					  "back (unbind, remove), or works on it\nclose it if "
					  "the host wants it back, else try again");
	return rawpci_vfio_refuse(device, rawpci_sys_result(error, -EIO), error,
				  "the reset failed");
}

/* Of a mapping: what begins the sentence with the guest's addresses. */
static RAWPCI_PRINTF(5, 6) int refuse_map(const struct rawpci_vfio_space *space, const char *what,
					  int error, int reason, const char *format, ...)
{
	va_list list;
	int r;

	va_start(list, format);
	r = rawpci_vfio_fail_words(space->vfio->ctx, what, error, reason, format, list);
	va_end(list);
	return r;
}

static int refused_memory(const struct rawpci_vfio_space *space, const char *what, uint64_t size)
{
	struct rawpci_finding finding;

	if (rawpci_vfio_describe_lock_limit(size, space->transport->by_user, &finding))
		return rawpci_vfio_fail(space->vfio->ctx, what, &finding);
	return refuse_map(space, what, -ENOMEM, 0, "the kernel has no memory to pin it");
}

static int refused_entry(const struct rawpci_vfio_space *space, const char *what)
{
	char limit[32];

	rawpci_vfio_parameter(space->vfio->ctx, RAWPCI_VFIO_TYPE1, "dma_entry_limit", limit,
			      sizeof(limit));
	return refuse_map(space, what, -ENOSPC, 0,
			  "too many DMA mappings: " RAWPCI_VFIO_TYPE1
			  ".dma_entry_limit is %s\nraise that module parameter before the device "
			  "is opened, or map memory in larger pieces",
			  limit[0] ? limit : "unknown");
}

/* EINVAL has many causes; the ranges that the IOMMU translates are the usual one. */
static int refused_range(const struct rawpci_vfio_space *space, const char *what,
			 rawpci_iova_t iova, uint64_t size, const struct rawpci_dma_limits *limits)
{
	char text[320] = "";
	size_t length = 0;
	unsigned i;

	for (i = 0; i < limits->range_count; i++) {
		int n = snprintf(text + length, sizeof(text) - length, "%s0x%llx-0x%llx",
				 i > 0 ? ", " : "", (unsigned long long)limits->ranges[i].first,
				 (unsigned long long)limits->ranges[i].last);

		if (iova >= limits->ranges[i].first && iova + size - 1 <= limits->ranges[i].last)
			break;
		if (n > 0 && (size_t)n < sizeof(text) - length)
			length += (size_t)n;
		else
			text[length] = '\0';
	}
	if (limits->range_count == 0 || i < limits->range_count)
		return refuse_map(space, what, -EADDRNOTAVAIL, 0,
				  "the kernel refuses the mapping "
				  "as invalid");
	return refuse_map(space, what, -ERANGE, 0, "outside what the IOMMU can translate: %s",
			  text);
}

int rawpci_vfio_refused_map(const struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			    uint64_t size, const struct rawpci_dma_limits *limits, int error)
{
	char what[64];

	(void)snprintf(what, sizeof(what), "guest memory 0x%llx-0x%llx", (unsigned long long)iova,
		       (unsigned long long)(iova + size - 1));
	switch (error) {
	case -ENOSPC: /* of a container: an iommufd has no such limit */
		return refused_entry(space, what);
	case -ENOMEM:
		return refused_memory(space, what, size);
	case -EINVAL:
		return refused_range(space, what, iova, size, limits);
	case -EEXIST:
		return refuse_map(space, what, -EADDRINUSE, 0,
				  "part of it is mapped already in "
				  "this container\nthe program that gave the container has to "
				  "close it and open a new one");
	case -EFAULT:
		return refuse_map(space, what, -EADDRNOTAVAIL, 0,
				  "the memory of this process at "
				  "%p is not there, not writable, or not of a kind that can be "
				  "pinned",
				  host);
	default:
		return refuse_map(space, what, -EADDRNOTAVAIL, error,
				  "the kernel refuses the "
				  "mapping");
	}
}
