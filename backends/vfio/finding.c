/* SPDX-License-Identifier: MIT */
/* A question about a device, and the findings that answer it. */
#include "vfio/finding.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os/sys.h"
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
	q->loaded = rawpci_sysfs_has_driver(q->sysfs, "vfio-pci") != -ENODEV;
}

struct rawpci_finding rawpci_vfio_finding(enum rawpci_obstacle obstacle, int error)
{
	return (struct rawpci_finding){ .obstacle = obstacle, .blocks = true, .error = error };
}

int rawpci_vfio_found(struct rawpci_vfio_question *q, const struct rawpci_finding *finding)
{
	q->found++;
	return q->take(q->opaque, finding);
}

/* The words of both halves at their longest, and the line break. */
#define WORDS                                                                                      \
	(sizeof(((struct rawpci_finding *)0)->cause) + sizeof(((struct rawpci_finding *)0)->remedy))

static RAWPCI_PRINTF(3, 0) void say(struct rawpci_finding *finding, int reason, const char *format,
				    va_list list)
{
	char words[WORDS], text[128] = "";
	size_t length;

	(void)vsnprintf(words, sizeof(words), format, list);
	length = strcspn(words, "\n");
	if (reason != 0)
		(void)rawpci_sys_error_text(reason, text, sizeof(text));
	(void)snprintf(finding->cause, sizeof(finding->cause), "%.*s%s%s", (int)length, words,
		       text[0] ? ": " : "", text);
	(void)snprintf(finding->remedy, sizeof(finding->remedy), "%.*s",
		       (int)sizeof(finding->remedy) - 1,
		       words[length] == '\n' ? words + length + 1 : "");
}

void rawpci_vfio_say(struct rawpci_finding *finding, const char *format, ...)
{
	va_list list;

	va_start(list, format);
	say(finding, 0, format, list);
	va_end(list);
}

int rawpci_vfio_fail(struct rawpci *ctx, const char *name, const struct rawpci_finding *finding)
{
	return rawpci_backend_fail(ctx, finding->error, "%s: %s%s%s", name, finding->cause,
				   finding->remedy[0] ? ": " : "", finding->remedy);
}

int rawpci_vfio_fail_words(struct rawpci *ctx, const char *name, int error, int reason,
			   const char *format, va_list list)
{
	struct rawpci_finding finding = rawpci_vfio_finding(RAWPCI_OBSTACLE_OTHER, error);

	say(&finding, reason, format, list);
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
	n = snprintf(first->cause + length, sizeof(first->cause) - length,
		     "; %s of that group "
		     "is bound to %s",
		     rawpci_address_format(&finding->blocker, name), finding->driver);
	if (n >= 0 && (size_t)n < sizeof(first->cause) - length)
		return 0;
	first->cause[length] = '\0';
	return 1;
}

int rawpci_vfio_fail_if(struct rawpci *ctx, const struct rawpci_address *address, const char *node,
			int (*look)(struct rawpci_vfio_question *q))
{
	struct rawpci_finding first = { 0 };
	struct rawpci_vfio_question q;
	char name[RAWPCI_ADDRESS_TEXT];

	rawpci_vfio_question_init(&q, ctx, address);
	q.take = keep_first;
	q.opaque = &first;
	q.node = node;
	(void)look(&q);
	if (q.found == 0)
		return 0;
	return rawpci_vfio_fail(ctx, rawpci_address_format(address, name), &first);
}
