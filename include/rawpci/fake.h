/* SPDX-License-Identifier: MIT */
/**
 * @file fake.h
 * The control surface of the backend "fake": pretend devices, for tests of programs that use the
 * library.
 *
 * The devices live in one context. Everything else about them goes through the functions for real
 * devices. A context starts with one device at 0000:00:04.0, which behaves as QEMU's "edu" does
 * (QEMU docs/specs/edu): 1234:11e8, a 1 MiB register BAR, one MSI vector and INTx, a DMA engine.
 * That page lists the registers. examples/passthrough/edu.h has most of them as macros. The DMA
 * engine decodes the lower 28 bits of a bus address and ignores the others (backends/fake/edu.c).
 *
 * In a context that was created for "fake", rawpci_enumerate() lists the pretend devices that are
 * plugged in, and rawpci_host_device() describes them. In any other context both are about the host's
 * devices only.
 *
 * rawpci_memory_map() and rawpci_device_power() do not find out whether the memory is there and
 * writable (<rawpci/memory.h>). The program gets a signal when a pretend device accesses memory that
 * is not there.
 *
 * To open a pretend device, set options.backend to "fake". Any thread may call the functions below,
 * in any context. They neither log their failures nor set rawpci_last_error(): the return value is
 * all that they say.
 */
#ifndef RAWPCI_FAKE_H
#define RAWPCI_FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci_fake;

/**
 * How a device behaves. Any member may be NULL.
 *
 * The library calls these functions in the thread that makes the access. A model may call the
 * functions of this file. It must not call a function that uses the device as a program does: such
 * a call may wait for the access under way.
 */
struct rawpci_fake_model {
	/**
	 * Answers a read of a BAR that is .trapped (struct rawpci_fake_bar). NULL: the BAR is plain
	 * memory.
	 *
	 * @param opaque of struct rawpci_fake_config
	 * @param fake   the device
	 * @param region 0 to 5
	 * @param offset bytes from the region's start
	 * @param width  bytes
	 * @return the value
	 */
	uint64_t (*read)(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
			 unsigned width);
	/**
	 * Takes a write to a BAR that is .trapped (struct rawpci_fake_bar). NULL: the BAR is plain
	 * memory.
	 *
	 * @param opaque of struct rawpci_fake_config
	 * @param fake   the device
	 * @param region 0 to 5
	 * @param offset bytes from the region's start
	 * @param width  bytes
	 * @param value  the value
	 */
	void (*write)(void *opaque, struct rawpci_fake *fake, unsigned region, uint64_t offset,
		      unsigned width, uint64_t value);
	/**
	 * Sets registers to their initial values: the device was reset. Opening it is a reset.
	 *
	 * @param opaque of struct rawpci_fake_config
	 * @param fake   the device
	 */
	void (*reset)(void *opaque, struct rawpci_fake *fake);
	/**
	 * Ends the model. Called when the context is destroyed, also for an unplugged device.
	 *
	 * @param opaque of struct rawpci_fake_config
	 */
	void (*destroy)(void *opaque);
};

/** A BAR of a pretend device. */
struct rawpci_fake_bar {
	uint64_t size; /**< Bytes, a power of two, at least 16 (I/O: 4). 0: absent. */
	/** Flags of #rawpci_region_flags. 64BIT takes the next BAR, too, which is absent. */
	uint32_t flags;
	/** true: every access goes to the model. false: plain memory; whole pages of a memory BAR
	 * can be mapped. */
	bool trapped;
};

/** A pretend device. Set size, and leave zero what is not wanted. */
struct rawpci_fake_config {
	size_t size; /**< sizeof(struct rawpci_fake_config) as the program was compiled with. */
	const char *address; /**< As for rawpci_address_parse(). */
	uint16_t vendor_id,  /**< Of config space. */
		device_id;   /**< Of config space. */
	uint32_t class_code; /**< 24 bits: base class, subclass, programming interface. */
	struct rawpci_fake_bar bars[6]; /**< The BARs. */
	uint64_t rom_size;              /**< Bytes of the ROM, a power of two from 2048. 0: none. */
	bool intx;                      /**< It has INTx. */
	unsigned msi;                   /**< MSI vectors: 0, 1, 2, 4, 8, 16 or 32. */
	unsigned msix;                  /**< MSI-X vectors: 0 to 2048. */
	/** The index of the memory BAR that begins with the MSI-X table. The pending bits follow, 8
	 * bytes for each 64 vectors. The BAR must hold both. */
	unsigned msix_bar;
	bool msix_dynamic; /**< MSI-X vectors can be added one by one. */
	bool extended;     /**< It has 4096 bytes of config space. */
	bool pm;           /**< It has a power management capability with D3hot. */
	bool no_reset;     /**< It refuses a reset. */
	bool no_dma;       /**< It cannot be given guest memory. */
	uint64_t dma_page; /**< The smallest IOMMU page in bytes, a power of two. 0: 4096. */
	/** How it behaves; must stay valid. NULL: as if all members were NULL. */
	const struct rawpci_fake_model *model;
	void *opaque; /**< Handed to the model. */
	/** The last address that the IOMMU translates, above 0xfeefffff. 0: the last one of 48
	 * bits. */
	uint64_t dma_last;
};

/**
 * Adds a device.
 *
 * @param ctx    the context; it owns the device
 * @param config the device; not kept after the call, except the model. If the call fails, the
 *               model's destroy is not called
 * @param fake   receives the device, on success only; may be NULL
 * @retval 0       done
 * @retval -EFAULT ctx or config is NULL
 * @retval -EINVAL config is out of its domain
 * @retval -EEXIST there is a device at the address
 * @retval -ENOSPC no bus addresses are left for its BARs
 * @retval -ENOMEM no memory
 */
int rawpci_fake_add(struct rawpci *ctx, const struct rawpci_fake_config *config,
		    struct rawpci_fake **fake);

/**
 * Adds another edu.
 *
 * @param ctx     the context; it owns the device
 * @param address as for rawpci_address_parse()
 * @param fake    receives the device, on success only; may be NULL
 * @return what rawpci_fake_add() returns
 */
int rawpci_fake_add_edu(struct rawpci *ctx, const char *address, struct rawpci_fake **fake);

/**
 * Finds a device.
 *
 * @param ctx     the context
 * @param address as for rawpci_address_parse()
 * @param fake    receives the device, on success only. It is valid while the context lives, also
 *                after unplugging
 * @retval 0       done
 * @retval -EFAULT ctx, address or fake is NULL
 * @retval -ENODEV there is no device at the address, or it is no address
 */
int rawpci_fake_find(struct rawpci *ctx, const char *address, struct rawpci_fake **fake);

/**
 * Pulls the device out, as if by force.
 *
 * Reads then give all ones, writes vanish, and interrupts stop. Once the device is closed, its
 * address is free for another rawpci_fake_add().
 *
 * @param fake the device
 * @retval 0       done
 * @retval -EFAULT fake is NULL
 */
int rawpci_fake_unplug(struct rawpci_fake *fake);

/**
 * Signals an event to the program that has the device open.
 *
 * @param fake  the device
 * @param event #RAWPCI_EVENT_ERROR or #RAWPCI_EVENT_RELEASE
 * @retval 0       done
 * @retval -EFAULT fake is NULL
 * @retval -EINVAL the event is unknown
 */
int rawpci_fake_event(struct rawpci_fake *fake, enum rawpci_event event);

/**
 * Raises an interrupt, from the device's side.
 *
 * It signals a vector of the type that is enabled. For INTx it asserts the line, which stays
 * asserted until rawpci_fake_lower() or a reset. An interrupt of a disabled type is lost, and so is an MSI
 * without bus mastering, as on hardware.
 *
 * @param fake   the device
 * @param vector the vector
 * @retval 0       done
 * @retval -EFAULT fake is NULL
 * @retval -EINVAL vector is not below the vector count of any type that the device has
 */
int rawpci_fake_raise(struct rawpci_fake *fake, unsigned vector);

/**
 * Lowers the INTx line, from the device's side.
 *
 * @param fake the device
 * @retval 0       done
 * @retval -EFAULT fake is NULL
 */
int rawpci_fake_lower(struct rawpci_fake *fake);

/**
 * Reads memory by DMA, from the device's side.
 *
 * @param fake the device
 * @param from the address on the bus
 * @param to   receives size bytes
 * @param size bytes
 * @retval 0       done
 * @retval -EFAULT fake or to is NULL. Or bus mastering is off, the device is not in D0, or some of
 *                 the range is not mapped for this device; then nothing was transferred and the
 *                 fault is counted
 */
int rawpci_fake_dma_read(struct rawpci_fake *fake, rawpci_iova_t from, void *to, uint64_t size);

/**
 * Writes memory by DMA, from the device's side.
 *
 * @param fake the device
 * @param to   the address on the bus
 * @param from size bytes
 * @param size bytes
 * @return what rawpci_fake_dma_read() returns
 */
int rawpci_fake_dma_write(struct rawpci_fake *fake, rawpci_iova_t to, const void *from,
			  uint64_t size);

/**
 * Returns the bytes behind a BAR that is not trapped, or behind the ROM.
 *
 * @param fake   the device; may be NULL
 * @param region 0 to 6
 * @return the bytes, which the device owns; NULL: it has none
 */
void *rawpci_fake_bytes(struct rawpci_fake *fake, unsigned region);

/** The backend's operations, as points where a fault can be ordered, and counted. */
enum rawpci_fake_point {
	RAWPCI_FAKE_OPEN,         /**< rawpci_backend::open */
	RAWPCI_FAKE_INFO,         /**< rawpci_backend::info */
	RAWPCI_FAKE_CFG_READ,     /**< rawpci_backend::cfg_read */
	RAWPCI_FAKE_CFG_WRITE,    /**< rawpci_backend::cfg_write */
	RAWPCI_FAKE_REGION_INFO,  /**< rawpci_backend::region_info */
	RAWPCI_FAKE_REGION_MAP,   /**< rawpci_backend::region_map */
	RAWPCI_FAKE_REGION_READ,  /**< rawpci_backend::region_read */
	RAWPCI_FAKE_REGION_WRITE, /**< rawpci_backend::region_write */
	RAWPCI_FAKE_IRQ_ENABLE,   /**< rawpci_backend::irq_enable */
	RAWPCI_FAKE_IRQ_SWAP,     /**< rawpci_backend::irq_swap */
	RAWPCI_FAKE_IRQ_UNMASK,   /**< rawpci_backend::irq_unmask */
	RAWPCI_FAKE_EVENT_SET,    /**< rawpci_backend::event_set */
	RAWPCI_FAKE_RESET,        /**< rawpci_backend::reset */
	RAWPCI_FAKE_SPACE_CREATE, /**< rawpci_backend::space_create */
	RAWPCI_FAKE_SPACE_LIMITS, /**< rawpci_backend::space_limits */
	RAWPCI_FAKE_DMA_MAP,      /**< rawpci_backend::dma_map */
	RAWPCI_FAKE_DMA_UNMAP,    /**< rawpci_backend::dma_unmap */
	RAWPCI_FAKE_POINTS,       /**< How many points there are. */
};

/**
 * Orders faults for the whole context. A new order for the same operation replaces the old one.
 *
 * @param ctx   the context
 * @param point the operation
 * @param skip  how many calls of the operation still succeed
 * @param count how many then fail; 0 removes the order
 * @param error what they return, a negative errno value; ignored if count is 0
 * @retval 0       done
 * @retval -EFAULT ctx is NULL
 * @retval -EINVAL the point is unknown, or error is not negative
 */
int rawpci_fake_fail(struct rawpci *ctx, enum rawpci_fake_point point, unsigned skip,
		     unsigned count, int error);

/**
 * Returns how often an operation was called in this context, failed calls included.
 *
 * @param ctx   the context; may be NULL
 * @param point the operation
 * @return the count; 0 if ctx is NULL or the point is unknown
 */
uint64_t rawpci_fake_calls(struct rawpci *ctx, enum rawpci_fake_point point);

/**
 * Returns how many DMA mappings a device can reach at present, one for each call of dma_map.
 *
 * @param fake the device; may be NULL
 * @return the count; 0 if fake is NULL
 */
uint64_t rawpci_fake_dma_mappings(struct rawpci_fake *fake);

/**
 * Returns how many DMA accesses of a device were refused.
 *
 * @param fake the device; may be NULL
 * @return the count; 0 if fake is NULL
 */
uint64_t rawpci_fake_dma_faults(struct rawpci_fake *fake);

#ifdef __cplusplus
}
#endif

#endif
