/* SPDX-License-Identifier: MIT */
/* How a backend is chosen: the rules, and the search. */
#include "device/choice.h"

#include <errno.h>

#include "core/call.h"
#include "core/device.h"
#include "device/life.h"
#include "handover/custody.h"
#include "os/sys.h"
#include "os/sysfs.h"

bool rawpci_choice_note(struct rawpci_choice *choice, int error, bool refused)
{
	bool report;

	choice->ended = !refused && error != -EOPNOTSUPP && error != -ENODEV;
	report = choice->error == 0 || choice->ended || (!refused && !choice->tried);
	if (report)
		choice->error = error;
	choice->tried = choice->tried || !refused;
	return report;
}

static int try_backend(struct rawpci_device *dev, const struct rawpci_registered *with,
		       struct rawpci_vm *vm, unsigned flags)
{
	int r = 0;

	if (!dev->fds)
		r = with->backend->probe(with->instance, &dev->info.address);
	else if (!with->backend->open_fds)
		r = rawpci_fail(dev->ctx, -EOPNOTSUPP,
				"%s: %s cannot open a device by "
				"descriptors: use vfio",
				dev->name, with->backend->name);
	if (r == 0)
		r = rawpci_device_attach(dev, with, vm, &dev->info.address, flags);
	if (r == 0)
		rawpci_say(dev->ctx, RAWPCI_LOG_INFO, "%s: opened by %s", dev->name,
			   with->backend->name);
	return r;
}

struct failure {
	struct rawpci_choice choice;
	struct rawpci_reason reason;
	const struct rawpci_backend *refused; /* the host driver keeps it from this one */
};

static void note_failure(struct rawpci *ctx, const struct rawpci_backend *backend,
			 struct failure *failure, int error, bool refused)
{
	/* If one backend alone is tried, the call fails with this sentence. */
	if (!atomic_load(&ctx->chosen))
		rawpci_say(ctx, RAWPCI_LOG_INFO, "%s: %s", backend->name, rawpci_reason());
	if (!rawpci_choice_note(&failure->choice, error, refused))
		return;
	rawpci_reason_keep(&failure->reason);
	failure->refused = refused ? backend : NULL;
}

/* Backends are tried in the order of rank. If the flags keep the host driver, only backends that
 * work with it or need none are tried. */
int rawpci_choice_open(struct rawpci_device *dev, struct rawpci_vm *vm, unsigned flags)
{
	struct rawpci *ctx = dev->ctx;
	const struct rawpci_backend *chosen = atomic_load(&ctx->chosen);
	struct rawpci_custody *custody = dev->custody;
	struct failure failure = { .choice = { .error = 0 } };
	int r;

	rawpci_sys_forget_lack();
	/* The program that opened the descriptors owns the device. */
	r = !dev->fds && rawpci_registry_owns(ctx) ? rawpci_custody_own(custody) : 0;
	if (r < 0)
		return r;
	/* Owning returns the device to its host driver if a killed process had taken it. */
	(void)rawpci_sysfs_driver(ctx->sysfs_dir, &custody->address, custody->bound);
	for (unsigned i = 0; i < ctx->backend_count; i++) {
		const struct rawpci_registered *with = &ctx->backends[i];
		bool refused;

		if (!rawpci_registry_offers(chosen, with->backend))
			continue;
		rawpci_call_begin();
		custody->purpose = rawpci_purpose_of(with->backend);
		/* The program that opened the descriptors sees to the host driver. */
		r = dev->fds ? 0 : rawpci_custody_keep(custody, flags, false);
		refused = r < 0;
		if (!refused)
			r = try_backend(dev, with, vm, flags);
		/* The backend may have concluded it from files that it could not open. */
		if (r < 0 && !refused && rawpci_sys_lack() < 0)
			r = rawpci_fail_lack(ctx, dev->name, rawpci_sys_lack());
		if (r == 0)
			return 0;
		note_failure(ctx, with->backend, &failure, r, refused);
		if (failure.choice.ended)
			break;
	}
	if (failure.choice.error == 0)
		return rawpci_fail(ctx, -ENODEV, "%s: there is no backend to try", dev->name);
	rawpci_reason_restore(&failure.reason);
	/* The whole reason takes a search that only a failure is worth. */
	if (failure.refused) {
		custody->purpose = rawpci_purpose_of(failure.refused);
		(void)rawpci_custody_keep(custody, flags, true);
	}
	return rawpci_sys_result(failure.choice.error, failure.choice.error);
}
