/* SPDX-License-Identifier: MIT */
/* A device's place on the host: where its binding changes, and which device is there now. */
#include <errno.h>
#include <stdlib.h>

#include "core/context.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "os/sysfs.h"

struct rawpci_binding rawpci_handover_binding(const struct rawpci *ctx,
					      const struct rawpci_locks *locks,
					      const struct rawpci_address *address)
{
	return (struct rawpci_binding){
		.root = ctx->sysfs_dir,
		.address = *address,
		.limit_ms = ctx->driver_timeout_ms,
		.keep = { .lock = locks->lock, .shared = locks->shared },
	};
}

int rawpci_handover_ids(const struct rawpci *ctx, const struct rawpci_address *address,
			struct rawpci_record *record)
{
	static const char *const files[] = { "vendor", "device" };
	uint16_t *const ids[] = { &record->vendor, &record->device };
	char path[RAWPCI_SYSFS_PATH], text[16];

	for (int i = 0; i < 2; i++) {
		int r = rawpci_sysfs_path(ctx->sysfs_dir, address, files[i], path, sizeof(path));

		if (r == 0)
			r = rawpci_sys_read_file(path, text, sizeof(text));
		if (r < 0)
			return r;
		*ids[i] = (uint16_t)strtoul(text, NULL, 16);
	}
	return 0;
}

void rawpci_handover_boot(char boot[RAWPCI_BOOT_TEXT])
{
	if (rawpci_sys_read_file("/proc/sys/kernel/random/boot_id", boot, RAWPCI_BOOT_TEXT) < 0)
		boot[0] = '\0';
}

struct rawpci_inuse_host rawpci_inuse_where(const struct rawpci *ctx)
{
	return (struct rawpci_inuse_host){
		.sys = ctx->sysfs_dir,
		.proc = "/proc",
		.limit_ms = ctx->driver_timeout_ms,
		.vfio = ctx->vfio_dir,
		.uio = ctx->uio_dir,
	};
}
