/* SPDX-License-Identifier: MIT */
#include "bus.h"

#include <string.h>

#include "layout.h"

/* PCI Local Bus Specification 3.0: 3.2.2.3.2 (the two ports) and 6.1 (the header). */
#define PORT_ADDRESS 0xcf8
#define PORT_DATA 0xcfc
#define ADDRESS_ENABLE UINT32_C(0x80000000)

#define CONFIG_COMMAND 0x04
#define CONFIG_STATUS 0x06
#define CONFIG_HEADER_TYPE 0x0e
#define CONFIG_BAR0 0x10
#define CONFIG_ROM 0x30
#define CONFIG_CAPABILITIES 0x34
#define CONFIG_LINE 0x3c
#define CONFIG_PIN 0x3d
#define CONFIG_HEADER_END 0x40

#define COMMAND_MEMORY 0x0002
#define COMMAND_BUS_MASTER 0x0004
#define STATUS_CAPABILITIES 0x0010
#define HEADER_MULTIFUNCTION 0x80

/* KVM's slot 0 is the guest's RAM (guest.c); each area of each BAR has one of its own after it. */
static uint32_t area_slot(unsigned bar, unsigned area)
{
	return 1 + bar * RAWPCI_REGION_AREAS + area;
}

static bool is_wide(const struct bus *bus, unsigned bar)
{
	return bus->device->bars[bar].size != 0 &&
	       (bus->device->bars[bar].flags & PCIRAW_ADDRESS_SPACE_BAR64);
}

/* The upper half of a 64-bit BAR? */
static bool is_upper(const struct bus *bus, unsigned bar)
{
	return bar > 0 && is_wide(bus, bar - 1);
}

static uint64_t bar_address(const struct bus *bus, unsigned bar)
{
	uint64_t address = bus->bars[bar];

	if (is_wide(bus, bar) && bar + 1 < DEVICE_BARS)
		address |= (uint64_t)bus->bars[bar + 1] << 32;
	return address & ~(bus->device->bars[bar].size - 1);
}

static uint32_t bar_read(const struct bus *bus, unsigned bar)
{
	const struct device_bar *real = &bus->device->bars[bar];

	if (is_upper(bus, bar))
		return (uint32_t)(bar_address(bus, bar - 1) >> 32);
	if (real->size == 0)
		return 0;
	return (uint32_t)bar_address(bus, bar) |
	       (real->flags & (PCIRAW_ADDRESS_SPACE_BAR64 | PCIRAW_ADDRESS_SPACE_MEM_PREFETCH));
}

/* Takes a window away. The slots of its areas go, everything else follows from .open. */
static void window_close(struct bus *bus, unsigned bar)
{
	const struct device_bar *real = &bus->device->bars[bar];

	if (!bus->open[bar])
		return;
	bus->open[bar] = false;
	if (real->cpu == NULL)
		return;
	for (unsigned i = 0; i < real->area_count; i++)
		machine_map(bus->machine, area_slot(bar, i), bus->base[bar] + real->areas[i].offset,
			    real->cpu + real->areas[i].offset, 0);
}

/* Where the kernel maps the BAR the guest gets it as memory, and its accesses reach the device
 * without leaving the guest. The rest has no memory behind it: KVM stops the CPU there, and
 * bus_memory() makes the access. */
static void window_open(struct bus *bus, unsigned bar)
{
	const struct device_bar *real = &bus->device->bars[bar];

	bus->base[bar] = bar_address(bus, bar);
	bus->open[bar] = true;
	if (real->cpu == NULL)
		return;
	for (unsigned i = 0; i < real->area_count; i++)
		machine_map(bus->machine, area_slot(bar, i), bus->base[bar] + real->areas[i].offset,
			    real->cpu + real->areas[i].offset, real->areas[i].size);
}

/* A window over the guest's memory cannot be meant: it is where a BAR lies before it is placed. One
 * that ends at the top of the address space is a BAR being sized. */
static bool is_placed(const struct bus *bus, unsigned bar)
{
	uint64_t base = bar_address(bus, bar);

	return base >= GUEST_RAM_SIZE && base + bus->device->bars[bar].size > base &&
	       (is_wide(bus, bar) || base + bus->device->bars[bar].size <= UINT32_MAX);
}

static void update_windows(struct bus *bus)
{
	for (unsigned bar = 0; bar < DEVICE_BARS; bar++) {
		bool wanted = bus->device->bars[bar].size != 0 && (bus->command & COMMAND_MEMORY) &&
			      is_placed(bus, bar);

		if (bus->open[bar] && (!wanted || bus->base[bar] != bar_address(bus, bar)))
			window_close(bus, bar);
		if (wanted && !bus->open[bar])
			window_open(bus, bar);
	}
}

/* Memory decoding of the device itself stays on, whatever the guest's bit says: the window alone
 * decides what the guest sees, and mappings of the BAR remain usable. */
static void command_write(struct bus *bus, uint16_t command)
{
	uint32_t real;

	bus->command = command & (COMMAND_MEMORY | COMMAND_BUS_MASTER);
	if (device_config_read(bus->device, CONFIG_COMMAND, 2, &real)) {
		real &= ~(uint32_t)COMMAND_BUS_MASTER;
		device_config_write(bus->device, CONFIG_COMMAND, 2,
				    real | (bus->command & COMMAND_BUS_MASTER));
	}
	update_windows(bus);
}

/* One byte as the guest sees it, made of the device's. */
static uint8_t config_byte(const struct bus *bus, unsigned offset, uint8_t real)
{
	if (offset >= CONFIG_BAR0 && offset < CONFIG_BAR0 + 4 * DEVICE_BARS)
		return (uint8_t)(bar_read(bus, (offset - CONFIG_BAR0) / 4) >> 8 * (offset % 4));
	if (offset >= CONFIG_ROM && offset < CONFIG_ROM + 4)
		return 0;
	switch (offset) {
	case CONFIG_COMMAND:
		return (uint8_t)bus->command;
	case CONFIG_COMMAND + 1:
		return 0;
	case CONFIG_STATUS:
		return (uint8_t)(real & ~STATUS_CAPABILITIES);
	case CONFIG_HEADER_TYPE: /* the guest gets one function */
		return (uint8_t)(real & ~HEADER_MULTIFUNCTION);
	case CONFIG_CAPABILITIES:
		return 0;
	case CONFIG_LINE:
		return bus->line;
	case CONFIG_PIN:
		return 1; /* INTA# */
	default:
		return real;
	}
}

static void config_read(struct bus *bus, unsigned offset, unsigned width, uint8_t *data)
{
	uint32_t real = UINT32_MAX;

	device_config_read(bus->device, offset, width, &real);
	for (unsigned i = 0; i < width; i++)
		data[i] = config_byte(bus, offset + i, (uint8_t)(real >> 8 * i));
}

static void config_write(struct bus *bus, unsigned offset, unsigned width, const uint8_t *data)
{
	uint16_t command = bus->command;

	for (unsigned i = 0; i < width; i++, offset++) {
		if (offset == CONFIG_COMMAND) {
			command = data[i]; /* the upper byte has nothing for this guest */
		} else if (offset == CONFIG_LINE) {
			bus->line = data[i];
		} else if (offset >= CONFIG_BAR0 && offset < CONFIG_BAR0 + 4 * DEVICE_BARS) {
			uint32_t *bar = &bus->bars[(offset - CONFIG_BAR0) / 4];
			unsigned shift = 8 * (offset % 4);

			*bar = (*bar & ~(UINT32_C(0xff) << shift)) | (uint32_t)data[i] << shift;
		}
	}
	if (command != bus->command)
		command_write(bus, command);
	else
		update_windows(bus);
}

void bus_init(struct bus *bus, struct machine *machine, struct device *device)
{
	*bus = (struct bus){ .machine = machine, .device = device, .line = GUEST_IRQ };

	/* Powering it on has made the device a bus master. For the guest it is not one yet. */
	command_write(bus, 0);
}

void bus_finish(struct bus *bus)
{
	for (unsigned bar = 0; bar < DEVICE_BARS; bar++)
		window_close(bus, bar);
}

void bus_port(struct bus *bus, uint16_t port, unsigned width, bool write, uint8_t *data)
{
	unsigned offset = (bus->selected & 0xfc) + (port & 3);

	if (port == PORT_ADDRESS && width == 4) {
		if (write)
			bus->selected = (uint32_t)data[0] | (uint32_t)data[1] << 8 |
					(uint32_t)data[2] << 16 | (uint32_t)data[3] << 24;
		else
			for (unsigned i = 0; i < 4; i++)
				data[i] = (uint8_t)(bus->selected >> 8 * i);
		return;
	}

	/* Where nothing answers, reads give all ones and writes are lost. */
	if (port < PORT_DATA || port + width > PORT_DATA + 4 || port % width != 0 ||
	    (bus->selected & ~UINT32_C(0xff)) != (ADDRESS_ENABLE | GUEST_SLOT << 11)) {
		if (!write)
			memset(data, 0xff, width);
	} else if (write) {
		if (offset < CONFIG_HEADER_END)
			config_write(bus, offset, width, data);
	} else {
		config_read(bus, offset, width, data);
	}
}

/* The window that has all of an access, or DEVICE_BARS. */
static unsigned find_window(const struct bus *bus, uint64_t address, unsigned width)
{
	unsigned bar;

	for (bar = 0; bar < DEVICE_BARS; bar++) {
		if (bus->open[bar] && address >= bus->base[bar] &&
		    address - bus->base[bar] + width <= bus->device->bars[bar].size)
			break;
	}
	return bar;
}

void bus_memory(struct bus *bus, uint64_t address, unsigned width, bool write, uint8_t *data)
{
	unsigned bar = find_window(bus, address, width);
	uint64_t value = UINT64_MAX;

	if (write) {
		value = 0;
		for (unsigned i = 0; i < width; i++)
			value |= (uint64_t)data[i] << 8 * i;
		if (bar < DEVICE_BARS)
			device_mmio_write(bus->device, bar, address - bus->base[bar], width, value);
		return;
	}
	if (bar < DEVICE_BARS)
		device_mmio_read(bus->device, bar, address - bus->base[bar], width, &value);
	for (unsigned i = 0; i < width; i++)
		data[i] = (uint8_t)(value >> 8 * i);
}
