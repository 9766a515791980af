/* SPDX-License-Identifier: MIT */
/*
 * The registers of capabilities that a device forgets when it wakes from D3hot without No_Soft_Reset,
 * and that only the host writes or what it makes of them must stay: payload size, link, sizes of BARs.
 * The kernel keeps the same over a reset (Linux drivers/pci/pci.c, pci_save_state()), as it finds
 * them then: so they are put back before it.
 */
#include <errno.h>

#include "handover/handover.h"
#include "pci/pci.h"

#define EXPRESS_FLAGS 2
#define EXPRESS_VERSION(flags) ((flags) & 0xf)
#define EXPRESS_TYPE(flags) ((flags) >> 4 & 0xf)
#define ROOT_INTEGRATED 9 /* this and the next type have no link */
#define EXPRESS_LINK_CONTROL 0x10
#define EXPRESS_DEVICE_CONTROL2 0x28
#define EXPRESS_LINK_CONTROL2 0x30
#define PCIX_COMMAND 2

#define EXTENDED 0x100
#define EXTENDED_MOST 240
#define EXTENDED_ACS 0x000d
#define EXTENDED_REBAR 0x0015
#define EXTENDED_LTR 0x0018
#define ACS_CONTROL 6
#define LTR_LATENCIES 4
#define REBAR_CONTROL 8
#define REBAR_COUNT(control) ((control) >> 5 & 7)
#define REBAR_MOST 6

struct look {
	const struct rawpci_config_reader *reader;
	struct rawpci_state *to;
};

static int note(const struct look *look, uint32_t at)
{
	struct rawpci_state *to = look->to;
	uint32_t value;
	int r;

	if (to->word_count == RAWPCI_STATE_WORDS)
		return 0;
	r = look->reader->read(look->reader->opaque, at, 2, &value);
	/* All ones in Device Control would reset the device. */
	if (r < 0 || value == 0xffff)
		return r;
	to->words[to->word_count].at = (uint16_t)at;
	to->words[to->word_count].value = (uint16_t)value;
	to->word_count++;
	return 0;
}

/* PCI Express Base Specification 5.0, 7.5.3: which of them there are. */
static int note_express(const struct look *look, uint32_t at)
{
	uint32_t flags;
	int r = look->reader->read(look->reader->opaque, at + EXPRESS_FLAGS, 2, &flags);
	bool link, second;

	if (r < 0)
		return r;
	link = EXPRESS_TYPE(flags) != ROOT_INTEGRATED && EXPRESS_TYPE(flags) != ROOT_INTEGRATED + 1;
	second = EXPRESS_VERSION(flags) > 1;
	r = note(look, at + RAWPCI_EXPRESS_DEVICE_CONTROL);
	if (r == 0 && link)
		r = note(look, at + EXPRESS_LINK_CONTROL);
	if (r == 0 && second)
		r = note(look, at + EXPRESS_DEVICE_CONTROL2);
	if (r == 0 && second && link)
		r = note(look, at + EXPRESS_LINK_CONTROL2);
	return r;
}

static int each(void *opaque, uint8_t id, uint8_t at)
{
	if (id == RAWPCI_CAP_EXPRESS)
		return note_express(opaque, at);
	return id == RAWPCI_CAP_PCIX ? note(opaque, at + PCIX_COMMAND) : 0;
}

static int note_extended(const struct look *look, uint32_t id, uint32_t at)
{
	uint32_t control = 0;
	int r = 0;

	if (id == EXTENDED_ACS)
		return note(look, at + ACS_CONTROL);
	if (id == EXTENDED_LTR) {
		r = note(look, at + LTR_LATENCIES);
		return r == 0 ? note(look, at + LTR_LATENCIES + 2) : r;
	}
	if (id != EXTENDED_REBAR)
		return 0;
	r = look->reader->read(look->reader->opaque, at + REBAR_CONTROL, 4, &control);
	for (unsigned i = 0; r == 0 && i < REBAR_COUNT(control) && i < REBAR_MOST; i++)
		r = note(look, at + REBAR_CONTROL + 8 * i);
	return r;
}

/* A space of 256 bytes ends before the first of them. */
static void look_at_extended(const struct look *look)
{
	uint32_t entry, at = EXTENDED;

	for (unsigned i = 0; i < EXTENDED_MOST && at >= EXTENDED; i++) {
		if (look->reader->read(look->reader->opaque, at, 4, &entry) < 0 || entry == 0 ||
		    entry == UINT32_MAX || note_extended(look, entry & 0xffff, at) < 0)
			return;
		at = entry >> 20 & 0xffc;
	}
}

/* Without them the rest is worth keeping, too. */
void rawpci_state_look_words(const struct rawpci_config_reader *reader, struct rawpci_state *to)
{
	struct look look = { reader, to };

	to->word_count = 0;
	if (rawpci_caps_each(reader, each, &look) == 0)
		look_at_extended(&look);
}
