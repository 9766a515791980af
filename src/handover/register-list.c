/* SPDX-License-Identifier: MIT */
/*
 * The registers of capabilities that a record keeps: those of src/pci's table that only the host
 * writes, or whose value must stay. The kernel keeps them over a reset as it finds them then (Linux
 * drivers/pci/pci.c, pci_save_state()). So they are restored before a reset.
 */
#include "handover/handover.h"
#include "pci/registers.h"

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

/* A record has words of 16 bits. The upper one of a BAR's sizes is read-only. */
static int each(void *opaque, const struct rawpci_register *reg)
{
	int r = reg->host ? note(opaque, reg->at) : 0;

	return r == 0 && reg->host && reg->width == 4 && !reg->resizes ? note(opaque, reg->at + 2u)
								       : r;
}

/* If a register cannot be read, those before it are still worth keeping. */
void rawpci_state_look_words(const struct rawpci_config_reader *reader, struct rawpci_state *to)
{
	struct look look = { reader, to };
	uint32_t entry;
	int r = reader->read(reader->opaque, RAWPCI_EXTENDED_BEGIN, 4, &entry);

	to->word_count = 0;
	(void)rawpci_registers_each(reader, r < 0 ? RAWPCI_EXTENDED_BEGIN : RAWPCI_EXTENDED_END,
				    each, &look);
}
