/* SPDX-License-Identifier: MIT */
/* Text on standard output: width, colour, and what a terminal must not get. */
#include "output.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define MOST_COLUMNS 100000

unsigned output_width(FILE *to)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	unsigned long width;
	char *end;

	if (!isatty(fileno(to)))
		return 0;
	if (columns && columns[0] >= '0' && columns[0] <= '9') {
		width = strtoul(columns, &end, 10);
		if (*end == '\0' && width > 0 && width <= MOST_COLUMNS)
			return (unsigned)width;
	}
	if (ioctl(fileno(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

bool output_is_coloured(FILE *to)
{
	const char *no_colour = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(fileno(to)) && (!no_colour || no_colour[0] == '\0') &&
	       !(term && strcmp(term, "dumb") == 0);
}

/* U+0080 to U+009F are control characters, too. */
static bool is_control(const unsigned char *at)
{
	return at[0] < 0x20 || at[0] == 0x7f || (at[0] == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
}

char *output_one_line(char *text)
{
	for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
		if (!is_control(at))
			continue;
		if (at[0] == 0xc2)
			*at++ = '?';
		*at = '?';
	}
	return text;
}

/* A character is a byte and the continuation bytes of UTF-8 that follow it. */
static size_t character(const unsigned char *at)
{
	size_t length = 1;

	while ((at[length] & 0xc0) == 0x80)
		length++;
	return length;
}

unsigned output_text(FILE *to, const char *text, unsigned width, enum output_colour colour,
		     bool coloured)
{
	static const char *const codes[] = {
		[OUTPUT_PLAIN] = "",    [OUTPUT_BOLD] = "1", [OUTPUT_GREEN] = "32",
		[OUTPUT_YELLOW] = "33", [OUTPUT_RED] = "31",
	};
	const unsigned char *at = (const unsigned char *)text;
	unsigned taken = 0;
	size_t length;

	coloured = coloured && colour != OUTPUT_PLAIN && *at != '\0';
	if (coloured)
		(void)fprintf(to, "\033[%sm", codes[colour]);
	for (; *at != '\0' && (width == 0 || taken < width); at += length, taken++) {
		length = character(at);
		if (is_control(at))
			(void)fputc('?', to);
		else
			(void)fwrite(at, 1, length, to);
	}
	if (coloured)
		(void)fputs("\033[0m", to);
	return taken;
}
