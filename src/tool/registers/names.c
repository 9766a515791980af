/* SPDX-License-Identifier: MIT */
/* The names of registers and capabilities in config space, with the widths that setpci gives them. */
#include <stdio.h>
#include <strings.h>

#include "registers.h"

/* clang-format off */
static const struct register_name names[] = {
	/* The header of a device, and the beginning of every header. */
	{ "VENDOR_ID", 0x00, 2, HEADER_ALL },
	{ "DEVICE_ID", 0x02, 2, HEADER_ALL },
	{ "COMMAND", 0x04, 2, HEADER_ALL },
	{ "STATUS", 0x06, 2, HEADER_ALL },
	{ "REVISION", 0x08, 1, HEADER_ALL },
	{ "CLASS_PROG", 0x09, 1, HEADER_ALL },
	{ "CLASS_DEVICE", 0x0a, 2, HEADER_ALL },
	{ "CACHE_LINE_SIZE", 0x0c, 1, HEADER_ALL },
	{ "LATENCY_TIMER", 0x0d, 1, HEADER_ALL },
	{ "HEADER_TYPE", 0x0e, 1, HEADER_ALL },
	{ "BIST", 0x0f, 1, HEADER_ALL },
	{ "BASE_ADDRESS_0", 0x10, 4, HEADER_DEVICE | HEADER_BRIDGE },
	{ "BASE_ADDRESS_1", 0x14, 4, HEADER_DEVICE | HEADER_BRIDGE },
	{ "BASE_ADDRESS_2", 0x18, 4, HEADER_DEVICE },
	{ "BASE_ADDRESS_3", 0x1c, 4, HEADER_DEVICE },
	{ "BASE_ADDRESS_4", 0x20, 4, HEADER_DEVICE },
	{ "BASE_ADDRESS_5", 0x24, 4, HEADER_DEVICE },
	{ "CARDBUS_CIS", 0x28, 4, HEADER_DEVICE },
	{ "SUBSYSTEM_VENDOR_ID", 0x2c, 2, HEADER_DEVICE },
	{ "SUBSYSTEM_ID", 0x2e, 2, HEADER_DEVICE },
	{ "ROM_ADDRESS", 0x30, 4, HEADER_DEVICE },
	{ "CAPABILITIES", 0x34, 1, HEADER_DEVICE | HEADER_BRIDGE },
	{ "INTERRUPT_LINE", 0x3c, 1, HEADER_DEVICE | HEADER_BRIDGE },
	{ "INTERRUPT_PIN", 0x3d, 1, HEADER_DEVICE | HEADER_BRIDGE },
	{ "MIN_GNT", 0x3e, 1, HEADER_DEVICE },
	{ "MAX_LAT", 0x3f, 1, HEADER_DEVICE },

	/* The header of a bridge. */
	{ "PRIMARY_BUS", 0x18, 1, HEADER_BRIDGE },
	{ "SECONDARY_BUS", 0x19, 1, HEADER_BRIDGE },
	{ "SUBORDINATE_BUS", 0x1a, 1, HEADER_BRIDGE },
	{ "SEC_LATENCY_TIMER", 0x1b, 1, HEADER_BRIDGE },
	{ "IO_BASE", 0x1c, 1, HEADER_BRIDGE },
	{ "IO_LIMIT", 0x1d, 1, HEADER_BRIDGE },
	{ "SEC_STATUS", 0x1e, 2, HEADER_BRIDGE },
	{ "MEMORY_BASE", 0x20, 2, HEADER_BRIDGE },
	{ "MEMORY_LIMIT", 0x22, 2, HEADER_BRIDGE },
	{ "PREF_MEMORY_BASE", 0x24, 2, HEADER_BRIDGE },
	{ "PREF_MEMORY_LIMIT", 0x26, 2, HEADER_BRIDGE },
	{ "PREF_BASE_UPPER32", 0x28, 4, HEADER_BRIDGE },
	{ "PREF_LIMIT_UPPER32", 0x2c, 4, HEADER_BRIDGE },
	{ "IO_BASE_UPPER16", 0x30, 2, HEADER_BRIDGE },
	{ "IO_LIMIT_UPPER16", 0x32, 2, HEADER_BRIDGE },
	{ "BRIDGE_ROM_ADDRESS", 0x38, 4, HEADER_BRIDGE },
	{ "BRIDGE_CONTROL", 0x3e, 2, HEADER_BRIDGE },

	/* The header of a CardBus bridge. */
	{ "CB_CARDBUS_BASE", 0x10, 4, HEADER_CARDBUS },
	{ "CB_CAPABILITIES", 0x14, 2, HEADER_CARDBUS },
	{ "CB_SEC_STATUS", 0x16, 2, HEADER_CARDBUS },
	{ "CB_BUS_NUMBER", 0x18, 1, HEADER_CARDBUS },
	{ "CB_CARDBUS_NUMBER", 0x19, 1, HEADER_CARDBUS },
	{ "CB_SUBORDINATE_BUS", 0x1a, 1, HEADER_CARDBUS },
	{ "CB_CARDBUS_LATENCY", 0x1b, 1, HEADER_CARDBUS },
	{ "CB_MEMORY_BASE_0", 0x1c, 4, HEADER_CARDBUS },
	{ "CB_MEMORY_LIMIT_0", 0x20, 4, HEADER_CARDBUS },
	{ "CB_MEMORY_BASE_1", 0x24, 4, HEADER_CARDBUS },
	{ "CB_MEMORY_LIMIT_1", 0x28, 4, HEADER_CARDBUS },
	{ "CB_IO_BASE_0", 0x2c, 2, HEADER_CARDBUS },
	{ "CB_IO_BASE_0_HI", 0x2e, 2, HEADER_CARDBUS },
	{ "CB_IO_LIMIT_0", 0x30, 2, HEADER_CARDBUS },
	{ "CB_IO_LIMIT_0_HI", 0x32, 2, HEADER_CARDBUS },
	{ "CB_IO_BASE_1", 0x34, 2, HEADER_CARDBUS },
	{ "CB_IO_BASE_1_HI", 0x36, 2, HEADER_CARDBUS },
	{ "CB_IO_LIMIT_1", 0x38, 2, HEADER_CARDBUS },
	{ "CB_IO_LIMIT_1_HI", 0x3a, 2, HEADER_CARDBUS },
	{ "CB_SUBSYSTEM_VENDOR_ID", 0x40, 2, HEADER_CARDBUS },
	{ "CB_SUBSYSTEM_ID", 0x42, 2, HEADER_CARDBUS },
	{ "CB_LEGACY_MODE_BASE", 0x44, 4, HEADER_CARDBUS },

	/* Capabilities. */
	{ "CAP_PM", 0x01, 0, 0 },
	{ "CAP_AGP", 0x02, 0, 0 },
	{ "CAP_VPD", 0x03, 0, 0 },
	{ "CAP_SLOTID", 0x04, 0, 0 },
	{ "CAP_MSI", 0x05, 0, 0 },
	{ "CAP_CHSWP", 0x06, 0, 0 },
	{ "CAP_PCIX", 0x07, 0, 0 },
	{ "CAP_HT", 0x08, 0, 0 },
	{ "CAP_VNDR", 0x09, 0, 0 },
	{ "CAP_DBG", 0x0a, 0, 0 },
	{ "CAP_CCRC", 0x0b, 0, 0 },
	{ "CAP_HOTPLUG", 0x0c, 0, 0 },
	{ "CAP_SSVID", 0x0d, 0, 0 },
	{ "CAP_AGP3", 0x0e, 0, 0 },
	{ "CAP_SECURE", 0x0f, 0, 0 },
	{ "CAP_EXP", 0x10, 0, 0 },
	{ "CAP_MSIX", 0x11, 0, 0 },
	{ "CAP_SATA", 0x12, 0, 0 },
	{ "CAP_AF", 0x13, 0, 0 },
	{ "CAP_EA", 0x14, 0, 0 },

	/* Extended capabilities. */
	{ "ECAP_AER", 0x0001, 0, 1 },
	{ "ECAP_VC", 0x0002, 0, 1 },
	{ "ECAP_DSN", 0x0003, 0, 1 },
	{ "ECAP_PB", 0x0004, 0, 1 },
	{ "ECAP_RCLINK", 0x0005, 0, 1 },
	{ "ECAP_RCILINK", 0x0006, 0, 1 },
	{ "ECAP_RCEC", 0x0007, 0, 1 },
	{ "ECAP_MFVC", 0x0008, 0, 1 },
	{ "ECAP_VC2", 0x0009, 0, 1 },
	{ "ECAP_RBCB", 0x000a, 0, 1 },
	{ "ECAP_VNDR", 0x000b, 0, 1 },
	{ "ECAP_ACS", 0x000d, 0, 1 },
	{ "ECAP_ARI", 0x000e, 0, 1 },
	{ "ECAP_ATS", 0x000f, 0, 1 },
	{ "ECAP_SRIOV", 0x0010, 0, 1 },
	{ "ECAP_MRIOV", 0x0011, 0, 1 },
	{ "ECAP_MCAST", 0x0012, 0, 1 },
	{ "ECAP_PRI", 0x0013, 0, 1 },
	{ "ECAP_REBAR", 0x0015, 0, 1 },
	{ "ECAP_DPA", 0x0016, 0, 1 },
	{ "ECAP_TPH", 0x0017, 0, 1 },
	{ "ECAP_LTR", 0x0018, 0, 1 },
	{ "ECAP_SECPCI", 0x0019, 0, 1 },
	{ "ECAP_PMUX", 0x001a, 0, 1 },
	{ "ECAP_PASID", 0x001b, 0, 1 },
	{ "ECAP_LNR", 0x001c, 0, 1 },
	{ "ECAP_DPC", 0x001d, 0, 1 },
	{ "ECAP_L1PM", 0x001e, 0, 1 },
	{ "ECAP_PTM", 0x001f, 0, 1 },
	{ "ECAP_M_PCIE", 0x0020, 0, 1 },
	{ "ECAP_FRS", 0x0021, 0, 1 },
	{ "ECAP_RTR", 0x0022, 0, 1 },
	{ "ECAP_DVSEC", 0x0023, 0, 1 },
	{ "ECAP_VF_REBAR", 0x0024, 0, 1 },
	{ "ECAP_DLNK", 0x0025, 0, 1 },
	{ "ECAP_16GT", 0x0026, 0, 1 },
	{ "ECAP_LMR", 0x0027, 0, 1 },
	{ "ECAP_HIER_ID", 0x0028, 0, 1 },
	{ "ECAP_NPEM", 0x0029, 0, 1 },
};
/* clang-format on */

#define NAMES (sizeof(names) / sizeof(names[0]))

const struct register_name *register_name_find(const char *name)
{
	for (size_t i = 0; i < NAMES; i++)
		if (strcasecmp(name, names[i].name) == 0)
			return &names[i];
	return NULL;
}

static void print_place(const struct register_name *name)
{
	static const char letters[] = "?BW?L";

	if (name->width != 0)
		(void)printf("     %02x %c", name->at, letters[name->width]);
	else if (name->headers != 0)
		(void)printf("%04x 00 -", name->at);
	else
		(void)printf("  %02x 00 -", name->at);
}

void register_names_print(void)
{
	(void)puts("cap pos w name");
	for (size_t i = 0; i < NAMES; i++) {
		print_place(&names[i]);
		(void)printf(" %s\n", names[i].name);
	}
}
