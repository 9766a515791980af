/* SPDX-License-Identifier: MIT */
/*
 * Devices of one IOMMU group. For as long as one of them is user space's, the kernel lets no host
 * driver have another, save for the few that see to DMA themselves (Linux drivers/iommu/iommu.c,
 * iommu_device_use_default_domain()): what is closed first cannot be given back, and whoever closes
 * the last one gives them all back.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/log.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/sys.h"
#include "pci/pci.h"

struct group {
	struct rawpci *ctx;
	const struct rawpci_address *address;
	char *name;   /* of the device that was found */
	bool blocked; /* address is to be given back, too */
};

static int each(struct group *group,
		int (*visit)(void *opaque, const struct rawpci_address *address))
{
	const char *root = group->ctx->sysfs_dir;
	unsigned number;
	int r = rawpci_sysfs_group(root, group->address, &number);

	return r < 0 ? r : rawpci_sysfs_group_each(root, number, visit, group);
}

/* A VFIO driver's device has an entry of that class, whether there is a cdev to it or not. */
static int find_vfio(void *opaque, const struct rawpci_address *address)
{
	const struct group *group = opaque;
	char path[RAWPCI_SYSFS_PATH];

	if (rawpci_address_compare(address, group->address) == 0 ||
	    rawpci_sysfs_path(group->ctx->sysfs_dir, address, "vfio-dev", path, sizeof(path)) < 0 ||
	    rawpci_sys_access(path, F_OK) < 0)
		return 0;
	(void)rawpci_address_format(address, group->name);
	return 1;
}

bool rawpci_group_neighbour(struct rawpci *ctx, const struct rawpci_address *address,
			    char name[RAWPCI_ADDRESS_TEXT])
{
	struct group group = {.ctx = ctx, .address = address, .name = name};

	return each(&group, find_vfio) == 1;
}

static int find_owned(void *opaque, const struct rawpci_address *address)
{
	const struct group *group = opaque;
	struct rawpci_record record;
	int recorded;

	return rawpci_claim_look(group->ctx->run_dir, address, &record, &recorded) ==
	       -EWOULDBLOCK ||
	       rawpci_claim_look_shared(group->ctx->sysfs_dir, address) == -EWOULDBLOCK;
}

/* What is not there, forbidden or another owner's needs no words: there is nothing to do here. */
static void warn_left(struct rawpci *ctx, const struct rawpci_address *address, int r)
{
	char name[RAWPCI_ADDRESS_TEXT], text[128];

	if (r == -EWOULDBLOCK || !rawpci_is_passing(r))
		return;
	rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: whether it has to be given back cannot be found "
		   "out now (%s): rawpci_recover() or the next open does it",
		   rawpci_address_format(address, name),
		   rawpci_sys_error_text(r, text, sizeof(text)));
}

/* Looked at first, so that nothing is made or locked where there is nothing to do. */
static int finish_one(void *opaque, const struct rawpci_address *address)
{
	const struct group *group = opaque;
	struct rawpci *ctx = group->ctx;
	struct rawpci_claim claim = RAWPCI_CLAIM_NONE;
	struct rawpci_record record;
	bool foreign, shared;
	int recorded = 0, r;

	if (rawpci_address_compare(address, group->address) == 0 && !group->blocked)
		return 0;
	r = rawpci_claim_look(ctx->run_dir, address, &record, &recorded);
	if (r == 0 && recorded < 0)
		r = recorded;
	if (r == 0)
		r = rawpci_handover_lock(ctx, &claim, address, &shared);
	if (r < 0) {
		rawpci_claim_release(&claim);
		warn_left(ctx, address, r);
		return 0;
	}
	r = rawpci_record_finish(ctx, &claim, address, &record, &foreign);
	rawpci_claim_release(&claim);
	/* -EBUSY has been said when the device was closed. */
	if (r < 0)
		rawpci_say(ctx, r == -EBUSY ? RAWPCI_LOG_DEBUG : RAWPCI_LOG_WARNING, "%s",
			   rawpci_reason());
	return 0;
}

/* Whoever gives up his device looks afterwards who still has one: of two at the same time, the
 * later one sees none. */
void rawpci_group_finish(struct rawpci *ctx, const struct rawpci_address *address, bool blocked)
{
	struct group group = {.ctx = ctx, .address = address, .blocked = blocked};

	if (each(&group, find_owned) == 0)
		(void)each(&group, finish_one);
}
