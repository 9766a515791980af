/* SPDX-License-Identifier: MIT */
/* The obstacles to one backend. Looks and changes nothing. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/log.h"
#include "explain/explain.h"
#include "os/sys.h"

/* For a backend that has not said so itself. */
static int check_module(struct rawpci_inquiry *q, const char *driver)
{
	const struct rawpci_finding *f = q->found.first;
	struct rawpci_finding finding;

	while (f && !(f->obstacle == RAWPCI_OBSTACLE_MODULE &&
		      strcmp(f->backend, q->found.backend) == 0))
		f = f->next;
	if (f || !rawpci_find_module(q->ctx, driver, &finding))
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

	found->step = finding->obstacle == RAWPCI_OBSTACLE_HOST_DRIVER ||
				      finding->obstacle == RAWPCI_OBSTACLE_KEPT
			      ? RAWPCI_STEP_HELD
		      : finding->obstacle == RAWPCI_OBSTACLE_IN_USE ? RAWPCI_STEP_TAKE
								    : RAWPCI_STEP_MOVE;
	return rawpci_backend_finding(found, finding);
}

/* If the device is kept, or a program owns it, moving it by hand would take it from that program. */
static int add_without_recipe(void *opaque, const struct rawpci_finding *finding)
{
	struct rawpci_finding bare = *finding;

	bare.commands[0] = '\0';
	if (bare.obstacle == RAWPCI_OBSTACLE_HOST_DRIVER)
		bare.remedy[0] = '\0';
	return add(opaque, &bare);
}

int rawpci_explain_refusal(struct rawpci_inquiry *q, int error, const char *reason)
{
	const enum rawpci_obstacle obstacle = error == -EACCES || error == -EPERM
						      ? RAWPCI_OBSTACLE_PERMISSION
					      : error == -ENODEV && !q->device
						      ? RAWPCI_OBSTACLE_NO_DEVICE
						      : RAWPCI_OBSTACLE_OTHER;
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

int rawpci_explain_way(struct rawpci_inquiry *q, bool driven)
{
	int r;

	r = driven ? check_module(q, q->custody.purpose.driver) : 0;
	q->found.step = RAWPCI_STEP_OPEN;
	if (r == 0 && q->found.refusal != 0 && !q->found.refusal_found)
		r = rawpci_explain_refusal(q, q->found.refusal, rawpci_reason());
	if (r == 0 && driven)
		r = rawpci_custody_check(&q->custody, q->options.flags, NULL,
					 q->found.owned || q->custody.owed.kept[0] != '\0'
						 ? add_without_recipe
						 : add,
					 &q->found);
	return r;
}
