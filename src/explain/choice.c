/* SPDX-License-Identifier: MIT */
/* Which backends could open a device, and how the choice among them would end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/call.h"
#include "core/context.h"
#include "core/registry.h"
#include "device/choice.h"
#include "explain/explain.h"

/* Does the backend need a driver, or none, on the device? A bridge cannot be opened with any. */
static bool is_driven(const struct rawpci_inquiry *q, const struct rawpci_backend *b)
{
	const struct rawpci_finding *f = rawpci_findings_blocker(q->found.first, b->name);

	for (; f; f = rawpci_findings_blocker(f->next, b->name))
		if (f->obstacle == RAWPCI_OBSTACLE_BRIDGE)
			return false;
	return b->driver || b->unbound;
}

static int look(struct rawpci_inquiry *q, const struct rawpci_registered *with)
{
	const struct rawpci_backend *b = with->backend;
	const struct rawpci_address *address = &q->out->address;
	int r = 0;

	rawpci_call_begin();
	q->found.refusal = b->probe(with->instance, address);
	/* A backend that pretends has devices that are not in sysfs. */
	if (b->pretend && q->found.refusal != 0)
		return rawpci_explain_refusal(q, q->found.refusal, rawpci_reason());
	if (b->pretend || !q->device)
		return 0;
	if (b->explain)
		r = b->explain(with->instance, address, q->options.memory, &q->found);
	return r < 0 ? r : rawpci_explain_way(q, is_driven(q, b));
}

/* Open owns the device first, then looks at the host driver, and then asks the backend. */
static struct rawpci_verdict judge(const struct rawpci_inquiry *q, const struct rawpci_backend *b)
{
	struct rawpci_verdict verdict = {
		.finding = rawpci_findings_met(q->found.first, b->name),
		.error = q->found.refusal,
	};

	if (verdict.finding)
		verdict.error = verdict.finding->error;
	if (q->device && !q->found.owned && rawpci_driver_is_kept(&q->custody, q->options.flags)) {
		verdict.refused = true;
		verdict.error = -EBUSY;
	}
	return verdict;
}

static void conclude(struct rawpci_inquiry *q, struct rawpci_way *way,
		     const struct rawpci_verdict *verdict)
{
	const struct rawpci_finding *why = verdict->finding;

	way->works = !why && verdict->error == 0;
	if (why)
		SAY(way->reason, "%s%s%s", why->cause, why->remedy[0] ? ": " : "", why->remedy);
	else if (!way->works)
		SAY(way->reason, "%s", rawpci_reason());
	if (q->choice.ended || q->out->openable)
		return;
	if (way->works)
		q->out->openable = true;
	else if (rawpci_choice_note(&q->choice, verdict->error, verdict->refused))
		q->decisive = why;
}

/*
 * The finding that opening fails with comes first. A finding that makes it pointless to deal with
 * that one comes before it: there is no such device, it does not answer, or it is a bridge.
 */
static void put_first(struct rawpci_inquiry *q)
{
	const struct rawpci_finding *f;

	if (!q->decisive)
		return;
	for (f = q->found.first; f != q->decisive; f = f->next)
		if (f->blocks && f->obstacle <= RAWPCI_OBSTACLE_BRIDGE &&
		    (f->backend[0] == '\0' || strcmp(f->backend, q->decisive->backend) == 0))
			break;
	rawpci_findings_put_first(&q->found, f);
	q->found.first->error = q->choice.error;
}

int rawpci_explain_ways(struct rawpci_inquiry *q)
{
	struct rawpci *ctx = q->ctx;
	struct rawpci_way *way, **last = (struct rawpci_way **)&q->out->ways;
	const struct rawpci_backend *chosen = atomic_load(&ctx->chosen);
	int r = 0;

	for (unsigned i = 0; i < ctx->backend_count && r == 0; i++) {
		const struct rawpci_backend *b = ctx->backends[i].backend;
		struct rawpci_verdict verdict;

		if (chosen ? b != chosen : b->rank < 0)
			continue;
		q->custody.purpose = rawpci_purpose_of(b);
		way = calloc(1, sizeof(*way));
		if (!way)
			return -ENOMEM;
		*last = way;
		last = &way->next;
		SAY(way->backend, "%s", b->name);
		way->interrupts = b->irq_enable != NULL;
		way->dma = b->space_create != NULL;
		rawpci_findings_begin(&q->found, b->name, i + 1);
		r = look(q, &ctx->backends[i]);
		verdict = judge(q, b);
		conclude(q, way, &verdict);
	}
	if (r == 0 && !q->out->openable)
		put_first(q);
	return r;
}
