/* SPDX-License-Identifier: MIT */
/**
 * @file handover.h
 * Taking devices from the host without opening them, to hand them to another program.
 *
 * The devices are bound to a driver for user space, such as vfio-pci, so that another program can
 * open their nodes. The library checks what it checks at an open, and writes the same record under
 * the same lock (<rawpci/device.h>). So a device that was taken is returned to its host driver
 * whatever happens to this process: by rawpci_taken_return(), or else by the next open, or by
 * rawpci_recover(). Only a device that the caller keeps taken stays so until rawpci_return().
 */
#ifndef RAWPCI_HANDOVER_H
#define RAWPCI_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include <rawpci/device.h>

#ifdef __cplusplus
extern "C" {
#endif

struct rawpci;

/** Devices that this process has taken. */
struct rawpci_taken;

/** No user and no group: the nodes of the devices keep theirs. */
#define RAWPCI_TAKE_NO_ID UINT32_MAX

/** Options of rawpci_take(). It grows at its end. Start with #RAWPCI_TAKE_OPTIONS_DEFAULT. */
struct rawpci_take_options {
	/** sizeof(struct rawpci_take_options) as the program was compiled with. */
	size_t size;
	/** The driver to bind the devices to. NULL: that of the context's backend, if it has one.
	 * Otherwise vfio-pci if a device has an IOMMU group, else uio_pci_generic. */
	const char *driver;
	unsigned flags; /**< 0 or #RAWPCI_OPEN_INSIST. */
	/** The user that may open the nodes. #RAWPCI_TAKE_NO_ID: no change. 0 is root, so zeroed
	 * options give the nodes to root. */
	uint32_t uid;
	uint32_t gid; /**< As uid: the group. */
};

/** The defaults. */
#define RAWPCI_TAKE_OPTIONS_DEFAULT                                                                \
	{                                                                                          \
		sizeof(struct rawpci_take_options), NULL, 0, RAWPCI_TAKE_NO_ID, RAWPCI_TAKE_NO_ID  \
	}

/**
 * Takes n devices from the host, all or none.
 *
 * Every device is checked before the first one is touched. If one cannot be taken even so, those
 * that were taken already are returned. A device whose node a program has opened until then stays
 * as it is, with its record: rawpci_recover() or the next open returns it. The devices are not opened. Nothing but their drivers,
 * their records and the owners of their nodes changes.
 *
 * @par Checks
 * They are those of rawpci_device_open() (paragraph Devices in use there), and those of the backend
 * that works with the driver: vfio for vfio-pci, uio for uio_pci_generic. A call for vfio-pci fails
 * if another device of an IOMMU group has a host driver. Devices of the same call count as taken.
 * For other drivers only the checks of rawpci_device_open() are made.
 * @par
 * #RAWPCI_OPEN_INSIST overrides the host's use of a device, and the check of the driver. It
 * overrides nothing else.
 *
 * @par Drivers
 * The driver has to be one for user space. The library knows vfio-pci and its variants, whose names
 * end in "-vfio-pci" or "_vfio_pci", uio_pci_generic, igb_uio, pci-stub, and the drivers of the
 * context's backends. Another driver would work with the device itself, so it needs
 * #RAWPCI_OPEN_INSIST. If it is the host driver of a device already, the call fails even so.
 *
 * @par While they are taken
 * The devices count as open in the context, and the context cannot be destroyed. Another open or
 * take of them fails with -EBUSY: in this program, and in each program that can use run.dir or may
 * write to the device's config space in sysfs. A program that can do neither does not see the lock.
 * If it may open the nodes, its rawpci_device_open() opens the device. A child that inherits the
 * descriptors of this process inherits the locks, too.
 *
 * @par Records
 * Each device gets a record and a lock, as at an open. Without them nothing is taken. If this
 * process is killed, rawpci_recover() or the next open returns the devices. Both leave a device
 * alone while another program has its VFIO or UIO node open.
 *
 * @par A device that has the driver already
 * A driver for user space that the device has already stays, also when the device is returned.
 *
 * @par Nodes
 * options.uid and options.gid become the owner of each node that is the device's own:
 * /dev/vfio/GROUP, /dev/vfio/devices/vfioN, /dev/uioN (settings vfio.dir and uio.dir). That owner
 * gets the permission to read and write. The nodes /dev/vfio/vfio and /dev/iommu are not the
 * device's, and are left alone. The former owner is in the record. It is put back when the device
 * is returned, if the node is still there and no other program has changed its owner since. All
 * devices of an IOMMU group share one node in /dev/vfio: it gets its former owner back with the
 * first device that is returned. If they were taken for several users, the last one has the node.
 * It then gets its owner of before the first of them back, with the device that was taken last.
 * @par
 * The return of a device first ends the user's right to open its nodes. If a program has opened one
 * until then, the return fails with -EBUSY, and the right has ended.
 * @par
 * The kernel makes the nodes while it binds the driver. A rule of udev for such a node is applied
 * later, and may replace the owner that this call has set.
 *
 * @par Threads
 * Any thread may call it at any time. Two calls for one device: one fails with -EBUSY.
 *
 * @param ctx       the context. The process must be able to write to sysfs (root)
 * @param addresses n addresses, as for rawpci_address_parse()
 * @param n         how many, 1 to 255
 * @param options   NULL for the defaults
 * @param out       receives the devices, on success only. rawpci_taken_return() or
 *                  rawpci_taken_keep() frees it
 * @retval 0           done
 * @retval -EFAULT     ctx, addresses, one of them, or out is NULL
 * @retval -EINVAL     not an address; an address is there twice; n is 0; options.driver is not a
 *                     driver's name, or is no driver for user space; or options.size is too
 *                     small for its own field
 * @retval -EBADRQC    a flag is unknown
 * @retval -EUSERS     the context has 255 devices open or taken
 * @retval -ENODEV     there is no such device; the driver is not loaded, or refuses the device; or
 *                     a user was named and the device has no node
 * @retval -EOPNOTSUPP the driver does not work with this kind of device; there is no IOMMU for
 *                     vfio-pci; or the context's backend has no devices of the host
 * @retval -EBUSY      one of these:
 *                     - the device is open or taken, here or in another process, or it is kept
 *                     - another program has its node open
 *                     - options.driver is its host driver already, and none for user space
 *                     - the host uses the device, or whether it does cannot be found out
 *                     - another device of its IOMMU group has a host driver (vfio-pci)
 *                     - it has virtual functions enabled (vfio-pci)
 *                     - a host driver has taken the device just now: try again
 * @retval -ETIMEDOUT  the host driver does not let go of a device. Its record stays, and
 *                     rawpci_recover() or the next open returns it later
 * @retval -EACCES     permission, also to write the record; rawpci_last_error() names the file
 * @retval -EPERM      permission; rawpci_last_error() names the file
 * @retval -ENOMEM     no memory
 * @retval -ENOSPC     no descriptor or disk space
 * @retval -EIO        an I/O error of run.dir
 */
int rawpci_take(struct rawpci *ctx, const char *const *addresses, unsigned n,
		const struct rawpci_take_options *options, struct rawpci_taken **out);

/**
 * Returns the name of the driver that the devices are bound to.
 *
 * It leaves rawpci_last_error() alone. The call may be made from any thread.
 *
 * @param taken may be NULL
 * @return the name, which taken owns; NULL if taken is NULL
 */
const char *rawpci_taken_driver(const struct rawpci_taken *taken);

/**
 * Returns the devices to the host, and frees taken.
 *
 * Each device gets its host driver back. If the program that had the device could change registers
 * that no kernel driver puts back, as with uio_pci_generic, the library cleans them up first
 * (<rawpci/recover.h>). A driver that another program has bound in the meantime is left alone. It
 * may take as long as the host drivers take to start.
 *
 * A device that fails does not keep the others from being returned. Its record stays, and
 * rawpci_recover() or rawpci_return() returns it later. taken is freed in any case.
 *
 * @par Threads
 * Any thread may call it, and no other thread may use taken from then on.
 *
 * @param taken may be NULL
 * @retval 0          done
 * @retval -EBUSY     another program still has a node of the device open: rawpci_last_error() names
 *                    it. Or another device of its IOMMU group is open
 * @retval -ENODEV    the host driver does not take the device: is it loaded?
 * @retval -ETIMEDOUT the kernel has not let go of the device within driver.timeout_ms
 * @retval -EACCES    permission, or sysfs is not there
 * @retval -EPERM     as -EACCES
 * @retval -ENOSPC    no descriptor
 * @retval -ENOMEM    no memory
 * @retval -EIO       an I/O error
 */
int rawpci_taken_return(struct rawpci_taken *taken);

/**
 * Leaves the devices taken when this process ends, until rawpci_return(); frees taken.
 *
 * The records get a mark, and the locks are released. From then on:
 * - rawpci_recover() and the close of other devices leave the devices alone.
 * - rawpci_device_open() opens a device with the backend that works with the driver, and leaves it
 *   kept when it is closed. uio puts back the registers that it found. With every other backend the
 *   open fails with -EBUSY, whatever the flags say.
 * - rawpci_take() fails with -EBUSY.
 * - rawpci_explain() tells of it (#RAWPCI_OBSTACLE_KEPT).
 *
 * A reboot ends that: the devices then have their host drivers, and the records are like those of a
 * killed process, even where run.dir outlives the reboot. It also ends when another program binds
 * another driver to the device. A process that cannot read the boot id from /proc takes the boot
 * for the same, and leaves the device alone.
 *
 * A library that does not know of kept devices reports such a record and leaves the device alone.
 *
 * @par Threads
 * As for rawpci_taken_return().
 *
 * @param taken the devices. After a failure it is still valid, and nothing has changed
 * @retval 0       done
 * @retval -EFAULT taken is NULL
 * @retval -EACCES a record cannot be written, or the boot id cannot be read from /proc
 * @retval -ENOMEM no memory
 * @retval -ENOSPC no descriptor or disk space for a record
 * @retval -EIO    an I/O error of run.dir
 */
int rawpci_taken_keep(struct rawpci_taken *taken);

/**
 * Returns devices that are kept, or that a killed process has left.
 *
 * Every device is checked before the first one is touched. A device that fails after that does not
 * keep the others from being returned; its record stays. What is returned, and what is left alone,
 * is as for rawpci_recover(). If a device is gone, or another one is in its place, its record is
 * removed.
 *
 * Before a device changes, its record loses the mark. So if this process is killed,
 * rawpci_recover() or the next open returns the device. The same holds for a device that fails,
 * unless it still has the driver that it is kept for: then it is still kept. On a full disk the mark
 * stays until the device is returned.
 *
 * @par Threads
 * Any thread may call it at any time.
 *
 * @param ctx       the context. The process must be able to write to sysfs (root)
 * @param addresses n addresses, as for rawpci_address_parse(); ignored if n is 0
 * @param n         how many. 0: all devices that are kept, also if there are none. A device that
 *                  another process returns meanwhile counts as returned
 * @retval 0          done
 * @retval -EFAULT    ctx, addresses, or one of them is NULL
 * @retval -EINVAL    not an address, or an address is there twice
 * @retval -ENOENT    a device has no record in run.dir: it is not taken
 * @retval -EOPNOTSUPP the context's backend has no devices of the host
 * @retval -EBUSY     a device is open or taken, here or in another process, or a program has its
 *                    node open: rawpci_last_error() names it. Or another device of its IOMMU group
 *                    is open
 * @retval -ENODEV    the host driver does not take the device: is it loaded?
 * @retval -ETIMEDOUT the kernel has not let go of the device within driver.timeout_ms
 * @retval -EACCES    permission; a record is not valid; or sysfs is not there
 * @retval -EPERM     as -EACCES
 * @retval -ENOSPC    no descriptor or disk space
 * @retval -ENOMEM    no memory
 * @retval -EIO       an I/O error
 */
int rawpci_return(struct rawpci *ctx, const char *const *addresses, unsigned n);

/** A device that is kept. It grows at its end. */
struct rawpci_kept {
	struct rawpci_address address; /**< The device's address. */
	char host_driver[64];          /**< The driver that it is returned to. "": none. */
	char driver[64];               /**< The driver that it is kept for. */
};

/**
 * Calls each() for every device that was kept when the call began, in no order.
 *
 * @par Threads
 * Any thread may call it at any time.
 *
 * @param ctx    the context
 * @param size   sizeof(struct rawpci_kept) as the program was compiled with
 * @param each   returns 0 to go on. Another value ends the walk; a positive one cannot be taken for
 *               an error. The structure is valid until each() returns. each() may call the library
 * @param opaque handed to each()
 * @return what each() returned to end the walk, or
 * @retval 0       done; also if run.dir does not exist
 * @retval -EFAULT ctx or each is NULL
 * @retval -EINVAL size is 0 or larger than the library's
 * @retval -EOPNOTSUPP the context's backend has no devices of the host
 * @retval -EACCES run.dir cannot be used; rawpci_last_error() says why
 * @retval -ENOMEM no memory
 * @retval -ENOSPC no descriptor
 * @retval -EIO    an I/O error
 */
int rawpci_kept_each(struct rawpci *ctx, size_t size,
		     int (*each)(void *opaque, const struct rawpci_kept *kept), void *opaque);

#ifdef __cplusplus
}
#endif

#endif
