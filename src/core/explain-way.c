/* SPDX-License-Identifier: MIT */
/* What stands in the way of each backend, found without changing anything. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "core/explain.h"
#include "core/handover.h"
#include "os/inuse.h"
#include "os/sys.h"
#include "os/sysfs.h"

/* driver: "": none */
static void bind_commands(const struct rawpci_inquiry *q, const char *driver,
			  struct rawpci_finding *finding)
{
	const char *root = q->ctx->sysfs_dir;
	char unbind[256] = "", probe[256] = "";

	if (driver[0] != '\0')
		SAY(probe, "echo %s > %.64s/bus/pci/drivers_probe\n", q->name, root);
	else
		driver = "none";
	if (q->device->driver[0] != '\0')
		SAY(unbind, "echo %s > %.64s/bus/pci/drivers/%s/unbind\n", q->name, root,
		    q->device->driver);
	SAY(finding->commands,
	    "echo %s > %.64s/bus/pci/devices/%s/driver_override\n"
	    "%.200s%.150s", driver, root, q->name, unbind, probe);
}

static bool driver_loaded(const struct rawpci_inquiry *q, const char *driver)
{
	char path[RAWPCI_SYSFS_PATH];
	int n = snprintf(path, sizeof(path), "%s/bus/pci/drivers/%s", q->ctx->sysfs_dir, driver);

	return n >= 0 && (size_t)n < sizeof(path) && rawpci_sys_access(path, F_OK) == 0;
}

static int check_module(struct rawpci_inquiry *q, const char *driver)
{
	struct rawpci_finding finding = {
		.obstacle = RAWPCI_OBSTACLE_MODULE,
		.blocks = true,
		.error = -EOPNOTSUPP,
	};

	if (driver_loaded(q, driver))
		return 0;
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

	SAY(finding.driver, "%s", q->driver);
	SAY(finding.cause, "the host driver %s %s", q->driver,
	    strcmp(q->driver, q->device->driver) == 0 ? "holds it" : "gets it back and holds it");
	SAY(finding.remedy, "open it with RAWPCI_OPEN_DETACH_HOST_DRIVER, which gives it back "
	    "afterwards, or %s%s first", wanted[0] ? "bind it to " : "unbind it", wanted);
	if (strcmp(q->driver, q->device->driver) == 0)
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
	if (q->no_record == -EEXIST)
		SAY(finding.remedy, "see that the device has its driver, then remove the record "
		    "there, which cannot be trusted");
	else
		SAY(finding.remedy, "run as root, bind it to %s first, or name another directory "
		    "(setting run.dir)", rawpci_or_none(wanted));
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
	const struct rawpci_inuse_host host = {.sys = q->ctx->sysfs_dir, .proc = "/proc"};
	char what[RAWPCI_INUSE_TEXT];

	if (rawpci_inuse_find(&host, &q->device->address, what) == 0)
		return 0;
	SAY(finding.cause, "%s", what);
	if (finding.blocks) {
		SAY(finding.remedy, "stop that first, or insist (RAWPCI_OPEN_INSIST)");
	} else {
		finding.error = 0;
		SAY(finding.remedy, "it is taken all the same, as was insisted");
	}
	return rawpci_backend_finding(&q->found, &finding);
}

static int check_driver(struct rawpci_inquiry *q, const char *wanted)
{
	const char *bound = q->driver;
	int r;

	if (strcmp(bound, wanted) == 0 || (wanted[0] != '\0' && !driver_loaded(q, wanted)))
		return 0;
	if (bound[0] != '\0' && !(q->options.flags & RAWPCI_OPEN_DETACH_HOST_DRIVER))
		return find_host_driver(q, wanted);
	r = bound[0] != '\0' ? check_use(q) : 0;
	return r < 0 ? r : check_binding(q, wanted);
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

/* What a backend says that has nothing more to tell. */
static int find_other(struct rawpci_inquiry *q, int error, const char *reason)
{
	bool permission = error == -EACCES || error == -EPERM;
	struct rawpci_finding finding = {
		.obstacle = permission ? RAWPCI_OBSTACLE_PERMISSION : RAWPCI_OBSTACLE_OTHER,
		.blocks = true,
		.error = error,
	};
	size_t prefix = strlen(q->name);

	if (strncmp(reason, q->name, prefix) == 0 && strncmp(reason + prefix, ": ", 2) == 0)
		reason += prefix + 2;
	if (reason[0] != '\0')
		SAY(finding.cause, "%.383s", reason);
	else
		SAY(finding.cause, "error %d", -error);
	return rawpci_backend_finding(&q->found, &finding);
}

static void set_reason(struct rawpci_inquiry *q, struct rawpci_way *way)
{
	const struct rawpci_finding *why = rawpci_findings_blocker(q->found.first, way->backend);

	if (why)
		SAY(way->reason, "%s%s%s", why->cause, why->remedy[0] ? ": " : "", why->remedy);
}

static bool blocker_is(const struct rawpci_inquiry *q, const char *backend,
		       enum rawpci_obstacle obstacle)
{
	const struct rawpci_finding *why = rawpci_findings_blocker(q->found.first, backend);

	return why && why->obstacle == obstacle;
}

static int judge(struct rawpci_inquiry *q, const struct rawpci_registered *with,
		 struct rawpci_way *way)
{
	const struct rawpci_backend *b = with->backend;
	const struct rawpci_address *address = &q->out->address;
	const char *driver = b->driver ? b->driver : b->unbound ? "" : NULL;
	int r = 0, refused;

	rawpci_call_begin();
	refused = b->probe(with->instance, address);
	/* A backend may have devices that sysfs knows nothing of. */
	if (!q->device) {
		way->works = refused == 0 && !q->hopeless;
		SAY(way->reason, "%s", refused < 0 ? rawpci_reason() : "");
		return 0;
	}
	if (b->explain)
		r = b->explain(with->instance, address, q->options.memory, &q->found);
	/* What cannot be driven at all needs no driver. */
	if (blocker_is(q, b->name, RAWPCI_OBSTACLE_BRIDGE))
		driver = NULL;
	if (r == 0 && driver && driver[0] != '\0')
		r = check_module(q, driver);
	if (r == 0 && !b->space_create)
		r = check_lockdown(q);
	if (r == 0 && refused < 0 && !q->found.blocked)
		r = find_other(q, refused, rawpci_reason());
	if (r == 0 && driver)
		r = check_driver(q, driver);
	if (r < 0)
		return r;
	way->works = !q->hopeless && !q->found.blocked;
	set_reason(q, way);
	return 0;
}

/* Would the automatic choice stop at this one, which does not work? The host driver is looked at
 * before anything else, and turns it to the next. */
static bool ends_search(const struct rawpci_inquiry *q, const char *backend)
{
	const struct rawpci_finding *why = rawpci_findings_blocker(q->found.first, backend);

	if (!why || rawpci_choice_goes_on(why->error))
		return false;
	for (; why; why = why->next)
		if (why->obstacle == RAWPCI_OBSTACLE_HOST_DRIVER &&
		    strcmp(why->backend, backend) == 0)
			return false;
	return true;
}

int rawpci_explain_ways(struct rawpci_inquiry *q)
{
	struct rawpci *ctx = q->ctx;
	struct rawpci_way *way, **last = (struct rawpci_way **)&q->out->ways;
	const struct rawpci_backend *chosen = atomic_load(&ctx->chosen);
	bool ended = false;
	int r = 0;

	for (unsigned i = 0; i < ctx->backend_count && r == 0; i++) {
		const struct rawpci_backend *b = ctx->backends[i].backend;

		if (chosen ? b != chosen : b->rank < 0)
			continue;
		way = calloc(1, sizeof(*way));
		if (!way)
			return -ENOMEM;
		*last = way;
		last = &way->next;
		SAY(way->backend, "%s", b->name);
		way->interrupts = b->irq_enable != NULL;
		way->dma = b->space_create != NULL;
		rawpci_findings_begin(&q->found, b->name, i + 1);
		r = judge(q, &ctx->backends[i], way);
		if (way->works && !ended)
			q->out->openable = true;
		ended = ended || (!way->works && ends_search(q, b->name));
	}
	return r;
}
