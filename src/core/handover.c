/* SPDX-License-Identifier: MIT */
/*
 * Taking a device from the host and giving it back, so that it comes back whatever happens to this
 * process. The order is: own it (a lock that goes with the process), write down what there is,
 * change it; and backwards: put back what there was, remove the record, give up the lock. Whoever
 * owns a device that has a record finishes what its former owner could not.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rawpci/recover.h>

#include "core/core.h"
#include "core/handover.h"
#include "os/inuse.h"
#include "os/sys.h"
#include "pci/pci.h"

static struct rawpci_binding binding_of(const struct rawpci *ctx,
					const struct rawpci_claim *claim,
					const struct rawpci_address *address)
{
	return (struct rawpci_binding) {
		.root = ctx->sysfs_dir,
		.address = *address,
		.limit_ms = ctx->driver_timeout_ms,
		.keep = claim->lock,
	};
}

static void say_given_back(struct rawpci *ctx, const char *name, const char *driver)
{
	rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: given back%s%s", name,
		   driver[0] ? " to " : ", bound to no driver as before", driver);
}

static int read_ids(const struct rawpci *ctx, const struct rawpci_address *address,
		    struct rawpci_record *record)
{
	static const char *const files[] = {"vendor", "device"};
	uint16_t *const ids[] = {&record->vendor, &record->device};
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

/* A device is gone only where the others can be seen: not where sysfs is not mounted. */
static int check_sysfs(struct rawpci *ctx, const char *name)
{
	char path[RAWPCI_SYSFS_PATH], text[128];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/devices", ctx->sysfs_dir);
	int r = n < 0 || (size_t)n >= sizeof(path) ? -ENAMETOOLONG : rawpci_sys_access(path, F_OK);

	if (r < 0)
		return rawpci_fail(ctx, r, "%s: %s/bus/pci/devices cannot be looked at (%s), so that "
				   "its record is left for who can", name, ctx->sysfs_dir,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	return 0;
}

/* Is the record about what is in that place now? Where not, it is done with. 1, 0 or -errno. */
static int applies(struct rawpci *ctx, const char *name, const struct rawpci_address *address,
		   const struct rawpci_record *record)
{
	struct rawpci_record now = {.vendor = 0};
	char text[128];
	int r = check_sysfs(ctx, name);

	if (r < 0)
		return r;
	if (rawpci_sysfs_present(ctx->sysfs_dir, address) < 0) {
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: gone, it needs not be given back to %s", name,
			   rawpci_or_none(record->hold.driver));
		return 0;
	}
	r = read_ids(ctx, address, &now);
	if (r < 0)
		return rawpci_fail(ctx, r, "%s: its ids cannot be read (%s), so that its record is "
				   "left for who can", name,
				   rawpci_sys_error_text(r, text, sizeof(text)));
	if (now.vendor == record->vendor && now.device == record->device)
		return 1;
	rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: there is another device (%04x:%04x) than the one "
		   "that was taken from %s (%04x:%04x): left alone", name, now.vendor, now.device,
		   rawpci_or_none(record->hold.driver), record->vendor, record->device);
	return 0;
}

/* Errors that say nothing about the record itself. */
static bool is_passing(int r)
{
	return r == -ENOMEM || r == -EMFILE || r == -ENFILE || r == -EIO;
}

/* Puts back, and removes the record when that is done. */
static int give_back(struct rawpci *ctx, const struct rawpci_claim *claim,
		     const struct rawpci_address *address, const struct rawpci_driver_hold *hold)
{
	const struct rawpci_binding at = binding_of(ctx, claim, address);
	const char *name = claim->name;
	char text[128];
	int r = rawpci_driver_give_back(&at, hold);

	if (r == -ETIMEDOUT)
		return rawpci_fail_timeout(ctx, name, "the kernel has not given it back to its "
					   "driver");
	if (r < 0)
		return rawpci_fail(ctx, r, "%s: it could not be given back to %s (%s): load that "
				   "driver, then use rawpci_recover(), or write the address to "
				   "%s/bus/pci/drivers_probe", name, rawpci_or_none(hold->driver),
				   rawpci_sys_error_text(r, text, sizeof(text)), ctx->sysfs_dir);
	r = rawpci_record_erase(claim);
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: the record of its driver in %s cannot be "
			   "removed (%s)", name, ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)));
	say_given_back(ctx, name, hold->driver);
	return 0;
}

/*
 * Does what the device's record asks for.
 * Returns 1: done; 0: there was nothing to do; or -errno: still to be done, *owed says what, if the
 * record could be read. *foreign: there is a record that is not acted upon, and not to be replaced.
 */
static int finish(struct rawpci *ctx, const struct rawpci_claim *claim,
		  const struct rawpci_address *address, struct rawpci_driver_hold *owed,
		  bool *foreign)
{
	struct rawpci_record record;
	char text[128];
	int r = rawpci_record_read(claim, &record);

	*foreign = false;
	if (r == -ENOENT)
		return 0;
	if (is_passing(r))
		return rawpci_fail(ctx, r, "%s: its record in %s cannot be read now: %s", claim->name,
				   ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
	if (r < 0) {
		*foreign = true;
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s: %s/%s is no record that can be trusted "
			   "(%s) and is not acted upon: see that the device has its driver, then "
			   "remove the file", claim->name, ctx->run_dir, claim->name,
			   rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = applies(ctx, claim->name, address, &record);
	if (r < 0)
		return r;
	if (r == 0) {
		(void)rawpci_record_erase(claim);
		return 0;
	}
	rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: a process that had taken it from %s has ended without "
		   "giving it back", claim->name, rawpci_or_none(record.hold.driver));
	r = give_back(ctx, claim, address, &record.hold);
	if (r < 0)
		*owed = record.hold;
	return r < 0 ? r : 1;
}

int rawpci_handover_own(struct rawpci_device *dev)
{
	struct rawpci *ctx = dev->ctx;
	char text[128];
	bool foreign;
	int r;

	if (dev->claim.lock >= 0 || rawpci_sysfs_present(ctx->sysfs_dir, &dev->info.address) < 0)
		return 0;
	r = rawpci_claim_take(&dev->claim, ctx->run_dir, &dev->info.address);
	if (r == -EWOULDBLOCK)
		return rawpci_fail_owned(ctx, dev->name, &dev->info.address);
	if (r < 0) {
		dev->no_claim = r;
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: %s cannot be used (%s): only the kernel keeps "
			   "other processes from the device, and its driver stays", dev->name,
			   ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
		return 0;
	}
	r = finish(ctx, &dev->claim, &dev->info.address, &dev->owed, &foreign);
	if (r == -ETIMEDOUT)
		return r;
	/* What the record says would be lost with another one over it. */
	if (foreign)
		dev->no_claim = -EEXIST;
	else if (r < 0 && !dev->owed.held)
		dev->no_claim = r;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	return 0;
}

void rawpci_handover_disown(struct rawpci_device *dev)
{
	rawpci_claim_release(&dev->claim);
}

/* May it be taken from the host, and the driver that holds it ("": none) off it? */
static int check_allowed(struct rawpci_device *dev, const char *bound, unsigned flags)
{
	const struct rawpci_inuse_host host = {
		.sys = dev->ctx->sysfs_dir, .proc = "/proc", .dev = "/dev",
	};
	const struct rawpci_address *address = &dev->info.address;
	char what[RAWPCI_INUSE_TEXT];
	bool bridge;
	int r = rawpci_device_may_rebind(dev, dev->backend, bound, flags);

	if (r < 0)
		return r;
	bridge = rawpci_inuse_bridge(host.sys, address, what) != 0;
	r = bound[0] != '\0' ? rawpci_inuse_find(&host, address, what) : bridge;
	if (r == 0)
		return 0;
	if (!(flags & RAWPCI_OPEN_INSIST))
		return rawpci_fail(dev->ctx, -EBUSY, "%s: %s: %s", dev->name, what,
				   rawpci_use_remedy(bridge));
	rawpci_say(dev->ctx, RAWPCI_LOG_WARNING, "%s: taken from %s as was insisted, although %s",
		   dev->name, bound[0] ? bound : "the host", what);
	return 0;
}

static int write_record(struct rawpci_device *dev, const struct rawpci_driver_hold *hold)
{
	struct rawpci *ctx = dev->ctx;
	struct rawpci_record record = {.hold = *hold};
	int r = dev->no_claim;
	char text[128];

	if (r == 0)
		r = read_ids(ctx, &dev->info.address, &record);
	if (r == 0)
		r = rawpci_record_write(&dev->claim, &record);
	if (r == 0)
		return 0;
	return rawpci_fail(ctx, rawpci_as_permission(r), "%s: its driver stays: no record of it "
			   "can be written to %s (%s), without which the host would lose the device if "
			   "this process were killed: run as root, bind the device to %s first, or "
			   "name another directory (setting run.dir)", dev->name, ctx->run_dir,
			   rawpci_sys_error_text(r, text, sizeof(text)), rawpci_or_none(hold->taken_by));
}

/* Back, after a failure that has its sentence already, which stays. */
static void undo(struct rawpci_device *dev)
{
	char reason[400];

	(void)snprintf(reason, sizeof(reason), "%s", rawpci_reason());
	rawpci_handover_give_back(dev);
	(void)rawpci_fail(dev->ctx, 0, "%s", reason);
}

static int move(struct rawpci_device *dev, const char *wanted)
{
	const struct rawpci_binding at = binding_of(dev->ctx, &dev->claim, &dev->info.address);
	enum rawpci_driver_step step;
	int r = rawpci_driver_move(&at, &dev->hold, &step);

	if (r == 0) {
		rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: bound to %s%s%s", dev->name,
			   rawpci_or_none(wanted), dev->hold.driver[0] ? " instead of " : "",
			   dev->hold.driver);
		return 0;
	}
	if (r == -ETIMEDOUT) {
		/* Each further step would wait for the one that hangs. */
		dev->hold.held = false;
		return rawpci_fail_slow_move(dev, step);
	}
	r = rawpci_fail_move(dev, wanted, r);
	undo(dev);
	return r;
}

int rawpci_handover_take(struct rawpci_device *dev, const char *wanted, unsigned flags)
{
	const struct rawpci_binding at = binding_of(dev->ctx, &dev->claim, &dev->info.address);
	struct rawpci_driver_hold found;
	int r = rawpci_driver_look(&at, wanted, &found);

	if (r == -ENODEV && rawpci_sysfs_present(at.root, &at.address) < 0)
		return rawpci_fail(dev->ctx, r, "%s: there is no such device", dev->name);
	if (r == -ENODEV)
		return rawpci_fail(dev->ctx, r, "%s: there is no driver %s: load it (modprobe %s)",
				   dev->name, wanted, wanted);
	if (r == -ETIMEDOUT)
		return rawpci_fail(dev->ctx, r, "%s: the kernel is binding or unbinding its driver, "
				   "and was not done in %u ms (setting driver.timeout_ms)",
				   dev->name, at.limit_ms);
	if (r < 0)
		return rawpci_fail(dev->ctx, r, "%s: its driver cannot be read from %s", dev->name,
				   at.root);
	/* With no driver wanted there may be none to take away, and still a use of the host's. */
	if (found.held || wanted[0] == '\0') {
		r = check_allowed(dev, found.driver, flags);
		if (r < 0)
			return r;
	}
	if (dev->owed.held) {
		memcpy(found.driver, dev->owed.driver, sizeof(found.driver));
		memcpy(found.override, dev->owed.override, sizeof(found.override));
		found.held = true;
	}
	if (!found.held)
		return 0;
	r = write_record(dev, &found);
	if (r < 0)
		return r;
	dev->hold = found;
	return move(dev, wanted);
}

void rawpci_handover_give_back(struct rawpci_device *dev)
{
	int r;

	if (!dev->hold.held)
		return;
	r = give_back(dev->ctx, &dev->claim, &dev->info.address, &dev->hold);
	dev->owed = dev->hold;
	dev->owed.held = r < 0;
	dev->hold.held = false;
	if (r < 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_ERROR, "%s", rawpci_reason());
}

struct recovery {
	struct rawpci *ctx;
	int given_back;
	int error; /* the first */
	char reason[400];
};

/* One that fails does not keep the others from being given back. */
static int recover_one(void *opaque, const struct rawpci_address *address)
{
	struct recovery *recovery = opaque;
	struct rawpci *ctx = recovery->ctx;
	struct rawpci_claim claim = RAWPCI_CLAIM_NONE;
	struct rawpci_driver_hold owed;
	char name[RAWPCI_ADDRESS_TEXT], text[128];
	bool foreign;
	int r = rawpci_claim_take(&claim, ctx->run_dir, address);

	rawpci_address_format(address, name);
	if (r == -EWOULDBLOCK) {
		(void)rawpci_fail_owned(ctx, name, address);
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: left alone", rawpci_reason());
		return 0;
	}
	if (r < 0)
		r = rawpci_fail(ctx, rawpci_as_permission(r), "%s: its lock in %s cannot be had: "
				"%s", name, ctx->run_dir, rawpci_sys_error_text(r, text, sizeof(text)));
	else
		r = finish(ctx, &claim, address, &owed, &foreign);
	rawpci_claim_release(&claim);
	if (r > 0)
		recovery->given_back++;
	if (r < 0)
		rawpci_say(ctx, RAWPCI_LOG_WARNING, "%s", rawpci_reason());
	if (r < 0 && recovery->error == 0) {
		recovery->error = r;
		(void)snprintf(recovery->reason, sizeof(recovery->reason), "%s", rawpci_reason());
	}
	return 0;
}

int rawpci_recover(struct rawpci *ctx)
{
	struct recovery recovery = {.ctx = ctx};
	char text[128];
	int r;

	rawpci_call_begin();
	if (!ctx)
		return rawpci_call_end(NULL, rawpci_fail(NULL, -EFAULT, "the context is NULL"));
	r = rawpci_record_each(ctx->run_dir, recover_one, &recovery);
	if (r == -ENOENT)
		return rawpci_call_end(ctx, 0);
	if (r < 0)
		return rawpci_call_end(ctx, rawpci_fail(ctx, rawpci_as_permission(r), "%s cannot "
							"be used: %s", ctx->run_dir,
							rawpci_sys_error_text(r, text,
									      sizeof(text))));
	if (recovery.error < 0)
		return rawpci_call_end(ctx, rawpci_fail(ctx, recovery.error, "%s",
							recovery.reason));
	return rawpci_call_end(ctx, recovery.given_back);
}
