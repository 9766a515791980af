/* SPDX-License-Identifier: MIT */
/* The obstacles to one backend. Looks and changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "explain/explain.h"
#include "os/sys.h"

static int check_module(struct rawpci_inquiry *q, const char *driver)
{
	struct rawpci_finding finding;

	if (!rawpci_find_module(q->ctx, driver, &finding))
		return 0;
	if (q->found.refusal != 0)
		finding.error = q->found.refusal;
	else
		q->found.step = RAWPCI_STEP_TAKE;
	return rawpci_backend_finding(&q->found, &finding);
}

/* An obstacle to taking the device from the host, with the step of opening that meets it. */
static int add(void *opaque, const struct rawpci_finding *finding)
{
	struct rawpci_findings *found = opaque;

	found->step = finding->obstacle == RAWPCI_OBSTACLE_HOST_DRIVER ? RAWPCI_STEP_HELD :
		      finding->obstacle == RAWPCI_OBSTACLE_IN_USE ? RAWPCI_STEP_TAKE :
								    RAWPCI_STEP_MOVE;
	return rawpci_backend_finding(found, finding);
}

/* A kernel that is locked down lets no program reach hardware without an IOMMU in between (Linux
 * security/lockdown, LOCKDOWN_PCI_ACCESS). */
static int check_lockdown(struct rawpci_inquiry *q)
{
	struct rawpci_finding finding;
	char path[RAWPCI_SYSFS_PATH], text[64];
	int n = snprintf(path, sizeof(path), "%s/kernel/security/lockdown", q->ctx->sysfs_dir);

	if (n < 0 || (size_t)n >= sizeof(path) ||
	    rawpci_sys_read_file(path, text, sizeof(text)) < 0 || strstr(text, "[none]"))
		return 0;
	rawpci_finding_set(&finding, RAWPCI_OBSTACLE_LOCKDOWN, -EPERM, "the kernel is locked down "
			   "(%s), which forbids access to devices past an IOMMU", text);
	SAY(finding.path, "%.127s", path);
	SAY(finding.remedy, "use VFIO, or boot without lockdown (Secure Boot off, no lockdown= "
	    "on the kernel's command line)");
	return rawpci_backend_finding(&q->found, &finding);
}

int rawpci_explain_refusal(struct rawpci_inquiry *q, int error, const char *reason)
{
	const enum rawpci_obstacle obstacle =
		error == -EACCES || error == -EPERM ? RAWPCI_OBSTACLE_PERMISSION :
		error == -ENODEV && !q->device ? RAWPCI_OBSTACLE_NO_DEVICE : RAWPCI_OBSTACLE_OTHER;
	struct rawpci_finding finding;
	size_t prefix = strlen(q->name);
	char text[128];

	if (strncmp(reason, q->name, prefix) == 0 && strncmp(reason + prefix, ": ", 2) == 0)
		reason += prefix + 2;
	if (reason[0] == '\0')
		reason = rawpci_sys_error_text(error, text, sizeof(text));
	rawpci_finding_set(&finding, obstacle, error, "%s", reason);
	return rawpci_backend_finding(&q->found, &finding);
}

int rawpci_explain_way(struct rawpci_inquiry *q, const struct rawpci_registered *with,
		       bool driven)
{
	int r;

	q->custody.backend = with->backend;
	r = driven ? check_module(q, rawpci_custody_wanted(&q->custody)) : 0;
	q->found.step = RAWPCI_STEP_OPEN;
	if (r == 0 && !with->backend->space_create)
		r = check_lockdown(q);
	if (r == 0 && q->found.refusal != 0 && !q->found.refusal_found)
		r = rawpci_explain_refusal(q, q->found.refusal, rawpci_reason());
	if (r == 0 && driven)
		r = rawpci_custody_check(&q->custody, q->options.flags, NULL, add, &q->found);
	return r;
}
