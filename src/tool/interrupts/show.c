/* SPDX-License-Identifier: MIT */
/* Shows the counts of vectors: a table that refreshes itself on a terminal, else a line each time. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "irq.h"

#define SECOND_NS 1e9
#define FEWEST_ROWS 5

static const char *const type_names[] = { "INTx", "MSI", "MSI-X" };

static double per_second(uint64_t count, uint64_t ns)
{
	return ns == 0 ? 0 : (double)count * SECOND_NS / (double)ns;
}

static uint64_t total(const uint64_t *counts, unsigned n)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += counts[i];
	return sum;
}

static void print_head(const struct irq *irq, uint64_t ns)
{
	(void)printf("%s, %s, %u vector%s, %.1f s\n", irq->address, type_names[irq->type],
		     irq->vectors, irq->vectors == 1 ? "" : "s", (double)ns / SECOND_NS);
}

static void print_row(const char *name, uint64_t count, double rate)
{
	(void)printf("%8s %14" PRIu64 " %12.1f/s\n", name, count, rate);
}

/* Prints the vectors that have had interrupts, at most so many. since: the counts at the beginning
 * of the time; NULL: zeros. Returns how many rows that are. */
static unsigned print_rows(const struct irq *irq, const uint64_t *since, uint64_t ns, unsigned most)
{
	unsigned rows = 0, more = 0;

	for (unsigned i = 0; i < irq->vectors; i++) {
		char name[16];

		if (irq->counts[i] == 0)
			continue;
		if (rows == most) {
			more++;
			continue;
		}
		(void)snprintf(name, sizeof(name), "%u", i);
		print_row(name, irq->counts[i],
			  per_second(irq->counts[i] - (since ? since[i] : 0), ns));
		rows++;
	}
	if (more > 0)
		(void)printf("%8s and %u more vectors\n", "", more);
	return rows + (more > 0);
}

static unsigned rows_of_terminal(void)
{
	struct winsize size;

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_row < FEWEST_ROWS + 5)
		return FEWEST_ROWS;
	return size.ws_row - 5U; /* head, names, total, "more", and the cursor's own */
}

static void show_table(struct irq *irq, uint64_t now)
{
	uint64_t all = total(irq->counts, irq->vectors);

	if (irq->lines > 0)
		(void)printf("\033[%uA\033[J", irq->lines);
	print_head(irq, now - irq->start_ns);
	(void)printf("%8s %14s %14s\n", "vector", "count", "rate");
	irq->lines = 3 + print_rows(irq, irq->shown, now - irq->shown_ns, rows_of_terminal());
	print_row("total", all,
		  per_second(all - total(irq->shown, irq->vectors), now - irq->shown_ns));
}

/* "12.0 s: 300, 100.0/s (0: 60.0/s, 3: 40.0/s)" */
static void show_line(const struct irq *irq, uint64_t now)
{
	uint64_t ns = now - irq->shown_ns, all = total(irq->counts, irq->vectors);
	const char *before = " (";

	(void)printf("%.1f s: %" PRIu64 ", %.1f/s", (double)(now - irq->start_ns) / SECOND_NS, all,
		     per_second(all - total(irq->shown, irq->vectors), ns));
	for (unsigned i = 0; i < irq->vectors; i++) {
		uint64_t count = irq->counts[i] - irq->shown[i];

		if (count == 0)
			continue;
		(void)printf("%s%u: %.1f/s", before, i, per_second(count, ns));
		before = ", ";
	}
	(void)puts(*before == ' ' ? "" : ")");
}

void irq_show(struct irq *irq, uint64_t now)
{
	if (irq->tool->json)
		return;
	if (isatty(STDOUT_FILENO))
		show_table(irq, now);
	else
		show_line(irq, now);
	memcpy(irq->shown, irq->counts, irq->vectors * sizeof(*irq->shown));
	irq->shown_ns = now;
}

static void show_json(const struct irq *irq, uint64_t ns)
{
	struct json json = { .to = stdout };
	uint64_t all = total(irq->counts, irq->vectors);

	json_object(&json, NULL);
	json_string(&json, "address", irq->address);
	json_string(&json, "type", type_names[irq->type]);
	json_array(&json, "counts");
	for (unsigned i = 0; i < irq->vectors; i++)
		json_unsigned(&json, NULL, irq->counts[i]);
	json_end_array(&json);
	json_unsigned(&json, "total", all);
	json_unsigned(&json, "milliseconds", ns / 1000000);
	json_end_object(&json);
}

void irq_show_summary(struct irq *irq, uint64_t now)
{
	uint64_t ns = now - irq->start_ns, all = total(irq->counts, irq->vectors);

	if (irq->tool->json) {
		show_json(irq, ns);
		return;
	}
	if (isatty(STDOUT_FILENO) && irq->lines > 0)
		(void)printf("\033[%uA\033[J", irq->lines);
	print_head(irq, ns);
	(void)printf("%8s %14s %14s\n", "vector", "count", "mean rate");
	(void)print_rows(irq, NULL, ns, irq->vectors);
	print_row("total", all, per_second(all, ns));
}
