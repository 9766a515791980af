/* SPDX-License-Identifier: MIT */
/* A table of aligned columns. */
#include <stdarg.h>
#include <stdlib.h>

#include "output.h"

#define GAP 2

void table_add(struct table *table, enum output_colour colour, const char *format, ...)
{
	struct table_cell *cell;
	va_list arguments;
	int r;

	if (table->failed)
		return;
	if (table->count == table->room) {
		size_t room = table->room ? table->room * 2 : 256;

		cell = realloc(table->cells, room * sizeof(*cell));
		table->failed = !cell;
		if (!cell)
			return;
		table->cells = cell;
		table->room = room;
	}
	cell = &table->cells[table->count];
	va_start(arguments, format);
	r = vasprintf(&cell->text, format, arguments);
	va_end(arguments);
	table->failed = r < 0;
	cell->colour = colour;
	if (r >= 0)
		table->count++;
}

/* Columns on the screen, not bytes. */
static unsigned width_of(const char *text)
{
	unsigned width = 0;

	for (; *text != '\0'; text++)
		width += ((unsigned char)*text & 0xc0) != 0x80;
	return width;
}

static unsigned widest(const struct table *table, unsigned column)
{
	unsigned width = 0, most = 0;

	for (size_t i = column; i < table->count; i += table->columns) {
		width = width_of(table->cells[i].text);
		most = width > most ? width : most;
	}
	return most;
}

static void pad(FILE *to, unsigned n)
{
	(void)fprintf(to, "%*s", (int)n, "");
}

/* limit: the columns of the terminal, 0: any number. The last cell is not padded. */
static void print_row(const struct table *table, const struct table_cell *row,
		      const unsigned *widths, unsigned limit, bool coloured, FILE *to)
{
	unsigned used = 0, behind = 0, taken;

	for (unsigned i = 0; i < table->columns; i++) {
		if (row[i].text[0] == '\0') {
			behind += widths[i] + GAP;
			continue;
		}
		if (limit > 0 && used + behind >= limit)
			break;
		pad(to, behind);
		used += behind;
		taken = output_text(to, row[i].text, limit > 0 ? limit - used : 0, row[i].colour,
				    coloured);
		used += taken;
		behind = widths[i] > taken ? widths[i] - taken + GAP : GAP;
	}
	(void)fputc('\n', to);
}

bool table_print(struct table *table, FILE *to)
{
	unsigned *widths = calloc(table->columns, sizeof(*widths));
	bool coloured = output_is_coloured(to), printed = widths && !table->failed;
	unsigned limit = output_width(to);

	for (unsigned i = 0; printed && i < table->columns; i++)
		widths[i] = widest(table, i);
	for (size_t i = 0; printed && i + table->columns <= table->count; i += table->columns)
		print_row(table, table->cells + i, widths, limit, coloured, to);
	for (size_t i = 0; i < table->count; i++)
		free(table->cells[i].text);
	free(table->cells);
	free(widths);
	return printed;
}
