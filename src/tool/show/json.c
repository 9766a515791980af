/* SPDX-License-Identifier: MIT */
/* Writes JSON (RFC 8259). */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "output.h"

/* The length of the character of UTF-8 at the start of text (RFC 3629). 0: it is none. */
static unsigned utf8_length(const unsigned char *text)
{
	unsigned length = text[0] < 0x80 ? 1 : text[0] < 0xe0 ? 2 : text[0] < 0xf0 ? 3 : 4;
	unsigned char low = 0x80, high = 0xbf;

	if (length == 1)
		return 1;
	if (text[0] < 0xc2 || text[0] > 0xf4)
		return 0;
	if (text[0] == 0xe0)
		low = 0xa0; /* nothing longer than it has to be */
	if (text[0] == 0xed)
		high = 0x9f; /* no surrogates */
	if (text[0] == 0xf0)
		low = 0x90;
	if (text[0] == 0xf4)
		high = 0x8f; /* nothing above U+10FFFF */
	if (text[1] < low || text[1] > high)
		return 0;
	for (unsigned i = 2; i < length; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return length;
}

static void quote(FILE *to, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	unsigned length;

	(void)fputc('"', to);
	for (; *at != '\0'; at += length ? length : 1) {
		length = utf8_length(at);
		if (length == 0)
			(void)fputs("\\ufffd", to);
		else if (*at == '"' || *at == '\\')
			(void)fprintf(to, "\\%c", *at);
		else if (*at == '\n')
			(void)fputs("\\n", to);
		else if (*at < 0x20 || *at == 0x7f)
			(void)fprintf(to, "\\u%04x", *at);
		else
			(void)fwrite(at, 1, length, to);
	}
	(void)fputc('"', to);
}

static void start_line(struct json *json)
{
	(void)fprintf(json->to, "\n%*s", (int)(2 * json->depth), "");
}

/* What comes before a value. */
static void begin(struct json *json, const char *name)
{
	if (json->filled)
		(void)fputc(',', json->to);
	if (json->depth > 0)
		start_line(json);
	if (name) {
		quote(json->to, name);
		(void)fputs(": ", json->to);
	}
	json->filled = true;
}

static void open_value(struct json *json, const char *name, char bracket)
{
	begin(json, name);
	(void)fputc(bracket, json->to);
	json->depth++;
	json->filled = false;
}

static void close_value(struct json *json, char bracket)
{
	json->depth--;
	if (json->filled)
		start_line(json);
	(void)fputc(bracket, json->to);
	if (json->depth == 0)
		(void)fputc('\n', json->to);
	json->filled = true;
}

void json_object(struct json *json, const char *name)
{
	open_value(json, name, '{');
}

void json_array(struct json *json, const char *name)
{
	open_value(json, name, '[');
}

void json_end_object(struct json *json)
{
	close_value(json, '}');
}

void json_end_array(struct json *json)
{
	close_value(json, ']');
}

void json_string(struct json *json, const char *name, const char *value)
{
	begin(json, name);
	if (value)
		quote(json->to, value);
	else
		(void)fputs("null", json->to);
}

void json_format(struct json *json, const char *name, const char *format, ...)
{
	va_list arguments;
	char text[256];

	va_start(arguments, format);
	(void)vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	json_string(json, name, text);
}

void json_number(struct json *json, const char *name, int64_t value)
{
	begin(json, name);
	(void)fprintf(json->to, "%" PRId64, value);
}

void json_unsigned(struct json *json, const char *name, uint64_t value)
{
	begin(json, name);
	(void)fprintf(json->to, "%" PRIu64, value);
}

void json_bool(struct json *json, const char *name, bool value)
{
	begin(json, name);
	(void)fputs(value ? "true" : "false", json->to);
}
