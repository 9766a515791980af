/* SPDX-License-Identifier: MIT */
/* A question about a device, and the findings that answer it. */
#include "vfio/finding.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "os/sysfs.h"
#include "pci/pci.h"
#include "vfio/host.h"

void rawpci_vfio_question_init(struct rawpci_vfio_question *q, struct rawpci *ctx,
			       const struct rawpci_address *address)
{
	memset(q, 0, sizeof(*q));
	q->ctx = ctx;
	q->sysfs = rawpci_vfio_sysfs(ctx);
	q->address = address;
	q->grouped = rawpci_sysfs_group(q->sysfs, address, &q->group);
	q->loaded = rawpci_sysfs_has_driver(q->sysfs, "vfio-pci") == 0;
}

struct rawpci_finding rawpci_vfio_finding(enum rawpci_obstacle obstacle, int error)
{
	return (struct rawpci_finding) {.obstacle = obstacle, .blocks = true, .error = error};
}

int rawpci_vfio_found(struct rawpci_vfio_question *q, const struct rawpci_finding *finding)
{
	q->found++;
	return q->take(q->opaque, finding);
}

#define WRITE(array, format)                                               \
	do {                                                               \
		va_list list;                                              \
		va_start(list, format);                                    \
		(void)vsnprintf(array, sizeof(array), format, list);       \
		va_end(list);                                              \
	} while (0)

void rawpci_vfio_cause(struct rawpci_finding *finding, const char *format, ...)
{
	WRITE(finding->cause, format);
}

void rawpci_vfio_remedy(struct rawpci_finding *finding, const char *format, ...)
{
	WRITE(finding->remedy, format);
}

void rawpci_vfio_commands(struct rawpci_finding *finding, const char *format, ...)
{
	WRITE(finding->commands, format);
}

void rawpci_vfio_set_path(struct rawpci_finding *finding, const char *path)
{
	(void)snprintf(finding->path, sizeof(finding->path), "%.*s",
		       (int)sizeof(finding->path) - 1, path);
}

int rawpci_vfio_fail(struct rawpci *ctx, const char *name, const struct rawpci_finding *finding)
{
	return rawpci_backend_fail(ctx, finding->error, "%s: %s%s%s", name, finding->cause,
				   finding->remedy[0] ? ": " : "", finding->remedy);
}

int rawpci_vfio_refuse(struct rawpci *ctx, const char *name, int error, const char *remedy,
		       const char *cause, ...)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OTHER, error);

	WRITE(finding.cause, cause);
	rawpci_vfio_remedy(&finding, "%s", remedy);
	return rawpci_vfio_fail(ctx, name, &finding);
}

/* Keeps the first finding. A group may have several devices in the way: the sentence names all. */
static int keep_first(void *opaque, const struct rawpci_finding *finding)
{
	struct rawpci_finding *first = opaque;
	size_t length = strlen(first->cause);
	char name[RAWPCI_ADDRESS_TEXT];
	int n;

	if (first->obstacle == 0) {
		*first = *finding;
		return first->obstacle != RAWPCI_OBSTACLE_GROUP;
	}
	if (finding->obstacle != RAWPCI_OBSTACLE_GROUP)
		return 1;
	n = snprintf(first->cause + length, sizeof(first->cause) - length, "; %s of the same group is "
		     "bound to %s", rawpci_address_format(&finding->blocker, name), finding->driver);
	if (n >= 0 && (size_t)n < sizeof(first->cause) - length)
		return 0;
	first->cause[length] = '\0';
	return 1;
}

int rawpci_vfio_fail_if(struct rawpci *ctx, const struct rawpci_address *address,
			int (*look)(struct rawpci_vfio_question *q))
{
	struct rawpci_finding first = {0};
	struct rawpci_vfio_question q;
	char name[RAWPCI_ADDRESS_TEXT];

	rawpci_vfio_question_init(&q, ctx, address);
	q.take = keep_first;
	q.opaque = &first;
	(void)look(&q);
	if (q.found == 0)
		return 0;
	return rawpci_vfio_fail(ctx, rawpci_address_format(address, name), &first);
}
