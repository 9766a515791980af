/* SPDX-License-Identifier: MIT */
/* Enables a device's vectors, each with a way to count its interrupts. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "irq.h"

/* A line that stays asserted comes again as soon as its handler has ended. */
#define PAUSE_NS 1000000L

void irq_answer(struct irq *irq)
{
	for (unsigned i = 0; i < irq->answer_count && irq->status == TOOL_DONE; i++) {
		int r = bar_field_write(irq->opened.dev, &irq->answers[i]);

		if (r < 0) {
			irq->status = tool_library_failed(irq->tool, r);
			irq->ended = true;
		}
	}
}

static void on_line(void *opaque, int32_t number)
{
	const struct timespec pause = { .tv_nsec = PAUSE_NS };
	struct irq *irq = opaque;

	(void)number;
	irq->counts[0]++;
	irq_answer(irq);
	if (irq->answer_count == 0)
		(void)nanosleep(&pause, NULL);
}

static int attach_line(struct irq *irq)
{
	int r = rawpci_irq_attach(irq->opened.dev, on_line, irq, 0);

	return r < 0 ? tool_library_failed(irq->tool, r) : -1;
}

/* A vector takes a descriptor here, and one in the library. */
static void allow_descriptors(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int make_eventfds(struct irq *irq)
{
	irq->eventfds = calloc(irq->vectors, sizeof(*irq->eventfds));
	if (!irq->eventfds)
		return tool_failed(irq->tool, "no memory");
	memset(irq->eventfds, -1, irq->vectors * sizeof(*irq->eventfds));
	for (unsigned i = 0; i < irq->vectors; i++) {
		struct epoll_event event = { .events = EPOLLIN, .data.u64 = i };

		irq->eventfds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (irq->eventfds[i] < 0 ||
		    epoll_ctl(irq->poll, EPOLL_CTL_ADD, irq->eventfds[i], &event) < 0)
			return tool_failed(irq->tool, "no descriptor for vector %u: %s", i,
					   strerror(errno));
	}
	return -1;
}

/* An eventfd counts what comes while nothing reads it; a handler would be called once for that. If
 * the host is short of vectors, half as many are tried. */
static int route_messages(struct irq *irq)
{
	unsigned all = irq->vectors;
	int r;

	allow_descriptors();
	r = make_eventfds(irq);
	if (r >= 0)
		return r;
	for (;; irq->vectors /= 2) {
		r = rawpci_irq_route(irq->opened.dev, irq->type, 0, irq->vectors, irq->eventfds);
		if (r != -ENOSPC || irq->vectors == 1)
			break;
	}
	if (r < 0)
		return tool_library_failed(irq->tool, r);
	if (irq->vectors < all)
		(void)tool_failed(irq->tool,
				  "the host has not enough vectors: vectors 0 to %u of the "
				  "device's %u are counted",
				  irq->vectors - 1, all);
	return -1;
}

static int find_type(struct irq *irq)
{
	static const enum rawpci_irq_type best[] = { RAWPCI_IRQ_MSIX, RAWPCI_IRQ_MSI,
						     RAWPCI_IRQ_INTX };

	for (size_t i = 0; i < sizeof(best) / sizeof(best[0]); i++) {
		int n = rawpci_irq_count(irq->opened.dev, best[i]);

		if (n < 0)
			return tool_library_failed(irq->tool, n);
		irq->type = best[i];
		irq->vectors = (unsigned)n;
		if (n > 0)
			return -1;
	}
	return tool_failed(irq->tool, "%s has no interrupts here", irq->address);
}

int irq_vectors_enable(struct irq *irq)
{
	int r = find_type(irq);

	if (r >= 0)
		return r;
	irq->counts = calloc(irq->vectors, sizeof(*irq->counts));
	irq->shown = calloc(irq->vectors, sizeof(*irq->shown));
	if (!irq->counts || !irq->shown)
		return tool_failed(irq->tool, "no memory");
	return irq->type == RAWPCI_IRQ_INTX ? attach_line(irq) : route_messages(irq);
}

void irq_vectors_finish(struct irq *irq)
{
	free(irq->counts);
	free(irq->shown);
	free(irq->eventfds); /* the process ends: that closes them */
}
