/* SPDX-License-Identifier: MIT */
/*
 * The PCI devices of the host: what there is, and what each can do. Nothing is opened or bound.
 *
 * What is told comes from sysfs, readable by every user. Only capabilities need config space beyond
 * its first 64 bytes, which the kernel shows to CAP_SYS_ADMIN alone: without it they stay unknown.
 * Config space is read as lspci reads it: a device that is runtime-suspended stays so, but the
 * bridge above it may be woken for the moment. In D3cold a read would wake the device itself: it is
 * left alone, and its capabilities stay unknown.
 */
#ifndef RAWPCI_ENUMERATE_H
#define RAWPCI_ENUMERATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/region.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/* Ways to reset a device, as the kernel names them in reset_method. */
enum rawpci_reset_methods {
	RAWPCI_RESET_DEVICE_SPECIFIC = 1,
	RAWPCI_RESET_ACPI = 2,
	RAWPCI_RESET_FLR = 4,     /* PCI Express function level reset */
	RAWPCI_RESET_AF_FLR = 8,  /* that of conventional PCI's Advanced Features */
	RAWPCI_RESET_PM = 16,     /* D3hot and back */
	RAWPCI_RESET_BUS = 32,    /* of the whole bus, where the device is alone on it */
	RAWPCI_RESET_CXL_BUS = 64,
};

struct rawpci_host_region {
	uint64_t address; /* on the host's bus: physical address, or first port; 0: not assigned */
	uint64_t size;    /* bytes; 0: absent, or the upper half of a 64-bit BAR */
	uint32_t flags;   /* enum rawpci_region_flags */
};

/* A device of the host. Grows at its end. */
struct rawpci_host_device {
	struct rawpci_address address;
	uint16_t vendor_id, device_id;
	uint16_t subsystem_vendor_id, subsystem_id; /* 0: none */
	uint32_t class_code; /* 24 bits: base class, subclass, programming interface */
	uint8_t revision;

	/* In words, from the host's pci.ids; "" where that does not have it or is not installed. */
	char vendor_name[96];
	char device_name[128];
	char class_name[64];

	struct rawpci_host_region regions[RAWPCI_REGIONS];

	char driver[64];     /* bound now; "": none */
	int64_t iommu_group; /* -1: in none */

	bool gone;       /* its config space reads as all ones: no power, link down, or removed */
	bool bridge;     /* to another bus */
	bool boot_vga;   /* shows the host's console */
	bool virtual_function;
	unsigned vfs;       /* virtual functions that it has enabled */
	unsigned total_vfs; /* that it can have */

	uint32_t config_size;   /* bytes: 256 or 4096 */
	unsigned reset_methods; /* enum rawpci_reset_methods */
	char power[16];         /* "D0", "D3hot", ...; "": unknown */

	bool capabilities_known; /* else all below but INTx is zero */
	unsigned irq_count[3];   /* vectors by enum rawpci_irq_type, as its capabilities say */
	unsigned power_states;   /* bit (1 << n) for each Dn it knows besides D0: D1, D2, D3hot */
	bool express;            /* PCI Express */

	char iommu_type[16]; /* how the kernel translates for the group while its own drivers have
				it: "DMA" and "DMA-FQ" map page by page, "identity" gives access
				to all memory (iommu=pt), "blocked" to none; "": it does not tell */
};

/**
 * Calls each() for every PCI device of the host, in the order of addresses.
 * @size: sizeof(struct rawpci_host_device) as the program was compiled with
 * @each: returns 0 to go on; device is the library's and valid during the call. It may call the
 *        library
 * @opaque: handed to each()
 *
 * Any thread. Devices that vanish meanwhile are left out.
 * Returns 0, what each() returned to end it, or
 *   -EFAULT  a NULL
 *   -EINVAL  size is 0 or larger than the library's
 *   -ENODEV  there is no PCI here (the message names the directory)
 *   -ENOMEM  no memory
 */
int rawpci_enumerate(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_host_device *device),
		     void *opaque);

/**
 * Describes one device of the host.
 * @address: as for rawpci_address_parse()
 * @size: sizeof(struct rawpci_host_device) as the program was compiled with
 * @out: size bytes, filled on success only
 *
 * Any thread.
 * Returns 0, -EFAULT (a NULL), -EINVAL (not an address, or size) or -ENODEV (no such device).
 */
int rawpci_host_device(struct rawpci *ctx, const char *address, size_t size,
		       struct rawpci_host_device *out);

#ifdef __cplusplus
}
#endif

#endif
