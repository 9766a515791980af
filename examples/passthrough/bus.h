/* SPDX-License-Identifier: MIT */
/*
 * The guest's PCI bus: config space behind ports 0xcf8 and 0xcfc, with the device as the only one
 * on it, and the windows through which the guest sees the device's BARs.
 *
 * What the guest sees of config space is the device's, except
 *   - BARs: sizing and placing them moves windows in the guest's address space and never touches
 *     the device's own. I/O BARs and the ROM are not shown.
 *   - COMMAND: memory enable opens the windows, bus master is the device's; the rest reads as 0.
 *   - interrupts: the guest has a pin on line GUEST_IRQ. The device itself signals messages
 *     wherever it can, and each arrives as a pulse on that line.
 *   - capabilities: none are shown, and nothing beyond the header can be written. MSI is the host's
 *     business here, and power management would put the device to sleep behind the library's back.
 */
#ifndef BUS_H
#define BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "device.h"
#include "machine.h"

struct bus {
	struct machine *machine;
	struct device *device;
	uint32_t selected;          /* what was written to port 0xcf8 */
	uint16_t command;           /* as the guest wrote it */
	uint8_t line;               /* the interrupt line register: a scratch byte to the device */
	uint32_t bars[DEVICE_BARS]; /* as the guest wrote them; a 64-bit BAR takes two */
	bool open[DEVICE_BARS];     /* the window is in the guest's address space */
	uint64_t base[DEVICE_BARS]; /* of an open window */
};

/* The bus as after reset: nothing placed, nothing enabled. */
void bus_init(struct bus *bus, struct machine *machine, struct device *device);

/* Takes the windows out of the guest's address space. */
void bus_finish(struct bus *bus);

/* An access of the guest's to a port. @data: width bytes, little-endian, read or filled in */
void bus_port(struct bus *bus, uint16_t port, unsigned width, bool write, uint8_t *data);

/* An access of the guest's to an address where it has no memory. */
void bus_memory(struct bus *bus, uint64_t address, unsigned width, bool write, uint8_t *data);

#endif
