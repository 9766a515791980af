/* SPDX-License-Identifier: MIT */
/**
 * @file enumerate.h
 * The PCI devices of the host, and what each can do.
 *
 * Nothing is opened or bound. The data comes from sysfs, which every user can read. Only the
 * capabilities lie beyond the first 64 bytes of config space. The kernel shows these later bytes to
 * CAP_SYS_ADMIN alone. Without that right the capabilities stay unknown.
 *
 * The library reads config space as lspci does. A runtime-suspended device stays suspended, but the
 * bridge above it may be woken for the moment. In D3cold a read would wake the device itself. The
 * library therefore leaves such a device alone, and its capabilities stay unknown.
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

/** Ways to reset a device, as the kernel names them in reset_method. */
enum rawpci_reset_methods {
	RAWPCI_RESET_DEVICE_SPECIFIC = 1, /**< A way that only this kind of device has. */
	RAWPCI_RESET_ACPI = 2,            /**< By the firmware's ACPI methods. */
	RAWPCI_RESET_FLR = 4,             /**< PCI Express function level reset. */
	RAWPCI_RESET_AF_FLR = 8,          /**< The Advanced Features' function level reset. */
	RAWPCI_RESET_PM = 16,             /**< Into D3hot and back. */
	RAWPCI_RESET_BUS = 32,            /**< Of the whole bus, if the device is alone on it. */
	RAWPCI_RESET_CXL_BUS = 64,        /**< Of the whole bus, for CXL. */
};

/** A region of a device of the host. */
struct rawpci_host_region {
	/** On the host's bus: physical address, or first port. 0: not assigned. */
	uint64_t address;
	uint64_t size;  /**< Bytes. 0: absent, or the upper half of a 64-bit BAR. */
	uint32_t flags; /**< Flags of #rawpci_region_flags. */
};

/** A device of the host. It grows at its end. */
struct rawpci_host_device {
	struct rawpci_address address; /**< Where it is. */
	uint16_t vendor_id,            /**< From config space. */
		device_id;             /**< From config space. */
	uint16_t subsystem_vendor_id,  /**< 0: none. */
		subsystem_id;          /**< 0: none. */
	uint32_t class_code;           /**< 24 bits: base class, subclass, programming interface. */
	uint8_t revision;              /**< From config space. */

	/** Always "". The library reads no pci.ids. A program that wants names can use libpciaccess,
	 * as the command "rawpci list" does. */
	char vendor_name[96];
	char device_name[128]; /**< As vendor_name. */
	char class_name[64];   /**< As vendor_name. */

	struct rawpci_host_region regions[RAWPCI_REGIONS]; /**< The BARs and the expansion ROM. */

	char driver[64];     /**< The driver that it is bound to now. "": none. */
	int64_t iommu_group; /**< Its IOMMU group. -1: none. */

	/** Its config space reads as all ones: no power, link down, or removed. */
	bool gone;
	bool bridge;           /**< It leads to another bus. */
	bool boot_vga;         /**< It shows the host's console. */
	bool virtual_function; /**< It is a virtual function of another device. */
	unsigned vfs;          /**< Virtual functions that it has enabled. */
	unsigned total_vfs;    /**< Virtual functions that it can have. */

	uint32_t config_size;   /**< Bytes of config space: 256 or 4096. */
	unsigned reset_methods; /**< Flags of #rawpci_reset_methods. */
	char power[16];         /**< "D0", "D3hot" and so on. "": unknown. */

	/** Its capabilities could be read. false: the fields below are zero, except
	 * irq_count[#RAWPCI_IRQ_INTX] and iommu_type, which do not depend on it. */
	bool capabilities_known;
	unsigned irq_count[3]; /**< Vectors by #rawpci_irq_type, as its capabilities say. */
	/** The states that it has besides D0. Bit 1: D1, bit 2: D2, bit 3: D3hot. */
	unsigned power_states;
	bool express; /**< It is a PCI Express device. */

	/** How the kernel's own drivers use the IOMMU for the group. "DMA" and "DMA-FQ" map page
	 * by page. "identity" gives access to all memory (iommu=pt). "blocked" gives access to
	 * none. "": the kernel does not tell. */
	char iommu_type[16];
};

/**
 * Calls each() for every PCI device of the host, in the order of addresses.
 *
 * Devices that vanish meanwhile are left out. Pretend devices (<rawpci/fake.h>) are not listed,
 * except in a context that was created for the backend "fake": such a context lists them, and none
 * of the host's.
 *
 * @param ctx    the context
 * @param size   sizeof(struct rawpci_host_device) as the program was compiled with
 * @param each   returns 0 to go on. Another value ends the walk; a positive one cannot be taken for
 *               an error. The device is valid until each() returns. each() may call the library
 * @param opaque handed to each()
 * @return what each() returned to end the walk, or
 * @retval 0       done
 * @retval -EFAULT ctx or each is NULL
 * @retval -EINVAL size is 0 or larger than the library's
 * @retval -ENODEV there is no PCI here (rawpci_last_error() names the directory)
 * @retval -EACCES permission to look into sysfs (rawpci_last_error() names the directory); each() may
 *                 have been called for others
 * @retval -EPERM  as -EACCES
 * @retval -EIO    the kernel failed a look at a device
 * @retval -ENOSPC no descriptor to read a device's files; each() may have been called for others
 * @retval -ENOMEM no memory; as -ENOSPC
 */
int rawpci_enumerate(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_host_device *device),
		     void *opaque);

/**
 * Describes one device of the host, or of the pretend devices that rawpci_enumerate() lists.
 *
 * @param ctx     the context
 * @param address as for rawpci_address_parse()
 * @param size    sizeof(struct rawpci_host_device) as the program was compiled with
 * @param out     receives size bytes, on success only
 * @retval 0       done
 * @retval -EFAULT ctx, address or out is NULL
 * @retval -EINVAL not an address, or size is 0 or larger than the library's
 * @retval -ENODEV there is no such device
 * @retval -EACCES permission: whether the device is there cannot be seen (rawpci_last_error() names
 *                 the directory)
 * @retval -EPERM  as -EACCES
 * @retval -EIO    the kernel failed a look at the device
 * @retval -ENOSPC no descriptor to read the device's files
 * @retval -ENOMEM no memory
 */
int rawpci_host_device(struct rawpci *ctx, const char *address, size_t size,
		       struct rawpci_host_device *out);

#ifdef __cplusplus
}
#endif

#endif
