/* SPDX-License-Identifier: MIT */
/* Finds a capability in a device's lists (PCI Local Bus 3.0, 6.7; PCI Express 5.0, 7.6.3). */
#include <inttypes.h>

#include "view.h"

#define STATUS 0x06
#define STATUS_LIST 0x10
#define HEADER_TYPE 0x0e
#define HEADER_MASK 0x7f
#define CARDBUS 2
#define LIST 0x34
#define CARDBUS_LIST 0x14
#define HEADER_END 0x40
#define EXTENDED 0x100

/* Places that a list has been to. A list that comes back to one is a ring, and ends there. */
struct visited {
	uint64_t places[VIEW_MOST / 4 / 64];
};

static bool is_new(struct visited *visited, uint32_t at)
{
	uint64_t *word = &visited->places[at / 4 / 64], bit = UINT64_C(1) << (at / 4 % 64);
	bool was = *word & bit;

	*word |= bit;
	return !was;
}

/* *at is 0 if the device has no such capability. */
static int find_in_list(const struct tool *tool, const struct view *view, const struct field *field,
			uint32_t *at)
{
	struct visited visited = { 0 };
	uint32_t status, type, entry;
	unsigned index = field->index;
	int r = view_read(tool, view, STATUS, 2, &status);

	if (r < 0)
		r = view_read(tool, view, HEADER_TYPE, 1, &type);
	*at = 0;
	if (r >= 0 || !(status & STATUS_LIST))
		return r;
	r = view_read(tool, view, (type & HEADER_MASK) == CARDBUS ? CARDBUS_LIST : LIST, 1, at);
	while (r < 0 && *at >= HEADER_END && is_new(&visited, *at)) {
		*at &= ~3U;
		r = view_read(tool, view, *at, 2, &entry);
		if (r >= 0 || (entry & 0xff) == 0xff)
			break;
		if ((entry & 0xff) == field->id && index-- == 0)
			return -1;
		*at = entry >> 8;
	}
	*at = 0;
	return r;
}

static int find_extended(const struct tool *tool, const struct view *view,
			 const struct field *field, uint32_t *at)
{
	struct visited visited = { 0 };
	uint32_t entry;
	unsigned index = field->index;
	int r = -1;

	*at = view->size > EXTENDED ? EXTENDED : 0;
	while (r < 0 && *at >= EXTENDED && is_new(&visited, *at)) {
		r = view_read(tool, view, *at, 4, &entry);
		if (r >= 0 || entry == 0 || entry == UINT32_MAX)
			break;
		if ((entry & 0xffff) == field->id && index-- == 0)
			return -1;
		*at = entry >> 20 & ~3U;
	}
	*at = 0;
	return r;
}

/* Does the device's header have the named register? */
static int check_header(const struct tool *tool, const struct view *view, const struct field *field)
{
	static const char *const names[] = { "of a device", "of a bridge", "of a CardBus bridge" };
	uint32_t type;
	int r;

	if (field->headers == HEADER_ALL)
		return -1;
	r = view_read(tool, view, HEADER_TYPE, 1, &type);
	if (r >= 0)
		return r;
	type &= HEADER_MASK;
	if (type <= CARDBUS && field->headers & 1U << type)
		return -1;
	return tool_failed(tool, "%s does not have \"%s\": its header is %s", view->address,
			   field->text, type <= CARDBUS ? names[type] : "of an unknown kind");
}

int view_find(const struct tool *tool, const struct view *view, const struct field *field,
	      uint32_t *at)
{
	uint64_t span = (uint64_t)field->width * (field->count > 1 ? field->count : 1), where;
	uint32_t base = 0;
	int r = check_header(tool, view, field);

	if (r < 0 && field->base == FIELD_CAPABILITY)
		r = find_in_list(tool, view, field, &base);
	else if (r < 0 && field->base == FIELD_EXTENDED)
		r = find_extended(tool, view, field, &base);
	if (r >= 0)
		return r;
	if (field->base != FIELD_AT && base == 0)
		return tool_failed(tool, "%s does not have the capability of \"%s\"", view->address,
				   field->text);
	where = base + field->offset;
	if (where + span > view->size)
		return tool_failed(tool,
				   "\"%s\" is beyond the config space of %s, which has %" PRIx32
				   " bytes (hexadecimal)",
				   field->text, view->address, view->size);
	*at = (uint32_t)where;
	return -1;
}
