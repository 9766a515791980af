/* SPDX-License-Identifier: MIT */
/* Arguments that name a register: PLACE[+OFFSET][.WIDTH][@N][=VALUE[:MASK],...], all in hexadecimal. */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "registers.h"

#define VALUE_TEXT 48

static const char width_letters[] = "BWLQ"; /* 1, 2, 4 and 8 bytes */

static char width_letter(unsigned width)
{
	return width == 1 ? 'B' : width == 2 ? 'W' : width == 4 ? 'L' : 'Q';
}

static uint64_t width_most(unsigned width)
{
	return UINT64_MAX >> (64 - 8 * width);
}

/* Says what is wrong with the place of the register. */
static int place_wrong(const struct tool *tool, const char *text, const struct field_kind *kind)
{
	if (kind->config)
		return tool_wrong(tool,
				  "\"%s\" is no register: write an offset in hexadecimal, a name, "
				  "or CAP_x+OFFSET, with .B, .W or .L (rawpci config --registers "
				  "lists the names)",
				  text);
	return tool_wrong(tool,
			  "\"%s\" is no register: write OFFSET[.WIDTH][=VALUE], numbers in "
			  "hexadecimal, WIDTH one of B, W, L and Q",
			  text);
}

/* Splits the text at the last such character. Returns what follows it, or NULL. */
static char *split(char *text, char at)
{
	char *found = strrchr(text, at);

	if (!found)
		return NULL;
	*found = '\0';
	return found + 1;
}

static bool parse_capability(const char *text, struct field *out)
{
	bool extended = strncasecmp(text, "ECAP", 4) == 0;
	uint64_t id;

	if ((!extended && strncasecmp(text, "CAP", 3) != 0) ||
	    !tool_number(text + (extended ? 4 : 3), true, extended ? 0xffff : 0xff, &id))
		return false;
	out->base = extended ? FIELD_EXTENDED : FIELD_CAPABILITY;
	out->id = (uint16_t)id;
	return true;
}

static bool parse_name(const char *text, struct field *out)
{
	const struct register_name *name = register_name_find(text);

	if (!name)
		return parse_capability(text, out);
	out->width = name->width;
	if (name->width != 0) {
		out->offset = name->at;
		out->headers = name->headers;
	} else {
		out->base = name->headers != 0 ? FIELD_EXTENDED : FIELD_CAPABILITY;
		out->id = name->at;
	}
	return true;
}

/* The place is PLACE[+OFFSET]; the text is taken apart. */
static bool parse_place(char *text, const struct field_kind *kind, struct field *out)
{
	char *plus = kind->config ? split(text, '+') : NULL;
	uint64_t more = 0;

	if (plus && !tool_number(plus, true, kind->last, &more))
		return false;
	if (!tool_number(text, true, UINT64_MAX, &out->offset)) {
		out->offset = 0;
		if (!kind->config || !parse_name(text, out))
			return false;
	}
	/* kind->last is below 2^63: the sum cannot wrap once the offset is checked. */
	out->offset = out->offset > kind->last ? out->offset : out->offset + more;
	return true;
}

/* text: what follows the dot, NULL: there is none. */
static bool parse_width(const char *text, const struct field_kind *kind, struct field *out)
{
	const char *letter;

	if (!text && (out->width != 0 || kind->width == '\0'))
		return true;
	letter = strchr(kind->widths, toupper((unsigned char)(text ? text[0] : kind->width)));
	if (!letter || *letter == '\0' || (text && text[1] != '\0'))
		return false;
	out->width = 1U << (strchr(width_letters, *letter) - width_letters);
	return true;
}

bool field_next(const char **text, unsigned width, uint64_t *value, uint64_t *mask)
{
	size_t length = strcspn(*text, ",");
	char one[VALUE_TEXT], *colon;

	if (length == 0 || length >= sizeof(one))
		return false;
	memcpy(one, *text, length);
	one[length] = '\0';
	colon = split(one, ':');
	*mask = width_most(width);
	if (!tool_number(one, true, width_most(width), value) ||
	    (colon && !tool_number(colon, true, width_most(width), mask)))
		return false;
	/* A comma at the end is left there: an empty value is none. */
	*text += length + ((*text)[length] == ',' && (*text)[length + 1] != '\0');
	return true;
}

bool field_masked(unsigned width, uint64_t mask)
{
	return mask != width_most(width);
}

static int check_values(const struct tool *tool, const char *values, struct field *out)
{
	uint64_t value, mask;

	out->values = values;
	do {
		if (!field_next(&values, out->width, &value, &mask))
			return tool_wrong(tool,
					  "%s=%s: write VALUE or VALUE:MASK in hexadecimal, at "
					  "most %" PRIx64 " for .%c, and a comma between two",
					  out->text, out->values, width_most(out->width),
					  width_letter(out->width));
		out->count++;
	} while (*values != '\0');
	return -1;
}

int field_aligned(const struct tool *tool, const struct field *field)
{
	if (field->offset % field->width == 0)
		return -1;
	return tool_wrong(tool, "\"%s\": the offset %" PRIx64 " of a .%c must be a multiple of %u",
			  field->text, field->offset, width_letter(field->width), field->width);
}

/* Checks what follows from the parts together. */
static int check_field(const struct tool *tool, const char *values, const struct field_kind *kind,
		       struct field *out)
{
	uint64_t span;
	int r;

	if (out->width == 0)
		return tool_wrong(tool, "\"%s\" needs a width: write %s.B, %s.W or %s.L", out->text,
				  out->text, out->text, out->text);
	r = values ? check_values(tool, values, out) : -1;
	span = (uint64_t)out->width * (out->count > 1 ? out->count : 1);
	if (r < 0 && (out->offset > kind->last || span - 1 > kind->last - out->offset))
		r = tool_wrong(tool, "\"%s\" ends beyond %" PRIx64 ", the last offset there can be",
			       out->text, kind->last);
	return r;
}

int field_parse(const struct tool *tool, const char *text, const struct field_kind *kind,
		struct field *out)
{
	const char *equals = strchr(text, '=');
	size_t length = equals ? (size_t)(equals - text) : strlen(text);
	char place[FIELD_TEXT], *number, *width;
	uint64_t index = 0;

	*out = (struct field){ .base = FIELD_AT, .headers = HEADER_ALL };
	if (length == 0 || length >= sizeof(place))
		return place_wrong(tool, text, kind);
	memcpy(place, text, length);
	place[length] = '\0';
	memcpy(out->text, place, length + 1);
	number = kind->config ? split(place, '@') : NULL;
	width = split(place, '.');
	if (!parse_place(place, kind, out))
		return place_wrong(tool, text, kind);
	if (!parse_width(width, kind, out))
		return tool_wrong(tool, "\"%s\": .%s is no width here: write %s", text,
				  width ? width : "",
				  kind->config ? ".B, .W or .L" : ".B, .W, .L or .Q");
	if (number && (out->base == FIELD_AT || !tool_number(number, true, 0xfff, &index)))
		return tool_wrong(tool,
				  "\"%s\": write @N behind a capability, N from 0 in hexadecimal: "
				  "CAP_VNDR+2.B@1",
				  text);
	out->index = (unsigned)index;
	return check_field(tool, equals ? equals + 1 : NULL, kind, out);
}

void field_print(unsigned width, uint64_t value)
{
	(void)printf("%0*" PRIx64 "\n", (int)(2 * width), value);
}

void field_print_json(struct json *json, const struct field *field, uint64_t offset, uint64_t value)
{
	json_object(json, NULL);
	json_string(json, "register", field->text);
	json_format(json, "offset", "0x%" PRIx64, offset);
	json_unsigned(json, "width", field->width);
	json_format(json, "value", "0x%0*" PRIx64, (int)(2 * field->width), value);
	json_end_object(json);
}
