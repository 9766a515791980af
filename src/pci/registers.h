/* SPDX-License-Identifier: MIT */
/*
 * The registers that a device forgets when it wakes from D3hot without No_Soft_Reset, and that the
 * host relies on: those that the kernel restores (Linux drivers/pci/pci.c, pci_restore_state()).
 */
#ifndef RAWPCI_PCI_REGISTERS_H
#define RAWPCI_PCI_REGISTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "pci/pci.h"

#define RAWPCI_EXTENDED_BEGIN 0x100
#define RAWPCI_EXTENDED_END 0x1000

/* Extended capabilities (PCI Express Base Specification 6.0, 7.5 to 7.9). */
enum rawpci_extended {
	RAWPCI_EXTENDED_AER = 0x01,
	RAWPCI_EXTENDED_VC = 0x02,
	RAWPCI_EXTENDED_MFVC = 0x08,
	RAWPCI_EXTENDED_VC_AND_MFVC = 0x09,
	RAWPCI_EXTENDED_ACS = 0x0d,
	RAWPCI_EXTENDED_ARI = 0x0e,
	RAWPCI_EXTENDED_ATS = 0x0f,
	RAWPCI_EXTENDED_SRIOV = 0x10,
	RAWPCI_EXTENDED_PRI = 0x13,
	RAWPCI_EXTENDED_REBAR = 0x15,
	RAWPCI_EXTENDED_TPH = 0x17,
	RAWPCI_EXTENDED_LTR = 0x18,
	RAWPCI_EXTENDED_PASID = 0x1b,
	RAWPCI_EXTENDED_L1SS = 0x1e,
	RAWPCI_EXTENDED_PTM = 0x1f,
	RAWPCI_EXTENDED_DVSEC = 0x23,
	RAWPCI_EXTENDED_VF_REBAR = 0x24,
	RAWPCI_EXTENDED_IDE = 0x30,
};

/* Calls each() for the extended capabilities in the order of their list, until it returns other
 * than 0. A list that loops or leaves the space ends. So does one whose dword cannot be read, with
 * what read returned. Returns what each() returned last, 0, or what read returned. */
int rawpci_extended_each(const struct rawpci_config_reader *reader,
			 int (*each)(void *opaque, uint16_t id, uint16_t offset), void *opaque);

/* A register. The other bits of it are left as they are. */
struct rawpci_register {
	uint16_t at;   /* in config space */
	uint8_t width; /* bytes: 2 or 4 */
	bool host;     /* only the host writes it, or its value must stay: payload size, link, BAR
			   sizes, access control. A killed user's device needs it, too */
	bool resizes;  /* it sizes a BAR: it changes only while the device does not decode */
	uint32_t mask; /* the bits to restore */
	uint32_t live; /* of these, the ones that the user or the kernel may change at any time */
};

/* Calls each() for the registers that the device has, in the order in which they are restored,
 * until it returns other than 0. COMMAND is not among them. @size: bytes of config space; 256: the
 * device has no extended capabilities. Of two capabilities of a kind the first one counts. Returns
 * what each() returned last, 0, or what read returned. */
int rawpci_registers_each(const struct rawpci_config_reader *reader, uint32_t size,
			  int (*each)(void *opaque, const struct rawpci_register *reg),
			  void *opaque);

#endif
