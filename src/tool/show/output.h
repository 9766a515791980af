/* SPDX-License-Identifier: MIT */
/*
 * What subcommands print on standard output: tables for a person, JSON for a program.
 *
 * Text of the host (a driver's name, a device's name) can hold any byte. On a terminal a control
 * character is shown as "?". In JSON it is escaped, and a byte that is no UTF-8 becomes U+FFFD.
 */
#ifndef RAWPCI_TOOL_OUTPUT_H
#define RAWPCI_TOOL_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* output.c */

/* The columns of the terminal that to is: $COLUMNS, else what the terminal says, else 80. 0: to is
 * no terminal, and lines are not cut. */
unsigned output_width(FILE *to);

/* Is colour wanted? It is on a terminal, unless NO_COLOR is set or TERM is "dumb". */
bool output_is_coloured(FILE *to);

enum output_colour { OUTPUT_PLAIN, OUTPUT_BOLD, OUTPUT_GREEN, OUTPUT_YELLOW, OUTPUT_RED };

/* Prints text, at most width columns of it (0: all), in a colour if coloured is set. Returns how
 * many columns it took. Control characters are shown as "?". */
unsigned output_text(FILE *to, const char *text, unsigned width, enum output_colour colour,
		     bool coloured);

/* Shows control characters as "?", in place: then the text is one line. Returns text. */
char *output_one_line(char *text);

/* table.c: rows of cells, aligned by the widest cell of a column. */
struct table {
	unsigned columns;
	struct table_cell {
		char *text;
		enum output_colour colour;
	} * cells;
	size_t count, room;
	bool failed; /* no memory: nothing more is added */
};

#define TABLE(number)                                                                              \
	{                                                                                          \
		.columns = (number)                                                                \
	}

/* Adds the next cell, from left to right. */
void table_add(struct table *table, enum output_colour colour, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Prints it, lines cut to the terminal's width, and frees it. False: there was no memory for it;
 * nothing is printed. */
bool table_print(struct table *table, FILE *to);

/* json.c: values one after the other; commas, line breaks and indentation come by themselves. */
struct json {
	FILE *to;
	unsigned depth;
	bool filled; /* the innermost object or array has a member */
};

/* name: the member's name in an object. NULL: in an array, or at the top. */
void json_object(struct json *json, const char *name);
void json_array(struct json *json, const char *name);
void json_end_object(struct json *json);
/* The end of the outermost value ends the line, too. */
void json_end_array(struct json *json);
/* NULL is null. */
void json_string(struct json *json, const char *name, const char *value);
void json_format(struct json *json, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void json_number(struct json *json, const char *name, int64_t value);
/* A program that reads JSON may keep numbers as doubles: above 2^53 use json_format(). */
void json_unsigned(struct json *json, const char *name, uint64_t value);
void json_bool(struct json *json, const char *name, bool value);

#endif
