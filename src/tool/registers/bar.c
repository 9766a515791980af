/* SPDX-License-Identifier: MIT */
/* Registers of BARs: their arguments, whether they fit the device, and accesses. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <rawpci/enumerate.h>
#include <rawpci/region.h>

#include "registers.h"

/* Offsets in files are signed, and so are the kernel's into a BAR. */
static const struct field_kind bar_kind = { .widths = "BWLQ", .width = 'L', .last = INT64_MAX };

int bar_parse(const struct tool *tool, const char *text, unsigned *bar)
{
	if (strcasecmp(text, "rom") == 0) {
		*bar = RAWPCI_REGION_ROM;
		return -1;
	}
	if (text[0] < '0' || text[0] > '5' || text[1] != '\0')
		return tool_wrong(tool, "\"%s\" is no BAR: write 0 to 5, or rom", text);
	*bar = (unsigned)(text[0] - '0');
	return -1;
}

int bar_field_parse(const struct tool *tool, const char *text, struct bar_field *out)
{
	return field_parse(tool, text, &bar_kind, &out->field);
}

int bar_write_parse(const struct tool *tool, const char *option, const char *text,
		    struct bar_field *out)
{
	const char *colon = strchr(text, ':');
	char bar[4] = "";
	int r;

	if (!colon || colon - text >= (ptrdiff_t)sizeof(bar) || !strchr(colon, '='))
		return tool_wrong(tool, "%s %s: write %s BAR:OFFSET[.WIDTH]=VALUE", option, text,
				  option);
	memcpy(bar, text, (size_t)(colon - text));
	r = bar_parse(tool, bar, &out->bar);
	return r >= 0 ? r : bar_field_parse(tool, colon + 1, out);
}

static const char *bar_name(unsigned bar)
{
	static const char *const names[] = { "BAR 0", "BAR 1", "BAR 2",  "BAR 3",
					     "BAR 4", "BAR 5", "the ROM" };

	return names[bar];
}

/* size 0: the BAR is absent. */
static int check(const struct tool *tool, const struct bar_field *at, uint64_t size, bool io)
{
	const struct field *field = &at->field;
	uint64_t span = (uint64_t)field->width * (field->count > 1 ? field->count : 1);

	if (size == 0)
		return tool_wrong(tool, "the device does not have %s", bar_name(at->bar));
	if (span > size || field->offset > size - span)
		return tool_wrong(tool,
				  "\"%s\" is beyond the end of %s, which has %" PRIx64
				  " bytes (hexadecimal)",
				  field->text, bar_name(at->bar), size);
	if (io && field->width == 8)
		return tool_wrong(tool,
				  "\"%s\": %s is of I/O ports, which have no .Q: write .B, .W or "
				  ".L",
				  field->text, bar_name(at->bar));
	return io ? -1 : field_aligned(tool, field);
}

int bar_check_host(const struct tool *tool, struct rawpci *ctx, const char *address,
		   const struct bar_field *fields, unsigned n)
{
	struct rawpci_host_device host;
	int r = -1;

	if ((tool->backend && strcmp(tool->backend, "fake") == 0) ||
	    rawpci_host_device(ctx, address, sizeof(host), &host) < 0 || host.gone)
		return -1; /* opening says why */
	for (unsigned i = 0; i < n && r < 0; i++) {
		const struct rawpci_host_region *region = &host.regions[fields[i].bar];

		r = check(tool, &fields[i], region->size, region->flags & RAWPCI_REGION_IO);
	}
	return r;
}

int bar_check(const struct tool *tool, struct rawpci_device *dev, const struct bar_field *fields,
	      unsigned n)
{
	int r = -1;

	for (unsigned i = 0; i < n && r < 0; i++) {
		struct rawpci_region_info info;
		int error = rawpci_region_info(dev, fields[i].bar, sizeof(info), &info);

		r = error < 0 ? tool_library_failed(tool, error)
			      : check(tool, &fields[i], info.present ? info.size : 0,
				      info.flags & RAWPCI_REGION_IO);
	}
	return r;
}

static int move_port(struct rawpci_device *dev, unsigned bar, uint64_t offset, unsigned width,
		     uint64_t *value, bool write)
{
	return write ? rawpci_region_write(dev, bar, offset, width, *value)
		     : rawpci_region_read(dev, bar, offset, width, value);
}

/* Through a mapping of the register's page: the device then sees one access of that width. */
static int move(struct rawpci_device *dev, unsigned bar, uint64_t offset, unsigned width,
		uint64_t *value, bool write)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), start = offset - offset % page;
	struct rawpci_region_info info;
	struct rawpci_mapping map;
	char *address;
	int r = rawpci_region_info(dev, bar, sizeof(info), &info);

	if (r == 0 && (info.flags & RAWPCI_REGION_IO))
		return move_port(dev, bar, offset, width, value, write);
	if (r == 0)
		r = rawpci_region_map(dev, bar, start,
				      info.size - start < page ? info.size - start : page, &map);
	if (r < 0)
		return r;
	address = (char *)map.base + (offset - start);
	r = write ? rawpci_mmio_write(dev, address, width, *value)
		  : rawpci_mmio_read(dev, address, width, value);
	if (r < 0)
		return r; /* the close unmaps it, and the error's text stays */
	return rawpci_region_unmap(dev, map.base);
}

int bar_read(struct rawpci_device *dev, unsigned bar, uint64_t offset, unsigned width,
	     uint64_t *value)
{
	return move(dev, bar, offset, width, value, false);
}

int bar_write(struct rawpci_device *dev, unsigned bar, uint64_t offset, unsigned width,
	      uint64_t value)
{
	return move(dev, bar, offset, width, &value, true);
}

int bar_field_write(struct rawpci_device *dev, const struct bar_field *at)
{
	const struct field *field = &at->field;
	const char *values = field->values;
	uint64_t offset = field->offset, value, mask, old = 0;
	int r = 0;

	while (r == 0 && field_next(&values, field->width, &value, &mask)) {
		if (field_masked(field->width, mask)) {
			r = bar_read(dev, at->bar, offset, field->width, &old);
			value = (old & ~mask) | (value & mask);
		}
		if (r == 0)
			r = bar_write(dev, at->bar, offset, field->width, value);
		offset += field->width;
	}
	return r;
}
