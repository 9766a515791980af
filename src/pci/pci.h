/* SPDX-License-Identifier: MIT */
/*
 * PCI's own data: addresses, and registers and capabilities of config space. The room has pure
 * functions on bytes, which allocate nothing. It owns no state, needs no lock, and uses no other
 * room. Among its files, abilities.c calls resets.c, and resets.c calls caps.c and config.c.
 *
 * Register names and layout: PCI Local Bus Specification 3.0, chapter 6; PCI Express Base
 * Specification, chapter 7; PCI Bus Power Management Interface Specification 1.2, section 3.2.
 */
#ifndef RAWPCI_PCI_PCI_H
#define RAWPCI_PCI_PCI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>

#define RAWPCI_CFG_VENDOR 0x00
#define RAWPCI_CFG_DEVICE 0x02
#define RAWPCI_CFG_COMMAND 0x04
#define RAWPCI_CFG_STATUS 0x06
#define RAWPCI_CFG_CLASS_REVISION 0x08
#define RAWPCI_CFG_HEADER_TYPE 0x0e
#define RAWPCI_CFG_BAR0 0x10
#define RAWPCI_CFG_ROM 0x30
#define RAWPCI_CFG_CAPABILITIES 0x34
#define RAWPCI_CFG_INTERRUPT_LINE 0x3c
#define RAWPCI_CFG_INTERRUPT_PIN 0x3d

#define RAWPCI_COMMAND_IO 0x0001
#define RAWPCI_COMMAND_MEMORY 0x0002
#define RAWPCI_COMMAND_MASTER 0x0004
#define RAWPCI_COMMAND_INTX_DISABLE 0x0400

#define RAWPCI_HEADER_TYPE_MASK 0x7f /* without the bit that marks several functions */

#define RAWPCI_STATUS_INTERRUPT 0x0008
#define RAWPCI_STATUS_CAPABILITIES 0x0010

#define RAWPCI_CAP_PM 0x01
#define RAWPCI_CAP_VPD 0x03
#define RAWPCI_CAP_MSI 0x05
#define RAWPCI_CAP_PCIX 0x07
#define RAWPCI_CAP_VENDOR 0x09
#define RAWPCI_CAP_EXPRESS 0x10
#define RAWPCI_CAP_MSIX 0x11
#define RAWPCI_CAP_AF 0x13

/* Offsets inside capabilities. */
#define RAWPCI_PM_CAPABILITIES 2 /* PMC */
#define RAWPCI_PM_D1 0x0200
#define RAWPCI_PM_D2 0x0400
#define RAWPCI_PM_CONTROL 4 /* PMCSR */
#define RAWPCI_PM_STATE 0x0003
#define RAWPCI_PM_D3HOT 0x0003
#define RAWPCI_PM_NO_SOFT_RESET 0x0008
#define RAWPCI_PM_PME_ENABLE 0x0100
#define RAWPCI_PM_D3HOT_DELAY_MS 10 /* between D3hot and the first access in D0 (5.6.1) */
#define RAWPCI_MSI_FLAGS 2
#define RAWPCI_MSIX_FLAGS 2
#define RAWPCI_MSIX_TABLE 4
#define RAWPCI_MSIX_ENTRY 16    /* bytes an entry of the table */
#define RAWPCI_EXPRESS_DEVICE 4 /* device capabilities */
#define RAWPCI_EXPRESS_DEVICE_RESET 0x10000000
#define RAWPCI_EXPRESS_DEVICE_CONTROL 8
#define RAWPCI_EXPRESS_RESET 0x8000 /* starts a function level reset */
#define RAWPCI_AF_CAPABILITIES 3
#define RAWPCI_AF_CAN_RESET 0x03 /* transactions pending and function level reset, both */
#define RAWPCI_AF_CONTROL 4
#define RAWPCI_AF_RESET 0x01

/* Reads 1, 2 or 4 bytes of config space at an aligned offset. Returns 0 or -errno. */
struct rawpci_config_reader {
	int (*read)(void *opaque, uint32_t offset, unsigned width, uint32_t *value);
	void *opaque;
};

/**
 * Finds a capability of the 256-byte space.
 * @offset: receives the capability's offset; 0 if the device has no such capability
 * A list that loops, leaves the space or points into the header ends there.
 * Returns 0, or the error of read.
 */
int rawpci_caps_find(const struct rawpci_config_reader *reader, uint8_t id, uint8_t *offset);

/* Capabilities are dwords behind the 64-byte header, so a list without a loop has at most 48. */
#define RAWPCI_CAPS_MOST 48

/**
 * Calls each() for the capabilities of the 256-byte space in the order of their list, at most
 * RAWPCI_CAPS_MOST times, until it returns other than 0. The list ends as in rawpci_caps_find().
 * Returns the last value of each(), 0 for an empty list, or the error of read.
 */
int rawpci_caps_each(const struct rawpci_config_reader *reader,
		     int (*each)(void *opaque, uint8_t id, uint8_t offset), void *opaque);

/* What a device's capabilities say about it. */
struct rawpci_abilities {
	unsigned irq_count[3];  /* vectors by enum rawpci_irq_type */
	unsigned power_states;  /* bit (1 << n) for each Dn besides D0 */
	unsigned reset_methods; /* enum rawpci_reset_methods, those that a capability announces */
	bool express;
	bool known; /* false: only INTx could be read */
};

/**
 * Reads the abilities. If only the header can be read (-EPERM behind it), known is false.
 * Returns 0, or the error of read: any for the header, any but -EPERM behind it.
 */
int rawpci_abilities_read(const struct rawpci_config_reader *reader, struct rawpci_abilities *out);

/*
 * Function level resets that a write to config space starts. A device without such a reset, by its
 * capabilities, ignores the bit that starts it. VFIO takes it so, too (Linux
 * drivers/vfio/pci/vfio_pci_config.c, vfio_exp_config_write(), vfio_af_config_write()).
 */
struct rawpci_resets {
	uint8_t express, af; /* offset of the capability that has the reset; 0: none */
};

/* Returns 0, or the error of read: then *out has only the resets found before. */
int rawpci_resets_find(const struct rawpci_config_reader *reader, struct rawpci_resets *out);

/* Does a write of width bytes at offset start such a reset? */
bool rawpci_resets_start(const struct rawpci_resets *resets, uint32_t offset, unsigned width,
			 uint32_t value);

/* Compares by segment, bus, device and function. Returns below 0, 0 or above 0. */
int rawpci_address_compare(const struct rawpci_address *a, const struct rawpci_address *b);

/* Unpacks the ABI's 32 bits: segment 31-16, bus 15-8, device 7-3, function 2-0. */
struct rawpci_address rawpci_address_from_abi(uint32_t address);

/* Do [offset, offset + width) of config space and the length bytes at start overlap? */
bool rawpci_config_overlaps(uint32_t offset, unsigned width, uint32_t start, uint32_t length);

/* The value that the register at start, of up to 4 bytes, has after a write of width bytes of value
 * at offset. old: its value before. Bytes outside the register are dropped. */
uint32_t rawpci_config_merge(uint32_t old, uint32_t start, uint32_t offset, unsigned width,
			     uint32_t value);

#endif
