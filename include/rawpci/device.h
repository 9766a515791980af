/* SPDX-License-Identifier: MIT */
/**
 * @file device.h
 * Devices through the native API: open, close, config space, reset, power, events.
 *
 * The ABI's doors (<rawpci/abi.h>) are a thin skin over this.
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
 * @param text "SSSS:BB:DD.F" or "BB:DD.F" in hexadecimal digits: 1 to 8 of the segment, 1 or 2 each
 *             of bus and device. Nothing may come before or after it
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
	/** Replace the host driver, and put it back on close. */
	RAWPCI_OPEN_DETACH_HOST_DRIVER = 1,
	/** Open the device although the host would lose something that it uses. This flag alone
	 * takes no driver away. */
	RAWPCI_OPEN_INSIST = 2,
};

/**
 * Opens a device.
 *
 * Only one program on the host can have a device open, and only once. After the open its power
 * state is "off": it does no DMA and sends no message-signalled interrupt, whatever is written to
 * its config space. Whether it decodes its BARs depends on the backend and on its former user.
 * Power it on with rawpci_device_power() before you use its registers.
 *
 * @par Host driver
 * If no driver holds the device, the library binds it to the backend's driver while it is open. If
 * a host driver holds it, the library takes the device only with #RAWPCI_OPEN_DETACH_HOST_DRIVER.
 *
 * @par Devices in use
 * Even with that flag the library does not take a device if the host would lose something that it
 * uses. #RAWPCI_OPEN_INSIST overrides that, and the log says so. The host uses a device if it is:
 * - A disk that is mounted in any namespace, swapped to, or part of a mounted btrfs or an imported
 *   ZFS pool. That includes its partitions and what is built of them: device-mapper, LVM, md, NVMe
 *   multipath. An array or a volume without a user does not count. To find out, the library opens
 *   each disk's node in /dev with O_EXCL for a moment. Nothing else can mount the disk in that
 *   moment. If a node cannot be opened, the device is refused, too.
 * - A network interface that is up, also as a part of a bridge or bond. An interface in a network
 *   namespace other than that of /sys counts, up or not.
 * - The display that the host was started with.
 * - A device whose virtual functions are enabled.
 * - A device that a program has open through VFIO or UIO, or whose group it has open, if this
 *   process may see that in /proc. The driver would wait for that program, which need not keep to
 *   the locks described below.
 * - A bridge, whether a driver holds it or not: it leads to other devices, or is a part of the
 *   chipset (host, ISA and other bridges). A bridge that was bound to the backend's driver
 *   beforehand is opened.
 *
 * @par Uses that the library does not see
 * A program that has a disk, a sound card, a console or another display open. A loop device over a
 * disk. A USB network adapter in another namespace. rawpci_explain() opens no disk. It therefore
 * does not see ZFS, and of the mounts in other namespaces it sees only those of btrfs.
 *
 * @par Records
 * Before the library changes a driver, it records what was there, in the directory of the setting
 * run.dir. If this process is killed, that record tells which host driver to put back
 * (<rawpci/recover.h>). If no record can be written, only devices whose driver need not change can
 * be opened. Others are refused with the kernel's error. Two more causes give -EACCES: a record
 * that the library does not understand, and a driver_override that cannot be recorded. No setting
 * lifts that refusal, but run.dir may be any directory that only this user and root can write to.
 * @par
 * Even then sysfs and uio open a device whose driver need not change. If this process is killed,
 * such a device stays as it is, and may be mastering the bus. The log warns of that.
 * @par
 * If a killed process has left the device taken, the open first returns it to the host.
 *
 * @par Locks
 * The locks in run.dir keep processes with the same run.dir off each other's devices, whatever
 * their backends. The open goes on without a lock or a record only if the directory or a right is
 * missing. If they cannot be had now (no descriptor, no memory, a full disk, an I/O error), the
 * open fails with -ENOSPC, -ENOMEM or -EIO.
 *
 * @par Containers
 * Containers that each have their own /run have a run.dir each. VFIO's nodes are exclusive by
 * themselves. For sysfs and uio, the library also locks the device's file "config" in sysfs, if
 * this process may write to it. All mounts of sysfs that belong to one network namespace share that
 * lock. Containers that each have a network namespace and a run.dir are not kept off each other's
 * devices. Give all of them one directory as run.dir.
 *
 * @par Drivers that come later
 * While sysfs has a device that no driver holds, the library keeps away drivers that are loaded
 * then. For that the device's driver_override must be writable, and recorded. If another driver
 * is bound anyway to a device of sysfs or uio, that driver owns the device. Loads and stores
 * through a mapping then raise SIGBUS, also those of rawpci_mmio_read() and rawpci_mmio_write().
 * Closing leaves the device to that driver. It leaves alone another device that is now in its
 * place, too.
 *
 * The call may take long: the kernel resets the function (PCIe FLR: at least 100 ms).
 *
 * @param ctx     the context
 * @param vm      the guest memory that the device may reach once it is powered on; NULL: none
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
 *                     - the kernel has not ended a reset that a former user asked for
 *                     - a host driver holds the device, or another device of its IOMMU group, and
 *                       was not to be detached
 *                     - a host driver has taken the device just now: open it again
 *                     - the host uses the device, or whether it does cannot be found out
 * @retval -ETIMEDOUT  the host driver does not let go of the device, or the kernel does not end
 *                     enabling it; rawpci_recover() returns it later
 * @retval -EUSERS     the context has 255 devices open
 * @retval -EACCES     permission; the message names the file. The paragraph "Records" has two more
 *                     causes
 * @retval -EPERM      permission; the message names the file
 * @retval -EOPNOTSUPP there is no IOMMU, or the backend cannot drive this kind of device
 * @retval -ENOMEM     as in <rawpci/status.h>
 * @retval -ENOSPC     as in <rawpci/status.h>
 * @retval -EIO        as in <rawpci/status.h>
 */
int rawpci_device_open(struct rawpci *ctx, struct rawpci_vm *vm, const char *address,
		       unsigned flags, struct rawpci_device **out);

/**
 * Descriptors of a device that another program has opened. -1: none.
 *
 * Give at least one of group and container, or at least one of cdev and iommufd. The library opens
 * the other one of the pair itself.
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
#define RAWPCI_DEVICE_FDS_NONE { sizeof(struct rawpci_device_fds), -1, -1, -1, -1 }

/**
 * Opens a device through descriptors that another program, the opener, has opened.
 *
 * An unprivileged process can so be handed a device. The call does what rawpci_device_open() does,
 * with the differences below.
 *
 * @par Host driver
 * The library neither looks at the host driver nor changes it. The opener has bound the device to
 * vfio-pci, or to a driver like it, and returns the device to the host.
 *
 * @par Nodes
 * Which nodes the opener opens: the N of a group is the last part of the path that the device's
 * link iommu_group in sysfs points to. The vfioN of a cdev is the name in the device's directory
 * vfio-dev in sysfs.
 *
 * @par Address spaces
 * Devices of one VM may be given the same container or iommufd. They then share an address space in
 * it. If another one is given, the device gets an address space of its own. If the kernel cannot
 * compare descriptors (it has no kcmp()), the library takes them for the same.
 *
 * @par Killed processes
 * What a killed process has mapped stays mapped in a container that another process holds, too. The
 * next process's power-on then fails with -EADDRINUSE. The opener closes the container in that
 * case, and opens a fresh one for the next. In an iommufd each device gets an address space of its
 * own at each open, and nothing is left.
 *
 * @par Descriptors that stay open
 * While the caller keeps a cdev open, closing the device does not end its binding to the iommufd.
 * The library then resets the device instead of the kernel. To open the device again, give the same
 * two. A group that was in the container already stays in it. A process that has the group can have
 * the device, too. The library therefore resets the device at power-on and close, whether the
 * kernel does or not.
 *
 * @param ctx     the context
 * @param vm      as for rawpci_device_open()
 * @param address as for rawpci_address_parse()
 * @param flags   0
 * @param fds     not kept after the call. The library duplicates what it uses (close-on-exec). The
 *                caller may close its own at once, or keep them
 * @param out     receives the device, on success only; rawpci_device_close() frees it
 * @return what rawpci_device_open() returns, or
 * @retval -EFAULT     fds is NULL
 * @retval -EBADRQC    flags is not 0
 * @retval -EINVAL     one of these:
 *                     - size is too small for its own field
 *                     - there is no descriptor, or some of each kind
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
 * 2. regions unmapped
 * 3. bus mastering off
 * 4. DMA detached
 * 5. device reset if it can be
 * 6. host driver put back
 *
 * The call always completes. The log says what could not be done.
 *
 * sysfs and uio do not wait longer than driver.timeout_ms for a reset, or for config space that the
 * kernel holds up. They then leave the device to rawpci_recover() or the next open. The next open
 * is refused (-EBUSY) until the kernel is done. At that moment the library turns bus mastering off.
 * For another thread's call that is inside the device, the close waits in any case.
 *
 * While another device of the same IOMMU group is in use, the kernel refuses a host driver. Closing
 * that device then puts this one's host driver back, too.
 *
 * @param dev may be NULL
 * @retval 0      done
 * @retval -EBUSY the device belongs to a session or a port, which has to close it; nothing changed
 * @par Threads
 * Also from one of the device's own handlers. It must be the last call with this pointer. It waits
 * for the device's handlers. If handlers of two contexts close each other's devices at the same
 * time, they wait for each other for ever.
 */
int rawpci_device_close(struct rawpci_device *dev);

/** A description of an open device. It grows at its end. */
struct rawpci_device_info {
	struct rawpci_address address; /**< Where the device is. */
	uint16_t vendor_id;       /**< From config space. */
	uint16_t device_id;       /**< From config space. */
	uint32_t class_code;      /**< 24 bits: base class, subclass, programming interface. */
	uint32_t config_size;     /**< Bytes of config space: 256 or 4096. */
	bool can_reset;           /**< rawpci_device_reset() can reset it. */
	bool can_dma;             /**< The backend can give it guest memory. */
	/** The backend has write-combining mappings of prefetchable regions. A kernel without PAT
	 * refuses them anyway. */
	bool can_map_wc;
	char backend[16];         /**< The name of the backend that opened it. */
	/** The driver that it was taken from, and that the close puts back. "" if there is none. */
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
 * sysfs and uio let a write change only the bits that backends/sysdev/writable.c lists, and ignore a
 * write to others. Closing puts the listed bits back and leaves the device awake.
 *
 * VFIO's list is the kernel's. It lets through bytes that belong to no capability, and vital
 * product data. If a device keeps such bytes, the next user and the host find there what a guest
 * has written. A hypervisor that minds keeps its guests' writes to known capabilities, or uses
 * sysfs or uio.
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
int rawpci_config_read(struct rawpci_device *dev, uint32_t offset, unsigned width,
		       uint32_t *value);

/**
 * Writes config space.
 *
 * A write that turns memory decoding off, or puts the device to sleep, waits for MMIO accesses
 * under way. Later ones fail with -ESHUTDOWN. The library does not see the caller's direct loads
 * and stores. They raise SIGBUS from then on. struct rawpci_mapping (<rawpci/region.h>) says what a
 * hypervisor has to do first.
 *
 * A write that starts a function level reset blocks until the kernel has done it. With sysfs and
 * uio it returns -ETIMEDOUT after driver.timeout_ms, as rawpci_device_reset() does. After a reset
 * that a guest starts, COMMAND is what the reset has left. The kernel restores it with VFIO, sysfs
 * and uio. The fake clears it, as hardware does.
 *
 * COMMAND's Bus Master bit reaches the device only while it is on. If the bit is written while the
 * device is off, the library remembers it and reads it back. Power-on sets it in any case, and
 * power-off clears it.
 *
 * @param dev    the device
 * @param offset as for rawpci_config_read()
 * @param width  as for rawpci_config_read()
 * @param value  host-endian; bits beyond width are zero
 * @return what rawpci_config_read() returns, or
 * @retval -EINVAL    value has bits beyond width
 * @retval -ETIMEDOUT sysfs, uio: the reset that the write starts has run out of time
 */
int rawpci_config_write(struct rawpci_device *dev, uint32_t offset, unsigned width,
			uint32_t value);

/**
 * Resets the device and brings it back to its present power state, on or off, and to D0.
 *
 * Interrupts are then armed, and decoding and bus mastering are as before. During the reset direct
 * loads and stores raise SIGBUS (<rawpci/region.h>).
 *
 * @param dev the device
 * @retval 0           done
 * @retval -EFAULT     dev is NULL
 * @retval -EOPNOTSUPP the device has no reset that leaves its neighbours alone
 * @retval -ESHUTDOWN  the device is suspended or gone, or an earlier reset is still under way
 * @retval -EIO        the kernel failed the reset. The device may have lost its state, except
 *                     COMMAND, which the library puts back
 * @retval -EBUSY      as -EIO
 * @retval -ENOSPC     there is no descriptor for the reset. Or the device was reset, but its
 *                     interrupts could not be enabled again: the next reset, handler or route tries
 *                     that again
 * @retval -ENOMEM     there is no memory; or as -ENOSPC
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
	 * arms interrupts, and turns on decoding and bus mastering. It leaves the reset out if
	 * nothing has touched the device since its last one. If guest memory is refused, nothing of
	 * the device has changed.
	 */
	RAWPCI_POWER_ON = 0,
	/**
	 * From on or suspended to off.
	 *
	 * The library wakes the device if it sleeps, turns bus mastering off, masks interrupts,
	 * detaches the IOMMU and resets the device. Decoding stays as it was.
	 */
	RAWPCI_POWER_OFF = 1,
	/**
	 * From on to suspended.
	 *
	 * The library turns bus mastering off, masks interrupts, saves config space, and puts the
	 * device into D3hot if it has that. Until #RAWPCI_POWER_RESUME, accesses to the device fail
	 * with -ESHUTDOWN, and direct loads and stores raise SIGBUS (<rawpci/region.h>).
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
 * Bus mastering is on only while the device is on, and while neither its user nor a guest's reset
 * has turned it off. Registered handlers stay registered throughout. A failed SUSPEND leaves the
 * device on. A failed RESUME leaves it suspended.
 *
 * @param dev   the device
 * @param state the change
 * @retval 0              done
 * @retval -EFAULT        dev is NULL
 * @retval -EINVAL        the state is unknown
 * @retval -EPROTO        out of order
 * @retval -EOPNOTSUPP    ON: the VM has guest memory and the backend cannot map it for DMA
 * @retval -ENOSPC        ON: guest memory cannot be mapped. The message says which range and what
 *                        limit. Nothing is mapped then, and the device is off. ON, RESUME: also no
 *                        descriptor or vector for a step
 * @retval -ERANGE        ON: guest memory cannot be mapped, as for -ENOSPC
 * @retval -EADDRNOTAVAIL ON: guest memory cannot be mapped, as for -ENOSPC
 * @retval -ENOMEM        ON, RESUME: no memory for a step
 * @retval -EADDRINUSE    ON: the container that was handed over (rawpci_device_open_fds()) has a
 *                        part of guest memory mapped already, by a former user of it or another
 *                        program
 * @retval -ESHUTDOWN     the device is gone, or a reset that ran out of time is still under way
 * @retval -ETIMEDOUT     ON: the reset ran out of time (rawpci_device_reset()); the device is off
 * @retval -EIO           the kernel failed an access
 */
int rawpci_device_power(struct rawpci_device *dev, enum rawpci_power state);

/** What a device, or the host about it, says outside of interrupts. */
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
 * When the call returns, the previous handler does not run, unless the call was made from it.
 *
 * @param dev     the device
 * @param handler runs on the interrupt engine like an interrupt handler; NULL: none any more
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
