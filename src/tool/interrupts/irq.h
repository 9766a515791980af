/* SPDX-License-Identifier: MIT */
/* What the files of "rawpci irq" share. */
#ifndef RAWPCI_TOOL_IRQ_H
#define RAWPCI_TOOL_IRQ_H

#include <rawpci/irq.h>

#include "../registers/registers.h"

#define IRQ_WRITES 16

struct irq {
	struct tool *tool;
	char address[RAWPCI_ADDRESS_TEXT];
	unsigned flags;
	uint64_t interval_ns;
	uint64_t intervals; /* 0: without limit */
	struct bar_field writes[IRQ_WRITES], answers[IRQ_WRITES];
	unsigned write_count, answer_count;

	struct opened opened;
	enum rawpci_irq_type type;
	unsigned vectors;
	uint64_t *counts; /* for each vector */
	uint64_t *shown;  /* what they were at the last line or table */
	uint64_t start_ns, shown_ns;
	unsigned lines; /* of the table on the terminal */

	int poll, timer, signals;
	int *eventfds; /* for each vector; NULL: a handler counts */
	bool ended;
	int status;
};

/* vectors.c: enables the vectors. Functions that return an exit status return -1 to go on. */
int irq_vectors_enable(struct irq *irq);
void irq_vectors_finish(struct irq *irq);

/* Interrupts were counted: do the writes that answer them. */
void irq_answer(struct irq *irq);

/* wait.c: counts until the end, and returns an exit status. */
int irq_wait(struct irq *irq);

/* show.c. now: the monotonic clock, in ns. */

/* Prints a line, or the table on a terminal. */
void irq_show(struct irq *irq, uint64_t now);

/* Prints the summary. */
void irq_show_summary(struct irq *irq, uint64_t now);

#endif
