/* SPDX-License-Identifier: MIT */
/* Registers of capabilities for the record, from a config space of which a part cannot be read. */
#include <errno.h>
#include <string.h>

#include "handover/handover.h"
#include "harness.h"
#include "pci/pci.h"

static uint8_t bytes[4096];
static uint32_t bad; /* cannot be read */

static int read_config(void *opaque, uint32_t offset, unsigned width, uint32_t *value)
{
	(void)opaque;
	if (offset == bad)
		return -EIO;
	*value = 0;
	for (unsigned i = 0; i < width; i++)
		*value |= (uint32_t)bytes[offset + i] << (8 * i);
	return 0;
}

/* A PCI Express endpoint of version 2, and behind it ACS and a capability that cannot be read. */
START_TEST(keeps_what_it_has_read)
{
	const struct rawpci_config_reader reader = { read_config, NULL };
	struct rawpci_state state = { .known = true };

	bytes[RAWPCI_CFG_STATUS] = RAWPCI_STATUS_CAPABILITIES;
	bytes[RAWPCI_CFG_CAPABILITIES] = 0x40;
	bytes[0x40] = RAWPCI_CAP_EXPRESS;
	bytes[0x42] = 0x02;
	bytes[0x48] = 0x20; /* payload of 256 bytes */
	bytes[0x100] = 0x0d;
	bytes[0x102] = 0x01;
	bytes[0x103] = 0x14; /* the next is at 0x140 */
	bad = 0x140;
	rawpci_state_look_words(&reader, &state);
	ck_assert_uint_ge(state.word_count, 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("list");
	TCase *tests = tcase_create("list");

	tcase_add_test(tests, keeps_what_it_has_read);
	suite_add_tcase(suite, tests);
	return harness_run(suite);
}
