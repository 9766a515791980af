/* SPDX-License-Identifier: MIT */
/**
 * @file device.h
 * Devices through the native API: open, close, config space, reset, power, events.
 *
 * The functions of the ABI (<rawpci/abi.h>) lead to the same code.
 */
#ifndef RAWPCI_DEVICE_H
#define RAWPCI_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;
struct rawpci_device;
struct rawpci_vm;

/** A PCI address. Segments above 0xffff exist: Intel VMD numbers its own from 0x10000. */
struct rawpci_address {
	uint32_t segment; /**< The segment, also called domain. */
	uint8_t bus;      /**< 0 to 255. */
	uint8_t device;   /**< 0 to 31. */
	uint8_t function; /**< 0 to 7. */
};

/**
 * Reads an address.
 *
 * It leaves rawpci_last_error() alone.
 *
 * @param text "SSSS:BB:DD.F" or "BB:DD.F" in hexadecimal digits: segment 1 to 8, bus and device 1
 *             or 2, function 1. The device is at most 1f, the function at most 7. Nothing may come
 *             before or after it
 * @param out  receives the address, on success only
 * @retval 0       done
 * @retval -EFAULT text or out is NULL
 * @retval -EINVAL not an address
 */
int rawpci_address_parse(const char *text, struct rawpci_address *out);

/** Bytes of the longest address with its terminator. */
#define RAWPCI_ADDRESS_TEXT 24

/**
 * Writes an address in its full form, "0000:03:00.0".
 *
 * @param address the address
 * @param text    receives it; #RAWPCI_ADDRESS_TEXT bytes
 * @return text
 */
char *rawpci_address_format(const struct rawpci_address *address, char *text);

/** Flags of rawpci_device_open(). */
enum rawpci_open_flags {
	/** Detach the host driver, and bind it again at close. */
	RAWPCI_OPEN_DETACH_HOST_DRIVER = 1,
	/** Open the device even if the host uses it. To detach a driver, set
	 * #RAWPCI_OPEN_DETACH_HOST_DRIVER as well. */
	RAWPCI_OPEN_INSIST = 2,
};

/**
 * Opens a device.
 *
 * Only one program on the host can have a device open at a time. A second open in that program
 * fails, too. For sysfs and uio this holds only between programs that share a lock (paragraphs
 * Locks and Containers). After the open the power state is "off": the device does no DMA and sends
 * no message-signalled interrupt, whatever is written to its config space. Whether the device
 * decodes its BARs depends on the backend and on the program that had the device before. Power the
 * device on with rawpci_device_power() before you use its registers.
 *
 * @par Choice of the backend
 * If the context was created for one backend, the library tries that one alone. Otherwise
 * @ref backends has the rules, also for the error that the call returns.
 *
 * @par Host driver
 * The backend's driver is vfio-pci for vfio, uio_pci_generic for uio, and none for sysfs. Any other
 * driver is a host driver. If the device has no driver, the library binds the backend's driver
 * while the device is open. If the device has a host driver, the library detaches that driver only
 * with #RAWPCI_OPEN_DETACH_HOST_DRIVER.
 *
 * @par Devices in use
 * Even with that flag the library does not take a device if the host would lose something that it
 * uses. #RAWPCI_OPEN_INSIST overrides that, and the log says so. The host uses a device if it is:
 * - A disk that is mounted in any namespace, swapped to, or part of a mounted btrfs or an imported
 *   ZFS pool. That includes its partitions and what is built of them: device-mapper, LVM, md, NVMe
 *   multipath. An array or a volume that nothing has mounted or opened does not count. To find out,
 *   the library opens each disk's node in /dev with O_EXCL for a moment. Nothing else can mount the
 *   disk in that moment. If a node cannot be opened, the device is refused, too.
 * - A network interface that is up, also as a part of a bridge or bond. An interface in a network
 *   namespace other than that of /sys counts, up or not.
 * - The display that the host was started with.
 * - A device whose virtual functions are enabled.
 * - A device whose VFIO or UIO node, or whose group's node, another program has open. The library
 *   sees only programs that /proc shows to this process. Such a program may ignore the locks below,
 *   and unbinding the driver would wait for it.
 * - A bridge of any kind, with or without a driver. A bridge that was bound to the backend's driver
 *   before the open does not count.
 *
 * @par Uses that the library does not see
 * The library does not see a program that has a disk open without O_EXCL, or a sound card, a
 * console or another display open. It does not see a loop device over a disk, or a USB network
 * adapter in another namespace. rawpci_explain() sees less, because it opens no disk: no ZFS, and
 * of the mounts in other namespaces only those of btrfs.
 *
 * @par Records
 * Before the library changes a driver, and at every open with sysfs or uio, it writes a record in
 * the directory of the setting run.dir. If this process is killed, the record tells which host
 * driver to bind and which registers to put back (<rawpci/recover.h>).
 * @par
 * Without a record the library refuses to change a driver, with the kernel's error. It still opens
 * a device whose driver need not change. It also refuses, with -EACCES, if it does not understand
 * an existing record, or cannot record a driver_override. No setting switches this off. If run.dir
 * is the cause, set run.dir to a directory that only this user and root can write to.
 * @par
 * If sysfs or uio opens a device without a record, the log warns. If this process is then killed,
 * nothing puts the device's registers back. With sysfs the device may go on mastering the bus.
 * @par
 * If a killed process has left a record of the device, the open first returns the device to the
 * host.
 *
 * @par Locks
 * The locks in run.dir keep processes with the same run.dir off each other's devices, whatever
 * their backends. If run.dir cannot be created or written, the open goes on without lock and
 * record. If the cause may pass (no descriptor, no memory, a full disk, an I/O error), the open
 * fails with -ENOSPC, -ENOMEM or -EIO.
 *
 * @par Containers
 * Containers that each have their own /run have a run.dir each. VFIO's nodes are exclusive by
 * themselves. For sysfs and uio, the library also locks the device's file "config" in /sys, if this
 * process may write to it. All mounts of sysfs that belong to one network namespace share that
 * lock. Containers that each have a network namespace and a run.dir are not kept off each other's
 * devices. Give all of them one directory as run.dir.
 *
 * @par Drivers that come later
 * While the backend sysfs has a device open, the library prevents that a newly loaded driver binds
 * to the device. For that the device's driver_override must be writable, and recorded. If another
 * driver is bound anyway to a device of sysfs or uio, that driver owns the device. Loads and stores
 * through a mapping then raise SIGBUS, also those of rawpci_mmio_read() and rawpci_mmio_write().
 * Closing leaves the device to that driver. If another device now has that address, closing does
 * not touch that one.
 *
 * The call may take long: the kernel resets the function (PCIe FLR: at least 100 ms).
 *
 * @param ctx     the context
 * @param vm      the VM whose memory the device may reach while it is on; NULL: none. The device
 *                keeps the VM in use until it is closed
 * @param address as for rawpci_address_parse()
 * @param flags   flags of #rawpci_open_flags
 * @param out     receives the device, on success only; rawpci_device_close() frees it
 * @retval 0           done
 * @retval -EFAULT     ctx, address or out is NULL
 * @retval -EBADRQC    a flag is unknown
 * @retval -EINVAL     not an address, or a VM of another context
 * @retval -ENODEV     there is no such device, or no backend can open it: the log says why for each
 * @retval -EBUSY      one of these:
 *                     - the device is open already, here or in another process
 *                     - it is taken, or kept for another driver (<rawpci/handover.h>)
 *                     - the kernel has not ended a reset that an earlier program asked for
 *                     - the device has a host driver, and the flag to detach it is not set
 *                     - another device of its IOMMU group has a host driver (vfio)
 *                     - a host driver has taken the device just now: open it again
 *                     - the host uses the device, or whether it does cannot be found out
 * @retval -ETIMEDOUT  the host driver does not let go of the device, or the kernel does not end
 *                     enabling it. The record stays, and rawpci_recover() or the next open returns
 *                     the device later
 * @retval -EUSERS     the context has 255 devices open
 * @retval -EACCES     permission; rawpci_last_error() names the file. The paragraph Records has two
 *                     more causes
 * @retval -EPERM      permission; rawpci_last_error() names the file
 * @retval -EOPNOTSUPP there is no IOMMU, or the backend cannot drive this kind of device
 * @retval -ENOMEM     no memory; the device stays with the host
 * @retval -ENOSPC     no descriptor or disk space (paragraph Locks); the device stays with the host
 * @retval -EIO        an I/O error of run.dir (paragraph Locks) or of the device; the device stays
 *                     with the host
 */
int rawpci_device_open(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
		       unsigned flags, struct rawpci_device **out);

/**
 * Descriptors of a device that another program has opened. -1: none.
 *
 * Give a group, a container or both; or a cdev, an iommufd or both. Do not mix the two pairs. The
 * library opens the missing one of a pair itself.
 */
struct rawpci_device_fds {
	/** sizeof(struct rawpci_device_fds) as the program was compiled with. The structure can
	 * grow: the library takes fields beyond size as -1. */
	size_t size;

	int group;     /**< Of /dev/vfio/N. */
	int container; /**< Of /dev/vfio/vfio. The group may be in it already. */
	int cdev;      /**< Of /dev/vfio/devices/vfioN. It may be bound to the iommufd already. */
	int iommufd;   /**< Of /dev/iommu. */
};

/** Initialises a struct rawpci_device_fds without a descriptor. */
#define RAWPCI_DEVICE_FDS_NONE                                                                     \
	{                                                                                          \
		sizeof(struct rawpci_device_fds), -1, -1, -1, -1                                   \
	}

/**
 * Opens a device through descriptors that another program, the opener, has opened.
 *
 * So a privileged opener can hand over a device to an unprivileged process (@ref handing). The call
 * does what rawpci_device_open() does, with the differences below.
 *
 * @par Host driver
 * The library neither looks at the host driver nor changes it, and writes no record. The opener has
 * bound the device to vfio-pci, or to a driver like it, and returns the device to the host.
 *
 * @par Nodes
 * The opener finds the N of /dev/vfio/N in the device's link iommu_group in sysfs: it is the last
 * part of the link's path. The vfioN of a cdev is the name in the device's directory vfio-dev in
 * sysfs.
 *
 * @par Address spaces
 * Devices of one VM that get the same container or iommufd share one address space in it. A device
 * with another one has an address space of its own. If the kernel has no kcmp(), the library cannot
 * compare descriptors, and takes all containers, or all iommufds, for the same. Then give only one.
 *
 * @par Killed processes
 * If another process also has the container open, the mappings of a killed process stay in it. The
 * next process's power-on then fails with -EADDRINUSE. The opener must then close that container
 * and open a new one for the next process. In an iommufd each device gets an address space of its
 * own at each open, and nothing is left.
 *
 * @par Descriptors that stay open
 * While the caller keeps a cdev open, closing the device does not end its binding to the iommufd.
 * The library then resets the device instead of the kernel. To open the device again, give the same
 * cdev and iommufd. A group that was in the container already stays in it. Another process that has
 * the group may use the device in between. The library therefore resets the device at power-on and
 * at close, whether the kernel does or not.
 *
 * @param ctx     the context
 * @param vm      as for rawpci_device_open()
 * @param address as for rawpci_address_parse(): the device that the descriptors belong to
 * @param flags   0
 * @param fds     not kept after the call. The library duplicates what it uses (close-on-exec). The
 *                caller may close its own at once, or keep them
 * @param out     receives the device, on success only; rawpci_device_close() frees it
 * @return what rawpci_device_open() returns, without the errors of host drivers, records and locks,
 *         or
 * @retval -EFAULT     fds is NULL
 * @retval -EBADRQC    flags is not 0
 * @retval -EINVAL     one of these:
 *                     - size is too small for its own field
 *                     - there is no descriptor, or the two pairs are mixed
 *                     - a descriptor is not what it should be, or not this device's
 *                     - a group is in a container that is not given
 *                     - a cdev is bound to an iommufd that is not given
 * @retval -EOPNOTSUPP the chosen backend takes no descriptors
 */
int rawpci_device_open_fds(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
			   unsigned flags, const struct rawpci_device_fds *fds,
			   struct rawpci_device **out);

/**
 * Closes a device that rawpci_device_open() or rawpci_device_open_fds() returned.
 *
 * In this order:
 * 1. interrupts off; no handler runs after the call, except the one that made it
 * 2. bus mastering off
 * 3. DMA detached
 * 4. regions unmapped
 * 5. device reset if it can be
 * 6. host driver bound again
 *
 * Once the close has started, every step runs. A step that fails does not stop the next one. The
 * log names each failed step.
 *
 * With sysfs and uio the close waits no longer than driver.timeout_ms for a reset, or for config
 * space that the kernel holds up. It then leaves the device to rawpci_recover() or the next open.
 * The next open is refused (-EBUSY) until the kernel is done. As soon as the kernel is done, a
 * thread of the library turns bus mastering off. The close always waits for other threads' calls on
 * the device that run already.
 *
 * If another device of the IOMMU group is open, the kernel refuses this device's host driver. The
 * program that closes the last device of the group then returns all of them.
 *
 * @param dev may be NULL
 * @retval 0      done
 * @retval -EBUSY a session or a port has the device open, and has to close it; nothing changed
 * @par Threads
 * A handler of the device may call it. The call waits for all other handlers of the device. It must
 * be the last call with this pointer: only one thread closes the device, and no thread starts a
 * call after that. If handlers of two contexts close each other's devices at the same time, they
 * wait for each other for ever.
 */
int rawpci_device_close(struct rawpci_device *dev);

/** A description of an open device. It grows at its end. */
struct rawpci_device_info {
	struct rawpci_address address; /**< Where the device is. */
	uint16_t vendor_id;            /**< From config space. */
	uint16_t device_id;            /**< From config space. */
	uint32_t class_code;           /**< 24 bits: base class, subclass, programming interface. */
	uint32_t config_size;          /**< Bytes of config space: 256 or 4096. */
	bool can_reset;                /**< rawpci_device_reset() can reset it. */
	bool can_dma;                  /**< The backend can give it guest memory. */
	/** rawpci_region_map_wc() can work on prefetchable regions. A kernel without PAT still
	 * refuses it. */
	bool can_map_wc;
	char backend[16]; /**< The name of the backend that opened it. */
	/** The host driver that the close binds again. "" if there is none. */
	char host_driver[64];
	/** INTx is masked because unmasking it failed (<rawpci/irq.h>). */
	bool intx_stuck;
};

/**
 * Describes an open device.
 *
 * It costs no access to the device.
 *
 * @param dev  the device
 * @param size sizeof(struct rawpci_device_info) as the program was compiled with
 * @param out  receives size bytes, on success only
 * @retval 0       done
 * @retval -EFAULT dev or out is NULL
 * @retval -EINVAL size is 0 or larger than the library's
 */
int rawpci_device_info(struct rawpci_device *dev, size_t size, struct rawpci_device_info *out);

/**
 * Reads config space.
 *
 * A backend may virtualise parts of config space. VFIO does so with BARs, MSI and MSI-X address and
 * data, and capability pointers (Linux drivers/vfio/pci/vfio_pci_config.c). sysfs and uio keep
 * copies of the BARs, of Interrupt Disable, of Interrupt Line and of the registers of vital product
 * data.
 *
 * With sysfs and uio a write changes only bits that a program may safely change
 * (backends/sysdev/writable.c in the library's source). Other bits keep their value, and the write
 * succeeds. Closing puts back the bits that a program can change, and leaves the device awake.
 *
 * With VFIO the kernel decides. It lets writes through to vital product data and to bytes that
 * belong to no capability. Such bytes may outlast the close, so that the next program and the host
 * find there what a guest has written. A careful hypervisor blocks such writes of its guest, or
 * uses sysfs or uio.
 *
 * @param dev    the device
 * @param offset bytes, a multiple of width; offset + width is at most the size of config space
 * @param width  1, 2 or 4 bytes
 * @param value  receives the value, host-endian and zero-extended, on success only
 * @retval 0          done
 * @retval -EFAULT    dev or value is NULL
 * @retval -EINVAL    width is none of these
 * @retval -EDOM      offset is not a multiple of width
 * @retval -ERANGE    beyond config space
 * @retval -ESHUTDOWN the device is suspended or gone, or a reset that ran out of time has not ended
 * @retval -EIO       the kernel failed the access
 */
int rawpci_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t *value);

/**
 * Writes config space.
 *
 * A write that turns memory decoding off, or puts the device to sleep, waits for MMIO accesses
 * under way. Later ones fail with -ESHUTDOWN. The library does not see the caller's direct loads
 * and stores. They raise SIGBUS from then on. struct rawpci_mapping (<rawpci/region.h>) says what a
 * hypervisor has to do first.
 *
 * A write that starts a function level reset blocks until the kernel has done it. With sysfs and
 * uio it returns -ETIMEDOUT after driver.timeout_ms, as rawpci_device_reset() does. The library
 * does not restore COMMAND after such a reset. With VFIO, sysfs and uio the kernel restores it. The
 * fake clears it, as hardware does.
 *
 * COMMAND's Bus Master bit reaches the device only while the device is on. While the device is off,
 * the library keeps the bit that was written last, and rawpci_config_read() returns it. Power-on
 * sets the bit in the device, whatever was written before. Later writes turn it off and on again.
 * Power-off clears it.
 *
 * @param dev    the device
 * @param offset as for rawpci_config_read()
 * @param width  as for rawpci_config_read()
 * @param value  host-endian. A value with bits beyond width is refused, unlike in MMIO writes
 * @return what rawpci_config_read() returns, or
 * @retval -EINVAL    value has bits beyond width
 * @retval -ETIMEDOUT sysfs, uio: the reset that the write starts has run out of time
 */
int rawpci_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width, uint32_t value);

/**
 * Resets the device. Afterwards it is on or off as before, and in D0.
 *
 * After the call, attached and routed interrupts work again if the device is on. Decoding and bus
 * mastering are as before. During the reset direct loads and stores raise SIGBUS
 * (<rawpci/region.h>).
 *
 * @param dev the device
 * @retval 0           done
 * @retval -EFAULT     dev is NULL
 * @retval -EOPNOTSUPP the device has no reset that leaves other devices alone
 * @retval -ESHUTDOWN  the device is suspended or gone, or an earlier reset is still under way
 * @retval -EIO        the kernel failed the reset. The device may have lost its state, except
 *                     COMMAND, which the library puts back
 * @retval -EBUSY      as -EIO
 * @retval -ENOSPC     no descriptor for the reset, and nothing was done. Or the device was reset,
 *                     and its interrupts could not be enabled again: the next reset, handler or
 *                     route tries that again. rawpci_last_error() tells which
 * @retval -ENOMEM     no memory; otherwise as -ENOSPC
 * @retval -ETIMEDOUT  sysfs, uio: the kernel has not ended the reset within driver.timeout_ms.
 *                     Until it has, config space, regions, resets and changes of the power state
 *                     fail with -ESHUTDOWN. The first call after that brings back COMMAND,
 *                     interrupts and accesses
 */
int rawpci_device_reset(struct rawpci_device *dev);

/** Changes of the power state. */
enum rawpci_power {
	/**
	 * From off to on.
	 *
	 * The library attaches guest memory to the IOMMU, wakes the device if it sleeps, resets it,
	 * turns on decoding, enables attached and routed interrupts, and turns on bus mastering. It
	 * skips the reset if the device is unused since its last reset: no write, no mapping, no
	 * interrupt, no power-on. If guest memory is refused, nothing of the device has changed.
	 * After a later failure the device is off, and may have been reset.
	 */
	RAWPCI_POWER_ON = 0,
	/**
	 * From on or suspended to off.
	 *
	 * The library wakes the device if it sleeps, turns bus mastering off, disables interrupts,
	 * detaches the IOMMU and resets the device. Decoding stays as it was. A step that fails is
	 * logged, and the device is off.
	 */
	RAWPCI_POWER_OFF = 1,
	/**
	 * From on to suspended.
	 *
	 * The library turns bus mastering off, disables interrupts, saves config space, and puts
	 * the device into D3hot if it has that. Until #RAWPCI_POWER_RESUME, accesses to the device
	 * fail with -ESHUTDOWN, and direct loads and stores raise SIGBUS (<rawpci/region.h>).
	 */
	RAWPCI_POWER_SUSPEND = 2,
	/**
	 * From suspended to on.
	 *
	 * The library puts the device into D0, and restores config space and interrupts.
	 */
	RAWPCI_POWER_RESUME = 3,
};

/**
 * Changes the power state.
 *
 * Bus mastering is on while the device is on. A config write or a guest's reset can turn it off.
 * Registered handlers stay registered throughout. A failed SUSPEND leaves the device on. A failed
 * RESUME leaves it suspended.
 *
 * @param dev   the device
 * @param state the change
 * @retval 0              done
 * @retval -EFAULT        dev is NULL
 * @retval -EINVAL        the change is unknown
 * @retval -EPROTO        the device is not in the state that the change starts from
 * @retval -EOPNOTSUPP    ON: the VM has guest memory and the backend cannot map it for DMA
 * @retval -ENOSPC        ON: guest memory cannot be mapped. rawpci_last_error() says which range
 *                        and what limit. Nothing is mapped then, and the device is off. ON, RESUME:
 *                        also if a step finds no free descriptor or vector
 * @retval -ERANGE        ON: guest memory cannot be mapped, as for -ENOSPC
 * @retval -EADDRNOTAVAIL ON: guest memory cannot be mapped, as for -ENOSPC
 * @retval -ENOMEM        ON, RESUME: no memory for a step
 * @retval -EADDRINUSE    ON: a part of guest memory is mapped already in the container that the
 *                        opener gave (rawpci_device_open_fds()). An earlier process or another
 *                        program has done that
 * @retval -ESHUTDOWN     the device is gone, or a reset that ran out of time is still under way
 * @retval -ETIMEDOUT     ON: the reset ran out of time (rawpci_device_reset()); the device is off
 * @retval -EIO           the kernel failed an access
 */
int rawpci_device_power(struct rawpci_device *dev, enum rawpci_power state);

/** Events that do not come as interrupts: an error of the device, or a request of the host. */
enum rawpci_event {
	/** An uncorrected error (PCIe AER). Reset the device before you use it again. */
	RAWPCI_EVENT_ERROR = 1,
	/** The host wants the device back (unbind, unplug). Close it. The kernel repeats the event
	 * until the device is closed; the fake does not. */
	RAWPCI_EVENT_RELEASE = 2,
};

/**
 * Sets the handler of the device's events.
 *
 * When the call returns, the previous handler has ended and does not run again. A call from that
 * handler returns at once, and the handler does not run again after it has returned.
 *
 * @param dev     the device
 * @param handler runs in the thread of the interrupt handlers; NULL: none any more
 * @param opaque  handed to handler
 * @retval 0           done
 * @retval -EFAULT     dev is NULL
 * @retval -EOPNOTSUPP neither event exists for this device
 * @retval -ESHUTDOWN  called from a handler while another thread closes the device
 * @retval -ENOMEM     no memory
 * @retval -ENOSPC     no descriptor
 * @retval -EIO        the kernel failed it
 */
int rawpci_device_on_event(struct rawpci_device *dev,
			   void (*handler)(void *opaque, enum rawpci_event event), void *opaque);

#ifdef __cplusplus
}
#endif

#endif
