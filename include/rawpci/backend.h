/* SPDX-License-Identifier: MIT */
/**
 * @file backend.h
 * The contract between the library and a backend: one table of operations for one way into a PCI
 * device.
 *
 * Programs that only use devices do not need this file.
 *
 * The library's core does everything that is the same for all backends: validation, handles, the
 * table of mappings, interrupt vectors, power states, the guest memory map. It calls an operation
 * with arguments that are already valid. Under "Requires" an operation says what it may rely on,
 * and under "Guarantees" what the core may rely on.
 *
 * @section backend-common Common to all operations
 *
 * - instance is what create() returned, device is what open() returned, and space is what
 *   space_create() returned.
 * - Values are host-endian. Offsets and sizes are bytes.
 * - They return 0, or a negative errno value of <rawpci/status.h>.
 * - They write outputs on success only.
 * - A failed operation changes nothing, unless its own text says otherwise. It calls
 *   rawpci_backend_fail() with the reason.
 *
 * @section backend-threads Threads
 *
 * - Operations on different devices run at the same time.
 * - On one device cfg_read, cfg_write, region_read, region_write and irq_unmask may run at any time
 *   between open and close: at the same time as each other and as all other operations. During
 *   reset the core makes no region_read and no region_write.
 * - With info.mappings_stay, region_map and region_map_wc run at the same time as all others.
 * - All other operations on one device are serialised with each other.
 * - Operations on one space are serialised.
 */
#ifndef RAWPCI_BACKEND_H
#define RAWPCI_BACKEND_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

#include <rawpci/device.h>
#include <rawpci/explain.h>
#include <rawpci/irq.h>
#include <rawpci/log.h>
#include <rawpci/memory.h>
#include <rawpci/region.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The version of this contract. */
#define RAWPCI_BACKEND_VERSION 3

struct rawpci_host_device;
struct rawpci_findings;

/** What rawpci_backend::info tells about an open device. */
struct rawpci_backend_info {
	uint32_t config_size; /**< Bytes of config space: 256 or 4096. */
	bool can_reset;       /**< The core may call reset(). */
	bool fresh;           /**< open() has reset the device already. */
	bool close_resets;    /**< close() resets the device: the core need not. */
	/** The memory enable of COMMAND has no effect (SR-IOV virtual functions). */
	bool memory_always_on;
	bool no_dma; /**< This device cannot reach memory through its space. */
	/** An 8-byte region_read() or region_write() is one bus access. */
	bool wide_access;
	unsigned irq_count[3]; /**< Vectors, by #rawpci_irq_type. */
	bool irq_dynamic[3];   /**< irq_swap() may go beyond what irq_enable() enabled. */
	/** Bit (1 << n) for each n of #rawpci_event that event_set() knows. */
	unsigned events;
	/** true: mapped pages stay connected while the device does not answer (<rawpci/region.h>).
	 * The core then maps other pages over them. false: the kernel makes such accesses raise
	 * SIGBUS. */
	bool mappings_stay;
};

/** The most ranges in struct rawpci_dma_limits. */
#define RAWPCI_DMA_RANGES 32

/** What a space can translate. */
struct rawpci_dma_limits {
	uint64_t page_size;   /**< Bytes of the smallest page, a power of two. */
	unsigned range_count; /**< How many ranges there are. 0: not known, all is tried. */
	/** The ranges that it translates, ascending and apart. */
	struct {
		rawpci_iova_t first, /**< The first address. */
			last;        /**< The last address; it belongs to the range. */
	} ranges[RAWPCI_DMA_RANGES];
};

/** A backend: a table of operations. */
struct rawpci_backend {
	/** #RAWPCI_BACKEND_VERSION. 1 and 2 are known, too: a table of version 1 has no ready(), and
	 * neither has devices(). */
	uint32_t version;
	const char *name; /**< A lower-case word. */
	const char *help; /**< One line. */
	/** Automatic choice tries higher ranks first. Below 0: only by name. Built in: vfio has
	 * 100, uio 20, sysfs 10. */
	int rank;

	/** The backend's driver, which a device must be bound to before open(). The core binds it.
	 * NULL: any or none. */
	const char *driver;

	/** Only with driver NULL. true: the core detaches any host driver before open(). */
	bool unbound;
	/** true: if the program is killed, no kernel driver puts back the device's registers. The
	 * core therefore records COMMAND and the kernel's count of enablings before open(), and
	 * puts them back. It stops and resets the device of a killed program. */
	bool bare;
	/** Its devices exist in the library only: the host has nothing to lock or to return. */
	bool pretend;

	/**
	 * Creates the state of this backend in one context. Optional: without it instance is NULL.
	 *
	 * @param ctx      the context; valid until destroy()
	 * @param instance receives the state, which the other operations get
	 * @par Requires
	 * Called once a context, before anything else.
	 * @par Guarantees
	 * Touches no device.
	 */
	int (*create)(struct rawpci *ctx, void **instance);

	/**
	 * Ends the state. NULL if create is.
	 *
	 * @par Requires
	 * No device and no space is left.
	 */
	void (*destroy)(void *instance);

	/**
	 * Tells whether open() could work for this device once it is bound to .driver.
	 *
	 * The errors of open() follow the rules of the returned errors below.
	 *
	 * @param address the device
	 * @par Guarantees
	 * Changes nothing.
	 * @return 0: it could. Otherwise an error, whose message (rawpci_backend_fail()) is one
	 *         reason for a person. -EOPNOTSUPP and -ENODEV say that there is no such way into
	 *         this device. Automatic choice then goes on to the next backend. All other errors
	 *         say that something is in the way, and end automatic choice
	 */
	int (*probe)(void *instance, const struct rawpci_address *address);

	/**
	 * Takes the device.
	 *
	 * @param address the device
	 * @param space   the address space that its DMA goes through; NULL if the backend has no
	 *                space_create
	 * @param device  receives what the other operations get as device
	 * @par Requires
	 * The device is bound to .driver, and not open through this context.
	 * @par Guarantees
	 * No interrupt is enabled, and no DMA is possible but through space.
	 * @retval 0      done
	 * @retval -EXDEV the device cannot share this space with the devices in it, but could be
	 *                opened with another
	 * @retval -EBUSY another program has it
	 */
	int (*open)(void *instance, const struct rawpci_address *address, void *space,
		    void **device);

	/**
	 * Gives the device up, ready for another driver. It cannot fail; it logs what went wrong.
	 *
	 * @par Requires
	 * Interrupts and events are disabled, and all region mappings of the device are gone. Bus
	 * mastering is off, except after ready() returned -ETIMEDOUT.
	 */
	void (*close)(void *device);

	/**
	 * Tells what the device is.
	 *
	 * @param info receives it
	 * @par Requires
	 * Called once, after open. *info is all zero.
	 */
	int (*info)(void *device, struct rawpci_backend_info *info);

	/**
	 * Makes one read of config space.
	 *
	 * @param offset bytes
	 * @param width  1, 2 or 4 bytes
	 * @param value  receives the value, host-endian
	 * @par Requires
	 * offset is a multiple of width, and the access is inside config_size.
	 */
	int (*cfg_read)(void *device, uint32_t offset, unsigned width, uint32_t *value);

	/**
	 * Makes one write to config space.
	 *
	 * Only the core decides about COMMAND. It sets Bus Master only while the device is on. When
	 * the device wakes up, the backend writes the COMMAND of the last cfg_write again, not the
	 * one from before the sleep. If another program has turned bus mastering off, the backend
	 * may turn it on again, but only if the last cfg_write had it on.
	 *
	 * @param offset bytes
	 * @param width  1, 2 or 4 bytes
	 * @param value  host-endian
	 * @par Requires
	 * offset is a multiple of width, and the access is inside config_size.
	 * @retval 0          done
	 * @retval -ETIMEDOUT a reset that the write started is still under way, as for reset()
	 */
	int (*cfg_write)(void *device, uint32_t offset, unsigned width, uint32_t value);

	/**
	 * Describes a region as rawpci_region_info() reports it.
	 *
	 * @param region 0 to 6
	 * @param info   receives it
	 * @par Requires
	 * Called once a region, after open. *info is all zero.
	 * @par Guarantees
	 * The areas leave out what must not be mapped, such as the pages of the MSI-X table.
	 */
	int (*region_info)(void *device, unsigned region, struct rawpci_region_info *info);

	/**
	 * Maps a part of an area to a place in the address space. Optional.
	 *
	 * With info.mappings_stay the core maps other pages over the part while the device does
	 * not answer, and then calls this again for the same place.
	 *
	 * @param region 0 to 6
	 * @param offset bytes, page-aligned
	 * @param size   bytes, page-aligned
	 * @param where  the place
	 * @par Requires
	 * [offset, offset + size) is inside one area. The core has reserved [where, where + size),
	 * and also unmaps it (munmap).
	 */
	int (*region_map)(void *device, unsigned region, uint64_t offset, uint64_t size,
			  void *where);

	/**
	 * Maps a part of an area write-combining. Optional. Otherwise as region_map.
	 *
	 * @param region as for region_map
	 * @param offset as for region_map
	 * @param size   as for region_map
	 * @param where  as for region_map
	 * @par Requires
	 * As region_map. The region is prefetchable.
	 */
	int (*region_map_wc)(void *device, unsigned region, uint64_t offset, uint64_t size,
			     void *where);

	/**
	 * Makes one trapped read of exactly width bytes.
	 *
	 * @param region 0 to 6
	 * @param offset bytes from the region's start
	 * @param width  memory: 1, 2, 4, or 8 if wide_access; I/O: 1, 2 or 4 bytes
	 * @param value  receives the value, host-endian
	 * @par Requires
	 * The region is present, and the access is inside it. For memory offset is a multiple of
	 * width. Decoding is on.
	 */
	int (*region_read)(void *device, unsigned region, uint64_t offset, unsigned width,
			   uint64_t *value);

	/**
	 * Makes one trapped write of exactly width bytes.
	 *
	 * @param region as for region_read
	 * @param offset as for region_read
	 * @param width  as for region_read
	 * @param value  host-endian
	 * @par Requires
	 * As region_read.
	 */
	int (*region_write)(void *device, unsigned region, uint64_t offset, unsigned width,
			    uint64_t value);

	/**
	 * Enables the first n vectors of a type. Each signals an eventfd.
	 *
	 * Optional as a group with irq_disable, irq_unmask and one of irq_swap and irq_source.
	 *
	 * @param type     the type
	 * @param n        how many vectors, 1 to irq_count[type]
	 * @param eventfds n descriptors, which the core keeps open until the type is disabled. -1:
	 *                 the vector signals nothing for the time being
	 * @par Requires
	 * No type is enabled.
	 * @retval 0       done
	 * @retval -ENOSPC the host has fewer vectors; nothing is enabled then
	 */
	int (*irq_enable)(void *device, enum rawpci_irq_type type, unsigned n, const int *eventfds);

	/**
	 * Lets one vector signal another eventfd from now on.
	 *
	 * @param type    the type
	 * @param vector  below the n that the type was enabled with, or below irq_count[type] if
	 *                irq_dynamic[type]
	 * @param eventfd the descriptor; -1: the vector signals nothing
	 * @par Requires
	 * The type is enabled.
	 * @par Guarantees
	 * Other vectors are not disturbed, also on failure. An interrupt that arrives during the
	 * change may be lost. On failure the vector may be silent.
	 */
	int (*irq_swap)(void *device, enum rawpci_irq_type type, unsigned vector, int eventfd);

	/**
	 * Returns a descriptor of the backend's own by which interrupts come. A type then has one
	 * vector.
	 *
	 * A backend with a descriptor of its own implements this instead of irq_swap. It ignores
	 * the eventfds of irq_enable().
	 *
	 * @param type      the type
	 * @param fd        receives the descriptor. It stays open until close(), is non-blocking,
	 *                  and readable after an interrupt
	 * @param read_size receives how many bytes to read before each call of a handler, 1 to 64
	 * @par Requires
	 * irq_count[type] is 1.
	 */
	int (*irq_source)(void *device, enum rawpci_irq_type type, int *fd, unsigned *read_size);

	/**
	 * Disables a type. It cannot fail.
	 *
	 * @param type the type
	 * @par Requires
	 * The type is enabled.
	 */
	void (*irq_disable)(void *device, enum rawpci_irq_type type);

	/**
	 * Unmasks INTx: it may be delivered again.
	 *
	 * @par Requires
	 * INTx is enabled.
	 */
	int (*irq_unmask)(void *device);

	/**
	 * Sets the eventfd of an event. Optional.
	 *
	 * @param event   one of info.events
	 * @param eventfd the descriptor; -1: none any more
	 */
	int (*event_set)(void *device, enum rawpci_event event, int eventfd);

	/**
	 * Resets the function and leaves other devices alone. Optional.
	 *
	 * @par Requires
	 * Interrupts are disabled, and no MMIO access is under way.
	 * @par Guarantees
	 * Config space is as before if the kernel restores it. The core restores COMMAND, also
	 * after a failure.
	 * @retval 0          done
	 * @retval -ETIMEDOUT the reset is still under way. The core then lets nothing through to
	 *                    the device until ready() says so
	 */
	int (*reset)(void *device);

	/**
	 * Creates an address space for DMA.
	 *
	 * Optional as a group with the following four. Without them devices have no DMA.
	 *
	 * @param space receives the space
	 */
	int (*space_create)(void *instance, void **space);

	/**
	 * Destroys an address space.
	 *
	 * @par Requires
	 * No device and no mapping is in it.
	 */
	void (*space_destroy)(void *space);

	/**
	 * Tells what a space can translate.
	 *
	 * @param limits receives it
	 * @par Requires
	 * A device is open in the space.
	 */
	int (*space_limits)(void *space, struct rawpci_dma_limits *limits);

	/**
	 * Maps memory: the devices in the space reach [host, host + size) at iova, to read and
	 * write.
	 *
	 * @param iova the address on the bus
	 * @param host the memory
	 * @param size bytes
	 * @par Requires
	 * A device is open in the space. All three are aligned to page_size. The range overlaps no
	 * mapping of the space. iova + size is at most 2^64. host + size fits in the address space.
	 * @retval 0              done
	 * @retval -ENOSPC        entries or locked memory are exhausted; the message has the limit
	 * @retval -ERANGE        the IOMMU cannot translate the range
	 * @retval -EADDRNOTAVAIL any other refusal
	 */
	int (*dma_map)(void *space, rawpci_iova_t iova, void *host, uint64_t size);

	/**
	 * Ends exactly one earlier dma_map.
	 *
	 * @param iova as given to dma_map
	 * @param size as given to dma_map
	 * @par Guarantees
	 * On success no device of the space reaches the range any more.
	 */
	int (*dma_unmap)(void *space, rawpci_iova_t iova, uint64_t size);

	/**
	 * Takes the device through descriptors that another program has opened. Optional. Otherwise
	 * as open.
	 *
	 * @param address as for open
	 * @param fds     borrowed, of this version's size: duplicate what you keep. Either group,
	 *                container or both are set, or cdev, iommufd or both
	 * @par Requires
	 * The device is not open through this context. The core does not look at the host driver.
	 * @return what open returns, or
	 * @retval -EINVAL the descriptors do not belong to the device or to each other
	 */
	int (*open_fds)(void *instance, const struct rawpci_address *address,
			const struct rawpci_device_fds *fds, void *space, void **device);

	/**
	 * Reports everything that keeps a device that is there from being opened and used.
	 * Optional.
	 *
	 * probe() gives one reason; this gives all. The core itself looks at .driver.
	 *
	 * @param address the device
	 * @param memory  bytes that would be mapped for DMA; 0: not known
	 * @param to      receives a rawpci_backend_finding() for each
	 * @par Guarantees
	 * Changes nothing.
	 * @retval 0       done
	 * @retval -ENOMEM no memory
	 */
	int (*explain)(void *instance, const struct rawpci_address *address, uint64_t memory,
		       struct rawpci_findings *to);

	/**
	 * Tells whether the kernel lets this device's config space be accessed without a long wait.
	 *
	 * The core asks after a reset that returned -ETIMEDOUT, and before close. Optional: without
	 * it the answer is yes.
	 *
	 * @retval 0          yes, and a reset that ran out of time has ended
	 * @retval -ETIMEDOUT not yet
	 */
	int (*ready)(void *device);

	/**
	 * Calls each() with every device of a backend that pretends (.pretend).
	 *
	 * The core asks for rawpci_enumerate() and rawpci_host_device(), in a context that was
	 * created for this backend. Optional: without it these calls describe the host's devices.
	 *
	 * @param each   returns 0 to go on, or -ENOMEM. It copies the device and calls nothing
	 * @param opaque handed to each()
	 * @par Guarantees
	 * Changes nothing.
	 * @retval 0       done
	 * @retval -ENOMEM no memory
	 */
	int (*devices)(void *instance,
		       int (*each)(void *opaque, const struct rawpci_host_device *device),
		       void *opaque);
};

/**
 * Adds a backend to a context.
 *
 * Automatic choice tries it before those of the same rank. rawpci_backend_choose() takes it alone.
 * An operation finds its context in what create() has kept.
 *
 * @param ctx     the context
 * @param backend must stay valid while the context lives
 * @return what create() returned, or
 * @retval 0                done
 * @retval -EFAULT          ctx or backend is NULL
 * @retval -EPROTONOSUPPORT the version is unknown
 * @retval -EINVAL          something is missing. name, help and all operations are mandatory,
 *                          except those that say that they are optional. A group is given whole or
 *                          not at all
 * @retval -EEXIST          there is a backend of that name
 * @retval -EBUSY           the context has devices open
 * @retval -ENOSPC          the context has eight backends already, the four built-in ones included
 * @retval -ENOMEM          no memory
 */
int rawpci_backend_register(struct rawpci *ctx, const struct rawpci_backend *backend);

/**
 * Chooses the backend for devices that are opened from now on, as options.backend does.
 *
 * @param ctx  the context
 * @param name the backend's name; NULL: automatic
 * @retval 0       done
 * @retval -EFAULT ctx is NULL
 * @retval -ENOENT there is no backend of that name
 */
int rawpci_backend_choose(struct rawpci *ctx, const char *name);

/**
 * @name What a backend may ask of the context
 * @{
 */

/**
 * Returns the instance of a backend in a context.
 *
 * @param ctx      the context
 * @param name     the backend's name
 * @param instance receives the instance, on success only
 * @retval 0       done
 * @retval -EFAULT ctx, name or instance is NULL
 * @retval -ENOENT there is no backend of that name
 */
int rawpci_backend_instance(struct rawpci *ctx, const char *name, void **instance);

/**
 * Returns a setting's value, or its default if the program gave none. It knows every setting of
 * struct rawpci_options, also run.dir and irq.engine.
 *
 * @param ctx  the context; may be NULL
 * @param name of the setting ("sysfs.dir"); may be NULL
 * @return the value, which the context owns; NULL: the name is unknown, or ctx or name is NULL
 */
const char *rawpci_backend_setting(struct rawpci *ctx, const char *name);

/**
 * Returns the descriptor of a device's lock (setting run.dir), which says that the device is in
 * use.
 *
 * If a step of the kernel may outlast close(), the backend keeps a duplicate of the descriptor
 * until the step ends. So no other program gets the device meanwhile. The backend does the same
 * with the descriptor of rawpci_backend_shared_lock().
 *
 * @param ctx     the context; may be NULL
 * @param address of a device that is being opened, is open, or is being closed; may be NULL
 * @return the descriptor, which stays the core's, or -1: there is none
 */
int rawpci_backend_lock(struct rawpci *ctx, const struct rawpci_address *address);

/**
 * Returns the descriptor of the lock of the device's file "config" in sysfs.
 *
 * Programs with another run.dir look at that lock. Each of the two locks may be there without the
 * other.
 *
 * @param ctx     as for rawpci_backend_lock()
 * @param address as for rawpci_backend_lock()
 * @return what rawpci_backend_lock() returns
 */
int rawpci_backend_shared_lock(struct rawpci *ctx, const struct rawpci_address *address);

/** Bytes of the longest name of a driver with its terminator. */
#define RAWPCI_DRIVER_TEXT 64

/**
 * Tells for which driver this context takes a device (<rawpci/handover.h>).
 *
 * probe() asks it about other devices of the IOMMU group: they get that driver, whatever driver
 * they have now.
 *
 * @param ctx     the context
 * @param address the device
 * @param driver  receives the driver's name, if the call returns true
 * @return true: the context has taken the device, or is about to
 */
bool rawpci_backend_taken(struct rawpci *ctx, const struct rawpci_address *address,
			  char driver[RAWPCI_DRIVER_TEXT]);

/**
 * Says that the kernel still works on the device.
 *
 * The core then does not return the device. It leaves the device's record (setting run.dir) to the
 * next open or rawpci_recover().
 *
 * @param ctx     the context; may be NULL
 * @param address the device; may be NULL
 * @par Requires
 * Called from open() that fails, or from close().
 */
void rawpci_backend_unfinished(struct rawpci *ctx, const struct rawpci_address *address);

/** Lets the compiler check arguments against a format, as printf() has it. */
#if defined(__GNUC__)
#define RAWPCI_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#else
#define RAWPCI_PRINTF(format, first)
#endif

/**
 * Logs a line. The library passes it to the log callback at the end of the program's call.
 *
 * @param ctx    the context; NULL: nothing is logged
 * @param level  the level
 * @param format as for printf(), without line break
 */
void rawpci_backend_log(struct rawpci *ctx, enum rawpci_log_level level, const char *format, ...)
	RAWPCI_PRINTF(3, 4);

/**
 * Says why an operation fails.
 *
 * It replaces the sentence of rawpci_last_error(), which the core reports when the program's call
 * fails. It returns a value, so that "return rawpci_backend_fail(ctx, -EIO, ...)" reads well.
 *
 * @param ctx    the context; may be NULL
 * @param error  a negative errno value
 * @param format as for printf(), without line break
 * @return error, except that -EMFILE and -ENFILE (no descriptor) become -ENOSPC
 */
int rawpci_backend_fail(struct rawpci *ctx, int error, const char *format, ...) RAWPCI_PRINTF(3, 4);

/**
 * Reports something that explain() found.
 *
 * @param to      of explain()
 * @param finding copied, with .backend and .next filled in. If it is #RAWPCI_OBSTACLE_OWNED and the
 *                device's owner has been reported already, the call skips it
 * @retval 0       done
 * @retval -ENOMEM no memory
 */
int rawpci_backend_finding(struct rawpci_findings *to, const struct rawpci_finding *finding);

/**
 * Returns the sentence of this thread's last rawpci_backend_fail().
 *
 * For the log of a backend that has another way to try.
 *
 * @return the sentence; valid until the next rawpci_backend_fail()
 */
const char *rawpci_backend_reason(void);

/** @} */

#ifdef __cplusplus
}
#endif

#endif
