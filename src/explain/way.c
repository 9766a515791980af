/* SPDX-License-Identifier: MIT */
/* What stands in the way of a backend, found without changing anything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/context.h"
#include "core/log.h"
#include "core/registry.h"
#include "explain/explain.h"
#include "handover/custody.h"
#include "handover/handover.h"
#include "os/inuse.h"
#include "os/sys.h"
#include "os/sysfs.h"

/* What the host would lose with the device; "": nothing. */
static const char *use_of(struct rawpci_inquiry *q)
{
	const struct rawpci_inuse_host host = rawpci_inuse_where(q->ctx);
	const struct rawpci_address *address = &q->device->address;

	if (!q->use_known) {
		q->bridge = rawpci_inuse_bridge(host.sys, address, q->use) != 0;
		if (q->driver[0] != '\0')
			(void)rawpci_inuse_find(&host, address, q->use);
		q->use_known = true;
	}
	return q->use;
}

/* None that would take from the host what it uses. driver: "": none */
static void bind_commands(struct rawpci_inquiry *q, const char *driver,
			  struct rawpci_finding *finding)
{
	const char *root = q->ctx->sysfs_dir;
	char load[128] = "", unbind[256] = "", probe[256] = "";

	if (use_of(q)[0] != '\0')
		return;
	if (driver[0] != '\0' && rawpci_sysfs_has_driver(q->ctx->sysfs_dir, driver) < 0)
		SAY(load, "modprobe %s\n", driver);
	if (driver[0] != '\0')
		SAY(probe, "echo %s > %.64s/bus/pci/drivers_probe\n", q->name, root);
	else
		driver = "none";
	if (q->device->driver[0] != '\0')
		SAY(unbind, "echo %s > %.64s/bus/pci/drivers/%s/unbind\n", q->name, root,
		    q->device->driver);
	SAY(finding->commands,
	    "%.50secho %s > %.64s/bus/pci/devices/%s/driver_override\n"
	    "%.150s%.110s", load, driver, root, q->name, unbind, probe);
}

static int check_module(struct rawpci_inquiry *q, const char *driver)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_MODULE,
		.blocks = true,
		.error = q->found.refusal != 0 ? q->found.refusal : -ENODEV,
	};

	if (rawpci_sysfs_has_driver(q->ctx->sysfs_dir, driver) == 0)
		return 0;
	if (q->found.refusal == 0)
		q->found.step = RAWPCI_STEP_TAKE;
	SAY(finding.driver, "%s", driver);
	SAY(finding.cause, "the kernel module %s is not loaded", driver);
	SAY(finding.remedy, "modprobe %s", driver);
	SAY(finding.commands, "modprobe %s\n", driver);
	return rawpci_backend_finding(&q->found, &finding);
}

static int find_host_driver(struct rawpci_inquiry *q, const char *wanted)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_HOST_DRIVER,
		.blocks = true,
		.error = -EBUSY,
		.blocker = q->device->address,
	};
	const bool left = strcmp(q->driver, q->device->driver) != 0;
	const char *use = use_of(q);

	q->found.step = RAWPCI_STEP_HELD;
	SAY(finding.driver, "%s", q->driver);
	SAY(finding.cause, "%s%s%s%s%s", left ? "a killed process had taken it from the host driver "
	    : "the host driver ", q->driver, left ? ", which gets it back first and then holds it"
	    : " holds it", use[0] ? ", and " : "", use);
	if (q->bridge)
		SAY(finding.remedy, "leave it to the host");
	else
		SAY(finding.remedy, "%sopen it with the flag to detach the host driver "
		    "(RAWPCI_OPEN_DETACH_HOST_DRIVER), which gives it back afterwards, or %s%s "
		    "first", use[0] ? "stop that; then " : "",
		    wanted[0] ? "bind it to " : "unbind it", wanted);
	if (!left)
		bind_commands(q, wanted, &finding);
	return rawpci_backend_finding(&q->found, &finding);
}

/* What open says where it cannot write down what it would change. */
static int check_record(struct rawpci_inquiry *q, const char *wanted)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_PERMISSION,
		.blocks = true,
		.error = rawpci_as_permission(q->no_record),
	};
	char text[128];

	if (q->no_record == 0)
		return 0;
	SAY(finding.path, "%.127s", q->ctx->run_dir);
	SAY(finding.cause, "it has to be bound to %s, and no record of its driver can be written "
	    "to %s (%s)", rawpci_or_none(wanted), finding.path,
	    rawpci_sys_error_text(q->no_record, text, sizeof(text)));
	SAY(finding.remedy, "%s; or %s%s first", rawpci_record_remedy(q->no_record),
	    wanted[0] ? "bind it to " : "unbind it", wanted);
	return rawpci_backend_finding(&q->found, &finding);
}

/* May this user make the kernel bind another driver? */
static int check_binding(struct rawpci_inquiry *q, const char *wanted)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_PERMISSION,
		.blocks = true,
		.error = -EACCES,
	};
	char path[RAWPCI_SYSFS_PATH];
	int r = rawpci_sysfs_path(q->ctx->sysfs_dir, &q->device->address, "driver_override", path,
				  sizeof(path));

	if (r == 0)
		r = rawpci_sys_access(path, W_OK);
	if (r == 0)
		return check_record(q, wanted);
	SAY(finding.path, "%.127s", path);
	/* Open would come to the record first. */
	finding.error = rawpci_as_permission(q->no_record < 0 ? q->no_record : r);
	SAY(finding.cause, "it has to be bound to %s, and user %u may not write to %s",
	    rawpci_or_none(wanted), rawpci_sys_user(), finding.path);
	if (r == -EROFS)
		SAY(finding.remedy, "mount sysfs writable into this container, or bind the device "
		    "outside of it");
	else
		SAY(finding.remedy, "let root bind it to %s", rawpci_or_none(wanted));
	bind_commands(q, wanted, &finding);
	return rawpci_backend_finding(&q->found, &finding);
}

/* What the host would lose keeps the device where it is, unless the caller insists. */
static int check_use(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_IN_USE,
		.blocks = !(q->options.flags & RAWPCI_OPEN_INSIST),
		.error = -EBUSY,
	};

	if (use_of(q)[0] == '\0')
		return 0;
	SAY(finding.cause, "%s", q->use);
	if (finding.blocks) {
		SAY(finding.remedy, "%s", rawpci_use_remedy(q->bridge, true));
	} else {
		finding.error = 0;
		SAY(finding.remedy, "it is taken all the same, as was insisted");
	}
	return rawpci_backend_finding(&q->found, &finding);
}

static int check_driver(struct rawpci_inquiry *q, const struct rawpci_backend *backend,
			const char *wanted)
{
	bool there = strcmp(q->driver, wanted) == 0;
	int r;

	if (rawpci_driver_is_kept(backend, q->driver, q->options.flags))
		return find_host_driver(q, wanted);
	q->found.step = RAWPCI_STEP_TAKE;
	if (wanted[0] != '\0' && (there || rawpci_sysfs_has_driver(q->ctx->sysfs_dir, wanted) < 0))
		return 0;
	r = check_use(q);
	q->found.step = RAWPCI_STEP_MOVE;
	return r < 0 || there ? r : check_binding(q, wanted);
}

/* Without an IOMMU between them, the kernel lets nobody reach hardware once it is locked down
 * (Linux security/lockdown, LOCKDOWN_PCI_ACCESS). */
static int check_lockdown(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_LOCKDOWN,
		.blocks = true,
		.error = -EPERM,
	};
	char path[RAWPCI_SYSFS_PATH], text[64];
	int n = snprintf(path, sizeof(path), "%s/kernel/security/lockdown", q->ctx->sysfs_dir);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    rawpci_sys_read_file(path, text, sizeof(text)) < 0 || strstr(text, "[none]"))
		return 0;
	SAY(finding.path, "%.127s", path);
	SAY(finding.cause, "the kernel is locked down (%s), which forbids access to devices past "
	    "an IOMMU", text);
	SAY(finding.remedy, "use VFIO, or boot without lockdown (Secure Boot off, no lockdown= "
	    "on the kernel's command line)");
	return rawpci_backend_finding(&q->found, &finding);
}

int rawpci_explain_refusal(struct rawpci_inquiry *q, int error, const char *reason)
{
	struct rawpci_finding finding = {
		.obstacle = error == -EACCES || error == -EPERM ? RAWPCI_OBSTACLE_PERMISSION :
			    error == -ENODEV && !q->device ? RAWPCI_OBSTACLE_NO_DEVICE :
							     RAWPCI_OBSTACLE_OTHER,
		.blocks = true,
		.error = error,
	};
	size_t prefix = strlen(q->name);

	if (strncmp(reason, q->name, prefix) == 0 && strncmp(reason + prefix, ": ", 2) == 0)
		reason += prefix + 2;
	if (reason[0] != '\0')
		SAY(finding.cause, "%.383s", reason);
	else
		(void)rawpci_sys_error_text(error, finding.cause, sizeof(finding.cause));
	return rawpci_backend_finding(&q->found, &finding);
}

int rawpci_explain_way(struct rawpci_inquiry *q, const struct rawpci_registered *with,
		       const char *driver)
{
	int r = 0;

	if (driver && driver[0] != '\0')
		r = check_module(q, driver);
	q->found.step = RAWPCI_STEP_OPEN;
	if (r == 0 && !with->backend->space_create)
		r = check_lockdown(q);
	if (r == 0 && q->found.refusal != 0 && !q->found.refusal_found)
		r = rawpci_explain_refusal(q, q->found.refusal, rawpci_reason());
	if (r == 0 && driver)
		r = check_driver(q, with->backend, driver);
	return r;
}
