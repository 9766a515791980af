/* SPDX-License-Identifier: MIT */
/* The table of the registers that a device forgets in D3hot, and the walk through those it has. */
#include "pci/registers.h"

/* Keys of capabilities of the first 256 bytes, apart from those of extended ones. */
#define PCIX (0x10000 | RAWPCI_CAP_PCIX)
#define EXPRESS (0x10000 | RAWPCI_CAP_EXPRESS)
#define EXPRESS_LINK (0x20000 | RAWPCI_CAP_EXPRESS) /* its registers of a link */

/* PCI Express Base Specification 7.5.3: the capability's length depends on its version, and two
 * types of device have no link. */
#define EXPRESS_FLAGS 2
#define EXPRESS_VERSION(flags) ((flags)&0xf)
#define EXPRESS_TYPE(flags) ((flags) >> 4 & 0xf)
#define EXPRESS_LENGTH1 0x14
#define EXPRESS_LENGTH2 0x3c
#define ROOT_INTEGRATED 9 /* this type and the next have no link */

#define REBAR_CONTROL 0x08
#define REBAR_COUNT(control) ((control) >> 5 & 0x7)

#define IDS 0x31 /* extended capabilities above are not known here */

struct row {
	uint32_t cap;
	uint8_t at, width;
	bool host;
	uint32_t mask, live;
};

/*
 * In restoring order. Latencies, and how L1 is left, come before what enables their use. Link
 * Control comes after the rest of its kind, and enable bits come last: those of L1SS have a row of
 * their own.
 */
static const struct row before_header[] = {
	{ RAWPCI_EXTENDED_LTR, 0x04, 4, true, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_L1SS, 0x0c, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_L1SS, 0x08, 4, false, 0xfffffff0, 0 },
	{ RAWPCI_EXTENDED_L1SS, 0x08, 4, false, 0x0000000f, 0 },
	{ EXPRESS, RAWPCI_EXPRESS_DEVICE_CONTROL, 2, true, 0x7fff, 0x781f },
	{ EXPRESS, 0x28, 2, true, 0xffff, 0x031f },
	{ EXPRESS_LINK, 0x30, 2, true, 0xffff, 0xffff },
	{ EXPRESS_LINK, 0x10, 2, true, 0xffdf, 0xffdf }, /* without Retrain Link */
	{ RAWPCI_EXTENDED_PASID, 0x06, 2, false, 0xffff, 0 },
	{ RAWPCI_EXTENDED_PRI, 0x0c, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_PRI, 0x04, 2, false, 0x0001, 0 }, /* without Reset */
	{ RAWPCI_EXTENDED_ATS, 0x06, 2, false, 0xffff, 0 },
	/* These two without Load Port Arbitration Table. */
	{ RAWPCI_EXTENDED_VC, 0x14, 4, false, 0xfffeffff, 0 },
	{ RAWPCI_EXTENDED_VC_AND_MFVC, 0x14, 4, false, 0xfffeffff, 0 },
	{ RAWPCI_EXTENDED_PTM, 0x08, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_AER, 0x08, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_AER, 0x0c, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_AER, 0x14, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_AER, 0x18, 4, false, 0x00000540, 0 }, /* without the errors it has seen */
	{ RAWPCI_EXTENDED_ACS, 0x06, 2, true, 0xffff, 0 },
	{ RAWPCI_EXTENDED_ARI, 0x06, 2, false, 0xffff, 0 },
	{ RAWPCI_EXTENDED_TPH, 0x08, 4, false, 0xffffffff, 0 },
	{ PCIX, 0x02, 2, true, 0xffff, 0x007f },
};

/* Behind the sizes of the BARs of virtual functions. No function is enabled, or the device does not
 * sleep. The enable bit is therefore left as it is. */
static const struct row virtual_functions[] = {
	{ RAWPCI_EXTENDED_SRIOV, 0x20, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x24, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x28, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x2c, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x30, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x34, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x38, 4, false, 0xffffffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x10, 2, false, 0xffff, 0 },
	{ RAWPCI_EXTENDED_SRIOV, 0x08, 2, false, 0xfffe, 0 },
};

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

struct walk {
	const struct rawpci_config_reader *reader;
	int (*each)(void *opaque, const struct rawpci_register *reg);
	void *opaque;
	uint8_t express, express_length, pcix;
	bool link;
	uint16_t extended[IDS]; /* 0: there is none */
};

int rawpci_extended_each(const struct rawpci_config_reader *reader,
			 int (*each)(void *opaque, uint16_t id, uint16_t offset), void *opaque)
{
	uint32_t at = RAWPCI_EXTENDED_BEGIN, entry;
	const unsigned most = (RAWPCI_EXTENDED_END - RAWPCI_EXTENDED_BEGIN) / 8;
	int r = 0;

	for (unsigned i = 0; r == 0 && at >= RAWPCI_EXTENDED_BEGIN && i < most; i++) {
		r = reader->read(reader->opaque, at, 4, &entry);
		if (r < 0 || entry == 0 || entry == UINT32_MAX)
			return r;
		r = each(opaque, entry & 0xffff, (uint16_t)at);
		at = entry >> 20 & 0xffc;
	}
	return r;
}

static int note(void *opaque, uint16_t id, uint16_t at)
{
	struct walk *walk = opaque;

	if (id < IDS && walk->extended[id] == 0)
		walk->extended[id] = at;
	return 0;
}

static int locate(struct walk *walk, uint32_t size)
{
	const struct rawpci_config_reader *reader = walk->reader;
	uint32_t flags = 0;
	int r = rawpci_caps_find(reader, RAWPCI_CAP_PCIX, &walk->pcix);

	if (r == 0)
		r = rawpci_caps_find(reader, RAWPCI_CAP_EXPRESS, &walk->express);
	if (r == 0 && walk->express != 0)
		r = reader->read(reader->opaque, walk->express + EXPRESS_FLAGS, 2, &flags);
	walk->express_length = EXPRESS_VERSION(flags) < 2 ? EXPRESS_LENGTH1 : EXPRESS_LENGTH2;
	walk->link = EXPRESS_TYPE(flags) != ROOT_INTEGRATED &&
		     EXPRESS_TYPE(flags) != ROOT_INTEGRATED + 1;
	if (r < 0 || size < RAWPCI_EXTENDED_END)
		return r;
	return rawpci_extended_each(reader, note, walk);
}

/* Where a capability is, and where it ends at the latest. 0: the device has none. */
static uint32_t place_of(const struct walk *walk, uint32_t cap, uint32_t *end)
{
	*end = RAWPCI_EXTENDED_END;
	if (cap < IDS)
		return walk->extended[cap];
	if (cap == PCIX) {
		*end = RAWPCI_EXTENDED_BEGIN;
		return walk->pcix;
	}
	*end = (uint32_t)walk->express + walk->express_length;
	return cap == EXPRESS || walk->link ? walk->express : 0;
}

static int visit_rows(const struct walk *walk, const struct row *rows, size_t count)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		uint32_t end, at = place_of(walk, rows[i].cap, &end);
		const struct rawpci_register reg = {
			.at = (uint16_t)(at + rows[i].at),
			.width = rows[i].width,
			.host = rows[i].host,
			.mask = rows[i].mask,
			.live = rows[i].live,
		};

		if (at != 0 && at + rows[i].at + rows[i].width <= end)
			r = walk->each(walk->opaque, &reg);
	}
	return r;
}

/* A control register for each BAR that has several sizes; the first says how many there are. */
static int visit_sizes(const struct walk *walk, uint32_t cap, bool host)
{
	uint32_t at = walk->extended[cap], control = 0;
	int r = 0;

	if (at == 0 || at + REBAR_CONTROL + 4 > RAWPCI_EXTENDED_END)
		return 0;
	at += REBAR_CONTROL;
	r = walk->reader->read(walk->reader->opaque, at, 4, &control);
	for (uint32_t i = 0; r == 0 && i < REBAR_COUNT(control); i++) {
		const struct rawpci_register reg = {
			.at = (uint16_t)(at + 8 * i),
			.width = 4,
			.host = host,
			.resizes = true,
			.mask = 0xffffffff,
		};

		if (at + 8 * i + 4 <= RAWPCI_EXTENDED_END)
			r = walk->each(walk->opaque, &reg);
	}
	return r;
}

/* From the end, as the kernel does it. */
static int visit_header(const struct walk *walk)
{
	int r = 0;

	for (uint16_t at = 0x40; r == 0 && at > 0;) {
		struct rawpci_register reg = { .width = 4, .mask = 0xffffffff };

		at -= 4;
		reg.at = at;
		if (at == RAWPCI_CFG_COMMAND)
			continue;
		/* Cache line size and latency timer are the user's. BIST would start a test. */
		if (at == (RAWPCI_CFG_HEADER_TYPE & ~3u)) {
			reg.mask = 0x00ffffff;
			reg.live = 0x0000ffff;
		}
		r = walk->each(walk->opaque, &reg);
	}
	return r;
}

int rawpci_registers_each(const struct rawpci_config_reader *reader, uint32_t size,
			  int (*each)(void *opaque, const struct rawpci_register *reg),
			  void *opaque)
{
	struct walk walk = { .reader = reader, .each = each, .opaque = opaque };
	/* If a part of the list cannot be read, what was found before it counts. */
	const int found = locate(&walk, size);
	int r = visit_rows(&walk, before_header, COUNT(before_header));

	if (r == 0)
		r = visit_sizes(&walk, RAWPCI_EXTENDED_REBAR, true);
	if (r == 0)
		r = visit_header(&walk);
	if (r == 0)
		r = visit_sizes(&walk, RAWPCI_EXTENDED_VF_REBAR, false);
	if (r == 0)
		r = visit_rows(&walk, virtual_functions, COUNT(virtual_functions));
	return r != 0 ? r : found;
}
