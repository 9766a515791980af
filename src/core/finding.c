/* SPDX-License-Identifier: MIT */
/* The list of findings, in the order to deal with them. */
#include "core/finding.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/log.h"

struct node {
	struct rawpci_finding is; /* first, because the program points to this */
	unsigned key;
	enum rawpci_explain_step step;
};

static unsigned key_of(const struct rawpci_finding *finding, unsigned way)
{
	return (finding->blocks ? 0u : 1u) << 16 | way << 8 | (unsigned)finding->obstacle;
}

void rawpci_finding_set(struct rawpci_finding *finding, enum rawpci_obstacle obstacle, int error,
			const char *cause, ...)
{
	va_list arguments;

	memset(finding, 0, sizeof(*finding));
	finding->obstacle = obstacle;
	finding->blocks = error != 0;
	finding->error = error;
	va_start(arguments, cause);
	(void)vsnprintf(finding->cause, sizeof(finding->cause), cause, arguments);
	va_end(arguments);
}

int rawpci_fail_finding(struct rawpci *ctx, const char *name, const struct rawpci_finding *finding)
{
	return rawpci_fail(ctx, finding->error, "%s: %s%s%s", name, finding->cause,
			   finding->remedy[0] ? ": " : "", finding->remedy);
}

void rawpci_findings_begin(struct rawpci_findings *to, const char *backend, unsigned way)
{
	to->backend = backend;
	to->way = way;
	to->step = RAWPCI_STEP_OPEN;
	to->refusal = 0;
	to->refusal_found = false;
}

/* A backend reports the reason why its probe() fails, and further ones that only open() would
 * meet. */
static enum rawpci_explain_step step_of(const struct rawpci_findings *to,
					const struct rawpci_finding *finding)
{
	if (finding->obstacle == RAWPCI_OBSTACLE_LOCKED_MEMORY)
		return RAWPCI_STEP_USE;
	if (to->step == RAWPCI_STEP_OPEN && finding->blocks && to->refusal != 0 &&
	    finding->error == to->refusal)
		return RAWPCI_STEP_PROBE;
	return to->step;
}

int rawpci_backend_finding(struct rawpci_findings *to, const struct rawpci_finding *finding)
{
	struct rawpci_finding **link = &to->first;
	struct node *node;

	/* A backend reports the same owner in other words. */
	if (finding->obstacle == RAWPCI_OBSTACLE_OWNED && to->owned)
		return 0;
	node = malloc(sizeof(*node));
	if (!node)
		return -ENOMEM;
	node->is = *finding;
	node->key = key_of(finding, to->way);
	node->step = step_of(to, finding);
	SAY(node->is.backend, "%s", to->backend);
	while (*link && ((struct node *)*link)->key <= node->key)
		link = &(*link)->next;
	node->is.next = *link;
	*link = &node->is;
	if (node->step == RAWPCI_STEP_PROBE)
		to->refusal_found = true;
	return 0;
}

void rawpci_findings_put_first(struct rawpci_findings *to, const struct rawpci_finding *finding)
{
	struct rawpci_finding **link = &to->first;
	struct rawpci_finding *found;

	while (*link != finding)
		link = &(*link)->next;
	found = *link;
	*link = found->next;
	found->next = to->first;
	to->first = found;
}

void rawpci_findings_free(struct rawpci_finding *first)
{
	while (first) {
		struct rawpci_finding *next = first->next;

		free(first);
		first = next;
	}
}

const struct rawpci_finding *rawpci_findings_blocker(const struct rawpci_finding *first,
						     const char *backend)
{
	for (; first; first = first->next)
		if (first->blocks &&
		    (first->backend[0] == '\0' || strcmp(first->backend, backend) == 0))
			return first;
	return NULL;
}

const struct rawpci_finding *rawpci_findings_met(const struct rawpci_finding *first,
						 const char *backend)
{
	const struct rawpci_finding *met = rawpci_findings_blocker(first, backend);
	const struct rawpci_finding *f = met;

	while (f) {
		if (((const struct node *)f)->step < ((const struct node *)met)->step)
			met = f;
		f = rawpci_findings_blocker(f->next, backend);
	}
	return met;
}

const char *rawpci_obstacle_name(enum rawpci_obstacle obstacle)
{
	static const char *const names[] = {
		[RAWPCI_OBSTACLE_NO_DEVICE] = "no-device",
		[RAWPCI_OBSTACLE_GONE] = "gone",
		[RAWPCI_OBSTACLE_BRIDGE] = "bridge",
		[RAWPCI_OBSTACLE_VFS] = "vfs",
		[RAWPCI_OBSTACLE_NO_IOMMU] = "no-iommu",
		[RAWPCI_OBSTACLE_NO_GROUP] = "no-group",
		[RAWPCI_OBSTACLE_MODULE] = "module",
		[RAWPCI_OBSTACLE_GROUP] = "group",
		[RAWPCI_OBSTACLE_HOST_DRIVER] = "host-driver",
		[RAWPCI_OBSTACLE_PERMISSION] = "permission",
		[RAWPCI_OBSTACLE_LOCKDOWN] = "lockdown",
		[RAWPCI_OBSTACLE_LOCKED_MEMORY] = "locked-memory",
		[RAWPCI_OBSTACLE_OTHER] = "other",
		[RAWPCI_OBSTACLE_IO_URING] = "io-uring",
		[RAWPCI_OBSTACLE_BOOT_VGA] = "boot-vga",
		[RAWPCI_OBSTACLE_IN_USE] = "in-use",
		[RAWPCI_OBSTACLE_OWNED] = "owned",
		[RAWPCI_OBSTACLE_LEFT] = "left",
		[RAWPCI_OBSTACLE_KEPT] = "kept",
	};
	size_t i = (size_t)obstacle;

	return i < sizeof(names) / sizeof(names[0]) && names[i] ? names[i] : "unknown";
}

void rawpci_find_gone(struct rawpci_finding *finding)
{
	rawpci_finding_set(finding, RAWPCI_OBSTACLE_GONE, -ENODEV,
			   "it does not answer: it has no power, or its link is down");
	SAY(finding->remedy, "remove it (echo 1 > remove in its directory) and rescan the bus, or "
			     "power the machine off and on");
}
