/* SPDX-License-Identifier: MIT */
/* Why the kernel refused to map memory for DMA. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/sys.h"
#include "vfio/vfio.h"

#define CAP_IPC_LOCK_BIT 14 /* linux/capability.h */
#define STATUS_SIZE 8192

/* What is being mapped, as every sentence begins. */
struct mapping {
	char text[64];
};

static void describe(struct mapping *what, rawpci_iova_t iova, uint64_t size)
{
	(void)snprintf(what->text, sizeof(what->text), "guest memory 0x%llx-0x%llx",
		       (unsigned long long)iova, (unsigned long long)(iova + size - 1));
}

void rawpci_vfio_parameter(const struct rawpci_vfio *vfio, const char *module, const char *name,
			   char *text, size_t size)
{
	char path[RAWPCI_VFIO_PATH];
	int n = snprintf(path, sizeof(path), "%s/module/%s/parameters/%s", rawpci_vfio_sysfs(vfio),
			 module, name);

	if (n < 0 || (size_t)n >= sizeof(path) || rawpci_sys_read_file(path, text, size) < 0)
		text[0] = '\0';
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

/* A capability inside a user namespace does not count for the kernel's check. */
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
	bool limited = status && rawpci_sys_memlock_limit(allowed) == 0 &&
		       *allowed != UINT64_MAX &&
		       rawpci_sys_read_file("/proc/self/status", status, STATUS_SIZE) > 0 &&
		       rawpci_vfio_status_field(status, "VmLck", 10, &kibibytes) == 0 &&
		       !may_lock_everything(status);

	free(status);
	if (limited)
		*used = kibibytes * 1024;
	return limited;
}

/* The kernel says ENOMEM when the process may not lock so much memory, and why only in its log. A
 * container counts what this process has locked; an iommufd what all of the user's have pinned,
 * which cannot be read. */
static int explain_no_memory(struct rawpci_vfio_space *space, const struct mapping *what,
			     uint64_t size)
{
	bool by_user = space->transport->by_user;
	struct rawpci *ctx = space->vfio->ctx;
	char counted[64] = "for all processes of this user together";
	uint64_t allowed, used;

	if (!rawpci_vfio_lock_limit(&allowed, &used) ||
	    (!by_user && used <= allowed && size <= allowed - used))
		return rawpci_backend_fail(ctx, -ENOMEM, "%s: the kernel has no memory to pin it",
					   what->text);
	if (!by_user)
		(void)snprintf(counted, sizeof(counted), "of which %llu KiB are used",
			       (unsigned long long)(used / 1024));
	return rawpci_backend_fail(ctx, -ENOSPC, "%s: the limit of locked memory is too low: "
				   "%llu KiB needed, %llu KiB allowed %s: raise it with prlimit "
				   "--memlock=BYTES --pid PID, LimitMEMLOCK= of the systemd unit or "
				   "limits.conf, or give the program CAP_IPC_LOCK", what->text,
				   (unsigned long long)(size / 1024),
				   (unsigned long long)(allowed / 1024), counted);
}

static int explain_no_entry(struct rawpci_vfio_space *space, const struct mapping *what)
{
	char limit[32];

	rawpci_vfio_parameter(space->vfio, "vfio_iommu_type1", "dma_entry_limit", limit,
			      sizeof(limit));
	return rawpci_backend_fail(space->vfio->ctx, -ENOSPC, "%s: too many DMA mappings: "
				   "vfio_iommu_type1.dma_entry_limit is %s: raise that module "
				   "parameter before the device is opened, or announce memory in "
				   "larger pieces", what->text, limit[0] ? limit : "unknown");
}

/* EINVAL has many causes; the ranges that the IOMMU translates are the usual one. */
static int explain_invalid(struct rawpci_vfio_space *space, const struct mapping *what,
			   rawpci_iova_t iova, uint64_t size,
			   const struct rawpci_dma_limits *limits)
{
	char text[384];
	size_t length = 0;
	unsigned i;

	text[0] = '\0';
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
		return rawpci_backend_fail(space->vfio->ctx, -EADDRNOTAVAIL, "%s: the kernel "
					   "refuses the mapping as invalid", what->text);
	return rawpci_backend_fail(space->vfio->ctx, -ERANGE, "%s: outside what the IOMMU can "
				   "translate: %s", what->text, text);
}

int rawpci_vfio_explain_map(struct rawpci_vfio_space *space, rawpci_iova_t iova, void *host,
			    uint64_t size, const struct rawpci_dma_limits *limits, int error)
{
	struct rawpci *ctx = space->vfio->ctx;
	struct mapping what;
	char text[128];

	describe(&what, iova, size);
	switch (error) {
	case -ENOSPC: /* of a container: an iommufd has no such limit */
		return explain_no_entry(space, &what);
	case -ENOMEM:
		return explain_no_memory(space, &what, size);
	case -EINVAL:
		return explain_invalid(space, &what, iova, size, limits);
	case -EEXIST:
		return rawpci_backend_fail(ctx, -EADDRINUSE, "%s: part of it is mapped already, by "
					   "a former user of the same container, who has left it "
					   "so, or by another program that has it: whoever handed "
					   "it over has to close it and open a fresh one",
					   what.text);
	case -EFAULT:
		return rawpci_backend_fail(ctx, -EADDRNOTAVAIL, "%s: the memory of this process at "
					   "%p is not there, not writable, or not of a kind that "
					   "can be pinned", what.text, host);
	default:
		return rawpci_backend_fail(ctx, -EADDRNOTAVAIL, "%s: the kernel refuses the "
					   "mapping: %s", what.text,
					   rawpci_sys_error_text(error, text, sizeof(text)));
	}
}
