/* SPDX-License-Identifier: MIT */
/*
 * Looks up names in the text format of pci.ids (https://pci-ids.ucw.cz): "vvvv  Vendor", a tab and
 * "dddd  Device" below it; "C bb  Class", a tab and "ss  Subclass" below that.
 */
#include <string.h>

#include "pci/pci.h"

/* One line, without its line break. */
struct line {
	const char *text;
	size_t length;
};

static bool next_line(const char **at, const char *end, struct line *line)
{
	const char *stop;

	if (*at >= end)
		return false;
	stop = memchr(*at, '\n', (size_t)(end - *at));
	if (!stop)
		stop = end;
	line->text = *at;
	line->length = (size_t)(stop - *at);
	*at = stop + 1;
	return true;
}

/* Does the line begin with prefix and the number as that many lower-case hexadecimal digits? */
static bool is_entry(const struct line *line, const char *prefix, unsigned digits, uint32_t number)
{
	size_t length = strlen(prefix);

	if (line->length < length + digits + 2 || memcmp(line->text, prefix, length) != 0)
		return false;
	for (unsigned i = 0; i < digits; i++) {
		uint32_t digit = number >> 4 * (digits - 1 - i) & 15;

		if (line->text[length + i] != "0123456789abcdef"[digit])
			return false;
	}
	return line->text[length + digits] == ' ';
}

/* Copies the text behind skip characters and further blanks. */
static void take_name(const struct line *line, size_t skip, char *name, size_t size)
{
	size_t length;

	while (skip < line->length && line->text[skip] == ' ')
		skip++;
	length = line->length - skip;
	if (length >= size)
		length = size - 1;
	memcpy(name, line->text + skip, length);
	name[length] = '\0';
}

void rawpci_ids_find(const char *text, size_t length, uint16_t vendor, uint16_t device,
		     uint32_t class_code, struct rawpci_ids_names *out)
{
	const char *end = text + length;
	bool in_vendor = false, in_class = false;
	struct line line;

	memset(out, 0, sizeof(*out));
	while (next_line(&text, end, &line)) {
		if (line.length == 0 || line.text[0] == '#')
			continue;
		if (line.text[0] != '\t') {
			in_vendor = is_entry(&line, "", 4, vendor);
			in_class = is_entry(&line, "C ", 2, class_code >> 16);
			if (in_vendor)
				take_name(&line, 4, out->vendor, sizeof(out->vendor));
			else if (in_class)
				take_name(&line, 4, out->class_name, sizeof(out->class_name));
		} else if (in_vendor && is_entry(&line, "\t", 4, device)) {
			take_name(&line, 5, out->device, sizeof(out->device));
		} else if (in_class && is_entry(&line, "\t", 2, class_code >> 8 & 0xff)) {
			take_name(&line, 3, out->class_name, sizeof(out->class_name));
		}
	}
}
